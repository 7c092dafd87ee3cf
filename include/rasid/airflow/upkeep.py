"""Airflow's own rows and log files: what is older than a time goes."""

from __future__ import annotations

import os
import subprocess
import sys

from datetime import datetime
from pathlib import Path

import structlog

from rasid.errors import RasidError


log = structlog.get_logger()

# Rows of one transaction: on SQLite the scheduler waits until it is over.
ROWS = 1000


class CleaningFailed(RasidError):
    """`airflow db clean` did not clean every table; repeating it is harmless."""


def clean_database(url: str, *, before: datetime) -> None:
    """Delete rows of Airflow's database `url` that are older than `before`, by `airflow db clean`.

    The newest scheduled run of each DAG stays, and every version of a DAG that a run refers to.
    """
    command = [sys.executable, "-m", "airflow", "db", "clean", "--yes", "--skip-archive"]
    command += ["--clean-before-timestamp", before.isoformat(), "--batch-size", str(ROWS)]
    # Airflow keeps tasks from its database by these two; ours may.
    environment = {
        **{k: v for k, v in os.environ.items() if k != "AIRFLOW__CORE__SQL_ALCHEMY_CONN"},
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
    }
    done = subprocess.run(
        [*command, "--error-on-cleanup-failure"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    log.info("airflow db clean", said=done.stdout)
    if done.returncode:
        last = " | ".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise CleaningFailed(
            f"`airflow db clean` failed: {last}. Check RASID_AIRFLOW_DB and that the database"
            " answers; what it did not delete it deletes the next time."
        )


def clean_logs(folder: Path, *, before: datetime) -> int:
    """Delete log files below `folder` that were last written to before then; how many went."""
    old = [
        file
        for file in folder.rglob("*")
        if file.is_file() and file.stat().st_mtime < before.timestamp()
    ]
    for file in old:
        file.unlink(missing_ok=True)
    for parent in sorted({file.parent for file in old}, reverse=True):  # the deepest first
        _remove_empty(parent, within=folder)
    return len(old)


def _remove_empty(folder: Path, *, within: Path) -> None:
    while folder != within and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
