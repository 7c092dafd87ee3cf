"""Index templates, indices and their aliases, from include/elasticsearch/ (search.md §3).

A family is one alias (`rasid-articles`) over one or more indices (`rasid-articles-v1-2026`). The
version in the name grows only when a mapping changes incompatibly. Articles and mentions are
partitioned by the year of `first_seen_at`, which never changes; the others are one index each.
"""

from __future__ import annotations

import hashlib
import json

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from elasticsearch import BadRequestError, Elasticsearch

from rasid.settings import INCLUDE


FOLDER = INCLUDE / "elasticsearch"
VERSION = 1
YEARLY = ("articles", "mentions")
WHOLE = ("incidents", "entries", "polls", "runs", "alarms", "watch", "backfills", "changes")
COMPONENT = "rasid-arabic"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that `provision` did or would do."""

    kind: Literal["component template", "index template", "index", "mapping"]
    name: str
    action: Literal["create", "update", "needs migration"]


def alias(family: str) -> str:
    """What readers search: `rasid-articles`."""
    return f"rasid-{family}"


def index_for(family: str, first_seen_at: datetime | None = None) -> str:
    """The index that a document of the family is written to."""
    name = f"rasid-{family}-v{VERSION}"
    if family not in YEARLY:
        return name
    if first_seen_at is None:
        raise ValueError(f"{family} is partitioned by first_seen_at")
    return f"{name}-{first_seen_at.astimezone(UTC):%Y}"


def template(family: str) -> dict[str, Any]:
    """The index template of the family as its file says, stamped with what it was made of."""
    body: dict[str, Any] = json.loads((FOLDER / "templates" / f"{family}.json").read_text("utf-8"))
    mappings = body["template"]["mappings"]
    mappings["_meta"] = {"mapping": _digest(mappings)}
    if COMPONENT in body["composed_of"]:
        mappings["_meta"]["analysis"] = _digest(component())
    body["_meta"] = {**body["_meta"], "hash": _digest(body)}
    return body


def component() -> dict[str, Any]:
    """The component template with the Arabic analysis that all families share."""
    body: dict[str, Any] = json.loads((FOLDER / "arabic.json").read_text("utf-8"))
    body["_meta"] = {**body["_meta"], "hash": _digest(body)}
    return body


def provision(
    es: Elasticsearch, *, dry_run: bool = False, today: datetime | None = None
) -> list[Change]:
    """Bring templates and indices to what the files say; the changes made, none the second time.

    Fields may be added to an index in place. What cannot be changed in place (another type,
    another analysis) is reported as "needs migration" and left alone.
    """
    year = today or datetime.now(UTC)
    changes = [*_components(es, dry_run=dry_run), *_templates(es, dry_run=dry_run)]
    for family in (*YEARLY, *WHOLE):
        changes += _indices(es, family, index_for(family, year), dry_run=dry_run)
    return changes


def _components(es: Elasticsearch, *, dry_run: bool) -> Iterator[Change]:
    body = component()
    found = es.options(ignore_status=404).cluster.get_component_template(name=COMPONENT)
    listed = found.get("component_templates") or []
    old = listed[0]["component_template"] if listed else None
    if _stamp(old) != body["_meta"]["hash"]:
        if not dry_run:
            es.cluster.put_component_template(
                name=COMPONENT, template=body["template"], meta=body["_meta"]
            )
        yield Change("component template", COMPONENT, "update" if old else "create")


def _templates(es: Elasticsearch, *, dry_run: bool) -> Iterator[Change]:
    for family in (*YEARLY, *WHOLE):
        body = template(family)
        found = es.options(ignore_status=404).indices.get_index_template(name=alias(family))
        listed = found.get("index_templates") or []
        old = listed[0]["index_template"] if listed else None
        if _stamp(old) != body["_meta"]["hash"]:
            if not dry_run:
                es.indices.put_index_template(
                    name=alias(family),
                    index_patterns=body["index_patterns"],
                    composed_of=body["composed_of"],
                    priority=body["priority"],
                    template=body["template"],
                    meta=body["_meta"],
                )
            yield Change("index template", alias(family), "update" if old else "create")


def _indices(es: Elasticsearch, family: str, current: str, *, dry_run: bool) -> Iterator[Change]:
    found = es.options(ignore_status=404).indices.get_mapping(index=f"rasid-{family}-v{VERSION}*")
    present = {name: index["mappings"] for name, index in found.items() if "mappings" in index}
    if current not in present:
        if not dry_run:
            # By its template; a writer that was faster is no harm.
            es.options(ignore_status=400).indices.create(index=current)
        yield Change("index", current, "create")
    wanted = template(family)["template"]["mappings"]
    for name, mappings in sorted(present.items()):
        meta = mappings.get("_meta", {})
        if meta == wanted["_meta"]:
            continue
        if meta.get("analysis") != wanted["_meta"].get("analysis"):
            yield Change("mapping", name, "needs migration")
            continue
        try:
            if not dry_run:
                es.indices.put_mapping(
                    index=name, properties=wanted["properties"], meta=wanted["_meta"]
                )
        except BadRequestError:
            yield Change("mapping", name, "needs migration")
        else:
            yield Change("mapping", name, "update")


def _digest(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def _stamp(body: Mapping[str, Any] | None) -> str:
    return str(((body or {}).get("_meta") or {}).get("hash", ""))
