"""Replay: what ended without an article comes back onto the road, where it stopped."""

from __future__ import annotations

import asyncio

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from rasid.pipeline.fetch import fetch
from rasid.pipeline.index import index
from rasid.pipeline.quarantine import Selection, causes, find
from rasid.pipeline.quarantine import replay as take_up
from rasid.pipeline.read import read
from rasid.pipeline.settle import settle
from rasid.pipeline.tag import tag
from rasid.reading import Reading
from tests.pipeline.conftest import Chain


pytestmark = pytest.mark.node


@pytest.fixture(autouse=True)
def one_feed(chain: Chain) -> None:
    """One feed of 22 articles is enough."""
    chain.feeds = ("furat",)
    chain.write_registry()


def replay(chain: Chain, selection: Selection = Selection(), *, until: str = "settle"):  # noqa: B008  (frozen)
    """One replay as its DAG calls the stages; the whole of its books."""
    run = replace(chain.new_run(), dag_id="replay_quarantine")
    for path in take_up(chain.es, run, selection):
        path = asyncio.run(fetch(run, path))  # noqa: PLW2901  (each stage hands the next its path)
        if until == "fetch":
            continue
        path = tag(run, read(run, path))  # noqa: PLW2901
        if until != "tag":
            index(chain.es, run, path)
    return settle(chain.es, run, [])[-1] if until == "settle" else None


def one_page(chain: Chain) -> str:
    return next(p for p in sorted(chain.site.resources) if p.startswith("/furat/article/"))


def entry_at(chain: Chain, path: str) -> dict:
    return next(e for e in chain.documents("entries").values() if e["url"].endswith(path))


@pytest.fixture
def broken_reader(monkeypatch):
    """The reader crashes on every page, until it is mended."""
    from rasid.pipeline import read as stage

    real, broken = stage.read_page, [True]

    def crash(body, **about):
        if broken[0]:
            return Reading("extract_failed", about["url"], about["url"], error="it broke")
        return real(body, **about)

    monkeypatch.setattr(stage, "read_page", crash)
    return broken


def test_a_page_that_could_not_be_read_is_read_from_the_archive_once_the_reader_is_mended(
    chain, broken_reader
):
    """Starts at read: not one page is asked for again."""
    chain.run()
    stuck = causes(chain.es, Selection())
    assert set(stuck) == {"extract_failed"}
    broken_reader[0] = False
    before = Counter(chain.site.requests())
    books = replay(chain)
    assert Counter(chain.site.requests()) == before
    assert (books.carried, books.waiting) == (stuck["extract_failed"], 0)
    assert books.outcomes == {"indexed": stuck["extract_failed"]}
    assert books.closed
    assert causes(chain.es, Selection()) == {}
    assert len(chain.documents("articles")) == chain.expected


def test_a_replay_that_mends_nothing_quarantines_again_and_the_next_one_is_as_good(
    chain, broken_reader
):
    """Replay twice is harmless: the same endings, no article twice, found_by kept."""
    chain.run()
    first = chain.documents("entries")
    assert replay(chain).outcomes == replay(chain).outcomes
    again = chain.documents("entries")
    ending = ("outcome", "cause", "first_seen_at", "run_id", "archive")
    for entry_id, entry in first.items():
        assert {k: again[entry_id][k] for k in ending} == {k: entry[k] for k in ending}
    broken_reader[0] = False
    replay(chain)
    revisions = {i: a["revision"] for i, a in chain.documents("articles").items()}
    assert replay(chain).carried == 0
    assert {i: a["revision"] for i, a in chain.documents("articles").items()} == revisions


def test_a_dropped_page_is_fetched_again_when_its_cause_is_named(chain):
    """Starts at fetch, for one page only; without a cause dropped entries are left alone."""
    path = one_page(chain)
    good = chain.site.resources[path]
    chain.site.resources[path] = replace(good, status=404)
    chain.run()
    assert entry_at(chain, path)["cause"] == "not_found"
    chain.site.resources[path] = good
    assert replay(chain).carried == 0
    before = Counter(chain.site.requests())
    books = replay(chain, Selection(cause="not_found"))
    assert books.outcomes == {"indexed": 1}
    assert Counter(chain.site.requests()) - before == Counter({path: 1})


def test_a_passing_fault_during_a_replay_waits_for_monitor_news(chain):
    """The lanes join: a replayed entry has all its tries again, and the next run makes them."""
    path = one_page(chain)
    good = chain.site.resources[path]
    chain.site.resources[path] = replace(good, status=404)
    chain.run()
    chain.site.resources[path] = replace(good, status=503)
    books = replay(chain, Selection(cause="not_found"))
    assert (books.carried, books.waiting, books.closed) == (1, 1, True)
    assert entry_at(chain, path)["attempts"] == 1
    chain.site.resources[path] = good
    chain.clock += timedelta(hours=1)
    chain.run()
    assert entry_at(chain, path)["outcome"] == "indexed"


def test_a_refused_document_is_read_tagged_and_indexed_from_the_archive(chain, monkeypatch):
    """Starts behind fetch: its text stands nowhere but in the archived page."""
    from rasid.pipeline import index as stage

    real = stage.article_document

    def spoil(entry, run, feed):
        document = real(entry, run, feed)
        return {**document, "unheard_of": 1} if entry.feed_id == "furat" else document

    monkeypatch.setattr(stage, "article_document", spoil)
    chain.run()
    stuck = causes(chain.es, Selection(cause="index_rejected", feed="furat"))
    assert set(stuck) == {"index_rejected"}
    monkeypatch.setattr(stage, "article_document", real)
    before = Counter(chain.site.requests())
    assert replay(chain).outcomes == {"indexed": stuck["index_rejected"]}
    assert Counter(chain.site.requests()) == before


def test_an_archive_that_is_gone_is_fetched_anew(chain, broken_reader, tmp_path):
    """A deleted WARC file costs a request, not the entry."""
    import shutil

    chain.run()
    broken_reader[0] = False
    shutil.rmtree(tmp_path / "store" / "archive")
    before = Counter(chain.site.requests())
    books = replay(chain)
    asked = Counter(chain.site.requests()) - before
    assert books.outcomes == {"indexed": books.carried}
    assert sum(n for path, n in asked.items() if path != "/robots.txt") == books.carried


@pytest.mark.parametrize("until", ["fetch", "tag"])
def test_a_replay_killed_on_its_way_leaves_everything_quarantined(chain, broken_reader, until):
    """Nothing is owed or lost by a replay that dies; the next one takes all of it up."""
    chain.run()
    before = chain.documents("entries")
    broken_reader[0] = False
    replay(chain, until=until)
    assert chain.documents("entries") == before
    replay(chain)
    assert causes(chain.es, Selection()) == {}


def test_the_form_selects_by_cause_feed_day_and_id(chain, broken_reader):
    """Every field narrows; the day is the one on which the entry ended."""
    chain.run()
    everything = find(chain.es, Selection())
    ended = chain.clock.replace(hour=0, minute=0, second=0, microsecond=0)
    one, day = everything[0]["entry_id"], timedelta(days=1)
    for selection, expected in (
        (Selection(cause="no_text"), 0),
        (Selection(feed="waraq"), 0),
        (Selection(feed="furat"), len(everything)),
        (Selection(since=ended, until=ended + day), len(everything)),
        (Selection(since=ended + day), 0),
        (Selection(until=ended), 0),
        (Selection(ids=(one,)), 1),
    ):
        assert len(find(chain.es, selection)) == expected, selection
