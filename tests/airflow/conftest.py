"""An Airflow home for the tests, set up before anything imports Airflow."""

from __future__ import annotations

import os

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from rasid.airflow import standalone
from rasid.demo.site import Site, demo_feeds, serve
from rasid.settings import ROOT, Settings, settings


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A migrated Airflow home with our pools; its environment is this process's."""
    home = tmp_path_factory.mktemp("airflow")
    before = dict(os.environ)
    os.environ.update(standalone.prepare(home, {"AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}))
    yield home
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def published(airflow_home: Path) -> dict[str, Any]:
    """Every DAG of dags/ by id, as Airflow shows it; fails when a file does not import."""
    return _read_dags()


@pytest.fixture(scope="session")
def dags(airflow_home: Path) -> dict[str, Any]:
    """The same for dag.test(), which in Airflow 3.3.2 cannot end where there is a deadline."""
    found = _read_dags()
    for dag in found.values():
        dag.deadline = None
    return found


def _read_dags() -> dict[str, Any]:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(ROOT / "dags"))
    assert bag.import_errors == {}
    return dict(bag.dags)


@pytest.fixture
def demo_site(
    es_settings: Settings, es: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """The demo site, and settings that lead the tasks to it and to the test node."""
    with serve(0, now=datetime.now(UTC)) as site:
        registry = tmp_path / "feeds.yaml"
        registry.write_text(yaml.safe_dump({"feeds": demo_feeds(site.port)}, allow_unicode=True))
        monkeypatch.setenv("RASID_FEEDS", str(registry))
        monkeypatch.setenv("RASID_STORE", (tmp_path / "store").as_uri())
        monkeypatch.setenv("RASID_ALLOW_HOSTS", f"127.0.0.1:{site.port}")
        # What processes share of hosts is this test's own: the site's port may be another's soon.
        monkeypatch.setenv("RASID_HOME", str(tmp_path / "home"))
        if not es_settings.es_url:
            monkeypatch.setenv("RASID_ES_PORT", str(es_settings.es_port))
        settings.cache_clear()
        yield site
    settings.cache_clear()
