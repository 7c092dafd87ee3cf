"""Write docs/sources.md from the registry."""

from __future__ import annotations

from pathlib import Path

from rasid.settings import INCLUDE
from rasid.sources import load_feeds, sources_page


if __name__ == "__main__":
    page = sources_page(load_feeds(INCLUDE / "feeds.yaml"))
    (Path(__file__).parents[1] / "docs" / "sources.md").write_text(page, "utf-8")
