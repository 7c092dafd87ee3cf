"""A run that ends red is told, once, also when Elasticsearch is what is broken."""

from __future__ import annotations

import pytest

from rasid.pipeline.alarms import Kind, open_alarms
from rasid.settings import settings


pytestmark = [pytest.mark.node, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def told(demo_site, monkeypatch):
    """Titles of the messages that people got."""

    from rasid.pipeline import notices

    titles = []

    class Box:
        def notify(self, *, title, body, notify_type):
            titles.append((title, notify_type))
            return True

        def url(self, *, privacy):
            return "box://"

    monkeypatch.setattr(notices, "_channels", lambda: [Box()])
    return titles


@pytest.fixture
def ended(dags):
    """Call the notifier as the DAG processor does when it has nothing but the run's id."""
    return lambda notifier, run_id: notifier({"dag": dags["monitor_news"], "run_id": run_id})


def test_red_opens_one_alarm_and_green_closes_it(ended, es, told):
    """Two red runs are one alarm and one message; the first green run ends it."""
    from rasid.airflow.notify import GREEN, RED

    ended(RED, "r1")
    ended(RED, "r2")
    (alarm,) = open_alarms(es, kinds=[Kind.RED_RUN])
    assert alarm.finding.subject == "dag:monitor_news"
    ended(GREEN, "r3")
    assert open_alarms(es, kinds=[Kind.RED_RUN]) == []
    ended(GREEN, "r4")
    assert [title for title, _ in told] == ["Rasid alarms: 1 new", "Rasid alarms: 1 over"]


def test_a_late_run_is_an_alarm_until_one_ends(ended, es, told):
    """As the executor calls it: with the run as JSON and nothing else of Airflow."""
    from rasid.airflow.notify import GREEN, late

    run = {"dag_id": "monitor_news", "dag_run_id": "r1", "state": "running"}
    late(context={"dag_run": run, "deadline": {"id": "1", "deadline_time": "2026-11-29T10:00:00Z"}})
    (alarm,) = open_alarms(es, kinds=[Kind.LATE_RUN])
    assert alarm.finding.subject == "dag:monitor_news"
    assert alarm.finding.details == {"run_id": "r1"}
    ended(GREEN, "r1")
    assert open_alarms(es, kinds=[Kind.LATE_RUN]) == []
    assert [title for title, _ in told] == ["Rasid alarms: 1 new", "Rasid alarms: 1 over"]


def test_people_hear_of_it_when_elasticsearch_is_down(ended, told, monkeypatch):
    """What reddens most runs must not silence their alarm."""
    from rasid.airflow.notify import RED

    monkeypatch.setenv("RASID_ES_URL", "http://127.0.0.1:9")
    settings.cache_clear()
    ended(RED, "r1")
    assert [title for title, _ in told] == ["Rasid alarms: 1 new"]


def test_every_dag_tells(dags):
    """A DAG without them would fail in silence; backfill_source is watched by who filled its form.

    Its form has fields without defaults, for which Airflow 3.3.2 cannot build a callback's context.
    """
    for dag in dags.values():
        if dag.dag_id == "backfill_source":
            continue
        assert dag.on_failure_callback is not None, dag.dag_id
        assert dag.on_success_callback is not None, dag.dag_id
