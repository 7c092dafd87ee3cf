"""Documents to tag, as files and standard input bring them."""

from __future__ import annotations

import json
import sys

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rasid.cli.console import err


def documents(files: list[Path], *, plain: bool) -> Iterator[dict[str, Any] | str]:
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
