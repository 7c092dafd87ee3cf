"""A small week of mentions, articles, polls, runs and entries, drawn with a fixed seed."""

from __future__ import annotations

import random

from datetime import UTC, datetime, timedelta

import pytest

from rasid.search import Write, index_for, write_all


OUTLETS = [("الشاهد", "IQ"), ("البريد", "LB"), ("المرصد", "YE"), ("الميدان", "SD")]
ACTORS = [("حركة النهر", "militia"), ("كتائب الوادي", "militia"), ("الجيش", "state_army")]
PLACES = [("الفاشر", 13.63, 25.35), ("كركوك", 35.47, 44.39), ("تعز", 13.58, 44.02)]


def draw(count: int, now: datetime) -> list[Write]:
    """`count` articles with up to two mentions each, and the ops side of one week."""
    dice = random.Random(7)
    writes = []
    for number in range(count):
        seen = now - timedelta(minutes=dice.randrange(10, 6 * 24 * 60))
        outlet, country = dice.choice(OUTLETS)
        common = {"outlet": outlet, "country": country, "newsroom": outlet, "feed_id": outlet}
        common |= {"published_at": seen.isoformat(), "first_seen_at": seen.isoformat()}
        common |= {"title": "خبر من الميدان", "url": f"https://news.example/{number}"}
        mentions = []
        for part in range(dice.randrange(3)):
            (actor, kind_of), place = dice.choice(ACTORS), dice.choice(PLACES)
            event = dice.choice(["attack", "attack", "troop_movement"])
            militia = event == "attack" and kind_of == "militia"
            mentions.append(
                {
                    "mention_id": f"{number}-{part}",
                    "article_id": str(number),
                    "tag": "militia_attack" if militia else event,
                    "event": event,
                    "modality": dice.choice(
                        ["factual", "factual", "denied", "foiled", "threatened_planned"]
                    ),
                    "kind": dice.choice(
                        ["bombing", "ambush"] if event == "attack" else ["deploy", "withdraw"]
                    ),
                    "subtype": event,
                    "actor": actor,
                    "actor_class": kind_of,
                    "target": "حاجز",
                    "from": "المعسكر",
                    "to": place[0],
                    "place": place[0],
                    "place_precision": "city",
                    "location": {"lat": place[1], "lon": place[2]},
                    "weapon": dice.choice(["عبوة ناسفة", "طائرة مسيرة"]),
                    "killed": {"min": dice.randrange(4), "max": 4 + dice.randrange(4)},
                    "attribution": {"status": dice.choice(["claimed", "accused", "witness"])},
                    "sentence": {
                        "text": f"هاجمت {actor} حاجزاً في {place[0]}.",
                        "start": 0,
                        "end": 30,
                    },
                    "confidence": 0.9,
                    **common,
                }
            )
        tags = {"attack": any(m["event"] == "attack" for m in mentions), "mentions": len(mentions)}
        tags["troop_movement"] = any(m["event"] == "troop_movement" for m in mentions)
        article = {"article_id": str(number), "tags": tags, **common}
        writes.append(Write(index_for("articles", seen), str(number), 1, article))
        writes += [Write(index_for("mentions", seen), m["mention_id"], 1, m) for m in mentions]
        outcome = dice.choice(["indexed", "indexed", "duplicate", "quarantined", "waiting"])
        state = "waiting" if outcome == "waiting" else "settled"
        entry = {
            "entry_id": str(number),
            "state": state,
            "outcome": outcome,
            "first_seen_at": seen.isoformat(),
        }
        writes.append(Write(index_for("entries"), str(number), 1, entry))
    for number in range(60):
        at = (now - timedelta(hours=2 * number + 1)).isoformat()
        feed = dice.choice(OUTLETS)[0]
        poll = {
            "poll_id": str(number),
            "feed_id": feed,
            "polled_at": at,
            "elapsed_ms": dice.randrange(900),
        }
        poll["outcome"] = dice.choice(["ok", "not_modified", "server_error", "timeout"])
        writes.append(Write(index_for("polls"), str(number), 1, poll))
        books = {"seen": 9, "known": 5, "new": 4, "waiting": number % 2, "closed": number % 9 > 0}
        for feed_id in ("*", feed):
            run = {"run_id": str(number), "feed_id": feed_id, "started_at": at, **books}
            writes.append(Write(index_for("runs"), f"{number}{feed_id}", 1, run))
    return writes


@pytest.fixture
def week(es):
    """The node with that week in it."""
    results = write_all(es, draw(200, datetime.now(UTC)))
    assert {"created"} == {result.status for result in results}
    es.indices.refresh(index="rasid-*")
    return es
