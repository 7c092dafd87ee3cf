"""`rasid quarantine`: what a person sees of what waits, and what a replay is told."""

from __future__ import annotations

import json

from datetime import UTC, datetime

import pytest

from pydantic import TypeAdapter
from typer.testing import CliRunner

from rasid.airflow import once
from rasid.airflow.once import Pass
from rasid.cli import app
from rasid.errors import ConfigError
from rasid.pipeline.archive import WarcFile
from rasid.pipeline.ledger import write_entries
from rasid.pipeline.outcomes import Outcome
from rasid.pipeline.records import Books, Entry, Run
from rasid.settings import settings
from rasid.sources import FeedItem


RUN = Run("r1", "monitor_news", datetime(2026, 11, 24, 9, tzinfo=UTC))
ITEMS = TypeAdapter(FeedItem)
PAGE = "<html><head><title>صفحة</title></head>\n<body>نص قصير</body></html>"


@pytest.fixture
def stuck(es, es_settings, tmp_path, monkeypatch):
    """Two entries in quarantine, one of them with its page, and one dropped."""
    monkeypatch.setenv("RASID_STORE", (tmp_path / "store").as_uri())
    if not es_settings.es_url:
        monkeypatch.setenv("RASID_HOME", str(es_settings.home))
        monkeypatch.setenv("RASID_ES_PORT", str(es_settings.es_port))
    settings.cache_clear()
    warc = WarcFile(f"{settings().store_root}/archive/a.warc.gz")
    archive = warc.add_fragment("http://a.test/1", PAGE)
    warc.save()

    def ended(name: str, cause: str, outcome: Outcome, **more) -> Entry:
        url = f"http://a.test/{name}"
        item = ITEMS.dump_python(FeedItem(url, url, name, title="عنوان"), mode="json")
        entry = Entry(name, "feed-a", url, url, RUN.started_at, item, **more)
        return entry.ended(outcome, cause=cause, error="what went wrong")

    entries = [
        ended("one", "no_text", Outcome.QUARANTINED, archive=archive),
        ended("two", "index_rejected", Outcome.QUARANTINED),
        ended("three", "timeout", Outcome.DROPPED),
    ]
    write_entries(es, RUN, entries, {})
    yield
    settings.cache_clear()


def listed(*arguments: str) -> tuple[dict, list[str]]:
    done = CliRunner().invoke(app, ["quarantine", "list", "--json", *arguments])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    return found["causes"], sorted(entry["entry_id"] for entry in found["entries"])


@pytest.mark.node
def test_list_counts_causes_and_filters(stuck):
    """Quarantined only, unless a cause is named; days are those of the ending."""
    assert listed() == ({"index_rejected": 1, "no_text": 1}, ["one", "two"])
    assert listed("--cause", "timeout") == ({"timeout": 1}, ["three"])
    assert listed("--since", "2026-11-24", "--until", "2026-11-24")[1] == ["one", "two"]
    assert listed("--since", "2026-11-25")[1] == []
    assert listed("--feed", "feed-b")[1] == []


@pytest.mark.node
def test_list_is_a_table_for_people(stuck, capsys):
    """Ids, causes and the title, kept apart from the direction of the table."""
    from rasid.cli.quarantine import quarantine_list

    quarantine_list()
    shown = capsys.readouterr().out
    assert "Waiting for a person: 1 index_rejected, 1 no_text" in shown
    assert "\u2068عنوان\u2069" in shown


@pytest.mark.node
def test_show_says_why_and_shows_the_raw_page(stuck, capsys):
    """Cause, error, where the page lies, its first lines; without a page it says so."""
    from rasid.cli.quarantine import quarantine_show

    quarantine_show("one")
    shown = capsys.readouterr().out
    for part in ("no_text", "what went wrong", "a.warc.gz", '"offset": 0', "<title>صفحة</title>"):
        assert part in shown
    quarantine_show("two")
    assert "No page was kept." in capsys.readouterr().out
    with pytest.raises(ConfigError, match="quarantine list"):
        quarantine_show("nobody")


@pytest.mark.parametrize(
    ("arguments", "differing"),
    [
        ((), {}),
        (("id1", "id2"), {"entries": ["id1", "id2"]}),
        (("--cause", "no_text", "--feed", "f"), {"cause": "no_text", "feed": "f"}),
        (
            ("--since", "2026-11-01", "--until", "2026-11-03"),
            {"from": "2026-11-01", "to": "2026-11-03"},
        ),
    ],
)
def test_replay_fills_in_the_form_of_the_dag(arguments, differing, monkeypatch):
    """The same fields as in Airflow; the books decide the exit status."""
    told = []

    def run_once(dag_id, conf):
        told.append((dag_id, conf))
        return Pass("r", "success", [Books("*", carried=1, outcomes={"indexed": 1})], [], [])

    monkeypatch.setattr(once, "run_once", run_once)
    monkeypatch.setenv("RASID_ES_URL", "http://127.0.0.1:9")
    settings.cache_clear()
    done = CliRunner().invoke(app, ["quarantine", "replay", "--json", *arguments])
    settings.cache_clear()
    empty = {"cause": None, "feed": None, "from": None, "to": None, "entries": []}
    assert told == [("replay_quarantine", {**empty, **differing})]
    assert done.exit_code == 0, done.output
