"""score_tagger by dag.test() on the real node, with the real tagger and the own gold alone."""

from __future__ import annotations

import pytest


# Airflow warns about its own parts while it loads; nothing here is ours to mend.
pytestmark = [pytest.mark.node, pytest.mark.filterwarnings("ignore")]


def test_score_tagger_keeps_figures_and_alarms_without_reddening(
    dags, es, demo_site, tmp_path, monkeypatch
):
    """A floor that no tagger reaches: the run is green, the alarm is open; it closes with the floor."""
    from rasid.pipeline import score as stage

    monkeypatch.setattr(stage, "NEWS", tmp_path / "not-here.jsonl")
    dag = dags["score_tagger"]
    for task in dag.tasks:
        monkeypatch.setattr(task, "retries", 0)
    floors = tmp_path / "floors.yaml"
    real = stage.below_floors
    monkeypatch.setattr(stage, "below_floors", lambda f, labels: real(f, labels, floors))

    def night(floor):
        floors.write_text(f"gold: {{all: {{attack: {floor}}}}}", "utf-8")
        done = dag.test()
        assert done.state == "success"
        es.indices.refresh(index="rasid-*")
        alarms = es.search(index="rasid-alarms")["hits"]["hits"]
        return done, [hit["_source"] for hit in alarms]

    first, (alarm,) = night(1.01)
    assert (alarm["state"], alarm["kind"], alarm["subject"]) == (
        "open",
        "tagger_score",
        "tagger:gold",
    )
    assert "its floor 1.01" in alarm["reason"]["en"]
    scores = es.search(index="rasid-scores", size=50)["hits"]["hits"]
    assert {hit["_source"]["run_id"] for hit in scores} == {first.run_id}
    assert {"all", "agency", "paper"} <= {hit["_source"]["stratum"] for hit in scores}
    _, (alarm,) = night(0.1)
    assert alarm["state"] == "closed"
