"""Mentions and incidents as files for other programs: CSV, JSON lines, GeoJSON, ACLED-like columns.

Everything streams: a point in time is read page by page, so that a file of a million rows needs no
memory and holds one state of the index, whatever is written meanwhile.
"""

from __future__ import annotations

import csv
import io
import json

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from elasticsearch import ApiError, Elasticsearch, TransportError

from rasid.errors import SearchUnavailable
from rasid.search.query import Query, incident_query, mention_query
from rasid.search.templates import alias


Family: TypeAlias = Literal["mentions", "incidents"]
Format: TypeAlias = Literal["csv", "jsonl", "geojson", "acled"]
Document: TypeAlias = Mapping[str, Any]

FORMATS: tuple[Format, ...] = ("csv", "jsonl", "geojson", "acled")
FAMILIES: dict[Family, Callable[[Query], dict[str, Any]]] = {
    "mentions": mention_query,
    "incidents": incident_query,
}
PAGE = 2000
# Between values of one cell; no name of the lexicon holds it.
SEPARATOR = "; "
# By date and then by id: the same documents come in the same order.
_ORDER = {
    "mentions": [{"published_at": "asc"}, {"mention_id": "asc"}],
    "incidents": [{"first_reported_at": "asc"}, {"incident_id": "asc"}],
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: where it comes from (a dotted field, or a function of the document), what it says.

    `about` in English and in Arabic, for the codebook.
    """

    name: str
    value: str | Callable[[Document], Any]
    about: str
    arabic: str


def documents(es: Elasticsearch, family: Family, query: Query) -> Iterator[Document]:
    """All documents that the query finds, in order of their date, as of one point in time."""
    index, wanted, after = alias(family), FAMILIES[family](query), None
    try:
        point = es.open_point_in_time(index=index, keep_alive="2m")["id"]
        try:
            while True:
                page = es.search(
                    pit={"id": point, "keep_alive": "2m"},
                    query=wanted,
                    sort=_ORDER[family],
                    search_after=after,
                    size=PAGE,
                    track_total_hits=False,
                    source_excludes=["keys", "roles"],
                )
                point = page["pit_id"]
                hits = page["hits"]["hits"]
                yield from (hit["_source"] for hit in hits)
                if len(hits) < PAGE:
                    return
                after = hits[-1]["sort"]
        finally:
            es.close_point_in_time(id=point)
    except (ApiError, TransportError) as error:
        raise SearchUnavailable(f"The export broke off ({error}). Start it again.") from error


def lines(found: Iterable[Document], family: Family, form: Format) -> Iterator[str]:
    """The file's text, piece by piece, each ending in a newline."""
    if form == "jsonl":
        return (json.dumps(document, ensure_ascii=False) + "\n" for document in found)
    if form == "geojson":
        return _features(found, family)
    return _table(found, columns(family, form))


def columns(family: Family, form: Format) -> tuple[Column, ...]:
    """The columns of a table, or the properties of a GeoJSON feature."""
    if form == "acled":
        return ACLED
    return MENTION if family == "mentions" else INCIDENT


def codebook(family: Family, form: Format, query: Query, *, rows: int, at: datetime) -> str:
    """What the file holds, column by column, as Markdown."""
    asked = {name: value for name, value in vars_of(query).items() if value}
    told = ", ".join(f"{name} = {value}" for name, value in asked.items()) or "everything"
    head = (
        f"# Codebook: {family} as {form}\n\n"
        f"{rows:,} rows, exported by Rasid at {at:%Y-%m-%d %H:%M} UTC. Asked for: {told}.\n\n"
        f"{NOTES[form]}\n\n"
    )
    if form == "jsonl":
        return head
    table = [
        "| column | meaning | المعنى |",
        "|---|---|---|",
        *(f"| `{c.name}` | {c.about} | {c.arabic} |" for c in columns(family, form)),
    ]
    return head + "\n".join(table) + "\n"


def vars_of(query: Query) -> dict[str, str]:
    """What the query asks for, by name."""
    names = ("text", "tag", "actor", "place", "modality", "outlet", "since", "until")
    return {name: getattr(query, name) for name in names}


def _table(found: Iterable[Document], chosen: tuple[Column, ...]) -> Iterator[str]:
    # The mark tells Excel that this is UTF-8.
    yield "\ufeff" + _row([column.name for column in chosen])
    for document in found:
        yield _row([_cell(_value(column, document)) for column in chosen])


def _features(found: Iterable[Document], family: Family) -> Iterator[str]:
    """RFC 7946; what has no place known has no geometry, so that nothing is lost."""
    chosen = [c for c in columns(family, "geojson") if c.name not in {"latitude", "longitude"}]
    identity = "mention_id" if family == "mentions" else "incident_id"
    yield '{"type": "FeatureCollection", "features": [\n'
    before = ""
    for document in found:
        point = _point(document)
        feature = {
            "type": "Feature",
            "id": document.get(identity),
            "geometry": {"type": "Point", "coordinates": point} if point else None,
            # Text, not lists: readers such as GDAL make one field of each property.
            "properties": {c.name: _plain(_value(c, document)) for c in chosen},
        }
        yield before + json.dumps(feature, ensure_ascii=False)
        before = ",\n"
    yield "\n]}\n"


def _value(column: Column, document: Document) -> Any:
    if callable(column.value):
        return column.value(document)
    found: Any = document
    for part in column.value.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _plain(value: Any) -> Any:
    return SEPARATOR.join(map(str, value)) if isinstance(value, list) else value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = str(_plain(value))
    # A spreadsheet would run these as formulas; news text is written by strangers.
    return f" {text}" if isinstance(value, str | list) and text[:1] in set("=+-@\t\r") else text


def _row(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _point(document: Document) -> list[float] | None:
    where = document.get("location")
    return [where["lon"], where["lat"]] if where else None


def _latitude(document: Document) -> float | None:
    return (document.get("location") or {}).get("lat")


def _longitude(document: Document) -> float | None:
    return (document.get("location") or {}).get("lon")


def _date(document: Document) -> str:
    told = document.get("event_time") or document.get("published_at") or ""
    return str(told)[:10]


def _time_precision(document: Document) -> int:
    """ACLED: 1 the day is known, 2 within the week, 3 within the month."""
    told = document.get("event_time_precision")
    return 3 if told in {"month", "year"} else 1 if told else 2


def _geo_precision(document: Document) -> int | None:
    """ACLED: 1 the place itself, 2 near it, 3 the region or no more than the country."""
    if not document.get("location"):
        return None
    return {"exact": 1, "town": 1, "region": 2}.get(str(document.get("place_precision")), 3)


def _first(*names: str) -> Callable[[Document], Any]:
    """The first value of the first of these fields that has one."""

    def found(document: Document) -> Any:
        for name in names:
            value = document.get(name)
            if value:
                return value[0] if isinstance(value, list) else value
        return None

    return found


def _any(*names: str) -> Callable[[Document], Any]:
    """The first of these fields that has a value: incidents name some in the plural."""
    return lambda document: next((document[n] for n in names if document.get(n)), None)


def _sentence(document: Document) -> Any:
    told = document.get("sentence")
    return told.get("text") if isinstance(told, Mapping) else told


def _event_type(document: Document) -> str:
    return _EVENT_TYPES.get(str(document.get("acled_sub_event") or ""), "")


_EVENT_TYPES = {
    **dict.fromkeys(
        ["Armed clash", "Government regains territory", "Non-state actor overtakes territory"],
        "Battles",
    ),
    **dict.fromkeys(
        [
            "Air/drone strike",
            "Chemical weapon",
            "Grenade",
            "Remote explosive/landmine/IED",
            "Shelling/artillery/missile attack",
            "Suicide bomb",
        ],
        "Explosions/Remote violence",
    ),
    **dict.fromkeys(
        ["Abduction/forced disappearance", "Attack", "Sexual violence"],
        "Violence against civilians",
    ),
    **dict.fromkeys(
        [
            "Agreement",
            "Change to group/activity",
            "Disrupted weapons use",
            "Headquarters or base established",
            "Non-violent transfer of territory",
        ],
        "Strategic developments",
    ),
}

_TABLE = (
    f"Values of one cell are parted by `{SEPARATOR.strip()}`. Empty means that no report says it."
    " Times are UTC, ISO 8601. A text that begins with = + - or @ has a space before it, so that no"
    " spreadsheet runs it as a formula."
)
NOTES: dict[Format, str] = {
    "csv": f"UTF-8 with byte order mark. {_TABLE}",
    "acled": (
        "The columns follow ACLED's; the coding is Rasid's own, by machine and unchecked, and no"
        f" data of ACLED is in it. UTF-8 with byte order mark. {_TABLE}"
    ),
    "geojson": (
        "RFC 7946, WGS 84, longitude before latitude. A feature without a known place has no"
        " geometry. `place_precision` says how exact a point is: `country` is the middle of a"
        f" country. {_TABLE}"
    ),
    "jsonl": (
        "One document of Elasticsearch a line, as rasid-mentions and rasid-incidents hold them;"
        " docs/kibana.md says what the fields mean."
    ),
}

_PLACE = (
    Column("latitude", _latitude, "of the place", "خط العرض"),
    Column("longitude", _longitude, "of the place", "خط الطول"),
    Column(
        "place_precision",
        "place_precision",
        "exact, town, region or country (its middle)",
        "دقة الموقع: نقطة أو بلدة أو منطقة أو بلد (وسطه)",
    ),
    Column("event_time", "event_time", "when it happened, as far as told", "زمن الحدث كما ذُكر"),
    Column("event_time_precision", "event_time_precision", "day, month …", "دقة الزمن"),
)
_COUNTS = (
    Column("killed_min", "killed.min", "fewest killed that is told", "أدنى عدد للقتلى"),
    Column("killed_max", "killed.max", "most killed that is told", "أعلى عدد للقتلى"),
    Column("injured_min", "injured.min", "fewest injured that is told", "أدنى عدد للجرحى"),
    Column("injured_max", "injured.max", "most injured that is told", "أعلى عدد للجرحى"),
)
_SURE = Column(
    "confidence",
    "confidence",
    "0–1: how sure that the sentence speaks of this, not that it happened",
    "ثقة البرنامج بأن الجملة تذكر الحدث، لا بأنه وقع",
)
_TAG = Column(
    "tag", "tag", "militia_attack, attack or troop_movement", "هجوم ميليشيا أو هجوم أو تحرك قوات"
)

MENTION = (
    Column("mention_id", "mention_id", "of the mention; stable", "معرّف الذكر"),
    Column("incident_id", "incident_id", "incident it belongs to", "معرّف الحادث"),
    Column("article_id", "article_id", "article it stands in", "معرّف الخبر"),
    _TAG,
    Column("kind", "kind", "way of attack or movement", "طريقة الهجوم أو التحرك"),
    Column(
        "modality",
        "modality",
        "factual, foiled, denied, threatened_planned, demanded, historical_background",
        "وقع أو أُحبط أو نُفي أو هُدّد به أو طولب به أو خلفية قديمة",
    ),
    Column("actor", "actor", "who attacks or moves, as written", "الفاعل كما ورد"),
    Column("actor_id", "actor_id", "the same by the lexicon's id", "معرّف الفاعل في المعجم"),
    Column("actor_class", "actor_class", "militia, state …", "صنف الفاعل"),
    Column("target", "target", "what is attacked, as written", "الهدف كما ورد"),
    Column("from", "from", "where a movement starts", "من أين"),
    Column("to", "to", "where a movement leads", "إلى أين"),
    Column("place", "place", "where, as written", "المكان كما ورد"),
    *_PLACE,
    Column("weapon", "weapon", "with what", "السلاح"),
    *_COUNTS,
    Column(
        "attribution",
        "attribution.status",
        "who stands behind it: claimed, accused, official, witness, media, none",
        "إلى من يُنسب القول",
    ),
    Column("speaker", "attribution.speaker", "who says so", "القائل"),
    Column("claimed_by", "attribution.claimed_by", "who claims it", "من تبنّاه"),
    Column("denied_by", "attribution.denied_by", "who denies it", "من نفاه"),
    Column("trigger", "trigger.text", "the word that names the event", "اللفظ الدال"),
    Column("sentence", "sentence.text", "the sentence", "الجملة"),
    _SURE,
    Column("acled_sub_event", "acled_sub_event", "ACLED's name for it", "تسمية ACLED"),
    Column("outlet", "outlet", "who published it", "الوسيلة"),
    Column("newsroom", "newsroom", "the newsroom behind it", "غرفة الأخبار"),
    Column("country", "country", "of the outlet", "بلد الوسيلة"),
    Column("title", "title", "of the article", "عنوان الخبر"),
    Column("url", "url", "of the article", "رابط الخبر"),
    Column("published_at", "published_at", "when it was published", "زمن النشر"),
    Column("first_seen_at", "first_seen_at", "when Rasid first saw it", "زمن رصده"),
    Column("withdrawn_at", "withdrawn_at", "when its outlet took it down", "زمن سحبه"),
    Column("tagger_version", "tagger_version", "what tagged it", "إصدار الموسِّم"),
)

INCIDENT = (
    Column("incident_id", "incident_id", "of the incident; stable", "معرّف الحادث"),
    _TAG,
    Column("kinds", "kinds", "ways told", "الطرائق المذكورة"),
    Column("modality", "modality", "as most reports tell it", "الصيغة الغالبة"),
    Column("modalities", "modalities", "as each report tells it", "كل الصيغ"),
    Column("actor", "actor", "as most reports name it", "الفاعل في أكثر الأخبار"),
    Column("actors", "actors", "all names told", "كل من سُمّي فاعلاً"),
    Column("actor_ids", "actor_ids", "the same by the lexicon's ids", "معرّفات الفاعلين"),
    Column("actor_class", "actor_class", "militia, state …", "صنف الفاعل"),
    Column("targets", "targets", "all targets told", "الأهداف"),
    Column("from", "from", "where a movement starts", "من أين"),
    Column("to", "to", "where a movement leads", "إلى أين"),
    Column("places", "places", "all places told", "الأماكن"),
    *_PLACE,
    Column("weapons", "weapons", "with what", "الأسلحة"),
    *_COUNTS,
    Column(
        "contradictions",
        "contradictions",
        "in what reports contradict each other: actor, modality, killed, injured",
        "فيم تختلف الأخبار",
    ),
    Column("claimed_by", "claimed_by", "who claims it", "من تبنّاه"),
    Column("denied_by", "denied_by", "who denies it", "من نفاه"),
    Column(
        "sources",
        "sources",
        "independent sources: copies of one text and feeds of one newsroom count once",
        "عدد المصادر المستقلة",
    ),
    Column("reports", "reports", "articles", "عدد الأخبار"),
    Column("first_outlet", "first_outlet", "who reported it first", "أول من نشر"),
    Column("first_url", "first_url", "of the first report", "رابط أول خبر"),
    Column("first_reported_at", "first_reported_at", "of the first report", "زمن أول خبر"),
    Column("last_reported_at", "last_reported_at", "of the last report", "زمن آخر خبر"),
    Column("outlets", "outlets", "all outlets", "كل الوسائل"),
    Column("title", "title", "of the first report", "عنوان أول خبر"),
    Column("sentence", "sentence", "of the first report", "جملة أول خبر"),
    _SURE,
    Column("acled_sub_event", "acled_sub_event", "ACLED's name for it", "تسمية ACLED"),
)

ACLED = (
    Column("event_id_cnty", _any("incident_id", "mention_id"), "Rasid's own id", "معرّف راصد للحدث"),
    Column("event_date", _date, "of the event, else of the report", "تاريخ الحدث أو الخبر"),
    Column("year", lambda d: _date(d)[:4], "of event_date", "السنة"),
    Column("time_precision", _time_precision, "1 day, 2 week, 3 month", "دقة التاريخ"),
    Column("event_type", _event_type, "by sub_event_type", "نوع الحدث"),
    Column("sub_event_type", "acled_sub_event", "empty for threats and demands", "النوع الفرعي"),
    Column("actor1", _first("actor", "actors"), "who attacks or moves", "الفاعل"),
    Column("assoc_actor_1", "actors", "all actors told", "كل من سُمّي فاعلاً"),
    Column("inter1", "actor_class", "Rasid's class, not ACLED's", "صنف الفاعل عند راصد"),
    Column("actor2", _first("target", "targets"), "what is attacked", "الهدف"),
    Column("location", _first("place", "places", "to"), "as written", "المكان كما ورد"),
    Column("latitude", _latitude, "of the place", "خط العرض"),
    Column("longitude", _longitude, "of the place", "خط الطول"),
    Column("geo_precision", _geo_precision, "1 place, 2 region, 3 country", "دقة المكان"),
    Column("source", _any("outlets", "outlet"), "outlets", "الوسائل"),
    Column("notes", _sentence, "a sentence that says it", "جملة تقوله"),
    Column("fatalities", "killed.min", "the lowest number told", "أدنى عدد للقتلى"),
    Column("tags", "tag", "Rasid's tag", "تصنيف راصد"),
    Column("timestamp", _any("updated_at", "first_seen_at"), "when last changed", "زمن آخر تغيير"),
    Column("modality", "modality", "ACLED keeps only what happened", "هل وقع"),
    _SURE,
)
