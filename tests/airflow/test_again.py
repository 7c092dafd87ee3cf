"""The DAGs that work again or look back, by dag.test() on the real node with the demo site."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from rasid.demo.site import Resource, demo_feeds
from rasid.reading import Reading
from rasid.settings import settings


# Airflow warns about its own parts while it loads; nothing here is ours to mend.
pytestmark = [pytest.mark.node, pytest.mark.filterwarnings("ignore")]

TODAY = f"{datetime.now(UTC):%Y-%m-%d}"
MONTH_AGO = f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%d}"


@pytest.fixture
def furat(demo_site, tmp_path, monkeypatch):
    """The site with one feed of 22 articles in the registry; pages are articles' paths."""
    file = tmp_path / "furat.yaml"
    feeds = [feed for feed in demo_feeds(demo_site.port) if feed["id"] == "furat"]
    file.write_text(yaml.safe_dump({"feeds": feeds}, allow_unicode=True))
    monkeypatch.setenv("RASID_FEEDS", str(file))
    settings.cache_clear()
    return demo_site


@pytest.fixture
def reader(monkeypatch):
    """`reader[0]` makes another reading of each page; None leaves it as it is."""
    from rasid.pipeline import read as stage

    real, reader = stage.read_page, [None]

    def read_page(body, **about):
        done = real(body, **about)
        return reader[0](done) if reader[0] else done

    monkeypatch.setattr(stage, "read_page", read_page)
    return reader


def run(dag, monkeypatch, **form):
    """One run with the form filled in; tasks do not wait for another try."""
    for task in dag.tasks:
        monkeypatch.setattr(task, "retries", 0)
    return dag.test(run_conf={**{name: param.value for name, param in blank(dag)}, **form})


def blank(dag):
    from airflow.sdk.definitions.param import Param

    items = ((name, dag.params.get_param(name)) for name in dag.params)
    return [(name, param) for name, param in items if isinstance(param, Param) and param.has_value]


def books(es, run_id: str) -> dict:
    return es.get(index="rasid-runs", id=f"{run_id}|*")["_source"]


def outcomes(es) -> Counter:
    es.indices.refresh(index="rasid-*")
    hits = es.search(index="rasid-entries", size=1000)["hits"]["hits"]
    return Counter(hit["_source"]["outcome"] or hit["_source"]["state"] for hit in hits)


def pages_of(site) -> list[str]:
    return [path for path in sorted(site.resources) if path.startswith("/furat/article/")]


def test_replay_quarantine_reads_from_the_archive_and_closes_its_books(
    dags, es, furat, reader, monkeypatch
):
    """Quarantined by a broken reader, replayed once it is mended: indexed, nobody asked; twice."""
    reader[0] = lambda done: Reading("extract_failed", done.url, done.url, error="broken")
    assert run(dags["monitor_news"], monkeypatch, only_due=False).state == "success"
    many = len(pages_of(furat))
    assert outcomes(es) == {"quarantined": many}
    reader[0] = None
    before = furat.requests()
    done = run(dags["replay_quarantine"], monkeypatch, cause="extract_failed", **{"from": TODAY})
    assert done.state == "success"
    whole = books(es, done.run_id)
    assert (whole["closed"], whole["carried"], whole["outcomes"]) == (True, many, {"indexed": many})
    assert outcomes(es) == {"indexed": many}
    assert furat.requests() == before
    # Nothing is left to replay: the group is skipped, the books close over nothing.
    again = run(dags["replay_quarantine"], monkeypatch)
    assert again.state == "success"
    assert books(es, again.run_id)["carried"] == 0


def test_backfill_source_goes_on_after_a_kill_in_the_middle(dags, es, furat, monkeypatch):
    """Slices by sitemap: the second run dies at tag; the next ones lose and double nothing."""
    from airflow.models.dagrun import DagRun

    from rasid.pipeline import backfill, tag

    pages = pages_of(furat)
    day = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%MZ}"
    urls = "".join(f"<url><loc>{furat.url}{p}</loc><lastmod>{day}</lastmod></url>" for p in pages)
    text = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'
    furat.resources["/sitemap.xml"] = Resource(text.encode(), "application/xml")
    monkeypatch.setattr(backfill, "SLICE", 10)
    dag = dags["backfill_source"]
    form = {"source": "furat", "from": MONTH_AGO, "to": TODAY}

    first = run(dag, monkeypatch, **form)
    assert first.state == "success"
    assert outcomes(es) == {"indexed": 10}
    # It started the next run by itself, with the same form.
    (queued,) = DagRun.find(dag_id="backfill_source", state="queued")
    assert queued.conf == form

    def die(*_):
        raise MemoryError

    whole_tag = tag.tag
    monkeypatch.setattr(tag, "tag", die)
    assert run(dag, monkeypatch, **form).state == "failed"
    assert outcomes(es) == {"indexed": 10, "owed": 10}
    monkeypatch.setattr(tag, "tag", whole_tag)

    third = run(dag, monkeypatch, **form)
    assert third.state == "success"
    whole = books(es, third.run_id)
    assert (whole["closed"], whole["carried"], whole["new"]) == (True, 10, len(pages) - 20)
    assert outcomes(es) == {"indexed": len(pages)}
    assert es.count(index="rasid-articles")["count"] == len(pages)
    (position,) = (hit["_source"] for hit in es.search(index="rasid-backfills")["hits"]["hits"])
    assert (position["done"], position["found"]) == (True, len(pages))
    # The history is told: it started no further run.
    assert [r.run_id for r in DagRun.find(dag_id="backfill_source", state="queued")] == [
        queued.run_id
    ]


def test_reread_archive_compares_first_and_switches_when_told(dags, es, furat, reader, monkeypatch):
    """A reader that gives other titles: reported, then switched, then nothing left; no network."""
    run(dags["monitor_news"], monkeypatch, only_due=False)
    many = len(pages_of(furat))
    before = furat.requests()
    reader[0] = lambda done: replace(done, title=f"{done.title}.")
    dag = dags["reread_archive"]

    assert run(dag, monkeypatch).state == "success"
    es.indices.refresh(index="rasid-*")
    changes = es.search(index="rasid-changes", size=100)["hits"]["hits"]
    assert [hit["_source"]["changes"] for hit in changes] == [["title"]] * many
    assert outcomes(es) == {"indexed": many}

    done = run(dag, monkeypatch, feed="furat", apply=True)
    assert done.state == "success"
    assert books(es, done.run_id)["outcomes"] == {"updated": many}
    articles = es.search(index="rasid-articles", size=100)["hits"]["hits"]
    assert all(hit["_source"]["title"].endswith(".") for hit in articles)
    assert furat.requests() == before

    last = run(dag, monkeypatch, apply=True)
    assert books(es, last.run_id)["carried"] == 0
