"""Airflow as the demo starts it, with people of every role and something in quarantine to look at."""

from __future__ import annotations

import json
import secrets

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from rasid.airflow import standalone
from rasid.airflow.once import Pass, read_pass
from rasid.demo.site import Resource, Site, demo_feeds, serve
from rasid.search import provision
from rasid.settings import Settings, settings
from tests.conftest import free_port
from tests.rest import run


ROLES = ("viewer", "user", "op", "admin")
# Elasticsearch refuses the articles of one outlet: they wait in quarantine until it is mended.
REFUSED = "waraq"
REFUSAL = "refuse-an-outlet"


@dataclass(frozen=True, slots=True)
class Desk:
    """A running Airflow, each role's password, and the one run of monitor_news that is over."""

    airflow: standalone.Airflow
    passwords: dict[str, str]
    done: Pass

    def as_(self, role: str) -> standalone.Airflow:
        """The same Airflow for the REST API, logged in as a role."""
        return replace(self.airflow, password=self.passwords[role])


@pytest.fixture(scope="session")
def desk(
    es_settings: Settings, es_session: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """Airflow standalone over the demo's site, after one run of what a morning has."""
    with open_desk(es_settings, es_session, tmp_path_factory.mktemp("ui")) as made:
        yield made


@contextmanager
def open_desk(of: Settings, es: Any, home: Path) -> Iterator[Desk]:
    passwords = {role: secrets.token_urlsafe(9) for role in ROLES}
    airflow_home = home / "airflow"
    airflow_home.mkdir()
    (airflow_home / "passwords.json").write_text(json.dumps(passwords))
    with ExitStack() as running:
        site = running.enter_context(serve(0, now=datetime.now(UTC)))
        _shorten_one_page(site)
        (home / "feeds.yaml").write_text(
            yaml.safe_dump({"feeds": demo_feeds(site.port)}, allow_unicode=True)
        )
        ours = {
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{r}:{r}" for r in ROLES),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
            "RASID_FEEDS": str(home / "feeds.yaml"),
            "RASID_STORE": (home / "store").as_uri(),
            "RASID_HOME": str(home / "rasid"),
            "RASID_ALLOW_HOSTS": f"127.0.0.1:{site.port}",
            "RASID_ES_URL": of.es_url or f"http://127.0.0.1:{of.es_port}",
            "RASID_KIBANA_URL": "http://127.0.0.1:5601",
        }
        patch = running.enter_context(pytest.MonkeyPatch.context())
        for name, value in ours.items():
            patch.setenv(name, value)
        settings.cache_clear()
        provision(es)
        running.callback(lambda: es.indices.delete(index="rasid-*"))
        environment = standalone.prepare(airflow_home, ours, port=free_port())
        airflow = standalone.start(airflow_home, environment)
        running.callback(lambda: standalone.stop(airflow_home))
        standalone.wait_until_healthy(airflow)
        with refusing(es):
            state, run_id = run(airflow, only_due=False)
        assert state == "success", airflow.log
        soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        for dag_id, form in {
            "link_incidents": {},
            "watch_sources": {},
            "write_brief": {"until": soon},
        }.items():
            assert run(airflow, dag_id, **form)[0] == "success", airflow.log
        yield Desk(airflow, passwords, read_pass(run_id, state))
    settings.cache_clear()


def _shorten_one_page(site: Site) -> None:
    """One article has no text: `no_text`, which no replay mends."""
    path = next(p for p in sorted(site.resources) if p.startswith("/furat/article/"))
    page = "<html lang=ar><title>صفحة بلا نص</title><p>تم حذف هذا المقال.</p></html>"
    site.resources[path] = Resource(page.encode(), "text/html; charset=utf-8")


@contextmanager
def refusing(es: Any) -> Iterator[None]:
    """Elasticsearch refuses every article of one outlet, as a mapping that does not fit would."""
    spoil = {"if": f"ctx.feed_id == '{REFUSED}'", "field": "published_at", "value": "الأحد الماضي"}
    es.ingest.put_pipeline(id=REFUSAL, processors=[{"set": spoil}])
    es.indices.put_settings(index="rasid-articles", settings={"index.final_pipeline": REFUSAL})
    yield
    es.indices.put_settings(index="rasid-articles", settings={"index.final_pipeline": None})
    es.ingest.delete_pipeline(id=REFUSAL)
