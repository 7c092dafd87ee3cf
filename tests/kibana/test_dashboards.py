"""Dashboards without a Kibana: files up to date, schema, own checks, every panel run and counted."""

from __future__ import annotations

import copy
import json
import re

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from statistics import median

import pytest

from elasticsearch.helpers import scan
from jsonschema import Draft4Validator

from rasid.kibana import FOLDER, dashboards, data_views, files, ndjson
from rasid.kibana.atlas import LAYERS, spots
from rasid.kibana.charts import DOCUMENTS, panels
from rasid.kibana.checks import dashboard_faults, ndjson_faults, query_faults, view_faults
from rasid.kibana.dashboards import HEALTH, MENTIONS, SITUATION, WEEK
from rasid.kibana.fields import LABELS, NAMES, TIME, actors, fields_of, formats, values_of
from rasid.kibana.requests import (
    MISSING,
    ask,
    buckets,
    lucene,
    metrics,
    read,
    span_of,
    view,
    width_of,
)


SCHEMA = Path(__file__).parents[2] / "../shared/specs/kibana-9.4-dashboard-body.schema.json"
BODIES = dashboards()
CHARTS = [(b, p["config"]) for b in BODIES.values() for p in panels(b, "vis")]
TABLES = [(b, p["config"]) for b in BODIES.values() for p in panels(b, DOCUMENTS)]


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

    def test_every_chart_leads_to_its_documents(self, body):
        for panel in panels(body, "vis"):
            if panel["config"]["type"] != "metric":
                kinds = [drilldown["type"] for drilldown in panel["config"]["drilldowns"]]
                assert "discover_drilldown" in kinds, panel["config"]["title"]

    def test_a_click_that_leads_on_filters_every_panel_it_leads_to(self, body):
        """Kibana carries the value as a filter; where its field is missing a panel is empty."""
        for panel in panels(body, "vis"):
            fields = [b["fields"][0] for b in buckets(panel["config"]) if "fields" in b]
            for drilldown in panel["config"].get("drilldowns", []):
                if drilldown["type"] == "dashboard_drilldown":
                    there = panels(BODIES[drilldown["dashboard_id"]])
                    views = {view(p["config"]) for p in there}
                    assert all(set(fields) <= set(fields_of(v)) for v in views), fields

    def test_a_click_on_an_incidents_value_filters_mentions_too(self, body):
        own = {"first_newsroom", "claimed_by"}  # mentions have no such field
        views = {view(panel["config"]) for panel in panels(body)}
        for panel in panels(body, "vis"):
            if view(panel["config"]) == "rasid-incidents" and MENTIONS in views:
                fields = {b["fields"][0] for b in buckets(panel["config"]) if "fields" in b}
                assert fields - own <= set(fields_of(MENTIONS)), panel["config"]["title"]

    def test_it_leads_to_every_other_dashboard_and_to_the_map(self, body):
        text = body["panels"][0]["config"]["content"]
        others = [own for own, other in BODIES.items() if other is not body]
        assert all(f"(/s/rasid/app/dashboards#/view/{own})" in text for own in others)
        assert "(/s/rasid/app/maps/map/" in text


def test_the_saved_objects_pass_the_linter():
    assert list(ndjson_faults(ndjson())) == []


@pytest.mark.parametrize("body", data_views(), ids=lambda body: body["data_view"]["id"])
def test_a_data_view_passes_our_checks(body):
    assert list(view_faults(body)) == []


# --- words ---------------------------------------------------------------------------------------


def test_every_field_that_a_dashboard_shows_has_an_arabic_label():
    fields = {b["fields"][0] for _, c in CHARTS for b in buckets(c) if "fields" in b}
    fields |= {field for _, t in TABLES for field in t["tabs"][0]["column_order"]}
    assert fields - set(LABELS) == set()


@pytest.mark.parametrize(
    ("view_id", "field", "constant"),
    [
        ("rasid-mentions", "kind", "ATTACK_SUBTYPES"),
        ("rasid-mentions", "kind", "MOVEMENT_KINDS"),
        ("rasid-mentions", "modality", "MODALITIES"),
    ],
)
def test_every_code_of_the_tagger_has_a_word(view_id, field, constant):
    from rasid.tagging import lexicon

    codes = set(getattr(lexicon, constant)) - {""}
    assert codes - set(values_of(view_id, field)) == set()


def test_every_ending_and_alarm_has_a_word():
    from rasid.pipeline.alarms import Kind, Severity
    from rasid.pipeline.outcomes import Outcome

    assert {str(o) for o in Outcome} - set(values_of("rasid-entries", "outcome")) == set()
    assert {str(k) for k in Kind} - set(values_of("rasid-alarms", "kind")) == set()
    assert {str(s) for s in Severity} - set(values_of("rasid-alarms", "severity")) == set()


def test_one_group_has_one_name_however_it_is_written():
    """The lexicon's first name; a state's force is named by its country."""
    assert actors()["rapid-support-forces"] == "قوات الدعم السريع"
    assert actors()["force.jaysh:IQ"] == "جيش · العراق"


def test_links_of_a_mention_lead_to_its_article_and_stay_in_the_space():
    form = formats(MENTIONS, edited=False)["article_id"]["params"]["urlTemplate"]
    assert form.startswith("../app/discover#/")  # Kibana puts /s/rasid before it
    assert "dataViewId:rasid-articles" in form
    assert 'article_id:"{{rawValue}}"' in form


# --- seeded faults: each must be caught by the schema or by our checks ---------------------------

FAULTS = {
    "no title": lambda b: b.update(title=""),
    "a title that is not Arabic": lambda b: b.update(title="Situation"),
    "no time range": lambda b: b.pop("time_range"),
    "half a time range": lambda b: b["time_range"].pop("to"),
    "a time range nobody can read": lambda b: b["time_range"].update({"from": "yesterday"}),
    "an unknown property": lambda b: b.update(colour="red"),
    "panels no list": lambda b: b.update(pinned_panels={}),
    "a repeated panel id": lambda b: b["panels"][2].update(id=b["panels"][1]["id"]),
    "a panel without id": lambda b: b["panels"][2].pop("id"),
    "a panel outside the grid": lambda b: b["panels"][1]["grid"].update(x=47),
    "panels that overlap": lambda b: b["panels"][2]["grid"].update(x=0),
    "a panel of no height": lambda b: b["panels"][2]["grid"].update(h=0),
    "an unknown panel type": lambda b: b["panels"][2].update(type="lens2"),
    "a control of an unknown field": lambda b: b["pinned_panels"][0]["config"].update(field_name="aktor"),
    "a control that empties other panels": lambda b: b["pinned_panels"][0]["config"].update(field_name="feed_id"),
    "a control of no data view": lambda b: b["pinned_panels"][0]["config"].update(data_view_id="rasid-x"),
    "a control of an unknown kind": lambda b: b["pinned_panels"][0].update(type="list_control"),
    "a link that Kibana shows as text": lambda b: b["panels"][0]["config"].update(content="[x](#/view/1)"),
    "a link to nowhere": lambda b: b["panels"][0]["config"].update(content="[x](/s/rasid/app/dashboards#/view/1)"),
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
    "a colour for no value": lambda b: chart(b, "pie")["group_by"][0]["color"]["mapping"][0].update(values=["fact"]),
    "an unknown number": lambda b: chart(b, "pie")["metrics"][0].update(operation="kount"),
    "a sum over words": lambda b: chart(b, "pie")["metrics"][0].update(operation="sum", field="actor"),
    "a sum over nothing": lambda b: chart(b, "pie")["metrics"][0].update(operation="sum"),
    "time over words": lambda b: chart(b, "xy")["layers"][0]["x"].update(field="actor"),
    "bars of another time": lambda b: chart(b, "xy")["layers"][0]["x"].update(field="event_time"),
    "no layers": lambda b: chart(b, "xy").update(layers=[{**chart(b, "xy")["layers"][0], "y": []}]),
    "an unknown bar": lambda b: chart(b, "xy")["layers"][0].update(type="bars"),
    "a data view that is nowhere": lambda b: chart(b, "pie")["data_source"].update(ref_id="rasid-x"),
    "an unknown query language": lambda b: b.update(query={"expression": "", "language": "sql"}),
    "a dashboard's query over an unknown field": lambda b: b["query"].update(expression='tagg: "attack"'),
    "a query over an unknown field": lambda b: chart(b, "pie").update(query={"expression": 'tagg: "attack"'}),
    "a query for what is never there": lambda b: chart(b, "pie").update(query={"expression": 'tag: "strike"'}),
    "a query with an open bracket": lambda b: chart(b, "pie").update(query={"expression": '(tag: "attack"'}),
    "a query of bare words": lambda b: chart(b, "pie").update(query={"expression": "attack"}),
    "a drill-down to nowhere": lambda b: drilldown(b).update(dashboard_id="gone"),
    "a drill-down of an unknown kind": lambda b: drilldown(b).update(type="teleport"),
    "an unknown column": lambda b: table(b)["column_order"].append("aktor"),
    "a column without a label": lambda b: table(b)["column_order"].append("revision"),
    "no columns": lambda b: table(b).update(column_order=[]),
    "an unknown order": lambda b: table(b)["sort"].append({"name": "when", "direction": "asc"}),
    "documents of no data view": lambda b: table(b)["data_source"].update(ref_id="rasid-x"),
    "a documents query over an unknown field": lambda b: table(b)["query"].update(expression="aktor: *"),
}  # fmt: skip
TABLE_FAULTS = {
    "a table column to the left": lambda c: c["rows"][0].update(alignment="left"),
    "a table column without a label": lambda c: c["metrics"][0].pop("label"),
    "a number of an unknown field": lambda c: c["metrics"][-1].update(filter={"expression": "aktor: *"}),
}  # fmt: skip


def chart(body, kind):
    return next(p["config"] for p in panels(body, "vis") if p["config"]["type"] == kind)


def table(body):
    return next(p["config"]["tabs"][0] for p in panels(body, DOCUMENTS))


def drilldown(body):
    found = (d for p in panels(body, "vis") for d in p["config"].get("drilldowns", []))
    return next(d for d in found if d["type"] == "dashboard_drilldown")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_seeded_fault_is_caught(fault, schema):
    body = copy.deepcopy(BODIES[SITUATION])
    FAULTS[fault](body)
    try:
        found = list(dashboard_faults(body, BODIES))
    except (AttributeError, KeyError, TypeError):
        found = []  # shapes are the schema's affair
    assert found or not schema.is_valid(body)


@pytest.mark.parametrize("fault", TABLE_FAULTS)
def test_a_seeded_fault_of_a_table_is_caught(fault):
    body = copy.deepcopy(BODIES[HEALTH])
    TABLE_FAULTS[fault](chart(body, "data_table"))
    assert list(dashboard_faults(body, BODIES))


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
    "a query over an unknown field": lambda lines: search(lines[0], "tag:", "tagg:"),
    "a map of words": lambda lines: layers(lines[-2], '"geoField": "location"', '"geoField": "place"'),
    "a map of no data view": lambda lines: layers(lines[-2], "layer_0_source", "layer_9_source"),
    "a map query over an unknown field": lambda lines: layers(lines[-2], "place_precision", "precision"),
    "an unknown field beside a point": lambda lines: layers(lines[-2], '"first_url"', '"furl"'),
}  # fmt: skip
VIEW_FAULTS = {
    "a view of no alias": lambda v: v.update(title="logs-*"),
    "a name that is not Arabic": lambda v: v.update(name="Mentions"),
    "another time field": lambda v: v.update(timeFieldName="first_seen_at"),
    "a label of an unknown field": lambda v: v["fieldAttrs"].update(aktor={"customLabel": "الفاعل"}),
    "a label that is not Arabic": lambda v: v["fieldAttrs"].update(actor={"customLabel": "Actor"}),
    "a format of an unknown field": lambda v: v["fieldFormats"].update(aktor={"id": "url", "params": {}}),
    "a code without a word": lambda v: v["fieldFormats"]["tag"]["params"]["lookupEntries"].append({"key": "x", "value": ""}),
    "a link out of Kibana": lambda v: v["fieldFormats"]["article_id"]["params"].update(urlTemplate="https://evil.example"),
    "a runtime field nobody checked": lambda v: v.update(runtimeFieldMap={"x": {"type": "long"}}),
}  # fmt: skip


def search(line, old, new):
    meta = line["attributes"]["kibanaSavedObjectMeta"]
    before = meta["searchSourceJSON"]
    meta["searchSourceJSON"] = before.replace(old, new)
    assert before != meta["searchSourceJSON"]


def layers(line, old, new):
    before = line["attributes"]["layerListJSON"]
    line["attributes"]["layerListJSON"] = before.replace(old, new)
    assert before != line["attributes"]["layerListJSON"]


@pytest.mark.parametrize("fault", LINE_FAULTS)
def test_a_seeded_fault_in_the_ndjson_is_caught(fault):
    lines = [json.loads(line) for line in ndjson().splitlines()]
    LINE_FAULTS[fault](lines)
    assert list(ndjson_faults("\n".join(json.dumps(line) for line in lines)))


@pytest.mark.parametrize("fault", VIEW_FAULTS)
def test_a_seeded_fault_of_a_data_view_is_caught(fault):
    body = copy.deepcopy(next(v for v in data_views() if v["data_view"]["id"] == MENTIONS))
    VIEW_FAULTS[fault](body["data_view"])
    assert list(view_faults(body))


# --- requests ------------------------------------------------------------------------------------


def test_kql_is_spelled_for_query_string():
    asked = 'not a: "x" and b: ("y" or "z") and c >= 2 and d: *'
    assert lucene(asked) == 'NOT a:"x" AND b:("y" OR "z") AND c:>=2 AND d:*'


@pytest.mark.parametrize(
    ("span", "width"),
    [("now-15m", "1m"), ("now-24h", "30m"), ("now-7d", "3h"), ("now-30d", "12h"), ("now-1y", "7d")],
)
def test_bars_are_as_wide_as_kibana_makes_them(span, width):
    assert width_of({"from": span, "to": "now"}) == width


def test_a_query_that_asks_of_all_fields_is_no_fault():
    assert list(query_faults("x", MENTIONS, 'not tag: "attack" and confidence >= 0.8')) == []


# --- every panel on the real node, against a count that shares no code with it -------------------


@pytest.mark.node
class TestPanelsOnTheNode:
    def test_every_panels_numbers_equal_a_direct_count(self, week):
        """The direct count reads every document, filters by its own reading of KQL, and counts."""
        now = datetime.now(UTC)
        everything = {name: [h["_source"] for h in scan(week, index=name)] for name in NAMES}
        for board, config in CHARTS:
            name = f"{board['title']}/{config['title']}"
            rows = ask(week, config, board)
            expected = direct(config, board, everything[view(config)], now)
            assert rows, name
            assert any(any(row.numbers) for row in rows), f"{name} is empty over the week"
            for row in rows:
                assert row.numbers == pytest.approx(expected[row.keys]), (name, row.keys)
            if all(b["operation"] == "date_histogram" or b["limit"] >= 20 for b in buckets(config)):
                assert {row.keys for row in rows} == set(expected), name
        for board, config in TABLES:
            total, found = read(week, config, board, size=3)
            expected = matching(config, board, everything[view(config)], now)
            assert total == len(expected) > 0, config["title"]
            time = TIME[view(config)]
            newest = sorted((s[time] for s in expected), reverse=True)[:3]
            order = [datetime.fromisoformat(fields[time][0]) for fields in found if time in fields]
            assert order == [datetime.fromisoformat(t) for t in newest][: len(order)]

    def test_the_map_shows_every_placed_incident_once(self, week):
        incidents = [hit["_source"] for hit in scan(week, index="rasid-incidents")]
        shown = defaultdict(int)
        for spot in spots(week, WEEK):
            shown[spot.layer] += spot.count
        for layer, (query, _colour) in LAYERS.items():
            placed = [i for i in incidents if i["place_precision"] != "country" and kql(query)(i)]
            assert shown[layer] == len(placed) > 0

    def test_every_field_of_a_panel_can_be_aggregated(self, es):
        for _, config in CHARTS:
            names = [b.get("field") or b["fields"][0] for b in buckets(config)]
            names += [m["field"] for m in metrics(config) if "field" in m]
            names = [n for n in names if n != "lag_minutes"]  # a runtime field of the data view
            if names:
                caps = es.field_caps(index=view(config), fields=names)["fields"]
                assert all(kind["aggregatable"] for n in names for kind in caps[n].values()), names
                assert set(names) <= set(fields_of(view(config)))


ALIASES = {
    "actor_id": "actor_ids",
    "kind": "kinds",
    "newsroom": "newsrooms",
    "target": "targets",
    "weapon_id": "weapon_ids",
}


def matching(config, board, sources, now):
    """The sources in the panel's time range that match the dashboard's query and the panel's."""
    tab = config.get("tabs", [config])[0]
    tests = [kql(asker.get("query", {}).get("expression", "")) for asker in (board, tab)]
    start = now - length(span_of(config, board))
    time = TIME[view(config)]
    return [
        s
        for s in sources
        if datetime.fromisoformat(s[time]) >= start and all(test(s) for test in tests)
    ]


def direct(config, board, sources, now):
    """Numbers of the chart by its keys."""
    shifted = any("time_shift" in m for m in metrics(config))
    before = now - length(span_of(config, board))
    mine = matching(config, board, sources, now)
    if shifted:
        late = {id(s) for s in mine}
        earlier = [s for s in matching(config, board, sources, before) if id(s) not in late]
        return {
            (): tuple(number(earlier if "time_shift" in m else mine, m) for m in metrics(config))
        }
    groups = defaultdict(list)
    for source in mine:
        for keys in product(
            *(keys_of(source, bucket, config, board) for bucket in buckets(config))
        ):
            groups[keys].append(source)
    if not buckets(config):
        groups[()] = mine
    return {
        keys: tuple(number(found, m) for m in metrics(config)) for keys, found in groups.items()
    }


def keys_of(source, bucket, config, board):
    if bucket["operation"] == "date_histogram":
        zone = timedelta(hours=3)  # Riyadh's, all year
        step = {"30m": timedelta(minutes=30), "3h": timedelta(hours=3), "12h": timedelta(hours=12)}
        step = step[width_of(span_of(config, board))]
        epoch = datetime(2026, 1, 1, tzinfo=UTC)
        at = datetime.fromisoformat(source[bucket["field"]]) + zone
        local = epoch + (at - epoch) // step * step
        return [f"{local:%Y-%m-%dT%H:%M}:00.000+03:00"]
    found = values(source, bucket["fields"][0])
    if "other_bucket" in bucket:
        return found or [MISSING]
    nobody = bucket.get("excludes", {"values": []})["values"]
    return [f for f in found if not any(re.fullmatch(pattern, f) for pattern in nobody)]


def number(found, metric):
    if "filter" in metric:
        found = [s for s in found if kql(metric["filter"]["expression"])(s)]
    if metric["operation"] == "count":
        return len(found)
    if metric.get("field") == "lag_minutes":
        mine = [lag(s) for s in found if s["published_precision"] != "day"]
    else:
        mine = [v for s in found for v in values(s, metric["field"])]
    if metric["operation"] == "unique_count":
        return len(set(mine))
    if metric["operation"] == "median":
        return median(mine) if mine else None
    return sum(mine)


def lag(source):
    seen, published = (datetime.fromisoformat(source[f]) for f in ("first_seen_at", "published_at"))
    return (seen - published) / timedelta(minutes=1)


def values(source, field):
    """The values of a dotted field as a list."""
    for part in field.split("."):
        if source is not None:
            source = source.get(part if part in source else ALIASES.get(part, part))
    return [] if source is None else source if isinstance(source, list) else [source]


def length(span):
    count, unit = re.fullmatch(r"now-(\d+)(\w)", span["from"]).groups()
    return (
        int(count)
        * {"h": timedelta(hours=1), "d": timedelta(days=1), "y": timedelta(days=365)}[unit]
    )


def kql(text):
    """The KQL of the dashboards as a test of one source: not binds before and, and before or."""
    tokens = re.findall(r"\(|\)|\"[^\"]*\"|>=|:|[^\s():\"]+", text)

    def whole():
        tests = [both()]
        while tokens[:1] == ["or"]:
            tokens.pop(0)
            tests.append(both())
        return lambda s: any(test(s) for test in tests)

    def both():
        tests = [one()]
        while tokens[:1] == ["and"]:
            tokens.pop(0)
            tests.append(one())
        return lambda s: all(test(s) for test in tests)

    def one():
        token = tokens.pop(0)
        if token == "not":
            test = one()
            return lambda s: not test(s)
        if token == "(":
            test = whole()
            assert tokens.pop(0) == ")"
            return test
        return condition(token, tokens.pop(0))

    def condition(field, operator):
        if operator == ">=":
            least = float(tokens.pop(0))
            return lambda s: any(v >= least for v in values(s, field))
        wanted = []
        if tokens[0] == "(":
            while tokens.pop(0) != ")":
                if tokens[0] not in ("or", ")"):
                    wanted.append(tokens[0].strip('"'))
        elif tokens[0] == "*":
            tokens.pop(0)
            return lambda s: bool(values(s, field))
        else:
            wanted.append(tokens.pop(0).strip('"'))
        return lambda s: any(str(v).lower() in wanted for v in values(s, field))

    return whole() if tokens else lambda _: True
