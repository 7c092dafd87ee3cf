"""Score: the tagger's figures on labelled documents, kept in `rasid-scores`, and what fell.

A figure falls when it is worse than its pinned floor, or clearly worse than with the tagger version
before. Either is an alarm for as long as it holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from elasticsearch import Elasticsearch
from pydantic import TypeAdapter

from rasid.pipeline.alarms import Changes, Finding, Kind, Severity, report
from rasid.pipeline.ledger import write_documents
from rasid.pipeline.records import Run
from rasid.pipeline.tag import tagger
from rasid.search import Write, alias, index_for
from rasid.tagging import GOLD, NEWS, below_floors, evaluate


log = structlog.get_logger()

# Shares move by a hundredth with every new lexicon; three are more than that.
DROP = 0.03
DROP_OF_ALARMS = 3.0  # per 100 quiet documents
_WATCHED = {
    "attack": "رصد الهجمات",
    "militia": "رصد هجمات الجماعات المسلحة",
    "movement": "رصد التحركات",
    "events": "عدّ الوقائع",
    "factual": "التمييز بين ما وقع وما لم يقع",
    "class": "صفة الفاعل",
    "kind": "نوع التحرك",
    "roles head": "الأدوار",
    "alarms": "الإنذارات الكاذبة",
}


@dataclass(frozen=True, slots=True)
class Fall:
    """A figure of all documents that got worse: what it is, and what it was or must not pass."""

    name: str
    value: float
    expected: float


@dataclass(frozen=True, slots=True)
class Scored:
    """What scoring on one set of labels came to; `below` are lines about floors."""

    labels: str
    tagger_version: str
    below: tuple[str, ...]
    falls: tuple[Fall, ...]


_SCORED = TypeAdapter(Scored)


def scored_of(plain: Mapping[str, Any]) -> Scored:
    """A Scored out of the JSON that travels between tasks."""
    return _SCORED.validate_python(plain)


def label_sets() -> list[str]:
    """Paths of the labels there are: our own gold, and labelled news beside the checkout."""
    return [str(path) for path in (GOLD, NEWS) if path.exists()]


def score(es: Elasticsearch, run: Run, labels: str) -> Scored:
    """Score today's tagger on `labels` and write a document a stratum into `rasid-scores`."""
    path, version = Path(labels), tagger().version
    figures = evaluate(path, tagger())
    before = _before(es, path.stem, version)
    write_documents(
        es,
        [
            Write(index_for("scores"), f"{run.run_id}|{path.stem}|{stratum}", run.revision, source)
            for stratum, of in figures.items()
            for source in [_document(run, path.stem, version, stratum, of)]
        ],
    )
    below = tuple(below_floors(figures, path))
    falls = tuple(_falls(figures["all"], before))
    log.info("scored", labels=path.stem, version=version, below=below, falls=falls)
    return Scored(path.stem, version, below, falls)


def judge(es: Elasticsearch, run: Run, scored: Sequence[Scored]) -> Changes:
    """Open an alarm for each set of labels on which something fell; close what is over."""
    findings = [finding for one in scored if (finding := _finding(one)) is not None]
    return report(es, findings, kinds=[Kind.TAGGER_SCORE], at=run.started_at, run_id=run.run_id)


def _before(es: Elasticsearch, labels: str, version: str) -> dict[str, float]:
    """The last figures of another tagger version on these labels; {} when there are none."""
    es.indices.refresh(index=alias("scores"))
    found = es.search(
        index=alias("scores"),
        query={
            "bool": {
                "filter": [{"term": {"labels": labels}}, {"term": {"stratum": "all"}}],
                "must_not": [{"term": {"tagger_version": version}}],
            }
        },
        sort=[{"scored_at": "desc"}],
        size=1,
    )
    return next((dict(hit["_source"]["figures"]) for hit in found["hits"]["hits"]), {})


def _falls(now: Mapping[str, Any], before: Mapping[str, float]) -> Iterator[Fall]:
    for name in _WATCHED:
        was, value = before.get(_field(name)), now.get(name)
        if was is None or value is None:
            continue
        worse = value - was > DROP_OF_ALARMS if name == "alarms" else was - value > DROP
        if worse:
            yield Fall(name, value, was)


def _finding(scored: Scored) -> Finding | None:
    if not scored.below and not scored.falls:
        return None
    steps = [f"{fall.name} {fall.expected:.3f} → {fall.value:.3f}" for fall in scored.falls]
    said = [*scored.below, *([f"since the version before: {', '.join(steps)}"] if steps else [])]
    named = "، ".join(_WATCHED[fall.name] for fall in scored.falls)
    worst = scored.falls[0] if scored.falls else None
    return Finding(
        Kind.TAGGER_SCORE,
        f"tagger:{scored.labels}",
        Severity.CRITICAL if scored.below else Severity.WARNING,
        f"The tagger got worse on {scored.labels}: {'; '.join(said)}.",
        f"تراجعت دقة المصنِّف على عيّنة \u2068{scored.labels}\u2069"
        + (f" قياسًا بنسخته السابقة في: {named}" if named else "")
        + (" وهبطت دون حدودها الدنيا المثبتة" if scored.below else "")
        + ".",
        value=worst.value if worst else None,
        expected=worst.expected if worst else None,
        details={"tagger_version": scored.tagger_version, "below": list(scored.below)},
    )


def _document(
    run: Run, labels: str, version: str, stratum: str, figures: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "dag_id": run.dag_id,
        "scored_at": run.started_at.isoformat(),
        "labels": labels,
        "stratum": stratum,
        "tagger_version": version,
        "figures": {
            _field(name): value for name, value in figures.items() if isinstance(value, int | float)
        },
        "calibration": [
            {"confidence": float(tenth), **of}
            for tenth, of in figures.get("calibration", {}).items()
        ],
    }


def _field(name: str) -> str:
    """A figure's name as a field of the index."""
    return name.replace(" ", "_")
