"""Move an index to a new version while writers write and readers read, and back.

`rasid-articles-v1-2026` is copied into `rasid-articles-v2-2026`, which nobody sees. What changed
meanwhile is copied again, until little is left. Then, for some seconds, v1 takes no writes (they
are refused as passing faults, and tried again), the rest is copied, and the aliases of readers and
writers go over to v2 in one step. v1 stays as it was, closed to writes, for a way back.

Copies carry their document's version, so a copy never overwrites what is newer, and a migration
that died goes on where it stopped. When v2 cannot take a document nothing goes over.
"""

from __future__ import annotations

import re
import time

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Literal, TypeAlias

from elasticsearch import ApiError, Elasticsearch, TransportError
from elasticsearch.helpers import scan

from rasid.errors import MigrationFailed
from rasid.search.templates import WHOLE, YEARLY, live_indices, template
from rasid.search.writing import bulk


# One line for a person about what is going on.
Tell: TypeAlias = Callable[[str], None]

# So few changes are copied in a second or two; then writers may be kept waiting.
FEW = 500
MOST_PASSES = 20
_JSON = {"accept": "application/json"}
_NAME = re.compile(r"(?P<stem>rasid-(?P<family>[a-z]+)-v)(?P<version>\d+)(?P<year>-\d{4})?")


@dataclass(frozen=True, slots=True)
class Move:
    """An index whose aliases went over to another; `documents` it then held."""

    source: str
    target: str
    documents: int
    kind: Literal["index"] = "index"
    action: Literal["move"] = "move"

    @property
    def name(self) -> str:
        """From where to where."""
        return f"{self.source} → {self.target}"


def migrate(
    es: Elasticsearch, indices: Iterable[str], *, tell: Tell = lambda _: None
) -> list[Move]:
    """Move each of these live indices to the version that its template says now.

    MigrationFailed says which document the new version cannot take; then that index, and those
    after it, are as they were.
    """
    return [_moved(es, name, _target(es, name), tell) for name in indices]


def roll_back(es: Elasticsearch, *, tell: Tell) -> list[Move]:
    """Move every migrated index to the version it had before, with what was written since."""
    moves = []
    for family in (*YEARLY, *WHOLE):
        for name in live_indices(es, family):
            older = [old for old in _versions(es, name) if old < _version(name)]
            if older:
                moves.append(_moved(es, name, _named(name, max(older)), tell))
    return moves


def superseded(es: Elasticsearch, *, before: datetime) -> list[str]:
    """Indices that a migration left behind and that were made before `before`."""
    found = es.indices.get(index="rasid-*", features=["aliases", "settings"])
    names = [name for name, body in found.items() if _NAME.fullmatch(name) and not body["aliases"]]
    made = {
        name: datetime.fromtimestamp(
            int(found[name]["settings"]["index"]["creation_date"]) / 1000, tz=UTC
        )
        for name in names
    }
    return sorted(name for name in names if made[name] < before)


def _target(es: Elasticsearch, source: str) -> str:
    """The next version's index, made if need be; one that a migration left half-filled is used."""
    family = _parsed(source)["family"]
    wanted = template(family)["template"]["mappings"]["_meta"]
    version = _version(source)
    while True:
        version += 1
        name = _named(source, version)
        found = es.options(ignore_status=404).indices.get_mapping(index=name)
        if name not in found:
            # By its template, without aliases: nobody sees it until it is whole.
            es.indices.create(index=name)
            return name
        if found[name]["mappings"].get("_meta") == wanted:
            return name


def _moved(es: Elasticsearch, source: str, target: str, tell: Tell) -> Move:
    try:
        # Whatever a run that died may have left closed.
        _open(es, target)
        _open(es, source)
        tell(f"{source} → {target}: copying")
        copied_to = -1
        for _ in range(MOST_PASSES):
            seen = _last_change(es, source)
            copied = _copy(es, source, target, since=copied_to)
            copied_to = seen
            tell(f"{source} → {target}: {copied:,} documents copied")
            if copied <= FEW:
                break
        try:
            es.indices.add_block(index=source, block="write")
            _copy(es, source, target, since=copied_to)
            _forget_deleted(es, source, target)
            documents = _compared(es, source, target)
            names = sorted(live_indices(es, _parsed(source)["family"])[source])
            es.indices.update_aliases(
                actions=[
                    action
                    for name in names
                    for action in (
                        {"remove": {"index": source, "alias": name, "must_exist": True}},
                        {"add": {"index": target, "alias": name}},
                    )
                ]
            )
        except BaseException:
            _open(es, source)
            raise
    except (ApiError, TransportError) as error:
        raise MigrationFailed(
            f"{source} could not be moved to {target} ({error}). Nothing went over, writers write"
            f" to {source} as before. Mend it and run `rasid provision --migrate` again: it goes on"
            " where it stopped."
        ) from error
    tell(f"{source} → {target}: {documents:,} documents, readers and writers went over")
    return Move(source, target, documents)


def _copy(es: Elasticsearch, source: str, target: str, *, since: int) -> int:
    """Copy what changed after sequence number `since`; how many documents were looked at."""
    es.indices.refresh(index=source)
    started = es.reindex(
        source={"index": source, "size": 1000, "query": {"range": {"_seq_no": {"gt": since}}}},
        # Equal and older versions are conflicts: the target has the document already.
        dest={"index": target, "version_type": "external"},
        conflicts="proceed",
        wait_for_completion=False,
    )
    while True:
        # By path: the client calls its method for this a preview and warns at each call.
        task = es.perform_request("GET", f"/_tasks/{started['task']}", headers=_JSON).body
        if task["completed"]:
            break
        time.sleep(0.2)
    if "error" in task:
        raise MigrationFailed(f"{source} could not be copied ({task['error'].get('reason')}).")
    if failures := task["response"]["failures"]:
        first = failures[0]
        cause = first["cause"]
        reasons = (cause["reason"], (cause.get("caused_by") or {}).get("reason"))
        told = ": ".join(reason for reason in reasons if reason)
        raise MigrationFailed(
            f"{target} cannot take document {first.get('id')} of {source}: {told}. Nothing went"
            " over. Mend the template in include/elasticsearch/templates or the document, delete"
            f" {target} if its mapping was wrong, and run `rasid provision --migrate` again."
        )
    return int(task["response"]["total"])


def _forget_deleted(es: Elasticsearch, source: str, target: str) -> None:
    """Delete from the target what was deleted from the source after it was copied."""
    es.indices.refresh(index=[source, target])
    if es.count(index=source)["count"] == es.count(index=target)["count"]:
        return
    ids = (hit["_id"] for hit in scan(es, index=target, size=2000, _source=False))
    while part := list(islice(ids, 1000)):
        answer = es.mget(index=source, ids=part, source=False)
        gone = [doc["_id"] for doc in answer["docs"] if not doc.get("found")]
        deletes = ({"_op_type": "delete", "_index": target, "_id": name} for name in gone)
        for _ in bulk(es, deletes):
            pass
    es.indices.refresh(index=target)


def _compared(es: Elasticsearch, source: str, target: str) -> int:
    """How many documents both hold; MigrationFailed when they do not hold the same number."""
    old, new = (int(es.count(index=name)["count"]) for name in (source, target))
    if old != new:
        raise MigrationFailed(
            f"{source} holds {old:,} documents and {target} {new:,}. Nothing went over. Run `rasid"
            " provision --migrate` again; if it stays so, somebody else writes to one of them."
        )
    return new


def _last_change(es: Elasticsearch, index: str) -> int:
    """The sequence number that every shard of the index has reached."""
    stats = es.indices.stats(index=index, level="shards")["indices"][index]["shards"]
    primaries = [copy for copies in stats.values() for copy in copies if copy["routing"]["primary"]]
    return min(int(copy["seq_no"]["max_seq_no"]) for copy in primaries)


def _open(es: Elasticsearch, index: str) -> None:
    """Let writers write to the index again."""
    es.indices.put_settings(index=index, settings={"index.blocks.write": None})


def _versions(es: Elasticsearch, name: str) -> Iterator[int]:
    """The versions of which an index of this family and year is there."""
    found = _parsed(name)
    for other in es.indices.get(
        index=f"{found['stem']}*{found['year'] or ''}", features=["aliases"]
    ):
        parts = _NAME.fullmatch(other)
        if parts and parts["year"] == found["year"]:
            yield int(parts["version"])


def _named(name: str, version: int) -> str:
    found = _parsed(name)
    return f"{found['stem']}{version}{found['year'] or ''}"


def _version(name: str) -> int:
    return int(_parsed(name)["version"])


def _parsed(name: str) -> re.Match[str]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise MigrationFailed(
            f"{name} is no index that Rasid made: it has no version. Remove it from its alias."
        )
    return found
