"""Templates, indices and aliases on the real node."""

from __future__ import annotations

import json

from datetime import UTC, datetime

import pytest

from elasticsearch import BadRequestError

from rasid.search import Write, alias, index_for, provision, templates, write_all
from rasid.search.templates import AHEAD


FAMILIES = (*templates.YEARLY, *templates.WHOLE)


@pytest.mark.node
class TestProvision:
    def test_the_second_time_nothing_changes(self, es):
        assert provision(es) == []

    def test_a_dry_run_changes_nothing_and_says_what_would(self, es):
        es.indices.delete(index="rasid-runs-v1")
        expected = [templates.Change("index", "rasid-runs", "create")]
        assert expected == provision(es, dry_run=True)
        assert expected == provision(es)

    def test_every_alias_can_be_searched_at_once(self, es):
        for family in FAMILIES:
            assert es.count(index=alias(family))["count"] == 0

    def test_a_new_year_gets_its_partition_behind_the_same_alias(self, es):
        before = set(es.indices.get_alias(name="rasid-articles"))
        provision(es, today=datetime(2033, 6, 1, tzinfo=UTC))
        after = set(es.indices.get_alias(name="rasid-articles"))
        assert after - before == {"rasid-articles-v1-2033"}
        es.indices.delete(index="rasid-*-v1-2033")

    def test_in_december_the_next_year_is_ready(self, es, monkeypatch):
        monkeypatch.setattr(templates, "AHEAD", AHEAD)
        provision(es, today=datetime(2030, 12, 5, tzinfo=UTC))
        made = {name for name in es.indices.get(index="rasid-articles-*") if "-203" in name}
        assert made == {"rasid-articles-v1-2030", "rasid-articles-v1-2031"}
        es.indices.delete(index="rasid-*-v1-203*")

    def test_writing_makes_a_missing_partition_behind_both_aliases(self, es):
        index = index_for("articles", datetime(2019, 5, 1, tzinfo=UTC))
        (result,) = write_all(es, [Write(index, "a", 1, {"article_id": "a"})])
        assert result.status == "created"
        assert templates.live_indices(es, "articles")["rasid-articles-v1-2019"] == {
            "rasid-articles",
            "rasid-articles-2019",
        }
        with pytest.raises(ValueError, match="no alias that Rasid writes to"):
            write_all(es, [Write("rasid-articles-v1-2019", "a", 1, {})])

    def test_an_index_that_lost_its_alias_gets_it_back(self, es):
        es.indices.delete_alias(index="rasid-runs-v1", name="rasid-runs")
        assert provision(es) == [templates.Change("index", "rasid-runs", "create")]
        assert es.count(index="rasid-runs")["count"] == 0

    def test_a_new_field_is_added_in_place(self, es, monkeypatch):
        wanted = templates.template

        def with_field(family):
            body = wanted(family)
            if family == "runs":
                body["template"]["mappings"]["properties"]["extra"] = {"type": "keyword"}
                body["template"]["mappings"]["_meta"]["mapping"] = "new"
                body["_meta"]["hash"] = "new"
            return body

        monkeypatch.setattr(templates, "template", with_field)
        changes = {(change.kind, change.action) for change in provision(es)}
        assert {("index template", "update"), ("mapping", "update")} == changes
        assert "extra" in es.indices.get_mapping(index="rasid-runs-v1")["rasid-runs-v1"]["mappings"]["properties"]  # fmt: skip
        assert provision(es) == []
        es.indices.delete(index="rasid-runs-v1")

    def test_an_incompatible_field_needs_a_migration_and_is_left_alone(self, es, monkeypatch):
        wanted = templates.template

        def with_other_type(family):
            body = wanted(family)
            if family == "runs":
                body["template"]["mappings"]["properties"]["closed"] = {"type": "keyword"}
                body["template"]["mappings"]["_meta"]["mapping"] = "new"
            return body

        monkeypatch.setattr(templates, "template", with_other_type)
        assert [templates.Change("mapping", "rasid-runs-v1", "needs migration")] == provision(es)

    def test_unknown_fields_are_refused_except_the_counts_of_outcomes(self, es):
        es.index(index=index_for("runs"), document={"outcomes": {"indexed": 3, "duplicate": 1}})
        es.indices.refresh(index=alias("runs"))
        total = {"n": {"sum": {"field": "outcomes.indexed"}}}
        assert es.search(index=alias("runs"), aggs=total)["aggregations"]["n"]["value"] == 3
        for family in FAMILIES:
            with pytest.raises(BadRequestError, match="strict"):
                es.index(index=index_for(family, datetime.now(UTC)), document={"surprise": 1})


def test_the_year_of_a_partition_is_that_of_utc():
    late = datetime.fromisoformat("2026-12-31T23:30:00-02:00")
    assert index_for("articles", late) == "rasid-articles-2027"
    assert index_for("entries", late) == "rasid-entries"


def test_a_yearly_family_wants_a_date():
    with pytest.raises(ValueError, match="first_seen_at"):
        index_for("mentions")


@pytest.mark.parametrize("family", FAMILIES)
def test_each_file_is_strict_and_carries_its_timestamp(family):
    body = json.loads((templates.FOLDER / "templates" / f"{family}.json").read_text("utf-8"))
    assert body["template"]["mappings"]["dynamic"] == "strict"
    # An index that is being filled must not be seen by readers yet: aliases come with its creation.
    assert "aliases" not in body["template"]
    assert [f"{alias(family)}-v*"] == body["index_patterns"]
    stamp = body["template"]["mappings"]["properties"]["@timestamp"]
    assert stamp["type"] == "alias"
    assert stamp["path"] in body["template"]["mappings"]["properties"]
