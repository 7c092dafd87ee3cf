"""Alarms in `rasid-alarms`: opened when something is wrong, kept open, closed when it is over.

A watcher looks at everything of its kinds and reports what is wrong *now*; what it reported before
and does not any more has recovered and is closed. So an alarm needs nobody to close it, and a
watcher needs no memory. Whoever is told of alarms reads `Changes`; whoever looks reads the index.
"""

from __future__ import annotations

import hashlib

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from elasticsearch import Elasticsearch
from pydantic import TypeAdapter

from rasid.pipeline.ledger import write_documents
from rasid.search import Write, alias, index_for


class Kind(StrEnum):
    """What can be wrong; docs/operating.md says what to do about each."""

    SILENCE = "silence"
    FLOOD = "flood"
    EMPTY_FEED = "empty_feed"
    STALE_FEED = "stale_feed"
    FAILING_FEED = "failing_feed"
    EXTRACTION_DRIFT = "extraction_drift"
    CHARSET_REPAIRS = "charset_repairs"
    SLOW_INDEXING = "slow_indexing"
    BOOKS_OPEN = "books_open"
    NO_RUNS = "no_runs"
    TAGGER_SCORE = "tagger_score"
    RED_RUN = "red_run"
    LATE_RUN = "late_run"
    NO_SNAPSHOT = "no_snapshot"


class Severity(StrEnum):
    """Who is to hear of it: nobody at once, somebody today, somebody now."""

    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong now, with its reason in words, in English and in Arabic.

    `subject` names whom it concerns: `feed:ID`, `outlet:NAME`, `run:ID` or a name of its own.
    There is one finding per kind and subject.
    """

    kind: Kind
    subject: str
    severity: Severity
    reason_en: str
    reason_ar: str
    value: float | None = None
    expected: float | None = None
    feed_id: str = ""
    outlet: str = ""
    country: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Silence:
    """A person knows of the alarm: nobody is told again until then. `issue` is a link."""

    until: datetime
    reason: str
    issue: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A finding and its life: open from `opened_at`, last found at `last_seen_at`."""

    finding: Finding
    opened_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None = None
    silence: Silence | None = None

    @property
    def alarm_id(self) -> str:
        """Of the content: a repeated task opens the same alarm again, not another."""
        key = f"{self.finding.kind}|{self.finding.subject}|{self.opened_at.timestamp():.3f}"
        return hashlib.sha256(key.encode()).hexdigest()[:32]

    @property
    def is_open(self) -> bool:
        """Not over yet."""
        return self.closed_at is None

    def is_silent(self, at: datetime) -> bool:
        """Whether nobody is to be told of it at `at`."""
        return self.silence is not None and at < self.silence.until


@dataclass(frozen=True, slots=True)
class Changes:
    """What one report changed."""

    opened: tuple[Alarm, ...]
    still_open: tuple[Alarm, ...]
    closed: tuple[Alarm, ...]


def report(
    es: Elasticsearch,
    findings: Iterable[Finding],
    *,
    kinds: Collection[Kind],
    at: datetime,
    run_id: str,
    undecided: Collection[tuple[Kind, str]] = (),
) -> Changes:
    """Open an alarm for each new finding, keep those found again, close the others of `kinds`.

    `kinds` are all that the caller looked for. `undecided` are (kind, subject) that could not be
    judged this time: their alarms stay as they are. `at` is the same when a task is repeated.
    """
    found: dict[tuple[Kind, str], Finding] = {}
    for finding in findings:
        key = (finding.kind, finding.subject)
        if finding.kind not in kinds or key in found:
            raise ValueError(f"{finding.kind} of {finding.subject} is not looked for, or twice")
        found[key] = finding
    before = {(a.finding.kind, a.finding.subject): a for a in open_alarms(es, kinds=kinds)}
    silences = _silences(es, at)
    opened = [
        Alarm(finding, opened_at=at, last_seen_at=at, silence=silences.get(key))
        for key, finding in found.items()
        if key not in before
    ]
    again = [
        replace(alarm, finding=found[key], last_seen_at=at)
        for key, alarm in before.items()
        if key in found
    ]
    closed = [
        replace(alarm, closed_at=at)
        for key, alarm in before.items()
        if key not in found and key not in undecided
    ]
    _write(es, [*opened, *again, *closed], at=at, run_id=run_id)
    # What this very run opened or closed in an earlier try is still news.
    fresh = [alarm for alarm in again if alarm.opened_at == at]
    over = _search(
        es, [{"term": {"closed_at": at.isoformat()}}, {"terms": {"kind": sorted(kinds)}}]
    )
    return Changes(
        opened=(*opened, *fresh),
        still_open=tuple(alarm for alarm in again if alarm.opened_at != at),
        closed=tuple(over),
    )


def report_one(
    es: Elasticsearch,
    kind: Kind,
    subject: str,
    finding: Finding | None,
    *,
    at: datetime,
    run_id: str,
) -> Changes:
    """`report` for a caller that knows of one subject alone: all others stay as they are."""
    others = {
        (kind, alarm.finding.subject)
        for alarm in open_alarms(es, kinds=[kind])
        if alarm.finding.subject != subject
    }
    found = [finding] if finding else []
    return report(es, found, kinds=[kind], at=at, run_id=run_id, undecided=others)


def open_alarms(es: Elasticsearch, *, kinds: Collection[Kind] = tuple(Kind)) -> list[Alarm]:
    """Every open alarm of `kinds`, the newest first."""
    return _search(es, [{"term": {"state": "open"}}, {"terms": {"kind": sorted(kinds)}}])


def silence(
    es: Elasticsearch, alarm_id: str, *, until: datetime, reason: str, at: datetime, issue: str = ""
) -> Alarm:
    """Keep the alarm quiet until then, also when it closes and opens again; LookupError if none.

    It is still written on and closed; only nobody is told.
    """
    known = _search(es, [{"term": {"alarm_id": alarm_id}}])
    if not known:
        raise LookupError(f"no alarm has the id {alarm_id}")
    alarm = replace(known[0], silence=Silence(until, reason, issue))
    _write(es, [alarm], at=at, run_id="")
    return alarm


def document(alarm: Alarm) -> dict[str, Any]:
    """The alarm as `rasid-alarms` has it."""
    finding = alarm.finding
    return {
        "alarm_id": alarm.alarm_id,
        "kind": finding.kind,
        "subject": finding.subject,
        "severity": finding.severity,
        "state": "open" if alarm.is_open else "closed",
        "reason": {"en": finding.reason_en, "ar": finding.reason_ar},
        "value": finding.value,
        "expected": finding.expected,
        "feed_id": finding.feed_id or None,
        "outlet": finding.outlet or None,
        "country": finding.country or None,
        "details": dict(finding.details),
        "opened_at": alarm.opened_at.isoformat(),
        "last_seen_at": alarm.last_seen_at.isoformat(),
        "closed_at": alarm.closed_at.isoformat() if alarm.closed_at else None,
        "silence": (
            {**asdict(alarm.silence), "until": alarm.silence.until.isoformat()}
            if alarm.silence
            else None
        ),
    }


def _silences(es: Elasticsearch, at: datetime) -> dict[tuple[Kind, str], Silence]:
    """What is to be kept quiet at `at`, by kind and subject."""
    quiet = _search(es, [{"range": {"silence.until": {"gt": at.isoformat()}}}])
    return {
        (alarm.finding.kind, alarm.finding.subject): alarm.silence
        for alarm in reversed(quiet)  # the newest word counts
        if alarm.silence is not None
    }


def _search(es: Elasticsearch, filters: list[dict[str, Any]]) -> list[Alarm]:
    es.indices.refresh(index=alias("alarms"))
    found = es.search(
        index=alias("alarms"),
        query={"bool": {"filter": filters}},
        sort=[{"opened_at": "desc"}],
        size=10_000,
    )
    return [_ALARM.validate_python(_record(hit["_source"])) for hit in found["hits"]["hits"]]


def _write(es: Elasticsearch, alarms: Iterable[Alarm], *, at: datetime, run_id: str) -> None:
    version = int(at.timestamp() * 1000)
    writes = [
        Write(
            index_for("alarms"),
            alarm.alarm_id,
            version,
            {**document(alarm), "run_id": run_id or None},
        )
        for alarm in alarms
    ]
    write_documents(es, writes)


_ALARM = TypeAdapter(Alarm)


def _record(source: dict[str, Any]) -> dict[str, Any]:
    """The fields of an Alarm out of its document."""
    reason = source["reason"]
    return {
        "finding": {
            **{name: source[name] for name in ("kind", "subject", "severity", "details")},
            **{name: source[name] for name in ("value", "expected")},
            **{name: source[name] or "" for name in ("feed_id", "outlet", "country")},
            "reason_en": reason["en"],
            "reason_ar": reason["ar"],
        },
        **{name: source[name] for name in ("opened_at", "last_seen_at", "closed_at", "silence")},
    }
