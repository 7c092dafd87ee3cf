"""Scoring the tagger: figures are kept, and what fell is an alarm for as long as it holds."""

from __future__ import annotations

import json

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest

from rasid.pipeline import score as stage
from rasid.pipeline.alarms import Kind, Severity, open_alarms
from rasid.pipeline.records import Run
from rasid.pipeline.score import Fall, Scored, judge, label_sets, score, scored_of
from rasid.tagging import GOLD


class Tagger:
    """A version by name, with figures by hand: what is tested is what becomes of them."""

    def __init__(self, version, **figures):
        self.version = version
        self.figures = {"attack": 0.95, "alarms": 2.0, "roles head": 0.9} | figures


@pytest.fixture
def installed(monkeypatch):
    """`installed(tagger, below)` is the tagger of this process, and what falls below floors."""

    def install(tagger, below=()):
        table = {"0.9": {"mentions": 10, "right": 0.9}}
        figures = {**tagger.figures, "calibration": table}
        monkeypatch.setattr(stage, "tagger", lambda: tagger)
        monkeypatch.setattr(stage, "evaluate", lambda *_: {"all": figures, "agency": figures})
        monkeypatch.setattr(stage, "below_floors", lambda *_: list(below))

    return install


class Nights:
    """One run a night."""

    def __init__(self, es):
        self.es = es
        self.at = datetime(2026, 11, 1, 4, 30, tzinfo=UTC)

    def run(self):
        self.at += timedelta(days=1)
        run = Run(f"night__{self.at:%d}", "score_tagger", self.at)
        scored = score(self.es, run, str(GOLD))
        return scored, judge(self.es, run, [scored])

    def documents(self):
        self.es.indices.refresh(index="rasid-scores")
        hits = self.es.search(index="rasid-scores", size=100)["hits"]["hits"]
        return {hit["_id"]: hit["_source"] for hit in hits}


@pytest.fixture
def nights(es):
    return Nights(es)


@pytest.mark.node
def test_the_figures_are_kept_by_stratum(nights, installed):
    installed(Tagger("one.1.joint"))
    nights.run()
    documents = nights.documents()
    assert set(documents) == {"night__02|gold|all", "night__02|gold|agency"}
    kept = documents["night__02|gold|all"]
    assert kept["figures"] == {"attack": 0.95, "alarms": 2.0, "roles_head": 0.9}
    assert kept["calibration"] == [{"confidence": 0.9, "mentions": 10, "right": 0.9}]
    assert kept["tagger_version"] == "one.1.joint"
    mapped = nights.es.indices.get_field_mapping(index="rasid-scores", fields="figures.attack")
    (index,) = mapped.values()
    assert index["mappings"]["figures.attack"]["mapping"]["attack"]["type"] == "float"


@pytest.mark.node
def test_a_drop_since_the_version_before_is_an_alarm_until_the_figure_is_back(nights, installed):
    """Not only in the first night: the version before is what counts, not the night before."""
    installed(Tagger("one.1.joint"))
    assert nights.run()[1].opened == ()
    installed(Tagger("two.1.joint", attack=0.91))
    scored, changes = nights.run()
    assert scored.falls == (Fall("attack", 0.91, 0.95),)
    (alarm,) = changes.opened
    assert alarm.finding.severity == Severity.WARNING
    assert "attack 0.950 → 0.910" in alarm.finding.reason_en
    assert "رصد الهجمات" in alarm.finding.reason_ar
    assert len(nights.run()[1].still_open) == 1
    installed(Tagger("three.1.joint", attack=0.96))
    assert len(nights.run()[1].closed) == 1
    assert open_alarms(nights.es, kinds=[Kind.TAGGER_SCORE]) == []


@pytest.mark.node
@pytest.mark.parametrize(
    ("figures", "fell"),
    [
        ({"attack": 0.93}, []),
        ({"alarms": 4.9}, []),
        ({"alarms": 5.1}, ["alarms"]),
        ({"alarms": 0.0, "attack": 0.99}, []),
        ({"roles head": 0.8}, ["roles head"]),
    ],
)
def test_only_what_is_clearly_worse_has_fallen(nights, installed, figures, fell):
    installed(Tagger("one.1.joint"))
    nights.run()
    installed(Tagger("two.1.joint", **figures))
    assert [fall.name for fall in nights.run()[0].falls] == fell


@pytest.mark.node
def test_a_figure_below_its_floor_is_critical(nights, installed):
    line = "gold, all: attack is 0.9500, its floor 0.96"
    installed(Tagger("one.1.joint"), below=[line])
    (alarm,) = nights.run()[1].opened
    assert alarm.finding.severity == Severity.CRITICAL
    assert line in alarm.finding.reason_en
    assert alarm.finding.details["below"] == [line]


@pytest.mark.node
def test_the_real_tagger_is_scored_on_the_own_gold(nights):
    """Nothing beside this checkout is needed."""
    scored, _ = nights.run()
    assert scored.labels == "gold"
    figures = nights.documents()["night__02|gold|all"]["figures"]
    assert figures["attack"] > 0.8
    assert figures["quiet_documents"] >= 49


def test_the_own_gold_is_always_among_the_labels():
    assert str(GOLD) in label_sets()


def test_what_travels_between_tasks_comes_back():
    scored = Scored("gold", "one.1.joint", ("a line",), (Fall("attack", 0.9, 0.95),))
    assert scored_of(json.loads(json.dumps(asdict(scored)))) == scored
