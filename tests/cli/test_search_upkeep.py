"""provision, export, snapshot and keys as a person types them, on the real node."""

from __future__ import annotations

import csv
import json

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest

from typer.testing import CliRunner

from rasid.cli import app
from rasid.errors import ConfigError, QueryError
from rasid.search import Write, index_for, snapshots, write_all
from rasid.settings import settings


pytestmark = pytest.mark.node

NOW = datetime.now(UTC)


@pytest.fixture
def rasid(es, es_settings, monkeypatch):
    """Run a command against the test node, in this process."""
    if not es_settings.es_url:
        monkeypatch.setenv("RASID_HOME", str(es_settings.home))
        monkeypatch.setenv("RASID_ES_PORT", str(es_settings.es_port))
    settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(app, arguments)
    settings.cache_clear()


def test_provision_moves_only_what_needs_it_and_says_so(rasid, es):
    es.indices.delete(index="rasid-runs-v1")
    assert "create: index rasid-runs" in rasid("provision", "--migrate").output
    assert rasid("provision").output == "Nothing to change.\n"
    mapping = es.indices.get_mapping(index="rasid-alarms-v1")["rasid-alarms-v1"]["mappings"]
    es.indices.put_mapping(index="rasid-alarms-v1", meta={**mapping["_meta"], "analysis": "older"})
    told = rasid("provision")
    assert told.exit_code == 1
    assert "needs migration: mapping rasid-alarms-v1" in told.output
    moved = rasid("provision", "--migrate", "--json")
    assert moved.exit_code == 0
    (move,) = json.loads(moved.stdout)
    assert (move["source"], move["target"]) == ("rasid-alarms-v1", "rasid-alarms-v2")
    back = rasid("provision", "--rollback")
    assert "move: index rasid-alarms-v2 → rasid-alarms-v1" in back.stdout
    assert isinstance(rasid("provision", "--rollback", "--migrate").exception, ConfigError)
    es.indices.delete(index="rasid-alarms-v*")


def test_export_writes_a_file_and_its_codebook(rasid, es, tmp_path):
    mention = {
        "mention_id": "m",
        "event": "attack",
        "tag": "attack",
        "published_at": NOW.isoformat(),
    }
    write_all(es, [Write(index_for("mentions", NOW), "m", 1, mention)])
    es.indices.refresh(index="rasid-mentions")
    file = tmp_path / "m.csv"
    done = rasid("export", "mentions", "--out", str(file), "--tag", "attack")
    assert done.exit_code == 0
    assert "1 rows" in done.stderr
    assert [row["mention_id"] for row in csv.DictReader(file.open(encoding="utf-8-sig"))] == ["m"]
    assert "tag = attack" in (tmp_path / "m.csv.codebook.md").read_text("utf-8")
    told = json.loads(rasid("export", "mentions", "--format", "geojson").stdout)
    assert [feature["id"] for feature in told["features"]] == ["m"]
    assert isinstance(rasid("export", "mentions", "--words", '"قصف').exception, QueryError)


def test_a_snapshot_is_taken_tried_out_and_restored(rasid, es, monkeypatch, tmp_path):
    monkeypatch.setenv("RASID_SNAPSHOTS", tmp_path.name)
    settings.cache_clear()
    assert "None was taken yet" in rasid("snapshot", "list").output
    name = rasid("snapshot", "take").output.partition(":")[0]
    assert f"{name}  SUCCESS" in rasid("snapshot", "list").output
    assert "rasid-runs-v1: 0 documents" in rasid("snapshot", "try", name).output
    assert "Nothing is missing" in rasid("snapshot", "restore", name).output
    es.indices.delete(index="rasid-runs-v1")
    assert rasid("snapshot", "restore", name).output == "restored: rasid-runs-v1\n"
    es.snapshot.delete(repository=snapshots.REPOSITORY, snapshot=name)
    es.snapshot.delete_repository(name=snapshots.REPOSITORY)


def test_doctor_says_when_the_newest_whole_snapshot_is_old(rasid, es, monkeypatch, tmp_path):
    """None yet is no fault; one of two nights ago is, with what to do."""
    doctor = import_module("rasid.cli.doctor")  # the package has a command of this name
    monkeypatch.setenv("RASID_SNAPSHOTS", tmp_path.name)
    settings.cache_clear()
    checked = doctor._snapshots()
    assert (checked.good, checked.finding[:8]) == (True, "none yet")
    name = rasid("snapshot", "take").output.partition(":")[0]
    checked = doctor._snapshots()
    assert (checked.good, checked.finding) == (True, f"the newest is {name}")
    monkeypatch.setattr(doctor, "OLD_SNAPSHOT", timedelta(0))
    checked = doctor._snapshots()
    assert (checked.good, checked.finding) == (False, f"the newest is {name}")
    assert "rasid snapshot take" in checked.remedy
    es.snapshot.delete(repository=snapshots.REPOSITORY, snapshot=name)
    es.snapshot.delete_repository(name=snapshots.REPOSITORY)


@pytest.mark.parametrize("words", ['قصف "مأرب', "«هجوم", "كلمة " * 2500])
def test_a_search_that_cannot_be_read_gets_advice(rasid, words):
    """Unbalanced quotes, ten thousand characters: one sentence with what to do, never a traceback."""
    found = rasid("search", words)
    assert isinstance(found.exception, QueryError)
    assert any(word in str(found.exception) for word in ("Close it", "Take the few"))
