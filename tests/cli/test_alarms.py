"""`rasid alarms`: the open ones, and keeping one quiet."""

from __future__ import annotations

import json

from datetime import UTC, datetime, timedelta

import pytest

from typer.testing import CliRunner

from rasid.cli import app
from rasid.errors import QueryError
from rasid.pipeline.alarms import Finding, Kind, Severity, open_alarms, report
from rasid.settings import settings


pytestmark = pytest.mark.node

NOW = datetime.now(UTC)


@pytest.fixture
def rasid(es, es_settings, monkeypatch):
    """Runs a command against the test node, on which one alarm is open."""
    if not es_settings.es_url:
        monkeypatch.setenv("RASID_HOME", str(es_settings.home))
        monkeypatch.setenv("RASID_ES_PORT", str(es_settings.es_port))
    settings.cache_clear()
    silent = Finding(Kind.SILENCE, "feed:waraq", Severity.WARNING, "No new item.", "لا خبر جديد.")
    report(es, [silent], kinds=[Kind.SILENCE], at=NOW, run_id="r")
    yield lambda *args: CliRunner().invoke(app, ["alarms", *args])
    settings.cache_clear()


def test_open_alarms_are_listed_until_a_person_silences_them(es, rasid):
    listed = rasid("list", "--json")
    assert listed.exit_code == 1
    (alarm,) = json.loads(listed.stdout)
    assert (alarm["subject"], alarm["reason"]["ar"]) == ("feed:waraq", "لا خبر جديد.")
    assert "No new item." in rasid("list").stdout

    end = NOW + timedelta(days=2)
    until = ("--until", f"{end:%Y-%m-%dT%H:%M:%S}", "--reason", "صيانة معلنة")
    issue = ("--issue", "https://tracker.test/7")
    said = rasid("silence", alarm["alarm_id"], *until, *issue)
    assert said.stdout == f"silence of feed:waraq is silent until {end:%Y-%m-%d %H:%M} UTC.\n"
    assert rasid("list").exit_code == 0
    kept = open_alarms(es)[0].silence
    assert (kept.reason, kept.issue) == ("صيانة معلنة", "https://tracker.test/7")


def test_a_silence_of_nothing_or_of_the_past_is_refused(rasid):
    later = ("--until", "2999-01-01", "--reason", "x")
    assert isinstance(rasid("silence", "nobody", *later).exception, QueryError)
    past = rasid("silence", "nobody", "--until", "2020-01-01", "--reason", "x")
    assert "is past" in str(past.exception)
