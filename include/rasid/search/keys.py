"""API keys with no more rights than their job needs (search.md §5).

`python -m rasid.search.keys` writes the roles to docker/elastic/roles for the compose file; a test
fails when they are out of date.
"""

from __future__ import annotations

import json

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch

from rasid.errors import ConfigError
from rasid.search.templates import alias
from rasid.settings import ROOT


ROLES = ROOT / "docker" / "elastic" / "roles"

_MADE = [f"{alias(family)}*" for family in ("articles", "mentions", "incidents", "entries")]
_LEDGER = [
    f"{alias(family)}*"
    for family in ("polls", "runs", "alarms", "watch", "backfills", "changes", "scores")
]
_ANALYSED = [f"{alias(family)}*" for family in ("articles", "mentions", "incidents")]
_READ = ["read", "view_index_metadata"]

_TEMPLATES = ["manage_index_templates", "monitor"]
_SNAPSHOTS = [
    "create_snapshot",
    "cluster:admin/repository/get",
    "cluster:admin/repository/put",
    "cluster:admin/snapshot/delete",
    "cluster:admin/snapshot/get",
    "cluster:admin/snapshot/restore",
]

# Who may do what. `delete` for mentions of an older revision, `maintenance` for a run's refresh,
# `auto_configure` for the fields that counts of outcomes add to rasid-runs. Nobody but the
# provisioner, the keeper and the migrator makes an index.
RIGHTS: dict[str, dict[str, Any]] = {
    # The pipeline's runs.
    "writer": {
        "cluster": [],
        "indices": [
            {
                "names": [*_MADE, *_LEDGER],
                "privileges": ["auto_configure", "index", "delete", "maintenance"],
            },
            {"names": ["rasid-*"], "privileges": [*_READ, "maintenance"]},
        ],
    },
    # `rasid provision`.
    "provisioner": {
        "cluster": _TEMPLATES,
        "indices": [{"names": ["rasid-*"], "privileges": ["manage", "view_index_metadata"]}],
    },
    # `rasid provision --migrate` and `--rollback`: for the hour in which they are run.
    "migrator": {
        "cluster": _TEMPLATES,
        "indices": [{"names": ["rasid-*"], "privileges": ["manage", "write", *_READ]}],
    },
    # provision_search and `rasid snapshot`: provisions, takes snapshots, deletes what is old.
    "keeper": {
        "cluster": [*_TEMPLATES, *_SNAPSHOTS],
        "indices": [{"names": ["rasid-*"], "privileges": ["manage", "delete", *_READ]}],
    },
    # The dashboards' part of provision_search; rights in Kibana, none in Elasticsearch.
    "kibana": {
        "cluster": [],
        "indices": [],
        "applications": [
            {"application": "kibana-.kibana", "privileges": ["all"], "resources": ["*"]}
        ],
    },
    "analyst": {"cluster": [], "indices": [{"names": _ANALYSED, "privileges": _READ}]},
    "ops": {
        "cluster": ["monitor"],
        "indices": [{"names": ["rasid-*"], "privileges": [*_READ, "monitor"]}],
    },
}
# The setting that takes the role's key, as a file of RASID_SECRETS is called.
SETTINGS = {
    "writer": "rasid_es_api_key",
    "keeper": "rasid_keeper_api_key",
    "kibana": "rasid_kibana_api_key",
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key that is valid now; times in UTC, `expires_at` None for one that never does."""

    id: str
    role: str
    created_at: datetime
    expires_at: datetime | None


def create_key(es: Elasticsearch, role: str, *, days: int = 90) -> str:
    """A new key for the role, in the form RASID_ES_API_KEY takes; shown this once."""
    answer = es.security.create_api_key(
        name=_name(role),
        expiration=f"{days}d",
        role_descriptors={f"rasid_{role}": RIGHTS[role]},
        metadata={"application": "rasid"},
    )
    return str(answer["encoded"])


def rotate_key(
    es: Elasticsearch, role: str, *, hand_out: Callable[[str], None], days: int = 90
) -> int:
    """Make a new key, see that it can do its job, hand it out, invalidate the older ones.

    How many older ones went. At no moment is there no valid key: when the new one cannot do its
    job or cannot be handed out, it goes and the older ones stay.
    """
    new = create_key(es, role, days=days)
    try:
        _check(es, role, new)
        hand_out(new)
    except BaseException:
        es.security.invalidate_api_key(ids=[_id(es, new)])
        raise
    return retire_keys(es, role, keep=new)


def retire_keys(es: Elasticsearch, role: str, *, keep: str) -> int:
    """Invalidate the role's keys except the encoded key `keep`; how many went."""
    kept = _id(es, keep)
    gone = [key.id for key in valid_keys(es, role) if key.id != kept]
    if gone:
        es.security.invalidate_api_key(ids=gone)
    return len(gone)


def valid_keys(es: Elasticsearch, role: str) -> list[Key]:
    """The role's keys that are valid now, the oldest first."""
    answer = es.security.get_api_key(name=_name(role), active_only=True)
    keys = [
        Key(
            key["id"],
            role,
            _moment(key["creation"]),
            _moment(key["expiration"]) if key.get("expiration") else None,
        )
        for key in answer["api_keys"]
    ]
    return sorted(keys, key=lambda key: key.created_at)


def write_secret(file: Path, key: str) -> None:
    """Put the key into the file in one step, readable by its owner and group only."""
    part = file.with_name(f".{file.name}.part")
    part.touch(mode=0o640)
    part.write_text(key, "ascii")
    part.rename(file)


def roles() -> dict[str, str]:
    """Files of docker/elastic/roles by name: the body of each role as Elasticsearch takes it."""
    return {
        f"{role}.json": json.dumps(rights, indent=1, ensure_ascii=False) + "\n"
        for role, rights in RIGHTS.items()
    }


def _check(es: Elasticsearch, role: str, key: str) -> None:
    """ConfigError when the key cannot do what its role says: its maker has fewer rights."""
    rights = RIGHTS[role]
    able = es.options(api_key=key).security.has_privileges(
        cluster=rights["cluster"],
        index=rights["indices"],
        application=rights.get("applications"),
    )
    if not able["has_all_requested"]:
        raise ConfigError(
            f"The new key cannot do all that the role {role} is for: a key has no more rights than"
            " the user that makes it. Name a user with the role superuser in RASID_ES_URL. The"
            " older keys are valid as before."
        )


def _id(es: Elasticsearch, key: str) -> str:
    return str(es.options(api_key=key).security.authenticate()["api_key"]["id"])


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


def _name(role: str) -> str:
    return f"rasid-{role}"


if __name__ == "__main__":
    for name, body in roles().items():
        (ROLES / name).write_text(body, "utf-8")
