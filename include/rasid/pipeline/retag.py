"""Tag again: stored articles by today's lexicon and model, held against their stored mentions.

The form of what happens is `reread`'s: compare day by day, report, and switch only when asked to.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan

from rasid.errors import ConfigError
from rasid.pipeline.batch import ENTRIES_PER_BATCH
from rasid.pipeline.documents import mention_documents
from rasid.pipeline.ledger import entry_of, write_documents
from rasid.pipeline.records import Entry, Run
from rasid.pipeline.reread import MOST_DAYS, Compared
from rasid.pipeline.store import read_records, write_bytes, write_records
from rasid.pipeline.tag import tag, tagger
from rasid.search import Write, alias, index_for
from rasid.sources import usable_feeds


log = structlog.get_logger()

KINDS = ("gained", "lost", "changed")
_MENTIONS = 10_000  # of a batch of 100 articles; more is no news
_EXAMPLES = 5
# What two mentions of one event are compared by, as the index names it.
_COMPARED = (
    *("tag", "subtype", "modality", "actor_class", "outcome", "certainty", "aspect"),
    *("actor", "target", "from", "to", "via", "place", "weapon"),
    *("killed", "injured", "size", "event_time"),
)
# As they lie in the index → as `read` hands them to `tag`.
_ARTICLE = {
    "extraction_method": "method",
    **{
        name: name
        for name in (
            *("canonical_url", "language", "title", "summary", "text", "authors"),
            *("published_at", "published_source", "published_precision", "published_raw"),
            *("fetched_at", "text_hash", "charset", "charset_source", "story_id"),
        )
    },
}


def days(
    es: Elasticsearch,
    since: datetime | None,
    until: datetime | None,
    feed_id: str = "",
    version: str = "",
) -> list[str]:
    """The days (UTC) of first sight that have articles tagged otherwise than today, oldest first.

    `version` asks for those of one tagger version alone.
    """
    bounds = {"gte": since, "lt": until}
    span = {key: bound.isoformat() for key, bound in bounds.items() if bound}
    es.indices.refresh(index=alias("articles"))
    found = es.search(
        index=alias("articles"),
        query=_outdated(feed_id, version, span),
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
            f"There are {len(named)} days to tag again, and a run takes {MOST_DAYS}."
            " Choose a shorter period in the form."
        )
    return named


def compare(
    es: Elasticsearch, run: Run, day: str, feed_id: str = "", version: str = "", *, apply: bool
) -> Compared:
    """Tag the articles of `day` again and write down each whose mentions come out otherwise.

    With `apply` all of them are put into batches, for the unchanged ones are to carry today's
    version too. An article without an entry in the ledger is counted as missing and left alone.
    """
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    span = {"gte": start.isoformat(), "lt": (start + timedelta(days=1)).isoformat()}
    query = {"query": _outdated(feed_id, version, span)}
    stored = [hit["_source"] for hit in scan(es, index=alias("articles"), query=query)]
    counts: Counter[str] = Counter()
    batches = []
    tagged = 0
    for n, at in enumerate(range(0, len(stored), ENTRIES_PER_BATCH)):
        part = stored[at : at + ENTRIES_PER_BATCH]
        entries = _entries(es, part)
        tagged += len(entries)
        name = f"{day}-{n:04}.jsonl.gz"
        path = write_records(run.path(f"outdated/{name}"), Entry, entries)
        changes = list(_changes(es, run, part, path, apply=apply))
        for change in changes:
            counts.update(mention["change"] for mention in change["mentions"])
        write_documents(
            es, [Write(index_for("changes"), c["change_id"], run.revision, c) for c in changes]
        )
        if apply and entries:
            batches.append(path)
    missing = len(stored) - tagged
    log.info("compared", day=day, articles=tagged, missing=missing, **counts)
    return Compared(day, tagged, missing, dict(counts), tuple(batches))


def report(es: Elasticsearch, run: Run, compared: Sequence[Compared], *, apply: bool) -> str:
    """What the comparison came to, in Markdown; also kept as report.md among the run's files."""
    counts: Counter[str] = Counter()
    for day in compared:
        counts.update(day.changes)
    articles, missing = sum(day.pages for day in compared), sum(day.missing for day in compared)
    what = "All of them are switched." if apply else "Nothing was switched."
    es.indices.refresh(index=alias("changes"))
    lines = [
        f"# {run.run_id}: {articles} articles tagged again",
        "",
        (
            f"By tagger {tagger().version}. {what} Without an entry in the ledger, and left alone:"
            f" {missing}. Each article that differs is a document of `rasid-changes`."
        ),
        "",
        "| feed | articles that differ | " + " | ".join(f"mentions {k}" for k in KINDS) + " |",
        f"|---|---:|{'---:|' * len(KINDS)}",
    ]
    differing = 0
    of_feed: dict[str, Counter[str]] = defaultdict(Counter)
    fields: Counter[str] = Counter()
    for change in _written(es, run):
        differing += 1
        mentions = change["mentions"]
        of_feed[change["feed_id"]].update(["articles", *(m["change"] for m in mentions)])
        fields.update(_step(name, m) for m in mentions for name in m["differs"])
    for feed_id, kinds in sorted(of_feed.items()):
        lines.append(f"| {feed_id} | {_cells(kinds['articles'], kinds)} |")
    lines.append(f"| **all** | {_cells(differing, counts)} |")
    if fields:
        lines += ["", "## What changed in mentions", ""]
        lines += [f"- {name}: {n}" for name, n in fields.most_common(30)]
    for kind in KINDS:
        lines += _examples(es, run, kind) if counts[kind] else ()
    text = "\n".join(lines) + "\n"
    write_bytes(run.path("report.md"), text.encode())
    return text


def _outdated(feed_id: str, version: str, span: Mapping[str, str]) -> dict[str, Any]:
    """Articles that another tagger version tagged; one that its outlet took down rests."""
    filters: list[dict[str, Any]] = [{"term": {"feed_id": feed_id}}] if feed_id else []
    filters += [{"term": {"tagger_version": version}}] if version else []
    filters += [{"range": {"first_seen_at": dict(span)}}] if span else []
    present = {"term": {"tagger_version": tagger().version}}
    return {
        "bool": {"filter": filters, "must_not": [present, {"exists": {"field": "withdrawn_at"}}]}
    }


def _entries(es: Elasticsearch, articles: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """The ledger's entries of stored articles, each with its article as `tag` takes it."""
    answer = es.mget(index=index_for("entries"), ids=[a["article_id"] for a in articles])
    ledger = {doc["_id"]: doc["_source"] for doc in answer["docs"] if doc.get("found")}
    return [
        replace(
            entry_of(ledger[article["article_id"]]),
            article={name: article.get(stored) for stored, name in _ARTICLE.items()},
            # The one flag that `index` finds out by itself.
            flags=tuple(flag for flag in article["flags"] if flag != "casualties_changed"),
        )
        for article in articles
        if article["article_id"] in ledger
    ]


def _changes(
    es: Elasticsearch, run: Run, stored: Sequence[Mapping[str, Any]], path: str, *, apply: bool
) -> Iterator[dict[str, Any]]:
    """Documents of `rasid-changes` for the entries at `path` that are tagged otherwise today."""
    feeds = usable_feeds()
    before = {article["article_id"]: article for article in stored}
    known = _mentions(es, list(before))
    for entry in read_records(tag(run, path), Entry):
        article = before[entry.entry_id]
        found = mention_documents(entry, run, feeds.get(entry.feed_id))
        mentions = list(differences(known[entry.entry_id], found))
        if not mentions:
            continue
        yield {
            "change_id": f"{run.run_id}|{entry.entry_id}",
            "article_id": entry.entry_id,
            "run_id": run.run_id,
            "dag_id": run.dag_id,
            "feed_id": entry.feed_id,
            "outlet": article["outlet"],
            "country": article["country"],
            "url": entry.url,
            "compared_at": run.started_at.isoformat(),
            "first_seen_at": article["first_seen_at"],
            "changes": sorted({mention["change"] for mention in mentions}),
            "applied": apply,
            "mentions": mentions,
            "before": _side(article["title"], article["tagger_version"], known[entry.entry_id]),
            "after": _side(article["title"], tagger().version, found),
        }


def _side(title: str, version: str, mentions: Sequence[Any]) -> dict[str, Any]:
    return {"title": title, "tagger_version": version, "mentions": len(mentions)}


def _mentions(es: Elasticsearch, articles: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The stored mentions of each article, in the order of the text."""
    es.indices.refresh(index=alias("mentions"))
    found = es.search(
        index=alias("mentions"),
        query={"terms": {"article_id": list(articles)}},
        sort=[{"article_id": "asc"}, {"trigger.start": "asc"}],
        size=_MENTIONS,
    )
    of: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for hit in found["hits"]["hits"]:
        of[hit["_source"]["article_id"]].append(hit["_source"])
    return of


def differences(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """What an article gained, lost and changed: mentions as `rasid-mentions` holds them.

    Two mentions are of one event when their triggers overlap, or else stand in one sentence.
    """
    left = list(after)
    pairs: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
    alone = list(before)
    for same in (_overlap, _same_sentence):
        for old in list(alone):
            new = next((m for m in left if m["event"] == old["event"] and same(old, m)), None)
            if new is not None:
                alone.remove(old)
                left.remove(new)
                pairs.append((old, new))
    for old, new in pairs:
        differs = [name for name in _COMPARED if _value(old, name) != _value(new, name)]
        if not _overlap(old, new):
            differs.append("trigger")
        if differs:
            yield _change("changed", new, differs, old=old, new=new)
    for old in alone:
        yield _change("lost", old, [], old=old)
    for new in left:
        yield _change("gained", new, [], new=new)


def _value(mention: Mapping[str, Any], name: str) -> Any:
    """A field to compare; of a count its bounds, for who was counted came later to the index."""
    value = mention.get(name) or None
    return (value["min"], value["max"]) if isinstance(value, dict) else value


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    a, b = one["trigger"], other["trigger"]
    return bool(a["start"] < b["end"] and b["start"] < a["end"])


def _same_sentence(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    a, b = one["sentence"], other["sentence"]
    return bool(a["start"] < b["end"] and b["start"] < a["end"])


def _change(
    what: str,
    mention: Mapping[str, Any],
    differs: list[str],
    *,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    def told(side: Mapping[str, Any] | None) -> dict[str, Any] | None:
        names = differs if old and new else ("tag", "subtype", "modality", "actor_class", "actor")
        if side is None:
            return None
        values = {name: side.get(name) or None for name in names}
        return values | ({"trigger": side["trigger"]["text"]} if "trigger" in names else {})

    return {
        "change": what,
        "event": mention["event"],
        "trigger": mention["trigger"]["text"],
        "sentence": mention["sentence"]["text"],
        "differs": differs,
        "before": told(old),
        "after": told(new),
    }


def _written(es: Elasticsearch, run: Run) -> Iterator[dict[str, Any]]:
    query = {"query": {"term": {"run_id": run.run_id}}, "_source": ["feed_id", "mentions"]}
    for hit in scan(es, index=alias("changes"), query=query):
        yield hit["_source"]


def _step(name: str, mention: Mapping[str, Any]) -> str:
    """A changed field; of one with few values, from which to which."""
    if name not in ("tag", "subtype", "modality", "actor_class"):
        return name
    return f"{name} {mention['before'][name]} → {mention['after'][name]}"


def _cells(articles: int, kinds: Mapping[str, int]) -> str:
    return " | ".join(str(n) for n in (articles, *(kinds.get(kind, 0) for kind in KINDS)))


def _examples(es: Elasticsearch, run: Run, kind: str) -> Iterable[str]:
    found = es.search(
        index=alias("changes"),
        query={"bool": {"filter": [{"term": {"run_id": run.run_id}}, {"term": {"changes": kind}}]}},
        sort=[{"first_seen_at": "desc"}, {"article_id": "asc"}],
        size=_EXAMPLES,
    )
    yield from ("", f"## Mentions {kind}")
    for hit in found["hits"]["hits"]:
        change = hit["_source"]
        # First strong isolate … pop: Arabic keeps to itself in a left-to-right line.
        yield from ("", f"- \u2068{change['before']['title']}\u2069 {change['url']}")
        for mention in (m for m in change["mentions"] if m["change"] == kind):
            yield f"  - {mention['event']} \u2068{mention['trigger']}\u2069: {_told(mention)}"
            yield f"    > \u2068{mention['sentence']}\u2069"


def _told(mention: Mapping[str, Any]) -> str:
    before, after = mention["before"] or {}, mention["after"] or {}
    if before and after:
        steps = (f"{n} {_plain(before[n])} → {_plain(after[n])}" for n in mention["differs"])
        return "; ".join(steps)
    return ", ".join(f"{name} {_plain(value)}" for name, value in (before or after).items())


def _plain(value: Any) -> str:
    """A field's value inside a line of Markdown."""
    if isinstance(value, list):
        return "، ".join(f"\u2068{part}\u2069" for part in value)
    if isinstance(value, dict):
        return f"{value['min']}–{value['max']}"
    return "–" if value is None else str(value)
