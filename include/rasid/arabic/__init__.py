"""Arabic text: folding with offsets, tokens, sentences, numbers, morphology over camel-tools."""

from __future__ import annotations

from rasid.arabic.fold import IGNORED, agrees, ascii_digits, fold, folded, letters
from rasid.arabic.morphology import Morphology, Reading, Stem, write_database
from rasid.arabic.numbers import NUMBER_WORDS, Quantity, joined_quantity_at, quantity_at
from rasid.arabic.sentences import sentences
from rasid.arabic.tokens import (
    Shape,
    Token,
    part_of,
    shape_of,
    shapes_of,
    surfaces,
    tokenize,
)


__all__ = [
    "IGNORED", "NUMBER_WORDS", "Morphology", "Quantity", "Reading", "Shape", "Stem", "Token",
    "agrees", "ascii_digits", "fold", "folded", "joined_quantity_at", "letters", "part_of",
    "quantity_at", "sentences", "shape_of", "shapes_of", "surfaces", "tokenize", "write_database",
]  # fmt: skip
