"""Which spans play a part in an event: rules and model joined by fitted weights.

The rules know what a span is (a group, a town, a weapon) and where it stands to the trigger; the
model reads all words at once. Whatever one of them sees is an option of a role, described by named
features; a fitted sum of weights takes it or leaves it (scripts/fit_weights.py, layer `roles`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from numpy.typing import NDArray

from rasid.arabic import NUMBER_WORDS, folded, part_of
from rasid.tagging.actors import Party, clitics
from rasid.tagging.combine import CLIP, logits, total
from rasid.tagging.matcher import VERB_FORMS
from rasid.tagging.pieces import PLACES, PREPOSITIONS, Piece, pieces
from rasid.tagging.places import Place
from rasid.tagging.reading import Candidate
from rasid.tagging.roles import preposition
from rasid.tagging.sentence import Sentence
from rasid.tagging.verifier import ROLES, RoleSpan, role_spans


# The roles of each kind of event, by the model's names.
ROLES_OF = {
    "attack": ("attackers", "targets", "weapons", "places"),
    "troop_movement": ("movers", "from", "to", "places"),
}


class Heard(NamedTuple):
    """What the model says of the roles in one sentence."""

    spans: Mapping[str, Sequence[RoleSpan]]
    logits: Mapping[str, Sequence[float]]  # of each token: log-odds that it belongs to the role


class Option(NamedTuple):
    """A span that may play a role: seen by the rules, by the model, or by both."""

    i: int
    j: int
    piece: Piece | None
    span: RoleSpan | None


def heard_from(
    shares: NDArray[np.float32], weights: NDArray[np.float32], sentence: Sentence
) -> Heard:
    """The model's spans by role, from shares (tokens, ROLES, 3) and its weights (ROLES,).

    It is heard where it half believes a span: which options are taken is for the Chooser.
    """
    inside = logits((1 - shares[:, :, 0]).astype(np.float64)).T.tolist()
    spans = role_spans(shares, weights * _READILY)
    return Heard(
        {name: cleaned(name, own, sentence) for name, own in spans.items()},
        dict(zip(ROLES, inside, strict=True)),
    )


# Times the weights at which the model's own spans are best. F1 of what is chosen on train, out of
# fold: attackers .736 → .744, targets .674 → .683, to .710 → .716; weapons and places would lose.
_READILY = np.array([1 if name in ("weapons", "places") else 3 for name in ROLES], np.float32)


def cleaned(name: str, spans: Sequence[RoleSpan], sentence: Sentence) -> list[RoleSpan]:
    """The model's spans of a role without quotes at their edges, empty words left out.

    Of who acts and with what, spans that touch are one name cut in two: a further member of a list
    begins with «و». No name ends in a preposition, and none is a number alone.
    """
    words = sentence.words
    found: list[RoleSpan] = []
    for span in spans:
        i, j = span.i, min(span.j, len(words))
        while i < j and not words[i][0].isalnum():
            i += 1
        while j > i and (not words[j - 1][0].isalnum() or words[j - 1] in _NEVER_LAST):
            j -= 1
        if all(word in NUMBER_WORDS or word.isdecimal() for word in words[i:j]):
            continue
        if name in _WHOLE and found and found[-1].j == i and not words[i].startswith("و"):
            found[-1] = found[-1]._replace(j=j)
        else:
            found.append(span._replace(i=i, j=j))
    return [s for s in found if not _EMPTY.issuperset(words[s.i : s.j])]


_WHOLE = frozenset({"attackers", "movers", "weapons"})
_NEVER_LAST = folded("قرب قبالة في من على إلى عن بين عند داخل خارج ضمن وسط مع و بعد قبل أمام خلال")
_EMPTY = folded(
    "قرب في من على إلى شمال جنوب شرق غرب شمالي جنوبي شرقي غربي وسط محيط أطراف العاصمة مدينة "
    "بلدة قرية منطقة المنطقة المدينة داخل خارج عند بين والواقعة الواقعة"
)


def options(name: str, known: Sequence[Piece], heard: Heard | None) -> list[Option]:
    """Every span of the rules or of the model, where both see one the same option.

    It reaches as far as the model says; of places, as far as the longer of both says (a place with
    its head), and the rules' cuts hold where the model joins several.
    """
    free = list(known)
    found: list[Option] = []
    for span in heard.spans.get(name, ()) if heard is not None else ():
        if any(o.i < span.j and o.j > span.i for o in found):
            continue
        same = [p for p in free if p.i < span.j and p.j > span.i]
        free = [p for p in free if p not in same]
        sure = [p for p in same if p.known is not None]
        longest = max((p.j - p.i for p in sure), default=0)
        if name in PLACES and (len(sure) > 1 or longest >= span.j - span.i):
            found += [Option(p.i, p.j, p, span) for p in sure]
        else:
            piece = (sure or same)[0] if same else None
            found.append(Option(span.i, span.j, piece, span))
    found += [Option(p.i, p.j, p, None) for p in free if _plausible(name, p, heard)]
    never = _NEVER.get(name, frozenset())
    kept = (o for o in found if o.piece is None or o.piece.rule not in never)
    return sorted(kept, key=lambda o: o.i)


def _plausible(name: str, piece: Piece, heard: Heard | None) -> bool:
    """Whether to ask about a piece: a noun that is nothing known only where the model nods."""
    if heard is None or not piece.rule.startswith("phrase:"):
        return True
    return max(heard.logits[name][piece.i : piece.j], default=-CLIP) > _NOD


_NOD = -2.0  # log-odds
# What comes from a place does not go there, whatever the model says; a dateline beside another
# place is none of the event (of train's 198 such, 17 are).
_DATELINES = frozenset({"dateline:title:more", "dateline:body:more"})
_NEVER = {"from": _DATELINES | {"to"}, "to": _DATELINES | {"from"}, "places": _DATELINES}


def span_features(
    option: Option, candidate: Candidate, name: str, cls: str, heard: Heard | None
) -> Mapping[str, float]:
    """What speaks for an option and against it; `cls` is the class of attacker decided on."""
    sentence, trigger = candidate.sentence, candidate.trigger
    words, clauses = sentence.words, sentence.clauses
    piece = option.piece
    rule = piece.rule if piece is not None else "unseen"
    what = piece.what if piece is not None else _word_kind(sentence, option.i)
    skip_prep = getattr(piece.known, "prep", "") if piece is not None else ""
    prep = preposition(words, option.i, skip_prep) if name not in PLACES else skip_prep
    prep = prep if prep in PREPOSITIONS else ""
    own = trigger.entry
    after = option.i >= trigger.i
    gap = option.i - trigger.j if after else trigger.i - option.j
    side = "after" if after else "before"
    far = "0" if gap <= 0 else "1" if gap == 1 else "2" if gap <= 3 else "4" if gap <= 7 else "8"
    step = min(2, abs(clauses[option.i] - clauses[trigger.i]))
    features = {
        "bias": 1.0,
        f"rule:{rule}": 1.0,
        f"what:{what}": 1.0,
        f"rule:{rule}:{what}": 1.0,
        f"prep:{prep}": 1.0,
        f"trigger:{own.id}:{rule}": 1.0,
        f"{side}:{far}": 1.0,
        f"clause:{side}:{step}": 1.0,
        f"{side}:{prep}": 1.0,
        f"prev:{words[option.i - 1] if option.i else '^'}": 1.0,
        f"next:{words[option.j] if option.j < len(words) else '$'}": 1.0,
    }
    if name in PLACES and own.kind == "troop_movement":
        # «نشر في X» goes there, «انسحب من X» left it, «غادر X» too.
        features[f"kind:{own.get('kind')}:{rule}"] = 1.0
        features[f"kind:{own.get('kind')}:{prep}"] = 1.0
    if piece is not None and isinstance(piece.known, Party) and name != "targets":
        same = "" if not piece.known.cls else "same" if piece.known.cls == cls else "other"
        features[f"class:{same}"] = 1.0
        features[f"class:{same}:{rule}"] = 1.0
    if trigger.reading.pronoun:
        # «اجتياحها», «طردهم»: who it stands for comes before, most often last.
        earlier = [p for p in sentence.bodies if p.j <= trigger.i]
        features[f"pronoun:{side}"] = 1.0
        features[f"pronoun:{rule}"] = 1.0
        if earlier and option.i <= earlier[-1].i < option.j:
            features["pronoun:nearest"] = 1.0
    if heard is not None:
        features |= _heard_features(option, name, heard, rule, what)
    return features


def _heard_features(
    option: Option, name: str, heard: Heard, rule: str, what: str
) -> Mapping[str, float]:
    """What the model says of an option, of its other roles, and of its rivals for this one."""
    inside = slice(option.i, option.j)
    best = {role: max(own[inside], default=-CLIP) for role, own in heard.logits.items()}
    features = {"model" if role == name else f"model:{role}": x for role, x in best.items()}
    features[f"model:{'seen' if option.span is not None else 'unseen'}"] = 1.0
    own = heard.logits[name]
    features["model:first"] = own[option.i] if option.i < len(own) else -CLIP
    if not own[inside]:  # further on than the model reads
        return features
    rivals = max((*own[: option.i], *own[option.j :]), default=-CLIP)
    return features | {
        "model:mean": sum(own[inside]) / len(own[inside]),
        "model:least": min(own[inside]),
        "model:lead": best[name] - rivals,
        f"model:highest:{best[name] >= rivals}": 1.0,
        f"model:rather:{max(best, key=best.__getitem__)}": 1.0,
        f"model:what:{what}": best[name],
        f"model:rule:{rule}": best[name],
    }


def _word_kind(sentence: Sentence, i: int) -> str:
    """What the lexicon knows of the first word of a span that only the model sees."""
    return "words:" + next((h.kind for h in sentence.hits if h.i == i), "")


def bounds(option: Option, sentence: Sentence) -> tuple[int, int]:
    """Start and end of an option in the text, without the clitics before a word that is known."""
    tokens = sentence.tokens
    i, j = option.i, option.j
    known = option.piece.known if option.piece is not None else None
    skip = 0
    if isinstance(known, Party):
        inside = known.named and known.name_i <= i and j <= known.name_j
        if option.span is None or inside:  # the model cut a known name
            i, j = known.name_i, known.name_j
        skip = known.skip if known.i == i else known.name_skip if known.name_i == i else 0
    elif isinstance(known, Place):
        skip = known.skip if known.i == i else 0
    elif known is not None and known.i == i:
        skip = clitics(known)
    start, _ = part_of(tokens[i], skip)
    return start, tokens[j - 1].end


class Chooser:
    """Takes the options whose weights say so; loaded with the tagger."""

    def __init__(self, weights: Mapping[str, Mapping[str, float]]) -> None:
        self._weights = weights  # of each role

    def choose(
        self, candidate: Candidate, name: str, cls: str, heard: Heard | None
    ) -> list[Option]:
        """The spans that play the role `name` in the event of a candidate, in order."""
        weights = self._weights[name]
        return [
            option
            for option in options(name, pieces(candidate, name), heard)
            if total(weights, span_features(option, candidate, name, cls, heard)) >= 0
        ]

    def roles(
        self, events: Sequence[tuple[Candidate, str]], heard: Heard | None
    ) -> list[dict[str, list[Option]]]:
        """The spans of every role of the events of one kind in a sentence, by the model's names.

        `events` are candidates with the class of attacker decided on.
        """
        names = ROLES_OF[events[0][0].trigger.kind]
        chosen = [
            {name: self.choose(candidate, name, cls, heard) for name in names}
            for candidate, cls in events
        ]
        candidates = [candidate for candidate, _ in events]
        if len(candidates) == 1:
            return chosen
        clauses = _parted(candidates)
        for name in names:
            claimed = [roles[name] for roles in chosen]
            own = _shared_out(candidates, claimed, clauses)
            for k, (roles, options_) in enumerate(zip(chosen, own, strict=True)):
                # Who acts and where is said once for all events; whom and what it hits, for each.
                if options_ or name not in _SAID_ONCE:
                    roles[name] = options_
                elif name != "attackers":
                    others = _bound(candidates, claimed, k, clauses)
                    roles[name] = [o for o in claimed[k] if not _among(o, others)]
                if name in _WHO and not roles[name]:
                    roles[name] = _subject(candidates[k], name, heard)
        return chosen


_SAID_ONCE = frozenset({"attackers", "movers", "places"})
_WHO = frozenset({"attackers", "movers"})


def _subject(candidate: Candidate, name: str, heard: Heard | None) -> list[Option]:
    """The subject of an event's verb by the rules, for one that the other events left nobody."""
    found = options(name, pieces(candidate, name), heard)
    return [o for o in found if o.piece is not None and o.piece.rule == "agent:subject"]


def _parted(candidates: Sequence[Candidate]) -> list[int]:
    """The clauses of a sentence, where each event that «و» and a verb add has one of its own.

    «انسحبت القوات من مواقعها وانتشر الجيش في البلدة».
    """
    clauses = list(candidates[0].sentence.clauses)
    for candidate in candidates:
        trigger = candidate.trigger
        if trigger.form in VERB_FORMS and trigger.reading.prefix.startswith(("و", "ف")):
            clauses[trigger.i :] = [clause + 1 for clause in clauses[trigger.i :]]
    return clauses


def _shared_out(
    candidates: Sequence[Candidate], chosen: Sequence[Sequence[Option]], clauses: Sequence[int]
) -> list[list[Option]]:
    """Of spans that several events of a sentence claim, those of each: by rules, else nearest."""
    own: list[list[Option]] = []
    for k, candidate in enumerate(candidates):
        own.append([])
        for option in chosen[k]:
            rivals = [
                (other, o)
                for other, options_ in zip(candidates, chosen, strict=True)
                for o in options_
                if other is not candidate and _overlap(o, option)
            ]
            if _is_own(candidate, option, clauses):
                own[k].append(option)
            elif not any(_is_own(other, o, clauses) for other, o in rivals):
                near = _distance(candidate, option, clauses)
                if all(near <= _distance(other, o, clauses) for other, o in rivals):
                    own[k].append(option)
    return own


def _bound(
    candidates: Sequence[Candidate],
    claimed: Sequence[Sequence[Option]],
    k: int,
    clauses: Sequence[int],
) -> list[Option]:
    """The spans that the rules bind to other events than the `k`th, in other clauses than its.

    Of our own gold's movers and places 58 of 78 such are none of the event.
    """
    return [
        option
        for candidate, options_ in zip(candidates, claimed, strict=True)
        for option in options_
        if candidate is not candidates[k]
        and clauses[option.i] != clauses[candidates[k].trigger.i]
        and _is_own(candidate, option, clauses)
    ]


def _among(option: Option, others: Sequence[Option]) -> bool:
    return any(_overlap(option, other) for other in others)


def _overlap(one: Option, other: Option) -> bool:
    return one.i < other.j and other.i < one.j


def _is_own(candidate: Candidate, option: Option, clauses: Sequence[int]) -> bool:
    """Whether the rules bind a span to this very event: in its clause, and by its part."""
    if option.piece is None:
        return False
    bound = option.piece.rule.startswith("agent:") or option.piece.rule in _BOUND
    return bound and clauses[option.i] == clauses[candidate.trigger.i]


_BOUND = frozenset({"patient", "thing", "weapon", "from", "to", "place", "nisba"})


def _distance(candidate: Candidate, option: Option, clauses: Sequence[int]) -> tuple[int, int]:
    """How far a span lies from an event: in clauses, then in tokens."""
    trigger = candidate.trigger
    gap = option.i - trigger.j if option.i >= trigger.i else trigger.i - option.j
    return abs(clauses[option.i] - clauses[trigger.i]), gap
