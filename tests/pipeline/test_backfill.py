"""Backfill: a source's sitemaps, slice by slice; stopped anywhere, it loses and doubles nothing."""

from __future__ import annotations

import asyncio

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rasid.demo.site import Resource
from rasid.errors import ConfigError, FetchError
from rasid.pipeline import backfill
from rasid.pipeline.backfill import Backfill, commit, is_done, look_back
from rasid.pipeline.batch import batch
from rasid.pipeline.fetch import fetch
from rasid.pipeline.index import index
from rasid.pipeline.read import read
from rasid.pipeline.records import Books, Run
from rasid.pipeline.settle import settle
from rasid.pipeline.tag import tag
from tests.pipeline.conftest import Chain


pytestmark = pytest.mark.node


@pytest.fixture(autouse=True)
def one_feed(chain: Chain) -> None:
    """One feed of 22 articles is enough."""
    chain.feeds = ("furat",)
    chain.write_registry()


STAGES = ("look_back", "batch", "commit", "fetch", "read", "tag", "index", "settle")


@pytest.fixture
def history(chain: Chain, monkeypatch) -> list[str]:
    """Two sitemaps of one outlet behind an index, three more entries than two slices hold."""
    pages = [p for p in sorted(chain.site.resources) if p.startswith("/furat/article/")]
    half = len(pages) // 2
    monkeypatch.setattr(backfill, "SLICE", (len(pages) - 3) // 2)
    day = chain.clock - timedelta(days=2)
    for name, part in (("/old.xml", pages[:half]), ("/new.xml", pages[half:])):
        urls = "".join(
            f"<url><loc>{chain.site.url}{page}</loc><lastmod>{day.isoformat()}</lastmod></url>"
            for page in part
        )
        sitemap(chain, name, f"<urlset {NAMESPACE}>{urls}</urlset>")
    inner = "".join(
        f"<sitemap><loc>{chain.site.url}{n}</loc></sitemap>" for n in ("/old.xml", "/new.xml")
    )
    sitemap(chain, "/sitemap.xml", f"<sitemapindex {NAMESPACE}>{inner}</sitemapindex>")
    return pages


NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def sitemap(chain: Chain, path: str, text: str) -> None:
    chain.site.resources[path] = Resource(text.encode(), "application/xml")


def job(chain: Chain, feed: str = "furat") -> Backfill:
    today = chain.clock.replace(hour=0, minute=0, second=0, microsecond=0)
    return Backfill(feed, today - timedelta(days=30), today + timedelta(days=1))


def new_run(chain: Chain) -> Run:
    return replace(chain.new_run(), dag_id="backfill_source")


def go(chain: Chain, run: Run | None = None, *, until: str = "settle") -> Books | None:
    """One run as its DAG calls the stages; its whole, when it got so far."""
    run, stop = run or new_run(chain), STAGES.index(until)
    found = asyncio.run(look_back(chain.es, run, job(chain)))
    paths = batch(chain.es, run, [found], retry=False) if stop >= 1 else []
    if stop >= 2:
        commit(chain.es, run, job(chain))
    for path in paths:
        for at, stage in enumerate(
            (
                lambda p: asyncio.run(fetch(run, p)),
                lambda p: read(run, p),
                lambda p: tag(run, p),
                lambda p: index(chain.es, run, p),
            ),
            3,
        ):
            if stop >= at:
                path = stage(path)  # noqa: PLW2901  (each stage hands the next its path)
    return settle(chain.es, run, [])[-1] if until == "settle" else None


def to_the_end(chain: Chain) -> list[Books]:
    """Runs until the history is told, as `go_on` starts them."""
    books = []
    while not is_done(chain.es, job(chain)):
        assert len(books) < 10
        books.append(go(chain))
    return books


def assert_all_there(chain: Chain, history: list[str]) -> None:
    urls = [a["url"].removeprefix(chain.site.url) for a in chain.documents("articles").values()]
    assert sorted(urls) == history
    entries = chain.documents("entries").values()
    assert {e["state"] for e in entries} == {"settled"}
    assert len(entries) == len(history)


def test_a_history_is_told_in_slices_whose_books_close(chain, history):
    """Three runs: slice, slice, rest; each article once, no page asked for twice."""
    books = to_the_end(chain)
    assert [b.new for b in books] == [
        backfill.SLICE,
        backfill.SLICE,
        len(history) - 2 * backfill.SLICE,
    ]
    assert all(b.closed for b in books)
    assert_all_there(chain, history)
    asked = chain.site.requests()
    assert {asked[page] for page in history} == {1}
    (position,) = chain.documents("backfills").values()
    assert (position["done"], position["found"]) == (True, len(history))


@pytest.mark.parametrize("until", ["look_back", "batch", "commit", "tag", "index"])
def test_a_backfill_killed_after_any_task_goes_on_where_it_stopped(chain, history, until):
    """The position is remembered only when the entries before it are owed."""
    go(chain)
    go(chain, until=until)
    assert all(b.closed for b in to_the_end(chain))
    assert_all_there(chain, history)


@pytest.mark.parametrize("until", ["commit", "tag", "settle"])
def test_a_run_repeated_from_its_start_walks_the_same_pages(chain, history, until):
    """Airflow's retry or a cleared run: the same books, nothing skipped."""
    run = new_run(chain)
    go(chain, run, until=until)
    books = go(chain, run)
    assert (books.new, books.carried, books.closed) == (backfill.SLICE, 0, True)
    to_the_end(chain)
    assert_all_there(chain, history)


def test_a_history_told_already_asks_for_no_page_again(chain, history):
    """The same form twice is harmless; days that overlap are, too."""
    to_the_end(chain)
    before = Counter(chain.site.requests())
    revisions = {i: a["revision"] for i, a in chain.documents("articles").items()}
    assert go(chain).new == 0
    chain.clock += timedelta(days=1)  # another period: from tomorrow's form
    to_the_end(chain)
    asked = Counter(chain.site.requests()) - before
    assert not set(asked) & set(history)
    assert {i: a["revision"] for i, a in chain.documents("articles").items()} == revisions


def test_what_monitor_news_knows_is_not_fetched_again(chain, history):
    """Both find the same articles: one document each, the pages once."""
    chain.run()
    known = [p for p in history if chain.site.requests().get(p)]
    assert known
    to_the_end(chain)
    asked = chain.site.requests()
    assert {asked[page] for page in history} == {1}
    assert len(chain.documents("articles")) == chain.expected


def test_monitor_news_does_not_take_what_a_running_backfill_owes(chain, history):
    """A slice in work stays with its own DAG; the news do not wait behind it."""
    go(chain, until="commit")
    owed = {i for i, e in chain.documents("entries").items() if e["state"] == "owed"}
    assert owed
    (whole,) = (book for book in chain.run() if book.feed_id == "*")
    assert whole.carried == 0
    still = {i for i, e in chain.documents("entries").items() if e["state"] == "owed"}
    assert still == owed


def test_a_sitemap_that_fails_in_the_middle_ends_the_slice_and_the_next_begins_there(
    chain, history, monkeypatch
):
    """What was found before the fault is kept and worked on."""
    monkeypatch.setattr(backfill, "SLICE", 1000)
    good = chain.site.resources["/new.xml"]
    chain.site.resources["/new.xml"] = replace(good, status=403)
    assert go(chain).new == len(history) // 2
    with pytest.raises(FetchError) as refused:
        go(chain)
    assert refused.value.outcome == "forbidden"
    chain.site.resources["/new.xml"] = good
    to_the_end(chain)
    assert_all_there(chain, history)


def test_a_source_without_a_history_says_so(chain):
    """Neither WordPress nor a sitemap: the task fails with that, and writes nothing."""
    with pytest.raises(FetchError, match="neither WordPress posts nor a sitemap"):
        go(chain)
    assert chain.documents("entries") == {}


def test_an_unknown_source_is_a_message_for_the_person(chain):
    """The form takes any text: the log says which ids there are."""
    run = new_run(chain)
    with pytest.raises(ConfigError, match="rasid feeds list"):
        asyncio.run(look_back(chain.es, run, job(chain, "nobody")))


def test_a_source_that_the_registry_refuses_is_not_asked(chain, history):
    """The policy gate holds for backfills too."""
    chain.write_registry(
        {"id": "no", "outlet": "لا", "url": f"{chain.site.url}/no/feed", "policy": "refuse"}
    )
    with pytest.raises(FetchError) as refused:
        asyncio.run(look_back(chain.es, new_run(chain), job(chain, "no")))
    assert refused.value.outcome == "policy_refused"
    assert chain.site.requests() == {}


def test_the_same_request_has_the_same_id():
    """Filled in again, the form goes on; another period is another backfill."""
    since, until = datetime(2026, 1, 1), datetime(2026, 2, 1)  # noqa: DTZ001
    assert Backfill("a", since, until).id == "a|2026-01-01|2026-02-01"
