"""The DAGs: which there are, what each promises, and a real pass of monitor_news."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from rasid.airflow.catalogue import dags_page
from rasid.airflow.environment import POOLS
from rasid.settings import ROOT


# Airflow warns about its own parts while it loads; nothing here is ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore")

TAGS = {"rasid", "ingest", "search", "quality", "ops"}


def test_the_dags_are_exactly_these(dags):
    """A DAG that does not load, or one that nobody meant, is noticed."""
    assert set(dags) == {
        "backfill_source",
        "keep_house",
        "link_incidents",
        "monitor_news",
        "provision_search",
        "replay_quarantine",
        "reread_archive",
        "retag_archive",
        "score_tagger",
        "watch_sources",
        "write_brief",
    }


def test_every_dag_keeps_the_house_rules(dags):
    """Documentation with triage, closed tags, retries, time limits, one run at a time."""
    for dag in dags.values():
        assert "## When it is red" in dag.doc_md
        assert "rasid" in dag.tags
        assert set(dag.tags) <= TAGS
        assert dag.max_active_runs == 1
        assert not dag.catchup
        for task in dag.tasks:
            assert task.retries >= 2, task.task_id
            assert task.execution_timeout is not None, task.task_id
            assert task.owner == "ops", task.task_id


def test_a_dag_with_a_form_asks_in_both_languages(dags):
    """Every field has a title in English and Arabic and says what it does."""
    forms = {name: dag.params for name, dag in dags.items() if dag.params}
    assert {"backfill_source", "replay_quarantine", "reread_archive"} <= set(forms)
    for params in forms.values():
        for name in params:
            schema = params.get_param(name).schema
            english, _, arabic = schema["title"].partition(" · ")
            assert english.isascii(), name
            assert any("\u0600" <= letter <= "\u06ff" for letter in arabic), name
            assert schema["description_md"], name


def test_a_dag_started_by_hand_is_not_paused(dags):
    """A paused DAG would keep a filled-in form queued without a word."""
    for dag in dags.values():
        if dag.schedule is None:
            assert dag.is_paused_upon_creation is False, dag.dag_id


def test_every_road_is_the_same_group(dags):
    """One road: fetch → read → tag → index, of which a DAG may leave out the first stages."""
    for dag in dags.values():
        stages = [t.split(".")[1] for t in dag.task_dict if t.startswith("process.")]
        if stages:
            assert stages == ["fetch", "read", "tag", "index"][-len(stages) :], dag.dag_id
            assert stages[-1] == "index"


def test_what_runs_by_itself_has_a_deadline_and_what_a_person_starts_has_none(published):
    """A form is watched by who filled it in; nobody watches the night."""
    from airflow.serialization.serialized_objects import DagSerialization

    from rasid.airflow.notify import late

    for dag in published.values():
        if dag.schedule is None:
            assert not dag.deadline, dag.dag_id
            continue
        (alert,) = dag.deadline
        assert alert.callback.path == f"{late.__module__}.{late.__name__}"
        # The scheduler knows a DAG by what was written of it.
        (read,) = DagSerialization.from_dict(DagSerialization.to_dict(dag)).deadline
        assert read is not None


def test_the_page_of_dags_is_current(published):
    """Run `python scripts/dags_page.py` after an edit in dags/."""
    assert (ROOT / "docs/DAGs.md").read_text("utf-8") == dags_page(published)


def test_every_pool_exists(dags):
    """A task in a pool that does not exist stays scheduled for ever, without a word."""
    used = {task.pool for dag in dags.values() for task in dag.tasks}
    assert used <= {*POOLS, "default_pool"}
    assert set(POOLS) <= used


@pytest.mark.parametrize("file", sorted((ROOT / "dags").glob("*.py")), ids=lambda p: p.name)
def test_a_dag_file_parses_without_heavy_imports(file, airflow_home):
    """Parsing costs < 0.3 s beyond Airflow itself, and loads nothing that the tasks need."""
    code = (
        "import time, sys, airflow.sdk; t = time.process_time();"
        f"exec(compile(open({str(file)!r}).read(), 'dag', 'exec'), {{'__name__': 'dag'}});"
        "print(time.process_time() - t);"
        "print([m for m in ('elasticsearch', 'trafilatura', 'camel_tools', 'numpy', 'httpx')"
        " if m in sys.modules and m not in before])"
    )
    code = "import sys, airflow.sdk; before = set(sys.modules);" + code
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, heavy = done.stdout.strip().splitlines()[-2:]
    assert heavy == "[]"
    assert float(seconds) < 0.3


@pytest.mark.parametrize(
    ("stage", "unwanted"),
    [
        *((stage, "elasticsearch trafilatura") for stage in ("fetch", "read", "tag")),
        *((stage, "trafilatura onnxruntime") for stage in ("plan", "poll", "batch", "index")),
    ],
)
def test_a_task_loads_the_modules_of_its_own_stage_only(stage, unwanted):
    """Each task is a process: half a second for Elasticsearch's client, a tenth for trafilatura."""
    code = (
        f"import sys, rasid.pipeline.{stage}\n"
        f"print(*[name for name in {unwanted.split()} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_long_name_of_a_mapped_task_fits_airflows_column(monkeypatch):
    """PostgreSQL refuses more than 250 characters, and with them that the task is done."""
    from rasid.airflow.context import label  # Airflow reads its environment when it is imported

    named: dict[str, str] = {}
    monkeypatch.setattr("rasid.airflow.context.get_current_context", lambda: named)
    label(", ".join(f"feed-number-{n}" for n in range(50)))
    assert len(named["label"]) <= 250
    assert named["label"].startswith("feed-number-0, feed-number-1, ")
    assert named["label"].endswith(" …")


def test_policy_fails_what_a_person_must_mend_and_retries_the_platform():
    """A broken registry is not retried three times; an Elasticsearch that is down is."""
    from airflow.sdk import RetryAction

    from rasid.airflow.retry import PLATFORM
    from rasid.errors import (
        BooksOpen,
        FeedsFileError,
        NotFound,
        SearchUnavailable,
        StoreUnavailable,
        Throttled,
    )

    decide = lambda error: PLATFORM.evaluate(error, 1, 3).action  # noqa: E731
    assert decide(FeedsFileError("")) == RetryAction.FAIL
    assert decide(BooksOpen("")) == RetryAction.FAIL
    assert decide(SearchUnavailable("")) == RetryAction.RETRY
    assert decide(StoreUnavailable("")) == RetryAction.RETRY
    # A backfill's only source: it may answer later, or never will.
    assert decide(Throttled("")) == RetryAction.RETRY
    assert decide(NotFound("")) == RetryAction.FAIL
    assert decide(ValueError()) == RetryAction.DEFAULT


@pytest.mark.node
def test_monitor_news_brings_articles_from_feeds_to_the_index(dags, es, demo_site):
    """One pass under dag.test(): green with two sick feeds, books closed, mentions found."""
    dag = dags["monitor_news"]
    done = dag.test(run_conf={"only_due": False})
    assert done.state == "success"
    es.indices.refresh(index="rasid-*")
    books = es.get(index="rasid-runs-v1", id=f"{done.run_id}|*")["_source"]
    assert books["closed"]
    assert books["new"] > 60
    assert es.count(index="rasid-articles")["count"] == books["new"]
    assert es.count(index="rasid-mentions")["count"] > 40

    # A second pass finds feeds unchanged: no batch, the group is skipped, settle still closes.
    before = demo_site.requests()
    again = dag.test(run_conf={"only_due": False})
    assert again.state == "success"
    asked = {path for path, n in demo_site.requests().items() if n > before.get(path, 0)}
    assert not any("article" in path or "story" in path for path in asked)


@pytest.mark.node
def test_elasticsearch_down_is_a_red_task_that_succeeds_when_repeated(
    dags, es, demo_site, monkeypatch
):
    """Nothing is lost when the search cluster is away for a while."""
    from rasid.settings import settings

    dag = dags["monitor_news"]
    for task in dag.tasks:
        monkeypatch.setattr(task, "retries", 0)
    with monkeypatch.context() as away:
        away.setenv("RASID_ES_URL", "http://127.0.0.1:9")
        settings.cache_clear()
        assert dag.test(run_conf={"only_due": False}).state == "failed"
    settings.cache_clear()
    assert dag.test(run_conf={"only_due": False}).state == "success"
    es.indices.refresh(index="rasid-*")
    assert es.count(index="rasid-articles")["count"] > 60


def test_time_is_not_read_at_parse():
    """A DAG that differs from parse to parse would fill the version table."""
    text = "".join(p.read_text("utf-8") for p in (ROOT / "dags").glob("*.py"))
    assert "now()" not in text
    assert time.strftime("%Y-%m-%d") not in text
