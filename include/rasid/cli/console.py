"""What all commands print to and ask for."""

from __future__ import annotations

import contextlib
import json
import os
import sys

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rich.console import Console

from rasid.errors import ConfigError
from rasid.settings import settings


if TYPE_CHECKING:
    from rasid.search.local_node import Status


# Piped or logged, a table keeps its columns instead of folding at 80.
out = Console(width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
FeedsFile = Annotated[
    Path | None, typer.Option("--feeds", help="Registry file instead of RASID_FEEDS.")
]


def print_json(value: Any) -> None:
    """One value on a line of standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def use_registry(feeds: Path | None) -> None:
    """Let every part of this process read the registry named on the command line."""
    if feeds is not None:
        if not feeds.is_file():
            raise ConfigError(f"{feeds} is no file. Name a feed registry (see include/feeds.yaml).")
        os.environ["RASID_FEEDS"] = str(feeds.resolve())
        settings.cache_clear()


def node_for_us() -> None:
    """Start the local node unless another cluster is named."""
    if not settings().es_url:
        start_node()


def start_node() -> Status:
    """Start the local node and show how far it is; how it runs then."""
    from rasid.cli.tables import node_progress
    from rasid.search import local_node

    with node_progress(err) as progress:
        return local_node.start(progress=progress)


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Airflow prints on standard output, which belongs to the result."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
