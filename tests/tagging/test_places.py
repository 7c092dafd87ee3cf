"""Places: gazetteer names, names after a head, and what is no place of an event."""

from __future__ import annotations

from datetime import datetime

import pytest


DAY = datetime(2026, 11, 25)  # noqa: DTZ001 (a date only)


def places(tagger, text):
    return [p.text for m in tagger.tag(text, published_at=DAY) for p in m.places]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("قصفت الطائرات الحربية مواقع للمسلحين في سوريا", "سوريا"),
        ("انفجرت عبوة ناسفة في قرية الشويرات وقتلت شرطيين", "قرية الشويرات"),
        ("هاجم مسلحون حاجزا للجيش بمديرية الوهط", "مديرية الوهط"),
        ("قتل ثلاثة جنود في هجوم شمال شرقي تركيا", "تركيا"),
    ],
    ids=["country", "unknown-village", "clitic-on-the-head", "side-without-preposition"],
)
def test_the_place_of_an_attack_is_found(tagger, text, place):
    assert any(place in found for found in places(tagger, text))


def test_a_list_goes_on_after_a_plural_head(tagger):
    found = places(tagger, "شنت طائرات الجيش غارات على مدن رفح والشويرات والعريش")
    assert {"مدن رفح", "الشويرات", "العريش"} <= set(found)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("بغداد - قتل جنديان في هجوم لمسلحين على حاجز في كركوك", "بغداد"),
        ("أعلنت المقاومة الإسلامية في لبنان استهداف دبابة قرب مركبا", "لبنان"),
        ("قتل قائد في فيلق القدس بغارة على دمشق", "القدس"),
    ],
    ids=["dateline", "of-the-speaker", "name-of-a-corps"],
)
def test_other_places_are_left_alone(tagger, text, other):
    assert other not in places(tagger, text)


def test_an_everyday_word_is_no_place_without_support(tagger):
    assert "خالص" not in places(tagger, "قدم التعازي بخالص العزاء في مقتل جنديين بهجوم مسلح")


def test_a_withdrawal_says_from_where_and_to_where(tagger):
    (m,) = [
        m
        for m in tagger.tag("انسحبت قوات الجيش من مدينة تعز إلى قاعدة العند", published_at=DAY)
        if m.tag == "troop_movement"
    ]
    assert [p.text for p in m.from_] == ["مدينة تعز"]
    assert [p.text for p in m.to] == ["قاعدة العند"]
