"""Snapshots on the real node: taken, tried out, lost indices brought back, old ones pruned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rasid.errors import ConfigError, SnapshotFailed
from rasid.search import Write, index_for, provision, snapshots, templates, write_all
from rasid.search.snapshots import listed, prune, register, repository, restore, take, try_out


NOW = datetime.now(UTC)
ARTICLES = index_for("articles", NOW)
INDEX = f"rasid-articles-v1-{NOW:%Y}"


def article(name: str, title: str = "هجوم") -> Write:
    return Write(ARTICLES, name, 1, {"article_id": name, "title": title})


@pytest.fixture
def repo(es, es_settings, tmp_path):
    """A folder of this test's own below the node's path.repo; nothing of it is left behind."""
    if es_settings.es_url:
        paths = es.nodes.info(metric="settings", filter_path="**.path.repo")
        if not paths.get("nodes"):
            pytest.skip("the cluster of RASID_ES_URL names no path.repo")
    yield tmp_path.name
    for snapshot in listed(es):
        es.snapshot.delete(repository=snapshots.REPOSITORY, snapshot=snapshot.name)
    es.options(ignore_status=404).snapshot.delete_repository(name=snapshots.REPOSITORY)


@pytest.mark.node
class TestSnapshots:
    def test_what_was_lost_comes_back_with_its_aliases_and_versions(self, es, repo):
        write_all(es, [article("a"), article("b")])
        taken = take(es, where=repo, at=NOW)
        assert INDEX in taken.indices
        es.indices.delete(index=INDEX)
        assert restore(es, taken.name) == [INDEX]
        assert es.count(index="rasid-articles")["count"] == 2
        # Readers find Arabic forms in it, and writers go on writing at their versions.
        assert es.search(index="rasid-articles", query={"match": {"title": "هجمات"}})["hits"][
            "hits"
        ]
        results = write_all(es, [article("a"), article("c")])
        assert [result.status for result in results] == ["updated", "created"]
        assert provision(es) == []

    def test_a_new_cluster_finds_the_snapshots_of_the_old(self, es, repo):
        """After a loss the repository is known to nobody but the setting."""
        write_all(es, [article("a")])
        taken = take(es, where=repo, at=NOW)
        es.snapshot.delete_repository(name=snapshots.REPOSITORY)
        assert listed(es) == []
        register(es, where=repo)
        assert [snapshot.name for snapshot in listed(es)] == [taken.name]

    def test_what_is_there_is_left_alone_unless_asked(self, es, repo):
        write_all(es, [article("a")])
        taken = take(es, where=repo, at=NOW)
        write_all(es, [article("b")])
        es.indices.refresh(index=ARTICLES)
        assert restore(es, taken.name) == []
        assert es.count(index=ARTICLES)["count"] == 2
        assert INDEX in restore(es, taken.name, families=["articles"], replace=True)
        assert es.count(index=ARTICLES)["count"] == 1
        assert es.count(index="rasid-mentions")["count"] == 0

    def test_a_partition_that_went_over_to_v2_is_not_lost(self, es, repo):
        write_all(es, [article("a")])
        taken = take(es, where=repo, at=NOW)
        newer = INDEX.replace("v1", "v2")
        es.indices.create(index=newer, aliases={"rasid-articles": {}, ARTICLES: {}})
        es.indices.delete(index=INDEX)
        assert restore(es, taken.name, families=["articles"]) == []
        es.indices.delete(index=newer)
        provision(es)

    def test_trying_out_counts_and_leaves_nothing(self, es, repo):
        write_all(es, [article("a"), article("b")])
        taken = take(es, where=repo, at=NOW)
        before = set(es.indices.get(index="*"))
        write_all(es, [article("c")])
        assert try_out(es, taken.name)[INDEX] == 2
        assert set(es.indices.get(index="*")) == before
        es.indices.refresh(index=ARTICLES)
        assert es.count(index=ARTICLES)["count"] == 3

    def test_a_damaged_snapshot_fails_the_drill(self, es, repo, es_settings):
        if es_settings.es_url:
            pytest.skip("the files of another cluster are out of reach")
        write_all(es, [article("a")])
        taken = take(es, where=repo, at=NOW)
        from rasid.search.local_node import local_node

        folder = local_node(es_settings).folder / "snapshots" / repo
        for file in folder.rglob("__*"):
            file.write_bytes(b"damaged")
        with pytest.raises(SnapshotFailed, match=r"shards of .* could not be restored"):
            try_out(es, taken.name)
        assert not es.indices.get(index=f"{snapshots.DRILL}*")

    def test_the_same_moment_is_taken_once_and_the_oldest_go(self, es, repo):
        names = [take(es, where=repo, at=NOW - timedelta(days=n)).name for n in (0, 1, 2, 0)]
        assert len(set(names)) == 3
        assert [snapshot.name for snapshot in listed(es)] != []
        # Elasticsearch dates them by when they were really taken: today.
        later = NOW + timedelta(days=40)
        assert len(prune(es, now=later, days=30, keep=2)) == 1
        assert len(listed(es)) == 2
        assert prune(es, now=NOW, days=30, keep=0) == []
        assert len(prune(es, now=later, days=30, keep=0)) == 2

    def test_a_place_that_cannot_be_written_is_named(self, es, repo):
        with pytest.raises(SnapshotFailed, match=r"RASID_SNAPSHOTS \(/outside\)"):
            take(es, where="/outside", at=NOW)

    def test_an_unknown_name_or_family_gets_advice(self, es, repo):
        with pytest.raises(ConfigError, match="None was taken yet"):
            restore(es, "rasid-20200101t000000")
        taken = take(es, where=repo, at=NOW)
        with pytest.raises(ConfigError, match=f"The newest is {taken.name}"):
            try_out(es, "rasid-20200101t000000")
        with pytest.raises(ConfigError, match="No family is called news"):
            restore(es, taken.name, families=["news"])


def test_where_snapshots_lie():
    assert repository("daily") == {
        "type": "fs",
        "settings": {"location": "daily"},
    }
    assert repository("s3://box/rasid/prod/")["settings"] == {
        "bucket": "box",
        "base_path": "rasid/prod",
    }
    assert repository("s3://box")["settings"] == {"bucket": "box", "base_path": ""}
    with pytest.raises(ConfigError, match="s3://bucket/prefix"):
        repository("ftp://box")


def test_partitions_are_told_apart_whatever_their_version():
    assert snapshots.partition("rasid-articles-v2-2026") == "articles-2026"
    assert snapshots.partition("rasid-runs-v1") == "runs"
    assert {snapshots.partition(f"rasid-{f}-v1") for f in templates.WHOLE} == set(templates.WHOLE)
