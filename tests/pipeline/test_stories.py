"""Copies of one text: found, counted by newsroom, and joined whoever writes first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rasid.pipeline import batch as batching
from rasid.pipeline import index as stage
from rasid.pipeline.index import index
from rasid.pipeline.stories import _groups
from rasid.search import stories
from tests.pipeline.press import AGENCY, QUIET, attack, open_outlets, register


pytestmark = pytest.mark.node

TITLE = "قتلى في هجوم على نقطة تفتيش شرقي مأرب"
QUIET_TITLE = "معرض للخط العربي يضم أعمال أربعين فناناً"
# What a client makes of an agency's report: a lead of its own, the end cut, spelling varied.
REWRITTEN = attack(
    lead="علمت مصادرنا أن عدداً من الجنود سقطوا بين قتيل وجريح في هجوم للحوثيين قرب مأرب صباحاً.",
    sentences=AGENCY[:4],
).replace("أ", "ا")


def _articles(chain) -> dict[str, dict]:
    """Article documents by the path of their page."""
    return {a["url"].removeprefix(chain.site.url): a for a in chain.documents("articles").values()}


def _entries(chain) -> dict[str, dict]:
    return {e["url"].removeprefix(chain.site.url): e for e in chain.documents("entries").values()}


def test_copies_of_three_newsrooms_are_one_story_of_three_tellers(chain):
    """All are indexed; who published first opened it; mentions carry it; the unrelated stay out."""
    one, two, three = open_outlets(chain, "sabah", "masa", "fajr")
    one.put("a", TITLE, attack(), hours_ago=2)
    two.put("b", "هجوم حوثي قرب مأرب", REWRITTEN, hours_ago=3)
    three.put("c", TITLE, attack(), hours_ago=1)
    three.put("d", QUIET_TITLE, "\n".join(QUIET))
    assert all(book.closed for book in chain.run())
    found = _articles(chain)
    first = found["/masa/b"]["article_id"]
    assert {found[path]["story_id"] for path in ("/sabah/a", "/masa/b", "/fajr/c")} == {first}
    assert found["/fajr/d"]["story_id"] == found["/fajr/d"]["article_id"]
    mentions = chain.documents("mentions").values()
    assert mentions
    assert {m["story_id"] for m in mentions} == {first}
    told = stories(chain.es, [first])[first]
    assert (told.articles, told.newsrooms) == (3, 3)
    assert told.first_outlet == "صحيفة masa"
    assert told.first_url.endswith("/masa/b")


def test_a_newsroom_is_counted_once_and_its_same_words_are_a_duplicate(chain):
    """Two feeds of one newsroom: the same words twice are no second article, other words are."""
    one, two = open_outlets(chain, "sabah", "sabah-sport", newsroom="sabah")
    (other,) = open_outlets(chain, "masa")
    register(chain, one, two, other)
    one.put("a", TITLE, attack(), hours_ago=3)
    two.put("b", TITLE, attack().replace("أ", "ا"), hours_ago=2)  # only respelled
    two.put("c", TITLE, attack("سبعة"), hours_ago=1)  # another number
    other.put("d", TITLE, attack(), hours_ago=1)
    chain.run()
    entries = _entries(chain)
    assert entries["/sabah-sport/b"]["outcome"] == "duplicate"
    assert entries["/sabah-sport/b"]["cause"] == "duplicate_text"
    assert entries["/sabah-sport/b"]["article_id"] == entries["/sabah/a"]["entry_id"]
    found = _articles(chain)
    assert set(found) == {"/sabah/a", "/sabah-sport/c", "/masa/d"}
    (story,) = {a["story_id"] for a in found.values()}
    told = stories(chain.es, [story])[story]
    assert (told.articles, told.newsrooms) == (3, 2)


def test_a_late_copy_that_was_published_first_leads_the_story_and_keeps_its_id(chain):
    """Found an hour later, published an hour earlier: first teller, but no new story id."""
    one, two = open_outlets(chain, "sabah", "masa")
    one.put("a", TITLE, attack(), hours_ago=1)
    chain.run()
    before = _articles(chain)["/sabah/a"]
    chain.clock += timedelta(hours=1)
    two.put("b", TITLE, REWRITTEN, hours_ago=4)
    run = chain.new_run()
    story = before["story_id"]
    for _ in range(2):  # a repeat of the run is harmless
        chain.run(run)
        assert {a["story_id"] for a in chain.documents("articles").values()} == {story}
        told = stories(chain.es, [story])[story]
        assert (told.articles, told.first_outlet) == (2, "صحيفة masa")


def test_a_date_without_a_time_of_day_is_no_claim_to_have_been_first(chain):
    """Midnight is what a bare date reads as."""
    one, two = open_outlets(chain, "sabah", "masa")
    one.put("a", TITLE, attack(), hours_ago=1)
    two.put("b", TITLE, REWRITTEN, hours_ago=2)
    chain.run()
    found = _articles(chain)
    bare = found["/masa/b"]
    chain.es.update(
        index="rasid-articles-v1-" + bare["first_seen_at"][:4],
        id=bare["article_id"],
        doc={"published_at": bare["published_at"][:10], "published_precision": "day"},
        refresh=True,
    )
    assert stories(chain.es, [bare["story_id"]])[bare["story_id"]].first_outlet == "صحيفة sabah"


def test_the_same_words_days_later_are_another_story(chain):
    """Weather and exchange rates repeat; a story does not."""
    one, two = open_outlets(chain, "sabah", "masa")
    one.put("a", TITLE, attack(), hours_ago=100)
    two.put("b", TITLE, attack(), hours_ago=1)
    chain.run()
    assert len({a["story_id"] for a in chain.documents("articles").values()}) == 2


def _two_batches(chain, monkeypatch):
    """A run whose two copies lie in two batches, tagged and not yet indexed."""
    monkeypatch.setattr(batching, "ENTRIES_PER_BATCH", 1)
    one, two = open_outlets(chain, "sabah", "masa")
    one.put("a", TITLE, attack(), hours_ago=1)
    two.put("b", TITLE, REWRITTEN, hours_ago=2)
    run = chain.new_run()
    chain.run(run, until="tag")
    return run, [run.path(f"tagged/{n:04}.jsonl.gz") for n in (0, 1)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_batches_that_did_not_see_each_other_agree_on_one_story(chain, monkeypatch, order):
    """Both look before either writes; whoever writes last, the same story is left."""
    run, paths = _two_batches(chain, monkeypatch)
    blind = {path: _place_now(chain, run, path) for path in paths}
    for n in order:
        monkeypatch.setattr(stage, "place", lambda *_, n=n: blind[paths[n]])
        index(chain.es, run, paths[n])
    articles = chain.documents("articles")
    # Seen by the same run: the smaller id is the story's.
    assert {a["story_id"] for a in articles.values()} == {min(articles)}
    assert {m["story_id"] for m in chain.documents("mentions").values()} == {min(articles)}


def _place_now(chain, run, path):
    from rasid.pipeline.records import Entry
    from rasid.pipeline.store import read_records
    from rasid.pipeline.stories import place
    from rasid.sources import usable_feeds

    return place(chain.es, run, list(read_records(path, Entry)), {}, usable_feeds())


def test_a_batch_that_died_before_it_joined_joins_when_it_is_repeated(chain, monkeypatch):
    """The articles are written, the story is not: the second try mends it, with the same ending."""
    run, paths = _two_batches(chain, monkeypatch)
    blind = _place_now(chain, run, paths[1])
    index(chain.es, run, paths[0])
    with monkeypatch.context() as patched:
        patched.setattr(stage, "place", lambda *_: blind)
        patched.setattr(stage, "join_late", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            index(chain.es, run, paths[1])
    assert len({a["story_id"] for a in chain.documents("articles").values()}) == 2
    assert index(chain.es, run, paths[1]) == {"indexed": 1}
    assert len({a["story_id"] for a in chain.documents("articles").values()}) == 1


def test_an_article_whose_text_grew_into_a_copy_joins_the_story(chain):
    """A short first report is filled with the agency's text: both are one story then."""
    one, two = open_outlets(chain, "sabah", "masa")
    short = "\n".join((QUIET[0], QUIET[1], "وسنوافيكم بالتفاصيل تباعاً."))
    one.put("a", "عاجل من مأرب", short, hours_ago=1)
    two.put("b", TITLE, attack(), hours_ago=1)
    chain.run()
    assert len({a["story_id"] for a in chain.documents("articles").values()}) == 2
    chain.clock += timedelta(hours=1)
    one.put("a", TITLE, attack())
    chain.run()
    articles = chain.documents("articles")
    assert {a["story_id"] for a in articles.values()} == {min(articles)}


def test_groups_are_what_pairs_connect():
    """Three stories found the same in two pairs are one."""
    assert _groups([("a", "b"), ("c", "d"), ("b", "c"), ("x", "y")]) == [{"a", "b", "c", "d"}, {"x", "y"}]  # fmt: skip
