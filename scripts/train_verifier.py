"""Train the model of rasid.tagging.verifier and write it, with its figures, to include/models.

    python scripts/train_verifier.py --shared ../shared --out include/models

Seeded steps: skip-gram vectors of the unlabelled corpus, and the body of the reader, which guesses
hidden words of it; for each fold of train.jsonl (documents stay whole) and once for all of it a
teacher, which is a reader and a linear part; what the teachers say of unlabelled sentences, and of
labelled ones that they did not learn; students that learn from labels, our own labels of corpus
sentences (model/corpus_labels.jsonl.xz) among them, and from teachers; the joining layer,
exponents, role weights and thresholds on what the students say of the fold they have not seen. The
student of all is what is written.
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
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np  # noqa: TID253 - the ban is for DAG files
import torch

from model import joining, ngrams, soft
from model.labels import Sentences, folds_of, joined, read_corpus_labels, read_labels
from model.reader import corpus_of, exported, inputs, mark_names, pretrained, taught
from model.vectors import skip_grams, small_vectors
from rasid.arabic import Morphology
from rasid.settings import settings
from rasid.tagging import verifier as v
from rasid.tagging import vocabulary
from rasid.tagging.lexicon import SOURCE, open_lexicon
from rasid.tagging.matcher import Matcher
from rasid.tagging.sentence import Sentence


FOLDS = 3
UNLABELLED = 60_000  # sentences that teachers label
THEIR_WEIGHT = 0.5  # of such a sentence beside a labelled one
OURS = Path(__file__).parent / "model" / "corpus_labels.jsonl.xz"
OUR_WEIGHT = 0.5  # of a sentence of it in the linear part, which would learn its style from it


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True, help="folder with corpus/ and eval/")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model file and card")
    parser.add_argument(
        "--work", type=Path, default=Path(".rasid/model"), help="what may be kept between runs"
    )
    parser.add_argument("--jobs", type=int, default=1, help="threads")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.jobs)
    vocabulary.WORDS = v.WORDS = 100_000  # what reads all of the labels had better forget no word
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
    every = range(FOLDS + 1)  # fold FOLDS leaves no document out
    own = read_corpus_labels(OURS, corpus, matcher)
    lighter = joined(data, replace(own, weight=OUR_WEIGHT * own.weight))
    kept_in = np.concatenate([fold, np.full(len(own.titles), -1)])  # those of ours are of no fold
    linear = kept("linear", lambda: ngrams.by_fold(lighter, kept_in, every))
    body = kept("body", lambda: pretrained(corpus_of(corpus, matcher, vectors)))
    names = mark_names(data)
    note(f"{len(data.words)} sentences and {len(own.words)} of ours, {len(names)} marks")

    def learnt(seed: int, read: Sentences, often: np.ndarray) -> dict[str, np.ndarray]:
        """A reader of the documents `often`, and once of all that are not of train.jsonl."""
        rest = np.setdiff1d(np.arange(len(fold), read.document[-1] + 1), often)
        given = inputs(read, vectors, names)
        return exported(taught(read, given, often, body, seed=seed, once=rest))

    def teacher(k: int) -> dict[str, np.ndarray]:
        return learnt(k, data, np.flatnonzero(fold != k))

    def student(k: int) -> dict[str, np.ndarray]:
        ours = soft.mixed(own, told_ours[k])
        read = joined(joined(softer, ours), told[k])
        return learnt(100 + k, read, np.flatnonzero(kept_in != k))

    def models(readers: list[dict[str, np.ndarray]]) -> tuple[list[v.Verifier], joining.Evidence]:
        """A model of each fold, joined as is best out of fold, and the evidence for that."""
        found = [joining.assembled(vectors, names, readers[k], linear[k]) for k in every]
        evidence: joining.Evidence = {}
        for k in range(FOLDS):
            joining.outputs(found[k], data, np.flatnonzero(fold == k), evidence)
        fitted = joining.join(evidence, data)
        for model in found:
            model.stored.update(fitted)
        return found, evidence

    teachers, heard = models([kept(f"teacher-{k}", lambda: teacher(k)) for k in every])  # noqa: B023
    softer = soft.softened(data, teachers[FOLDS].joined(heard))
    unlabelled = soft.candidates(corpus, matcher, UNLABELLED, frozenset(own.sids))

    def heard_of(name: str, read: list[Sentence], weight: float) -> list[Sentences]:
        """What each teacher says of sentences."""
        return [
            kept(f"{name}-{k}", lambda: soft.told(teachers[k], read, weight))  # noqa: B023
            for k in every
        ]

    told = heard_of("told", unlabelled, THEIR_WEIGHT)
    told_ours = heard_of("told-ours", own.read, 1.0)
    students, evidence = models([kept(f"student-{k}", lambda: student(k)) for k in every])  # noqa: B023
    model = students[FOLDS]
    scores = model.joined(evidence)
    at = joining.thresholds(scores, data)
    model.stored.update(joining.least(evidence, scores, data, at))
    np.savez(
        args.work / "oof.npz",
        sids=np.array(data.sids), scores=scores, outputs=np.array(v.OUTPUTS),
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
