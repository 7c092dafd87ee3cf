"""Pages to articles: text, dates, language, and what makes two texts the same."""

from __future__ import annotations

from rasid.reading.changes import TextChange, compare_texts
from rasid.reading.dates import DateReading, read_date
from rasid.reading.fingerprints import SAME_STORY, fingerprint, similarity, text_hash, title_key
from rasid.reading.language import language_of
from rasid.reading.page import Reading, read_fragment, read_page


__all__ = [
    "SAME_STORY",
    "DateReading",
    "Reading",
    "TextChange",
    "compare_texts",
    "fingerprint",
    "language_of",
    "read_date",
    "read_fragment",
    "read_page",
    "similarity",
    "text_hash",
    "title_key",
]
