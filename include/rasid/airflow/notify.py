"""Alarms about runs: one opens when a run is late or ends red, and closes when one ends well.

Airflow calls these: the notifiers in the DAG processor when a run is over, `late` in the executor
when a run misses its DAG's deadline. The alarms live in rasid-alarms with all others; people are
told as of any other alarm.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog


# Airflow's stub leaves these three out.
from airflow.sdk import (  # type: ignore[attr-defined]
    DeadlineAlert,
    DeadlineReference,
    SyncCallback,
)
from airflow.sdk.bases.notifier import BaseNotifier


if TYPE_CHECKING:
    from airflow.sdk import Context

    from rasid.pipeline.alarms import Finding, Kind

log = structlog.get_logger()


class RunEnded(BaseNotifier):
    """Told by Airflow that a run is over."""

    def __init__(self, *, red: bool) -> None:
        super().__init__()
        self.red = red

    def notify(self, context: Context) -> None:
        """Open or close the alarm of the run's DAG, and tell people of the change."""
        # Here, so that reading a DAG file does not load them.
        from rasid.pipeline.alarms import Finding, Kind, Severity  # noqa: PLC0415

        dag_id, run_id = context["dag"].dag_id, context["run_id"]
        finding = Finding(
            Kind.RED_RUN,
            f"dag:{dag_id}",
            Severity.CRITICAL,
            f"The run {run_id} of {dag_id} ended red; its page says what each red task means.",
            f"انتهت الدورة {run_id} من {dag_id} بالفشل، وصفحة {dag_id} تشرح معنى كل مهمة حمراء.",
            details={"run_id": run_id},
        )
        red = {Kind.RED_RUN: finding if self.red else None}
        # However it ended, it is late no longer.
        _keep(dag_id, run_id, {**red, Kind.LATE_RUN: None})


RED = RunEnded(red=True)
GREEN = RunEnded(red=False)


def late(context: dict[str, Any]) -> None:
    """Open the alarm of a DAG whose run has missed its deadline, and tell people."""
    from rasid.pipeline.alarms import Finding, Kind, Severity  # noqa: PLC0415

    run = context["dag_run"]
    dag_id, run_id = run["dag_id"], run["dag_run_id"]
    finding = Finding(
        Kind.LATE_RUN,
        f"dag:{dag_id}",
        Severity.WARNING,
        f"The run {run_id} of {dag_id} is not done by its deadline; its page says how long it may"
        " take. A task waits for a slot, a pool or another try, or the scheduler was away.",
        f"لم تنتهِ الدورة {run_id} من {dag_id} في موعدها؛ مهمة تنتظر مكانًا أو محاولة أخرى، أو كان"
        " المجدول متوقفًا.",
        details={"run_id": run_id},
    )
    _keep(dag_id, run_id, {Kind.LATE_RUN: finding})


def due_within(time: timedelta) -> DeadlineAlert:
    """The deadline of a DAG whose runs are done so long after they were queued."""
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT, interval=time, callback=SyncCallback(late)
    )


def _keep(dag_id: str, run_id: str, found: dict[Kind, Finding | None]) -> None:
    """Open what was found and close what was not, and tell people, with or without the index."""
    from rasid.errors import SearchUnavailable  # noqa: PLC0415
    from rasid.pipeline.alarms import Alarm, Changes, report_one  # noqa: PLC0415
    from rasid.pipeline.notices import tell  # noqa: PLC0415
    from rasid.search import connect  # noqa: PLC0415
    from rasid.settings import settings  # noqa: PLC0415

    at, subject = datetime.now(UTC), f"dag:{dag_id}"
    try:
        with connect(settings(), opaque_id=f"alarms/{dag_id}") as es:
            kept = [
                report_one(es, kind, subject, finding, at=at, run_id=run_id)
                for kind, finding in found.items()
            ]
    except SearchUnavailable as error:
        # Nearly always why the run is red or late: people must hear of it all the same.
        log.warning("the alarm could not be kept", dag=dag_id, run=run_id, error=str(error))
        alarms = (Alarm(f, opened_at=at, last_seen_at=at) for f in found.values() if f)
        kept = [Changes(opened=tuple(alarms), still_open=(), closed=())]
    tell(
        Changes(
            opened=tuple(alarm for changes in kept for alarm in changes.opened),
            still_open=tuple(alarm for changes in kept for alarm in changes.still_open),
            closed=tuple(alarm for changes in kept for alarm in changes.closed),
        ),
        at=at,
    )
