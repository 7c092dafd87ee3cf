"""Stories: articles that tell the same in the same words, whoever published them.

Near copies are looked for by their stored band keys, in one query for a batch, and checked by
`similarity`. Copies are evidence: they are indexed like any article and share a `story_id`, which
is the id of the story's first article. Nothing else about a story is stored; how many newsrooms
tell it, and which was first, is asked of the index (`rasid.search.stories`).

Batches run side by side and may each open a story for copies of one text. So after its articles
are written a batch looks again, and joins what it could not see before. Whoever notices merges the
same way: the story whose first article was seen first keeps its id.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan

from rasid.pipeline.records import Entry, Run
from rasid.reading import SAME_STORY, fingerprint, similarity
from rasid.search import Write, alias, index_for, write_all
from rasid.sources import Feed


log = structlog.get_logger()

# The same words days later are another day's weather or exchange rates, not another telling.
WINDOW = timedelta(days=3)
# A story of this many writers at once was never seen; it only keeps a defect from looping.
_TRIES = 10


@dataclass(frozen=True, slots=True)
class Telling:
    """An article as one telling of a story; `at` is when it was published, else first seen."""

    article_id: str
    story_id: str
    newsroom: str
    at: datetime
    text: str
    bands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A telling with its story.

    `repeats`: the article of the same newsroom that has the same words; `seen`: story by article
    of the copies that were found; `joins`: another story that turned out to be the same.
    """

    telling: Telling
    repeats: str = ""
    joins: str = ""
    seen: Mapping[str, str] | None = None  # None: nobody looked


def place(
    es: Elasticsearch,
    run: Run,
    entries: Sequence[Entry],
    stored: Mapping[str, Mapping[str, Any]],
    feeds: Mapping[str, Feed],
) -> dict[str, Placed]:
    """The story of each entry by its id, among the indexed articles and those of the batch.

    `stored` are documents of the entries that are indexed already: these keep their story. One
    with another text now, or that a try of this very run wrote, may have found company since.
    """
    placed = {}
    tellings = []
    for entry in entries:
        known = stored.get(entry.entry_id)
        telling = _telling(entry, known, feeds.get(entry.feed_id))
        if known and known["run_id"] != run.run_id and _text_hash(entry) == known["text_hash"]:
            placed[telling.article_id] = Placed(telling)
        else:
            tellings.append(telling)
    pool: dict[str, dict[str, Telling]] = defaultdict(dict)
    for told in _indexed(es, tellings):
        _file(told, pool)
    for telling in sorted(tellings, key=lambda t: (t.at, t.article_id)):
        found = _placed(telling, pool, is_new=telling.article_id not in stored)
        placed[telling.article_id] = found
        if not found.repeats:
            _file(found.telling, pool)
    return placed


def join_late(es: Elasticsearch, placed: Sequence[Placed]) -> int:
    """Join the stories of written articles with those that other writers opened meanwhile.

    Returns how many stories were given up for an older one.
    """
    looked = [one for one in placed if one.seen is not None]
    if not looked:
        return 0
    es.indices.refresh(index=alias("articles"))
    pairs = [(one.telling.story_id, one.joins) for one in looked if one.joins]
    pool: dict[str, dict[str, Telling]] = defaultdict(dict)
    for told in _indexed(es, [one.telling for one in looked], unseen_by=looked):
        _file(told, pool)
    for one in looked:
        mine = one.telling
        for copy, _ in _copies(mine, pool):
            # Two that each joined a story of their own chose it: a round-up resembles several.
            opened = mine.story_id == mine.article_id or copy.story_id == copy.article_id
            if copy.story_id != mine.story_id and opened:
                pairs.append((mine.story_id, copy.story_id))
    return sum(_merge(es, group) for group in _groups(pairs))


def _placed(telling: Telling, pool: Mapping[str, dict[str, Telling]], *, is_new: bool) -> Placed:
    copies = _copies(telling, pool)
    seen = {copy.article_id: copy.story_id for copy, _ in copies}
    if not copies:
        return Placed(telling, seen=seen)
    best, _ = copies[0]
    if is_new:
        repeats = (c for c, alike in copies if alike == 1 and c.newsroom == telling.newsroom)
        first = next(repeats, None)
        told = replace(telling, story_id=best.story_id)
        return Placed(told, repeats=first.article_id if first else "", seen=seen)
    # It opened a story, and tells now what others tell too.
    opened = telling.story_id == telling.article_id
    joins = best.story_id if opened and best.story_id != telling.story_id else ""
    return Placed(telling, joins=joins, seen=seen)


def _copies(
    telling: Telling, pool: Mapping[str, dict[str, Telling]]
) -> list[tuple[Telling, float]]:
    """Copies of `telling` in the pool with their similarity, the most alike first."""
    near = {
        other.article_id: other
        for band in telling.bands
        for other in pool.get(band, {}).values()
        if other.article_id != telling.article_id and abs(other.at - telling.at) <= WINDOW
    }
    scored = [(other, similarity(telling.text, other.text)) for other in near.values()]
    copies = [(other, alike) for other, alike in scored if alike >= SAME_STORY]
    return sorted(copies, key=lambda pair: (-pair[1], pair[0].at, pair[0].article_id))


def _file(telling: Telling, pool: dict[str, dict[str, Telling]]) -> None:
    for band in telling.bands:
        pool[band][telling.article_id] = telling


def _text_hash(entry: Entry) -> str:
    assert entry.article is not None
    return str(entry.article["text_hash"])


def _telling(entry: Entry, stored: Mapping[str, Any] | None, feed: Feed | None) -> Telling:
    assert entry.article is not None
    published = entry.article["published_at"]
    return Telling(
        article_id=entry.entry_id,
        story_id=(stored or {}).get("story_id") or entry.entry_id,
        newsroom=feed.newsroom if feed else "",
        at=datetime.fromisoformat(published) if published else entry.first_seen_at,
        text=entry.article["text"],
        bands=fingerprint(entry.article["text"]),
    )


def _indexed(
    es: Elasticsearch, tellings: Sequence[Telling], unseen_by: Sequence[Placed] = ()
) -> Iterator[Telling]:
    """Indexed articles that share a band with one of `tellings` and lie within the window.

    Without the tellings themselves, and without what each of `unseen_by` saw in the same story.
    """
    bands = sorted({band for telling in tellings for band in telling.bands})
    if not bands:
        return
    earliest = min(t.at for t in tellings) - WINDOW
    latest = max(t.at for t in tellings) + WINDOW
    within = {"gte": earliest.isoformat(), "lte": latest.isoformat()}
    undated = [{"range": {"first_seen_at": within}}]
    query = {
        "bool": {
            "filter": [
                {"terms": {"bands": bands}},
                {
                    "bool": {
                        "should": [
                            {"range": {"published_at": within}},
                            {
                                "bool": {
                                    "filter": undated,
                                    "must_not": [{"exists": {"field": "published_at"}}],
                                }
                            },
                        ]
                    }
                },
            ],
            "must_not": [{"terms": {"article_id": [t.article_id for t in tellings]}}],
        }
    }
    known = {pair for one in unseen_by for pair in (one.seen or {}).items()}
    fields = ["story_id", "newsroom", "published_at", "first_seen_at", "text", "bands"]
    for hit in scan(es, index=alias("articles"), query={"query": query}, size=500, _source=fields):
        source = hit["_source"]
        story_id = source["story_id"]
        if (hit["_id"], story_id) not in known:
            yield Telling(
                article_id=hit["_id"],
                story_id=story_id,
                newsroom=source["newsroom"],
                at=datetime.fromisoformat(source["published_at"] or source["first_seen_at"]),
                text=source["text"],
                bands=tuple(source["bands"]),
            )


def _groups(pairs: Iterable[tuple[str, str]]) -> list[set[str]]:
    """Story ids that are one story, from pairs of them."""
    groups: list[set[str]] = []
    for pair in pairs:
        apart = [group for group in groups if group.isdisjoint(pair)]
        touched = [group for group in groups if not group.isdisjoint(pair)]
        groups = [*apart, set(pair).union(*touched)]
    return groups


def _merge(es: Elasticsearch, stories: set[str]) -> int:
    """Give `stories` one id; how many others are given up. The same for all who notice."""
    found = es.search(
        index=alias("articles"),
        query={"terms": {"article_id": sorted(stories)}},
        source_includes=["first_seen_at"],
        size=len(stories),
    )
    seen_at = {hit["_id"]: hit["_source"]["first_seen_at"] for hit in found["hits"]["hits"]}
    first, *others = sorted(stories, key=lambda story: (seen_at.get(story, "~"), story))
    for story in others:
        _rename(es, story, first)
    log.info("stories joined", story=first, of=others)
    return len(others)


def _rename(es: Elasticsearch, story: str, name: str) -> None:
    """Move all articles and mentions of `story` to `name`, each at the version that it has.

    Looked for again until none is left: a writer may have joined `story` a moment ago.
    """
    for family in ("articles", "mentions"):
        for _ in range(_TRIES):
            es.indices.refresh(index=alias(family))
            query = {"query": {"term": {"story_id": story}}}
            writes = [
                Write(
                    # By its alias: while indices migrate, the one it was found in takes no writes.
                    index_for(family, datetime.fromisoformat(hit["_source"]["first_seen_at"])),
                    hit["_id"],
                    hit["_version"],
                    {**hit["_source"], "story_id": name},
                )
                for hit in scan(es, index=alias(family), query=query, size=500, version=True)
            ]
            if not writes:
                break
            write_all(es, writes)
