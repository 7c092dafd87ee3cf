"""Role spans of rules and model joined: the rules know who it is, the model how far it reaches.

What both see keeps the model's edges and the rules' identity. What one of them sees alone counts
when the other does not rule it out: a rule's span when some share of the model stands behind it or
the rule is exact, a model's span when it is likely.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rasid.arabic import folded, part_of
from rasid.tagging.mention import Role
from rasid.tagging.sentence import Sentence
from rasid.tagging.verifier import RoleSpan


SUPPORT = 0.75  # of the model for a span that only the rules see


class Piece(NamedTuple):
    """A span of the rules: its tokens and the role it makes."""

    i: int
    j: int
    role: Role
    sure: bool = False


class Spans(NamedTuple):
    """What the model says of one role in one sentence."""

    spans: Sequence[RoleSpan]
    share: Sequence[float]  # of each token: how likely it belongs to the role


def cleaned(name: str, spans: Sequence[RoleSpan], sentence: Sentence) -> list[RoleSpan]:
    """The model's spans of a role without quotes at their edges, empty words left out.

    Of who acts and with what, spans that touch are one name cut in two: a further member of a list
    begins with «و».
    """
    words = sentence.words
    found: list[RoleSpan] = []
    for span in spans:
        i, j = span.i, min(span.j, len(words))
        while i < j and not words[i][0].isalnum():
            i += 1
        while j > i and not words[j - 1][0].isalnum():
            j -= 1
        if i == j:
            continue
        if name in _WHOLE and found and found[-1].j == i and not words[i].startswith("و"):
            found[-1] = found[-1]._replace(j=j)
        else:
            found.append(span._replace(i=i, j=j))
    return [s for s in found if not _EMPTY.issuperset(words[s.i : s.j])]


_WHOLE = frozenset({"attackers", "movers", "weapons"})
_EMPTY = folded(
    "قرب في من على إلى شمال جنوب شرق غرب شمالي جنوبي شرقي غربي وسط محيط أطراف العاصمة مدينة "
    "بلدة قرية منطقة المنطقة المدينة داخل خارج عند بين والواقعة الواقعة"
)


def joined(
    pieces: Sequence[Piece],
    model: Spans | None,
    name: Callable[[int, int], Role],
    *,
    never: Sequence[tuple[int, int]] = (),
    longer: bool = False,
) -> tuple[Role, ...]:
    """The roles of both; `name` makes the role of tokens that only the model sees.

    `never` are spans that the rules know to play another part. With `longer` what both see reaches
    as far as the longer of them (a place with its head), else as far as the model says.
    """
    if model is None:
        return tuple(p.role for p in pieces)
    found: dict[int, Role] = {}
    free = list(pieces)
    taken: list[tuple[int, int]] = []
    for span in model.spans:
        same = [p for p in free if p.i < span.j and p.j > span.i]
        if not same and any(i < span.j and j > span.i for i, j in (*never, *taken)):
            continue
        # A span that reaches into a piece already taken was cut wrongly: the rules' cut holds.
        astray = any(i < span.j and j > span.i for i, j in taken)
        inside = (
            longer
            and same
            and (astray or len(same) > 1 or same[0].j - same[0].i >= span.j - span.i)
        )
        if inside:
            found |= {p.i: p.role for p in same}
            taken += [(p.i, p.j) for p in same]
            free = [p for p in free if p not in same]
            continue
        made = name(span.i, span.j)
        if same:
            free = [p for p in free if p not in same]
            known = same[0].role
            made = Role(
                made.text, made.start, made.end, known.id, known.type, known.lat, known.lon,
                known.country, known.geonameid,
            )  # fmt: skip
        found[span.i] = made
    for piece in free:
        if piece.sure or max(model.share[piece.i : piece.j], default=0.0) >= SUPPORT:
            found.setdefault(piece.i, piece.role)
    return tuple(found[i] for i in sorted(found))


def namer(sentence: Sentence, text: str, default: str) -> Callable[[int, int], Role]:
    """Makes roles of tokens: bodies and places there give identity, else `default` is the type."""

    def name(i: int, j: int) -> Role:
        body = next((p for p in sentence.bodies if p.i < j and p.j > i), None)
        if body is not None and body.named and body.name_i <= i and j < body.name_j:
            i, j = body.name_i, body.name_j  # the model cut a known name
        place = next((p for p in sentence.places if p.i < j and p.j > i), None)
        own = body or place
        start, _ = part_of(sentence.tokens[i], own.skip if own and own.i == i else 0)
        end = sentence.tokens[j - 1].end
        if body is None:
            return Role(text[start:end], start, end, "", default)
        return Role(text[start:end], start, end, body.id, body.cls or default, country=body.country)

    return name
