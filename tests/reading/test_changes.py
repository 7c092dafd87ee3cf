"""Versions of an article: what changed."""

from __future__ import annotations

import pytest

from rasid.reading import compare_texts


BEFORE = "قتل 3 أشخاص في انفجار وسط السوق.\nأغلقت الشرطة الطريق.\nأصيب 12 مدنيا بجروح."


def test_spelling_and_white_space_are_no_change() -> None:
    assert compare_texts(BEFORE, BEFORE.replace("أ", "ا").replace(" ", "  ")) is None


def test_added_and_removed_sentences_are_named() -> None:
    after = BEFORE.replace("أغلقت الشرطة الطريق.", "فتحت الشرطة الطريق بعد ساعة.")
    change = compare_texts(BEFORE, after)
    assert change.removed == ("أغلقت الشرطة الطريق.",)
    assert change.added == ("فتحت الشرطة الطريق بعد ساعة.",)
    assert change.share == pytest.approx(1 / 3)
    assert not change.casualties_changed


@pytest.mark.parametrize(
    ("before", "after", "killed", "injured"),
    [
        ("سقط 3 قتلى.", "سقط 5 قتلى.", (3, 5), (None, None)),
        ("مقتل 3 أشخاص.", "مقتل ٧ أشخاص وإصابة 12.", (3, 7), (None, 12)),
        ("أصيب 4 جنود.", "أصيب 9 جنود.", (None, None), (4, 9)),
        ("سقط قتلى.", "سقط 8 شهداء و20 جريحا.", (None, 8), (None, 20)),
        ("ارتفع العدد إلى 10 قتلى.", "ارتفع العدد إلى 10 قتلى و 3 مصابين.", (10, 10), (None, 3)),
        ("قتل ثلاثة أشخاص.", "قتل خمسة أشخاص.", (3, 5), (None, None)),
        ("مقتل شخصين.", "مقتل 4 أشخاص.", (2, 4), (None, None)),
        ("وقع الهجوم عام 2014.", "وقع الهجوم عام 2015.", (None, None), (None, None)),
    ],
)
def test_casualty_numbers_before_and_after(before, after, killed, injured) -> None:
    change = compare_texts(before, after)
    assert (change.killed, change.injured) == (killed, injured)
    assert change.casualties_changed == (killed[0] != killed[1] or injured[0] != injured[1])
