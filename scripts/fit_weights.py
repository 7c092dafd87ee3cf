"""Fit all weights of the tagger on labelled sentences: include/lexicon/weights.yaml.

    python scripts/fit_weights.py ../shared/eval/train.jsonl OUT_OF_FOLD.npz

Four layers, each a logistic regression over named features, checked by five-fold cross-validation
over documents: the evidence of every candidate; presence in a sentence, from the best candidate and
the model; class, kind and modality of what is there; which spans play its roles. OUT_OF_FOLD.npz
holds the model's predictions for documents it was not trained on (scripts/train_verifier.py writes
it), the shares of roles among them. Every layer above the first is fitted twice, with and without
the model. The same input gives the same file. Needs requirements-model.txt beside requirements.txt.
"""

from __future__ import annotations

import itertools
import json
import sys

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np  # noqa: TID253
import yaml

from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from rasid.tagging.combine import (
    Elsewhere,
    class_features,
    kind_features,
    modality_features,
    presence,
)
from rasid.tagging.evaluate import same_head
from rasid.tagging.lexicon import SOURCE
from rasid.tagging.mention import MILITIA_CLASSES
from rasid.tagging.pieces import pieces
from rasid.tagging.reading import Candidate, Reading
from rasid.tagging.spans import ROLES_OF, Heard, bounds, heard_from, options, span_features
from rasid.tagging.tagger import load_tagger, without_repeats
from rasid.tagging.times import publication
from rasid.tagging.verifier import Verifier


RARE = 4  # a feature seen less often gets no weight
SMALL = 0.02  # weights below this are not written
RARE_ROLES, SMALL_ROLES = 12, 0.05  # of roles: their neighbouring words are many
COST = 0.004  # of F1 that fewer alarms may cost
# Of F1: thresholds that differ by less are equally good. Of attacks about the standard error on
# train's 5,000, so that an attack in passing is found («في مواجهة هجوم …», the golden article).
FLAT = {"attack": 0.004, "troop_movement": 0.0015}
FLAT_ROLES = 0.004  # their labels are less whole: a second reader finds 15 % more
C_EVIDENCE = 0.15
C_PRESENCE = 0.3
# Best in cross-validation, each of a few tried.
C_HEADS = {"class": 0.04, "kind": 0.2, "attack_modality": 0.1, "movement_modality": 0.1}
C_ROLES = 0.08
# How likely a further trigger must be, by rules, once its sentence is known to state an event.
MORE = {"attack": -0.5, "troop_movement": -0.5}
TAGS = (("attack", "attack"), ("troop_movement", "movement"))


class Data:
    """Labelled sentences in one row each, and all candidates with the row they belong to."""

    def __init__(self, labels: Path, out_of_fold: Path) -> None:
        stored = np.load(out_of_fold, allow_pickle=False)
        names = [str(n) for n in stored["outputs"]]
        said = {
            str(sid): dict(zip(names, map(float, row), strict=True))
            for sid, row in zip(stored["sids"], stored["scores"], strict=True)
        }
        tagger = load_tagger(model=False)
        self.sentences: list[dict[str, Any]] = []
        self.groups: list[int] = []
        self.texts: list[str] = []  # of the row's document
        self.says: list[dict[str, float] | None] = []
        self.shares: list[np.ndarray | None] = []  # of roles: (tokens, ROLES, 3)
        self.role_weights = Verifier.load().stored["role_weights"]
        number_of = {str(sid): k for k, sid in enumerate(stored["sids"])}
        roles = stored["roles"]
        self.candidates: list[tuple[int, Reading, Candidate]] = []
        for number, line in enumerate(labels.read_text("utf-8").splitlines()):
            document = json.loads(line)
            rows = {}
            for s in document["sentences"]:
                if s["excluded"]:
                    continue
                rows[len(self.sentences)] = s
                self.sentences.append(s)
                self.groups.append(number)
                self.texts.append(document["text"])
                self.says.append(said.get(s["sid"]))
                at = number_of.get(s["sid"])
                self.shares.append(None if at is None else roles[at])
            reading = tagger.read(
                document["text"], published_at=publication(document["published_at"])
            )
            for c in reading.candidates:
                at = c.sentence.tokens[c.trigger.i].start
                row = next((r for r, s in rows.items() if s["start"] <= at < s["end"]), None)
                if row is not None:
                    self.candidates.append((row, reading, c))
        self._triggering: set[int] = set()  # rows in which some word could be an event
        self._rows_of: defaultdict[int, list[int]] = defaultdict(list)  # by document

    def around(self, row: int) -> dict[str, float]:
        """What the model reads of attackers in the other sentences of the document."""
        if not self._triggering:
            self._triggering = {row for row, _, _ in self.candidates}
            for k in sorted(self._triggering):
                self._rows_of[self.groups[k]].append(k)
        own = {k: self.says[k] for k in self._rows_of[self.groups[row]]}
        return Elsewhere({k: says for k, says in own.items() if says is not None}).of(row)

    def heard(self, row: int, candidate: Candidate) -> Heard | None:
        """What the model says of the roles in a sentence, where it has the same tokens."""
        shares, tokens = self.shares[row], candidate.sentence.tokens
        own = self.sentences[row]
        if shares is None or not own["start"] <= tokens[0].start <= own["start"] + 2:
            return None
        shares = np.asarray(shares[: len(tokens)], np.float32)
        return heard_from(shares, self.role_weights, candidate.sentence)


def fitted(
    rows: Sequence[Mapping[str, float]],
    y: Sequence[Any],
    groups: Sequence[int],
    c: float,
    rare: int = RARE,
) -> tuple[np.ndarray, LogisticRegression, list[str]]:
    """Out-of-fold decision values, the model on everything, and the names of its features."""
    counts = Counter(f for row in rows for f in row)
    kept = [{f: v for f, v in row.items() if counts[f] >= rare and f != "bias"} for row in rows]
    vectorizer = DictVectorizer()
    x = vectorizer.fit_transform(kept)
    target = np.array(y)
    scores: np.ndarray | None = None
    for train, test in GroupKFold(5).split(x, target, groups):
        model = LogisticRegression(C=c, max_iter=1000).fit(x[train], target[train])
        values = model.decision_function(x[test])
        if scores is None:
            scores = np.full((len(target), *values.shape[1:]), -9.0)
        if values.ndim > 1:
            whole = np.full((len(test), len(set(y))), -9.0)
            order = sorted(set(y))
            for k, label in enumerate(model.classes_):
                whole[:, order.index(label)] = values[:, k]
            scores = (
                scores
                if scores.shape[1:] == whole.shape[1:]
                else np.full((len(target), len(order)), -9.0)
            )
            scores[test] = whole
        else:
            scores[test] = values
    assert scores is not None
    return (
        scores,
        LogisticRegression(C=c, max_iter=1000).fit(x, target),
        list(vectorizer.get_feature_names_out()),
    )


def written(
    names: Sequence[str], coefficients: np.ndarray, intercept: float, small: float = SMALL
) -> dict[str, float]:
    weights = {
        n: round(float(w), 3) for n, w in zip(names, coefficients, strict=True) if abs(w) > small
    }
    return {**weights, "bias": round(float(intercept), 3)}


def best_f1(scores: np.ndarray, gold: np.ndarray, flat: float) -> tuple[float, float]:
    grid = np.arange(-3.0, 3.01, 0.05)
    f1 = [
        2 * int(((scores >= t) & gold).sum()) / max(1, int((scores >= t).sum()) + int(gold.sum()))
        for t in grid
    ]
    # The lower end of the flat top: a single peak is luck, and an event missed is worse than a
    # sentence too many.
    return max(f1), float(grid[next(k for k, v in enumerate(f1) if v >= max(f1) - flat)])


def main() -> None:
    data = Data(Path(sys.argv[1]), Path(sys.argv[2]))
    out: dict[str, Any] = {
        "presence": {"rules": {}, "joint": {}},
        "thresholds": {"rules": {}, "joint": {}, "more": MORE},
        "heads": {"rules": {}, "joint": {}},
    }
    found: dict[tuple[str, str], np.ndarray] = {}
    margins: dict[str, list[np.ndarray]] = {"rules": [], "joint": []}
    tops: dict[str, dict[int, tuple[float, Reading, Candidate]]] = {}
    scored: dict[str, dict[int, list[tuple[float, Candidate]]]] = {}  # all candidates of a row
    for tag, field in TAGS:
        mine = [(row, reading, c) for row, reading, c in data.candidates if c.trigger.kind == tag]
        scores, model, names = fitted(
            [dict.fromkeys(c.features, 1.0) for _, _, c in mine],
            [bool(data.sentences[row][field]) for row, _, _ in mine],
            [data.groups[row] for row, _, _ in mine],
            C_EVIDENCE,
        )
        out[tag] = written(names, model.coef_[0], model.intercept_[0])
        top: dict[int, tuple[float, Reading, Candidate]] = {}
        scored[tag] = defaultdict(list)
        for (row, reading, c), score in zip(mine, scores, strict=True):
            if row not in top or score > top[row][0]:
                top[row] = (float(score), reading, c)
            scored[tag][row].append((float(score), c))
        tops[tag] = top
        gold = np.array([bool(s[field]) for s in data.sentences])
        for mode in ("rules", "joint"):
            # Where no word could be the event nothing is decided: such sentences are never found.
            at = sorted(top)
            rows = [
                presence(top[k][2], top[k][0], data.says[k] if mode == "joint" else None)
                for k in at
            ]
            some, model, names = fitted(
                rows, [bool(gold[k]) for k in at], [data.groups[k] for k in at], C_PRESENCE
            )
            values = np.full(len(gold), -9.0)
            values[at] = some
            f1, threshold = best_f1(values, gold, FLAT[tag])
            print(f"{tag} {mode}: F1 {f1:.4f} at {threshold:.2f}")
            out["presence"][mode][tag] = written(names, model.coef_[0], model.intercept_[0])
            out["thresholds"][mode][tag] = round(threshold, 2)
            found[tag, mode] = values >= threshold
            margins[mode].append(values - threshold)
    for mode in ("rules", "joint"):
        out["thresholds"][mode]["document"] = document_margin(data, margins[mode])
    classes = heads(data, tops, out, found)
    out["roles"] = {mode: roles(data, scored, classes[mode], mode) for mode in ("rules", "joint")}
    path = SOURCE / "weights.yaml"
    path.write_text(
        "# Fitted by scripts/fit_weights.py: log-odds of each piece of evidence. Do not edit.\n"
        + yaml.safe_dump(out, allow_unicode=True, sort_keys=True, width=100),
        "utf-8",
    )


def document_margin(data: Data, margins: Sequence[np.ndarray]) -> dict[str, float]:
    """How far above its threshold one sentence of a document must be, for the others to count.

    A document that states events says so plainly once; one that nearly does so everywhere is a
    quiet one. A margin for each tag: those with the fewest alarms that cost less than COST of F1.
    """
    groups = np.array(data.groups)
    best = np.full((len(TAGS), groups.max() + 1), -9.0)
    for own, m in zip(best, margins, strict=True):
        np.maximum.at(own, groups, m)
    quiet = np.ones(groups.max() + 1, bool)
    gold = [np.array([bool(s[field]) for s in data.sentences]) for _, field in TAGS]
    np.logical_and.at(quiet, groups, ~(gold[0] | gold[1]))

    def measured(least: tuple[float, ...]) -> tuple[list[float], float]:
        alive = (best >= np.array(least)[:, None]).any(axis=0)
        said = [alive[groups] & (m >= 0) for m in margins]
        f1 = [
            2 * int((x & y).sum()) / (int(x.sum()) + int(y.sum()))
            for x, y in zip(said, gold, strict=True)
        ]
        return f1, 100 * float(np.mean(alive[quiet]))

    first, alarms = measured((0.0, 0.0))
    chosen = (alarms, (0.0, 0.0), first)
    steps = [round(0.1 * k, 1) for k in range(21)]
    for least in itertools.product(steps, steps):
        f1, alarms = measured(least)
        if alarms < chosen[0] and all(a - b <= COST for a, b in zip(first, f1, strict=True)):
            chosen = (alarms, least, f1)
    print(f"  margins {chosen[1]}: F1 {first} -> {chosen[2]}, alarms {chosen[0]:.1f}")
    return {tag: margin for (tag, _), margin in zip(TAGS, chosen[1], strict=True)}


def heads(
    data: Data,
    tops: Mapping[str, Mapping[int, tuple[float, Reading, Candidate]]],
    out: dict[str, Any],
    found: Mapping[tuple[str, str], np.ndarray],
) -> dict[str, dict[int, str]]:
    """Fit class, kind and modalities on sentences that state an event, from their best candidate.

    Returns the classes found out of fold, by mode and row.
    """
    classes: dict[str, dict[int, str]] = {}
    for mode in ("rules", "joint"):
        for name, tag, label in (
            ("class", "attack", "attack_class"),
            ("kind", "troop_movement", "movement_kind"),
            ("attack_modality", "attack", "attack_modality"),
            ("movement_modality", "troop_movement", "movement_modality"),
        ):
            rows, y, groups, index = [], [], [], []
            for k, (_, reading, c) in tops[tag].items():
                if not data.sentences[k][label]:
                    continue
                says = data.says[k] if mode == "joint" else None
                around = data.around(k) if says is not None and name == "class" else {}
                rows.append(features(name, reading, c, says, around))
                y.append(data.sentences[k][label])
                groups.append(data.groups[k])
                index.append(k)
            values, model, names = fitted(rows, y, groups, C_HEADS[name])
            order = sorted(set(y))
            guess = [order[j] for j in values.argmax(1)]
            right = np.mean([g == t for g, t in zip(guess, y, strict=True)])
            print(f"{name} {mode}: accuracy {right:.4f} of {len(y)}")
            if name.endswith("modality"):
                same = [(g == "factual") == (t == "factual") for g, t in zip(guess, y, strict=True)]
                print(f"  factual or not {np.mean(same):.4f}")
            if name == "class":
                classes[mode] = dict(zip(index, guess, strict=True))
                report_militia(data, classes[mode], found["attack", mode])
            out["heads"][mode][name] = {
                str(c): written(names, model.coef_[k], model.intercept_[k])
                for k, c in enumerate(model.classes_)
            }
    return classes


def features(
    name: str,
    reading: Reading,
    c: Candidate,
    says: dict[str, float] | None,
    around: Mapping[str, float],
) -> Mapping[str, float]:
    if name == "class":
        return class_features(reading, c, says, around)
    if name == "kind":
        return kind_features(c, says)
    return modality_features(c, says)


class Offer(NamedTuple):
    """An option of a role of one mention, and which of the gold spans it names."""

    row: int
    text: str
    features: Mapping[str, float]
    names: tuple[bool, ...]


def offers(
    data: Data,
    scored: Mapping[str, Mapping[int, Sequence[tuple[float, Candidate]]]],
    classes: Mapping[int, str],
    name: str,
    mode: str,
) -> Iterator[Offer]:
    """The options of a role in sentences that state an event, of every mention there would be."""
    for tag, field in TAGS:
        for row, candidates in scored[tag].items() if name in ROLES_OF[tag] else ():
            s = data.sentences[row]
            if not s[field] or name not in s:
                continue
            for c in _mentioned(candidates, MORE[tag]):
                heard = data.heard(row, c) if mode == "joint" else None
                for o in options(name, pieces(c, name), heard):
                    text = data.texts[row][slice(*bounds(o, c.sentence))]
                    yield Offer(
                        row, text, span_features(o, c, name, classes.get(row, ""), heard),
                        tuple(same_head(text, gold) for gold in s[name]),
                    )  # fmt: skip


def _mentioned(candidates: Sequence[tuple[float, Candidate]], more: float) -> Iterator[Candidate]:
    """The candidates of a labelled sentence that become mentions, of each sentence as read."""
    floor = min(max(score for score, _ in candidates), more)
    by_sentence: defaultdict[int, list[tuple[float, Candidate]]] = defaultdict(list)
    for score, c in candidates:
        if score >= floor:
            by_sentence[c.sentence.index].append((score, c))
    for own in by_sentence.values():
        yield from without_repeats(own)


def roles(
    data: Data,
    scored: Mapping[str, Mapping[int, Sequence[tuple[float, Candidate]]]],
    classes: Mapping[int, str],
    mode: str,
) -> dict[str, dict[str, float]]:
    """Fit which options play each role; the bias is shifted to the best F1 by head."""
    out = {}
    for name in dict.fromkeys(n for names in ROLES_OF.values() for n in names):
        found = list(offers(data, scored, classes, name, mode))
        scores, model, names = fitted(
            [o.features for o in found],
            [any(o.names) for o in found],
            [data.groups[o.row] for o in found],
            C_ROLES,
            RARE_ROLES,
        )
        f1, threshold = best_heads(found, scores)
        print(f"{name} {mode}: F1 by head {f1:.4f} at {threshold:.2f}")
        out[name] = written(names, model.coef_[0], model.intercept_[0] - threshold, SMALL_ROLES)
    return out


def best_heads(found: Sequence[Offer], scores: np.ndarray) -> tuple[float, float]:
    """The best F1 of a role over sentences, and the lowest threshold that nearly reaches it.

    Readers leave out spans: a second one found 15 % more in our own gold.
    """
    best: dict[int, dict[str, tuple[float, tuple[bool, ...]]]] = defaultdict(dict)
    for o, score in zip(found, scores, strict=True):
        best[o.row][o.text] = max(best[o.row].get(o.text, (-9.0, o.names)), (score, o.names))
    gold = sum(len(next(iter(texts.values()))[1]) for texts in best.values())
    results = []
    for threshold in np.arange(-1.5, 1.0, 0.1):
        hit = said = 0
        for texts in best.values():
            kept = [names for score, names in texts.values() if score >= threshold]
            said += len(kept)
            hit += min(sum(map(any, zip(*kept, strict=True))), sum(map(any, kept)))
        results.append((2 * hit / max(1, said + gold), float(threshold)))
    top, _ = max(results)
    return next(result for result in results if result[0] >= top - FLAT_ROLES)


def report_militia(data: Data, guess: Mapping[int, str], found: np.ndarray) -> None:
    """Militia F1 where the class is known; false alarms of presence are counted as half militia."""
    hit = sum(
        1
        for k, cls in guess.items()
        if found[k]
        and cls in MILITIA_CLASSES
        and data.sentences[k]["attack_class"] in MILITIA_CLASSES
    )
    gold = sum(s["attack_class"] in MILITIA_CLASSES for s in data.sentences)
    said = sum(1 for k, cls in guess.items() if found[k] and cls in MILITIA_CLASSES)
    alarms = sum(1 for k in np.flatnonzero(found) if not data.sentences[int(k)]["attack"]) / 2
    print(f"  militia F1 about {2 * hit / (said + alarms + gold):.4f}")


if __name__ == "__main__":
    main()
