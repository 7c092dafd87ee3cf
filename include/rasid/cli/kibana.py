"""`rasid kibana`: what analysts will get, without a Kibana."""

from __future__ import annotations

import sys

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from rasid.settings import settings


kibana_app = typer.Typer(help="What analysts get in Kibana.", no_args_is_help=True)


@kibana_app.callback()
def kibana() -> None:
    """Keep `preview` a command of its own: a single one would replace the group."""


@kibana_app.command()
def preview(
    *, out: Annotated[Path | None, typer.Option(help="File for the page; none: stdout.")] = None
) -> None:
    """Draw every dashboard and the map as one page, from the requests that Kibana would send."""
    from rasid.kibana.preview import preview as page_of
    from rasid.search import connect

    with connect(settings()) as es:
        page = page_of(es, datetime.now(UTC))
    if out is None:
        sys.stdout.write(page)
    else:
        out.write_text(page, "utf-8")
        typer.echo(f"{out}: open it in a browser.")
