"""
# Score the tagger

Runs the tagger that is installed over labelled documents and keeps its figures in `rasid-scores`:
presence, class, kind, modality, roles, casualties, alarms and calibration, by stratum. The labels
are our own gold (`include/gold`) and, where it lies beside the checkout, labelled real news.

Each night, and by hand after a new lexicon or model. A figure under its floor
(`include/lexicon/floors.yaml`), or clearly worse than with the tagger version before, is an alarm
`tagger_score` in `rasid-alarms`; it closes by itself when the figure is back.

**A worse tagger never reddens the run**: it is an alarm, and the articles keep coming.

## When it is red

| red task | nearly always | do |
|---|---|---|
| `find`, `score` | a lexicon that does not compile, a slip in labels | mend what the log names |
| `score`, `judge` | Elasticsearch is down | start it, *Clear*; a repeat opens no alarm twice |

When the alarm is open: `rasid evaluate` prints the same figures; `git log include/lexicon
include/models` says what changed. A floor is lowered only on purpose: `rasid evaluate --pin
--lower`.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task

from rasid.airflow.notify import GREEN, RED, due_within
from rasid.airflow.retry import TASKS


@dag(
    dag_id="score_tagger",
    schedule=CronTriggerTimetable("30 4 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    on_failure_callback=RED,
    on_success_callback=GREEN,
    deadline=due_within(timedelta(hours=2)),
    tags=["rasid", "quality"],
    default_args=TASKS,
)
def score_tagger():
    @task
    def find() -> list[str]:
        """The sets of labels there are."""
        from rasid.pipeline.score import label_sets

        return label_sets()

    @task(map_index_template="{{ label }}")
    def score(labels: str) -> dict:
        """Tag the labelled documents and write down the figures."""
        from dataclasses import asdict

        from rasid.airflow.context import current_run, label, search
        from rasid.pipeline.score import score

        label(labels.rpartition("/")[2])
        with search() as es:
            return asdict(score(es, current_run(), labels))

    @task
    def judge(scored: list[dict]) -> dict[str, int]:
        """Keep the alarms and tell people; counts of alarms."""
        from rasid.airflow.context import current_run, search
        from rasid.pipeline.notices import tell
        from rasid.pipeline.score import judge, scored_of

        run = current_run()
        with search() as es:
            changes = judge(es, run, [scored_of(one) for one in scored])
        tell(changes, at=run.started_at)
        return {
            "opened": len(changes.opened),
            "still_open": len(changes.still_open),
            "closed": len(changes.closed),
        }

    judge(score.expand(labels=find()))


score_tagger()
