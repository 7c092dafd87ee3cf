"""Starting it all: `rasid demo` with the small news site, `rasid up` with the real registry."""

from __future__ import annotations

import os
import signal
import time

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import yaml

from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rasid.airflow import standalone
from rasid.airflow.once import Pass, read_pass
from rasid.cli.tables import books_table, mentions_table, node_progress
from rasid.demo.site import Site, demo_feeds, expectations, serve
from rasid.errors import ConfigError
from rasid.search import (
    Query,
    alias,
    connect,
    link_incidents,
    local_node,
    mark_outdated,
    provision,
    search_articles,
)
from rasid.settings import settings
from rasid.web import Hosts


SITE_PORT = 8800
RUN_SECONDS = 300.0
SHOWN = 60  # mentions in the table, the newest
TASKS = ("plan", "poll", "batch", "process.fetch", "process.read", "process.tag", "process.index")


def show(out: Console, *, once: bool, airflow_port: int) -> int:
    """The whole demo; exit status 0 when the books closed and the expected articles are found."""
    began = time.monotonic()
    with ExitStack() as running:
        # SIGTERM (`kill`, a CI that gives up) must stop what we started just as Ctrl-C does.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            site = running.enter_context(_site())
            home = settings().home / "airflow-demo"
            environment = standalone.prepare(home, _demo_variables(), port=airflow_port)
            airflow = running.enter_context(_airflow(home, environment))
            out.print(f"News site at {site.url}")
            running.enter_context(_node(out))
            _forget(out)
            with out.status("Airflow is starting …"):
                standalone.wait_until_healthy(airflow)
            done, seconds = _follow(out, airflow)
            missing = _report(out, done)
            good = done.state == "success" and all(b.closed for b in done.books) and not missing
            took = time.monotonic() - began
            out.print(f"\nThe run took {seconds:.0f} s, all of it {took:.0f} s.")
            if not once:
                _where_to_click(out, airflow, done)
                signal.pause()
        except KeyboardInterrupt:
            out.print("\nStopping what the demo started …")
            return 130 if once else 0
    return 0 if good else 1


def start_schedule(out: Console, *, airflow_port: int) -> None:
    """Start Elasticsearch and Airflow with the registry and the schedule on, and leave them."""
    if not settings().es_url:
        with node_progress(out) as progress:
            local_node.start(progress=progress)
    # Before anything is scheduled: what watches and links may run before the first monitor_news.
    with connect(settings()) as es:
        provision(es)
    home = settings().home / "airflow"
    # What hangs off monitor_news runs too: links, watching, scores; forms wait to be filled in.
    awake = {"AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False"}
    environment = standalone.prepare(home, awake, port=airflow_port)
    airflow = standalone.start(home, environment)
    with out.status("Airflow is starting …"):
        standalone.wait_until_healthy(airflow)
    with standalone.api(airflow) as client:
        standalone.unpause(client)
    out.print(f"Airflow:  {airflow.url}/dags/monitor_news   (admin / {airflow.password})")
    out.print("Stop it with `rasid down`.")


def _demo_variables() -> dict[str, str]:
    """The demo's own registry, and leave to reach its site on loopback."""
    registry = settings().home / "demo-feeds.yaml"
    registry.parent.mkdir(parents=True, exist_ok=True)
    feeds = {"feeds": demo_feeds(SITE_PORT)}
    registry.write_text(yaml.safe_dump(feeds, allow_unicode=True, sort_keys=False), "utf-8")
    # A demo that was killed may have left its site behind as dead.
    Hosts(settings().home / "hosts").forget(f"127.0.0.1:{SITE_PORT}")
    variables = {
        "RASID_FEEDS": str(registry),
        "RASID_ALLOW_HOSTS": f"127.0.0.1:{SITE_PORT}",
        # Only the run that is watched and what a person starts: a run of the schedule's own would
        # come first and leave the watched one nothing that is new.
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    }
    os.environ.update(variables)
    settings.cache_clear()
    return variables


def _site() -> Site:
    try:
        return serve(SITE_PORT, now=datetime.now(UTC))
    except OSError as error:
        raise ConfigError(
            f"The demo's news site cannot listen on port {SITE_PORT} ({error.strerror})."
            f" Another demo may hold it; `ss -ltnp 'sport = :{SITE_PORT}'` says who does."
        ) from error


@contextmanager
def _airflow(home: Path, environment: Mapping[str, str]) -> Iterator[standalone.Airflow]:
    try:
        yield standalone.start(home, environment)
    finally:
        standalone.stop(home)


@contextmanager
def _node(out: Console) -> Iterator[None]:
    """The cluster that is named, the node that runs, or one that we start and stop."""
    ours = not settings().es_url and local_node.status().state != "running"
    if ours:
        with node_progress(out) as progress:
            local_node.start(progress=progress)
    with connect(settings()) as es:
        version = es.info()["version"]["number"]
    out.print(f"Elasticsearch {version} at {settings().es_address or local_node.status().url}")
    try:
        yield
    finally:
        if ours:
            local_node.stop()


def _forget(out: Console) -> None:
    """Forget what an earlier demo found, so that this one shows the whole way again."""
    ids = [feed["id"] for feed in demo_feeds(SITE_PORT)]
    mine = {"terms": {"feed_id": ids}}
    with connect(settings()) as es:
        if es.indices.exists_alias(name=alias("entries")):
            found = scan(es, index=alias("articles"), query={"query": mine}, _source=False)
            articles = [hit["_id"] for hit in found]
            gone = es.delete_by_query(
                index="rasid-*", query=mine, conflicts="proceed", refresh=True
            )["deleted"]
            mark_outdated(es, articles)
            if gone:
                out.print(f"Forgot {gone} documents of an earlier demo.")


def _follow(out: Console, airflow: standalone.Airflow) -> tuple[Pass, float]:
    """Start a run, show its tasks as they go; what it came to and its seconds."""
    with (
        standalone.api(airflow) as client,
        Progress(
            SpinnerColumn(),
            TextColumn("{task.description:16}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            console=out,
        ) as bars,
    ):
        standalone.end_runs(client)
        run_id = standalone.trigger(client, conf={"only_due": False})
        standalone.unpause(client)
        began = time.monotonic()
        shown = {name: bars.add_task(name, total=1) for name in (*TASKS, "settle")}
        while True:
            state = standalone.run_state(client, run_id)
            states = standalone.task_states(client, run_id)
            total = Counter(task for task, _ in states)
            over = Counter(t for t, s in states if s in {"success", "failed", "skipped"})
            for name, bar in shown.items():
                bars.update(bar, total=total[name] or 1, completed=over[name])
            if state in {"success", "failed"} or time.monotonic() - began > RUN_SECONDS:
                break
            time.sleep(0.5)
        seconds = time.monotonic() - began
    return read_pass(run_id, state), seconds


def _report(out: Console, done: Pass) -> list[str]:
    """Print mentions and books; the expected articles that a search does not find."""
    with connect(settings()) as es:
        # As the DAG of that name does after each run where the schedule is on.
        link_incidents(es)
        found = es.search(
            index=alias("mentions"),
            query={"terms": {"feed_id": [feed["id"] for feed in demo_feeds(SITE_PORT)]}},
            sort=[{"published_at": "desc"}],
            size=SHOWN,
            track_total_hits=True,
            aggs={"incidents": {"cardinality": {"field": "incident_id"}}},
        )
        missing = _missing(es)
    mentions = found["hits"]
    out.print(mentions_table([hit["_source"] for hit in mentions["hits"]]))
    more = mentions["total"]["value"] - len(mentions["hits"])
    if more > 0:
        out.print(f"and {more} more: rasid search --since 7d --size 1000")
    incidents = found["aggregations"]["incidents"]["value"]
    out.print(f"They tell of {incidents} incidents: rasid export incidents --out FILE")
    out.print(books_table(done.books, done.polls))
    for line in missing:
        out.print(f"[red]not found by search:[/] {line}", soft_wrap=True)
    return missing


def _missing(es: Elasticsearch) -> list[str]:
    """What a search does not bring though it should, in words.

    Every expected article must be found by the words of its title. Of the expected tags a few may
    be missed, as the tagger is no reader; more than one in ten is a fault.
    """
    lines = []
    untagged = []
    wanted = [expected for expected in expectations() if expected.tags]
    for expected in wanted:
        hits = search_articles(es, Query(text=expected.title, size=20))
        article = next((h for h in hits if h.source["canonical_url"].endswith(expected.path)), None)
        if article is None:
            lines.append(f"the article «{expected.title}»")
            continue
        carried = {name for name, is_set in article.source["tags"].items() if is_set is True}
        untagged += [
            f"{want.tag} in «{expected.title}»" for want in expected.tags if want.tag not in carried
        ]
    if len(untagged) > sum(len(expected.tags) for expected in wanted) / 10:
        lines += untagged
    return lines


def _where_to_click(out: Console, airflow: standalone.Airflow, done: Pass) -> None:
    out.print(f"\nAirflow      {airflow.url}   (admin / {airflow.password})", soft_wrap=True)
    out.print(f"This run     {airflow.run_url(done.run_id)}", soft_wrap=True)
    out.print('Search       .venv/bin/rasid search "هجوم" --tag militia_attack --since 7d')
    out.print(f"Elastic API  {local_node.status().url}/rasid-mentions/_search")
    out.print("Kibana       point a Kibana 9.x at that Elasticsearch (docker-compose.yaml does)")
    out.print("\nCtrl-C stops everything the demo started.")
