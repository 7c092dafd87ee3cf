"""Raw pages as WARC 1.1: written by `fetch`, read by `read` and by everything that reads again."""

from __future__ import annotations

import io

from dataclasses import dataclass
from datetime import datetime

from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from rasid.errors import StoreUnavailable
from rasid.pipeline.records import Archived
from rasid.pipeline.store import read_bytes, write_bytes
from rasid.web import Fetched


# The body is stored as it was after decompression: these no longer describe it.
_HOP = {"content-encoding", "transfer-encoding", "content-length"}


@dataclass(frozen=True, slots=True)
class Page:
    """A page taken out of the archive."""

    url: str
    body: bytes
    content_type: str
    fetched_at: datetime
    is_fragment: bool  # an article body out of a full-text feed, not a page

    @property
    def http_charset(self) -> str | None:
        """The charset of the Content-Type header, if it names one."""
        _, _, rest = self.content_type.lower().partition("charset=")
        return rest.partition(";")[0].strip(" \"'") or None


class WarcFile:
    """One WARC file being filled in memory; `save` puts it into the object storage whole."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._buffer = io.BytesIO()
        self._writer = WARCWriter(self._buffer, gzip=True, warc_version="1.1")

    def add_response(self, page: Fetched) -> Archived:
        """Add what a server answered."""
        headers = [(k, v) for k, v in page.headers.items() if k not in _HOP]
        http = StatusAndHeaders(str(page.status), headers, protocol="HTTP/1.1")
        return self._add(
            self._writer.create_warc_record(
                page.final_url,
                "response",
                payload=io.BytesIO(page.body),
                http_headers=http,
                warc_headers_dict={"WARC-Date": _warc_date(page)},
            )
        )

    def add_fragment(self, url: str, html: str) -> Archived:
        """Add the article body that a full-text feed carried."""
        return self._add(
            self._writer.create_warc_record(
                url,
                "resource",
                payload=io.BytesIO(html.encode()),
                warc_content_type="text/html; charset=utf-8",
            )
        )

    def save(self) -> None:
        """Write the file, unless nothing was added."""
        if self._buffer.tell():
            write_bytes(self.path, self._buffer.getvalue())

    def _add(self, record: object) -> Archived:
        offset = self._buffer.tell()
        self._writer.write_record(record)
        return Archived(self.path, offset)


class WarcReader:
    """Pages by offset; a WARC file is read from the storage once."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def page(self, where: Archived) -> Page:
        """The page at `where`; StoreUnavailable when the archive does not hold it."""
        if where.path not in self._files:
            self._files[where.path] = read_bytes(where.path)
        stream = io.BytesIO(self._files[where.path])
        stream.seek(where.offset)
        record = next(iter(ArchiveIterator(stream)), None)
        if record is None:
            raise StoreUnavailable(f"{where.path} has no record at byte {where.offset}")
        http = record.http_headers
        content_type = http.get_header("content-type") if http else record.content_type
        return Page(
            url=record.rec_headers.get_header("WARC-Target-URI"),
            body=record.content_stream().read(),
            content_type=content_type or "",
            fetched_at=datetime.fromisoformat(record.rec_headers.get_header("WARC-Date")),
            is_fragment=http is None,
        )


def _warc_date(page: Fetched) -> str:
    return page.fetched_at.strftime("%Y-%m-%dT%H:%M:%SZ")
