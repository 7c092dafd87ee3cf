"""Where briefs are kept: `briefs/` of the object storage, a file a period."""

from __future__ import annotations

from datetime import UTC, datetime

from elasticsearch import Elasticsearch

from rasid.brief.gather import Period, gather
from rasid.brief.page import brief_page
from rasid.pipeline.store import list_names, read_bytes, write_bytes
from rasid.settings import settings


SUFFIX = ".html"


def write_brief(es: Elasticsearch, period: Period, *, written_at: datetime) -> str:
    """Write the page of `period`, over an earlier one of the same; its name."""
    name = f"{_spelled(period.since)}--{_spelled(period.until)}"
    page = brief_page(gather(es, period), written_at=written_at)
    write_bytes(f"{_folder()}/{name}{SUFFIX}", page.encode())
    return name


def brief_names() -> list[str]:
    """The names of all briefs, the newest first."""
    names = [n.removesuffix(SUFFIX) for n in list_names(_folder()) if n.endswith(SUFFIX)]
    return sorted(names, key=lambda name: name.partition("--")[2], reverse=True)


def read_brief(name: str) -> str:
    """The page of that name; LookupError when there is none."""
    if name not in brief_names():
        raise LookupError(f"there is no brief {name!r}")
    return read_bytes(f"{_folder()}/{name}{SUFFIX}").decode()


def _folder() -> str:
    return f"{settings().store_root}/briefs"


def _spelled(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H%MZ}"
