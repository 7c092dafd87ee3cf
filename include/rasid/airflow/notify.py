"""Alarms about runs: one opens when a DAG ends red and closes when it ends green.

Airflow calls these in the DAG processor, when a run is over. The alarm lives in rasid-alarms with
all others; people are told as of any other alarm.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from airflow.sdk.bases.notifier import BaseNotifier


if TYPE_CHECKING:
    from airflow.sdk import Context

log = structlog.get_logger()


class RunEnded(BaseNotifier):
    """Told by Airflow that a run is over."""

    def __init__(self, *, red: bool) -> None:
        super().__init__()
        self.red = red

    def notify(self, context: Context) -> None:
        """Open or close the alarm of the run's DAG, and tell people of the change."""
        # Here, so that reading a DAG file does not load them.
        from rasid.errors import SearchUnavailable  # noqa: PLC0415
        from rasid.pipeline.alarms import (  # noqa: PLC0415
            Alarm,
            Changes,
            Finding,
            Kind,
            Severity,
            report_one,
        )
        from rasid.pipeline.notices import tell  # noqa: PLC0415
        from rasid.search import connect  # noqa: PLC0415
        from rasid.settings import settings  # noqa: PLC0415

        dag_id, run_id, at = context["dag"].dag_id, context["run_id"], datetime.now(UTC)
        finding = Finding(
            Kind.RED_RUN,
            f"dag:{dag_id}",
            Severity.CRITICAL,
            f"The run {run_id} of {dag_id} ended red; its page says what each red task means.",
            f"انتهت الدورة {run_id} من {dag_id} بالفشل، وصفحة {dag_id} تشرح معنى كل مهمة حمراء.",
            details={"run_id": run_id},
        )
        found = finding if self.red else None
        try:
            with connect(settings(), opaque_id=f"alarms/{dag_id}") as es:
                changes = report_one(es, Kind.RED_RUN, finding.subject, found, at=at, run_id=run_id)
        except SearchUnavailable as error:
            # Nearly always why the run is red: people must hear of it all the same.
            log.warning("the alarm could not be kept", dag=dag_id, run=run_id, error=str(error))
            opened = (Alarm(finding, opened_at=at, last_seen_at=at),) if self.red else ()
            changes = Changes(opened=opened, still_open=(), closed=())
        tell(changes, at=at)


RED = RunEnded(red=True)
GREEN = RunEnded(red=False)
