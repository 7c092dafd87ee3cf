"""Fit the weights of the tagger's evidence on labelled sentences: include/lexicon/weights.yaml.

    python scripts/fit_weights.py ../shared/eval/train.jsonl

One logistic regression a tag over the named features of every candidate, L2, chosen and given its
threshold by five-fold cross-validation over documents. A sentence counts as found when its best
candidate reaches the threshold. The same labels and lexicon give the same file. Needs
requirements-model.txt beside requirements.txt.
"""

from __future__ import annotations

import json
import sys

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from rasid.tagging.lexicon import SOURCE
from rasid.tagging.tagger import Candidate, Tagger, load_tagger


RARE = 4  # a feature seen in fewer candidates gets no weight
SMALL = 0.02  # weights below this are not written


def published(label: str | None) -> datetime | None:
    """The publication time of a labelled document; ranges give their first month."""
    for length, pattern in ((10, "%Y-%m-%d"), (7, "%Y-%m"), (4, "%Y")):
        try:
            return datetime.strptime((label or "")[:length], pattern)  # noqa: DTZ007 (a date only)
        except ValueError:
            continue
    return None


def main() -> None:
    documents = [json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]
    tagger = load_tagger()
    out: dict[str, Any] = {"thresholds": {}}
    for tag, field in (("attack", "attack"), ("troop_movement", "movement")):
        out[tag], out["thresholds"][tag] = fit(tagger, documents, tag, field)
    path = SOURCE / "weights.yaml"
    path.write_text(
        "# Fitted by scripts/fit_weights.py: log-odds of each piece of evidence. Do not edit.\n"
        + yaml.safe_dump(out, allow_unicode=True, sort_keys=True, width=100),
        "utf-8",
    )


def fit(
    tagger: Tagger, documents: list[dict[str, Any]], tag: str, field: str
) -> tuple[dict[str, float], float]:
    rows, labels, groups, sentence_of = [], [], [], []
    truth: list[bool] = []
    for number, document in enumerate(documents):
        day = published(document["published_at"])
        sentences = [s for s in document["sentences"] if not s["excluded"]]
        index = {id(s): len(truth) + k for k, s in enumerate(sentences)}
        truth += [bool(s[field]) for s in sentences]
        for candidate in tagger.candidates(document["text"], published_at=day):
            if candidate.trigger.kind != tag:
                continue
            at = start_of(candidate)
            for s in sentences:
                if s["start"] <= at < s["end"]:
                    rows.append(dict.fromkeys(candidate.features, 1.0))
                    labels.append(bool(s[field]))
                    groups.append(number)
                    sentence_of.append(index[id(s)])
    counts = Counter(f for row in rows for f in row)
    rows = [{f: 1.0 for f in row if counts[f] >= RARE} for row in rows]
    vectorizer = DictVectorizer()
    x = vectorizer.fit_transform(rows)
    y = np.array(labels)
    owner = np.array(sentence_of)
    gold = np.array(truth)
    best = (0.0, 0.0, 0.0)
    for c in (0.02, 0.05, 0.1, 0.2):
        scores = np.zeros(len(y))
        for train, test in GroupKFold(5).split(x, y, groups):
            model = LogisticRegression(C=c, max_iter=400).fit(x[train], y[train])
            scores[test] = model.decision_function(x[test])
        top = np.full(len(gold), -99.0)
        np.maximum.at(top, owner, scores)
        f1, threshold = best_f1(top, gold)
        print(f"{tag} C={c}: F1 {f1:.4f} at {threshold:.2f}, {len(y)} candidates")
        best = max(best, (f1, c, threshold))
    _, c, threshold = best
    model = LogisticRegression(C=c, max_iter=400).fit(x, y)
    names = vectorizer.get_feature_names_out()
    weights = {
        str(n): round(float(w), 3) for n, w in zip(names, model.coef_[0], strict=True) if abs(w) > SMALL
    }
    weights["bias"] = round(float(model.intercept_[0]), 3)
    return weights, round(float(threshold), 2)


def start_of(candidate: Candidate) -> int:
    return candidate.sentence.tokens[candidate.trigger.i].start


def best_f1(scores: np.ndarray, gold: np.ndarray) -> tuple[float, float]:
    grid = np.arange(-2.0, 2.01, 0.05)
    results = []
    for threshold in grid:
        guess = scores >= threshold
        hit = int((guess & gold).sum())
        results.append(2 * hit / max(1, int(guess.sum()) + int(gold.sum())))
    k = int(np.argmax(results))
    return results[k], float(grid[k])


if __name__ == "__main__":
    main()
