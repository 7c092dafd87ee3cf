"""Migrations on the real node, while writers write, delete and die."""

from __future__ import annotations

import threading
import time

from datetime import UTC, datetime, timedelta

import pytest

from rasid.errors import MigrationFailed, SearchUnavailable
from rasid.search import (
    Write,
    delete_stale_mentions,
    index_for,
    migration,
    provision,
    templates,
    write_all,
)
from rasid.search.migration import migrate, roll_back, superseded


NOW = datetime.now(UTC)
MENTIONS = index_for("mentions", NOW)
V1, V2 = f"rasid-mentions-v1-{NOW:%Y}", f"rasid-mentions-v2-{NOW:%Y}"
pytestmark = pytest.mark.node


def mention(number: int, version: int = 1) -> Write:
    source = {
        "mention_id": f"m{number}",
        "article_id": f"a{number}",
        "revision": version,
        "tag": "attack",
    }
    return Write(MENTIONS, f"m{number}", version, source)


@pytest.fixture
def new_mapping(es, monkeypatch):
    """The mentions' template as a new release of Rasid would bring it: `tag` becomes text."""
    wanted = templates.template

    def changed(family):
        body = wanted(family)
        if family == "mentions":
            body["template"]["mappings"]["properties"]["tag"] = {"type": "text"}
            body["template"]["mappings"]["_meta"]["mapping"] = "new"
            body["_meta"]["hash"] = "new"
        return body

    def release():
        monkeypatch.setattr(templates, "template", changed)
        monkeypatch.setattr(migration, "template", changed)

    yield release
    monkeypatch.undo()
    es.indices.delete(index="rasid-mentions-v*")
    provision(es)


def due(es) -> list[str]:
    return [change.name for change in provision(es) if change.action == "needs migration"]


def state(es) -> dict[str, tuple[int, int]]:
    """Version and revision of every mention that readers see."""
    es.indices.refresh(index="rasid-mentions")
    hits = es.search(index="rasid-mentions", size=10_000, version=True)["hits"]["hits"]
    return {hit["_id"]: (hit["_version"], hit["_source"]["revision"]) for hit in hits}


class Writer(threading.Thread):
    """Writes, rewrites and deletes as the index stage does, and repeats what was refused."""

    def __init__(self, es, stored: int) -> None:
        super().__init__()
        self.es, self.first = es, stored
        self.expected = {f"m{n}": (1, 1) for n in range(stored)}
        self.refused = 0
        self.longest = 0.0
        self.done = threading.Event()

    def run(self) -> None:
        number = self.first
        while not self.done.is_set():
            number += 1
            writes = [mention(number), mention(number - 1, 2), mention(number % 900, 10 + number)]
            self.patiently(lambda writes=writes: write_all(self.es, writes))
            for write in writes:
                self.expected[write.id] = (write.version, write.version)
            if number % 5 == 0:
                gone = number % 900
                self.patiently(
                    lambda gone=gone: delete_stale_mentions(self.es, {f"a{gone}": 1 << 40})
                )
                self.expected.pop(f"m{gone}", None)

    def patiently(self, act) -> None:
        """As Airflow does: a passing fault is tried again, nothing else is."""
        start = time.monotonic()
        while True:
            try:
                act()
                break
            except SearchUnavailable:
                self.refused += 1
                time.sleep(0.05)
        self.longest = max(self.longest, time.monotonic() - start)


def test_nothing_written_during_a_migration_is_lost(es, new_mapping):
    """Readers see all documents all the time; every write is there afterwards, at its version."""
    write_all(es, [mention(n) for n in range(3000)])
    es.indices.refresh(index="rasid-mentions")
    new_mapping()
    assert due(es) == [V1]
    writer = Writer(es, 3000)
    writer.start()
    fewest, reading = [], threading.Event()

    def read() -> None:
        while not reading.is_set():
            fewest.append(es.count(index="rasid-mentions")["count"])

    reader = threading.Thread(target=read)
    reader.start()
    said: list[str] = []
    (move,) = migrate(es, [V1], tell=said.append)
    time.sleep(0.5)
    writer.done.set()
    reading.set()
    writer.join()
    reader.join()
    assert (move.source, move.target) == (V1, V2)
    assert writer.expected == state(es)
    assert min(fewest) > 2500
    readers = set(es.indices.get_alias(name="rasid-mentions"))
    assert (V1 in readers, V2 in readers) == (False, True)
    assert list(es.indices.get_alias(name=MENTIONS)) == [V2]
    assert es.indices.get_mapping(index=V2)[V2]["mappings"]["properties"]["tag"]["type"] == "text"
    assert due(es) == []
    print(f"{writer.refused} writes put off, the longest for {writer.longest:.1f} s; {said[-1]}")  # noqa: T201


def test_a_way_back_keeps_what_was_written_since(es, new_mapping):
    write_all(es, [mention(n) for n in range(50)])
    new_mapping()
    migrate(es, due(es), tell=print)
    write_all(es, [mention(7, 5), mention(77)])
    delete_stale_mentions(es, {"a3": 1 << 40})
    before = state(es)
    (move,) = roll_back(es, tell=print)
    assert (move.source, move.target) == (V2, V1)
    assert state(es) == before
    assert (before["m7"], "m3" in before) == ((5, 5), False)
    write_all(es, [mention(78)])
    # And forward again, into the index that is there.
    assert due(es) == [V1]
    assert [m.target for m in migrate(es, due(es), tell=print)] == [V2]
    assert state(es) == before | {"m78": (1, 1)}


def test_a_migration_that_died_goes_on(es, new_mapping, monkeypatch):
    """Killed when it had closed the old index: the next run opens it and ends the work."""
    write_all(es, [mention(n) for n in range(20)])
    new_mapping()
    killed = pytest.MonkeyPatch()
    killed.setattr(
        migration, "_forget_deleted", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    killed.setattr(migration, "_open", lambda *_: None)  # a killed process opens nothing
    with pytest.raises(KeyboardInterrupt):
        migrate(es, due(es), tell=print)
    killed.undo()
    with pytest.raises(SearchUnavailable, match="blocked"):
        write_all(es, [mention(21)])
    assert [m.target for m in migrate(es, due(es), tell=print)] == [V2]
    write_all(es, [mention(21)])
    assert len(state(es)) == 21


def test_a_document_that_the_new_mapping_refuses_stops_it_and_writers_go_on(
    es, new_mapping, monkeypatch
):
    write_all(es, [mention(1)])
    wanted = templates.template

    def narrower(family):
        body = wanted(family)
        if family == "mentions":
            body["template"]["mappings"]["properties"]["tag"] = {"type": "date"}
            body["template"]["mappings"]["_meta"]["mapping"] = "narrower"
            body["_meta"]["hash"] = "narrower"
        return body

    monkeypatch.setattr(templates, "template", narrower)
    monkeypatch.setattr(migration, "template", narrower)
    with pytest.raises(MigrationFailed, match=r"cannot take document m1 .*tag.*Nothing went over"):
        migrate(es, due(es), tell=print)
    assert write_all(es, [mention(2)])[0].status == "created"
    assert set(state(es)) == {"m1", "m2"}


def test_an_unexpected_number_of_documents_stops_it(es, new_mapping, monkeypatch):
    write_all(es, [mention(n) for n in range(5)])
    new_mapping()
    forget = migration._forget_deleted

    def lose_one(es, source, target):
        forget(es, source, target)
        es.delete(index=target, id="m1", refresh=True)

    monkeypatch.setattr(migration, "_forget_deleted", lose_one)
    with pytest.raises(MigrationFailed, match=r"holds 5 documents and .* 4"):
        migrate(es, due(es), tell=print)
    assert list(es.indices.get_alias(name=MENTIONS)) == [V1]
    assert write_all(es, [mention(9)])[0].status == "created"


def test_only_what_a_migration_left_behind_counts_as_superseded(es, new_mapping):
    write_all(es, [mention(1)])
    new_mapping()
    migrate(es, due(es), tell=print)
    assert superseded(es, before=datetime.now(UTC) + timedelta(days=1)) == [V1]
    assert superseded(es, before=datetime.now(UTC) - timedelta(days=1)) == []


def test_documents_of_internal_versions_move_too(es, new_mapping):
    """Mentions whose incident was written by a partial update have the version after their own."""
    write_all(es, [mention(1, 1000)])
    es.update(index=MENTIONS, id="m1", doc={"incident_id": "i"})
    new_mapping()
    migrate(es, due(es), tell=print)
    assert state(es) == {"m1": (1001, 1000)}
    assert write_all(es, [mention(1, 2000)])[0].status == "updated"
