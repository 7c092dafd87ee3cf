"""Files in the object storage (file://, s3://, memory:// …): gzipped JSON lines by reference.

A file appears whole or not at all, so a task that dies while writing leaves nothing half-read.
"""

from __future__ import annotations

import gzip
import io
import secrets

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec

from fsspec.implementations.local import LocalFileSystem
from pydantic import TypeAdapter

from rasid.errors import StoreUnavailable


def write_bytes(url: str, data: bytes) -> str:
    """Write `data` to `url`, creating its folders; returns `url`."""
    with _ours(url):
        fs, path = fsspec.core.url_to_fs(url)
        fs.makedirs(fs._parent(path), exist_ok=True)  # noqa: SLF001  (fsspec's documented helper)
        if isinstance(fs, LocalFileSystem):
            _replace(Path(path), data)
        else:
            fs.pipe_file(path, data)
    return url


def read_bytes(url: str) -> bytes:
    """The whole content of `url`."""
    with _ours(url):
        fs, path = fsspec.core.url_to_fs(url)
        return bytes(fs.cat_file(path))


def list_names(folder: str) -> list[str]:
    """The names of the files in `folder`, sorted; none when there is no such folder."""
    with _ours(folder):
        fs, path = fsspec.core.url_to_fs(folder)
        if not fs.isdir(path):
            return []
        found = fs.ls(path, detail=True)
        return sorted(f["name"].rpartition("/")[2] for f in found if f["type"] == "file")


def list_folders(folder: str) -> list[str]:
    """The names of the folders in `folder`, sorted; none when there is no such folder."""
    with _ours(folder):
        fs, path = fsspec.core.url_to_fs(folder)
        if not fs.isdir(path):
            return []
        found = fs.ls(path, detail=True)
        return sorted(
            f["name"].rstrip("/").rpartition("/")[2] for f in found if f["type"] == "directory"
        )


def last_written(folder: str) -> datetime | None:
    """When the newest file below `folder` was written; None when it holds none."""
    with _ours(folder):
        fs, path = fsspec.core.url_to_fs(folder)
        return max((fs.modified(name) for name in fs.find(path)), default=None)


def delete(url: str) -> None:
    """Delete a file, or a folder with all that it holds; what is not there is no harm."""
    with _ours(url):
        fs, path = fsspec.core.url_to_fs(url)
        if fs.exists(path):
            fs.rm(path, recursive=True)


class Presence:
    """Which files there are (`url in presence`); each is asked for once."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}

    def __contains__(self, url: str) -> bool:
        if url not in self._known:
            with _ours(url):
                fs, path = fsspec.core.url_to_fs(url)
                self._known[url] = bool(fs.exists(path))
        return self._known[url]


def write_records(url: str, kind: Any, records: Iterable[Any]) -> str:
    """Write dataclass instances of type `kind`, one JSON line each; returns `url`."""
    adapter = TypeAdapter(kind)
    buffer = io.BytesIO()
    # mtime=0: the same records give the same bytes.
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed:
        for record in records:
            packed.write(adapter.dump_json(record) + b"\n")
    return write_bytes(url, buffer.getvalue())


def read_records(url: str, kind: Any) -> Iterator[Any]:
    """The records of a file written by `write_records`, in order."""
    adapter = TypeAdapter(kind)
    for line in gzip.decompress(read_bytes(url)).splitlines():
        yield adapter.validate_json(line)


def _replace(file: Path, data: bytes) -> None:
    """Write beside the file, then rename; fsspec's own way is by /tmp, often another disk's."""
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(data)
        part.replace(file)
    except OSError:
        part.unlink(missing_ok=True)  # a full disk has room for the next try
        raise


@contextmanager
def _ours(url: str) -> Iterator[None]:
    """A storage that fails is the platform's failure, not the record's."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(
            f"{url}: {error}. Check RASID_STORE, its credentials and the free space; then retry."
        ) from error
