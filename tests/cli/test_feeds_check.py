"""What `rasid feeds check` says of a poll."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console

from rasid.cli.tables import checks_table
from rasid.sources import Feed, FeedItem, FeedPoll, Validators


NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def said(feed: Feed, **poll) -> str:
    done = FeedPoll(feed.id, polled_at=NOW, validators=Validators(), **poll)
    console = Console(width=250, record=True, file=None)
    with console.capture() as captured:
        console.print(checks_table([feed], [done]))
    return captured.get()


def item(number: int, content: str = "") -> FeedItem:
    url = f"https://outlet.test/{number}"
    return FeedItem(url, url, str(number), content=content, published_at=NOW)


def test_a_sound_feed_says_what_would_be_fetched_and_dropped() -> None:
    shown = said(
        Feed("f", "F", "https://outlet.test/rss"),
        outcome="ok",
        flags=("charset_repaired",),
        items=(item(1), item(2)),
        dropped=(("foreign_host", "x"), ("foreign_host", "y"), ("no_link", "z")),
    )
    assert "fetch 2 pages, drop 2 as foreign_host, drop 1 as no_link; ask again in " in shown
    assert "2026-11-24 12:00" in shown
    assert "charset_repaired" in shown


def test_a_feed_of_whole_texts_says_so() -> None:
    feed = Feed("f", "F", "https://outlet.test/rss", full_text=True)
    shown = said(feed, outcome="ok", items=(item(1, "<p>نص</p>"), item(2)))
    assert "fetch 1 pages, take 1 texts from the feed itself" in shown


def test_a_failing_feed_says_why_and_when_it_is_asked_again() -> None:
    feed = Feed("f", "F", "https://outlet.test/rss", cadence_minutes=30)
    shown = said(feed, outcome="throttled", error="HTTP 429", retry_after=7200.0)
    assert "fetch nothing: HTTP 429; ask again in 12" in shown
