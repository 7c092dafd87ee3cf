"""Whether there is a snapshot to come back from, kept as an alarm."""

from __future__ import annotations

from datetime import timedelta

from elasticsearch import Elasticsearch

from rasid.pipeline import reasons
from rasid.pipeline.alarms import Changes, Finding, Kind, Severity, report
from rasid.pipeline.records import Run
from rasid.search.snapshots import Snapshot


# keep_house takes one each night.
TONIGHT = timedelta(hours=12)


def judge(es: Elasticsearch, run: Run, taken: list[Snapshot]) -> Changes:
    """Open the alarm when none of `taken` is whole and of tonight, close it when one is."""
    whole = [snapshot.taken_at for snapshot in taken if snapshot.state == "SUCCESS"]
    age = run.started_at - max(whole) if whole else None
    findings = []
    if age is None or age > TONIGHT:
        hours = int(age.total_seconds() // 3600) if age else None
        findings.append(
            Finding(
                Kind.NO_SNAPSHOT,
                "snapshots",
                Severity.CRITICAL,
                *reasons.no_snapshot(hours),
                value=hours,
                expected=24,
            )
        )
    return report(es, findings, kinds=[Kind.NO_SNAPSHOT], at=run.started_at, run_id=run.run_id)
