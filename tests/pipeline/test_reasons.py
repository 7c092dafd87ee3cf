"""What alarms say in Arabic: numbers govern what they count."""

from __future__ import annotations

import pytest

from rasid.pipeline import reasons
from rasid.sources import Volume


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (1, "منذ ساعة واحدة؛"),
        (2, "منذ ساعتين؛"),
        (3, "منذ 3 ساعات؛"),
        (10, "منذ 10 ساعات؛"),
        (11, "منذ 11 ساعة؛"),
        (100, "منذ 100 ساعة؛"),
        (103, "منذ 103 ساعات؛"),
    ],
)
def test_hours_are_counted_as_arabic_counts(hours, said):
    assert said in reasons.silence("منبر الفرات", Volume("silence", hours, 0, 30)).ar


@pytest.mark.parametrize(
    ("items", "said"),
    [(1.2, "نحو خبر واحد."), (2, "نحو خبرين."), (7, "نحو 7 أخبار."), (28, "نحو 28 خبرًا.")],
)
def test_items_are_counted_as_arabic_counts(items, said):
    assert reasons.silence("منبر الفرات", Volume("silence", 9, 0, items)).ar.endswith(said)


def test_latin_words_stand_apart_from_the_arabic_around_them():
    said = reasons.failing_feed("منبر الفرات", "forbidden", 9, None)
    assert said.ar == (
        "تعذّرت قراءة مصدر منبر الفرات، ولم يُقرأ قط؛ فشلت القراءة 9 مرات،"
        " وسبب آخرها \u2068forbidden\u2069."
    )
    assert said.en.startswith("The feed of منبر الفرات cannot be read; it never could be: 9 polls")
