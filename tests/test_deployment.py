"""Files that are run elsewhere: checked here as far as they can be without containers."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from pathlib import Path

import pytest
import yaml

from rasid.airflow.environment import POOLS
from rasid.search.keys import SETTINGS
from rasid.settings import ROOT, Settings


COMPOSE_FILES = ("docker-compose.yaml", "docker-compose.celery.yaml")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text("utf-8"))
HELM = yaml.safe_load((ROOT / "deploy/helm/values.yaml").read_text("utf-8"))


def test_compose_files_follow_the_compose_specification():
    """Wrong keys and impossible conditions are caught without an engine."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*command, *COMPOSE_FILES], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_every_secret_comes_from_the_environment_and_is_listed():
    """No password in the files, none with a default; .env.example names every variable."""
    text = "".join((ROOT / name).read_text("utf-8") for name in COMPOSE_FILES)
    used = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", text))
    listed = set(
        re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE)
    )
    assert used == listed
    secret = [name for name in used if re.search("PASSWORD|KEY|SECRET", name)]
    assert secret
    for name in secret:
        assert not re.search(rf"\$\{{{name}:?-", text), f"{name} has a default"


def test_only_the_two_uis_are_published_and_only_on_loopback():
    """TLS and the outside world are the operator's proxy's business."""
    ports = {name: s["ports"] for name, s in COMPOSE["services"].items() if "ports" in s}
    assert set(ports) == {"airflow-apiserver", "kibana"}
    assert all(p.startswith("127.0.0.1:") for published in ports.values() for p in published)


def test_the_celery_overlay_changes_every_part_of_airflow_and_adds_workers():
    """A scheduler with one executor and an API with another would each wait for the other."""
    overlay = yaml.safe_load((ROOT / "docker-compose.celery.yaml").read_text("utf-8"))["services"]
    parts = {
        name
        for name in COMPOSE["services"]
        if name.startswith("airflow-") and name != "airflow-worker"
    }
    assert set(overlay) == {*parts, "redis", "airflow-worker"}
    for name in (*parts, "airflow-worker"):
        assert overlay[name]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert overlay["airflow-worker"]["extends"]["service"] in parts


def test_init_creates_the_pools_that_the_dags_use():
    """The same pools on every way of starting Airflow."""
    script = (ROOT / "docker/airflow-pools.sh").read_text("utf-8")
    for name, (slots, _) in POOLS.items():
        assert f"\npool {name} {slots} " in script
    assert "airflow-pools.sh" in (ROOT / "docker/airflow-init.sh").read_text("utf-8")
    assert "docker/airflow-pools.sh" in str(HELM["migrateDatabaseJob"]["args"])


def test_helm_values_set_what_rasid_knows_and_hold_no_secret():
    """A misspelt setting would be ignored in silence; secrets are named, never written."""
    known = {f"RASID_{name.upper()}" for name in Settings.model_fields}
    set_here = {variable["name"] for variable in HELM["env"]}
    named = {variable["envName"] for variable in HELM["secret"]}
    assert {name for name in set_here | named if name.startswith("RASID_")} <= known
    secret = re.compile("PASSWORD|_KEY|SECRET|NOTIFY|_DB$")
    assert not {name for name in set_here if secret.search(name)}
    # The keys of Elasticsearch come as files, where RASID_SECRETS looks for them by default.
    assert {"name": "rasid-keys", "mountPath": "/run/rasid", "readOnly": True} in HELM[
        "volumeMounts"
    ]
    text = (ROOT / "deploy/helm/values.yaml").read_text("utf-8")
    assert all(name in text for name in SETTINGS.values())


def test_every_way_to_deploy_names_the_same_versions():
    """Airflow as pinned; Elasticsearch and Kibana as .env.example says."""
    pinned = re.search(
        r"^apache-airflow==(.+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE
    )
    assert HELM["airflowVersion"] == pinned[1]
    assert f"apache/airflow:{pinned[1]}-" in (ROOT / "docker/Dockerfile").read_text("utf-8")
    elastic = re.search(
        r"^ELASTIC_VERSION=(.+)$", (ROOT / ".env.example").read_text(), re.MULTILINE
    )[1]
    for file in ("elasticsearch", "kibana"):
        body = yaml.safe_load((ROOT / f"deploy/eck/{file}.yaml").read_text("utf-8"))
        assert body["spec"]["version"] == elastic
        assert body["metadata"]["name"] == "rasid"


@pytest.mark.parametrize(
    "script",
    sorted([*ROOT.glob("docker/**/*.sh"), *ROOT.glob("scripts/*.sh"), ROOT / "docker/rasid"]),
)
def test_shell_scripts_parse(script):
    """A typo in a script that only runs elsewhere."""
    shell = "sh" if script.read_text("utf-8").startswith("#!/bin/sh") else "bash"
    subprocess.run([shell, "-n", str(script)], check=True)


def test_the_image_has_the_command():
    """Compose starts `rasid`; the image has the package on PYTHONPATH and no console script."""
    command = ["sh", str(ROOT / "docker/rasid"), "--help"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "include"), "PATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "Usage:" in done.stdout
    assert "docker/rasid /home/airflow/.local/bin/rasid" in (ROOT / "docker/Dockerfile").read_text()
