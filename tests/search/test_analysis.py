"""The Arabic analysis: the checked-in file and the char filter's rules."""

from __future__ import annotations

from rasid.search import analysis


def rules() -> dict[str, str]:
    split = (rule.split("=>") for rule in analysis.char_rules())
    decode = lambda text: text.encode("ascii").decode("unicode_escape")  # noqa: E731
    return {decode(old): decode(new) for old, new in split}


def test_the_checked_in_file_is_what_the_code_generates():
    """Run `python -m rasid.search.analysis` when this fails."""
    assert analysis.rendered() == analysis.FILE.read_text("utf-8")


def test_presentation_forms_become_plain_letters():
    assert rules()["ﻻ"] == "لا"
    assert rules()["ﻦ"] == "ن"
    assert rules()["ﷲ"] == "الله"


def test_marks_and_controls_vanish_and_separators_become_spaces():
    assert all(not rules()[mark] for mark in "ًَّـ\u200f\u202b\u2069\ufeff")
    assert all(rules()[mark] == " " for mark in "_\u200c\u00a0")


def test_alef_maqsura_stays_for_the_stop_words():
    """The list holds على only with ى: folding it before the stop filter would lose the stop word."""
    assert "ى" not in rules()
    assert rules()["ﻰ"] == "ى"


def test_every_rule_is_a_fixed_point():
    """No rule yields a character that another rule would still change."""
    single = {old: new for old, new in rules().items() if len(old) == 1}
    assert all(single.get(letter, letter) == letter for new in single.values() for letter in new)
