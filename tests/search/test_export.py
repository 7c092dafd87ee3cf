"""Exports, read back by other programs' rules."""

from __future__ import annotations

import csv
import io
import json

from datetime import UTC, datetime, timedelta

import pytest

from rasid.cli.export import export as write_file
from rasid.errors import ConfigError, QueryError, SearchUnavailable
from rasid.search import Query, Write, index_for, write_all
from rasid.search import export as module
from rasid.search.export import FORMATS, codebook, columns, documents, lines


NOW = datetime.now(UTC)
FULL = {
    "mention_id": "m1", "article_id": "a1", "incident_id": "i1", "tag": "militia_attack", "event": "attack",
    "kind": "rocket_shelling", "modality": "factual", "actor": ["قوات الدعم السريع"], "actor_class": "militia",
    "target": ["مخيم", "سوق"], "place": ["الفاشر"], "location": {"lat": 13.63, "lon": 25.35}, "place_precision": "town",
    "event_time": "2026-11-23", "event_time_precision": "day", "killed": {"min": 9, "max": 12},
    "sentence": {"text": 'قُصف المخيم، وقال شاهد: "سقط\nصاروخان"; ثم صمت.', "start": 0, "end": 10},
    "acled_sub_event": "Shelling/artillery/missile attack", "outlet": "الشاهد", "title": "=HYPERLINK(1)",
    "url": "https://news.example/1", "confidence": 0.93, "published_at": NOW.isoformat(),
}  # fmt: skip


def text(family, form, found) -> str:
    return "".join(lines(found, family, form))


def table(family, form, found) -> list[dict]:
    """As csv and pandas read it: the byte order mark is no part of the first column's name."""
    raw = text(family, form, found).encode()
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))


def test_a_table_keeps_commas_quotes_line_breaks_and_lists():
    (row,) = table("mentions", "csv", [FULL])
    assert row["mention_id"] == "m1"
    assert row["sentence"] == FULL["sentence"]["text"]
    assert row["target"] == "مخيم; سوق"
    assert (row["latitude"], row["longitude"]) == ("13.63", "25.35")
    assert (row["killed_min"], row["injured_max"]) == ("9", "")
    assert list(row) == [column.name for column in columns("mentions", "csv")]


def test_no_cell_runs_as_a_formula():
    bad = [
        {**FULL, "title": start + "1+1", "location": {"lat": -1.5, "lon": -3}} for start in "=+-@\t"
    ]
    for row in table("mentions", "csv", bad):
        assert row["title"][0] == " "
        assert float(row["latitude"]) == -1.5  # numbers stay numbers


def test_features_are_valid_geojson():
    """RFC 7946 §3: types, positions as longitude and latitude in range, unique ids, flat properties."""
    nowhere = {**FULL, "mention_id": "m2", "location": None}
    told = json.loads(text("mentions", "geojson", [FULL, nowhere]))
    assert told["type"] == "FeatureCollection"
    assert set(told) == {"type", "features"}
    first, second = told["features"]
    assert first["geometry"] == {"type": "Point", "coordinates": [25.35, 13.63]}
    assert second["geometry"] is None
    for feature in told["features"]:
        assert set(feature) == {"type", "id", "geometry", "properties"}
        assert feature["type"] == "Feature"
        assert all(not isinstance(v, list | dict) for v in feature["properties"].values())
    assert json.loads(text("mentions", "geojson", [])) == {
        "type": "FeatureCollection",
        "features": [],
    }


def test_acled_columns_are_coded_by_their_rules():
    incident = {
        "incident_id": "i1", "actor": "أ", "actors": ["أ", "ب"], "targets": ["حاجز"], "places": ["تعز"], "event_time": "2026-11-01T00:00:00+00:00",
        "event_time_precision": "month", "killed": {"min": 2, "max": 5}, "acled_sub_event": "Suicide bomb", "outlets": ["و", "ز"],
        "sentence": "انفجار", "updated_at": "2026-11-02", "location": {"lat": 13, "lon": 44}, "place_precision": "country",
    }  # fmt: skip
    (row,) = table("incidents", "acled", [incident])
    assert row | {
        "event_date": "2026-11-01", "year": "2026", "time_precision": "3", "event_type": "Explosions/Remote violence", "actor1": "أ",
        "actor2": "حاجز", "location": "تعز", "geo_precision": "3", "fatalities": "2", "source": "و; ز", "notes": "انفجار",
    } == row  # fmt: skip
    (row,) = table("mentions", "acled", [FULL])
    assert (row["event_date"], row["time_precision"], row["geo_precision"]) == (
        "2026-11-23",
        "1",
        "1",
    )
    assert row["notes"] == FULL["sentence"]["text"]


def test_every_acled_code_that_the_tagger_gives_has_a_type():
    from rasid.tagging import codes

    given = {code.acled for code in (*codes.ATTACKS.values(), *codes.MOVEMENTS.values())}
    assert given <= set(module._EVENT_TYPES)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("family", ["mentions", "incidents"])
def test_the_codebook_names_every_column_in_both_languages(family, form):
    told = codebook(family, form, Query(tag="attack", since="7d"), rows=1234, at=NOW)
    assert "1,234 rows" in told
    assert "tag = attack, since = 7d" in told
    if form != "jsonl":
        for column in columns(family, form):
            assert f"| `{column.name}` | {column.about} | {column.arabic} |" in told
            assert column.about
            assert column.arabic


@pytest.mark.node
class TestOnTheNode:
    @pytest.fixture
    def many(self, es, monkeypatch):
        """Seven pages of mentions, some of them of the same moment."""
        monkeypatch.setattr(module, "PAGE", 7)
        writes = [
            Write(index_for("mentions", NOW), f"m{n}", 1, {**FULL, "mention_id": f"m{n}", "place": ["الفاشر" if n % 2 else "تعز"],
                  "published_at": (NOW - timedelta(hours=n // 5)).isoformat()})
            for n in range(49)
        ]  # fmt: skip
        write_all(es, writes)
        es.indices.refresh(index="rasid-mentions")
        return es

    def test_all_pages_come_once_in_order_and_as_of_one_moment(self, many):
        stream = documents(many, "mentions", Query())
        first = next(stream)
        write_all(
            many, [Write(index_for("mentions", NOW), "late", 1, {**FULL, "mention_id": "late"})]
        )
        many.indices.refresh(index="rasid-mentions")
        found = [first, *stream]
        assert len({d["mention_id"] for d in found}) == len(found) == 49
        assert [d["published_at"] for d in found] == sorted(d["published_at"] for d in found)

    def test_it_filters_as_search_does(self, many):
        assert len(list(documents(many, "mentions", Query(place="الفاشر")))) == 24
        assert len(list(documents(many, "mentions", Query(text="صاروخ", since="3h")))) == 15
        assert list(documents(many, "mentions", Query(actor="الحوثيون"))) == []
        with pytest.raises(QueryError):
            next(documents(many, "mentions", Query(text='"قصف')))

    def test_incidents_too(self, es):
        incident = {"incident_id": "i", "event": "attack", "tag": "attack", "actors": ["داعش"], "places": ["كركوك"], "outlets": ["الشاهد"],
                    "modalities": ["factual"], "first_reported_at": NOW.isoformat(), "sentence": "هجوم على حاجز", "keys": ["k"]}  # fmt: skip
        write_all(es, [Write(index_for("incidents"), "i", 1, incident)])
        es.indices.refresh(index="rasid-incidents")
        asked = Query(
            text="هجمات",
            tag="attack",
            actor="داعش",
            place="كركوك",
            modality="factual",
            outlet="الشاهد",
            since="1d",
        )
        (found,) = documents(es, "incidents", asked)
        assert "keys" not in found
        assert list(documents(es, "incidents", Query(until="2020-01-01"))) == []

    def test_the_file_appears_whole_with_its_codebook_or_not_at_all(
        self, many, tmp_path, monkeypatch
    ):
        file = tmp_path / "m.csv"
        assert write_file(many, "mentions", "csv", Query(), file) == 49
        assert len(list(csv.DictReader(file.open(encoding="utf-8-sig")))) == 49
        assert "49 rows" in (tmp_path / "m.csv.codebook.md").read_text("utf-8")
        other = tmp_path / "n.csv"
        monkeypatch.setattr(module, "_ORDER", {"mentions": [{"nothing": "asc"}]})
        with pytest.raises(SearchUnavailable, match="Start it again"):
            write_file(many, "mentions", "csv", Query(), other)
        assert {path.name for path in tmp_path.iterdir()} == {"m.csv", "m.csv.codebook.md"}

    def test_a_folder_that_is_not_there_gets_advice(self, many, tmp_path):
        with pytest.raises(ConfigError, match="Name a file in a folder that is there"):
            write_file(many, "mentions", "csv", Query(), tmp_path / "none" / "m.csv")
