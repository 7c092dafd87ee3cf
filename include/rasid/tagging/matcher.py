"""Matching: what the lexicon knows at each place of a sentence, longest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rasid.arabic import Morphology, Reading, shape_of
from rasid.tagging.lexicon import Entry, Lexicon


class Hit(NamedTuple):
    """One entry found at the tokens `i:j`; the clitics are those of the first token."""

    entry: Entry
    form: str
    i: int
    j: int
    reading: Reading
    kind: str  # the entry's


class _Known(NamedTuple):
    """What one surface type can be: single-word hits, and edges of the trie."""

    words: tuple[tuple[Entry, Reading], ...]
    starts: tuple[tuple[Mapping[str, Any], Reading], ...]  # nodes of phrases that begin with it
    edges: tuple[str, ...]  # by which phrases go on with it, as it stands or as an inflected form


class Matcher:
    """Finds lexicon entries in tokens; every surface type is analysed once."""

    _LIMIT = 200_000  # types remembered; news in bulk knows fewer

    def __init__(self, lexicon: Lexicon, morphology: Morphology) -> None:
        self._entries = lexicon.entries
        self._trie = lexicon.trie
        self._edges = frozenset(_edges(lexicon.trie))
        self._morphology = morphology
        self._memo: dict[str, _Known] = {}  # by what is written

    def _learn(self, surface: str) -> _Known:
        if len(self._memo) >= self._LIMIT:
            self._memo.clear()
        found = self._memo[surface] = self._look_up(surface)
        return found

    def _look_up(self, surface: str) -> _Known:
        shape = shape_of(surface)
        readings: tuple[Reading, ...] = ()
        if shape.kind == "word" and len(shape.folded) <= _LONGEST:
            readings = self._morphology.readings(shape.letters, shape.folded)
            if not _TANWIN.isdisjoint(surface):  # «فجراً» is at dawn: no verb has these endings
                readings = tuple(r for r in readings if r.form not in VERB_FORMS)
        words = []
        inflected = {}
        for reading in readings:
            entry = self._entries.get(reading.entry)
            if entry is not None:
                words.append((entry, reading))
            else:
                inflected["l:" + reading.entry] = reading
        edges = [edge for edge in ("t:" + shape.folded, *inflected) if edge in self._edges]
        if not words and not edges:
            return _NOTHING
        # One reading of each entry as verb and one as noun is enough; a name goes before what is
        # spelt like it (سوريا is the country, not «سوري» in the accusative).
        # The active goes before a passive of the same letters: only a written vowel tells it.
        words.sort(key=lambda found: (found[1].form != "word", found[1].form in _PASSIVE))
        distinct = {(e.id, r.form in VERB_FORMS): (e, r) for e, r in reversed(words)}
        starts = [(self._trie[e], r) for e, r in inflected.items() if e in self._trie]
        return _Known(tuple(reversed(distinct.values())), tuple(starts), tuple(edges))

    def hits(self, surfaces: Sequence[str]) -> list[Hit]:
        """What the lexicon knows of the tokens with these surfaces, in order of place.

        What lies inside a longer hit of the same place is swallowed.
        """
        get = self._memo.get
        known = [get(surface) or self._learn(surface) for surface in surfaces]
        found: list[Hit] = []
        covered = 0
        hidden: frozenset[str] = frozenset()  # kinds that the longer hit there swallows
        for i, own in enumerate(known):
            if own is _NOTHING:  # as most words of news are
                continue
            words, starts, _ = own
            best = self._phrases(surfaces, known, i) if starts else []
            if best and (i >= covered or best[0].j > covered):
                found += best
                covered = max(covered, best[0].j)
                hidden = _hidden(best)
            elif best:
                continue
            for entry, reading in words:
                if i >= covered or not (entry.kind in hidden or "*" in hidden):
                    found.append(Hit(entry, reading.form, i, i + 1, reading, entry.kind))
        return found

    def _phrases(self, surfaces: Sequence[str], known: Sequence[_Known], i: int) -> list[Hit]:
        """The longest phrases that begin at `i`."""
        ends: dict[int, list[Hit]] = {}
        for start, reading in known[i].starts:
            paths = [(start, i + 1)]
            while paths:
                node, j = paths.pop()
                for name, form in node.get("", ()):
                    entry = self._entries[name]
                    hit = Hit(entry, form, i, j, reading, entry.kind)
                    if hit not in (at := ends.setdefault(j, [])):
                        at.append(hit)
                # Writers join names by an underscore in hashtags, and quote parts of a phrase.
                while j < len(known) and surfaces[j] in _SKIPPED and len(node) > ("" in node):
                    j += 1
                if j < len(known):
                    edges = reversed(known[j].edges)
                    paths += [(node[edge], j + 1) for edge in edges if edge in node]
        return ends[max(ends)] if ends else []


def _edges(node: Mapping[str, Any]) -> Iterator[str]:
    """All edges of a trie, some more than once."""
    for edge, following in node.items():
        if edge:
            yield edge
            yield from _edges(following)


_TANWIN = frozenset("\u064b\u064c\u064d\ufe70\ufe71\ufe72\ufe74")
_LONGEST = 30  # letters of a word that is looked up
NO_READING = Reading("", "word", "", "", article=False, future=False, pronoun="")
_PASSIVE = frozenset({"pass", "pres_pass"})
VERB_FORMS = frozenset({"past", "pres", "pass", "pres_pass"})
_NOTHING = _Known((), (), ())
_NAMES = frozenset({"actor", "negative", "place", "country"})


def _hidden(phrase: Sequence[Hit]) -> frozenset[str]:
    """The kinds of hits that a phrase swallows: a name all («*»), others their own kind."""
    if any(hit.kind in _NAMES for hit in phrase):
        return frozenset("*")
    if any(hit.kind == "force" for hit in phrase):
        return frozenset({"attack", "troop_movement", "force", "target", "actor"})
    return frozenset(hit.kind for hit in phrase)


_SKIPPED = frozenset({"_", '"', "«", "»", "“", "”", "'"})
