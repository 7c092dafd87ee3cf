"""Articles over time: when a page is asked for again, and what a new version of its text is.

A page is asked for again when its feed item changed, and, where it matters (tagged articles, and
pages that had no text yet), at set times after publication. All of it is bounded: by the article's
age, by a pause that grows with it, by 24 changes that changed no text, and per run and host.
"""

from __future__ import annotations

import hashlib
import json
import re

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from rasid.pipeline.outcomes import WITH_ARTICLE
from rasid.pipeline.records import Entry
from rasid.reading import Reading, TextChange, compare_texts
from rasid.sources import Feed


# After publication: numbers of casualties settle in two days, what is taken down is within a week.
LOOKS = (timedelta(hours=2), timedelta(hours=12), timedelta(days=2), timedelta(days=7))
# An item that keeps changing is followed at most every half hour, later at an eighth of its age.
SHORTEST_PAUSE = timedelta(minutes=30)
PAUSE_BY_AGE = 8
MAX_AGE = LOOKS[-1]
CHURNING = 24  # changes of the item without one of the text, after which none counts (§3.8)
# At five seconds a page, ten looks cost a host less than a minute of a run.
LOOKS_PER_HOST = 10
LOOKS_PER_RUN = 300
SENTENCES_KEPT = 10  # of a change; the earlier page is in the archive

# «تم حذف هذا الخبر» and the like, where the text was.
_REMOVED = re.compile(
    r"(?:حذف|إزالة|سحب|حُ?ذفت?|أُ?زيلت?|سُ?حبت?) (?:هذا |هذه )?"
    r"(?:ال)?(?:خبر|مقال|مادة|صفحة|موضوع|تقرير|منشور|محتوى)"
)


def item_hash(item: Mapping[str, Any], feed: Feed | None) -> str:
    """What a feed says of an article's state: title, dates, and the text where it carries that.

    Not the summary, in which some feeds count readers or minutes.
    """
    said = [item[name] for name in ("title", "published_raw", "updated_raw") if item.get(name)]
    if feed is not None and feed.full_text:
        said.append(item["content"])
    return hashlib.blake2b(json.dumps(said).encode(), digest_size=16).hexdigest()


def noted_change(
    source: Mapping[str, Any], item: Mapping[str, Any], feed: Feed, now: datetime
) -> dict[str, Any] | None:
    """The ledger document of a settled entry whose feed item changed; None when that is no news."""
    base = _base(source["published_at"], source["first_seen_at"])
    age = now - base
    if source["state"] != "settled" or source["idle_changes"] >= CHURNING or age > MAX_AGE:
        return None
    idle = source["idle_changes"] + 1
    rested = datetime.fromisoformat(source["settled_at"]) + max(SHORTEST_PAUSE, age / PAUSE_BY_AGE)
    times = [max(rested, now).isoformat(), source["next_look_at"]]
    churning = ["churning"] if idle >= CHURNING else []
    return {
        **source,
        "item": item,
        "item_hash": item_hash(item, feed),
        "idle_changes": idle,
        "flags": sorted({*source["flags"], *churning}),
        "next_look_at": None if churning else min(time for time in times if time),
    }


def chosen(entries: Iterable[Entry]) -> list[Entry]:
    """The looks of one run, among those that are due: the longest due, so many for a host."""
    taken: list[Entry] = []
    of_host: Counter[str] = Counter()
    for entry in entries:
        host = urlsplit(entry.url).netloc
        if of_host[host] < LOOKS_PER_HOST and len(taken) < LOOKS_PER_RUN:
            of_host[host] += 1
            taken.append(entry)
    return taken


def next_look(entry: Entry, feed: Feed | None, now: datetime) -> datetime | None:
    """When an ended entry's page is due to be asked for again; None: only if its item changes.

    An article that came whole in the feed has no page to ask for.
    """
    if feed is None or (feed.full_text and entry.item["content"]):
        return None
    unread = entry.again and entry.article is None
    matters = entry.outcome in WITH_ARTICLE and (entry.mentions or unread)
    if not matters and entry.cause != "no_text":
        return None
    said = (entry.article or {}).get("published_at") or entry.item["published_at"]
    base = _base(said, entry.first_seen_at.isoformat())
    return next((base + look for look in LOOKS if base + look > now), None)


def is_removed(reading: Reading) -> bool:
    """Whether a page that held an article says no more than that it is gone."""
    if reading.outcome == "not_an_article":  # a soft 404, or the home page
        return True
    return reading.outcome == "no_text" and bool(_REMOVED.search(f"{reading.title} {reading.text}"))


def text_change(stored: Mapping[str, Any], entry: Entry) -> TextChange | None:
    """What changed in title or text since the stored version; None for spelling and spaces."""
    article = entry.article or {}
    return compare_texts(
        f"{stored['title']}\n{stored['text']}", f"{article['title']}\n{article['text']}"
    )


def versions(
    entry: Entry, stored: Mapping[str, Any] | None, change: TextChange | None
) -> list[dict[str, Any]]:
    """All versions of the text, oldest first, each with its page and what it changed.

    Only a page that was asked for again can be the outlet's new version. Reading or tagging anew
    what we have says better what the version was.
    """
    article = entry.article or {}
    earlier = list(stored.get("versions") or ()) if stored else []
    now = {
        "fetched_at": article["fetched_at"],
        "title": article["title"],
        "text_hash": article["text_hash"],
        "archive": asdict(entry.archive) if entry.archive else None,
    }
    if not earlier:
        return [{"number": 1, **now, "change": None}]
    if change is None:
        return earlier
    if entry.again:
        return [*earlier, {"number": len(earlier) + 1, **now, "change": _summary(change)}]
    return [*earlier[:-1], earlier[-1] | now]


def _summary(change: TextChange) -> dict[str, Any]:
    return {
        "share": round(change.share, 3),
        "added": list(change.added[:SENTENCES_KEPT]),
        "removed": list(change.removed[:SENTENCES_KEPT]),
        "killed": _before_after(change.killed),
        "injured": _before_after(change.injured),
        "casualties_changed": change.casualties_changed,
    }


def _before_after(numbers: tuple[int | None, int | None]) -> dict[str, int | None]:
    return {"before": numbers[0], "after": numbers[1]}


def _base(published_at: str | None, first_seen_at: str) -> datetime:
    """From when an article's age counts: published, at the latest when first seen."""
    seen = datetime.fromisoformat(first_seen_at)
    return min(datetime.fromisoformat(published_at), seen) if published_at else seen
