"""The own gold is whole and says what its texts say; slips are named by file and line."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from rasid.arabic import fold
from rasid.errors import LabelsError
from rasid.tagging.gold import read_gold


def test_there_are_enough_documents_of_every_sort(gold):
    """tagging.md §10: 60 with attacks, 40 with movements, 50 quiet, of at least seven countries."""
    tags = [{e.tag for e in d.events} for d in gold]
    assert len(gold) >= 150
    assert sum("attack" in t for t in tags) >= 60
    assert sum("movement" in t for t in tags) >= 40
    assert sum(not t for t in tags) >= 49
    countries = Counter(d.country for d in gold)
    assert sum(n >= 10 for n in countries.values()) >= 7


def test_every_modality_and_class_occurs(gold):
    events = [e for d in gold for e in d.events]
    assert len({e.modality for e in events}) == 6
    assert len({e.actor_class for e in events}) == 6


def test_spans_slice_to_their_text_and_lie_in_the_sentence_of_their_trigger(gold):
    for d in gold:
        for e in d.events:
            start, end = next(s for s in d.sentences if s[0] <= e.trigger.start < s[1])
            for span in (e.trigger, *(s for spans in e.roles.values() for s in spans)):
                assert d.text[span.start : span.end] == span.text, d.id
                assert start <= span.start < span.end <= end, (d.id, e.name, span.text)


def test_a_count_a_time_and_a_speaker_have_their_span(gold):
    for d in gold:
        for e in d.events:
            assert set(e.counts) == {"killed", "injured", "size"} & set(e.roles), (d.id, e.name)
            assert bool(e.time) == ("time" in e.roles), (d.id, e.name)
            assert e.says != "none" or "speaker" not in e.roles, (d.id, e.name)


WEEKDAYS = [
    fold(day) for day in ("الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد")
]


def test_a_weekday_is_the_date_that_its_label_says(gold):
    """A slip of the writer in the calendar would count against the tagger."""
    checked = 0
    for d in gold:
        for e in d.events:
            for span in e.roles.get("time", ()):
                named = [n for n, w in enumerate(WEEKDAYS) if w in fold(span.text).split()]
                if named:
                    day = date.fromisoformat(e.time)
                    assert [day.weekday()] == named, (d.id, span.text)
                    assert 0 <= (d.published - day).days < 7, (d.id, span.text)
                    checked += 1
    assert checked > 20


DOCUMENT = """### one ; YE ; agency ; 2026-03-15 ; a trap
[هجوم|a] بـ[قذيفة [هاون|a.weapon]|a.weapon] على [قرية|a.target]

قُتل [رجل|b.target b.killed] في [القصف|b].
~ جملة مختلف فيها.
---
a: attack rocket_shelling militia factual outcome=failed hedged
b: attack rocket_shelling unknown factual killed=1+ says=official
"""


def read(tmp_path, text):
    (tmp_path / "some.txt").write_text(text, "utf-8")
    return read_gold(tmp_path)


def test_marks_are_taken_out_and_become_offsets(tmp_path):
    (d,) = read(tmp_path, DOCUMENT)
    assert d.text == "هجوم بقذيفة هاون على قرية\nقُتل رجل في القصف. جملة مختلف فيها."
    assert [d.text[a:b] for a, b in d.sentences] == [
        "هجوم بقذيفة هاون على قرية",
        "قُتل رجل في القصف.",
        "جملة مختلف فيها.",
    ]
    a, b = d.events
    assert [s.text for s in a.roles["weapon"]] == ["هاون", "قذيفة هاون"]
    assert (a.outcome, a.hedged) == ("failed", True)
    assert b.counts == {"killed": (1, None)}
    labels = d.labels()
    assert [s["excluded"] for s in labels["sentences"]] == [False, False, True]
    assert labels["sentences"][1]["attack_class"] == "unknown"
    assert labels["sentences"][1]["killed"] == 1


@pytest.mark.parametrize(
    ("wrong", "right", "says"),
    [
        ("[هجوم|a] ", "هجوم|a] ", "closes nothing"),
        ("[هجوم|a] ", "[هجوم ", "not closed"),
        ("[هجوم|a] ", "هجوم ", "a has 0 triggers"),
        ("a: attack rocket_shelling", "a: attack rocket", "kind is 'rocket'"),
        ("militia factual", "army factual", "class is 'army'"),
        ("a.weapon", "a.arms", "role is 'arms'"),
        ("killed=1+", "killed=some", "'some' is no count"),
        (DOCUMENT.splitlines()[-1], "", "marked, but not described: b"),
        ("agency", "wire", "register is 'wire'"),
        ("2026-03-15", "15 March", "15 March"),
        ("a trap\n", "a trap\n", "ids used twice: one"),
    ],
)
def test_a_slip_is_named_with_file_and_line(tmp_path, wrong, right, says):
    text = DOCUMENT.replace(wrong, right)
    if wrong == right:
        text += text
    with pytest.raises(LabelsError, match=says):
        read(tmp_path, text)
