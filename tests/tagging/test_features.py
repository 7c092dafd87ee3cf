"""The evidence of a candidate: what its sentence says for it and against it, by name."""

from __future__ import annotations

import pytest

from rasid.tagging import load_tagger


@pytest.fixture(scope="module")
def features():
    rules = load_tagger(model=False)

    def of(text, entry):
        return next(
            set(c.features) for c in rules.read(text).candidates if c.trigger.entry.id == entry
        )

    return of


def test_control_in_a_relative_clause_is_told_from_taking_it(features):
    state = features("فر المدنيون من المناطق التي تسيطر عليها قوات النظام", "move.saytara")
    act = features("سيطرت قوات النظام على بلدة مارع", "move.saytara")
    assert {"relative", "trigger:move.saytara:pres"} <= state
    assert "trigger:move.saytara:past" in act
    assert "relative" not in act


def test_reinforcements_that_are_hit_do_not_move(features):
    assert "struck" in features("استهدف الطيران تعزيزات للميليشيا شرق المدينة", "move.tazizat")
    assert "struck" not in features("وصلت تعزيزات للجيش إلى الجبهة", "move.tazizat")


@pytest.mark.parametrize(
    ("text", "entry", "whole"),
    [
        ("انسحبت قوات الجيش من تعز", "move.insahab", "whole:troop_movement:armed:from"),
        ("هاجم مسلحون حاجزا شرق المدينة", "attack.hujum", "whole:attack:armed:what"),
    ],
)
def test_the_parts_that_stand_together_are_one_piece_of_evidence(features, text, entry, whole):
    assert whole in features(text, entry)


@pytest.mark.parametrize(
    ("text", "entry", "negative"),
    [
        ("تفجير مسيطر عليه لمخلفات حربية قرب مطار بغداد", "", "neg.detonation"),
        ("مناورة للجيش تحاكي هجوما على قاعدة", "attack.hujum", "neg.exercise"),
        ("نفى الجيش تزويد الحوثيين بصواريخ", "attack.sarukh", "neg.arms"),
        ("استقبال جثامين جنود قتلوا في هجوم", "attack.hujum", "neg.mourning"),
    ],
)
def test_signs_that_a_word_is_meant_otherwise_weigh_against_it(features, text, entry, negative):
    if not entry:  # the phrase covers the trigger: nothing could be an event
        assert load_tagger(model=False).read(text).candidates == []
    else:
        assert f"negative:{negative}" in features(text, entry)
