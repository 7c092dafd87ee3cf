"""The language gate, by letters alone."""

from __future__ import annotations

import pytest

from rasid.reading import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("أعلنت وزارة الصحة ارتفاع عدد الإصابات في المحافظات الجنوبية", "ar"),
        ("وصل الى المدينة رتل من الشاحنات قادما من كركوك", "ar"),
        (
            "قصف على گرميان وچمچمال في الإقليم، بحسب مصادر في المنطقة تحدثت إلى الصحفيين عن الحادث",
            "ar",
        ),
        (
            "أعلنت الوزارة في بيان لها أن الوفد وصل إلی العاصمة صباح الیوم والتقی مسؤولین في الحکومة",
            "ar",
        ),
        ("قال الوزير إن شركة Microsoft ستفتتح مكتبا في المدينة خلال العام المقبل", "ar"),
        ("نیروهای امنیتی پس از درگیری در شهر چند نفر را دستگیر کردند", "fa"),
        ("وزیر خارجه ایران وارد بغداد شد و با همتای خود دیدار کرد", "fa"),
        ("شہر کے قریب چوکی پر حملے میں تین اہلکار زخمی ہوئے", "ur"),
        ("هێزەکانی پێشمەرگە لە نزیک کەرکووک جێگیر بوون", "ckb"),
        ("ئەمڕۆ لە هەولێر کۆبوونەوەیەک بەڕێوەچوو", "ckb"),
        ("Police detained several people near the market", "und"),
        (
            "حادث على طريق المطار accident on the airport road leaves several people with injuries",
            "und",
        ),
        ("", "und"),
        ("١٢٣٤ — ۱۲۳۴", "und"),
    ],
)
def test_the_language_of_a_text(text: str, language: str) -> None:
    assert language_of(text) == language
