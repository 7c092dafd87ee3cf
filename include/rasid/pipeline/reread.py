"""Read again: archived pages by today's reader, held against what was stored of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import structlog

from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan

from rasid.errors import ConfigError
from rasid.pipeline.batch import ENTRIES_PER_BATCH, share_out
from rasid.pipeline.ledger import entry_of, write_documents
from rasid.pipeline.outcomes import Outcome
from rasid.pipeline.read import read
from rasid.pipeline.records import Entry, Run
from rasid.pipeline.store import Presence, read_records, write_bytes, write_records
from rasid.reading import compare_texts
from rasid.search import Write, alias, index_for
from rasid.sources import Feed, usable_feeds


log = structlog.get_logger()

MOST_DAYS = 1000  # mapped tasks of one run; Airflow refuses more than 1,024
MOST_SWITCHED = 20_000  # entries; what is left over differs in the next run too
KINDS = ("text", "title", "date", "method", "lost", "gained")
_SENTENCES = 20  # added or removed ones that a document keeps
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Compared:
    """What reading the pages of one day again came to.

    `changes` counts entries by kind; `missing` those whose page is not in the archive any more;
    `batches` are paths of the entries to switch.
    """

    day: str
    pages: int
    missing: int
    changes: dict[str, int]
    batches: tuple[str, ...]


def days(
    es: Elasticsearch, since: datetime | None, until: datetime | None, feed_id: str
) -> list[str]:
    """The days (UTC) on which entries with an archived page were found first, oldest first."""
    bounds = {"gte": since, "lt": until}
    span = {key: bound.isoformat() for key, bound in bounds.items() if bound}
    es.indices.refresh(index=alias("entries"))
    found = es.search(
        index=alias("entries"),
        query={"bool": {"filter": _archived(feed_id, span)}},
        aggs={
            "days": {
                "date_histogram": {
                    "field": "first_seen_at",
                    "calendar_interval": "day",
                    "format": "yyyy-MM-dd",
                    "min_doc_count": 1,
                }
            }
        },
        size=0,
    )
    named = [bucket["key_as_string"] for bucket in found["aggregations"]["days"]["buckets"]]
    if len(named) > MOST_DAYS:
        raise ConfigError(
            f"There are {len(named)} days to read again, and a run takes {MOST_DAYS}."
            " Choose a shorter period in the form."
        )
    return named


def compare(es: Elasticsearch, run: Run, day: str, feed_id: str, *, apply: bool) -> Compared:
    """Read the pages of `day` again and write down each that came out otherwise.

    With `apply` the changed ones are put into batches. A page that cannot be read any more is
    only reported: the article stays as it was.
    """
    feeds, kept = usable_feeds(), Presence()
    entries = _entries(es, day, feed_id)
    here = [doc for doc in entries if doc["archive"]["path"] in kept]
    counts: Counter[str] = Counter()
    batches = []
    # By file and offset, so that a batch meets few files of the archive.
    here.sort(key=lambda doc: (doc["archive"]["path"], doc["archive"]["offset"]))
    for n, at in enumerate(range(0, len(here), ENTRIES_PER_BATCH)):
        part = here[at : at + ENTRIES_PER_BATCH]
        name = f"{day}-{n:04}.jsonl.gz"
        changes = _changes(es, run, part, name, feeds)
        for change in changes:
            counts.update(change["changes"])
            change["applied"] = apply and "lost" not in change["changes"]
        _write(es, run, changes)
        switched = {change["article_id"] for change in changes if change["applied"]}
        if switched:
            taken = [entry_of(doc) for doc in part if doc["entry_id"] in switched]
            batches.append(write_records(run.path(f"changed/{name}"), Entry, taken))
    missing = len(entries) - len(here)
    log.info("compared", day=day, pages=len(here), missing=missing, **counts)
    return Compared(day, len(here), missing, dict(counts), tuple(batches))


def take_up(run: Run, compared: Iterable[Compared]) -> list[str]:
    """Share out what is to be switched; the paths of the batches, none for a mere comparison."""
    paths = [path for day in compared for path in day.batches]
    # One after the other: a whole archive does not fit into memory.
    entries = (entry for path in paths for entry in read_records(path, Entry))
    work = list(islice(entries, MOST_SWITCHED))
    if next(entries, None) is not None:
        log.warning("more than a run takes: start it again for the rest", taken=len(work))
    return share_out(run, [], work)


def report(es: Elasticsearch, run: Run, compared: Sequence[Compared], *, apply: bool) -> str:
    """What the comparison came to, in Markdown; also kept as report.md among the run's files."""
    counts: Counter[str] = Counter()
    for day in compared:
        counts.update(day.changes)
    pages, missing = sum(day.pages for day in compared), sum(day.missing for day in compared)
    what = "The changed ones are switched." if apply else "Nothing was switched."
    lines = [
        f"# {run.run_id}: {pages} archived pages read again",
        "",
        f"{missing} pages are not in the archive any more. {what} Each change: `rasid-changes`.",
        "",
        f"| feed | {' | '.join(KINDS)} |",
        f"|---|{'---:|' * len(KINDS)}",
    ]
    es.indices.refresh(index=alias("changes"))
    for feed_id, kinds in _by_feed(es, run):
        lines.append(f"| {feed_id} | {' | '.join(str(kinds.get(kind, 0)) for kind in KINDS)} |")
    lines.append(f"| **all** | {' | '.join(str(counts[kind]) for kind in KINDS)} |")
    for kind in KINDS:
        lines += _examples(es, run, kind) if counts[kind] else ()
    text = "\n".join(lines) + "\n"
    write_bytes(run.path("report.md"), text.encode())
    return text


def _archived(feed_id: str, span: dict[str, str]) -> list[dict[str, Any]]:
    """Filters for ended entries with a page; a duplicate's article is another entry's."""
    ended = [o.value for o in Outcome if o is not Outcome.DUPLICATE]
    found: list[dict[str, Any]] = [
        {"term": {"state": "settled"}},
        {"terms": {"outcome": ended}},
        {"exists": {"field": "archive.offset"}},
    ]
    if feed_id:
        found.append({"term": {"feed_id": feed_id}})
    if span:
        found.append({"range": {"first_seen_at": span}})
    return found


def _entries(es: Elasticsearch, day: str, feed_id: str) -> list[dict[str, Any]]:
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    span = {"gte": start.isoformat(), "lt": (start + timedelta(days=1)).isoformat()}
    query = {"query": {"bool": {"filter": _archived(feed_id, span)}}}
    return [hit["_source"] for hit in scan(es, index=alias("entries"), query=query)]


def _changes(
    es: Elasticsearch, run: Run, part: list[dict[str, Any]], name: str, feeds: dict[str, Feed]
) -> list[dict[str, Any]]:
    """Documents of `rasid-changes` for those of `part` that come out otherwise today."""
    path = write_records(run.path(f"compare/{name}"), Entry, [entry_of(doc) for doc in part])
    again = list(read_records(read(run, path), Entry))
    docs = [{"_index": index_for("articles", e.first_seen_at), "_id": e.entry_id} for e in again]
    stored = {doc["_id"]: doc["_source"] for doc in es.mget(docs=docs)["docs"] if doc.get("found")}
    changes = []
    for document, entry in zip(part, again, strict=True):
        before = stored.get(entry.entry_id)
        kinds = _kinds(before, entry)
        if kinds:
            feed = feeds.get(entry.feed_id)
            changes.append(
                {
                    "change_id": f"{run.run_id}|{entry.entry_id}",
                    "article_id": entry.entry_id,
                    "run_id": run.run_id,
                    "dag_id": run.dag_id,
                    "feed_id": entry.feed_id,
                    "outlet": document["outlet"],
                    "country": feed.country if feed else "",
                    "url": entry.url,
                    "compared_at": run.started_at.isoformat(),
                    "first_seen_at": document["first_seen_at"],
                    "changes": kinds,
                    **_difference(before, entry),
                    "before": _side(before, document["outcome"], document["cause"]),
                    "after": _side(
                        entry.article, entry.outcome.value if entry.outcome else None, entry.cause
                    ),
                }
            )
    return changes


def _kinds(before: dict[str, Any] | None, entry: Entry) -> list[str]:
    after = entry.article
    if before is None or after is None:
        return ["lost"] if before else ["gained"] if after else []
    found = {
        "text": before["text_hash"] != after["text_hash"],
        "title": before["title"] != after["title"],
        "date": before["published_at"] != after["published_at"],
        "method": before["extraction_method"] != after["method"],
    }
    return [kind for kind, differs in found.items() if differs]


def _difference(before: dict[str, Any] | None, entry: Entry) -> dict[str, Any]:
    if before is None or entry.article is None:
        return {}
    change = compare_texts(before["text"], entry.article["text"])
    if change is None:
        return {}
    return {
        "share": change.share,
        "added": list(change.added[:_SENTENCES]),
        "removed": list(change.removed[:_SENTENCES]),
    }


def _side(article: dict[str, Any] | None, outcome: str | None, cause: str | None) -> dict[str, Any]:
    """One side of a comparison: a stored article and a new reading name the method differently."""
    read = article or {}
    return {
        "outcome": outcome,
        "cause": cause or None,
        "title": read.get("title"),
        "published_at": read.get("published_at"),
        "published_source": read.get("published_source"),
        "method": read.get("extraction_method") or read.get("method"),
        "length": len(read["text"]) if article else None,
    }


def _write(es: Elasticsearch, run: Run, changes: Iterable[dict[str, Any]]) -> None:
    index = index_for("changes")
    write_documents(es, [Write(index, c["change_id"], run.revision, c) for c in changes])


def _by_feed(es: Elasticsearch, run: Run) -> list[tuple[str, dict[str, int]]]:
    found = es.search(
        index=alias("changes"),
        query={"term": {"run_id": run.run_id}},
        aggs={
            "feeds": {
                "terms": {"field": "feed_id", "size": 1000},
                "aggs": {"kinds": {"terms": {"field": "changes"}}},
            }
        },
        size=0,
    )
    return [
        (feed["key"], {kind["key"]: kind["doc_count"] for kind in feed["kinds"]["buckets"]})
        for feed in found["aggregations"]["feeds"]["buckets"]
    ]


def _examples(es: Elasticsearch, run: Run, kind: str) -> list[str]:
    found = es.search(
        index=alias("changes"),
        query={"bool": {"filter": [{"term": {"run_id": run.run_id}}, {"term": {"changes": kind}}]}},
        sort=[{"share": {"order": "desc", "missing": "_last"}}, {"article_id": "asc"}],
        size=_EXAMPLES,
    )
    lines = ["", f"## {kind}"]
    for hit in found["hits"]["hits"]:
        change = hit["_source"]
        # First strong isolate … pop: an Arabic title keeps to itself in a left-to-right line.
        title = change["after"]["title"] or change["before"]["title"] or ""
        lines += ["", f"- \u2068{title}\u2069 {change['url']}"]
        lines += [
            f"  - {name}: {change['before'][name]} → {change['after'][name]}"
            for name in change["before"]
            if change["before"][name] != change["after"][name] and name != "title"
        ]
        lines += [f"  - was: \u2068{sentence}\u2069" for sentence in change.get("removed", [])[:2]]
        lines += [f"  - now: \u2068{sentence}\u2069" for sentence in change.get("added", [])[:2]]
    return lines
