"""What the terminal shows of search results."""

from __future__ import annotations

import io

from rich.console import Console

from rasid.cli.tables import hits_table
from rasid.search import Hit, Story


def _shown(newsrooms: int) -> str:
    story = Story("s", newsrooms, newsrooms, ("أ", "ب"), "منبر الفرات", "https://a.example/1", None)
    hit = Hit("1", 1.0, {"story_id": "s", "outlet": "أ", "title": "هجوم على قاعدة"}, {})
    console = Console(file=io.StringIO(), width=160)
    console.print(hits_table("Articles", [hit], {"s": story}))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_hit_says_who_else_tells_its_story_and_who_was_first():
    assert "in 1 more newsroom, first \u2068منبر الفرات\u2069" in _shown(2)
    assert "in 3 more newsrooms, first" in _shown(4)


def test_a_story_of_one_newsroom_says_nothing():
    assert "more newsroom" not in _shown(1)
