"""Tagging: who did what to whom, where, when, says who; with exact offsets."""

from __future__ import annotations

from rasid.tagging.evaluate import NEWS, below_floors, evaluate, pin_floors
from rasid.tagging.explain import Tagged, explain, explain_html
from rasid.tagging.gold import GOLD
from rasid.tagging.lexicon import Manifest, compile_lexicon
from rasid.tagging.lint import Meaning, Problem, explain_word, lint_lexicon
from rasid.tagging.mention import Mention, Role, Span
from rasid.tagging.tagger import Tagger, load_tagger
from rasid.tagging.times import publication


__all__ = [
    "GOLD", "NEWS", "Manifest", "Meaning", "Mention", "Problem", "Role", "Span", "Tagged",
    "Tagger", "below_floors", "compile_lexicon", "evaluate", "explain", "explain_html",
    "explain_word", "lint_lexicon", "load_tagger", "pin_floors", "publication",
]  # fmt: skip
