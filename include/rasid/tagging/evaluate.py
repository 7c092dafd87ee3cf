"""Figures of the tagger on labelled documents, and the floors under which it must not fall.

Presence counts a sentence as found when a trigger of the tag starts in it; disputed sentences count
neither way; a document is quiet when no sentence states, or is disputed to state, an event. What a
mention says of its event is compared where the event was found: with the one event it pairs with in
our own gold, with the sentence's in labels that hold one event a sentence (../shared/eval).
"""

from __future__ import annotations

import json

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from rasid.arabic import fold
from rasid.errors import LabelsError
from rasid.settings import ROOT
from rasid.tagging.gold import GoldEvent, read_gold
from rasid.tagging.lexicon import SOURCE
from rasid.tagging.mention import MILITIA_CLASSES, Count, Mention
from rasid.tagging.tagger import Tagger
from rasid.tagging.times import publication


FLOORS = SOURCE / "floors.yaml"
NEWS = ROOT.parent / "shared" / "eval" / "dev.jsonl"  # labelled real news; not everywhere
_TAGS = (("attack", "attack"), ("troop_movement", "movement"))
# Role of a label → field of the mention.
_ROLES = {
    "attacker": "actors", "mover": "actors", "target": "targets", "weapon": "weapons",
    "place": "places", "from": "from_", "to": "to",
}  # fmt: skip
_LISTS = {
    "attackers": "attacker", "movers": "mover", "targets": "target", "weapons": "weapon",
    "places": "place", "from": "from", "to": "to",
}  # fmt: skip

_ASKED = frozenset({"text", "sentences", "stratum"})

Figures = dict[str, Any]


class Truth(NamedTuple):
    """What a reader says of an event; None where the labels say nothing of it."""

    tag: str
    kind: str | None = None
    actor_class: str | None = None
    modality: str | None = None
    roles: Mapping[str, Sequence[str]] = {}
    counts: Mapping[str, tuple[int, int | None]] = {}
    time: str | None = None
    says: str | None = None


class _Tally:
    """Counts behind F1 figures, and right or wrong answers behind shares."""

    def __init__(self) -> None:
        self.hit: Counter[str] = Counter()
        self.said: Counter[str] = Counter()
        self.gold: Counter[str] = Counter()
        self.right: dict[str, list[bool]] = defaultdict(list)

    def figures(self) -> Figures:
        out: Figures = {}
        for name in self.gold | self.said:
            hit, said, gold = self.hit[name], self.said[name], self.gold[name]
            out[name] = _share(2 * hit, said + gold)
            if name in ("attack", "militia", "movement", "events"):
                out[f"{name} precision"] = _share(hit, said)
                out[f"{name} recall"] = _share(hit, gold)
        return out | {name: _share(sum(v), len(v)) for name, v in self.right.items()}


def evaluate(labels: Path, tagger: Tagger) -> Figures:
    """Figures for all documents and for each stratum; `labels` is a JSONL file or a gold folder."""
    documents = (
        [d.labels() for d in read_gold(labels)] if labels.is_dir() else list(_read_labels(labels))
    )
    tagged = [
        (d, tagger.tag(d["text"], published_at=publication(d.get("published_at"))))
        for d in documents
    ]
    figures = {"all": _figures(tagged)}
    strata = sorted({d["stratum"] for d in documents})
    for stratum in strata:
        figures[stratum] = _figures([(d, m) for d, m in tagged if d["stratum"] == stratum])
    if "hard" in strata:
        figures["!hard"] = _figures([(d, m) for d, m in tagged if d["stratum"] != "hard"])
    return figures


def below_floors(figures: Figures, labels: Path, floors: Path = FLOORS) -> list[str]:
    """What fell: a line for each figure that is worse than the floor pinned for these labels."""
    fallen = []
    for stratum, names in _pinned(floors).get(labels.stem, {}).items():
        for name, floor in names.items():
            value = _figure(figures, stratum, name, floors)
            if _worse(name, value, floor):
                fallen.append(f"{labels.stem}, {stratum}: {name} is {value:.4f}, its floor {floor}")
    return fallen


def pin_floors(
    figures: Figures, labels: Path, *, may_lower: bool = False, floors: Path = FLOORS
) -> list[str]:
    """Pin the figures as the floors of these labels; what stays is a floor above its figure.

    A floor moves to a worse value only when `may_lower` says so.
    """
    pinned = _pinned(floors)
    kept = []
    for stratum, names in pinned.get(labels.stem, {}).items():
        for name, floor in names.items():
            value = round(_figure(figures, stratum, name, floors), 4)
            if _worse(name, value, floor) and not may_lower:
                kept.append(f"{stratum}: {name} stays {floor}, though the figure is {value}")
            else:
                names[name] = value
    head = "".join(line for line in floors.open(encoding="utf-8") if line.startswith("#"))
    floors.write_text(head + yaml.safe_dump(pinned, sort_keys=False), "utf-8")
    return kept


def _pinned(floors: Path) -> dict[str, dict[str, dict[str, float]]]:
    return dict(yaml.safe_load(floors.read_text("utf-8")))


def _figure(figures: Figures, stratum: str, name: str, floors: Path) -> float:
    try:
        return float(figures[stratum][name])
    except KeyError:
        raise LabelsError(
            f"{floors}: {stratum}: {name}: these labels have no such figure."
            " Take the line out, or name the labels that it is meant for."
        ) from None


def _worse(name: str, value: float, floor: float) -> bool:
    """Of alarms and of the calibration error less is better."""
    return value > floor if name in ("alarms", "calibration error") else value < floor


def _read_labels(file: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except ValueError as error:
            raise LabelsError(f"{file}:{number}: not JSON ({error}).") from error
        if not isinstance(document, dict) or not set(document) >= _ASKED:
            raise LabelsError(
                f"{file}:{number}: {', '.join(sorted(_ASKED))} are needed, as in {NEWS.name}."
            )
        yield document


def _figures(tagged: Sequence[tuple[Mapping[str, Any], list[Mention]]]) -> Figures:
    tally = _Tally()
    quiet = alarms = 0
    sure: list[tuple[float, bool]] = []
    for document, mentions in tagged:
        still = not any(
            s["attack"] or s["movement"] or s["excluded"] for s in document["sentences"]
        )
        quiet += still
        alarms += still and bool(mentions)
        for s in document["sentences"]:
            if s["excluded"]:
                continue
            here = [m for m in mentions if s["start"] <= m.start < s["end"]]
            _presence(s, here, tally)
            for truth, found in _found(s, here, tally):
                _answers(truth, found, tally)
                _spans(truth, found, tally)
            stated = {tag: bool(s[field]) for tag, field in _TAGS}
            sure += [(m.confidence, stated[m.tag]) for m in here]
    out = tally.figures()
    if quiet:
        out["alarms"] = round(100 * alarms / quiet, 2)
    out["quiet documents"] = quiet
    return out | _calibration(sure)


def _presence(s: Mapping[str, Any], here: Iterable[Mention], tally: _Tally) -> None:
    attacks = [m for m in here if m.tag == "attack"]
    for name, truth, guess in (
        ("attack", bool(s["attack"]), bool(attacks)),
        (
            "militia",
            bool(s["attack"]) and s["attack_class"] in MILITIA_CLASSES,
            any(m.actor_class in MILITIA_CLASSES for m in attacks),
        ),
        ("movement", bool(s["movement"]), any(m.tag == "troop_movement" for m in here)),
    ):
        tally.hit[name] += truth and guess
        tally.said[name] += guess
        tally.gold[name] += truth


def _found(
    s: Mapping[str, Any], here: Sequence[Mention], tally: _Tally
) -> Iterator[tuple[Truth, list[Mention]]]:
    """The events of a sentence that were found, each with the mentions to compare with it."""
    for tag, field in _TAGS:
        mine = [m for m in here if m.tag == tag]
        if "events" in s:
            events = [e for e in s["events"] if e.tag == field]
            pairs = list(_pairs(events, mine))
            tally.hit["events"] += len(pairs)
            tally.said["events"] += len(mine)
            tally.gold["events"] += len(events)
            for event, mention in pairs:
                yield _truth(event), [mention]
        elif s[field] and mine:
            yield _labelled(s, tag, field), mine
    if "events" not in s and "places" in s and here and (s["attack"] or s["movement"]):
        # These labels give the sentence's places, not those of each event.
        yield Truth("", roles={"place": s["places"]}), list(here)


def _pairs(
    events: Sequence[GoldEvent], mentions: Sequence[Mention]
) -> Iterator[tuple[GoldEvent, Mention]]:
    """Events and mentions one to one, the nearest triggers first."""
    near = sorted(
        (max(e.trigger.start - m.end, m.start - e.trigger.end, 0), i, j)
        for i, e in enumerate(events)
        for j, m in enumerate(mentions)
    )
    taken: set[tuple[str, int]] = set()
    for _, i, j in near:
        if ("event", i) not in taken and ("mention", j) not in taken:
            taken |= {("event", i), ("mention", j)}
            yield events[i], mentions[j]


def _truth(event: GoldEvent) -> Truth:
    asked = (
        ("attacker", "target", "weapon", "place")
        if event.tag == "attack"
        else ("mover", "from", "to", "place")
    )
    roles = {role: [s.text for s in event.roles.get(role, ())] for role in asked}
    if event.tag == "movement":  # where it began and ended are places of the event too
        roles["place"] += [*roles["from"], *roles["to"]]
    return Truth(
        event.tag, event.kind, event.actor_class, event.modality, roles, event.counts, event.time,
        event.says,
    )  # fmt: skip


def _labelled(s: Mapping[str, Any], tag: str, field: str) -> Truth:
    own = ("attackers", "targets", "weapons") if field == "attack" else ("movers", "from", "to")
    return Truth(
        field,
        kind=None if tag == "attack" else s["movement_kind"],
        actor_class=s["attack_class"] if tag == "attack" else None,
        modality=s[f"{field}_modality"],
        roles={_LISTS[name]: s[name] for name in own if name in s},
        counts={
            name: (s[name], s[name])
            for name in ("killed", "injured")
            if tag == "attack" and s.get(name) is not None
        },
    )


def _answers(truth: Truth, found: Sequence[Mention], tally: _Tally) -> None:
    """What the mentions say of the event besides its roles; one right mention is enough."""

    def answer(name: str, right: Callable[[Mention], bool]) -> None:
        tally.right[name].append(any(map(right, found)))

    if truth.modality is not None:
        factual = truth.modality == "factual"
        answer("modality", lambda m: m.modality == truth.modality)
        answer("factual", lambda m: (m.modality == "factual") == factual)
    if truth.actor_class is not None and truth.tag == "attack":
        answer("class", lambda m: m.actor_class == truth.actor_class)
    if truth.kind is not None:
        answer("subtype" if truth.tag == "attack" else "kind", lambda m: m.kind == truth.kind)
    for name, (low, _) in truth.counts.items():
        answer(name, lambda m, n=name, low=low: _low(getattr(m, n)) == low)  # type: ignore[misc]
    if truth.time:
        begins = truth.time
        answer("time", lambda m: bool(m.event_time and m.event_time.iso_from.startswith(begins)))
    if truth.says is not None:
        answer("attribution", lambda m: m.attribution.status == truth.says)


def _low(count: Count | None) -> int | None:
    return count.min if count is not None else None


def _spans(truth: Truth, found: Sequence[Mention], tally: _Tally) -> None:
    """Role spans, exact and by their head, each role by itself and all of them together."""
    for role, gold in truth.roles.items():
        spans = (r.text for m in found for r in getattr(m, _ROLES[role]))
        said = list(dict.fromkeys(spans))
        if role == "place":  # a town that is shelled is target and place: either will do
            hit = truth.roles.get("target", ())
            said = [t for t in said if t in gold or not any(same_head(t, g) for g in hit)]
        for how, same in (("exact", _equal), ("head", same_head)):
            for name in (f"{role} {how}", f"roles {how}"):
                tally.gold[name] += len(gold)
                tally.said[name] += len(said)
                tally.hit[name] += min(
                    sum(any(same(t, g) for t in said) for g in gold),
                    sum(any(same(t, g) for g in gold) for t in said),
                )


def _equal(a: str, b: str) -> bool:
    return a == b


def same_head(a: str, b: str) -> bool:
    """The first word of one is in the other, clitics and article aside."""
    one, two = [[_bare(w) for w in fold(t).split()] for t in (a, b)]
    return bool(one and two) and (one[0] in two or two[0] in one)


def _bare(word: str) -> str:
    word = word.strip("«»\"'()،")
    for clitic in ("و", "ب", "لل", "ال"):
        if len(word) > len(clitic) + 2:
            word = word.removeprefix(clitic)
    return word


def _calibration(sure: Sequence[tuple[float, bool]]) -> Figures:
    """Share of right mentions by confidence in tenths, and how far off it is on average."""
    if not sure:
        return {}
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for confidence, right in sure:
        bins[min(9, int(confidence * 10))].append((confidence, right))
    table = {
        f"{b / 10:.1f}": {"mentions": len(v), "right": _share(sum(r for _, r in v), len(v))}
        for b, v in sorted(bins.items())
    }
    off = sum(abs(sum(c for c, _ in v) - sum(r for _, r in v)) for v in bins.values())
    return {"calibration": table, "calibration error": _share(off, len(sure))}


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0
