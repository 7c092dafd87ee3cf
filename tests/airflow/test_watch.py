"""watch_sources under dag.test(): green after a run of monitor_news, and it writes what it saw."""

from __future__ import annotations

import pytest

from rasid.pipeline.alarms import open_alarms


pytestmark = [pytest.mark.node, pytest.mark.filterwarnings("ignore")]


def test_watch_sources_follows_a_run_and_notices_what_is_wrong(dags, es, demo_site):
    assert dags["monitor_news"].test(run_conf={"only_due": False}).state == "success"
    done = dags["watch_sources"].test()
    assert done.state == "success"
    es.indices.refresh(index="rasid-*")
    seen = {d["_source"]["feed_id"]: d["_source"] for d in _documents(es)}
    assert {"sahel", "furat", "sada"} <= set(seen)
    assert seen["furat"]["reading"]["articles"] > 5
    assert seen["furat"]["volume"]["kind"] == "unknown"  # nobody knows its weeks yet
    # A new source is no alarm, however it fares at first.
    assert open_alarms(es) == []


def _documents(es):
    return es.search(index="rasid-watch", size=100)["hits"]["hits"]
