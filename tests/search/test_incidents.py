"""Incidents: own-written stories of several outlets, stable ids, rival claims, the real node."""

from __future__ import annotations

import random
import time

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rasid.search import Write, index_for, write_all
from rasid.search.incidents import document, link, link_incidents


STORIES = Path(__file__).parents[1] / "data" / "search" / "stories.txt"
START = datetime(2026, 11, 1, tzinfo=UTC)


def stories() -> list[tuple[str, dict]]:
    """Every report as (name of its event, mention)."""
    told = []
    lines = [line for line in STORIES.read_text("utf-8").splitlines() if line[:1] != "#"]
    for number, line in enumerate(lines):
        event, moment, place, actor, kind, target, killed, *reports = line.split(", ")
        day, hour = moment.split("T")
        at = START + timedelta(days=int(day), hours=int(hour))
        facts = {"place": place, "actor": actor, "kind": kind, "target": target, "killed": killed}
        for part, report in enumerate(reports):
            changes, _, sentence = report.rpartition("|")
            own = facts | dict(change.split("=") for change in changes.split(";") if change)
            count = {"killed": {"min": int(own["killed"]), "max": int(own["killed"])}} if own["killed"] else {"killed": None}  # fmt: skip
            told.append(
                (
                    str(number),
                    {
                        "modality": "factual",
                        **{name: value or None for name, value in own.items()},
                        **count,
                        "event": "attack" if event == "attack" else "troop_movement",
                        "tag": "attack" if event == "attack" else "troop_movement",
                        "mention_id": f"{number}-{part}",
                        "article_id": f"{number}-{part}",
                        "newsroom": f"غرفة {part}",
                        "outlet": f"وسيلة {part}",
                        "published_at": (at + timedelta(hours=2 * part)).isoformat(),
                        "first_seen_at": (at + timedelta(hours=2 * part, minutes=9)).isoformat(),
                        "sentence": {"text": sentence, "start": 0, "end": len(sentence)},
                    },
                )
            )
    return told


def b_cubed(truth: dict[str, str], found: dict[str, str]) -> float:
    """F1 of Bagga & Baldwin 1998: precision and recall of each item's neighbours, averaged."""

    def groups(of):
        out = defaultdict(set)
        for item, name in of.items():
            out[name].add(item)
        return {item: out[name] for item, name in of.items()}

    real, ours = groups(truth), groups(found)
    shared = [len(real[i] & ours[i]) for i in truth]
    precision = sum(s / len(ours[i]) for s, i in zip(shared, truth, strict=True)) / len(truth)
    recall = sum(s / len(real[i]) for s, i in zip(shared, truth, strict=True)) / len(truth)
    return 2 * precision * recall / (precision + recall)


def test_stories_are_clustered_as_a_person_would():
    told = stories()
    truth = {mention["mention_id"]: name for name, mention in told}
    incidents = link(mention for _, mention in told)
    found = {m["mention_id"]: incident.id for incident in incidents for m in incident.mentions}
    score = b_cubed(truth, found)
    print(f"{len(set(truth.values()))} events, {len(truth)} mentions: B3 F1 {score:.3f}")  # noqa: T201
    assert len(set(truth.values())) >= 30
    assert len(truth) >= 120
    assert score >= 0.90


def test_ids_stay_when_reports_arrive_one_by_one():
    told = [mention for _, mention in stories()]
    told.sort(key=lambda m: m["first_seen_at"])
    known, ids = [], set()
    for start in range(0, len(told), 10):
        incidents = link(told[start : start + 10], known)
        now = {incident.id for incident in incidents}
        assert ids <= now
        ids, known = now, [incident.mentions for incident in incidents]
    assert ids == {incident.id for incident in link(told)}


def test_rival_numbers_and_denials_stand_side_by_side():
    (incident,) = link(mention for name, mention in stories() if name == "5")
    told = document(incident)
    assert told["contradicted"]
    assert "modality" in told["contradictions"]
    assert told["modalities"] == ["denied", "factual"]
    assert told["sources"] == 4
    assert told["first_newsroom"] == "غرفة 0"
    (incident,) = link(mention for name, mention in stories() if name == "0")
    told = document(incident)
    assert told["killed"] == {"min": 9, "max": 12}
    assert "killed" in told["contradictions"]


def test_threats_open_no_incident():
    _, mention = stories()[0]
    assert link([{**mention, "modality": "threatened_planned"}]) == []


def many(count: int) -> list[dict]:
    """The stories told over and over at other times and in other places."""
    dice = random.Random(3)
    events = defaultdict(list)
    for name, mention in stories():
        events[name].append(mention)
    out = []
    while len(out) < count:
        shift = timedelta(days=dice.randrange(365), minutes=dice.randrange(1440))
        place = dice.randrange(400)  # as many as a year of news names
        for told in dice.choice(list(events.values())):
            mention = {**told, "mention_id": f"m{len(out)}", "article_id": f"a{len(out)}"}
            for name in ("published_at", "first_seen_at"):
                mention[name] = (datetime.fromisoformat(told[name]) + shift).isoformat()
            for name in ("place", "to"):
                if mention.get(name):
                    mention[name] = f"{mention[name]} {place}"
            out.append(mention)
    return out[:count]


@pytest.mark.slow
def test_a_hundred_thousand_mentions_take_a_minute_at_most():
    mentions = many(100_000)
    start = time.perf_counter()
    incidents = link(mentions)
    taken = time.perf_counter() - start
    print(f"100,000 mentions, {len(incidents)} incidents: {taken:.1f} s")  # noqa: T201
    assert taken <= 60


@pytest.mark.node
def test_a_second_run_writes_only_what_grew(es):
    told = [mention for _, mention in stories()]
    cut = len(told) // 2

    def store(mentions):
        write_all(
            es, [Write(index_for("mentions", START), m["mention_id"], 1, m) for m in mentions]
        )
        es.indices.refresh(index="rasid-*")

    store(told[:cut])
    first = link_incidents(es, since=START)
    es.indices.refresh(index="rasid-incidents")
    assert {result.status for result in first} == {"created"}
    assert link_incidents(es, since=START) == []
    store(told[cut:])
    second = link_incidents(es, since=START)
    es.indices.refresh(index="rasid-incidents")
    assert 0 < len(second) < len(first) + len(second)
    counted = {"n": {"sum": {"field": "mention_count"}}}
    answer = es.search(index="rasid-incidents", size=0, aggs=counted)
    assert answer["aggregations"]["n"]["value"] == len(told)
