"""A small week of everything that dashboards show, drawn with a fixed seed."""

from __future__ import annotations

import random

from datetime import UTC, datetime, timedelta

import pytest

from rasid.search import Write, index_for, write_all


# Two feeds of one newsroom are one voice.
OUTLETS = [
    ("الشاهد", "shahid", "Iraq"),
    ("الشاهد عاجل", "shahid", "Iraq"),
    ("البريد", "barid", "Lebanon"),
    ("الميدان", "midan", "Sudan"),
]
ACTORS = [
    ("قوات الدعم السريع", "rapid-support-forces", "militia"),
    ("الحوثيون", "houthis", "militia"),
    ("الجيش العراقي", "force.jaysh:IQ", "state"),
    ("قواته", "force.quwwat", "state"),
]
PLACES = [("الفاشر", 13.63, 25.35), ("كركوك", 35.47, 44.39), ("تعز", 13.58, 44.02)]
ATTACKS = ["ied_mine", "rocket_shelling", "clash"]
MOVES = ["deploy", "withdraw", "advance"]
MODALITIES = ["factual", "factual", "denied", "foiled", "threatened_planned", "demanded"]


def draw(count: int, now: datetime) -> list[Write]:
    """`count` articles with up to two mentions each, incidents, and the ops side of one week."""
    dice = random.Random(7)
    writes: list[Write] = []
    for number in range(count):
        # Days begin and end on no article: a slow machine's "now" moves while a test runs.
        low, high = dice.choice([(0, 22), (0, 22), (26, 46), (50, 144)])
        seen = now - timedelta(minutes=dice.randrange(10 + 60 * low, 60 * high))
        published = seen - timedelta(minutes=dice.randrange(1, 9))
        outlet, newsroom, country = dice.choice(OUTLETS)
        common = {
            "outlet": outlet,
            "country": country,
            "newsroom": newsroom,
            "feed_id": newsroom,
            "published_at": published.isoformat(),
            "first_seen_at": seen.isoformat(),
            "title": "خبر من الميدان",
            "url": f"https://news.example/{number}",
            "article_id": str(number),
        }
        mentions = [
            _mention(dice, f"{number}-{part}") | common for part in range(dice.randrange(3))
        ]
        tags = {event: any(m["event"] == event for m in mentions) for event in ("attack", "troop_movement")}  # fmt: skip
        article = {
            **common,
            "story_id": str(number // 3),
            "version": dice.choice([1, 1, 1, 2]),
            "withdrawn_at": dice.choice([None, None, None, now.isoformat()]),
            "published_precision": dice.choice(["minute", "minute", "day"]),
            "tags": tags | {"mentions": len(mentions)},
        }
        writes.append(Write(index_for("articles", seen), str(number), 1, article))
        writes += [Write(index_for("mentions", seen), m["mention_id"], 1, m) for m in mentions]
        writes += [_incident(dice, mention) for mention in mentions if dice.random() < 0.6]
        writes.append(_entry(dice, number, seen))
    for number in range(60):
        writes += _run(dice, number, now - timedelta(minutes=100 * number + 5))
    writes += [_watch(dice, number, now - timedelta(hours=number)) for number in range(20)]
    writes += [_score(dice, number, now - timedelta(hours=number)) for number in range(12)]
    return writes + [_alarm(dice, number, now) for number in range(6)]


def _mention(dice: random.Random, mention_id: str) -> dict:
    actors = dice.sample(ACTORS, dice.choice([0, 1, 1, 2]))
    place = dice.choice(PLACES)
    event = dice.choice(["attack", "attack", "troop_movement"])
    kind_of = actors[0][2] if actors else "unknown"
    militia = event == "attack" and kind_of == "militia"
    status = dice.choice(["claimed", "accused", "witness", "none"])
    return {
        "mention_id": mention_id,
        "tag": "militia_attack" if militia else event,
        "event": event,
        "modality": dice.choice(MODALITIES),
        "kind": dice.choice(ATTACKS if event == "attack" else MOVES),
        "actor": [actor for actor, _, _ in actors],
        "actor_id": [actor_id for _, actor_id, _ in actors],
        "actor_class": kind_of,
        "target": ["حاجز"],
        "from": dice.choice([[], ["المعسكر"]]),
        "to": dice.choice([[], [place[0]]]),
        "place": [place[0]],
        "place_precision": dice.choice(["town", "town", "country"]),
        "location": {"lat": place[1], "lon": place[2]},
        "weapon_id": [dice.choice(["weapon.ied", "weapon.drone"])],
        "killed": dice.choice([None, {"min": dice.randrange(4), "max": 4 + dice.randrange(4)}]),
        "attribution": {
            "status": status,
            "claimed_by": [actor for actor, _, _ in actors] if status == "claimed" else [],
        },
        "sentence": {"text": f"هوجم حاجز في {place[0]}.", "start": 0, "end": 30},
        "confidence": 0.9,
    }


def _incident(dice: random.Random, mention: dict) -> Write:
    newsrooms = dice.sample(["shahid", "barid", "midan"], dice.choice([1, 1, 2, 3]))
    incident = {
        "incident_id": mention["mention_id"],
        **{key: mention[key] for key in ("tag", "event", "modality", "actor_class", "killed")},
        **{key: mention[key] for key in ("place", "place_precision", "location", "from", "to")},
        "modalities": [mention["modality"]],
        "kinds": [mention["kind"]],
        "actors": mention["actor"],
        "actor_ids": mention["actor_id"],
        "weapon_ids": mention["weapon_id"],
        "targets": mention["target"],
        "claimed_by": mention["attribution"]["claimed_by"],
        "contradicted": dice.random() < 0.3,
        "contradictions": ["killed"],
        "first_newsroom": newsrooms[0],
        "first_outlet": mention["outlet"],
        "first_url": mention["url"],
        "newsrooms": newsrooms,
        "sources": len(newsrooms),
        "first_reported_at": mention["published_at"],
        # An event of last month that became known now is new today.
        "event_time": "2026-01-01T00:00:00+00:00",
        "sentence": mention["sentence"]["text"],
        "mention_ids": [mention["mention_id"]],
    }
    return Write(index_for("incidents"), incident["incident_id"], 1, incident)


def _entry(dice: random.Random, number: int, seen: datetime) -> Write:
    outcome = dice.choice(["indexed", "indexed", "duplicate", "dropped", "quarantined", None])
    entry = {
        "entry_id": str(number),
        "feed_id": dice.choice(["shahid", "barid"]),
        "state": "settled" if outcome else "waiting",
        "outcome": outcome,
        "cause": {"dropped": "not_arabic", "quarantined": "no_text"}.get(outcome),
        "first_seen_at": seen.isoformat(),
    }
    return Write(index_for("entries"), str(number), 1, entry)


def _watch(dice: random.Random, number: int, at: datetime) -> Write:
    seen = {
        "feed_id": dice.choice(["shahid", "barid", "midan"]),
        "watched_at": (at - timedelta(minutes=5)).isoformat(),
        "volume": {"observed": dice.randrange(20), "expected": 10.5},
        "latency": {"articles": 9, "p50": dice.randrange(1, 9), "p95": dice.randrange(9, 60)},
        "reading": {"articles": 9, "empty": dice.random() / 5, "repaired": 0.0},
    }
    return Write(index_for("watch"), str(number), 1, seen)


def _score(dice: random.Random, number: int, at: datetime) -> Write:
    figures = ("attack", "militia", "movement", "factual", "class", "kind", "roles_head")
    score = {
        "run_id": str(number),
        "scored_at": at.isoformat(),
        "labels": dice.choice(["gold", "dev"]),
        "stratum": dice.choice(["all", "all", "wire"]),
        "tagger_version": dice.choice(["v1", "v2"]),
        "figures": {name: dice.random() for name in figures} | {"alarms": dice.random() * 9},
    }
    return Write(index_for("scores"), str(number), 1, score)


def _run(dice: random.Random, number: int, at: datetime) -> list[Write]:
    feed = dice.choice(["shahid", "barid", "midan"])
    poll = {
        "poll_id": str(number),
        "feed_id": feed,
        "polled_at": at.isoformat(),
        "elapsed_ms": dice.randrange(900),
        "outcome": dice.choice(["ok", "not_modified", "server_error", "timeout"]),
    }
    books = {"seen": 9, "known": 5, "new": 4, "carried": 1, "waiting": number % 2}
    books |= {"closed": number % 9 > 0, "started_at": at.isoformat(), "run_id": str(number)}
    return [
        Write(index_for("polls"), str(number), 1, poll),
        *(
            Write(index_for("runs"), f"{number}{name}", 1, {"feed_id": name, **books})
            for name in ("*", feed)
        ),
    ]


def _alarm(dice: random.Random, number: int, now: datetime) -> Write:
    alarm = {
        "alarm_id": str(number),
        "kind": "silence",
        "severity": dice.choice(["warning", "critical"]),
        "state": "open" if number % 2 else "closed",
        "subject": "feed:barid",
        "feed_id": "barid",
        "reason": {"ar": "لم يأت من المصدر شيء منذ يومين", "en": "Nothing came for two days"},
        "opened_at": (now - timedelta(days=20)).isoformat(),
        "last_seen_at": (now - timedelta(hours=30 * number + 1)).isoformat(),
    }
    return Write(index_for("alarms"), str(number), 1, alarm)


@pytest.fixture
def week(es):
    """The node with that week in it."""
    results = write_all(es, draw(300, datetime.now(UTC).replace(microsecond=0)))
    assert {"created"} == {result.status for result in results}
    es.indices.refresh(index="rasid-*")
    return es
