"""One sentence with all that was found in it; tokens, clauses, bodies are made when asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from functools import cached_property

from rasid.arabic import Shape, Token, shapes_of, tokenize
from rasid.tagging.actors import Party, parties
from rasid.tagging.clauses import clause_ids
from rasid.tagging.matcher import Hit
from rasid.tagging.places import Place, places_of
from rasid.tagging.times import Dated, times


class Sentence:
    """Surfaces and hits of `text[start:end]`; most sentences of a day's news are asked no more."""

    def __init__(
        self,
        *,
        index: int,
        start: int,
        end: int,
        text: str,
        surfaces: list[str],
        hits: list[Hit],
        day: date | None,
        year: int | None,
    ) -> None:
        self.index = index
        self.start = start
        self.end = end
        self.text = text  # of the document
        self.surfaces = surfaces  # what is written at each token
        self.hits = hits
        self.day = day  # of publication: classes of groups depend on it
        self.year = year  # of publication, guessed from the text where the day is unknown

    @cached_property
    def shapes(self) -> list[Shape]:
        """The shapes of its tokens."""
        return shapes_of(self.surfaces)

    @cached_property
    def tokens(self) -> list[Token]:
        """Its tokens, with their places in the text."""
        return tokenize(self.text, self.start, self.end, self.shapes)

    @cached_property
    def words(self) -> list[str]:
        """The folded tokens."""
        return [shape.folded for shape in self.shapes]

    @cached_property
    def clauses(self) -> list[int]:
        """The clause of each token."""
        return clause_ids(self.shapes)

    @cached_property
    def bodies(self) -> list[Party]:
        """Armed bodies and countries, in order."""
        return parties(self.hits, self.words, self.day)

    @cached_property
    def places(self) -> list[Place]:
        """The places it names, in order, datelines marked as such."""
        return places_of(self.shapes, self.words, self.hits, self.bodies)

    @cached_property
    def dates(self) -> list[Dated]:
        """Its time expressions, in order."""
        return list(times(self.shapes, self.day))

    @cached_property
    def has_body(self) -> bool:
        """Whether it names an armed body or a country, which may act as one."""
        return any(p.armed or p.cls == "state" for p in self.bodies)

    @cached_property
    def off_topic(self) -> bool:
        """Whether it speaks of such a topic and names no armed body."""
        return self.topic and not any(p.armed for p in self.bodies)

    @cached_property
    def topic(self) -> bool:
        """Whether it uses words of sport, games, weather, fires, computers."""
        return any(h.entry.get("topic") for h in self.of("negative"))

    @cached_property
    def _by_kind(self) -> dict[str, list[Hit]]:
        found: dict[str, list[Hit]] = {}
        for hit in self.hits:
            found.setdefault(hit.kind, []).append(hit)
        return found

    def of(self, kind: str) -> Sequence[Hit]:
        """The hits of one kind, in order."""
        return self._by_kind.get(kind, ())

    @cached_property
    def _first_tokens(self) -> list[int]:
        return [hit.i for hit in self.hits]

    def starting(self, i: int, j: int) -> Sequence[Hit]:
        """The hits whose first token is one of `i:j`, in order."""
        first = self._first_tokens
        return self.hits[bisect_left(first, i) : bisect_left(first, j)]
