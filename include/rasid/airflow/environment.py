"""The environment in which Airflow runs on one machine: folders of this checkout, SQLite."""

from __future__ import annotations

import os
import secrets
import sys

from pathlib import Path

from rasid.settings import INCLUDE, ROOT, settings


POOLS = {
    "news_http": (4, "Tasks that send requests to outlets"),
    "news_backfill": (1, "Tasks that ask one outlet for its older articles"),
}


def airflow_environment(home: Path, *, port: int = 8080) -> dict[str, str]:
    """Variables for every Airflow process that uses `home` (settings page: airflow.md §5)."""
    home.mkdir(parents=True, exist_ok=True)
    database = home / "airflow.db"
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # SQLite allows one writer: with the default of 32 the scheduler dies of a locked database.
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{database}",
        # Short tasks otherwise keep their slot for up to five seconds after they end.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__LOGGING__JSON_LOGS": str(settings().log == "json"),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API__SECRET_KEY": _secret(home / "api.secret"),
        "AIRFLOW__API_AUTH__JWT_SECRET": _secret(home / "jwt.secret"),
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "PYTHONPATH": str(INCLUDE),
        # `airflow standalone` starts its parts by the name `airflow`.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        # The tasks must find the same Elasticsearch and store, whatever folder they run in.
        "RASID_HOME": str(settings().home.resolve()),
        # Airflow keeps tasks from its database; keep_house, which deletes old rows, must know it.
        "RASID_AIRFLOW_DB": f"sqlite:///{database}",
    }


def _secret(file: Path) -> str:
    """A random secret of this home, made once; readable by its owner only."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(48))
    return file.read_text()
