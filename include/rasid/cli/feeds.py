"""`rasid feeds`: the registry, and what its feeds answer."""

from __future__ import annotations

import asyncio
import sys

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import rich.progress
import typer

from rich.table import Table

from rasid.cli.console import AsJson, FeedsFile, err, out, print_json
from rasid.errors import ConfigError
from rasid.settings import settings


feeds_app = typer.Typer(help="The feed registry.", no_args_is_help=True)


@feeds_app.command("list")
def feeds_list(*, feeds: FeedsFile = None, as_json: AsJson = False) -> None:
    """The registry: every usable feed, and what is wrong with the others."""
    from rasid.sources import read_registry

    found, problems = read_registry(feeds or settings().feeds)
    if as_json:
        print_json({"feeds": [asdict(f) for f in found], "problems": [str(p) for p in problems]})
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
        print_json([{**_plain(poll), "items": len(poll.items)} for poll in polls])
    else:
        from rasid.cli.tables import checks_table

        out.print(checks_table(chosen, polls))
    for problem in problems:
        err.print(str(problem), style="red", markup=False, soft_wrap=True)
    fine = all(poll.outcome == "ok" for poll in polls)
    raise typer.Exit(2 if problems else 0 if fine else 1)


def _plain(record: Any) -> dict[str, Any]:
    values = asdict(record)
    values.pop("head", None)
    return values
