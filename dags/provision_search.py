"""
# Provision the search

Brings Elasticsearch to what `include/elasticsearch/` says (templates, indices, the next year's
partitions from December on) and, where `RASID_KIBANA_URL` names one, Kibana to what
`include/kibana/` says (space, data views, dashboards, saved searches). It needs the key of the role
*keeper* (`RASID_KEEPER_API_KEY`); the writer's key of the other DAGs may not do this.

Every night at 02:30 UTC, and by hand after an update. Idempotent: the second time nothing changes.
*Dry run* only says what would change; what was done stands in the task's log and its return value.

## When it is red

| the log says | do |
|---|---|
| needs migration | `rasid provision --migrate`: a mapping changed in a way that needs new indices |
| may not, refuses us | the keeper's key is missing or went: `rasid keys rotate keeper` |
| Kibana … | Elasticsearch is done by then; mend what it names and *Clear* `kibana` |

Nothing else waits for this DAG but a new year: without it `monitor_news` turns red on 1 January.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag, task

from rasid.airflow.notify import GREEN, RED, due_within
from rasid.airflow.retry import TASKS


@dag(
    dag_id="provision_search",
    schedule="30 2 * * *",
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    on_failure_callback=RED,
    on_success_callback=GREEN,
    deadline=due_within(timedelta(hours=1)),
    tags=["rasid", "search", "ops"],
    default_args=TASKS,
    params={
        "dry_run": Param(
            default=False,
            type="boolean",
            title="Dry run · عرض التغييرات فقط",
            description_md="Only say what would change.",
        )
    },
)
def provision_search():
    @task
    def elasticsearch(params: dict | None = None) -> list[str]:
        """Templates, indices and aliases; returns what changed."""
        from rasid.airflow.context import search
        from rasid.errors import ConfigError
        from rasid.search import provision

        with search(keeper=True) as es:
            changes = provision(es, dry_run=params["dry_run"])
        old = [change.name for change in changes if change.action == "needs migration"]
        if old:
            raise ConfigError(f"{', '.join(old)} needs migration: run `rasid provision --migrate`.")
        return [f"{change.action}: {change.kind} {change.name}" for change in changes]

    @task
    def kibana(params: dict | None = None) -> list[str]:
        """Space, data views, dashboards, saved objects; nothing where no Kibana is named."""
        from rasid.airflow.context import kibana
        from rasid.kibana import provision_kibana

        with kibana() as client:
            steps = provision_kibana(client, dry_run=params["dry_run"]) if client else []
        return [f"{step.action}: {step.kind} {step.name}" for step in steps]

    elasticsearch() >> kibana()


provision_search()
