"""The index holds the whole mention record, and nothing that its strict mapping refuses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rasid.pipeline.documents import mention_documents
from rasid.pipeline.records import Entry, Run
from rasid.search.templates import template
from rasid.tagging import load_tagger


TEXT = "نفى الجيش انسحاب قواته من عتق أمس"


@pytest.fixture(scope="module")
def document():
    at = datetime(2026, 11, 25, tzinfo=UTC)
    (mention,) = load_tagger().tag(TEXT, published_at=at)
    article = {"title": TEXT, "published_at": None, "tagger_version": "l.1.joint", "story_id": "s"}
    entry = Entry(
        "e", "f", "https://outlet.test/1", "https://outlet.test/1", at, {},
        article=article, mentions=(mention.to_json(),),
    )  # fmt: skip
    (made,) = mention_documents(entry, Run("r", "monitor_news", at), None)
    return made


def test_every_field_has_its_place_in_the_mapping(document):
    fields = template("mentions")["template"]["mappings"]["properties"]
    assert set(document) <= set(fields)


def test_denial_cue_and_time_are_told(document):
    assert document["polarity"] == "neg"
    assert document["modality_cue"]["text"] == "نفى"
    assert document["event_time"] == document["event_time_to"] == "2026-11-24"
    assert (document["event_time_source"], document["event_time_raw"]) == ("relative", "أمس")
    assert document["in_combat"] is False
    assert document["pos"] == "noun"


def test_victims_equipment_and_gazetteer_are_told():
    """Who was killed, what moves beside people, and the place's number in GeoNames."""
    at = datetime(2026, 11, 25, tzinfo=UTC)
    text = (
        "الجيش يدفع بدبابات إلى الموصل\nدفع الجيش بتعزيزات عسكرية تضم أربعين دبابة إلى الموصل بعد"
        " مقتل خمسة مدنيين بقصف على المدينة."
    )
    found = load_tagger().tag(text, published_at=at)
    article = {"title": text, "published_at": None, "tagger_version": "l.1.joint", "story_id": "s"}
    entry = Entry(
        "e", "f", "https://outlet.test/1", "https://outlet.test/1", at, {},
        article=article, mentions=tuple(m.to_json() for m in found),
    )  # fmt: skip
    made = mention_documents(entry, Run("r", "monitor_news", at), None)
    assert "civilians" in {(m["killed"] or {}).get("who") for m in made}
    assert any(m["equipment"] for m in made)
    assert any(m["place_geonameid"] for m in made)
