"""The `rasid` command. Exit status: 0 done, 1 something found wrong, 2 bad usage or input."""

from __future__ import annotations

import sys

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import structlog
import typer

from rich.markup import escape

from rasid.cli.alarms import alarms_app
from rasid.cli.console import (
    AsJson,
    FeedsFile,
    err,
    node_for_us,
    out,
    print_json,
    stdout_to_stderr,
    use_registry,
)
from rasid.cli.documents import documents
from rasid.cli.es import es_app
from rasid.cli.feeds import feeds_app
from rasid.cli.keys import keys_app
from rasid.cli.kibana import kibana_app
from rasid.cli.lexicon import lexicon_app
from rasid.cli.passes import tell_pass
from rasid.cli.quarantine import quarantine_app
from rasid.cli.snapshots import snapshot_app
from rasid.errors import ConfigError, RasidError
from rasid.settings import settings


if TYPE_CHECKING:
    from rasid.kibana import Step
    from rasid.search import Change, Move


app = typer.Typer(
    help=__doc__.partition(".")[0] + ": feeds to searchable, tagged Arabic articles.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(es_app, name="es")
app.add_typer(feeds_app, name="feeds")
app.add_typer(lexicon_app, name="lexicon")
app.add_typer(keys_app, name="keys")
app.add_typer(snapshot_app, name="snapshot")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(kibana_app, name="kibana")
app.add_typer(alarms_app, name="alarms")


def main() -> None:
    """Run the command; a RasidError ends in one message instead of a traceback."""
    try:
        _configure_log(as_json=settings().log == "json")
        app()
    except RasidError as error:
        err.print(f"rasid: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(2 if isinstance(error, ConfigError) else 1) from None


def _configure_log(*, as_json: bool) -> None:
    """Warnings to stderr; one JSON object a line for a program that collects them."""
    plain = structlog.get_config()["processors"]
    structured: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.dict_tracebacks,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    structlog.configure(
        processors=structured if as_json else plain,
        wrapper_class=structlog.make_filtering_bound_logger(30),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@app.command()
def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Stop everything at the end.")] = False,
    airflow_port: Annotated[int, typer.Option(help="Port of the Airflow UI.")] = 8080,
) -> None:
    """Start everything with a small Arabic news site, run the chain once, show what it found."""
    from rasid.cli.demo import show

    raise typer.Exit(show(out, once=once, airflow_port=airflow_port))


@app.command()
def up(
    *, airflow_port: Annotated[int, typer.Option(help="Port of the Airflow UI.")] = 8080
) -> None:
    """Start Elasticsearch and Airflow with the registry's feeds and the schedule on."""
    from rasid.cli.demo import start_schedule

    start_schedule(out, airflow_port=airflow_port)


@app.command()
def down() -> None:
    """Stop the Airflow and the Elasticsearch of this checkout."""
    from rasid.airflow import standalone
    from rasid.search import local_node

    for home in ("airflow", "airflow-demo"):
        if standalone.stop(settings().home / home):
            out.print("Airflow stopped.")
    if local_node.stop():
        out.print("Elasticsearch stopped.")


@app.command()
def run(*, feeds: FeedsFile = None, as_json: AsJson = False) -> None:
    """One pass of monitor_news in this process over every enabled feed; prints the closed books."""
    use_registry(feeds)
    node_for_us()
    from rasid.airflow.once import run_once

    with stdout_to_stderr():
        done = run_once("monitor_news", {"only_due": False})
    tell_pass(done, as_json=as_json)


@app.command()
def tag(
    files: Annotated[list[Path] | None, typer.Argument(help="JSONL files; none: stdin.")] = None,
    *,
    text: Annotated[bool, typer.Option("--text", help="Each file is one plain text.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Coloured text and reasons.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the explanation as a page.")] = None,
) -> None:
    """Tag attacks and movements: JSONL `{"id","text","published_at"?}` in, mentions out."""
    from rasid import tagging

    tagger = tagging.load_tagger()
    bad = 0
    found: list[tagging.Tagged] = []
    for document in documents(files or [], plain=text):
        if isinstance(document, str):
            err.print(document, style="red", markup=False, soft_wrap=True)
            bad += 1
            continue
        mentions = tagger.tag(document["text"], published_at=document.get("published_at"))
        if html is not None:
            title = document["text"].strip().partition("\n")[0]
            found.append(tagging.Tagged(title or str(document["id"]), mentions))
        elif explain:
            out.print(tagging.explain(mentions))
        else:
            print_json({"id": document["id"], "mentions": [m.to_json() for m in mentions]})
    if html is not None:
        html.write_text(tagging.explain_html(found), encoding="utf-8")
    raise typer.Exit(2 if bad else 0)


@app.command()
def read(
    files: Annotated[list[Path], typer.Argument(help="Saved HTML pages.")],
    *,
    url: Annotated[str, typer.Option(help="Address the page came from.")] = "",
    charset: Annotated[str, typer.Option(help="Charset of the HTTP header, if any.")] = "",
) -> None:
    """Read saved pages: title, text, date, charset, language as one JSON a line."""
    from rasid.reading import read_page

    wrong = False
    for file in files:
        try:
            body = file.read_bytes()
        except OSError as error:
            said = f"{file}: {error.strerror}. Name a saved page."
            err.print(said, style="red", markup=False, soft_wrap=True)
            wrong = True
            continue
        reading = read_page(
            body,
            url=url or file.resolve().as_uri(),
            http_charset=charset or None,
            today=datetime.now(UTC),
        )
        print_json({"file": str(file), **asdict(reading)})
    raise typer.Exit(2 if wrong else 0)


@app.command()
def search(
    words: Annotated[str, typer.Argument(help='Words, or "a phrase".')] = "",
    *,
    tag: Annotated[str, typer.Option(help="militia_attack, attack or troop_movement.")] = "",
    actor: Annotated[str, typer.Option(help="Armed group or force.")] = "",
    place: Annotated[str, typer.Option(help="Place of the event.")] = "",
    modality: Annotated[str, typer.Option(help="factual, denied, foiled …")] = "",
    outlet: Annotated[str, typer.Option(help="Outlet that published it.")] = "",
    since: Annotated[str, typer.Option(help="7d, 36h, or a date.")] = "",
    until: Annotated[str, typer.Option(help="As --since.")] = "",
    size: Annotated[int, typer.Option(help="At most so many of each.", min=1, max=1000)] = 10,
    as_json: AsJson = False,
) -> None:
    """Search articles and mentions; matches are marked in their sentences."""
    from rasid.cli.tables import hits_table
    from rasid.search import Query, connect, search_articles, search_mentions, stories

    query = Query(
        text=words,
        tag=tag,
        actor=actor,
        place=place,
        modality=modality,
        outlet=outlet,
        since=since,
        until=until,
        size=size,
    )
    with connect(settings()) as es:
        mentions, articles = search_mentions(es, query), search_articles(es, query)
        told = stories(es, [hit.source.get("story_id", "") for hit in (*mentions, *articles)])
    if as_json:
        hits = {"mentions": mentions, "articles": articles}
        found = {name: [asdict(hit) for hit in ones] for name, ones in hits.items()}
        print_json({**found, "stories": [asdict(story) for story in told.values()]})
        return
    out.print(hits_table("Mentions", mentions, told))
    out.print(hits_table("Articles", articles, told))


@app.command()
def export(
    family: Annotated[Literal["mentions", "incidents"], typer.Argument(help="What to export.")],
    *,
    form: Annotated[
        Literal["csv", "jsonl", "geojson", "acled"], typer.Option("--format", help="Of the file.")
    ] = "csv",
    to: Annotated[
        Path | None, typer.Option("--out", "-o", help="File; none: standard output.")
    ] = None,
    words: Annotated[str, typer.Option(help='Words, or "a phrase".')] = "",
    tag: Annotated[str, typer.Option(help="militia_attack, attack or troop_movement.")] = "",
    actor: Annotated[str, typer.Option(help="Armed group or force.")] = "",
    place: Annotated[str, typer.Option(help="Place of the event.")] = "",
    modality: Annotated[str, typer.Option(help="factual, denied, foiled …")] = "",
    outlet: Annotated[str, typer.Option(help="Outlet that published it.")] = "",
    since: Annotated[str, typer.Option(help="7d, 36h, or a date.")] = "",
    until: Annotated[str, typer.Option(help="As --since.")] = "",
) -> None:
    """Write mentions or incidents to a file for other programs, with a codebook beside it."""
    from rasid.cli.export import export as write
    from rasid.search import Query, connect

    query = Query(words, tag, actor, place, modality, outlet, since, until)
    with connect(settings()) as es:
        rows = write(es, family, form, query, to)
    if to is not None:
        err.print(f"{rows:,} rows in {to}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def provision(
    *,
    kibana: Annotated[str, typer.Option(help="Address of a Kibana 9.4+ to provision too.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Move indices that need it to a new version.")
    ] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Move migrated indices back, with what came since.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring index templates and indices to what include/elasticsearch says; repeatable."""
    from rasid.search import connect
    from rasid.search import migrate as move
    from rasid.search import provision as bring_up
    from rasid.search import roll_back as move_back

    if rollback and (migrate or dry_run or kibana):
        raise ConfigError("--rollback goes alone: it moves indices back and does nothing else.")

    def tell(line: str) -> None:
        err.print(line, markup=False, highlight=False, soft_wrap=True)

    changes: list[Change] = []
    with connect(settings(), keeper=True) as es:
        if rollback:
            moves = move_back(es, tell=tell)
        else:
            changes = bring_up(es, dry_run=dry_run)
            due = [change.name for change in changes if change.action == "needs migration"]
            moves = move(es, due, tell=tell) if migrate and not dry_run else []
    moved = {move.source for move in moves}
    left = [change for change in changes if change.name not in moved]
    shown: list[Change | Move | Step] = [*left, *moves]
    if kibana:
        shown += _provision_kibana(kibana, dry_run=dry_run)
    if as_json:
        print_json([asdict(change) for change in shown])
    else:
        for change in shown:
            out.print(f"{change.action}: {change.kind} {change.name}", markup=False, soft_wrap=True)
        if not shown:
            out.print("Nothing to change.")
    old = any(change.action == "needs migration" for change in left)
    if old:
        err.print("`rasid provision --migrate` moves them while writers write.", markup=False)
    raise typer.Exit(old)


@app.command()
def doctor(*, as_json: AsJson = False) -> None:
    """Check Java, Elasticsearch, templates, registry, lexicon, store and disk; say how to mend."""
    from rasid.cli.doctor import examine

    checks = examine()
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        for check in checks:
            mark = "[green]ok[/]   " if check.good else "[red]wrong[/]"
            out.print(f"{mark} {check.name}: {escape(check.finding)}", soft_wrap=True)
            if check.remedy:
                out.print(f"      → {escape(check.remedy)}", soft_wrap=True)
    raise typer.Exit(0 if all(check.good for check in checks) else 1)


@app.command()
def evaluate(
    labels: Annotated[
        Path | None, typer.Argument(help="Labelled JSONL or gold folder; none: our own gold.")
    ] = None,
    *,
    pin: Annotated[bool, typer.Option("--pin", help="Raise the floors to the figures.")] = False,
    lower: Annotated[bool, typer.Option("--lower", help="With --pin: lower floors too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Figures of the tagger on labelled documents, by stratum, held against their floors."""
    from rasid.cli.figures import figures_table
    from rasid.tagging import GOLD, below_floors, load_tagger, pin_floors
    from rasid.tagging import evaluate as measure

    labels = labels or GOLD
    if not labels.exists():
        raise ConfigError(f"{labels} does not exist. Name labelled documents, one JSON a line.")
    figures = measure(labels, load_tagger())
    if as_json:
        print_json(figures)
    else:
        out.print(figures_table(figures))
    if pin:
        for line in pin_floors(figures, labels, may_lower=lower):
            err.print(line, style="yellow", markup=False, soft_wrap=True)
    below = below_floors(figures, labels)
    for line in below:
        err.print(line, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(1 if below else 0)


def _provision_kibana(url: str, *, dry_run: bool) -> list[Step]:
    import httpx

    from rasid.kibana import provision_kibana

    key = settings().kibana_api_key.get_secret_value()
    headers = {"Authorization": f"ApiKey {key}"} if key else {}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        return provision_kibana(client, dry_run=dry_run)
