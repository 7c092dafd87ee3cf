"""Figures of the tagger on labelled sentences, and the floors under which it must not fall.

Presence counts a sentence as found when a trigger of the tag starts in it; excluded sentences count
neither way; a document is quiet when no sentence states, or is disputed to state, an event.
"""

from __future__ import annotations

import json

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from rasid.tagging.lexicon import SOURCE
from rasid.tagging.mention import MILITIA_CLASSES, Mention, Role
from rasid.tagging.tagger import Tagger


FLOORS = SOURCE / "floors.yaml"
_ROLES = (
    ("attack", "attackers", "actors"), ("attack", "targets", "targets"),
    ("attack", "weapons", "weapons"), ("movement", "movers", "actors"),
    ("movement", "from", "from_"), ("movement", "to", "to"), ("", "places", "places"),
)  # fmt: skip

Figures = dict[str, Any]


def published(label: str | None) -> datetime | None:
    """The time of publication of a labelled document, which may be a day, a month or a range."""
    for length, pattern in ((10, "%Y-%m-%d"), (7, "%Y-%m"), (4, "%Y")):
        try:
            return datetime.strptime((label or "")[:length], pattern)  # noqa: DTZ007 (a date only)
        except ValueError:
            continue
    return None


def evaluate(labels: Path, tagger: Tagger) -> Figures:
    """Figures for all documents of `labels` (JSONL) and for each stratum of them."""
    documents = [
        json.loads(line) for line in labels.read_text("utf-8").splitlines() if line.strip()
    ]
    tagged = [
        (d, tagger.tag(d["text"], published_at=published(d.get("published_at")))) for d in documents
    ]
    figures = {"all": _figures(tagged)}
    for stratum in sorted({d["stratum"] for d in documents}):
        figures[stratum] = _figures([(d, m) for d, m in tagged if d["stratum"] == stratum])
    figures["!hard"] = _figures([(d, m) for d, m in tagged if d["stratum"] != "hard"])
    return figures


def below_floors(figures: Figures, floors: Path = FLOORS) -> list[str]:
    """What fell: one line for each figure under its floor (alarms: over it)."""
    fallen = []
    for stratum, names in yaml.safe_load(floors.read_text("utf-8")).items():
        for name, floor in names.items():
            value = figures[stratum][name]
            worse = value > floor if name == "alarms" else value < floor
            if worse:
                fallen.append(f"{stratum}: {name} is {value:.4f}, its floor {floor}")
    return fallen


def raise_floors(figures: Figures, *, may_lower: bool = False, floors: Path = FLOORS) -> None:
    """Pin the figures as the new floors; a floor is lowered only when `may_lower` says so."""
    pinned = yaml.safe_load(floors.read_text("utf-8"))
    for stratum, names in pinned.items():
        for name, floor in names.items():
            value = round(figures[stratum][name], 4)
            better = value < floor if name == "alarms" else value > floor
            if better or may_lower:
                names[name] = value
    head = (
        "# Pinned by `rasid evaluate --pin`; a figure that falls under its floor fails the test.\n"
    )
    floors.write_text(head + yaml.safe_dump(pinned), "utf-8")


def _f1(hit: int, said: int, gold: int) -> float:
    return round(2 * hit / (said + gold), 4) if said + gold else 0.0


def _figures(tagged: Sequence[tuple[Mapping[str, Any], list[Mention]]]) -> Figures:
    hit: Counter[str] = Counter()
    said: Counter[str] = Counter()
    gold: Counter[str] = Counter()
    right: dict[str, list[bool]] = defaultdict(list)
    quiet = alarms = 0
    bins: dict[int, list[bool]] = defaultdict(list)
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
            _presence(s, here, hit, said, gold)
            _details(s, here, right)
            _spans(document["text"], s, here, hit, said, gold)
            for m in here:
                field = "attack" if m.tag == "attack" else "movement"
                bins[min(9, int(m.confidence * 10))].append(bool(s[field]))
    out: Figures = {
        name: _f1(hit[name], said[name], gold[name]) for name in sorted(set(gold) | set(said))
    }
    out |= {name: round(sum(v) / len(v), 4) for name, v in sorted(right.items())}
    out["alarms"] = round(100 * alarms / quiet, 2) if quiet else 0.0
    out["quiet documents"] = quiet
    out["calibration"] = {
        f"{b / 10:.1f}": round(sum(v) / len(v), 3) for b, v in sorted(bins.items())
    }
    return out


def _presence(
    s: Mapping[str, Any], here: Iterable[Mention], hit: Counter[str], said: Counter[str],
    gold: Counter[str],
) -> None:  # fmt: skip
    attacks = [m for m in here if m.tag == "attack"]
    pairs = {
        "attack": (bool(s["attack"]), bool(attacks)),
        "militia": (
            bool(s["attack"]) and s["attack_class"] in MILITIA_CLASSES,
            any(m.actor_class in MILITIA_CLASSES for m in attacks),
        ),
        "movement": (bool(s["movement"]), any(m.tag == "troop_movement" for m in here)),
    }
    for name, (truth, guess) in pairs.items():
        hit[name] += truth and guess
        said[name] += guess
        gold[name] += truth


def _details(s: Mapping[str, Any], here: Iterable[Mention], right: dict[str, list[bool]]) -> None:
    for tag, field in (("attack", "attack"), ("troop_movement", "movement")):
        found = [m for m in here if m.tag == tag]
        if not (found and s[field]):
            continue
        truth = s[f"{field}_modality"]
        right["modality"].append(any(m.modality == truth for m in found))
        right["factual"].append(
            any((m.modality == "factual") == (truth == "factual") for m in found)
        )
        if tag == "attack":
            right["class"].append(any(m.actor_class == s["attack_class"] for m in found))
            if s.get("killed") is not None:
                right["killed"].append(any(m.killed and m.killed.min == s["killed"] for m in found))
        else:
            right["kind"].append(any(m.kind == s["movement_kind"] for m in found))


def _spans(  # noqa: PLR0917
    text: str, s: Mapping[str, Any], here: Sequence[Mention], hit: Counter[str],  # noqa: ARG001
    said: Counter[str], gold: Counter[str],
) -> None:  # fmt: skip
    """Role spans, exact and by overlap of words (head), on sentences found and labelled with roles."""  # noqa: E501
    for tag, label, attribute in _ROLES:
        if label not in s:
            continue
        wanted = "attack" if tag == "attack" else "troop_movement"
        mine = [m for m in here if not tag or m.tag == wanted]
        if not mine or (tag and not s[tag]):
            continue
        spans: list[Role] = [r for m in mine for r in getattr(m, attribute)]
        texts = list(dict.fromkeys(r.text for r in spans))
        name = f"{label} span"
        for kind, same in (("exact", _equal), ("head", _overlap)):
            key = f"{name} {kind}"
            said[key] += len(texts)
            gold[key] += len(s[label])
            hit[key] += sum(any(same(t, g) for t in texts) for g in s[label])


def _equal(a: str, b: str) -> bool:
    return a == b


def _overlap(a: str, b: str) -> bool:
    """Same head: the first word of one is in the other, clitics aside."""
    one, two = a.split(), b.split()
    return bool(one and two) and (
        _bare(one[0]) in map(_bare, two) or _bare(two[0]) in map(_bare, one)
    )


def _bare(word: str) -> str:
    return word.removeprefix("و").removeprefix("ب").removeprefix("لل").removeprefix("ال")
