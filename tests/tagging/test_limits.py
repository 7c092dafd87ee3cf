"""No text makes the tagger slow or crash: time grows with length, offsets stay inside the text."""

from __future__ import annotations

import gc
import time

import pytest


@pytest.fixture(autouse=True)
def _no_collection():
    # A full collection of what 2,000 tests before these left behind takes a second by itself.
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def cpu(tagger, text):
    started = time.thread_time()
    mentions = tagger.tag(text)
    for m in mentions:
        assert 0 <= m.start < m.end <= len(text)
        for role in (*m.actors, *m.targets, *m.places, *m.weapons, *m.from_, *m.to, *m.via):
            assert text[role.start : role.end] == role.text
    return time.thread_time() - started


@pytest.mark.parametrize(
    ("unit", "times"),
    [
        ("هجوم ", 4_000),
        ("قصف، ", 4_000),
        ("قصف\n", 3_000),
        ("«", 100_000),
        ("«قصف»", 4_000),
        ("و", 200_000),
        ("ا\u064e\u0640", 60_000),
        ("!", 200_000),
        (".)", 60_000),
        ("د. ", 20_000),
        ("1,", 100_000),
        ("ألف ", 20_000),
        ("3 قتلى بينهم ", 4_000),
        ("أعلنت حركة طالبان أن قوات الجيش هاجمت مسلحين في مدينة تعز، ", 400),
        ("قال إن ", 20_000),
        ("<p>هجوم</p>\n", 2_000),
    ],
    ids=[
        "trigger", "clauses", "lines", "quotes", "nested", "letter", "marks", "stops", "brackets",
        "initials", "digits", "numbers", "counts", "prose", "that", "html",
    ],
)  # fmt: skip
def test_time_is_linear_in_length(tagger, unit, times):
    # What is glued to the end keeps patterns from being done with all of it at once.
    half, whole = (unit * n + "هجوم" for n in (times // 2, times))
    tagger.tag(unit * 50)  # memos
    first = cpu(tagger, half)
    second = cpu(tagger, whole)
    # Twice the text takes about twice the time; quadratic code takes four times.
    assert second < 3 * first + 0.2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        # Every word a trigger: some 23,000 mentions, 35 to 42 s on a slow core; quadratic code takes
        # hours.
        ("قصف " * 250_000, 120),
        # One sentence without an end.
        ("وقالت مصادر رسمية إن الاجتماع عقد في العاصمة وحضره عدد من المسؤولين " * 15_000, 15),
        ("«" * 100_000 + "قصف" + "»" * 100_000, 5),
    ],
    ids=["trigger", "sentence", "quotes"],
)
def test_a_megabyte_is_read_to_its_end(tagger, text, seconds):
    assert cpu(tagger, text) < seconds


@pytest.mark.parametrize(
    "text",
    [
        "\x00\x01\x07 هجوم \x1b[31m قصف",
        "\ud800قصف\udfff الجيش موقعا",
        "\u202eهاجم مسلحون حاجزا\u202c",
        "<b>هاجم</b> مسلحون <a href='x'>حاجزا</a>",
        "هاجم مسلحون حاجزا" + "\n" * 5_000,
        "ﻫﺎﺟﻢ ﻣﺴﻠﺤﻮﻥ ﺣﺎﺟﺰﺍ",
    ],
    ids=["controls", "surrogates", "bidi", "html", "breaks", "forms"],
)
def test_odd_characters_are_read_around(tagger, text):
    cpu(tagger, text)
