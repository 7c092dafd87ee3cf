"""Write what is generated from the registry: docs/sources.md and include/feeds.schema.json."""

from __future__ import annotations

import json

from pathlib import Path

from rasid.settings import INCLUDE
from rasid.sources import load_feeds, registry_schema, sources_page


if __name__ == "__main__":
    page = sources_page(load_feeds(INCLUDE / "feeds.yaml"))
    (Path(__file__).parents[1] / "docs" / "sources.md").write_text(page, "utf-8")
    schema = json.dumps(registry_schema(), indent=2, ensure_ascii=False) + "\n"
    (INCLUDE / "feeds.schema.json").write_text(schema, "utf-8")
