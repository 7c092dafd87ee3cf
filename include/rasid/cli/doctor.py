"""`rasid doctor`: is everything here that a run needs, and if not, how to mend it."""

from __future__ import annotations

import shutil

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from rasid.airflow import standalone
from rasid.errors import RasidError
from rasid.pipeline.store import read_bytes, write_bytes
from rasid.search import connect, local_node, provision, snapshots
from rasid.settings import settings
from rasid.sources import read_registry
from rasid.tagging import load_tagger


# Below this Elasticsearch and the archive soon stop.
LOW_DISK_GB = 5
# One is taken each night: two nights were missed.
OLD_SNAPSHOT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; `remedy` says what to do when it is not good."""

    name: str
    good: bool
    finding: str
    remedy: str = ""


def examine() -> list[Check]:
    """Every check, each on its own: one that fails does not hide the next."""
    checks = (
        _java,
        _elasticsearch,
        _templates,
        _snapshots,
        _clock,
        _registry,
        _lexicon,
        _store,
        _disk,
        _airflow,
    )
    return [_safely(check) for check in checks]


def _safely(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except RasidError as error:
        # Our errors say what is wrong and how to mend it in one text.
        return Check(check.__name__.strip("_"), good=False, finding=str(error))


def _java() -> Check:
    if settings().es_url:
        return Check("java", good=True, finding="not needed: RASID_ES_URL names a cluster")
    return Check("java", good=True, finding=str(local_node.find_jdk()))


def _elasticsearch() -> Check:
    with connect(settings(), keeper=True) as es:
        info = es.info()
        health = es.cluster.health()["status"]
    where = settings().es_address or local_node.status().url
    return Check(
        "elasticsearch",
        good=health != "red",
        finding=f"{info['version']['number']} at {where}, {health}",
        remedy="" if health != "red" else "See the node's log; a shard cannot be allocated.",
    )


def _templates() -> Check:
    with connect(settings(), keeper=True) as es:
        changes = provision(es, dry_run=True)
    names = ", ".join(sorted({change.name for change in changes}))
    return Check(
        "templates",
        good=not changes,
        finding=f"differ from the files: {names}" if changes else "as the files say",
        remedy="Run `rasid provision`." if changes else "",
    )


def _snapshots() -> Check:
    with connect(settings(), keeper=True) as es:
        whole = [s for s in snapshots.listed(es) if s.state == "SUCCESS"]
    if not whole:
        return Check("snapshots", good=True, finding="none yet; keep_house takes one each night")
    age = datetime.now(UTC) - whole[-1].taken_at
    good = age < OLD_SNAPSHOT
    return Check(
        "snapshots",
        good=good,
        finding=f"the newest is {whole[-1].name}",
        remedy="" if good else "See the DAG keep_house, or take one: `rasid snapshot take`.",
    )


def _clock() -> Check:
    with connect(settings(), keeper=True) as es:
        said = es.options(request_timeout=10).nodes.stats(metric="os")
    theirs = max(node["timestamp"] for node in said["nodes"].values()) / 1000
    skew = abs(datetime.now(UTC).timestamp() - theirs)
    return Check(
        "clock",
        good=skew < 60,
        finding=f"{skew:.0f} s from Elasticsearch's",
        remedy="" if skew < 60 else "Set both clocks by NTP: revisions are times.",
    )


def _registry() -> Check:
    feeds, problems = read_registry(settings().feeds)
    return Check(
        "registry",
        good=bool(feeds) and not problems,
        finding=f"{len(feeds)} feeds in {settings().feeds}",
        remedy="\n".join(map(str, problems)),
    )


def _lexicon() -> Check:
    return Check("lexicon", good=True, finding=f"compiles: {load_tagger().version}")


def _store() -> Check:
    probe = f"{settings().store_root}/doctor"
    good = read_bytes(write_bytes(probe, b"rasid")) == b"rasid"
    return Check("store", good=good, finding=settings().store_root)


def _disk() -> Check:
    free = shutil.disk_usage(settings().home.parent).free / 1e9
    return Check(
        "disk",
        good=free > LOW_DISK_GB,
        finding=f"{free:.0f} GB free beside {settings().home}",
        remedy="" if free > LOW_DISK_GB else "Free space: Elasticsearch turns read-only when full.",
    )


def _airflow() -> Check:
    homes = [settings().home / name for name in ("airflow", "airflow-demo")]
    running = [home for home in homes if standalone.running(home)]
    if not running:
        return Check("airflow", good=True, finding="not running here (`rasid up` starts it)")
    port = standalone.port_of(running[0])
    try:
        health = httpx.get(f"http://127.0.0.1:{port}/api/v2/monitor/health", timeout=10).json()
        ill = [
            part
            for part in ("metadatabase", "scheduler", "dag_processor")
            if health[part]["status"] != "healthy"
        ]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        ill = [type(error).__name__]
    return Check(
        "airflow",
        good=not ill,
        finding=f"port {port}: " + (", ".join(ill) or "healthy"),
        remedy=f"See {running[0] / 'standalone.log'}" if ill else "",
    )
