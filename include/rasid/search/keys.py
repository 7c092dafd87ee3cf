"""API keys with no more rights than their job needs (search.md §5)."""

from __future__ import annotations

from typing import Any

from elasticsearch import Elasticsearch

from rasid.search.templates import alias


_MADE = [f"{alias(family)}*" for family in ("articles", "mentions", "incidents", "entries")]
_LEDGER = [
    f"{alias(family)}*" for family in ("polls", "runs", "alarms", "watch", "backfills", "changes")
]
_ANALYSED = [f"{alias(family)}*" for family in ("articles", "mentions", "incidents")]
_READ = ["read", "view_index_metadata"]

# Who may do what. `delete` for mentions of an older revision, `maintenance` for a run's refresh,
# `auto_configure` for a new year's partition.
RIGHTS: dict[str, dict[str, Any]] = {
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
    "provisioner": {
        "cluster": ["manage_index_templates", "monitor", "create_snapshot"],
        "indices": [{"names": ["rasid-*"], "privileges": ["manage", "view_index_metadata"]}],
    },
    "analyst": {"cluster": [], "indices": [{"names": _ANALYSED, "privileges": _READ}]},
    "ops": {
        "cluster": ["monitor"],
        "indices": [{"names": ["rasid-*"], "privileges": [*_READ, "monitor"]}],
    },
}


def create_key(es: Elasticsearch, role: str, *, days: int = 90) -> str:
    """A new key for the role, in the form RASID_ES_API_KEY takes; shown this once."""
    answer = es.security.create_api_key(
        name=_name(role),
        expiration=f"{days}d",
        role_descriptors={f"rasid_{role}": RIGHTS[role]},
        metadata={"application": "rasid"},
    )
    return str(answer["encoded"])


def retire_keys(es: Elasticsearch, role: str, *, keep: str) -> int:
    """Invalidate the role's keys except the encoded key `keep`; how many went.

    Rotation is `create_key`, hand the key out, then this: at no moment is there no valid key.
    """
    answer = es.security.get_api_key(name=_name(role), active_only=True)
    kept = es.options(api_key=keep).security.authenticate()["api_key"]["id"]
    gone = [key["id"] for key in answer["api_keys"] if key["id"] != kept]
    if gone:
        es.security.invalidate_api_key(ids=gone)
    return len(gone)


def _name(role: str) -> str:
    return f"rasid-{role}"
