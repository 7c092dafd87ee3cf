"""keep_house under dag.test(): what is old goes, what is owed stays, a missing snapshot is told."""

from __future__ import annotations

import os
import sqlite3

from datetime import UTC, datetime, timedelta

import pytest

from rasid.airflow.upkeep import CleaningFailed, clean_database, clean_logs
from rasid.pipeline.alarms import Kind, open_alarms
from rasid.search import Write, index_for, snapshots, write_all
from rasid.settings import settings


pytestmark = [pytest.mark.node, pytest.mark.filterwarnings("ignore")]

NOW = datetime.now(UTC)


@pytest.fixture
def house(dags, es, demo_site, tmp_path, monkeypatch):
    """Run the DAG once with these settings; its task states by name."""
    for task in dags["keep_house"].tasks:
        monkeypatch.setattr(task, "retries", 0)

    def run(**variables: str) -> dict[str, str]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        done = dags["keep_house"].test()
        return {ti.task_id: str(ti.state) for ti in done.get_task_instances()}

    yield run
    for taken in snapshots.listed(es):
        es.snapshot.delete(repository=snapshots.REPOSITORY, snapshot=taken.name)
    es.options(ignore_status=404).snapshot.delete_repository(name=snapshots.REPOSITORY)


def test_a_night_takes_a_snapshot_and_lets_the_old_go(house, es, airflow_home, tmp_path):
    """One green run does all of it."""
    old = {"polled_at": (NOW - timedelta(days=200)).isoformat(), "committed": False}
    write_all(es, [Write(index_for("polls"), "old", 1, old)])
    es.indices.refresh(index="rasid-polls")  # what is old enough to go has long been searchable
    with sqlite3.connect(airflow_home / "airflow.db") as database:
        database.execute(
            "insert into log (dttm, event) values (?, 'old'), (?, 'new')",
            (str(NOW - timedelta(days=200)), str(NOW)),
        )
    states = house(RASID_SNAPSHOTS=tmp_path.name)
    assert set(states.values()) == {"success"}
    (taken,) = snapshots.listed(es)
    assert taken.state == "SUCCESS"
    assert es.count(index="rasid-polls")["count"] == 0
    with sqlite3.connect(airflow_home / "airflow.db") as database:
        events = {row[0] for row in database.execute("select event from log")}
        tables = {row[0] for row in database.execute("select name from sqlite_master")}
    assert "new" in events
    assert "old" not in events
    assert not any(name.startswith("_airflow_deleted") for name in tables)
    assert open_alarms(es, kinds=[Kind.NO_SNAPSHOT]) == []


def test_a_snapshot_that_fails_is_an_alarm_until_one_is_whole(house, es, tmp_path):
    """It reddens the run, holds back the years, and stops nothing else."""
    last = {"first_seen_at": "2018-01-01T00:00:00Z", "state": "settled", "outcome": "indexed"}
    write_all(es, [Write(index_for("entries"), "2018", 1, last)])
    states = house(
        RASID_SNAPSHOTS="/nobody/may/write/here", RASID_KEEP_YEARS="3", RASID_AIRFLOW_DB=""
    )
    failed = {name for name, state in states.items() if state != "success"}
    assert failed == {"snapshot", "years"}
    (alarm,) = open_alarms(es, kinds=[Kind.NO_SNAPSHOT])
    assert "none at all" in alarm.finding.reason_en
    assert es.count(index="rasid-entries")["count"] == 1
    states = house(RASID_SNAPSHOTS=tmp_path.name)
    assert set(states.values()) == {"success"}
    assert open_alarms(es, kinds=[Kind.NO_SNAPSHOT]) == []
    es.indices.refresh(index="rasid-entries")
    assert es.count(index="rasid-entries")["count"] == 0


def test_logs_go_by_age_and_leave_no_empty_folders(tmp_path):
    old, new = tmp_path / "dag_id=a/run_id=1/attempt=1.log", tmp_path / "dag_id=a/run_id=2/x.log"
    for file in (old, new):
        file.parent.mkdir(parents=True)
        file.write_text("line")
    os.utime(old, (0, 0))
    assert clean_logs(tmp_path, before=NOW - timedelta(days=90)) == 1
    assert not old.parent.exists()
    assert new.exists()
    os.utime(new, (0, 0))
    clean_logs(tmp_path, before=NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_not_there_says_which_setting_to_mend(airflow_home, tmp_path):
    nowhere = f"sqlite:///{tmp_path}/nowhere/airflow.db"
    with pytest.raises(CleaningFailed, match="RASID_AIRFLOW_DB"):
        clean_database(nowhere, before=NOW)
