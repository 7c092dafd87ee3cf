"""What of the storage goes and what stays: the files of runs, and archived pages."""

from __future__ import annotations

import os

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rasid.errors import SearchUnavailable
from rasid.pipeline.archive import WarcReader
from rasid.pipeline.outcomes import Outcome
from rasid.pipeline.quarantine import Selection, causes
from rasid.pipeline.records import Archived, Run
from rasid.pipeline.retention import prune_pages, prune_runs
from rasid.pipeline.store import write_bytes
from rasid.search import Write, index_for, write_all
from rasid.settings import Settings, settings


pytestmark = pytest.mark.node

NOW = datetime.now(UTC)


@pytest.fixture
def root(es, tmp_path, monkeypatch):
    """The folder of an empty store."""
    monkeypatch.setenv("RASID_STORE", (tmp_path / "store").as_uri())
    settings.cache_clear()
    yield tmp_path / "store"
    settings.cache_clear()


def run_files(root: Path, run_id: str, *, days_ago: float) -> None:
    """Files of a run that were last written to so long ago."""
    for name in ("seen.jsonl.gz", "pages/0000.jsonl.gz"):
        url = Run(run_id, "monitor_news", NOW).path(name)
        write_bytes(url, b"x")
        at = (NOW - timedelta(days=days_ago)).timestamp()
        os.utime(url.removeprefix("file://"), (at, at))
    assert (root / "runs").is_dir()


def page(root: Path, run: str, *, days_ago: int, number: int = 0) -> str:
    """A WARC file of that day; its path."""
    day = NOW - timedelta(days=days_ago)
    path = f"{root.as_uri()}/archive/{day:%Y/%m/%d}/{run}-{number:04}-0a1b2c3d.warc.gz"
    return write_bytes(path, b"x")


def entry(es, name: str, path: str | None = None, **fields) -> None:
    archive = {"path": path, "offset": 0} if path else None
    source = {"entry_id": name, "last_run_id": "r", "archive": archive, **fields}
    write_all(es, [Write(index_for("entries"), name, 1, source)])


def left(folder: Path) -> set[str]:
    return {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()}


def test_files_of_old_runs_go_unless_entries_are_owed(es, root):
    run_files(root, "manual__2026-01-01T00:00:00+00:00", days_ago=20)
    run_files(root, "owing", days_ago=300)
    run_files(root, "new", days_ago=13)
    entry(es, "e1", state="owed", last_run_id="owing")
    assert prune_runs(es, now=NOW, days=14) == 1
    assert {name.partition("/")[0] for name in left(root / "runs")} == {"owing", "new"}
    assert prune_runs(es, now=NOW, days=14) == 0


def test_a_run_that_still_writes_keeps_its_first_files(es, root):
    """A backfill may take weeks: the newest file counts."""
    run_files(root, "long", days_ago=30)
    os.utime(root / "runs/long/seen.jsonl.gz")
    assert prune_runs(es, now=NOW, days=14) == 0


def test_old_pages_go_but_no_unfinished_entrys_page(es, root):
    kept = {
        page(root, "a", days_ago=100): {"state": "settled", "outcome": "quarantined"},
        page(root, "b", days_ago=100): {"state": "waiting"},
        page(root, "c", days_ago=100): {"state": "owed"},
        page(root, "d", days_ago=29): {"state": "settled", "outcome": "indexed"},
    }
    gone = {
        page(root, "e", days_ago=100): {"state": "settled", "outcome": "indexed"},
        page(root, "f", days_ago=31): {"state": "settled", "outcome": "dropped"},
    }
    for number, (path, fields) in enumerate([*kept.items(), *gone.items()]):
        entry(es, f"e{number}", path, **fields)
    page(root, "nobody", days_ago=40)
    assert prune_pages(es, now=NOW, days=30) == 3
    assert {f"{root.as_uri()}/archive/{name}" for name in left(root / "archive")} == set(kept)
    # No litter: a day without files has no folder.
    assert not (root / f"archive/{NOW - timedelta(days=31):%Y/%m/%d}").exists()


def test_a_page_stays_while_its_run_may_be_repeated(es, root):
    """Its entries may be under way between fetch and index, where the ledger knows no page yet."""
    run_files(root, "red", days_ago=3)
    page(root, "red", days_ago=40)
    assert prune_pages(es, now=NOW, days=30) == 0


def test_a_store_that_moved_is_known_by_what_follows_archive(es, root):
    here = page(root, "a", days_ago=100)
    before = here.replace(root.as_uri(), "s3://old-bucket/rasid")
    entry(es, "e1", before, state="settled", outcome="quarantined")
    assert prune_pages(es, now=NOW, days=30) == 0


def test_nothing_goes_when_the_ledger_cannot_be_read(es, root):
    """Without it nobody knows what is owed."""
    run_files(root, "old", days_ago=300)
    page(root, "old", days_ago=300)
    es.indices.close(index="rasid-entries")
    try:
        for prune in (prune_runs, prune_pages):
            with pytest.raises(SearchUnavailable, match="nothing was deleted"):
                prune(es, now=NOW, days=14)
    finally:
        es.indices.open(index="rasid-entries", wait_for_active_shards=1)
    assert len(left(root)) == 3


def test_a_quarantined_article_is_saved_after_years_of_house_keeping(chain, monkeypatch):
    """The whole way: its page outlives every limit, and a replay brings it to the index."""
    from rasid.pipeline import read as stage

    chain.feeds = ("furat",)
    chain.write_registry()
    read_page = stage.read_page
    broken = next(p for p in sorted(chain.site.resources) if p.startswith("/furat/article/"))

    def crash(body, *, url, **about):
        if url.endswith(broken):
            return stage.Reading("extract_failed", url, url, error="it broke")
        return read_page(body, url=url, **about)

    monkeypatch.setattr(stage, "read_page", crash)
    chain.run()
    assert causes(chain.es, Selection()) == {"extract_failed": 1}
    (quarantined,) = (
        e for e in chain.documents("entries").values() if e["outcome"] == Outcome.QUARANTINED
    )
    later = chain.clock + timedelta(days=1000)
    assert prune_runs(chain.es, now=later, days=14) == 1
    assert prune_pages(chain.es, now=later, days=30) == 0  # its batch's file is one
    monkeypatch.setattr(stage, "read_page", read_page)
    kept = WarcReader().page(Archived(**quarantined["archive"]))
    assert kept.url.endswith(broken)
    # Once it is settled for good, the page goes as all others.
    chain.es.update(index="rasid-entries", id=quarantined["entry_id"], doc={"outcome": "indexed"})
    assert prune_pages(chain.es, now=later, days=30) == 1


def test_pages_and_years_are_kept_for_ever_unless_somebody_says_otherwise():
    assert (Settings().keep_pages, Settings().keep_years) == (0, 0)
