"""Index templates, indices and their aliases, from include/elasticsearch/ (search.md §3).

Nobody but this module and migration.py knows an index by its own name (`rasid-articles-v1-2026`).
Readers search a family's alias (`rasid-articles`), writers write to the alias of the partition
(`rasid-articles-2026`), so that a migration to v2 takes effect for both in one step. Articles and
mentions are partitioned by the year of `first_seen_at`, which never changes; the other families are
one index each, with one alias for both.
"""

from __future__ import annotations

import hashlib
import json
import re

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from elasticsearch import AuthorizationException, BadRequestError, Elasticsearch

from rasid.errors import ConfigError
from rasid.settings import INCLUDE


FOLDER = INCLUDE / "elasticsearch"
YEARLY = ("articles", "mentions")
WHOLE = (
    *("incidents", "entries", "polls", "runs", "alarms"),
    *("watch", "backfills", "changes", "scores"),
)
COMPONENT = "rasid-arabic"
# A year's partition is there before its first article.
AHEAD = timedelta(days=31)


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
    """The alias that a document of the family is written to: `rasid-articles-2026`."""
    if family not in YEARLY:
        return alias(family)
    if first_seen_at is None:
        raise ValueError(f"{family} is partitioned by first_seen_at")
    return f"{alias(family)}-{first_seen_at.astimezone(UTC):%Y}"


def live_indices(es: Elasticsearch, family: str) -> dict[str, frozenset[str]]:
    """The indices that the family's alias leads to, each with all its aliases."""
    found = es.options(ignore_status=404).indices.get_alias(name=f"{alias(family)}*")
    return {
        index: frozenset(body["aliases"])
        for index, body in sorted(found.items())
        if isinstance(body, dict) and alias(family) in body.get("aliases", {})
    }


def create_partition(es: Elasticsearch, write_alias: str) -> None:
    """Make the first index behind a write alias; a writer that was faster is no harm."""
    family, year = _split(write_alias)
    name = f"{alias(family)}-v1" + (f"-{year}" if year else "")
    names = [alias(family), write_alias]
    if es.indices.exists(index=name):
        es.indices.update_aliases(
            actions=[{"add": {"index": name, "alias": each}} for each in names]
        )
        return
    try:
        es.indices.create(index=name, aliases={each: {} for each in names})
    except AuthorizationException as error:
        raise ConfigError(
            f"There is no index behind {write_alias} yet, and this key may not make it. Run"
            " `rasid provision` with a key of the role provisioner, or start the DAG"
            " provision_search."
        ) from error
    except BadRequestError as error:
        if error.error != "resource_already_exists_exception":
            raise


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
    now = today or datetime.now(UTC)
    changes = [*_components(es, dry_run=dry_run), *_templates(es, dry_run=dry_run)]
    for family in (*YEARLY, *WHOLE):
        wanted = dict.fromkeys(index_for(family, day) for day in (now, now + AHEAD))
        changes += _partitions(es, family, wanted, dry_run=dry_run)
        changes += _mappings(es, family, dry_run=dry_run)
    return changes


def ensure_provisioned(es: Elasticsearch) -> None:
    """Provision if something is missing; ConfigError says what a person has to run.

    Looking needs no rights beyond reading, so the writer's key finds a provisioned cluster ready.
    """
    now = datetime.now(UTC)
    missing = [
        change
        for family in (*YEARLY, *WHOLE)
        for change in (
            *_partitions(es, family, [index_for(family, now)], dry_run=True),
            *_mappings(es, family, dry_run=True),
        )
    ]
    if not missing:
        return
    try:
        changes = provision(es)
    except AuthorizationException as error:
        raise ConfigError(
            "The indices are not what this version of Rasid needs, and this key may not change"
            " them. Run `rasid provision` with a key of the role provisioner, or start the DAG"
            " provision_search."
        ) from error
    old = [change.name for change in changes if change.action == "needs migration"]
    if old:
        raise ConfigError(
            f"{', '.join(old)} was made by another version of Rasid and cannot take its documents."
            " Run `rasid provision --migrate`."
        )


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


def _partitions(
    es: Elasticsearch, family: str, wanted: Iterable[str], *, dry_run: bool
) -> Iterator[Change]:
    live = live_indices(es, family)
    for name in wanted:
        if any(name in aliases for aliases in live.values()):
            continue
        if not dry_run:
            create_partition(es, name)
        yield Change("index", name, "create")


def _mappings(es: Elasticsearch, family: str, *, dry_run: bool) -> Iterator[Change]:
    live = list(live_indices(es, family))
    if not live:
        return  # a dry run before the first real one
    found = es.indices.get_mapping(index=live)
    present = {name: index["mappings"] for name, index in found.items()}
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


def _split(write_alias: str) -> tuple[str, str]:
    """Family and year (empty where there is none) of a write alias."""
    found = re.fullmatch(r"rasid-([a-z]+)(?:-(\d{4}))?", write_alias)
    family, year = (found[1], found[2] or "") if found else ("", "")
    if family not in (YEARLY if year else WHOLE):
        raise ValueError(f"{write_alias} is no alias that Rasid writes to")
    return family, year


def _digest(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def _stamp(body: Mapping[str, Any] | None) -> str:
    return str(((body or {}).get("_meta") or {}).get("hash", ""))
