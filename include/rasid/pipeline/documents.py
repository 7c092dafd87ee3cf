"""The documents of `rasid-articles` and `rasid-mentions`, made from an entry at its end."""

from __future__ import annotations

import hashlib

from collections.abc import Iterable
from typing import Any

from rasid.pipeline.outcomes import WITHDRAWN
from rasid.pipeline.records import Entry, Run
from rasid.reading import fingerprint
from rasid.sources import Feed


def article_document(entry: Entry, run: Run, feed: Feed | None) -> dict[str, Any]:
    """One article; its mentions' offsets count in the title, a newline and the text."""
    article = entry.article or {}
    return {
        "article_id": entry.entry_id,
        "url": entry.url,
        "canonical_url": article["canonical_url"],
        **_source(entry, feed),
        "language": article["language"],
        "title": article["title"],
        "summary": article["summary"],
        "text": article["text"],
        "words": len(article["text"].split()),
        "authors": list(article["authors"]),
        "published_at": article["published_at"],
        "published_source": article["published_source"],
        "published_precision": article["published_precision"],
        "published_raw": article["published_raw"],
        "version": article["versions"][-1]["number"],
        "versions": article["versions"],
        "first_seen_at": entry.first_seen_at.isoformat(),
        "fetched_at": article["fetched_at"],
        "revision": run.revision,
        "archive": (
            {"path": entry.archive.path, "offset": entry.archive.offset} if entry.archive else None
        ),
        "text_hash": article["text_hash"],
        "bands": list(fingerprint(article["text"])),
        "story_id": article["story_id"],
        "charset": article["charset"],
        "charset_source": article["charset_source"],
        "extraction_method": article["method"],
        "flags": _flags(entry),
        "withdrawn_at": None,
        "tags": _facets(entry.mentions),
        **_versions(article["tagger_version"]),
        "dag_id": run.dag_id,
        "run_id": run.run_id,
    }


def withdrawn_document(stored: dict[str, Any], run: Run) -> dict[str, Any]:
    """The article as it was stored, marked as taken down by its outlet; nothing of it is lost."""
    return {
        **stored,
        "flags": sorted({*stored["flags"], WITHDRAWN}),
        "withdrawn_at": run.started_at.isoformat(),
        "revision": run.revision,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
    }


def withdrawn_mention(stored: dict[str, Any], run: Run) -> dict[str, Any]:
    """A mention of an article that was taken down, as it was stored, and marked."""
    return {**stored, "withdrawn_at": run.started_at.isoformat(), "revision": run.revision}


def mention_documents(entry: Entry, run: Run, feed: Feed | None) -> list[dict[str, Any]]:
    """One flat document per mention, with what analysts filter articles by."""
    return [_mention_document(mention, entry, run, feed) for mention in entry.mentions]


def _mention_document(
    mention: dict[str, Any], entry: Entry, run: Run, feed: Feed | None
) -> dict[str, Any]:
    article = entry.article or {}
    place: dict[str, Any] = next(iter(mention["places"]), {})
    when = mention["event_time"] or {}
    return {
        "mention_id": _mention_id(entry.entry_id, mention),
        "article_id": entry.entry_id,
        "story_id": article["story_id"],
        "revision": run.revision,
        "tag": "militia_attack" if mention["militia_attack"] else mention["tag"],
        "event": mention["tag"],
        **{key: mention[key] or None for key in _COPIED},
        # A force that moves is the actor of its movement; both ways of asking find it.
        "force": _texts(mention["actors"]) if mention["tag"] == "troop_movement" else [],
        **{field: _texts(mention[spans]) for field, spans in _ROLES.items()},
        "actor_id": _ids(mention["actors"]),
        "weapon_id": _ids(mention["weapons"]),
        "location": (
            {"lat": place["lat"], "lon": place["lon"]} if place.get("lat") is not None else None
        ),
        "place_precision": place.get("type") or None,
        "place_geonameid": place.get("geonameid"),
        "event_time": when.get("iso_from") or None,
        "event_time_to": when.get("iso_to") or None,
        "event_time_precision": when.get("precision") or None,
        "event_time_source": when.get("resolved_by") or None,
        "event_time_raw": when.get("raw") or None,
        "in_combat": mention["in_combat"],
        "modality_cue": mention["modality_cue"],
        "target_class": sorted({role["type"] for role in mention["targets"] if role["type"]}),
        **{count: _range(mention[count]) for count in ("killed", "injured", "size")},
        "trigger": {"text": mention["trigger"], "start": mention["start"], "end": mention["end"]},
        "sentence": {
            "text": mention["sentence"],
            "start": mention["sent_start"],
            "end": mention["sent_end"],
        },
        "roles": {spans: mention[spans] for spans in _ROLES.values()},
        "evidence": mention["evidence"],
        "confidence": mention["confidence"],
        "attribution": _attribution(mention["attribution"]),
        **_source(entry, feed),
        "url": entry.url,
        "title": article["title"],
        "published_at": article["published_at"],
        "first_seen_at": entry.first_seen_at.isoformat(),
        "withdrawn_at": None,
        **_versions(article["tagger_version"]),
    }


_COPIED = (
    "subtype",
    "kind",
    "modality",
    "aspect",
    "outcome",
    "certainty",
    "polarity",
    "actor_class",
    "lemma",
    "pos",
    "acled_sub_event",
    "plover_cat",
    "plover_mode",
    "cameo",
)
# Field of the index → list of spans in the mention.
_ROLES = {
    "actor": "actors",
    "target": "targets",
    "from": "from",
    "to": "to",
    "via": "via",
    "place": "places",
    "weapon": "weapons",
    "equipment": "equipment",
    "damage": "damage",
}


def _flags(entry: Entry) -> list[str]:
    """What reading noticed, and whether any version gave other numbers of casualties."""
    versions = (entry.article or {})["versions"]
    changed = any((v["change"] or {}).get("casualties_changed") for v in versions)
    return [*entry.flags, *(["casualties_changed"] if changed else [])]


def _facets(mentions: Iterable[dict[str, Any]]) -> dict[str, Any]:
    found = list(mentions)
    named = [role for m in found for role in m["actors"]]
    return {
        "militia_attack": any(m["militia_attack"] for m in found),
        "attack": any(m["tag"] == "attack" for m in found),
        "troop_movement": any(m["tag"] == "troop_movement" for m in found),
        "actors": _texts(named),
        "actor_classes": sorted({m["actor_class"] for m in found if m["actor_class"]}),
        "places": _texts(place for m in found for place in m["places"]),
        "modalities": sorted({m["modality"] for m in found}),
        "kinds": sorted({m["kind"] for m in found if m["kind"]}),
        "max_confidence": max((m["confidence"] for m in found), default=None),
        "mentions": len(found),
    }


def _source(entry: Entry, feed: Feed | None) -> dict[str, Any]:
    return {
        "outlet": feed.outlet if feed else "",
        "newsroom": feed.newsroom if feed else "",
        "feed_id": entry.feed_id,
        "country": feed.country if feed else "",
    }


def _versions(tagger_version: str) -> dict[str, str]:
    """A tagger's version reads `<lexicon hash>.<rules>.<model, or rules alone>`."""
    return {
        "lexicon_version": tagger_version.partition(".")[0],
        "tagger_version": tagger_version,
    }


def _mention_id(article_id: str, mention: dict[str, Any]) -> str:
    key = f"{article_id}|{mention['tag']}|{mention['start']}-{mention['end']}"
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _texts(spans: Iterable[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(span["text"] for span in spans))


def _ids(spans: Iterable[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(span["id"] for span in spans if span.get("id")))


def _range(count: dict[str, Any] | None) -> dict[str, Any] | None:
    if not count:
        return None
    return {"min": count["min"], "max": count["max"], "who": count["what"] or None}


def _attribution(said: dict[str, Any]) -> dict[str, Any]:
    speaker = said["speaker"]
    return {
        "status": said["status"],
        "speaker": speaker["text"] if speaker else None,
        "claimed_by": _texts(said["claimed_by"]),
        "denied_by": _texts(said["denied_by"]),
    }
