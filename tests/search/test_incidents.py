"""Incidents: own-written stories of several outlets, stable ids, rival claims, the real node."""

from __future__ import annotations

import random
import time

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from elasticsearch import Elasticsearch

from rasid.errors import SearchUnavailable
from rasid.search import Write, delete_stale_mentions, index_for, linking, write_all
from rasid.search.incidents import document, independent, link, when
from rasid.search.linking import link_incidents


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
            count = {"killed": {"min": int(own["killed"]), "max": int(own["killed"]), "who": "جنود"}} if own["killed"] else {"killed": None}  # fmt: skip
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
    known, ids = {}, set()
    for start in range(0, len(told), 10):
        incidents = link(told[start : start + 10], known)
        now = {incident.id for incident in incidents}
        assert ids <= now
        ids, known = now, {incident.id: incident.mentions for incident in incidents}
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


def test_copies_and_feeds_of_one_newsroom_are_one_source():
    """Agency text in three papers and a paper's two feeds: two independent sources."""
    told = [("وكالة", "s1"), ("صحيفة أ", "s1"), ("صحيفة ب", "s1"), ("ميدان", None), ("ميدان", "s2")]
    members = [
        {"article_id": str(n), "newsroom": newsroom, "story_id": story}
        for n, (newsroom, story) in enumerate(told)
    ]
    assert independent(members) == 2
    assert independent([{"article_id": "1"}, {"article_id": "2"}]) == 2


def test_each_version_is_kept_with_those_who_tell_it():
    (incident,) = link(mention for name, mention in stories() if name == "0")
    claims = document(incident)["claims"]
    by_number = {(c["killed"] or {}).get("min"): c for c in claims if c["actor"]}
    assert set(by_number) == {12, 9, None}
    assert by_number[9]["newsrooms"] == ["غرفة 1"]
    assert by_number[9]["sentence"].startswith("مقتل تسعة")


def test_spellings_of_one_actor_are_no_contradiction():
    base = {
        "event": "attack",
        "tag": "attack",
        "place": "الفاشر",
        "modality": "factual",
        "article_id": "x",
        "kind": "shelling",
    }
    seen = {"published_at": START.isoformat(), "first_seen_at": START.isoformat()}
    reports = [
        {**base, **seen, "mention_id": "1", "actor": ["الدعم السريع"], "actor_id": ["rsf"]},
        {**base, **seen, "mention_id": "2", "actor": ["قوات الدعم السريع"], "actor_id": ["rsf"]},
        {**base, **seen, "mention_id": "3", "actor": ["مسلحون"], "actor_id": []},
    ]
    told = document(link(reports)[0])
    assert told["mention_count"] == 3
    assert not told["contradicted"]
    reports[1]["actor_id"] = ["saf"]
    assert document(link(reports)[0])["contradictions"] == ["actor"]


@pytest.mark.parametrize(
    ("event_time", "precision", "published", "expected"),
    [
        ("2026-11-23", "day", "2026-11-24T10:00:00+00:00", "2026-11-23T12:00:00+00:00"),
        ("2026-11-24", "day", "2026-11-24T10:00:00+00:00", "2026-11-24T10:00:00+00:00"),
        ("2026-11-01", "month", "2026-11-24T10:00:00+00:00", "2026-11-24T10:00:00+00:00"),
        (None, None, "2026-11-24T10:00:00+03:00", "2026-11-24T07:00:00+00:00"),
        (None, None, None, "2026-11-25T00:00:00+00:00"),
    ],
)
def test_the_time_of_an_event_is_as_exact_as_the_report(event_time, precision, published, expected):
    mention = {
        "event_time": event_time,
        "event_time_precision": precision,
        "published_at": published,
        "first_seen_at": "2026-11-25T00:00:00+00:00",
    }
    assert when(mention) == datetime.fromisoformat(expected)


def test_daily_shelling_of_one_town_is_no_endless_incident():
    base = {
        "event": "attack",
        "place": "الفاشر",
        "actor": "x",
        "kind": "shelling",
        "modality": "factual",
    }
    days = [(START + timedelta(days=n)).isoformat() for n in range(30)]
    reports = [
        {**base, "mention_id": str(n), "article_id": str(n), "published_at": d, "first_seen_at": d}
        for n, d in enumerate(days)
    ]
    assert all(i.last - i.first <= timedelta(hours=72) for i in link(reports))


@pytest.mark.node
class TestOnTheNode:
    """`link_incidents` over stored mentions."""

    def store(self, es, mentions, version=1):
        index = index_for("mentions", START)
        write_all(
            es,
            [Write(index, m["mention_id"], version, {**m, "revision": version}) for m in mentions],
        )

    def state(self, es):
        """Incidents by id, and the incident of every mention."""
        es.indices.refresh(index="rasid-*")
        incidents = es.search(index="rasid-incidents", size=1000)["hits"]["hits"]
        mentions = es.search(index="rasid-mentions", size=1000)["hits"]["hits"]
        return (
            {hit["_id"]: hit["_source"] for hit in incidents},
            {hit["_id"]: hit["_source"].get("incident_id") for hit in mentions},
        )

    def assert_consistent(self, es):
        """Each mention stands in exactly the incident it names."""
        incidents, belongs = self.state(es)
        listed = [(name, i) for i, doc in incidents.items() for name in doc["mention_ids"]]
        assert sorted(listed) == sorted(belongs.items())
        assert not any(doc.get("outdated") for doc in incidents.values())

    def test_a_second_run_writes_only_what_grew(self, es):
        told = [mention for _, mention in stories()]
        cut = len(told) // 2
        self.store(es, told[:cut])
        first = link_incidents(es)
        assert first.mentions == cut
        assert first.opened > 0 == first.changed
        before, _ = self.state(es)
        assert link_incidents(es) == linking.Linked()
        self.store(es, told[cut:])
        second = link_incidents(es)
        after, _ = self.state(es)
        assert second.mentions == len(told) - cut
        assert before.keys() <= after.keys()
        unchanged = sum(before[name] == after[name] for name in before)
        assert unchanged == len(before) - second.changed > 0
        self.assert_consistent(es)

    def test_linked_at_once_or_bit_by_bit_it_is_the_same(self, es, monkeypatch):
        told = [mention for _, mention in stories()]
        self.store(es, told)
        link_incidents(es)
        whole, _ = self.state(es)
        es.delete_by_query(
            index="rasid-incidents,rasid-mentions", query={"match_all": {}}, refresh=True
        )
        monkeypatch.setattr(linking, "BATCH", 7)
        self.store(es, told, version=9)  # above what linking and deleting made of them
        link_incidents(es)
        parts, _ = self.state(es)
        members = lambda found: {n: sorted(d["mention_ids"]) for n, d in found.items()}  # noqa: E731
        assert members(whole) == members(parts)

    def test_mentions_told_anew_stay_with_their_incident_and_mend_it(self, es):
        told = [mention for name, mention in stories() if name == "0"]
        self.store(es, told)
        link_incidents(es)
        before, _ = self.state(es)
        self.store(es, [{**told[0], "killed": {"min": 15, "max": 15}}], version=2)
        delete_stale_mentions(es, {told[0]["article_id"]: 2})
        link_incidents(es)
        after, _ = self.state(es)
        assert after.keys() == before.keys()
        assert next(iter(after.values()))["killed"] == {"min": 9, "max": 15}
        self.assert_consistent(es)

    def test_mentions_that_went_leave_their_incident_and_an_empty_one_goes(self, es):
        told = [mention for name, mention in stories() if name in {"0", "3"}]
        self.store(es, told)
        link_incidents(es)
        before, _ = self.state(es)
        gone = [
            m["article_id"]
            for m in told
            if m["mention_id"].startswith("0-") or m["mention_id"] == "3-0"
        ]
        delete_stale_mentions(es, dict.fromkeys(gone, 2))
        done = link_incidents(es)
        after, _ = self.state(es)
        assert (done.removed, done.changed) == (1, 1)
        # Its first report is gone; its id stays, for links to it are out in the world.
        assert after.keys() < before.keys()
        (left,) = after.values()
        assert left["mention_ids"] == ["3-1", "3-2", "3-3"]
        self.assert_consistent(es)

    def test_a_report_that_became_a_threat_leaves(self, es):
        told = [mention for name, mention in stories() if name == "0"]
        self.store(es, told)
        link_incidents(es)
        self.store(es, [{**told[1], "modality": "threatened_planned"}], version=2)
        delete_stale_mentions(es, {told[1]["article_id"]: 2})
        link_incidents(es)
        (incident,), belongs = self.state(es)[0].values(), self.state(es)[1]
        assert told[1]["mention_id"] not in incident["mention_ids"]
        assert belongs[told[1]["mention_id"]] is None

    @pytest.mark.parametrize("at", ["incidents", "mentions"])
    def test_a_run_that_meets_another_does_no_harm(self, es, monkeypatch, at):
        """The other run does all its work just before ours writes its incidents, or its mentions."""
        told = [mention for _, mention in stories()]
        self.store(es, told[: len(told) // 2])
        link_incidents(es)
        self.store(es, told[len(told) // 2 :])
        written, calls = linking._written, []

        def late(es, actions):
            calls.append(1)
            if len(calls) == {"incidents": 1, "mentions": 2}[at]:
                monkeypatch.setattr(linking, "_written", written)
                self.store(
                    es, [{**told[-1], "mention_id": "new", "first_seen_at": START.isoformat()}]
                )
                link_incidents(es)
                monkeypatch.setattr(linking, "_written", late)
            return written(es, actions)

        monkeypatch.setattr(linking, "_written", late)
        link_incidents(es)
        monkeypatch.setattr(linking, "_written", written)
        link_incidents(es)
        self.assert_consistent(es)

    def test_two_runs_at_once_do_no_harm(self, es, monkeypatch):
        monkeypatch.setattr(linking, "BATCH", 20)
        self.store(es, [mention for _, mention in stories()])
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(link_incidents, es) for _ in range(2)]
            counted = sum(run.result().mentions for run in runs)
        assert counted == len(stories())
        self.assert_consistent(es)

    def test_copies_count_once_when_their_articles_say_so(self, es):
        told = [mention for name, mention in stories() if name == "0"]
        self.store(es, told)
        index = index_for("articles", START)
        write_all(
            es,
            [
                Write(index, m["article_id"], 1, {"article_id": m["article_id"], "story_id": "s"})
                for m in told[:3]
            ],
        )
        es.indices.refresh(index="rasid-articles")
        link_incidents(es)
        (incident,) = self.state(es)[0].values()
        assert (incident["sources"], len(incident["newsrooms"])) == (2, 4)

    def test_a_copy_that_names_nobody_joins_in_a_later_run_too(self, es):
        first, second, *_ = [mention for name, mention in stories() if name == "0"]
        index = index_for("articles", START)
        articles = [{"article_id": m["article_id"], "story_id": "s"} for m in (first, second)]
        write_all(es, [Write(index, a["article_id"], 1, a) for a in articles])
        es.indices.refresh(index="rasid-articles")
        self.store(es, [first])
        link_incidents(es)
        nobody = dict.fromkeys(("actor", "actor_id", "place", "to"))
        self.store(es, [second | nobody | {"sentence": first["sentence"]}])
        assert link_incidents(es).opened == 0
        (incident,) = self.state(es)[0].values()
        assert len(incident["mention_ids"]) == 2

    def test_an_elasticsearch_that_is_away_is_ours(self):
        with (
            Elasticsearch("http://127.0.0.1:9", max_retries=0) as nobody,
            pytest.raises(SearchUnavailable, match="harmless"),
        ):
            link_incidents(nobody)
