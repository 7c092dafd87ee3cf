"""Airflow as a team runs it: Debian's Postgres, each part a process of its own, no containers.

Programs that are missing are installed by apt-get where the tests run as root on Debian; elsewhere
the tests skip.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from rasid.airflow import standalone
from rasid.demo.site import Site, demo_feeds, serve
from rasid.search import provision
from rasid.settings import ROOT, Settings, settings
from tests import rest
from tests.conftest import free_port


PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")


def program(name: str, package: str) -> Path:
    """Where Debian keeps the program; installed if it can be."""
    for _ in range(2):
        found = shutil.which(name) or next(
            map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None
        )
        if found:
            return Path(found)
        if os.getuid() or not shutil.which("apt-get"):
            break
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
        subprocess.run(command, env=quiet, check=False, capture_output=True)
    pytest.skip(f"no {name}: apt-get install {package}")


@dataclass
class Postgres:
    """A Postgres of the tests' own; as root it runs as the user of Debian's package."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql+psycopg2://airflow:airflow@127.0.0.1:{self.port}/airflow"

    def _as_owner(self, *command: str) -> list[str]:
        return [*(() if os.getuid() else ("runuser", "-u", "postgres", "--")), *command]

    def create(self) -> None:
        initdb = program("initdb", "postgresql")
        self.folder.mkdir()
        if not os.getuid():
            shutil.chown(self.folder, "postgres", "postgres")
        password = self.folder.parent / "password"
        password.write_text("airflow")
        command = [str(initdb), "-D", str(self.folder), "-U", "airflow", "--auth=scram-sha-256"]
        options = [f"--pwfile={password}", "--encoding=UTF8", "--no-sync"]
        subprocess.run(self._as_owner(*command, *options), check=True, capture_output=True)
        self.start()
        self.sql("create database airflow", database="postgres")

    def start(self) -> None:
        """Start it until it answers: after a kill -9 its children may hold the memory a while."""
        until = time.monotonic() + 60
        while True:
            if self.process is None or self.process.poll() is not None:
                self._launch()
            try:
                return self.sql("select 1", database="postgres")
            except subprocess.CalledProcessError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def _launch(self) -> None:
        postgres = program("initdb", "postgresql").with_name("postgres")
        command = [str(postgres), "-D", str(self.folder), "-p", str(self.port), "-k", ""]
        with (self.folder.parent / "postgres.log").open("ab") as out:
            self.process = subprocess.Popen(
                self._as_owner(*command), stdout=out, stderr=out, start_new_session=True
            )

    def sql(self, statement: str, *, database: str = "airflow") -> None:
        url = f"postgresql://airflow:airflow@127.0.0.1:{self.port}/{database}"
        command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, url]
        subprocess.run(command, check=True, capture_output=True)

    def kill(self) -> None:
        """kill -9 of all its processes, then a start as its supervisor would make it."""
        assert self.process
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        self.start()

    def stop(self) -> None:
        if self.process:
            os.killpg(self.process.pid, signal.SIGINT)  # a fast shutdown
            self.process.wait(60)


@dataclass
class Team:
    """Airflow's parts over one database, and what the tasks reach: site, store, Elasticsearch."""

    home: Path
    environment: dict[str, str]
    site: Site
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *command: str) -> None:
        """Start a part in a process group of its own; its output goes to <name>.log."""
        with (self.home / f"{name}.log").open("ab") as out:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "airflow", *(command or (name,))],
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """kill -9 of a part with all its children, as when its host loses power."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)

    def revive(self) -> None:
        """Start again what ended, as systemd, compose or Kubernetes would."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None:
                self.start(name)

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGINT)
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):  # what it left of children
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
        self.processes.clear()

    @property
    def airflow(self) -> standalone.Airflow:
        passwords = json.loads((self.home / "passwords.json").read_text())
        port = int(self.environment["AIRFLOW__API__PORT"])
        return standalone.Airflow(self.home, port, os.getpid(), passwords["admin"])

    def api(self) -> AbstractContextManager[httpx.Client]:
        """A client of the REST API, once every part answers."""
        return rest.api(self.airflow)

    def run(self, dag_id: str = "monitor_news", **how: Any) -> tuple[str, str]:
        """Start a run and wait for its end (tests/rest.py); its state and id."""
        return rest.run(self.airflow, dag_id, **how)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A running Postgres with an empty database `airflow`."""
    # Not below pytest's folder, which every run of pytest closes to other users again.
    with tempfile.TemporaryDirectory(prefix="rasid-postgres-") as folder:
        Path(folder).chmod(0o711)
        server = Postgres(Path(folder) / "data", free_port())
        server.create()
        yield server
        server.stop()


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    """What a module's Airflow has beside the common; a module overrides it."""
    return {}


@pytest.fixture(scope="module")
def team(
    postgres: Postgres,
    es_settings: Settings,
    es_session: Any,
    variables: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Team]:
    """Airflow on Postgres with the demo's site, its own store and the test node; not started."""
    home = tmp_path_factory.mktemp("team")
    with ExitStack() as running:
        site = running.enter_context(serve(0, now=datetime.now(UTC)))
        (home / "feeds.yaml").write_text(
            yaml.safe_dump({"feeds": demo_feeds(site.port)}, allow_unicode=True)
        )
        shutil.copytree(ROOT / "dags", home / "dags", ignore=shutil.ignore_patterns("__pycache__"))
        ours = {
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.url,
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__API__WORKERS": "1",
            "RASID_AIRFLOW_DB": postgres.url,
            "RASID_FEEDS": str(home / "feeds.yaml"),
            "RASID_STORE": (home / "store").as_uri(),
            "RASID_HOME": str(home / "rasid"),
            "RASID_ALLOW_HOSTS": f"127.0.0.1:{site.port}",
            "RASID_ES_URL": es_settings.es_url or f"http://127.0.0.1:{es_settings.es_port}",
            "RASID_SNAPSHOTS": home.name,
            **variables,
        }
        patch = running.enter_context(pytest.MonkeyPatch.context())
        for name, value in ours.items():
            patch.setenv(name, value)
        settings.cache_clear()
        provision(es_session)
        made = Team(home, standalone.prepare(home, ours, port=free_port()), site)
        running.callback(made.stop)
        yield made
        es_session.indices.delete(index="rasid-*")
    settings.cache_clear()
