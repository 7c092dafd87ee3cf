"""Files that are run elsewhere: checked here as far as they can be without containers."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import yaml

from rasid.airflow.environment import POOLS
from rasid.settings import ROOT


COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text("utf-8"))


def test_compose_file_follows_the_compose_specification():
    """Wrong keys and impossible conditions are caught without an engine."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*command, "docker-compose.yaml"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_every_secret_comes_from_the_environment_and_is_listed():
    """No password in the file, none with a default; .env.example names every variable."""
    text = (ROOT / "docker-compose.yaml").read_text("utf-8")
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


def test_init_creates_the_pools_that_the_dags_use():
    """The same pools on every way of starting Airflow."""
    script = (ROOT / "docker/airflow-init.sh").read_text("utf-8")
    for name, (slots, _) in POOLS.items():
        assert f"pools set {name} {slots} " in script


@pytest.mark.parametrize(
    "script", sorted([*ROOT.glob("docker/**/*.sh"), *ROOT.glob("scripts/*.sh")])
)
def test_shell_scripts_parse(script):
    """A typo in a script that only runs elsewhere."""
    shell = "sh" if script.read_text("utf-8").startswith("#!/bin/sh") else "bash"
    subprocess.run([shell, "-n", str(script)], check=True)
