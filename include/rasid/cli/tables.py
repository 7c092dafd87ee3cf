"""What people see in the terminal: tables and progress.

Arabic stands isolated, so that a left-to-right table keeps its columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text


if TYPE_CHECKING:
    from rasid.pipeline.records import Books
    from rasid.search import Hit, Story
    from rasid.search.local_node import Progress as NodeProgress
    from rasid.sources import Feed, FeedPoll


# First strong isolate … pop directional isolate: UAX #9 §2.5. Terminals that know nothing of them
# draw nothing for them.
_ISOLATE, _POP = "\u2068", "\u2069"


def isolated(text: str) -> str:
    """`text` kept apart from the direction of what surrounds it."""
    return f"{_ISOLATE}{text}{_POP}" if text else ""


def books_table(books: Sequence[Books], polls: Sequence[Mapping[str, Any]]) -> Table:
    """The closed books of a run, a row per feed and one for the whole."""
    said = {poll["feed_id"]: poll for poll in polls}
    table = Table(title="Books of the run", title_justify="left")
    for name in ("feed", "poll"):
        table.add_column(name)
    for name in ("seen", "known", "new", "carried", "waiting"):
        table.add_column(name, justify="right")
    table.add_column("outcomes")
    table.add_column("closed")
    for book in books:
        whole = book.feed_id == "*"
        outcomes = ", ".join(f"{count} {name}" for name, count in sorted(book.outcomes.items()))
        causes = ", ".join(f"{count} {name}" for name, count in sorted(book.causes.items()))
        table.add_row(
            "all" if whole else book.feed_id,
            str(said.get(book.feed_id, {}).get("outcome", "")),
            *(str(n) for n in (book.seen, book.known, book.new, book.carried, book.waiting)),
            outcomes + (f" ({causes})" if causes else ""),
            "yes" if book.closed else book.difference,
            style="bold" if whole else None,
        )
    return table


def checks_table(feeds: Sequence[Feed], polls: Sequence[FeedPoll]) -> Table:
    """What one poll of each feed came to, and what a run would do that knew nothing yet."""
    from rasid.sources import next_state

    table = Table()
    for name in ("feed", "outcome", "items", "newest", "flags", "a run would"):
        table.add_column(name, justify="right" if name == "items" else "left")
    for feed, poll in zip(feeds, polls, strict=True):
        newest = max((i.published_at for i in poll.items if i.published_at), default=None)
        state = next_state(feed, None, poll, new_items=len(poll.items), now=poll.polled_at)
        due = (state.next_poll_at or poll.polled_at) - poll.polled_at
        table.add_row(
            poll.feed_id,
            poll.outcome,
            str(len(poll.items)),
            f"{newest:%Y-%m-%d %H:%M}" if newest else "",
            ", ".join(poll.flags),
            Text(f"{_would(feed, poll)}; ask again in {due.total_seconds() / 60:.0f} min"),
        )
    return table


def _would(feed: Feed, poll: FeedPoll) -> str:
    count = len(poll.items)
    if not count:
        return "fetch nothing" + (f": {poll.error}" if poll.error else "")
    whole = sum(bool(item.content) for item in poll.items) if feed.full_text else 0
    parts = [f"fetch {count - whole} pages"] if count > whole else []
    parts += [f"take {whole} texts from the feed itself"] if whole else []
    lost = Counter(outcome for outcome, _ in poll.dropped)
    parts += [f"drop {number} as {outcome}" for outcome, number in sorted(lost.items())]
    return ", ".join(parts)


def mentions_table(mentions: Sequence[Mapping[str, Any]]) -> Table:
    """Mention documents: tag, who, what, where, when, modality, outlet."""
    table = Table(title="Mentions", title_justify="left")
    for name in ("tag", "who", "what", "where", "when", "modality", "sure", "outlet"):
        table.add_column(name, overflow="fold")
    for mention in mentions:
        when = mention.get("event_time") or mention.get("published_at") or ""
        table.add_row(
            mention["tag"],
            _names(mention.get("actor") or mention.get("force")) or str(mention["actor_class"]),
            f"{isolated(mention['trigger']['text'])} {mention.get('kind') or ''}",
            _names(mention.get("place")),
            str(when)[:16].replace("T", " "),
            mention["modality"],
            f"{mention['confidence']:.2f}",
            isolated(mention["outlet"]),
        )
    return table


def hits_table(title: str, hits: Sequence[Hit], stories: Mapping[str, Story]) -> Table:
    """Search results with the matches in bold, and who else tells the same."""
    table = Table(title=f"{title}: {len(hits)}", title_justify="left", show_lines=True)
    for name in ("published", "outlet", "tag", "text", "also"):
        table.add_column(name, overflow="fold")
    for hit in hits:
        source = hit.source
        best = next((marked for marks in hit.highlights.values() for marked in marks), "")
        plain = (source.get("sentence") or {}).get("text") or source.get("title", "")
        table.add_row(
            str(source.get("published_at") or "")[:16].replace("T", " "),
            isolated(str(source.get("outlet", ""))),
            str(source.get("tag") or _tags(source)),
            _marked(best or plain),
            _also(stories.get(source.get("story_id", ""))),
        )
    return table


@contextmanager
def node_progress(console: Console) -> Iterator[NodeProgress]:
    """A bar for fetching and starting the local node."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as bars:
        shown: dict[str, Any] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in shown:
                shown[what] = bars.add_task(what, total=None)
            bars.update(shown[what], completed=done, total=total or None)

        yield report


def _marked(text: str) -> Text:
    """Text whose `<mark>…</mark>` parts are bold."""
    shown = Text()
    for n, part in enumerate(text.split("<mark>")):
        marked, end, rest = part.partition("</mark>") if n else ("", "", part)
        shown.append(marked, style="bold yellow")
        shown.append(rest if end or not n else "")
    return shown


def _also(story: Story | None) -> str:
    """Who else tells the story of a hit; nothing where it stands alone."""
    if story is None or story.newsrooms < 2:
        return ""
    others = story.newsrooms - 1
    rooms = "newsroom" if others == 1 else "newsrooms"
    return f"in {others} more {rooms}, first {isolated(story.first_outlet)}"


def _names(value: object) -> str:
    names = value if isinstance(value, list) else [value] if value else []
    return "، ".join(isolated(str(name)) for name in names)


def _tags(source: Mapping[str, Any]) -> str:
    tags = source.get("tags") or {}
    return ", ".join(t for t in ("militia_attack", "attack", "troop_movement") if tags.get(t))
