"""Airflow on one machine as the demo and `rasid up` run it: `airflow standalone` and its REST API.

Talks to Airflow as a person would: by its command line and its API, never by its database.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import structlog

from rasid.airflow.environment import POOLS, airflow_environment
from rasid.errors import RasidError


log = structlog.get_logger()

START_SECONDS = 180.0
STOP_SECONDS = 30.0


class AirflowFailed(RasidError):
    """Airflow did not start, or ended by itself; the message names its log."""


@dataclass(frozen=True, slots=True)
class Airflow:
    """A standalone Airflow of ours."""

    home: Path
    port: int
    pid: int
    password: str

    @property
    def url(self) -> str:
        """Where its UI is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What all its processes print."""
        return self.home / "standalone.log"

    def run_url(self, run_id: str) -> str:
        """The page of a run of monitor_news."""
        return f"{self.url}/dags/monitor_news/runs/{run_id}"


def prepare(home: Path, variables: Mapping[str, str], *, port: int = 8080) -> dict[str, str]:
    """Database, pools and password of `home`; the environment of its processes."""
    environment = {**os.environ, **airflow_environment(home, port=port), **variables}
    passwords = Path(environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    if not passwords.exists():
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({"admin": secrets.token_urlsafe(9)}))
    if not (home / "ready").exists():
        _airflow(environment, "db", "migrate")
        pools = home / "pools.json"
        pools.write_text(
            json.dumps(
                {
                    name: {"slots": slots, "description": about, "include_deferred": False}
                    for name, (slots, about) in POOLS.items()
                }
            )
        )
        _airflow(environment, "pools", "import", str(pools))
        (home / "ready").touch()
    return environment


def start(home: Path, environment: Mapping[str, str]) -> Airflow:
    """Start Airflow in a process group of its own; AirflowFailed when its port is taken."""
    port = int(environment["AIRFLOW__API__PORT"])
    if running(home):
        raise AirflowFailed("Airflow of this checkout runs already. Stop it with `rasid down`.")
    if _listening(port):
        raise AirflowFailed(f"Port {port} is taken. Free it, or name another with --airflow-port.")
    passwords = json.loads((home / "passwords.json").read_text())
    with (home / "standalone.log").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", "standalone"],
            env=dict(environment),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    (home / "standalone.pid").write_text(str(process.pid))
    return Airflow(home, port, process.pid, passwords["admin"])


def wait_until_healthy(airflow: Airflow) -> None:
    """Return when scheduler, DAG processor and API answer; AirflowFailed after three minutes."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if not psutil.pid_exists(airflow.pid):
            raise AirflowFailed(f"Airflow ended by itself; see {airflow.log}")
        try:
            health = httpx.get(f"{airflow.url}/api/v2/monitor/health", timeout=5).json()
            if all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor")):
                return
        except (httpx.HTTPError, ValueError, KeyError):
            pass  # not up yet
        time.sleep(0.5)
    raise AirflowFailed(f"Airflow was not healthy after {START_SECONDS:.0f} s; see {airflow.log}")


def api(airflow: Airflow) -> httpx.Client:
    """A client of Airflow's REST API, logged in as admin."""
    login = {"username": "admin", "password": airflow.password}
    token = httpx.post(f"{airflow.url}/auth/token", json=login, timeout=30).raise_for_status()
    return httpx.Client(
        base_url=f"{airflow.url}/api/v2",
        headers={"Authorization": f"Bearer {token.json()['access_token']}"},
        timeout=30,
    )


def trigger(client: httpx.Client, *, conf: Mapping[str, Any]) -> str:
    """Start a run of monitor_news as soon as its DAG is known; the run's id."""
    until = time.monotonic() + START_SECONDS
    body = {"logical_date": None, "conf": dict(conf)}
    while True:
        answer = client.post("/dags/monitor_news/dagRuns", json=body)
        # 404: the DAG processor has not read the file yet.
        if answer.status_code != httpx.codes.NOT_FOUND or time.monotonic() > until:
            return str(answer.raise_for_status().json()["dag_run_id"])
        time.sleep(0.5)


def run_state(client: httpx.Client, run_id: str) -> str:
    """How the run stands: queued, running, success or failed."""
    answer = client.get(f"/dags/monitor_news/dagRuns/{run_id}").raise_for_status()
    return str(answer.json()["state"])


def task_states(client: httpx.Client, run_id: str) -> list[tuple[str, str]]:
    """(task, state) of every task instance of the run; state "" where none is set yet."""
    path = f"/dags/monitor_news/dagRuns/{run_id}/taskInstances"
    answer = client.get(path, params={"limit": 1000}).raise_for_status()
    return [(ti["task_id"], ti["state"] or "") for ti in answer.json()["task_instances"]]


def end_runs(client: httpx.Client) -> None:
    """End what an interrupted Airflow left running: only one run may be active at a time."""
    path = "/dags/monitor_news/dagRuns"
    for state in ("running", "queued"):
        answer = client.get(path, params={"state": state, "limit": 100})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return  # a new home does not know the DAG yet
        for run in answer.raise_for_status().json()["dag_runs"]:
            client.patch(f"{path}/{run['dag_run_id']}", json={"state": "failed"}).raise_for_status()


def unpause(client: httpx.Client) -> None:
    """Let monitor_news run, should somebody have paused it, as soon as its DAG is known."""
    body = {"is_paused": False}
    until = time.monotonic() + START_SECONDS
    while True:
        answer = client.patch("/dags/monitor_news", json=body)
        if answer.status_code != httpx.codes.NOT_FOUND or time.monotonic() > until:
            answer.raise_for_status()
            return
        time.sleep(0.5)


def stop(home: Path) -> bool:
    """End the Airflow of `home` with all its processes; False when none ran."""
    leader = running(home)
    if leader is None:
        (home / "standalone.pid").unlink(missing_ok=True)
        return False
    family = [leader, *leader.children(recursive=True)]
    leader.send_signal(signal.SIGINT)
    _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=5)
    (home / "standalone.pid").unlink(missing_ok=True)
    return True


def running(home: Path) -> psutil.Process | None:
    """The standalone process of `home`, when it is one of ours and alive."""
    try:
        process = psutil.Process(int((home / "standalone.pid").read_text()))
        ours = process.environ().get("AIRFLOW_HOME") == str(home)
    except (OSError, ValueError, psutil.Error):
        return None
    return process if ours and process.status() != psutil.STATUS_ZOMBIE else None


def port_of(home: Path) -> int:
    """The port that the Airflow of `home` was started with."""
    process = running(home)
    return int(process.environ()["AIRFLOW__API__PORT"]) if process else 0


def _airflow(environment: Mapping[str, str], *arguments: str) -> None:
    command = [sys.executable, "-m", "airflow", *arguments]
    done = subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise AirflowFailed(f"`airflow {' '.join(arguments)}` failed: " + " | ".join(last))


def _listening(port: int) -> bool:
    return any(
        c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in psutil.net_connections()
    )
