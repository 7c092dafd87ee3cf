"""The seven rules that keep data safe (architecture.md), each with a try to break it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from rasid.errors import BooksOpen
from rasid.pipeline import ledger
from rasid.pipeline.archive import WarcReader
from rasid.pipeline.records import Archived, Books, Run
from rasid.pipeline.settle import total
from rasid.reading import read_page
from tests.pipeline.conftest import STAGES, Chain


pytestmark = pytest.mark.node


def _whole(books: list[Books]) -> Books:
    return next(book for book in books if book.feed_id == "*")


def _articles(chain: Chain) -> dict[str, str]:
    return {i: d["text_hash"] for i, d in chain.documents("articles").items()}


def test_every_entry_ends_in_exactly_one_outcome(chain):
    """Rule 1: after a run nothing is owed, and each settled entry names its outcome."""
    whole = _whole(chain.run())
    entries = chain.documents("entries").values()
    assert {e["state"] for e in entries} == {"settled"}
    assert len(entries) == whole.new == chain.expected
    assert Counter(e["outcome"] for e in entries) == whole.outcomes


def test_a_page_that_fails_for_now_is_owed_and_tried_again(chain):
    """Rule 1: waiting is a state with a next attempt; the next try settles it."""
    path = next(p for p in chain.site.resources if p.startswith("/furat/article/"))
    good = chain.site.resources[path]
    chain.site.resources[path] = replace(good, status=503)
    whole = _whole(chain.run())
    assert whole.waiting == 1
    waiting = [e for e in chain.documents("entries").values() if e["state"] == "waiting"]
    assert [e["cause"] for e in waiting] == ["server_error"]
    assert waiting[0]["next_attempt_at"] > chain.clock.isoformat()[:16]

    chain.site.resources[path] = good
    chain.clock = chain.clock.replace(year=chain.clock.year + 1)
    whole = _whole(chain.run())
    assert (whole.carried, whole.waiting) == (1, 0)
    assert {e["state"] for e in chain.documents("entries").values()} == {"settled"}


@pytest.mark.parametrize("until", ["poll", "batch", "fetch", "read", "tag", "index"])
def test_validators_are_remembered_only_after_settle(chain, until):
    """Rule 2: a run that dies before settle leaves no validator behind."""
    chain.run(until=until)
    assert ledger.feed_states(chain.es, chain.new_run()) == {}


@pytest.mark.parametrize("until", STAGES[:-1])
def test_a_run_killed_after_any_task_loses_nothing_and_doubles_nothing(chain, until):
    """Rules 1–3: kill the run between any two tasks, run again: all there, each once."""
    chain.run(until=until)
    books = chain.run()
    assert all(book.closed for book in books)
    articles = chain.documents("articles")
    entries = chain.documents("entries")
    assert {e["state"] for e in entries.values()} == {"settled"}
    urls = [a["canonical_url"] for a in articles.values()]
    assert len(urls) == len(set(urls)) == len(entries) == chain.expected
    mentions = chain.documents("mentions").values()
    assert len({m["mention_id"] for m in mentions}) == len(mentions)


@pytest.mark.parametrize("until", STAGES[1:])
def test_the_same_run_repeated_from_the_start_changes_nothing(chain, until):
    """Rule 3: Airflow's retry or a cleared run writes the same ids, versions and books."""
    run = chain.new_run()
    chain.run(run, until=until)
    whole = _whole(chain.run(run))
    assert whole.closed
    assert whole.new == len(chain.documents("entries")) == len(chain.documents("articles"))


def test_a_second_run_over_unchanged_feeds_fetches_no_page_and_writes_no_article(chain):
    """Rules 2 and 3: validators and known ids make the second pass cheap."""
    chain.run()
    before = Counter(chain.site.requests())
    revisions = {i: d["revision"] for i, d in chain.documents("articles").items()}
    whole = _whole(chain.run())
    asked = Counter(chain.site.requests()) - before
    feeds = {feed.removeprefix(chain.site.url) for feed in _feed_urls(chain)}
    assert set(asked) <= feeds | {"/robots.txt"}
    assert (whole.new, whole.carried) == (0, 0)
    assert {i: d["revision"] for i, d in chain.documents("articles").items()} == revisions


def _feed_urls(chain: Chain) -> list[str]:
    from rasid.demo.site import demo_feeds

    return [feed["url"] for feed in demo_feeds(chain.site.port)]


def test_a_late_writer_of_an_older_run_overwrites_nothing(chain):
    """Rule 3: writes carry the run's revision; the older one is refused and that is fine."""
    old, new = chain.new_run(), chain.new_run()
    chain.run(new)
    before = chain.documents("articles")
    chain.run(old, until="index")
    assert chain.documents("articles") == before


def test_dead_and_broken_feeds_are_rows_not_failures(chain):
    """Rule 5: the run ends well; the sick feed says what is wrong with it."""
    chain.run()
    outcomes = {p["feed_id"]: p["outcome"] for p in chain.documents("polls").values()}
    assert outcomes.pop("sada") == "server_error"
    assert set(outcomes.values()) == {"ok"}


def test_open_books_fail_the_run_and_keep_the_validators_back(chain, monkeypatch):
    """Rule 6: an entry that vanished from the ledger is noticed, by feed and by number."""
    real = ledger.endings

    def one_lost(es, run, entries):
        ended = real(es, run, entries)
        ended["waraq"].outcomes["indexed"] -= 1
        return ended

    monkeypatch.setattr("rasid.pipeline.settle.endings", one_lost)
    with pytest.raises(BooksOpen, match="waraq: new"):
        chain.run()
    committed = {p["feed_id"]: p["committed"] for p in chain.documents("polls").values()}
    assert not committed["waraq"]
    assert committed["furat"]
    runs = {r["feed_id"]: r["closed"] for r in chain.documents("runs").values()}
    assert not runs["waraq"]


def test_books_are_stored_per_feed_and_for_the_whole(chain):
    """Rule 6: what settle asserted can be read back."""
    books = chain.run()
    stored = {r["feed_id"]: r for r in chain.documents("runs").values()}
    assert set(stored) == {book.feed_id for book in books}
    assert stored["*"]["closed"]
    assert stored["*"]["new"] == sum(r["new"] for f, r in stored.items() if f != "*")


def test_every_article_can_be_read_again_from_its_archived_page(chain):
    """Rule 7: the WARC record at the stored offset gives the same text, without the network."""
    chain.run()
    archive = WarcReader()
    pages = 0
    for article in chain.documents("articles").values():
        page = archive.page(Archived(**article["archive"]))
        if not page.is_fragment:
            again = read_page(
                page.body, url=page.url, http_charset=page.http_charset, today=page.fetched_at
            )
            assert again.text_hash == article["text_hash"]
            pages += 1
    assert pages > 10


def test_a_document_that_the_mapping_refuses_is_quarantined_beside_its_indexed_neighbours(
    chain, monkeypatch
):
    """Bad input: one refused article, the others indexed, the books closed."""
    from rasid.pipeline import index as stage

    real = stage.article_document
    spoiled: list[str] = []

    def spoil(entry, run, feed):
        document = real(entry, run, feed)
        if not spoiled or spoiled[0] == entry.entry_id:
            spoiled[:] = [entry.entry_id]
            document["unheard_of"] = 1
        return document

    monkeypatch.setattr(stage, "article_document", spoil)
    whole = _whole(chain.run())
    assert whole.closed
    assert whole.outcomes["quarantined"] == 1
    entry = chain.documents("entries")[spoiled[0]]
    assert entry["cause"] == "index_rejected"
    assert "unheard_of" in entry["error"]


def test_a_broken_registry_entry_is_reported_and_the_others_are_read(chain):
    """Bad input: the books name file, line and remedy of what was left out."""
    chain.write_registry({"id": "no-url", "outlet": "بلا عنوان"})
    whole = _whole(chain.run())
    assert whole.new == chain.expected
    problems = chain.documents("runs")[f"test__{chain.count}|*"]["problems"]
    assert any("feeds.yaml" in p and "url" in p for p in problems)


def test_total_adds_every_count():
    """The whole is the sum of the feeds."""
    one = Books("a", seen=3, known=1, new=2, outcomes={"indexed": 2})
    other = Books("b", seen=1, new=1, carried=1, waiting=1, outcomes={"indexed": 1})
    whole = total([one, other])
    assert (whole.seen, whole.new, whole.outcomes) == (4, 3, {"indexed": 3})
    assert whole.closed


def test_revision_does_not_depend_on_when_it_is_asked_for():
    """Ids and versions never come from the clock of the writer."""
    from datetime import UTC, datetime

    run = Run("r", "d", datetime(2026, 11, 24, 9, 15, tzinfo=UTC))
    assert run.revision == 1_795_511_700_000
