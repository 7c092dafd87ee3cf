"""Train the model of rasid.tagging.verifier and write it, with its figures, to include/models.

    python scripts/train_verifier.py --shared ../shared --out include/models

Seeded steps: skip-gram vectors of the unlabelled corpus; for each fold of train.jsonl (documents
stay whole) and once for all of it a teacher, a network and a linear part; what the teachers say of
unlabelled sentences, the last of them with all networks; students that learn from labels and
teachers; the joining layer, exponents, role weights and thresholds on what the students say of the
fold they have not seen. The student of all is what is written.
Each part is kept in --work for the next time (delete it after a change of these scripts or of the
lexicon). dev.jsonl is only measured at the end. Needs requirements-model.txt beside
requirements.txt.
"""

from __future__ import annotations

import argparse
import json
import pickle
import time

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np  # noqa: TID253 - the ban is for DAG files

from joblib import Parallel, delayed

from model import joining, ngrams, soft
from model.labels import Labelled, Sentences, folds_of, joined, read_labels
from model.network import Weights, inputs, mark_names, train
from model.vectors import Vectors, skip_grams, small_vectors
from rasid.arabic import Morphology
from rasid.settings import settings
from rasid.tagging import verifier as v
from rasid.tagging import vocabulary
from rasid.tagging.lexicon import SOURCE, open_lexicon
from rasid.tagging.matcher import Matcher


FOLDS = 3
UNLABELLED = 60_000  # sentences that teachers label
THEIR_WEIGHT = 0.5  # of such a sentence beside a labelled one


@dataclass
class Folds:
    """What the models of all folds share; fold FOLDS leaves no document out."""

    data: Labelled
    fold: np.ndarray  # of each document
    vectors: Vectors
    marks: list[str]
    linear: list[tuple[np.ndarray, np.ndarray]]

    def learn(self, k: int, told: Sentences | None = None) -> Weights:
        """The network of fold `k`, from the labels and from what it is told of other sentences."""
        known = np.flatnonzero(self.fold != k)
        data = self.data if told is None else joined(self.data, told)
        further = np.arange(len(self.fold), data.document[-1] + 1)
        seed = k if told is None else 100 + k
        return train(data, inputs(data, self.vectors, self.marks), known, further, seed)

    def models(self, networks: list[list[Weights]]) -> tuple[list[v.Verifier], joining.Evidence]:
        """A model of each fold, joined as is best out of fold, and the evidence for that."""
        found = [
            joining.assembled(self.vectors, self.marks, own, linear)
            for own, linear in zip(networks, self.linear, strict=True)
        ]
        evidence: joining.Evidence = {}
        for k in range(FOLDS):
            joining.outputs(found[k], self.data, np.flatnonzero(self.fold == k), evidence)
        fitted = joining.join(evidence, self.data)
        for model in found:
            model.stored.update(fitted)
        return found, evidence


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True, help="folder with corpus/ and eval/")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model file and card")
    parser.add_argument(
        "--work", type=Path, default=Path(".rasid/model"), help="what may be kept between runs"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes, and threads for vectors")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    # What reads all of the labels and much of the corpus had better forget no word (3 GB).
    vocabulary.WORDS = vocabulary.PRODUCTS = 250_000
    started = time.monotonic()

    def note(what: str) -> None:
        print(f"{time.monotonic() - started:6.0f} s  {what}", flush=True)

    def kept(name: str, make: Callable[[], Any]) -> Any:
        path = args.work / f"{name}.pickle"
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_bytes(pickle.dumps(make()))
            part.rename(path)
        note(name)
        return pickle.loads(path.read_bytes())  # noqa: S301 - written above

    corpus = args.shared / "corpus" / "sentences.txt.xz"
    vectors = kept("vectors", lambda: small_vectors(*skip_grams(corpus, args.work, args.jobs)))
    cache = settings().cache
    lexicon = open_lexicon(SOURCE, cache)
    matcher = Matcher(lexicon, Morphology(lexicon.database, cache / "camel"))
    data = read_labels(args.shared / "eval" / "train.jsonl", matcher)
    fold = folds_of(data, FOLDS)
    every = range(FOLDS + 1)
    linear = kept("linear", lambda: ngrams.by_fold(data, fold, every))
    folds = Folds(data, fold, vectors, mark_names(data), linear)
    note(f"{len(data.words)} sentences, {len(folds.marks)} marks")

    parallel = Parallel(n_jobs=args.jobs)
    taught = kept("taught", lambda: parallel(delayed(folds.learn)(k) for k in every))
    teachers, _ = folds.models([*([taught[k]] for k in range(FOLDS)), taught])
    unlabelled = soft.candidates(corpus, matcher, UNLABELLED)
    told = kept(
        "told", lambda: [soft.told(teacher, unlabelled, THEIR_WEIGHT) for teacher in teachers]
    )
    learnt = kept("learnt", lambda: parallel(delayed(folds.learn)(k, told[k]) for k in every))
    students, evidence = folds.models([[network] for network in learnt])

    model = students[FOLDS]
    at = joining.thresholds(model.joined(evidence), data)
    np.savez(
        args.work / "oof.npz",
        sids=np.array(data.sids), scores=model.joined(evidence), outputs=np.array(v.OUTPUTS),
        **evidence,
    )  # fmt: skip
    args.out.mkdir(parents=True, exist_ok=True)
    version = joining.write(model, args.out / "verifier.npz")
    note(f"wrote version {version}, thresholds {at.round(2)}")

    written = v.Verifier.load(args.out / "verifier.npz")
    dev = read_labels(args.shared / "eval" / "dev.jsonl", matcher)
    seen: joining.Evidence = {}
    joining.outputs(written, dev, np.arange(len(dev.titles)), seen)
    measured = {
        "train.jsonl, out of fold": joining.figures(model, evidence, data, at),
        "dev.jsonl, thresholds from train": joining.figures(written, seen, dev, at),
    }
    print(json.dumps(measured, indent=1))
    joining.card(args.out / "MODEL_CARD.md", measured)


if __name__ == "__main__":
    main()
