"""Reading the archive again: compared first, switched when asked, without the network."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from rasid.errors import ConfigError
from rasid.pipeline import reread
from rasid.pipeline.index import index
from rasid.pipeline.read import read
from rasid.pipeline.reread import Compared, compare, days, report, take_up
from rasid.pipeline.settle import settle
from rasid.pipeline.tag import tag
from tests.pipeline.conftest import Chain


pytestmark = pytest.mark.node


@pytest.fixture(autouse=True)
def one_feed(chain: Chain) -> None:
    """One feed of 22 articles is enough."""
    chain.feeds = ("furat",)
    chain.write_registry()


@pytest.fixture
def other_reader(monkeypatch):
    """Another extractor: `reader[0]` turns a reading into another one."""
    from rasid.pipeline import read as stage

    real, reader = stage.read_page, [lambda reading: reading]

    def again(body, **about):
        return reader[0](real(body, **about))

    monkeypatch.setattr(stage, "read_page", again)
    return reader


def go(chain: Chain, *, apply: bool, kill: str = "") -> tuple[list[Compared], str, int]:
    """One run as its DAG calls the stages: what was compared, the report, how many it switched."""
    run = replace(chain.new_run(), dag_id="reread_archive")
    done = [compare(chain.es, run, day, "", apply=apply) for day in days(chain.es, None, None, "")]
    text = report(chain.es, run, done, apply=apply)
    paths = take_up(run, done)
    for n, path in enumerate(paths):
        path = tag(run, read(run, path))  # noqa: PLW2901  (each stage hands the next its path)
        if kill != "index" or n:
            index(chain.es, run, path)
    if kill:
        return done, text, 0
    whole = settle(chain.es, run, [])[-1]
    assert whole.closed
    return done, text, whole.carried


def longer(reading):
    text = reading.text + "\nوأضاف البيان أن التحقيق مستمر."
    return replace(reading, text=text, text_hash=f"{reading.text_hash[:-1]}x", method="resiliparse")


def test_the_same_reader_changes_nothing_and_asks_nobody(chain):
    """Every archived page is compared, none differs, no request is made."""
    chain.run()
    before = Counter(chain.site.requests())
    compared, text, switched = go(chain, apply=True)
    assert sum(day.pages for day in compared) == chain.expected
    assert [day.changes for day in compared] == [{}]
    assert switched == 0
    assert "| **all** | 0 | 0 | 0 | 0 | 0 | 0 |" in text
    assert Counter(chain.site.requests()) == before
    assert chain.documents("changes") == {}


def test_a_comparison_writes_a_report_and_no_article(chain, other_reader):
    """Text and method of one feed differ: counted, shown with before and after, not switched."""
    chain.run()
    before, many = chain.documents("articles"), len(chain.documents("articles"))
    other_reader[0] = longer
    compared, text, switched = go(chain, apply=False)
    assert compared[0].changes == {"text": many, "method": many}
    assert switched == 0
    assert chain.documents("articles") == before
    assert f"| furat | {many} | 0 | 0 | {many} | 0 | 0 |" in text
    assert "trafilatura → resiliparse" in text
    assert "\u2068وأضاف البيان أن التحقيق مستمر.\u2069" in text
    changes = chain.documents("changes").values()
    assert {tuple(c["changes"]) for c in changes} == {("text", "method")}
    assert {c["applied"] for c in changes} == {False}
    assert all(c["after"]["length"] > c["before"]["length"] for c in changes)


def test_switched_articles_are_read_tagged_and_indexed_and_then_nothing_is_left(
    chain, other_reader
):
    """`apply` brings what differed to the index; the next run finds no difference."""
    chain.run()
    many = len(chain.documents("articles"))
    other_reader[0] = longer
    _, _, switched = go(chain, apply=True)
    assert switched == many
    now = chain.documents("articles")
    assert len(now) == many
    assert all(a["text"].endswith("التحقيق مستمر.") for a in now.values())
    assert {a["extraction_method"] for a in now.values()} == {"resiliparse"}
    assert {e["outcome"] for e in chain.documents("entries").values()} == {"updated"}
    assert go(chain, apply=True)[2] == 0


def test_a_mended_date_is_switched_too(chain, other_reader):
    """The text is the same; only the date reader got better."""
    chain.run()
    other_reader[0] = lambda reading: replace(
        reading, published_at=reading.published_at.replace(year=2020), published_source="page"
    )
    compared, text, switched = go(chain, apply=True)
    assert compared[0].changes == {"date": switched}
    assert "published_source" in text
    assert {a["published_at"][:4] for a in chain.documents("articles").values()} == {"2020"}


def test_a_lost_article_is_reported_and_stays_as_it_was(chain, other_reader):
    """Another extractor that fails must not take articles away."""
    chain.run()
    before = chain.documents("articles")
    many = len(chain.documents("articles"))
    other_reader[0] = lambda reading: replace(reading, outcome="no_text", text="")
    compared, text, switched = go(chain, apply=True)
    assert (compared[0].changes, switched) == ({"lost": many}, 0)
    assert "## lost" in text
    assert chain.documents("articles") == before
    assert {c["after"]["cause"] for c in chain.documents("changes").values()} == {"no_text"}


def test_a_quarantined_page_that_can_be_read_now_is_gained(chain, other_reader):
    """What the old extractor could not read comes to the index."""
    other_reader[0] = lambda reading: replace(reading, outcome="no_text", text="")
    chain.run()
    assert chain.documents("articles") == {}
    other_reader[0] = lambda reading: reading
    compared, _, switched = go(chain, apply=True)
    assert compared[0].changes == {"gained": switched}
    assert len(chain.documents("articles")) == chain.expected
    assert {e["outcome"] for e in chain.documents("entries").values()} == {"indexed"}


def test_a_switch_killed_on_its_way_is_finished_by_the_next_run(chain, other_reader):
    """No article is lost or half switched: what is left differs still, and is taken up again."""
    chain.run()
    many = len(chain.documents("articles"))
    other_reader[0] = longer
    go(chain, apply=True, kill="index")
    assert {e["state"] for e in chain.documents("entries").values()} == {"settled"}
    assert len(chain.documents("articles")) == chain.expected
    assert go(chain, apply=True)[2] == many
    assert go(chain, apply=True)[2] == 0


def test_a_run_switches_no_more_than_it_may_and_the_next_takes_the_rest(
    chain, other_reader, monkeypatch
):
    """A switch of the whole archive comes in portions."""
    chain.run()
    many = len(chain.documents("articles"))
    monkeypatch.setattr(reread, "MOST_SWITCHED", many - 1)
    other_reader[0] = longer
    assert [go(chain, apply=True)[2] for _ in range(3)] == [many - 1, 1, 0]


def test_a_page_that_left_the_archive_is_counted(chain, tmp_path):
    """Somebody cleaned the store: said in the report, no red task."""
    import shutil

    chain.run()
    shutil.rmtree(tmp_path / "store" / "archive")
    compared, text, _ = go(chain, apply=True)
    assert (compared[0].pages, compared[0].missing) == (0, chain.expected)
    assert f"{chain.expected} pages are not in the archive any more" in text


def test_a_period_longer_than_a_run_takes_is_refused_with_the_remedy(chain, monkeypatch):
    """Airflow would fail the mapping without a word that helps."""
    chain.run()
    monkeypatch.setattr(reread, "MOST_DAYS", 0)
    with pytest.raises(ConfigError, match="shorter period"):
        days(chain.es, None, None, "")
