"""The damage that an attack does, as a span of its own."""

from __future__ import annotations

from datetime import datetime

import pytest


DAY = datetime(2026, 11, 25)  # noqa: DTZ001 (a date only)


@pytest.mark.parametrize(
    ("text", "damage"),
    [
        ("انفجار عبوة ناسفة بدورية للجيش ما أدى إلى احتراق سيارتين", ["احتراق سيارتين"]),
        ("أسفر قصف المسلحين للبلدة عن مقتل طفل وأضرار مادية في المنازل", ["أضرار مادية"]),
        ("قصف مسلحون مواقع للجيش شمال المدينة", []),
    ],
)
def test_damage_reaches_to_the_end_of_its_phrase(tagger, text, damage):
    mentions = [m for m in tagger.tag(text, published_at=DAY) if m.tag == "attack"]
    assert mentions
    assert [span.text for span in mentions[0].damage] == damage
    assert all(text[span.start : span.end] == span.text for span in mentions[0].damage)
