"""Dashboards without a Kibana: files up to date, schema, own checks, every panel run and counted."""

from __future__ import annotations

import copy
import json

from pathlib import Path

import pytest

from elasticsearch.helpers import scan
from jsonschema import Draft4Validator

from rasid.kibana import FOLDER, dashboards, files, ndjson
from rasid.kibana.checks import dashboard_faults, fields_of, ndjson_faults
from rasid.kibana.dashboards import SITUATION, panels
from rasid.kibana.requests import ask, buckets, lucene, metrics, request, view


SCHEMA = Path(__file__).parents[2] / "../shared/specs/kibana-9.4-dashboard-body.schema.json"
BODIES = dashboards()
CHARTS = [(b["title"], p["config"]) for b in BODIES.values() for p in panels(b)]
IDS = [f"{title}/{chart['title']}" for title, chart in CHARTS]
WEEK = {"from": "now-7d", "to": "now"}


@pytest.fixture(scope="module")
def schema() -> Draft4Validator:
    if not SCHEMA.exists():
        pytest.skip("Kibana's schema is not on this machine (../shared/specs)")
    return Draft4Validator(json.loads(SCHEMA.read_text("utf-8")))


@pytest.mark.parametrize("name", files())
def test_the_checked_in_files_are_what_the_code_generates(name):
    """Run `python -m rasid.kibana` when this fails."""
    assert files()[name] == (FOLDER / name).read_text("utf-8")


@pytest.mark.parametrize("body", BODIES.values(), ids=lambda body: body["title"])
class TestEachDashboard:
    def test_it_fits_kibanas_schema(self, body, schema):
        assert [error.message[:200] for error in schema.iter_errors(body)] == []

    def test_it_passes_our_own_checks(self, body):
        assert list(dashboard_faults(body, BODIES)) == []


def test_the_saved_objects_pass_the_linter():
    assert list(ndjson_faults(ndjson())) == []


# --- seeded faults: each must be caught by the schema or by our checks ---------------------------

FAULTS = {
    "no title": lambda b: b.update(title=""),
    "no time range": lambda b: b.pop("time_range"),
    "half a time range": lambda b: b["time_range"].pop("to"),
    "an unknown property": lambda b: b.update(colour="red"),
    "panels no list": lambda b: b.update(pinned_panels={}),
    "a repeated panel id": lambda b: b["panels"][2].update(id=b["panels"][1]["id"]),
    "a panel without id": lambda b: b["panels"][2].pop("id"),
    "a panel outside the grid": lambda b: b["panels"][1]["grid"].update(x=40),
    "panels that overlap": lambda b: b["panels"][2]["grid"].update(x=0),
    "a panel of no height": lambda b: b["panels"][2]["grid"].update(h=0),
    "an unknown panel type": lambda b: b["panels"][2].update(type="lens2"),
    "a control of an unknown field": lambda b: b["pinned_panels"][0]["config"].update(field_name="aktor"),
    "a control of no data view": lambda b: b["pinned_panels"][0]["config"].update(data_view_id="rasid-x"),
    "a control of an unknown kind": lambda b: b["pinned_panels"][0].update(type="list_control"),
    "an unknown chart": lambda b: chart(b, "pie").update(type="doughnut"),
    "a chart without title": lambda b: chart(b, "pie").pop("title"),
    "a chart without numbers": lambda b: chart(b, "pie").update(metrics=[]),
    "a chart that groups by nothing": lambda b: chart(b, "pie").update(group_by=[]),
    "an unknown field": lambda b: chart(b, "pie")["group_by"][0].update(fields=["modalitty"]),
    "a text field": lambda b: chart(b, "pie")["group_by"][0].update(fields=["sentence.text"]),
    "a field that is not indexed": lambda b: chart(b, "pie")["group_by"][0].update(fields=["roles"]),
    "no fields": lambda b: chart(b, "pie")["group_by"][0].pop("fields"),
    "a limit of nothing": lambda b: chart(b, "pie")["group_by"][0].update(limit=0),
    "a limit too large": lambda b: chart(b, "pie")["group_by"][0].update(limit=99999),
    "an unknown grouping": lambda b: chart(b, "pie")["group_by"][0].update(operation="term"),
    "an unknown number": lambda b: chart(b, "pie")["metrics"][0].update(operation="kount"),
    "a sum over words": lambda b: chart(b, "pie")["metrics"][0].update(operation="sum", field="actor"),
    "a sum over nothing": lambda b: chart(b, "pie")["metrics"][0].update(operation="sum"),
    "time over words": lambda b: chart(b, "xy")["layers"][0]["x"].update(field="actor"),
    "no layers": lambda b: chart(b, "xy").update(layers=[{**chart(b, "xy")["layers"][0], "y": []}]),
    "an unknown bar": lambda b: chart(b, "xy")["layers"][0].update(type="bars"),
    "a data view that is nowhere": lambda b: chart(b, "pie")["data_source"].update(ref_id="rasid-x"),
    "an unknown query language": lambda b: b.update(query={"expression": "", "language": "sql"}),
    "a table column to the left": lambda b: chart(b, "data_table")["rows"][0].update(alignment="left"),
    "a drill-down to nowhere": lambda b: drilldown(b).update(dashboard_id="gone"),
    "a drill-down of an unknown kind": lambda b: drilldown(b).update(type="teleport"),
}  # fmt: skip


def chart(body, kind):
    return next(p["config"] for p in panels(body) if p["config"]["type"] == kind)


def drilldown(body):
    found = (d for p in panels(body) for d in p["config"].get("drilldowns", []))
    return next(d for d in found if d["type"] == "dashboard_drilldown")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_seeded_fault_is_caught(fault, schema):
    body = copy.deepcopy(BODIES[SITUATION])
    FAULTS[fault](body)
    by_schema = not schema.is_valid(body)
    assert by_schema or list(dashboard_faults(body, BODIES))


LINE_FAULTS = {
    "a repeated object": lambda lines: lines.insert(0, lines[0]),
    "a wrong count": lambda lines: lines[-1].update(exportedCount=99),
    "no stamp": lambda lines: lines[0].pop("typeMigrationVersion"),
    "a stamp too new": lambda lines: lines[0].update(typeMigrationVersion="11.0.0"),
    "a foreign type": lambda lines: lines[0].update(type="config"),
    "no title": lambda lines: lines[0]["attributes"].pop("title"),
    "a dangling reference": lambda lines: lines[0]["references"][0].update(id="gone"),
    "no reference": lambda lines: lines[0].update(references=[]),
    "broken JSON inside": lambda lines: lines[-2]["attributes"].update(layerListJSON="[{"),
    "fields of one installation": lambda lines: lines[0].update(updated_at="2026-01-01"),
    "an unknown column": lambda lines: lines[0]["attributes"]["columns"].append("aktor"),
    "an unknown order": lambda lines: lines[0]["attributes"]["sort"].append(["when", "asc"]),
}


@pytest.mark.parametrize("fault", LINE_FAULTS)
def test_a_seeded_fault_in_the_ndjson_is_caught(fault):
    lines = [json.loads(line) for line in ndjson().splitlines()]
    LINE_FAULTS[fault](lines)
    assert list(ndjson_faults("\n".join(json.dumps(line) for line in lines)))


def test_every_kind_of_fault_is_counted():
    assert len(FAULTS) + len(LINE_FAULTS) >= 25


def test_kql_is_spelled_for_query_string():
    assert lucene('not a: "x" and b: ("y" or "z")') == 'NOT a:"x" AND b:("y" OR "z")'


# --- every panel on the real node ----------------------------------------------------------------


@pytest.mark.node
class TestPanelsOnTheNode:
    def test_every_panel_answers_something_and_its_numbers_equal_a_direct_count(self, week):
        """The direct count reads every matching document and counts in Python."""
        for name, config in zip(IDS, (c for _, c in CHARTS), strict=True):
            rows = ask(week, config, WEEK)
            assert rows, name
            assert any(any(row.numbers) for row in rows), name
            found = [
                hit["_source"]
                for hit in scan(
                    week, index=view(config), query={"query": request(config, WEEK)["query"]}
                )
            ]
            terms = [b["fields"][0] for b in buckets(config) if b["operation"] == "terms"]
            timed = len(terms) < len(buckets(config))
            for row in rows:
                if timed:  # the direct count of one bar would repeat the server's calendar
                    continue
                mine = [
                    s
                    for s in found
                    if all(value(s, f) == k for f, k in zip(terms, row.keys, strict=True))
                ]
                for metric, number in zip(metrics(config), row.numbers, strict=True):
                    assert number == pytest.approx(count(mine, metric)), (name, row)
            if timed:
                assert sum(row.numbers[0] for row in rows) == len(found), name

    def test_every_field_of_a_panel_can_be_aggregated(self, es):
        for _, config in CHARTS:
            names = [b.get("field") or b["fields"][0] for b in buckets(config)]
            names += [m["field"] for m in metrics(config) if "field" in m]
            if not names:
                continue
            caps = es.field_caps(index=view(config), fields=names)["fields"]
            for field in names:
                assert all(kind["aggregatable"] for kind in caps[field].values()), field
                assert field in fields_of(view(config).removeprefix("rasid-"))


def value(source, field):
    for part in field.split("."):
        source = source.get(part) if source is not None else None
    return source


def count(found, metric):
    if metric["operation"] == "count":
        return len(found)
    values = [value(source, metric["field"]) for source in found]
    values = [v for v in values if v is not None]
    if metric["operation"] == "unique_count":
        return len(set(values))
    return sum(values) / (len(values) or 1 if metric["operation"] == "average" else 1)
