"""The golden article of ../shared/seed: every event with its modality, and hardly a trap."""

from __future__ import annotations

import json

from datetime import datetime

import pytest

from rasid.settings import ROOT


SEED = ROOT.parent / "shared" / "seed"
PUBLISHED = datetime(2021, 4, 8)  # noqa: DTZ001 (a date only)
# The seed's annotation is older and finer than the codebook (tagging.md §2).
MODALITY = {
    "planned": "threatened_planned",
    "threatened": "threatened_planned",
    "hypothetical": "threatened_planned",
    "background": "historical_background",
}
STATIC = "deployment_state"  # a presence: no mention under the codebook
MOST_TRAPS = 1

pytestmark = pytest.mark.skipif(
    not SEED.exists(), reason="the golden article is not beside this checkout"
)


def overlaps(span, start, end):
    return start < span[1] and end > span[0]


@pytest.fixture(scope="module")
def mentions(tagger):
    return tagger.tag((SEED / "article.ar.txt").read_text("utf-8"), published_at=PUBLISHED)


@pytest.fixture(scope="module")
def gold():
    return json.loads((SEED / "seed_gold.json").read_text("utf-8"))


def test_every_event_is_found_with_its_modality(mentions, gold):
    missed = []
    events = [e for e in gold["events"] if e.get("kind") != STATIC]
    for event in events:
        modality = MODALITY.get(event["modality"], event["modality"])
        found = {
            m.modality
            for m in mentions
            if m.tag == event["type"] and overlaps(event["span"], m.start, m.end)
        }
        if modality not in found:
            missed.append((event["trigger"], modality, found))
    assert len(events) == 20
    assert missed == []


def test_hardly_a_trap_fires(mentions, gold):
    events = [e["span"] for e in gold["events"]]
    stray = [m for m in mentions if not any(overlaps(span, m.start, m.end) for span in events)]
    places = [r for m in mentions for r in (*m.places, *m.from_, *m.to)]
    fallen = []
    for trap in gold["must_not_fire"]:
        of_place = trap["why"].startswith(("not the place", "dateline"))
        spans = [(m.start, m.end) for m in stray]
        spans += [(r.start, r.end) for r in places] if of_place else []
        if any(overlaps(trap["span"], *span) for span in spans):
            fallen.append(trap["text"])
    assert len(fallen) <= MOST_TRAPS, fallen
