"""What an attack does to things: the words of damage with what they say it was done to."""

from __future__ import annotations

from rasid.arabic import folded, part_of
from rasid.tagging.actors import clitics
from rasid.tagging.mention import Span
from rasid.tagging.sentence import Sentence


_LONGEST = 5  # words of a span of damage
_ENDS = folded(
    "من على إلى عن مع بعد قبل خلال إثر جراء بسبب نتيجة دون وفق بحسب حسب كما ما أن حين حيث في أمس"
)


def damage(sentence: Sentence, text: str) -> tuple[Span, ...]:
    """The damage that a sentence tells of: «أضرار مادية بالمبنى», «احتراق سيارتين»."""
    found: list[Span] = []
    end = 0
    for hit in sentence.of("damage"):
        if hit.i < end or (hit.entry.get("plural_only") and hit.form == "sg"):
            continue
        end = hit.j
        while end < min(len(sentence.words), hit.i + _LONGEST) and _goes_on(sentence, end):
            end += 1
        start, _ = part_of(sentence.tokens[hit.i], clitics(hit))
        stop = sentence.tokens[end - 1].end
        found.append(Span(text[start:stop], start, stop))
    return tuple(found)


def _goes_on(sentence: Sentence, k: int) -> bool:
    """Whether the word at `k` still belongs to what was damaged."""
    word, shape = sentence.words[k], sentence.tokens[k].shape
    return (
        shape.kind in ("word", "number")
        and not word.startswith("و")
        and word not in _ENDS
        and sentence.clauses[k] == sentence.clauses[k - 1]
    )
