"""The DAGs that keep the search: link_incidents and provision_search on the real node."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rasid.search import Write, index_for, write_all
from rasid.settings import settings


pytestmark = [pytest.mark.node, pytest.mark.filterwarnings("ignore")]

NOW = datetime.now(UTC)


def report(number: int, **changes) -> Write:
    """A mention as the tagger's documents are: lists of names, a date for the event."""
    source = {
        "mention_id": f"m{number}",
        "article_id": f"a{number}",
        "revision": 1,
        "tag": "militia_attack",
        "event": "attack",
        "kind": "rocket_shelling",
        "modality": "factual",
        "actor": ["قوات الدعم السريع"],
        "actor_id": ["rsf"],
        "place": ["الفاشر"],
        "place_precision": "town",
        "location": {"lat": 13.63, "lon": 25.35},
        "event_time": f"{NOW - timedelta(days=1):%Y-%m-%d}",
        "event_time_precision": "day",
        "attribution": {"status": "none", "speaker": None, "claimed_by": [], "denied_by": []},
        "sentence": {"text": "قُصف مخيم للنازحين شمالي الفاشر", "start": 0, "end": 31},
        "confidence": 0.9,
        "newsroom": f"room{number}",
        "outlet": f"وسيلة {number}",
        "url": f"https://news.example/{number}",
        "title": "قصف في الفاشر",
        "published_at": (NOW - timedelta(hours=9 - number)).isoformat(),
        "first_seen_at": (NOW - timedelta(hours=8 - number)).isoformat(),
        **changes,
    }
    return Write(index_for("mentions", NOW), source["mention_id"], 1, source)


def test_link_incidents_brings_reports_of_one_event_together(dags, es, demo_site):
    """Green, twice; the second run adds the report that came since and keeps the incident's id."""
    dag = dags["link_incidents"]
    write_all(
        es, [report(1), report(2, killed={"min": 3, "max": 3}), report(3, modality="demanded")]
    )
    assert dag.test().state == "success"
    es.indices.refresh(index="rasid-*")
    (first,) = es.search(index="rasid-incidents")["hits"]["hits"]
    assert first["_source"]["mention_ids"] == ["m1", "m2"]
    assert first["_source"]["first_newsroom"] == "room1"
    write_all(es, [report(4, killed={"min": 7, "max": 7}, published_at=None)])
    assert dag.test().state == "success"
    es.indices.refresh(index="rasid-*")
    (second,) = es.search(index="rasid-incidents")["hits"]["hits"]
    assert second["_id"] == first["_id"]
    assert second["_source"]["killed"] == {"min": 3, "max": 7}
    assert second["_source"]["contradictions"] == ["killed"]
    assert second["_source"]["sources"] == 3
    belongs = {
        h["_id"]: h["_source"].get("incident_id")
        for h in es.search(index="rasid-mentions")["hits"]["hits"]
    }
    assert belongs == dict.fromkeys(["m1", "m2", "m4"], first["_id"]) | {"m3": None}


def test_provision_search_says_first_and_does_then(dags, es, demo_site):
    dag = dags["provision_search"]
    es.indices.delete(index="rasid-runs-v1")
    assert dag.test(run_conf={"dry_run": True}).state == "success"
    assert not es.indices.exists(index="rasid-runs-v1")
    # Said again: in one process dag.test() remembers the parameters of the run before.
    assert dag.test(run_conf={"dry_run": False}).state == "success"
    assert es.count(index="rasid-runs")["count"] == 0


def test_a_kibana_that_is_away_reddens_only_its_own_part(dags, es, demo_site, monkeypatch):
    dag = dags["provision_search"]
    for task in dag.tasks:
        monkeypatch.setattr(task, "retries", 0)
    monkeypatch.setenv("RASID_KIBANA_URL", "http://127.0.0.1:9")
    settings.cache_clear()
    es.indices.delete(index="rasid-runs-v1")
    assert dag.test(run_conf={"dry_run": False}).state == "failed"
    assert es.indices.exists(index="rasid-runs-v1")
