"""`rasid snapshot`: taken, tried out, brought back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from rasid.cli.console import AsJson, print_json
from rasid.settings import settings


snapshot_app = typer.Typer(help="Snapshots of the indices.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="As `rasid snapshot list` shows it.")]


@snapshot_app.command("take")
def take() -> None:
    """Take one now, below RASID_SNAPSHOTS."""
    from rasid.search import connect, snapshots

    with connect(settings(), keeper=True) as es:
        taken = snapshots.take(es, where=settings().snapshots, at=datetime.now(UTC))
    typer.echo(f"{taken.name}: {len(taken.indices)} indices")


@snapshot_app.command("list")
def show(*, as_json: AsJson = False) -> None:
    """All of them, the oldest first."""
    from rasid.search import connect, snapshots

    with connect(settings(), keeper=True) as es:
        snapshots.register(es, where=settings().snapshots)
        taken = snapshots.listed(es)
    if as_json:
        print_json([asdict(snapshot) for snapshot in taken])
        return
    for snapshot in taken:
        typer.echo(f"{snapshot.name}  {snapshot.state}  {len(snapshot.indices)} indices")
    if not taken:
        typer.echo("None was taken yet. `rasid snapshot take` takes one.")


@snapshot_app.command("try")
def try_out(name: Name) -> None:
    """Restore one beside the live indices, count its documents, delete the copy again."""
    from rasid.search import connect, snapshots

    with connect(settings(), keeper=True) as es:
        snapshots.register(es, where=settings().snapshots)
        for index, count in snapshots.try_out(es, name).items():
            typer.echo(f"{index}: {count:,} documents")


@snapshot_app.command("restore")
def restore(
    name: Name,
    *,
    families: Annotated[
        list[str] | None, typer.Option("--family", help="Only these: articles, entries …")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also what is there: newer documents are lost.")
    ] = False,
) -> None:
    """Bring back what is not there any more."""
    from rasid.search import connect, snapshots

    with connect(settings(), keeper=True) as es:
        snapshots.register(es, where=settings().snapshots)
        came = snapshots.restore(es, name, families=families or (), replace=replace)
    for index in came:
        typer.echo(f"restored: {index}")
    if not came:
        typer.echo("Nothing is missing. --replace puts the snapshot in the place of what is there.")
