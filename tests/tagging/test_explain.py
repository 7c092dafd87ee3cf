"""Mentions shown to a person: whole sentences, honest marks, a page that needs nothing beside itself."""

from __future__ import annotations

import re

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from rich.console import Console

from rasid.tagging import Tagged, explain, explain_html
from rasid.tagging.explain import _COLOURS, HERE, _pieces
from rasid.tagging.lexicon import ATTACK_SUBTYPES, ATTACKER_CLASSES, MODALITIES, MOVEMENT_KINDS
from rasid.tagging.mention import Role


TEXT = "قُتل جنديان بهجوم شنه مسلحو داعش على دورية للجيش قرب كركوك أمس، بحسب مصدر أمني."
WORDS = yaml.safe_load((HERE / "explain.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def mentions(tagger):
    found = tagger.tag(TEXT)
    assert found
    return found


def test_the_pieces_are_the_sentence(mentions):
    for m in mentions:
        pieces = _pieces(m)
        assert "".join(p.text for p in pieces) == m.sentence
        assert [p.text for p in pieces if p.role == "trigger"] == [m.trigger]
        assert {"attacker", "trigger"} <= {p.role for p in pieces}


def test_a_prefix_stays_joined_to_the_word_it_is_written_with(mentions):
    """«بـ» before a marked «هجوم»: the browser is told that the letters join."""
    m = replace(mentions[0], trigger="هجوم", start=TEXT.index("هجوم"), end=TEXT.index("هجوم") + 4)
    before = next(
        a for a, b in zip(_pieces(m), _pieces(m)[1:], strict=False) if b.role == "trigger"
    )
    assert before.text.endswith("ب")
    assert before.joins


def test_spans_that_overlap_or_lie_elsewhere_are_left_out(mentions):
    m = mentions[0]
    over = Role(m.trigger, m.start, m.end)
    beyond = Role("x", m.sent_end + 5, m.sent_end + 6)
    pieces = _pieces(replace(m, targets=(over, beyond)))
    assert "targets" not in {p.role for p in pieces}


def test_what_stands_in_the_text_cannot_become_markup(mentions):
    evil = '<script>alert("x")</script>'
    m = replace(mentions[0], sentence=evil, evidence=(evil,), actors=(), sent_start=0,
                start=0, end=8, trigger="<script>", modality_cue=None)  # fmt: skip
    page = explain_html([Tagged(evil, [m])])
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 2


def test_the_page_needs_nothing_beside_itself(mentions):
    page = explain_html([Tagged("عنوان", mentions), Tagged("آخر", [])])
    assert '<html lang="ar" dir="rtl">' in page
    assert not re.search(r"(?:src|href)=|@import|url\(", page)
    assert WORDS["page"]["none"] in page


def test_every_code_has_its_arabic_name():
    codes = {*ATTACK_SUBTYPES, *MOVEMENT_KINDS, *ATTACKER_CLASSES, *MODALITIES}
    assert codes <= set(WORDS["values"])
    assert set(_COLOURS) == set(WORDS["roles"])


def _luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def _contrast(one, other):
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_can_be_read_on_both_grounds():
    """WCAG 2.2 asks 4.5:1 of small text; legend and reasons stand on the softer ground."""
    for role, (light, dark, _) in _COLOURS.items():
        assert _contrast(light, "#f4f1ec") >= 4.5, role
        assert _contrast(dark, "#22252b") >= 4.5, role


def test_a_reason_is_told_in_words_with_its_weight(mentions):
    """What the page has no words for stands there as it is."""
    m = replace(mentions[0], evidence=("weapon:sarukh +0.92", "new:thing -0.10", "model 0.97"))
    page = explain_html([Tagged("عنوان", [m])])
    assert f'{WORDS["evidence"]["weapon"]} <code dir="ltr">weapon:sarukh</code>' in page
    assert '<b dir="ltr">+0.92</b>' in page
    assert '<code dir="ltr">new:thing</code> <b dir="ltr">-0.10</b>' in page
    assert '<code dir="ltr">model 0.97</code>' in page


def test_a_terminal_shows_sentence_facts_and_reasons(mentions):
    console = Console(record=True, width=200, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(explain(mentions))
    shown = console.export_text()
    assert TEXT in shown
    assert "confidence" in shown
    assert mentions[0].evidence[0] in shown


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_real_browser_shows_it(mentions, browser, tmp_path, scheme):
    """No errors, right to left, no sideways scrolling on a phone, marks told apart, reasons open by key."""
    file = tmp_path / "page.html"
    file.write_text(explain_html([Tagged("عنوان الخبر", mentions)]), "utf-8")
    page = browser.new_page(color_scheme=scheme, viewport={"width": 390, "height": 800})
    errors = []
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri())
    assert errors == []
    assert page.evaluate("getComputedStyle(document.body).direction") == "rtl"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    colours = page.evaluate(
        "[...document.querySelectorAll('article mark')].map(e => getComputedStyle(e).color)"
    )
    assert len(set(colours)) >= 3
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 253, 250)", "dark": "rgb(22, 24, 28)"}[scheme]
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details ul").first.is_visible()
    assert page.locator("article p").first.inner_text()
