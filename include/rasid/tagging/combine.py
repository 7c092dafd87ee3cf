"""Rules and model joined: fitted linear scores decide presence, class, kind and modality.

Every decision is a sum of weights over named features: evidence of the rules, and log-odds or
log-probabilities of the model (`model:…`). Without the model file a second set of weights, fitted
without its features, works alone.
"""

from __future__ import annotations

import math

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from numpy.typing import NDArray

from rasid.tagging.features import stem_form
from rasid.tagging.lexicon import ATTACKER_CLASSES, MODALITIES, MOVEMENT_KINDS
from rasid.tagging.modality import OLD, cues
from rasid.tagging.reading import Candidate, Reading
from rasid.tagging.roles import victims


Features = Mapping[str, float]

CLIP = 6.0  # log-odds beyond this say no more


def logit(p: float) -> float:
    """Log-odds of a probability, clipped."""
    p = min(max(p, 1e-6), 1 - 1e-6)
    return max(-CLIP, min(CLIP, math.log(p / (1 - p))))


def logits(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same of many probabilities."""
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.clip(np.log(p / (1 - p)), -CLIP, CLIP)


def presence(best: Candidate, score: float, model: Mapping[str, float] | None) -> Features:
    """Features of the decision whether a sentence states an event of its best candidate's tag.

    `score` are the rules' log-odds of that candidate.
    """
    entry = best.trigger.entry
    out: dict[str, float] = {
        "bias": 1.0,
        "rule": max(-CLIP, min(CLIP, score)),
        f"trigger:{entry.id}": 1.0,
        f"class:{entry.get('class')}": 1.0,
    }
    if model is not None:
        own = logit(model["attack" if entry.kind == "attack" else "movement"])
        out["model:attack"] = logit(model["attack"])
        out["model:movement"] = logit(model["movement"])
        out["model:militia"] = logit(model["militia"])
        out["model:own:found"] = own
        out[f"model:own:{entry.get('class')}"] = own
    return out


def total(weights: Mapping[str, float], features: Features) -> float:
    """The weighted sum; unknown features count nothing."""
    get = weights.get
    return sum([get(name, 0.0) * value for name, value in features.items()])


class Head:
    """One decision among labels: linear scores over named features, softmax."""

    def __init__(self, weights: Mapping[str, Mapping[str, float]]) -> None:
        self.labels = tuple(weights)
        by_feature: dict[str, list[tuple[int, float]]] = {}
        for k, label in enumerate(self.labels):
            for name, weight in weights[label].items():
                by_feature.setdefault(name, []).append((k, weight))
        self._weights = by_feature

    def choose(self, features: Features) -> tuple[str, float]:
        """The label of the highest score and its probability."""
        scores = [0.0] * len(self.labels)
        get = self._weights.get
        for name, value in features.items():
            for k, weight in get(name, ()):
                scores[k] += weight * value
        top = max(scores)
        return self.labels[scores.index(top)], 1 / sum(math.exp(s - top) for s in scores)


def _model(
    model: Mapping[str, float] | None, head: str, labels: Sequence[str]
) -> Iterator[tuple[str, float]]:
    """The logarithms of what a head of the model says of its labels."""
    if model is None:
        return
    for label in labels:
        name = f"{head}:{label}"
        yield f"model:{name}", max(-CLIP, math.log(max(model[name], 1e-6)))


# Of two sides that fight, the one that gives the clash its class (codebook, «several mentions»).
_FIRST = ("militia", "pro_state_militia", "unattributed_armed", "state")


class Elsewhere:
    """Attacker classes in other sentences of a document and in those before, as the model reads.

    Each sentence counts as far as it states an attack; nothing read there, all classes are alike.
    Class follows the document (codebook): the attacker is named once. On train's attacks, out of
    fold: .700 right by the sentence alone, .719 with these.
    """

    def __init__(self, says: Mapping[int, Mapping[str, float]]) -> None:
        """`says` are the model's answers by sentence."""
        self._order = sorted(says)
        stated = np.array([self._stated(says[k]) for k in self._order]).reshape(-1, _COLUMNS)
        # Of the sentences before each, and at last of all: summed once, whatever the length.
        self._sums = np.concatenate([np.zeros((1, _COLUMNS)), stated.cumsum(axis=0)])

    @staticmethod
    def _stated(says: Mapping[str, float]) -> list[float]:
        attack = says["attack"]
        return [attack, *(attack * says[f"class:{cls}"] for cls in ATTACKER_CLASSES)]

    def of(self, index: int) -> dict[str, float]:
        """Shares of the classes around the sentence `index`."""
        at = bisect_left(self._order, index)
        before = self._sums[at]
        own = self._sums[at + (self._order[at : at + 1] == [index])] - before
        shares: dict[str, float] = {}
        for where, sums in (("document", self._sums[-1] - own), ("before", before)):
            whole, *parts = sums.tolist()
            for cls, part in zip(ATTACKER_CLASSES, parts, strict=True):
                shares[f"{where}:{cls}"] = (DOUBT / len(ATTACKER_CLASSES) + part) / (DOUBT + whole)
        return shares


_COLUMNS = 1 + len(ATTACKER_CLASSES)
DOUBT = 0.3  # of an attack's weight, spread over all classes


def class_features(
    reading: Reading,
    candidate: Candidate,
    model: Mapping[str, float] | None,
    around: Mapping[str, float],
) -> Features:
    """Who attacks: roles and bodies of the sentence, classes named elsewhere in the document.

    `around` are the shares of `elsewhere`, empty without the model.
    """
    trigger, frame = candidate.trigger, candidate.frame
    out: dict[str, float] = {"bias": 1.0}
    agent = frame.agents[0] if frame.agents else None
    if agent is not None:
        kind = "named" if agent.named else "generic" if agent.armed else "country"
        out[f"agent:{agent.cls}"] = 1.0
        out[f"agent:{agent.cls}:{frame.agent_rule}"] = 1.0
        out[f"agent:{agent.cls}:{kind}"] = 1.0
        if len(frame.agents) > 1:
            out[f"second:{frame.agents[1].cls}"] = 1.0
        if trigger.entry.get("mutual"):
            sides = {p.cls for p in frame.agents}
            out[f"sides:{next((c for c in _FIRST if c in sides), '')}"] = 1.0
    else:
        out["agent:none"] = 1.0
    if frame.nisba is not None:
        who = "state" if frame.nisba.kind == "country" else str(frame.nisba.entry.get("class"))
        out[f"nisba:{who}"] = 1.0
    for party in frame.patients:
        out[f"patient:{party.cls}"] = 1.0
    for party in victims(candidate.sentence):
        out[f"victim:{party.cls}"] = 1.0
    for party in candidate.sentence.bodies:
        where = "before" if party.i < trigger.i else "after"
        what = "armed" if party.armed else "country"
        out[f"{where}:{party.cls}:{what}"] = 1.0
        out[f"has:{party.cls}:{what}"] = 1.0
    out[f"trigger:{trigger.entry.id}"] = 1.0
    out[f"kind:{trigger.entry.get('subtype')}"] = 1.0
    for hit in frame.weapons:
        out[f"weapon:{hit.entry.id}"] = 1.0
    named = reading.elsewhere(candidate.sentence)
    most = max(named.values(), default=0)
    for cls, n in named.items():
        out[f"document:{cls}"] = 1.0
        if n == most:
            out[f"document:most:{cls}"] = 1.0
            if agent is None and frame.nisba is None:
                out[f"document:most:{cls}:alone"] = 1.0
    for cls in reading.title:
        out[f"title:{cls}"] = 1.0
    alone = ":alone" if agent is None and frame.nisba is None else ""
    said = reading.attackers(candidate.sentence.index) or {"nowhere": ""}
    for where, cls in said.items():
        out[f"said:{where}:{cls}{alone}"] = 1.0
    if model is not None:
        out["model:militia"] = logit(model["militia"])
    out.update(_model(model, "class", ATTACKER_CLASSES))
    out.update((f"model:{name}", math.log(share)) for name, share in around.items())
    return out


def modality_features(candidate: Candidate, model: Mapping[str, float] | None) -> Features:
    """What stands over the event by the rules, and what the model reads."""
    trigger, ruling, sentence = candidate.trigger, candidate.ruling, candidate.sentence
    name = "attack" if trigger.kind == "attack" else "movement"
    form = stem_form(trigger)
    out: dict[str, float] = {
        "bias": 1.0,
        f"ruling:{ruling.modality}": 1.0,
        f"rule:{ruling.rule}": 1.0,
        f"form:{form}": 1.0,
        f"form:{form}:{ruling.modality}": 1.0,
        f"trigger:{trigger.entry.id}": 1.0,
        f"prep:{trigger.reading.prep}": 1.0,
    }
    for hit, near in cues(sentence, trigger):
        out[f"cue:{hit.entry.id}:{'near' if near else 'far'}"] = 1.0
    for hit in sentence.of("modality"):
        if hit.entry.get("frame"):
            out[f"frame:{hit.entry.id}"] = 1.0
    for hit in candidate.frame.weapons:
        out[f"weapon:{hit.entry.id}"] = 1.0
    if sentence.day:
        for dated in sentence.dates:
            old = "old" if dated.last < sentence.day - OLD else "new"
            out[f"date:{old}:{dated.by}"] = 1.0
    if model is not None:
        out["model:factual"] = logit(model[f"factual_{name}"])
        if name == "movement":
            # Beside a real attack a movement is real too: .8185 → .8248 right on train's, out of
            # fold, factual or not .8754 → .8828. The other way round it says nothing.
            out["model:attack:factual"] = model["attack"] * logit(model["factual_attack"])
    out.update(_model(model, f"{name}_modality", MODALITIES))
    return out


def kind_features(candidate: Candidate, model: Mapping[str, float] | None) -> Features:
    """The kind of movement: mostly the trigger's own."""
    trigger, frame = candidate.trigger, candidate.frame
    out: dict[str, float] = {
        "bias": 1.0,
        f"kind:{trigger.entry.get('kind')}": 1.0,
        f"trigger:{trigger.entry.id}": 1.0,
    }
    if frame.from_:
        out["from"] = 1.0
    if frame.to:
        out["to"] = 1.0
    out.update(_model(model, "kind", MOVEMENT_KINDS))
    return out
