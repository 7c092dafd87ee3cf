"""What makes two texts the same."""

from __future__ import annotations

import json

from pathlib import Path

import pytest

from hypothesis import given
from hypothesis import strategies as st

from rasid.reading import fingerprint, similarity, text_hash, title_key


PAGES = json.loads((Path(__file__).parents[1] / "data/pages/truth.json").read_text("utf-8"))
TEXTS = list(
    {p["title"]: "\n".join(p["paragraphs"]) for p in PAGES.values() if "title" in p}.values()
)


def related(one: str, other: str) -> bool:
    return bool(set(fingerprint(one)) & set(fingerprint(other)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("هل انتهت الحرب؟", "هل انتهت الحرب"),
        ("عاجل: انفجار في المدينة", "انفجار في المدينه"),
        ("عاجل | انفجارٌ في المدينة", "انفجار في المدينة."),
        ("أنباء عن إطلاق نار", "انباء عن اطلاق نار"),
        ("«الهدنة» تدخل حيّز التنفيذ", "الهدنة تدخل حيز التنفيذ"),
        ("بالفيديو.. سقوط طائرة", "سقوط طائرة"),
        ("الجـــيش يتقدم", "الجيش يتقدم"),
    ],
)
def test_spellings_of_one_title_have_one_key(one: str, other: str) -> None:
    assert title_key(one) == title_key(other)


def test_other_titles_have_other_keys_and_a_lone_flash_keeps_its_own() -> None:
    assert title_key("انفجار في المدينة") != title_key("انفجار في القرية")
    assert title_key("عاجل") == "عاجل"


def test_the_text_hash_ignores_white_space_only() -> None:
    assert text_hash("أ ب\n ج") == text_hash("أ  ب ج")
    assert text_hash("أ ب ج") != text_hash("ا ب ج")
    assert len(text_hash("")) == 32


def test_a_respelled_or_vocalised_copy_is_the_same() -> None:
    text = TEXTS[0]
    respelled = text.replace("أ", "ا").replace("ة", "ه").replace("،", "").replace("م", "مَ")
    assert fingerprint(respelled) == fingerprint(text)
    assert similarity(respelled, text) == 1.0


def test_a_cut_copy_with_its_own_lead_shares_a_band() -> None:
    for text in TEXTS:
        copy = "نقلت وكالات الأنباء ما يلي عن مصادرها المحلية: " + text[: int(len(text) * 0.85)]
        assert related(text, copy)


def test_different_stories_share_no_band() -> None:
    pairs = [(a, b) for i, a in enumerate(TEXTS) for b in TEXTS[i + 1 :]]
    assert not any(related(a, b) for a, b in pairs)
    assert max(similarity(a, b) for a, b in pairs) < 0.14


def test_keys_are_the_same_in_every_process_and_release() -> None:
    """They are stored: a change of the algorithm would silently end the finding of duplicates."""
    keys = fingerprint("وصل الوفد إلى العاصمة صباح اليوم وعقد اجتماعا مع الوزير")
    assert (keys[0], keys[41], len(keys)) == KEYS


KEYS = ("00794aac3a7686", "41aa6253256854", 42)


def test_a_text_without_words_has_no_keys() -> None:
    assert fingerprint("") == fingerprint("… ! ؟") == ()
    assert len(fingerprint("خبر")) == 42


@given(st.text(max_size=200))
def test_any_text_can_be_fingerprinted(text: str) -> None:
    assert len(fingerprint(text)) in {0, 42}
    assert similarity(text, text) in {0.0, 1.0}
    assert title_key(title_key(text)) == title_key(title_key(title_key(text)))
