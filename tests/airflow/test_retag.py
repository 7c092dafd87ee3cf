"""retag_archive by dag.test() on the real node: compared, then switched, then nothing is left."""

from __future__ import annotations

import pytest
import yaml

from rasid.demo.site import demo_feeds
from rasid.settings import settings


# Airflow warns about its own parts while it loads; nothing here is ours to mend.
pytestmark = [pytest.mark.node, pytest.mark.filterwarnings("ignore")]

BLANK = {"feed": None, "from": None, "to": None, "version": None, "apply": False}


class Attacks:
    """A tagger of another version, which finds attacks alone."""

    version = "0ther.9.joint"

    def __init__(self, real):
        self.real = real

    def tag(self, text, **about):
        return [m for m in self.real.tag(text, **about) if m.tag == "attack"]


def stored(es, family):
    es.indices.refresh(index="rasid-*")
    hits = es.search(index=f"rasid-{family}", size=1000)["hits"]["hits"]
    return {hit["_id"]: hit["_source"] for hit in hits}


def test_retag_archive_compares_reports_and_switches_only_when_asked(
    dags, es, demo_site, tmp_path, monkeypatch
):
    registry = tmp_path / "furat.yaml"
    feeds = [feed for feed in demo_feeds(demo_site.port) if feed["id"] == "furat"]
    registry.write_text(yaml.safe_dump({"feeds": feeds}, allow_unicode=True))
    monkeypatch.setenv("RASID_FEEDS", str(registry))
    settings.cache_clear()
    dag = dags["retag_archive"]
    for task in (*dags["monitor_news"].tasks, *dag.tasks):
        monkeypatch.setattr(task, "retries", 0)
    assert dags["monitor_news"].test(run_conf={"only_due": False}).state == "success"
    articles, mentions = stored(es, "articles"), stored(es, "mentions")
    moves = [m for m in mentions.values() if m["event"] == "troop_movement"]
    assert moves

    from rasid.pipeline import retag, tag

    other = Attacks(tag.tagger())
    for module in (tag, retag):
        monkeypatch.setattr(module, "tagger", lambda: other)

    compared = dag.test(run_conf=BLANK)
    assert compared.state == "success"
    assert stored(es, "mentions") == mentions
    changes = [m for c in stored(es, "changes").values() for m in c["mentions"]]
    assert [m["change"] for m in changes] == ["lost"] * len(moves)
    (report,) = (tmp_path / "store" / "runs").glob("*/report.md")
    assert (
        f"| **all** | {len(stored(es, 'changes'))} | 0 | {len(moves)} | 0 |" in report.read_text()
    )

    switched = dag.test(run_conf={**BLANK, "apply": True})
    assert switched.state == "success"
    book = es.get(index="rasid-runs", id=f"{switched.run_id}|*")["_source"]
    assert (book["closed"], book["outcomes"]) == (True, {"updated": len(articles)})
    assert {a["tagger_version"] for a in stored(es, "articles").values()} == {other.version}
    assert {m["event"] for m in stored(es, "mentions").values()} == {"attack"}

    # Resumed or repeated: nothing is of another version any more.
    again = dag.test(run_conf={**BLANK, "apply": True})
    assert again.state == "success"
    assert es.get(index="rasid-runs", id=f"{again.run_id}|*")["_source"]["carried"] == 0
