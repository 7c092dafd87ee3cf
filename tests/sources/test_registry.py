"""The feed registry: what is accepted, and how every mistake is named."""

from __future__ import annotations

import csv
import json

from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
import yaml

from rasid.errors import FeedsFileError
from rasid.settings import INCLUDE
from rasid.sources import (
    Feed,
    FeedItem,
    FeedPoll,
    Validators,
    load_feeds,
    propose_feed,
    read_registry,
    registry_schema,
    sources_page,
)


FACTS = Path(__file__).parents[2] / "../shared/facts/feeds.csv"
GOOD = "  - id: good\n    outlet: ص\n    url: https://good.test/rss\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "feeds.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_three_fields_are_enough_and_the_newsroom_is_the_id(tmp_path) -> None:
    assert load_feeds(written(tmp_path, "feeds:\n" + GOOD)) == (
        Feed(id="good", outlet="ص", url="https://good.test/rss", newsroom="good"),
    )


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("feeds:\n" + GOOD + "  - id: x\n    outlet: y\n", 5, "x has no 'url'"),
        ("feeds:\n" + GOOD + "  - outlet: y\n    url: https://x.test/\n", 5, "has no 'id'"),
        ("feeds:\n" + GOOD + GOOD, 5, "'good' is already taken"),
        ("feeds:\n" + GOOD + "    cadense_minutes: 5\n", 5, "Did you mean 'cadence_minutes'"),
        ("feeds:\n" + GOOD + "    colour: red\n", 5, "no field 'colour'"),
        ("feeds:\n" + GOOD + "    tier: high\n", 5, "'tier' is 'high'. Give a whole number"),
        ("feeds:\n" + GOOD + "    tier: true\n", 5, "'tier' is True"),
        ("feeds:\n" + GOOD + "    tier: 9\n", 5, "Give 1 to 3"),
        ("feeds:\n" + GOOD + "    full_text: maybe\n", 5, "Give true or false"),
        ("feeds:\n" + GOOD + "    hosts: [1]\n", 5, "Give a list of texts"),
        ("feeds:\n" + GOOD + "    policy: ask\n", 5, "no policy 'ask'"),
        ("feeds:\n" + GOOD + "    timezone: Mars/Base\n", 5, "no timezone 'Mars/Base'"),
        ("feeds:\n" + GOOD + "    tier: 1\n    tier: 2\n", 6, "given twice"),
        ("feeds:\n" + GOOD.replace("https://good.test/rss", "file:///x"), 4, "no http(s) address"),
        ("feeds:\n" + GOOD.replace("id: good", "id: خبر"), 2, "cannot be used"),
        ("feeds:\n  - just text\n", 2, "is no entry"),
        ("feeds:\n" + GOOD + "   bad: [\n", 5, "is not YAML"),
        ("sources: []\n", 1, "no list of feeds"),
        ("", 1, "no list of feeds"),
        ("feeds:\n" + GOOD + "    outlet: !!python/object:os.system x\n", 5, "outlet"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_remedy(tmp_path, text, line, says) -> None:
    with pytest.raises(FeedsFileError) as caught:
        load_feeds(written(tmp_path, text))
    assert f"feeds.yaml:{line}: " in str(caught.value)
    assert says in str(caught.value)


def test_a_file_that_is_missing_or_not_utf8_is_named(tmp_path) -> None:
    with pytest.raises(FeedsFileError, match="Set RASID_FEEDS"):
        load_feeds(tmp_path / "none.yaml")
    path = tmp_path / "feeds.yaml"
    path.write_bytes("feeds:\n  - outlet: صحيفة\n".encode("cp1256"))
    with pytest.raises(FeedsFileError, match="Save it as UTF-8"):
        load_feeds(path)


def test_bad_entries_do_not_hide_the_good_ones_and_all_are_reported(tmp_path) -> None:
    bad = "  - id: aa\n    outlet: y\n    url: nowhere\n    tier: x\n  - id: bb\n"
    feeds, problems = read_registry(written(tmp_path, "feeds:\n" + bad + GOOD))
    assert [f.id for f in feeds] == ["good"]
    assert [p.line for p in problems] == [5, 4, 6, 6]


def test_the_registry_of_the_project_is_sound() -> None:
    feeds = load_feeds(INCLUDE / "feeds.yaml")
    assert len(feeds) >= 75
    assert len({f.url for f in feeds}) == len(feeds)
    assert all(f.country and f.newsroom and f.grade in {"A", "B"} for f in feeds)


@pytest.mark.skipif(not FACTS.exists(), reason="the shared facts are not on this machine")
def test_every_feed_of_grade_a_and_b_is_in_the_registry() -> None:
    with FACTS.open(encoding="utf-8") as file:
        wanted = {
            (r["url"], r["grade"], r["country"]) for r in csv.DictReader(file) if r["grade"] in "AB"
        }
    feeds = load_feeds(INCLUDE / "feeds.yaml")
    assert wanted <= {(f.url, f.grade, f.country) for f in feeds}


def test_feeds_of_one_outlet_are_one_newsroom() -> None:
    feeds = load_feeds(INCLUDE / "feeds.yaml")
    lbci = {f.newsroom for f in feeds if f.outlet == "LBCI"}
    assert lbci == {"lbci"}


def item(url: str, **values) -> FeedItem:
    return FeedItem(url, url, "x", **values)


def test_a_proposed_entry_can_be_pasted(tmp_path) -> None:
    """It knows what one poll showed: foreign hosts, bodies in the feed, dates without a zone."""
    poll = FeedPoll(
        "new",
        "ok",
        datetime(2026, 11, 24, tzinfo=UTC),
        Validators(),
        title="وكالة: أخبار",
        items=(item("https://outlet-news.com/1", content="x" * 2000, published_raw="2026-11-24"),),
        dropped=(("foreign_host", "https://cdn.outlet.org/2"), ("no_link", "y")),
    )
    proposal = propose_feed("https://feeds.outlet-news.com/rss", poll)
    entry = yaml.safe_load(proposal)[0]
    assert (entry["id"], entry["hosts"]) == ("outlet-news", ["outlet.org"])
    assert (entry["full_text"], entry["timezone"]) == (True, "UTC")
    path = written(tmp_path, "feeds:\n" + proposal)
    assert load_feeds(path)[0].outlet == "وكالة: أخبار"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8800/rss", "https://x.test/", "https://خبر.test/"]
)
def test_any_address_gets_a_usable_id(tmp_path, url: str) -> None:
    poll = FeedPoll("new", "timeout", datetime(2026, 11, 24, tzinfo=UTC), Validators())
    assert load_feeds(written(tmp_path, "feeds:\n" + propose_feed(url, poll)))[0].url == url


def test_the_page_of_sources_is_up_to_date() -> None:
    """Run `python scripts/sources_page.py` after an edit of the registry."""
    page = Path(__file__).parents[2] / "docs" / "sources.md"
    assert page.read_text("utf-8") == sources_page(load_feeds(INCLUDE / "feeds.yaml"))


def test_every_field_is_explained() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "registry.md").read_text("utf-8")
    assert [f.name for f in fields(Feed) if f"| `{f.name}` |" not in guide] == []


def test_the_schema_for_editors_is_up_to_date_and_agrees_with_our_checks() -> None:
    """Run `python scripts/sources_page.py` after an edit of the class Feed."""
    schema = json.loads((INCLUDE / "feeds.schema.json").read_text("utf-8"))
    assert schema == registry_schema()
    registry = yaml.safe_load((INCLUDE / "feeds.yaml").read_text("utf-8"))
    jsonschema.validate(registry, schema)
    registry["feeds"][0]["cadense"] = 5
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(registry, schema)
