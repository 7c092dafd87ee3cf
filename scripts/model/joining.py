"""The parts of the model put together: the joining layer, thresholds, figures, file and card."""

from __future__ import annotations

import hashlib
import json
import re

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np  # noqa: TID253

from sklearn.linear_model import LogisticRegression

from model.labels import Labelled
from model.vectors import Vectors
from rasid.tagging import verifier as v


HEADS = [name for name, _ in v.HEADS]
SPARED = 0.001  # of the events found, that may be lost to a faster tagger

#: What the parts of a model say of each row, by their names; `roles`: role shares of its tokens.
Evidence = dict[str, np.ndarray]


def assembled(
    vectors: Vectors,
    marks: Sequence[str],
    reader: dict[str, np.ndarray],
    linear: tuple[np.ndarray, np.ndarray],
) -> v.Verifier:
    """A verifier of these parts, its joining layer still empty."""
    weights, bias = linear
    scale = np.abs(weights).max(axis=0) / 32767
    stored = {
        **vectors.stored,
        **reader,
        "linear": np.round(weights / scale).astype(np.int16),
        "linear_scale": scale.astype(np.float32),
        "linear_bias": bias.astype(np.float32),
        "join": np.zeros((6 + len(v.ATTACKER_CLASSES), 3), np.float32),
        "join_bias": np.zeros(3, np.float32),
        "role_weights": np.ones(len(v.ROLES), np.float32),
        "least": np.full(len(v.PRESENCE), -np.inf, np.float32),
        **{f"{name}_exponent": np.float32(1) for name in HEADS},
    }
    return v.Verifier("", stored, vectors.rows, {name: i for i, name in enumerate(marks)})


def outputs(model: v.Verifier, data: Labelled, documents: np.ndarray, into: Evidence) -> None:
    """Fill the rows of `documents` with the model's evidence, before it is joined, and roles.

    Sentences that the tagger would ask of are read without the others, as it does.
    """
    shares = into.setdefault("roles", np.zeros((*data.roles.shape, 3), np.float16))
    asked = data.asked
    for d in documents:
        at = np.flatnonzero(data.document == d)
        sentences = [data.read[i] for i in at]
        for wanted in (np.arange(len(at)), np.flatnonzero(asked[at])):
            verdict = model.read(sentences, wanted.tolist())
            for name, value in verdict.evidence.items():
                shape = (len(data.words), value.shape[1])
                into.setdefault(name, np.zeros(shape, np.float32))[at[wanted]] = value
            for k in wanted:
                own = verdict.role_shares(k)
                shares[at[k], : len(own)] = own


def join(evidence: Evidence, data: Labelled) -> dict[str, np.ndarray]:
    """The joining layer, exponents and role weights that fit out-of-fold evidence."""
    x = v.joinable(evidence)[data.counts]
    fitted = [
        LogisticRegression(C=1.0, max_iter=1000).fit(x, data.presence[data.counts, j])
        for j in range(len(v.PRESENCE))
    ]
    found = {
        "join": np.stack([f.coef_[0] for f in fitted], axis=1).astype(np.float32),
        "join_bias": np.array([f.intercept_[0] for f in fitted], np.float32),
    }
    for name in HEADS:
        known, label = known_labels(data, name)
        best = best_exponent(np.log(evidence[name][known] + 1e-9), label)
        found[f"{name}_exponent"] = np.float32(best)
    weights = np.arange(0.6, 3.01, 0.2).tolist()
    found["role_weights"] = np.array(
        [
            max(weights, key=lambda weight: role_f1(evidence["roles"], data, r, weight)[1])
            for r in range(len(v.ROLES))
        ],
        np.float32,
    )
    return found


def known_labels(data: Labelled, head: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows with a label of this head, and their labels."""
    known = np.flatnonzero(data.heads[head].any(axis=1))
    return known, data.heads[head][known].argmax(axis=1)


def best_exponent(logarithms: np.ndarray, label: np.ndarray) -> float:
    """The exponent with the least surprise at the labels."""

    def surprise(exponent: float) -> float:
        scaled = logarithms * exponent
        scaled -= np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        return float(-scaled[np.arange(len(label)), label].mean())

    return min(np.arange(0.4, 2.5, 0.05).tolist(), key=surprise)


def role_f1(shares: np.ndarray, data: Labelled, r: int, weight: float) -> tuple[float, float]:
    """F1 of the spans of one role on labelled sentences: the same tokens; any token in common."""
    same = common = total = 0
    for row in np.flatnonzero(data.roles[:, 0, r] >= 0):
        size = len(data.words[row])
        gold = {s[:2] for s in v.spans(np.eye(3, dtype=np.float32)[data.roles[row, :size, r]], 1)}
        said = {s[:2] for s in v.spans(shares[row, :size, r].astype(np.float32), weight)}
        same += len(gold & said)
        common += sum(any(a < j and i < b for a, b in said) for i, j in gold)
        total += len(gold) + len(said)
    return 2 * same / max(1, total), 2 * common / max(1, total)


def f1(true: np.ndarray, said: np.ndarray) -> float:
    return float(2 * (true & said).sum() / max(1, true.sum() + said.sum()))


def thresholds(scores: np.ndarray, data: Labelled) -> np.ndarray:
    """For each presence column the threshold with the best F1, smoothed over its neighbours."""
    grid = np.arange(0.1, 0.9, 0.01)
    best = []
    for j in range(len(v.PRESENCE)):
        true = data.presence[data.counts, j] > 0
        curve = [f1(true, scores[data.counts, j] >= t) for t in grid]
        smooth = np.convolve(np.pad(curve, 4, mode="edge"), np.ones(9) / 9, "valid")
        best.append(grid[int(np.argmax(smooth))])
    return np.array(best)


def least(
    evidence: Evidence, scores: np.ndarray, data: Labelled, at: np.ndarray
) -> dict[str, np.ndarray]:
    """Logits of the linear part below which nobody need read on, by presence column.

    Of the events that the whole model finds, SPARED are lost to each of attack and movement. An
    attack by a militia is an attack: that column never asks.
    """
    found = np.full(len(v.PRESENCE), np.inf, np.float32)
    for j, name in enumerate(v.PRESENCE):
        rows = data.counts & (data.presence[:, j] > 0) & (scores[:, j] >= at[j])
        if name != "militia":
            found[j] = np.quantile(evidence["linear"][rows, j], SPARED)
    return {"least": found}


def figures(
    model: v.Verifier, evidence: Evidence, data: Labelled, at: np.ndarray
) -> dict[str, Any]:
    """F1 by stratum at given thresholds, accuracies of the heads on labelled rows, calibration."""
    scores = model.joined(evidence)
    columns = {name: i for i, name in enumerate(v.OUTPUTS)}
    result: dict[str, Any] = {"sentences": int(data.counts.sum())}
    for part in ("all", *sorted(set(data.strata.tolist()))):
        rows = data.counts & ((data.strata == part) | (part == "all"))
        result[part] = {
            name: round(f1(data.presence[rows, j] > 0, scores[rows, j] >= at[j]), 3)
            for j, name in enumerate(v.PRESENCE)
        }
    for name, labels in v.HEADS:
        known, label = known_labels(data, name)
        said = scores[known][:, [columns[f"{name}:{label}"] for label in labels]]
        result[name] = round(float((said.argmax(axis=1) == label).mean()), 3)
        if name.endswith("modality"):
            right = (said[:, 0] >= 0.5) == (label == 0)
            result[f"{name}, factual or not"] = round(float(right.mean()), 3)
    for j, name in enumerate(v.PRESENCE):
        p, true = scores[data.counts, j], data.presence[data.counts, j]
        bins = np.minimum((p * 10).astype(int), 9)
        gap = sum(
            abs(p[bins == b].mean() - true[bins == b].mean()) * (bins == b).mean()
            for b in range(10)
            if (bins == b).any()
        )
        result[f"{name}, calibration error"] = round(float(gap), 3)
    for r, name in enumerate(v.ROLES):
        weight = float(model.stored["role_weights"][r])
        same, common = role_f1(evidence["roles"], data, r, weight)
        result[f"{name}, spans exact / in part"] = f"{same:.3f} / {common:.3f}"
    return result


def write(model: v.Verifier, path: Path) -> str:
    """Write the model file, not compressed: it loads at once. Its version hashes its numbers."""
    stored = {
        **model.stored,
        "words": np.frombuffer("\n".join(model.rows).encode(), np.uint8),
    }
    halves = {
        n: a.astype(np.float16) if a.dtype == np.float32 and a.size > 64 else a
        for n, a in stored.items()
    }
    digest = hashlib.blake2b(digest_size=6)
    for name in sorted(halves):
        digest.update(name.encode() + np.ascontiguousarray(halves[name]).tobytes())
    about = {
        "format": v.FORMAT,
        "version": digest.hexdigest(),
        "marks": list(model.mark_numbers),
    }
    np.savez(path, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **halves)
    return str(about["version"])


def card(path: Path, measured: dict[str, Any]) -> None:
    """Replace the figures between the marks of the model card."""
    tables = []
    for title, result in measured.items():
        strata = [k for k, value in result.items() if isinstance(value, dict)]
        tables += [
            f"**{title}** ({result['sentences']} sentences)",
            "",
            "| F1 | attack | militia | movement |",
            "|---|---|---|---|",
        ]
        tables += [
            f"| {s} | " + " | ".join(f"{result[s][n]:.3f}" for n in v.PRESENCE) + " |"
            for s in strata
        ]
        tables += ["", "| other | |", "|---|---|"]
        tables += [
            f"| {k} | {value} |"
            for k, value in result.items()
            if not isinstance(value, dict) and k != "sentences"
        ]
        tables.append("")
    text = path.read_text(encoding="utf-8")
    block = "<!-- figures -->\n" + "\n".join(tables) + "<!-- end -->"
    path.write_text(
        re.sub(r"<!-- figures -->.*<!-- end -->", lambda _: block, text, flags=re.DOTALL),
        encoding="utf-8",
    )
