"""The `rasid` command. Exit status: 0 done, 1 something found wrong, 2 bad usage or input."""

from __future__ import annotations

import json
import sys

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import rich.progress
import structlog
import typer

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rasid.cli.alarms import alarms_app
from rasid.cli.keys import keys_app
from rasid.cli.kibana import kibana_app
from rasid.cli.snapshots import snapshot_app
from rasid.errors import ConfigError, RasidError
from rasid.settings import settings


if TYPE_CHECKING:
    from rasid.airflow.once import Pass
    from rasid.kibana import Step
    from rasid.search import Change, Move


app = typer.Typer(
    help=__doc__.partition(".")[0] + ": feeds to searchable, tagged Arabic articles.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
es_app = typer.Typer(help="The local Elasticsearch node.", no_args_is_help=True)
feeds_app = typer.Typer(help="The feed registry.", no_args_is_help=True)
lexicon_app = typer.Typer(help="The analysts' lexicon.", no_args_is_help=True)
quarantine_app = typer.Typer(help="What waits for a person.", no_args_is_help=True)
app.add_typer(es_app, name="es")
app.add_typer(feeds_app, name="feeds")
app.add_typer(lexicon_app, name="lexicon")
app.add_typer(keys_app, name="keys")
app.add_typer(snapshot_app, name="snapshot")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(kibana_app, name="kibana")
app.add_typer(alarms_app, name="alarms")

# Piped or logged, a table keeps its columns instead of folding at 80.
out = Console(width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
FeedsFile = Annotated[
    Path | None, typer.Option("--feeds", help="Registry file instead of RASID_FEEDS.")
]
Cause = Annotated[str, typer.Option(help="Only this cause, such as no_text; dropped ones too.")]
OfFeed = Annotated[str, typer.Option("--feed", help="Only entries of the feed with this id.")]
Since = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Ended on this day (UTC) or later.")
]
Until = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Ended on this day or before.")
]


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
    _use(feeds)
    _node_for_us()
    from rasid.airflow.once import run_once

    with _stdout_to_stderr():
        done = run_once("monitor_news", {"only_due": False})
    _tell_pass(done, as_json=as_json)


def _tell_pass(done: Pass, *, as_json: bool) -> NoReturn:
    """Print the books of a pass; exit 0 when it ended well and they are closed."""
    good = done.state == "success" and bool(done.books) and all(b.closed for b in done.books)
    if as_json:
        _print_json(
            {
                "run_id": done.run_id,
                "state": done.state,
                "closed": good,
                "problems": done.problems,
                "feeds": [_book(b, done.polls) for b in done.books if b.feed_id != "*"],
                "total": next((_book(b, []) for b in done.books if b.feed_id == "*"), None),
            }
        )
    else:
        from rasid.cli.tables import books_table

        out.print(books_table(done.books, done.polls))
        for problem in done.problems:
            err.print(problem, style="yellow", markup=False)
        if not good:
            err.print(f"The run ended as {done.state}; its books are not all closed.", style="red")
    raise typer.Exit(0 if good and not done.problems else 1)


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
    for document in _documents(files or [], plain=text):
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
            _print_json({"id": document["id"], "mentions": [m.to_json() for m in mentions]})
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
            err.print(f"{file}: {error.strerror}. Name a saved page.", style="red", markup=False)
            wrong = True
            continue
        reading = read_page(
            body,
            url=url or file.resolve().as_uri(),
            http_charset=charset or None,
            today=datetime.now(UTC),
        )
        _print_json({"file": str(file), **asdict(reading)})
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
        _print_json({**found, "stories": [asdict(story) for story in told.values()]})
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
        _print_json([asdict(change) for change in shown])
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
        _print_json([asdict(check) for check in checks])
    else:
        for check in checks:
            mark = "[green]ok[/]   " if check.good else "[red]wrong[/]"
            out.print(f"{mark} {check.name}: {escape(check.finding)}", soft_wrap=True)
            if check.remedy:
                out.print(f"      → {escape(check.remedy)}", soft_wrap=True)
    raise typer.Exit(0 if all(check.good for check in checks) else 1)


@es_app.command("start")
def es_start() -> None:
    """Fetch (once), start and wait for the local node."""
    out.print(f"Elasticsearch {_start_node().version} at {_start_node().url}", markup=False)


@es_app.command("stop")
def es_stop() -> None:
    """Stop this checkout's node."""
    from rasid.search import local_node

    out.print("Elasticsearch stopped." if local_node.stop() else "It was not running.")


@es_app.command("status")
def es_status() -> None:
    """Say whether the node runs, and where."""
    from rasid.search import local_node

    now = local_node.status()
    out.print(f"{now.state} at {now.url}, data in {now.folder}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if now.state == "running" else 1)


@feeds_app.command("list")
def feeds_list(*, feeds: FeedsFile = None, as_json: AsJson = False) -> None:
    """The registry: every usable feed, and what is wrong with the others."""
    from rasid.sources import read_registry

    found, problems = read_registry(feeds or settings().feeds)
    if as_json:
        _print_json({"feeds": [asdict(f) for f in found], "problems": [str(p) for p in problems]})
    else:
        table = Table("id", "outlet", "country", "grade", "minutes", "policy", "url")
        for feed in found:
            row = (feed.id, feed.outlet, feed.country, feed.grade, str(feed.cadence_minutes))
            table.add_row(*row, feed.policy if feed.enabled else "off", feed.url)
        out.print(table)
        for problem in problems:
            err.print(str(problem), style="red", markup=False, soft_wrap=True)
    raise typer.Exit(2 if problems else 0)


@feeds_app.command("add")
def feeds_add(url: Annotated[str, typer.Argument(help="Address of a feed.")]) -> None:
    """Poll a new address once and print a filled registry entry to check and paste."""
    import asyncio

    from rasid.sources import Feed, FeedPoll, Validators, poll_feed, propose_feed
    from rasid.web import polite_client

    async def poll() -> FeedPoll:
        async with polite_client() as client:
            feed = Feed(id="new", outlet="new", url=url)
            return await poll_feed(client, feed, Validators(), now=datetime.now(UTC))

    asked = asyncio.run(poll())
    sys.stdout.write(propose_feed(url, asked))
    if asked.outcome not in {"ok", "wrong_feed"}:
        err.print(f"The poll came to {asked.outcome}: {asked.error}", style="yellow", markup=False)
        raise typer.Exit(1)


@feeds_app.command("check")
def feeds_check(
    ids: Annotated[list[str] | None, typer.Argument(help="Feed ids; none: all.")] = None,
    *,
    feeds: FeedsFile = None,
    as_json: AsJson = False,
) -> None:
    """Poll once without remembering anything, and say what a run would do."""
    import asyncio

    from rasid.sources import FeedPoll, Validators, poll_feed, read_registry
    from rasid.web import polite_client

    registry, problems = read_registry(feeds or settings().feeds)
    unknown = set(ids or ()) - {feed.id for feed in registry}
    if unknown:
        raise ConfigError(
            f"no feed is called {', '.join(sorted(unknown))}. `rasid feeds list` shows the ids."
        )
    chosen = [feed for feed in registry if not ids or feed.id in ids]

    async def poll_all() -> list[FeedPoll]:
        with rich.progress.Progress(console=err, transient=True) as progress:
            bar = progress.add_task("polling", total=len(chosen))
            async with polite_client() as client:

                async def one(index: int) -> FeedPoll:
                    now = datetime.now(UTC)
                    poll = await poll_feed(client, chosen[index], Validators(), now=now)
                    progress.advance(bar)
                    return poll

                return await asyncio.gather(*(one(i) for i in range(len(chosen))))

    polls = asyncio.run(poll_all())
    if as_json:
        _print_json([{**_plain(poll), "items": len(poll.items)} for poll in polls])
    else:
        from rasid.cli.tables import checks_table

        out.print(checks_table(chosen, polls))
    for problem in problems:
        err.print(str(problem), style="red", markup=False, soft_wrap=True)
    fine = all(poll.outcome == "ok" for poll in polls)
    raise typer.Exit(2 if problems else 0 if fine else 1)


@lexicon_app.command("compile")
def lexicon_compile() -> None:
    """Compile include/lexicon and say what came of it."""
    from rasid.tagging import load_tagger

    out.print(f"Lexicon and tagger {load_tagger().version}", markup=False)


@lexicon_app.command("lint")
def lexicon_lint(*, as_json: AsJson = False) -> None:
    """Duplicates, fold collisions and failing examples of the lexicon, by file and line."""
    from rasid.tagging import lint_lexicon

    problems = lint_lexicon()
    if as_json:
        _print_json([asdict(problem) for problem in problems])
    else:
        for problem in problems:
            out.print(str(problem), markup=False, soft_wrap=True)
        out.print(f"{len(problems)} problems")
    raise typer.Exit(1 if problems else 0)


@lexicon_app.command("explain")
def lexicon_explain(words: str) -> None:
    """What the lexicon makes of a word or a phrase, one JSON object a meaning."""
    from rasid.tagging import explain_word, load_tagger

    for meaning in explain_word(load_tagger(), words):
        _print_json(asdict(meaning))


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
        _print_json(figures)
    else:
        out.print(figures_table(figures))
    if pin:
        for line in pin_floors(figures, labels, may_lower=lower):
            err.print(line, style="yellow", markup=False, soft_wrap=True)
    below = below_floors(figures, labels)
    for line in below:
        err.print(line, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(1 if below else 0)


@quarantine_app.command("list")
def quarantine_list(
    *,
    feed: OfFeed = "",
    cause: Cause = "",
    since: Since = None,
    until: Until = None,
    size: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """What is quarantined, the longest first; with --cause also what was dropped for it."""
    from rasid.cli.quarantine import stuck_table
    from rasid.pipeline.quarantine import Selection, causes, find
    from rasid.search import connect

    chosen = Selection(cause, feed, _midnight(since), _midnight(until, days=1))
    with connect(settings()) as es:
        counts, entries = causes(es, chosen), find(es, chosen, size=size)
    if as_json:
        _print_json({"causes": counts, "entries": entries})
    else:
        out.print(stuck_table(entries, counts))


@quarantine_app.command("show")
def quarantine_show(entry_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """One entry: cause, error, where its raw page lies, and the first lines of that page."""
    from rasid.cli.quarantine import one_entry
    from rasid.search import connect

    with connect(settings()) as es:
        entry = one_entry(es, entry_id)
    head = entry.pop("head")
    out.print(json.dumps(entry, ensure_ascii=False, indent=2), markup=False, soft_wrap=True)
    out.print(head or "No page was kept.", markup=False, highlight=False, soft_wrap=True)


@quarantine_app.command("replay")
def quarantine_replay(
    ids: Annotated[list[str] | None, typer.Argument(help="Entry ids; none: all selected.")] = None,
    *,
    feed: OfFeed = "",
    cause: Cause = "",
    since: Since = None,
    until: Until = None,
    feeds: FeedsFile = None,
    as_json: AsJson = False,
) -> None:
    """Run the DAG replay_quarantine in this process; prints the closed books."""
    _use(feeds)
    _node_for_us()
    from rasid.airflow.once import run_once

    conf = {
        "cause": cause or None,
        "feed": feed or None,
        "from": f"{since:%Y-%m-%d}" if since else None,
        "to": f"{until:%Y-%m-%d}" if until else None,
        "entries": ids or [],
    }
    with _stdout_to_stderr():
        done = run_once("replay_quarantine", conf)
    _tell_pass(done, as_json=as_json)


def _midnight(day: datetime | None, *, days: int = 0) -> datetime | None:
    """The start (UTC) of the day so many days later."""
    return day.replace(tzinfo=UTC) + timedelta(days=days) if day else None


def _provision_kibana(url: str, *, dry_run: bool) -> list[Step]:
    import httpx

    from rasid.kibana import provision_kibana

    key = settings().kibana_api_key.get_secret_value()
    headers = {"Authorization": f"ApiKey {key}"} if key else {}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        return provision_kibana(client, dry_run=dry_run)


def _use(feeds: Path | None) -> None:
    """Let every part of this process read the registry named on the command line."""
    if feeds is not None:
        import os

        if not feeds.is_file():
            raise ConfigError(f"{feeds} is no file. Name a feed registry (see include/feeds.yaml).")
        os.environ["RASID_FEEDS"] = str(feeds.resolve())
        settings.cache_clear()


def _node_for_us() -> None:
    """Start the local node unless another cluster is named."""
    if not settings().es_url:
        _start_node()


def _start_node() -> Any:
    from rasid.cli.tables import node_progress
    from rasid.search import local_node

    with node_progress(err) as progress:
        return local_node.start(progress=progress)


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Airflow prints on standard output, which belongs to the result."""
    import contextlib

    with contextlib.redirect_stdout(sys.stderr):
        yield


def _documents(files: list[Path], *, plain: bool) -> Iterator[dict[str, Any] | str]:
    """Documents to tag; a string is the message about one that cannot be."""
    if plain:
        for file in files:
            try:
                yield {"id": file.name, "text": file.read_text("utf-8")}
            except (OSError, UnicodeDecodeError) as error:
                yield f"{file}: {error}. Name a UTF-8 text file."
        return
    for name in files or [Path("-")]:
        try:
            lines = (sys.stdin.buffer if str(name) == "-" else name.open("rb")).readlines()
        except OSError as error:
            yield f"{name}: {error.strerror}. Name a JSONL file."
            continue
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _document(line, f"{name}:{number}")


def _document(line: bytes, where: str) -> dict[str, Any] | str:
    try:
        document = json.loads(line)
    except ValueError as error:
        return f'{where}: not JSON ({error}). Give one object a line: {{"id": …, "text": …}}'
    if not isinstance(document, dict) or not isinstance(document.get("text"), str):
        return f'{where}: no "text". Give one object a line: {{"id": …, "text": …}}'
    if "id" not in document:
        return f'{where}: no "id". Give each document an id of its own.'
    from rasid.tagging import publication

    given = document.get("published_at")
    published = document["published_at"] = publication(given) if isinstance(given, str) else None
    if given and published is None:
        err.print(
            f"{where}: published_at {given!r} names no day; tagged without a date. Give ISO 8601,"
            " such as 2026-11-24T09:30Z, or RFC 2822.",
            style="yellow", markup=False, soft_wrap=True,
        )  # fmt: skip
    return document


def _book(book: Any, polls: list[dict[str, Any]]) -> dict[str, Any]:
    mine: dict[str, Any] = next((p for p in polls if p["feed_id"] == book.feed_id), {})
    poll = {name: mine.get(name) for name in ("outcome", "flags", "error")} if mine else None
    return {**asdict(book), "closed": book.closed, "difference": book.difference, "poll": poll}


def _plain(record: Any) -> dict[str, Any]:
    values = asdict(record)
    values.pop("head", None)
    return values


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
