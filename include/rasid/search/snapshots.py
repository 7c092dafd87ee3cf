"""Snapshots: take, try out, bring back, prune. A snapshot that was never restored is no backup.

They lie where RASID_SNAPSHOTS says: a folder below the cluster's `path.repo`, or
`s3://bucket/prefix` (the keys lie in Elasticsearch's own keystore, see docs/operating.md).
Snapshots are incremental: each costs what changed since the one before.
"""

from __future__ import annotations

import re

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from elasticsearch import ApiError, Elasticsearch, NotFoundError, TransportError

from rasid.errors import ConfigError, SnapshotFailed
from rasid.search.templates import WHOLE, YEARLY, live_indices


REPOSITORY = "rasid"
# Restored beside the live indices, to be counted and deleted.
DRILL = "rasid-drill-"
# Seconds that a snapshot or a restore may take.
LONGEST = 4 * 3600


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot that ended; `state` is SUCCESS when all of it is there."""

    name: str
    taken_at: datetime
    state: str
    indices: tuple[str, ...]


def take(es: Elasticsearch, *, where: str, at: datetime) -> Snapshot:
    """Take a snapshot of all of Rasid's indices; one of the same moment is taken once.

    SnapshotFailed when a part of it could not be written.
    """
    name = f"rasid-{at:%Y%m%dt%H%M%S}"
    try:
        register(es, where=where)
        if name not in {snapshot.name for snapshot in listed(es)}:
            _patient(es).snapshot.create(
                repository=REPOSITORY,
                snapshot=name,
                indices=["rasid-*", f"-{DRILL}*"],
                include_global_state=False,
                wait_for_completion=True,
            )
        taken = next(snapshot for snapshot in listed(es) if snapshot.name == name)
    except (ApiError, TransportError) as error:
        raise SnapshotFailed(
            f"The snapshot {name} could not be taken ({error}). Check RASID_SNAPSHOTS ({where}),"
            " that every node reaches it, and its free space; then take it again."
        ) from error
    if taken.state != "SUCCESS":
        raise SnapshotFailed(
            f"The snapshot {name} ended as {taken.state}: a part of it is missing. The log of"
            " Elasticsearch says why; take another."
        )
    return taken


def register(es: Elasticsearch, *, where: str) -> None:
    """Tell the cluster where snapshots lie: a new one knows nothing of those that were taken."""
    wanted = repository(where)
    found = es.options(ignore_status=404).snapshot.get_repository(name=REPOSITORY)
    if found.get(REPOSITORY, {}).get("settings") != wanted["settings"]:
        es.snapshot.create_repository(name=REPOSITORY, repository=wanted)


def listed(es: Elasticsearch) -> list[Snapshot]:
    """All snapshots, the oldest first; none when none was ever taken."""
    try:
        found = es.snapshot.get(repository=REPOSITORY, snapshot="rasid-*")
    except NotFoundError:
        return []
    taken = (_snapshot(body) for body in found["snapshots"])
    return sorted(taken, key=lambda snapshot: snapshot.taken_at)


def try_out(es: Elasticsearch, name: str) -> dict[str, int]:
    """Restore the snapshot beside the live indices, count what came, delete it again.

    Documents by index. This is the drill that says whether a snapshot is a backup.
    """
    indices = _named(es, name).indices
    beside = {index: DRILL + index.removeprefix("rasid-") for index in indices}
    try:
        _forget(es, beside.values())  # of a drill that died
        _restored(es, name, indices, rename=DRILL)
        return {index: int(es.count(index=other)["count"]) for index, other in beside.items()}
    finally:
        _forget(es, beside.values())


def restore(
    es: Elasticsearch, name: str, *, families: Iterable[str] = (), replace: bool = False
) -> list[str]:
    """Bring indices of the snapshot back, with their aliases; the names of those that came.

    Only what is not there any more, unless `replace` says to put the snapshot's state in the place
    of what is: then everything written since is gone. `families`: these only.
    """
    snapshot = _named(es, name)
    wanted = set(families) or {*YEARLY, *WHOLE}
    if unknown := wanted - {*YEARLY, *WHOLE}:
        raise ConfigError(
            f"No family is called {', '.join(sorted(unknown))}. There are"
            f" {', '.join((*YEARLY, *WHOLE))}."
        )
    chosen = [index for index in snapshot.indices if _family(index) in wanted]
    live = {index: body for family in wanted for index, body in live_indices(es, family).items()}
    # By partition, not by name: a migration may have put v2 in its place.
    taken = {partition(index): index for index in live}
    lost = [index for index in chosen if partition(index) not in taken]
    there = [taken[partition(index)] for index in chosen if partition(index) in taken]
    if replace and there:
        es.indices.delete(index=there)
        lost = chosen
    if lost:
        _restored(es, name, lost)
    return lost


def prune(es: Elasticsearch, *, now: datetime, days: int = 30, keep: int = 7) -> list[str]:
    """Delete snapshots older than `days`, never the newest `keep` good ones; their names."""
    taken = listed(es)
    good = [snapshot.name for snapshot in taken if snapshot.state == "SUCCESS"]
    newest = set(good[len(good) - min(keep, len(good)) :])
    old = [
        snapshot.name
        for snapshot in taken
        if snapshot.taken_at < now - timedelta(days=days) and snapshot.name not in newest
    ]
    for name in old:
        es.snapshot.delete(repository=REPOSITORY, snapshot=name)
    return old


def repository(where: str) -> dict[str, Any]:
    """Type and settings of the repository at `where`: a folder's name, or s3://bucket/prefix."""
    found = re.fullmatch(r"s3://(?P<bucket>[^/]+)(?:/(?P<path>.*?))?/?", where)
    if found:
        return {
            "type": "s3",
            "settings": {"bucket": found["bucket"], "base_path": found["path"] or ""},
        }
    if "://" in where:
        raise ConfigError(
            f"RASID_SNAPSHOTS is {where}. Give a folder below Elasticsearch's path.repo, or"
            " s3://bucket/prefix."
        )
    return {"type": "fs", "settings": {"location": where}}


def partition(index: str) -> str:
    """Family and year of an index, whatever its version: `articles-2026`."""
    return re.sub(r"^rasid-([a-z]+)-v\d+", r"\1", index)


def _family(index: str) -> str:
    return partition(index).partition("-")[0]


def _patient(es: Elasticsearch) -> Elasticsearch:
    """A client that waits for the end of long work instead of sending it again."""
    return es.options(request_timeout=LONGEST, max_retries=0)


def _named(es: Elasticsearch, name: str) -> Snapshot:
    taken = listed(es)
    for snapshot in taken:
        if snapshot.name == name:
            return snapshot
    last = f"The newest is {taken[-1].name}." if taken else "None was taken yet."
    raise ConfigError(f"There is no snapshot {name}. {last}")


def _restored(
    es: Elasticsearch, name: str, indices: Iterable[str], *, rename: str = "rasid-"
) -> None:
    """Restore the indices; under another name (`rename` for "rasid-") without their aliases."""
    try:
        done = _patient(es).snapshot.restore(
            repository=REPOSITORY,
            snapshot=name,
            indices=list(indices),
            include_global_state=False,
            include_aliases=rename == "rasid-",
            rename_pattern="^rasid-(.+)",
            rename_replacement=f"{rename}$1",
            wait_for_completion=True,
        )
        if failed := done["snapshot"]["shards"]["failed"]:
            raise SnapshotFailed(
                f"{failed} shards of {name} could not be restored: its files are damaged or gone."
                " Try an older snapshot (`rasid snapshot list`)."
            )
        es.indices.refresh(index=f"{rename}*")
    except (ApiError, TransportError) as error:
        raise SnapshotFailed(
            f"{name} could not be restored ({error}). What is live was not touched unless you said"
            " --replace; restore again, or try an older snapshot."
        ) from error


def _forget(es: Elasticsearch, indices: Iterable[str]) -> None:
    es.options(ignore_status=404).indices.delete(index=list(indices), ignore_unavailable=True)


def _snapshot(body: Any) -> Snapshot:
    return Snapshot(
        name=body["snapshot"],
        taken_at=datetime.fromisoformat(body["start_time"]),
        state=body["state"],
        indices=tuple(sorted(body["indices"])),
    )
