"""docs/DAGs.md: every DAG on one page for ops, generated from the DAG files and diff-checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias


DAG: TypeAlias = Any  # Airflow's own; much of it is untyped


def dags_page(dags: Mapping[str, DAG]) -> str:
    """The page, Markdown: a table of all, then what each does and what a person may fill in."""
    known = [dags[dag_id] for dag_id in sorted(dags)]
    origin = (
        "Generated from dags/ by `python scripts/dags_page.py`; the tests fail when it is out of"
        " date. The same texts stand under *Docs* of each DAG in the Airflow UI."
    )
    lines = [
        "# DAGs",
        "",
        origin,
        "",
        "| DAG | runs | late after | tasks | pools | outlets |",
        "|---|---|---|---|---|---|",
        *(_row(dag) for dag in known),
    ]
    for dag in known:
        title, _, text = (dag.doc_md or "").strip().partition("\n")
        lines += ["", f"## {dag.dag_id}: {title.lstrip('# ')}", "", _deeper(text).strip()]
        lines += _form(dag)
    return "\n".join(lines) + "\n"


def _row(dag: DAG) -> str:
    cells = (
        f"[{dag.dag_id}](#{_anchor(dag)})",
        _schedule(dag),
        _deadline(dag),
        " → ".join(f"`{task.task_id}`" for task in dag.topological_sort()),
        ", ".join(_sorted(t.pool for t in dag.tasks if t.pool != "default_pool")),
        ", ".join(_sorted(asset.uri for t in dag.tasks for asset in t.outlets)),
    )
    return "| " + " | ".join(cells) + " |"


def _anchor(dag: DAG) -> str:
    """The anchor that GitHub gives the DAG's heading."""
    title = (dag.doc_md or "").strip().partition("\n")[0].lstrip("# ")
    return f"{dag.dag_id}-{title.lower().replace(' ', '-')}"


def _schedule(dag: DAG) -> str:
    timetable = dag.timetable
    condition = getattr(timetable, "asset_condition", None)
    assets = [asset.uri for asset in getattr(condition, "objects", ())]
    times = getattr(timetable, "timetable", timetable)
    expression = getattr(times, "expression", getattr(times, "_expression", ""))
    parts = [*(f"after {uri}" for uri in assets), *([f"`{expression}`"] if expression else [])]
    return ", or ".join(parts) or "by hand"


def _deadline(dag: DAG) -> str:
    return ", ".join(str(alert.interval) for alert in dag.deadline or ())


def _form(dag: DAG) -> list[str]:
    if not dag.params:
        return []
    lines = ["", "| field | title | default |", "|---|---|---|"]
    for name in dag.params:
        param = dag.params.get_param(name)  # items() would give Param objects, addresses and all
        given = param.has_value and param.value is not None
        default = f"`{param.value}`" if given else ""
        lines.append(f"| `{name}` | {param.schema.get('title', '')} | {default} |")
    return lines


def _deeper(text: str) -> str:
    """Headings one level down, as they stand below the DAG's own."""
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in text.splitlines())


def _sorted(values: Iterable[str]) -> list[str]:
    return sorted(set(values))
