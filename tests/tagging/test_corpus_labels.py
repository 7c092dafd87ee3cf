"""Our labels of corpus sentences, on which the model learns: they hold no text, and fit the codebook."""

from __future__ import annotations

import hashlib
import itertools
import json
import lzma

import pytest

from rasid.settings import ROOT
from rasid.tagging.lexicon import ATTACKER_CLASSES, MODALITIES, MOVEMENT_KINDS


LABELS = ROOT / "scripts" / "model" / "corpus_labels.jsonl.xz"
CORPUS = ROOT.parent / "shared" / "corpus" / "sentences.txt.xz"
ROLES = {
    "attack": {"attackers", "targets", "weapons"},
    "movement": {"movers", "from", "to"},
}


@pytest.fixture(scope="module")
def labels():
    with lzma.open(LABELS, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_the_file_holds_no_word_of_anybody(labels):
    assert lzma.decompress(LABELS.read_bytes()).isascii()
    assert len(labels) > 10_000
    assert len({own["sentence"] for own in labels}) == len(labels)
    for own in labels:
        texts = [value for value in own.values() if isinstance(value, str)]
        assert set(texts) - {own["sentence"]} <= {*ATTACKER_CLASSES, *MODALITIES, *MOVEMENT_KINDS}


def test_what_is_said_of_an_event_is_said_where_there_is_one(labels):
    for own in labels:
        assert ("attack_class" in own) == bool(own["attack"])
        assert ("movement_kind" in own) == bool(own["movement"])
        for event, roles in ROLES.items():
            # Modality may be open: a sentence without its document does not always tell it.
            of_event = {*roles, f"{event}_modality"}
            assert own[event] or of_event.isdisjoint(own), own["sentence"]
        assert own["attack"] or own["movement"] or "places" not in own, own["sentence"]


@pytest.mark.skipif(not CORPUS.exists(), reason="../shared/corpus is not here")
def test_spans_lie_in_sentences_of_the_corpus(labels):
    known = {own["sentence"]: own for own in labels}
    met = 0
    with lzma.open(CORPUS, "rt", encoding="utf-8") as lines:
        for line in itertools.islice(lines, 50_000):
            text = line.strip()
            own = known.get(hashlib.blake2b(text.encode(), digest_size=8).hexdigest(), {})
            met += bool(own)
            for i, j in itertools.chain(
                *(own.get(r, []) for r in (*ROLES["attack"], *ROLES["movement"], "places"))
            ):
                assert 0 <= i < j <= len(text)
                assert text[i:j].strip() == text[i:j]
    assert met > 1000
