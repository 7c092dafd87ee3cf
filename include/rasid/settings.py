"""Settings: environment variables `RASID_*`, read once per process (table in docs/settings.md)."""

from __future__ import annotations

import os

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_cache_path
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rasid.errors import ConfigError


ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"


class Settings(BaseSettings):
    """What a person can set; every field is the variable `RASID_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="RASID_", frozen=True)

    feeds: Path = INCLUDE / "feeds.yaml"
    es_url: str = ""
    es_api_key: SecretStr = SecretStr("")
    keeper_api_key: SecretStr = SecretStr("")
    es_ca: Path | None = None
    es_port: int = 9234
    kibana_url: str = ""
    kibana_api_key: SecretStr = SecretStr("")
    store: str = ""
    snapshots: str = "rasid"
    home: Path = ROOT / ".rasid"
    cache: Path = Field(default_factory=lambda: user_cache_path("rasid"))
    java_home: Path | None = None
    allow_hosts: Annotated[str, NoDecode] = ""
    notify: SecretStr = SecretStr("")
    keep_runs: int = Field(default=14, ge=2)
    keep_pages: int = Field(default=0, ge=0)
    keep_years: int = Field(default=0, ge=0)
    keep_airflow: int = Field(default=90, ge=7)
    airflow_db: SecretStr = SecretStr("")
    log: Literal["text", "json"] = "text"
    user_agent: str = "Rasid/0.1 (+news monitoring; robots.txt respected)"

    @property
    def store_root(self) -> str:
        """URL of the object storage root: RASID_STORE, else a folder of this checkout."""
        return (self.store or (self.home / "store").as_uri()).rstrip("/")

    @property
    def es_address(self) -> str:
        """RASID_ES_URL without its user and password: what logs and messages may show."""
        scheme, _, rest = self.es_url.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}" if rest else self.es_url

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """`host` or `host:port` entries whose private addresses a person allowed."""
        return frozenset(h.strip().lower() for h in self.allow_hosts.split(",") if h.strip())


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process: variables, and files of RASID_SECRETS that are called so.

    ConfigError names each that cannot be read.
    """
    folder = Path(os.environ.get("RASID_SECRETS", "/run/rasid"))
    try:
        # Named only where it is there: pydantic warns about a folder that is not.
        # mypy knows this argument of pydantic's only by its plugin.
        return Settings(_secrets_dir=folder if folder.is_dir() else None)  # type: ignore[call-arg]
    except ValidationError as error:
        # Not what was given: it may be a secret.
        wrong = [f"RASID_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
        raise ConfigError(f"{'; '.join(wrong)}. docs/settings.md says what it takes.") from None
