"""Write docs/DAGs.md from the files of dags/."""

from __future__ import annotations

from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

from rasid.airflow.catalogue import dags_page


ROOT = Path(__file__).parents[1]

if __name__ == "__main__":
    bag = DagBag(dag_folder=str(ROOT / "dags"))
    if bag.import_errors:
        raise SystemExit("\n".join(f"{file}: {error}" for file, error in bag.import_errors.items()))
    (ROOT / "docs" / "DAGs.md").write_text(dags_page(bag.dags), "utf-8")
