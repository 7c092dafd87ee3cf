"""The preview page: whole, right to left, with the numbers of the node, nothing from outside."""

from __future__ import annotations

import re

import pytest

from rasid.kibana import dashboards
from rasid.kibana.dashboards import panels
from rasid.kibana.preview import preview


@pytest.mark.node
def test_the_page_holds_every_panel_and_the_numbers(week):
    page = preview(week)
    assert 'dir="rtl"' in page
    for body in dashboards().values():
        assert f"<h1>{body['title']}</h1>" in page
        assert all(f"<h2>{panel['config']['title']}</h2>" in page for panel in panels(body))
    total = week.count(index="rasid-articles")["count"]
    assert f'<div class="metric">{total:,}</div>' in page
    assert page.count("<circle") == 3
    assert not re.search(r"https?://", page)


@pytest.mark.node
def test_names_from_the_news_cannot_break_the_page(es):
    from datetime import UTC, datetime

    from rasid.search import index_for

    now = datetime.now(UTC)
    document = {
        "tag": "attack",
        "event": "attack",
        "actor": "<script>",
        "published_at": now.isoformat(),
    }
    es.index(index=index_for("mentions", now), document=document, refresh=True)
    page = preview(es)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
