"""Articles over time: edits, corrected numbers, churning items, pages taken down, short stubs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rasid.pipeline import versions
from rasid.pipeline.archive import WarcReader
from rasid.pipeline.outcomes import Outcome
from rasid.pipeline.records import Archived, Books, Entry
from rasid.pipeline.versions import is_removed, noted_change
from rasid.reading import Reading
from rasid.sources import Feed
from tests.pipeline.press import AGENCY, QUIET, attack, open_outlets


TITLE = "قتلى في هجوم على نقطة تفتيش شرقي مأرب"
QUIET_TITLE = "معرض للخط العربي يضم أعمال أربعين فناناً"


def _run(chain, *, hours: float = 0) -> Books:
    """One more run, some hours later; the whole of its books, which are closed."""
    chain.clock += timedelta(hours=hours)
    books = chain.run()
    assert all(book.closed for book in books)
    return next(book for book in books if book.feed_id == "*")


def _article(chain, path: str) -> dict:
    return next(a for a in chain.documents("articles").values() if a["url"].endswith(path))


def _entry(chain, path: str) -> dict:
    return next(e for e in chain.documents("entries").values() if e["url"].endswith(path))


def _text(article: dict, version: int) -> str:
    """The archived page of a version."""
    page = WarcReader().page(Archived(**article["versions"][version - 1]["archive"]))
    return page.body.decode()


@pytest.mark.node
class TestAnEditedArticle:
    def test_it_is_a_new_version_and_the_old_page_stays_reachable(self, chain):
        """The feed shows another title: the page is read again, its mentions are replaced."""
        (outlet,) = open_outlets(chain, "sabah")
        outlet.put("a", TITLE, attack())
        first = _run(chain)
        before = _article(chain, "/sabah/a")
        assert before["version"] == 1
        outlet.put("a", TITLE + " وتعزيزات إلى المنطقة", attack(sentences=(*AGENCY[:3], QUIET[0])))
        second = _run(chain, hours=1)
        assert (first.new, second.new) == (1, 0)
        assert (second.seen, second.known, second.carried) == (1, 1, 1)
        assert second.outcomes == {"updated": 1}
        after = _article(chain, "/sabah/a")
        assert after["version"] == 2
        assert after["title"].endswith("المنطقة")
        assert (after["published_at"], after["first_seen_at"], after["story_id"]) == (
            before["published_at"],
            before["first_seen_at"],
            before["story_id"],
        )
        change = after["versions"][1]["change"]
        assert QUIET[0] in change["added"]
        assert AGENCY[4] in change["removed"]
        assert 0 < change["share"] < 0.6
        assert AGENCY[4] in _text(after, 1)
        assert AGENCY[4] not in _text(after, 2)
        mentions = chain.documents("mentions").values()
        assert mentions
        assert {m["revision"] for m in mentions} == {after["revision"]}
        assert {m["title"] for m in mentions} == {after["title"]}

    def test_other_numbers_of_casualties_are_flagged(self, chain):
        """Three killed became seven."""
        (outlet,) = open_outlets(chain, "sabah")
        outlet.put("a", TITLE, attack("ثلاثة"))
        _run(chain)
        assert "casualties_changed" not in _article(chain, "/sabah/a")["flags"]
        outlet.put("a", "ارتفاع حصيلة الهجوم شرقي مأرب", attack("سبعة"))
        _run(chain, hours=1)
        article = _article(chain, "/sabah/a")
        assert "casualties_changed" in article["flags"]
        change = article["versions"][1]["change"]
        assert change["killed"] == {"before": 3, "after": 7}
        assert change["injured"] == {"before": 11, "after": 11}
        assert change["casualties_changed"]

    def test_a_tagged_article_is_looked_at_without_its_feed_saying_so(self, chain):
        """Outlets correct numbers silently; a quiet article is not asked for again."""
        (outlet,) = open_outlets(chain, "sabah")
        outlet.put("a", TITLE, attack("ثلاثة"))
        outlet.put("q", QUIET_TITLE, "\n".join(QUIET))
        _run(chain)
        outlet.silently("a", attack("سبعة"))
        assert _run(chain, hours=0.5).carried == 0
        assert _run(chain, hours=3).outcomes == {"updated": 1}
        assert _run(chain, hours=12).outcomes == {"unchanged": 1}
        asked = chain.site.requests()
        assert (asked["/sabah/a"], asked["/sabah/q"]) == (3, 1)

    def test_looks_end_after_a_week(self, chain):
        """Four looks, then the page is left in peace."""
        (outlet,) = open_outlets(chain, "sabah")
        outlet.put("a", TITLE, attack())
        _run(chain)
        for hours in (3, 12, 48, 24 * 6, 24 * 30, 24 * 30):
            _run(chain, hours=hours)
        assert chain.site.requests()["/sabah/a"] == 5
        assert _entry(chain, "/sabah/a")["next_look_at"] is None

    def test_a_look_that_finds_the_same_words_writes_no_article(self, chain):
        """Spelling and spaces are no version."""
        (outlet,) = open_outlets(chain, "sabah")
        outlet.put("a", TITLE, attack())
        _run(chain)
        before = chain.documents("articles")
        outlet.put("a", TITLE, attack().replace("أ", "ا"), updated="2026-11-29T10:00:00Z")
        assert _run(chain, hours=1).outcomes == {"unchanged": 1}
        assert chain.documents("articles") == before

    def test_a_full_text_feed_needs_no_request(self, chain):
        """The changed text came with the item."""
        (outlet,) = open_outlets(chain, "sabah", full_text=True)
        outlet.put("a", TITLE, attack("ثلاثة"))
        _run(chain)
        outlet.put("a", TITLE, attack("سبعة"))
        assert _run(chain, hours=1).outcomes == {"updated": 1}
        article = _article(chain, "/sabah/a")
        assert article["version"] == 2
        assert "سبعة" in article["text"]
        assert "ثلاثة" in _text(article, 1)
        assert "/sabah/a" not in chain.site.requests()

    def test_another_feed_may_word_it_otherwise(self, chain):
        """The same page in two feeds under two titles has not changed at every poll."""
        one, two = open_outlets(chain, "sabah", "sabah-front", newsroom="sabah")
        two.put("q", "معرض الخط", "\n".join(QUIET))
        feed = chain.site.resources[two.path("rss")]
        same_page = feed.body.replace(two.path("q").encode(), one.path("q").encode())
        chain.site.resources[two.path("rss")] = replace(feed, body=same_page)
        one.put("q", QUIET_TITLE, "\n".join(QUIET))
        assert _run(chain).outcomes == {"indexed": 1}
        for _ in range(2):
            assert _run(chain, hours=0.6).carried == 0

    def test_a_run_that_dies_before_it_looked_leaves_the_look_due(self, chain):
        """Nothing is owed by a look: the entry stays as it ended until the next run has looked."""
        (outlet,) = open_outlets(chain, "sabah")
        outlet.put("a", TITLE, attack("ثلاثة"))
        _run(chain)
        outlet.put("a", "ارتفاع حصيلة الهجوم", attack("سبعة"))
        chain.clock += timedelta(hours=1)
        for until in ("batch", "fetch", "tag"):
            chain.run(until=until)
            assert _entry(chain, "/sabah/a")["outcome"] == "indexed"
        assert _run(chain).outcomes == {"updated": 1}

    def test_a_repeated_run_replaces_mentions_that_its_first_try_left(self, chain, monkeypatch):
        """Dead between the new article and the old mentions: the second try takes these away."""
        from rasid.pipeline import index as stage

        (outlet,) = open_outlets(chain, "sabah")
        outlet.put("a", TITLE, attack())
        _run(chain)
        outlet.put("a", QUIET_TITLE, "\n".join(QUIET))
        chain.clock += timedelta(hours=1)
        run = chain.new_run()
        with monkeypatch.context() as patched:
            patched.setattr(stage, "delete_stale_mentions", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                chain.run(run)
        assert chain.documents("mentions")
        whole = next(b for b in chain.run(run) if b.feed_id == "*")
        assert whole.closed
        assert whole.outcomes == {"updated": 1}
        assert not chain.documents("mentions")
        assert _article(chain, "/sabah/a")["version"] == 2

    def test_looks_are_shared_out_over_runs(self, chain, monkeypatch):
        """Five changes, two looks a host and run: all are seen, none at once."""
        monkeypatch.setattr(versions, "LOOKS_PER_HOST", 2)
        (outlet,) = open_outlets(chain, "sabah")
        for n in range(5):
            outlet.put(f"q{n}", f"{QUIET_TITLE} رقم {n}", "\n".join((f"الخبر {n}.", *QUIET)))
        _run(chain)
        for n in range(5):
            outlet.put(f"q{n}", f"{QUIET_TITLE} للمرة {n}", "\n".join((f"الخبر {n}.", *QUIET)))
        carried = [_run(chain, hours=hours).carried for hours in (1, 0, 0, 0)]
        assert carried == [2, 2, 1, 0]
        assert {a["version"] for a in chain.documents("articles").values()} == {2}


def test_only_a_page_asked_for_again_can_be_a_new_version():
    """Another extractor over the archived page says better what the version was."""
    from datetime import UTC, datetime

    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    article = {"fetched_at": "2026", "title": "عنوان", "text": "نص جديد.", "text_hash": "new"}
    item = {"title": "", "published_at": None}
    entry = Entry("1", "f", "https://a.example/1", "", now, item, article=article)
    stored = {"title": "عنوان", "text": "نص قديم.", "versions": [{"number": 1, "change": None}]}
    change = versions.text_change(stored, entry)
    (same,) = versions.versions(entry, stored, change)
    assert (same["number"], same["text_hash"], same["change"]) == (1, "new", None)
    asked = replace(entry, before=Outcome.INDEXED)
    first, second = versions.versions(asked, stored, change)
    assert (first, second["number"]) == (stored["versions"][0], 2)
    assert second["change"]["added"] == ["نص جديد."]


@pytest.mark.node
class TestAChurningItem:
    def test_it_is_not_followed_for_ever(self, chain, monkeypatch):
        """An item that says it changed at each poll, and never did, is left alone and flagged."""
        monkeypatch.setattr(versions, "CHURNING", 3)
        (outlet,) = open_outlets(chain, "sabah")
        outcomes = []
        for n in range(6):
            outlet.put("q", QUIET_TITLE, "\n".join(QUIET), updated=f"2026-11-29T10:0{n}:00Z")
            outcomes.append(_run(chain, hours=1).outcomes)
        assert outcomes == [{"indexed": 1}, {"unchanged": 1}, {"unchanged": 1}, {}, {}, {}]
        entry = _entry(chain, "/sabah/q")
        assert entry["flags"] == ["churning"]
        assert entry["idle_changes"] == 3
        assert chain.site.requests()["/sabah/q"] == 3

    def test_it_is_not_followed_faster_than_its_age_allows(self, chain):
        """A change a minute after the last look waits for its half hour, and is not forgotten."""
        (outlet,) = open_outlets(chain, "sabah")
        outlet.put("q", QUIET_TITLE, "\n".join(QUIET))
        _run(chain)
        outlet.put("q", QUIET_TITLE + " في دورته الثانية", "\n".join(QUIET))
        assert _run(chain).carried == 0
        assert _run(chain, hours=0.6).outcomes == {"updated": 1}


def test_twenty_four_changes_of_nothing_are_enough():
    """Counted in the ledger; the twenty-fourth ends it."""
    from datetime import UTC, datetime

    feed = Feed(id="f", outlet="و", url="https://a.example/rss")
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    source: dict | None = {
        "state": "settled", "outcome": "unchanged", "flags": [], "idle_changes": 0,
        "published_at": None, "first_seen_at": now.isoformat(), "settled_at": now.isoformat(),
        "next_look_at": None,
    }  # fmt: skip
    for n in range(1, versions.CHURNING + 1):
        item = {"title": "", "published_raw": "", "updated_raw": str(n), "content": ""}
        source = noted_change(source, item, feed, now)
        assert source is not None
        assert source["idle_changes"] == n
        assert (source["next_look_at"] is None) == (n == 24)
    assert source["flags"] == ["churning"]
    assert noted_change(source, item, feed, now) is None


@pytest.mark.node
class TestAWithdrawnArticle:
    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (404, "Not Found"),
            (410, "Gone"),
            (200, "الصفحة غير موجودة"),
            (200, "تم حذف هذا الخبر من الموقع"),
        ],
    )
    def test_it_is_marked_and_kept(self, chain, status, body):
        """The outlet took it down: text, mentions and archive stay, and say so."""
        (outlet,) = open_outlets(chain, "sabah")
        outlet.put("a", TITLE, attack())
        _run(chain)
        before, mentions = _article(chain, "/sabah/a"), chain.documents("mentions")
        page = _entry(chain, "/sabah/a")["archive"]
        outlet.drop("a", status, body)
        whole = _run(chain, hours=3)
        assert whole.outcomes == {"updated": 1}
        assert whole.causes == {"withdrawn": 1}
        after = _article(chain, "/sabah/a")
        assert "withdrawn" in after["flags"]
        assert after["withdrawn_at"] == chain.clock.isoformat()
        for name in ("text", "title", "archive", "versions", "story_id"):
            assert after[name] == before[name]
        marked = {"withdrawn_at": after["withdrawn_at"], "revision": after["revision"]}
        assert mentions
        assert chain.documents("mentions") == {i: m | marked for i, m in mentions.items()}
        assert _entry(chain, "/sabah/a")["archive"] == page
        whole = _run(chain, hours=12)
        assert (whole.outcomes, whole.causes) == ({"unchanged": 1}, {"withdrawn": 1})
        assert _article(chain, "/sabah/a")["withdrawn_at"] == after["withdrawn_at"]

    def test_one_that_comes_back_is_unmarked(self, chain):
        """A page that was gone for an hour was not withdrawn."""
        (outlet,) = open_outlets(chain, "sabah")
        outlet.put("a", TITLE, attack())
        _run(chain)
        outlet.drop("a")
        _run(chain, hours=3)
        outlet.serve()
        assert _run(chain, hours=12).outcomes == {"updated": 1}
        article = _article(chain, "/sabah/a")
        assert "withdrawn" not in article["flags"]
        assert article["withdrawn_at"] is None
        assert article["version"] == 1
        mentions = chain.documents("mentions").values()
        assert [mention["withdrawn_at"] for mention in mentions] == [None] * len(mentions)
        assert mentions

    @pytest.mark.parametrize("status", [403, 500, 400])
    def test_a_page_that_only_fails_is_not_withdrawn(self, chain, status):
        """What we have stays as it is, the entry stays settled, the next look is planned."""
        (outlet,) = open_outlets(chain, "sabah")
        outlet.put("a", TITLE, attack())
        _run(chain)
        before = chain.documents("articles")
        outlet.drop("a", status)
        whole = _run(chain, hours=3)
        assert (whole.outcomes, whole.waiting) == ({"unchanged": 1}, 0)
        assert chain.documents("articles") == before
        entry = _entry(chain, "/sabah/a")
        assert entry["article_id"] == entry["entry_id"]
        assert entry["next_look_at"] > chain.clock.isoformat()


@pytest.mark.node
def test_a_stub_that_is_filled_later_is_indexed(chain):
    """«عاجل» comes as a line: quarantined for want of text, it is asked for again by itself."""
    (outlet,) = open_outlets(chain, "sabah")
    outlet.put("a", "عاجل: هجوم قرب مأرب", "التفاصيل بعد قليل.")
    whole = _run(chain)
    assert (whole.outcomes, whole.causes) == ({"quarantined": 1}, {"no_text": 1})
    outlet.silently("a", attack())
    whole = _run(chain, hours=3)
    assert (whole.carried, whole.outcomes) == (1, {"indexed": 1})
    assert _article(chain, "/sabah/a")["version"] == 1


@pytest.mark.node
def test_a_stub_whose_look_fails_stays_with_its_cause(chain):
    """A passing fault at a look is no new cause and no try of its own."""
    (outlet,) = open_outlets(chain, "sabah")
    outlet.put("a", "عاجل: هجوم قرب مأرب", "التفاصيل بعد قليل.")
    _run(chain)
    archive = _entry(chain, "/sabah/a")["archive"]
    outlet.drop("a", 503)
    whole = _run(chain, hours=3)
    assert (whole.outcomes, whole.waiting) == ({"quarantined": 1}, 0)
    entry = _entry(chain, "/sabah/a")
    assert (entry["cause"], entry["archive"]) == ("no_text", archive)


@pytest.mark.parametrize(
    ("title", "text", "outcome", "removed"),
    [
        ("خبر", "تم حذف هذا الخبر بطلب من المصدر", "no_text", True),
        ("حُذفت المادة", "", "no_text", True),
        ("هجوم قرب مأرب", "سحبت القوات آلياتها.", "no_text", False),
        ("هجوم", "نص طويل عن حذف المقال", "ok", False),
        ("الصفحة غير موجودة", "", "not_an_article", True),
    ],
)
def test_what_a_removed_page_looks_like(title, text, outcome, removed):
    """Only a page without an article can say that one was removed."""
    reading = Reading(outcome, "https://a.example/1", "https://a.example/1", title=title, text=text)
    assert is_removed(reading) == removed
