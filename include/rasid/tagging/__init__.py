"""Tagging: who did what to whom, where, when, says who; with exact offsets."""

from __future__ import annotations

from rasid.tagging.lexicon import Manifest, compile_lexicon
from rasid.tagging.mention import Mention, Role, Span
from rasid.tagging.tagger import Tagger, load_tagger


__all__ = [
    "Manifest", "Mention", "Role", "Span", "Tagger", "compile_lexicon", "load_tagger",
]  # fmt: skip
