"""Tagging the archive again: compared first, switched when asked, nothing taken up twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from rasid.errors import ConfigError
from rasid.pipeline import retag
from rasid.pipeline.index import index
from rasid.pipeline.reread import take_up
from rasid.pipeline.retag import compare, days, differences, report
from rasid.pipeline.settle import settle
from rasid.pipeline.tag import tag
from tests.pipeline.conftest import Chain


@pytest.fixture
def one_feed(chain: Chain) -> Chain:
    """One feed of 22 articles is enough; read and tagged once by today's tagger."""
    chain.feeds = ("furat",)
    chain.write_registry()
    chain.run()
    return chain


class OtherTagger:
    """Another version: `change` makes other mentions of those found."""

    version = "0ther.9.joint"

    def __init__(self, real):
        self.real = real
        self.change = lambda mentions: mentions

    def tag(self, text, **about):
        return self.change(self.real.tag(text, **about))


@pytest.fixture
def other(monkeypatch):
    from rasid.pipeline import tag as stage

    new = OtherTagger(stage.tagger())
    for module in (stage, retag):
        monkeypatch.setattr(module, "tagger", lambda: new)
    return new


def go(chain: Chain, *, apply: bool, version: str = "", kill: bool = False):
    """One run as its DAG calls the stages: what was compared, the report, how many it switched."""
    es, run = chain.es, replace(chain.new_run(), dag_id="retag_archive")
    named = days(es, None, None, "", version)
    done = [compare(es, run, day, "", version, apply=apply) for day in named]
    text = report(es, run, done, apply=apply)
    paths = take_up(run, done)
    for path in paths if not kill else ():
        index(es, run, tag(run, path))
    if kill:
        return done, text, 0
    whole = settle(es, run, [])[-1]
    assert whole.closed
    return done, text, whole.carried


@pytest.mark.node
def test_what_todays_tagger_tagged_is_not_tagged_again(one_feed):
    assert days(one_feed.es, None, None) == []
    compared, text, switched = go(one_feed, apply=True)
    assert (compared, switched) == ([], 0)
    assert "0 articles tagged again" in text


@pytest.mark.node
def test_a_comparison_reports_gained_lost_and_changed_and_switches_nothing(one_feed, other):
    """Attacks become foiled, movements are lost, and a report says so with the sentences."""
    before = one_feed.documents("mentions")
    articles = one_feed.documents("articles")
    attacks = [m for m in before.values() if m["event"] == "attack"]
    moves = [m for m in before.values() if m["event"] == "troop_movement"]
    assert attacks
    assert moves
    other.change = lambda mentions: [
        replace(m, modality="denied", killed=None) for m in mentions if m.tag == "attack"
    ]
    (day,), text, switched = go(one_feed, apply=False)
    assert day.pages == len(articles)
    assert day.changes["lost"] == len(moves)
    assert day.changes["changed"] == sum(m["modality"] != "denied" for m in attacks)
    assert switched == 0
    assert one_feed.documents("mentions") == before
    assert one_feed.documents("articles") == articles
    assert "modality factual → denied" in text
    assert f"\u2068{moves[0]['sentence']['text']}\u2069" in text or len(moves) > 5
    changes = one_feed.documents("changes").values()
    assert {c["applied"] for c in changes} == {False}
    assert {c["after"]["tagger_version"] for c in changes} == {other.version}
    of = Counter(m["change"] for c in changes for m in c["mentions"])
    assert of == Counter(day.changes)


@pytest.mark.node
def test_switched_articles_carry_the_version_and_the_mentions_of_today(one_feed, other):
    """Unchanged ones too: the next run finds nothing that is not of today's version."""
    before = one_feed.documents("mentions")
    other.change = lambda mentions: [m for m in mentions if m.tag == "attack"]
    _, _, switched = go(one_feed, apply=True)
    articles = one_feed.documents("articles")
    assert switched == len(articles)
    assert {a["tagger_version"] for a in articles.values()} == {other.version}
    assert {a["tags"]["troop_movement"] for a in articles.values()} == {False}
    now = one_feed.documents("mentions")
    assert {m["event"] for m in now.values()} == {"attack"}
    assert set(now) == {key for key, m in before.items() if m["event"] == "attack"}
    assert {e["outcome"] for e in one_feed.documents("entries").values()} == {"updated"}
    assert days(one_feed.es, None, None) == []

    other.change = lambda mentions: mentions
    other.version = "0ther.10.joint"
    (day,), _, _ = go(one_feed, apply=True)
    assert day.changes == {"gained": len(before) - len(now)}
    assert set(one_feed.documents("mentions")) == set(before)


@pytest.mark.node
def test_text_dates_and_versions_of_an_article_stay_as_they_were(one_feed, other):
    """A new tagger is no new version of a text."""
    before = one_feed.documents("articles")
    go(one_feed, apply=True)
    own = {"tags", "tagger_version", "lexicon_version", "revision", "run_id", "dag_id"}
    for key, article in one_feed.documents("articles").items():
        assert {k: v for k, v in article.items() if k not in own} == {
            k: v for k, v in before[key].items() if k not in own
        }


@pytest.mark.node
def test_a_switch_that_died_is_finished_by_the_next_run(one_feed, other):
    many = len(one_feed.documents("articles"))
    go(one_feed, apply=True, kill=True)
    assert go(one_feed, apply=True)[2] == many


@pytest.mark.node
def test_one_version_alone_can_be_asked_for(one_feed, other):
    (now,) = {a["tagger_version"] for a in one_feed.documents("articles").values()}
    assert days(one_feed.es, None, None, "", "unheard.of.rules") == []
    assert len(days(one_feed.es, None, None, "", now)) == 1
    assert days(one_feed.es, None, None, "sahel", now) == []


@pytest.mark.node
def test_a_withdrawn_article_rests(one_feed, other):
    """Its mentions say what was published; they stay as they were."""
    one_feed.es.update_by_query(
        index="rasid-articles",
        query={"match_all": {}},
        script={"source": "ctx._source.withdrawn_at = '2026-11-29T00:00:00Z'"},
        refresh=True,
    )
    assert days(one_feed.es, None, None) == []


@pytest.mark.node
def test_a_period_longer_than_a_run_takes_is_refused_with_the_remedy(one_feed, other, monkeypatch):
    monkeypatch.setattr(retag, "MOST_DAYS", 0)
    with pytest.raises(ConfigError, match="shorter period"):
        days(one_feed.es, None, None)


ONE = {"min": 1, "max": 1}


def mention(start=0, trigger="قصف", event="attack", **fields):
    return {
        "event": event,
        "trigger": {"text": trigger, "start": start, "end": start + len(trigger)},
        "sentence": {"text": "جملة", "start": start - start % 100, "end": start - start % 100 + 99},
        "modality": "factual",
        **fields,
    }


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([mention()], [mention()], []),
        ([], [mention()], [("gained", [])]),
        ([mention()], [], [("lost", [])]),
        ([mention()], [mention(modality="denied")], [("changed", ["modality"])]),
        ([mention(actor=["أ"])], [mention(actor=[])], [("changed", ["actor"])]),
        ([mention(actor=[])], [mention(actor=None)], []),
        ([mention(killed=ONE)], [mention(killed={**ONE, "who": "armed"})], []),
        ([mention(killed=ONE)], [mention(killed=None)], [("changed", ["killed"])]),
        ([mention(0)], [mention(10, "هجوم")], [("changed", ["trigger"])]),
        ([mention(0)], [mention(210)], [("lost", []), ("gained", [])]),
        ([mention(0)], [mention(0, event="troop_movement")], [("lost", []), ("gained", [])]),
        ([mention(0), mention(20)], [mention(20)], [("lost", [])]),
    ],
    ids=[
        "same",
        "new",
        "gone",
        "other",
        "role",
        "empty",
        "bounds",
        "count",
        "word",
        "place",
        "event",
        "overlap-first",
    ],
)
def test_mentions_are_paired_by_trigger_then_by_sentence(before, after, expected):
    found = [(d["change"], d["differs"]) for d in differences(before, after)]
    assert found == expected
