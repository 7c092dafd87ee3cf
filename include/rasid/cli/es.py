"""`rasid es`: the local Elasticsearch node."""

from __future__ import annotations

import typer

from rasid.cli.console import out, start_node


es_app = typer.Typer(help="The local Elasticsearch node.", no_args_is_help=True)


@es_app.command("start")
def es_start() -> None:
    """Fetch (once), start and wait for the local node."""
    out.print(f"Elasticsearch {start_node().version} at {start_node().url}", markup=False)


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
