"""Folding, tokens, sentences and numbers: offsets always lead back to the text as given."""

from __future__ import annotations

import pytest

from rasid.arabic import agrees, fold, letters, part_of, quantity_at, sentences, tokenize


@pytest.mark.parametrize(
    "written",
    ["بَغْدادَ", "بغـــداد", "بغ\u200fداد", "ﺑﻐﺪﺍﺩ", "\u202bبغداد\u202c"],
)
def test_a_token_slices_to_what_was_written_and_folds_to_the_plain_word(written):
    text = f"في {written} اليوم"
    token = tokenize(text)[1]
    assert fold(letters(text[token.start : token.end])[0]) == "بغداد"
    assert token.folded == "بغداد"


def test_a_ligature_of_two_letters_keeps_one_character():
    text = "ﻻجئ"
    (token,) = tokenize(text)
    assert token.folded == "لاجئ"
    assert (token.start, token.end) == (0, len(text))


def test_persian_letters_fold_to_arabic_ones():
    assert tokenize("کتائب")[0].folded == "كتائب"


def test_a_clitic_is_cut_off_at_its_own_characters():
    text = "وَبَغْدادَ"
    (token,) = tokenize(text)
    start, end = part_of(token, 1)
    assert text[start:end] == "بَغْدادَ"


@pytest.mark.parametrize(
    ("written", "lexical", "expected"),
    [
        ("هجوم", "هجوم", True),
        ("اصابة", "إصابة", True),
        ("اصابه", "إصابة", True),
        ("إليه", "آلية", False),
        ("إضافة", "أضافه", False),
        ("إنسحاب", "انسحاب", True),
        ("مستشفي", "مستشفى", True),
    ],
)
def test_direction_of_spelling(written, lexical, expected):
    assert agrees(written, lexical) is expected


def test_sentences_end_at_stops_and_lines_but_not_inside_numbers_or_initials():
    text = "عنوان\nقال د. أحمد إن 3.5 آلاف جندي وصلوا. ثم انسحبوا؟ نعم"
    assert [text[a:b] for a, b in sentences(text)] == [
        "عنوان",
        "قال د. أحمد إن 3.5 آلاف جندي وصلوا.",
        "ثم انسحبوا؟",
        "نعم",
    ]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("عاد الشاب م. ط. إلى ذويه.", 1),
        ("عاد الشاب مْ. طْ. إلى ذويه.", 1),  # initials with marks
        ("وقع ذلك عام 1447 هـ. ثم عاد.", 2),
        ("انتهى . ثم عاد.", 2),
    ],
)
def test_a_letter_with_a_stop_is_an_initial(text, count):
    assert len(sentences(text)) == count


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("١٢ جنديا", 12, 12),
        ("خمسة وعشرون جنديا", 25, 25),
        ("ثلاثة آلاف مقاتل", 3000, 3000),
        ("2,500 جندي", 2500, 2500),
        ("عشرات القتلى", 20, None),
    ],
)
def test_quantities(text, low, high):
    found = quantity_at(tokenize(text), 0)
    assert found is not None
    assert (found.low, found.high) == (low, high)


def test_more_than_thirty_is_at_least_thirty_one():
    tokens = tokenize("أكثر من ثلاثين قتيلا")
    found = quantity_at(tokens, 2)
    assert found is not None
    assert (found.low, found.high) == (31, None)
