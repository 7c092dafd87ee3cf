"""`rasid export`: the file and its codebook, whole or not at all."""

from __future__ import annotations

import sys

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from elasticsearch import Elasticsearch

from rasid.errors import ConfigError
from rasid.search import Query
from rasid.search.export import Document, Family, Format, codebook, documents, lines


def export(es: Elasticsearch, family: Family, form: Format, query: Query, to: Path | None) -> int:
    """Write the file `to` and its codebook beside it, or standard output; how many rows."""
    rows = 0

    def counted() -> Iterator[Document]:
        nonlocal rows
        for document in documents(es, family, query):
            rows += 1
            yield document

    if to is None:
        for line in lines(counted(), family, form):
            sys.stdout.write(line)
        return rows
    part = to.with_name(f".{to.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines(counted(), family, form))
        part.rename(to)
        told = codebook(family, form, query, rows=rows, at=datetime.now(UTC))
        to.with_name(f"{to.name}.codebook.md").write_text(told, "utf-8")
    except OSError as error:
        raise ConfigError(
            f"{to} cannot be written ({error.strerror}). Name a file in a folder that is there and"
            " has room."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return rows
