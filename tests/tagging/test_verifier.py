from __future__ import annotations

import time

from pathlib import Path

import numpy as np
import pytest

from rasid.errors import ConfigError
from rasid.settings import INCLUDE
from rasid.tagging import verifier as v


TITLE = "مقتل خمسة جنود في هجوم لمسلحين على ثكنة بريف الحسكة"
DOCUMENT = [
    TITLE,
    "هاجم مسلحون مجهولون ثكنة للجيش فجر اليوم بالرشاشات والقذائف وأوقعوا خمسة قتلى في صفوف الجنود.",
    "وانسحبت وحدات الجيش من الثكنة نحو قاعدة في الشمال.",
    "وارتفعت أسعار الخضار في أسواق المدينة مع بداية الموسم.",
]
COLUMN = {name: i for i, name in enumerate(v.Verifier.outputs)}


@pytest.fixture(scope="module")
def model() -> v.Verifier:
    return v.Verifier.load()


class TestScores:
    def test_a_plain_attack_a_withdrawal_and_a_market_report_are_told_apart(self, model):
        scores = model.score(DOCUMENT, TITLE)
        attack, movement = scores[:, COLUMN["attack"]], scores[:, COLUMN["movement"]]
        assert attack[0] > 0.8
        assert attack[1] > 0.8
        assert movement[2] > 0.5
        assert attack[3] < 0.1
        assert movement[3] < 0.1

    def test_every_column_is_a_probability_and_every_distribution_adds_up_to_one(self, model):
        scores = model.score(DOCUMENT, TITLE)
        assert scores.shape == (4, len(v.Verifier.outputs))
        assert scores.dtype == np.float32
        assert ((scores >= 0) & (scores <= 1)).all()
        at = 5
        for _, _, labels in v.HEADS:
            assert scores[:, at : at + len(labels)].sum(axis=1) == pytest.approx(1, abs=1e-4)
            at += len(labels)
        assert at == scores.shape[1]

    def test_documents_scored_together_score_as_they_do_alone(self, model):
        documents = [(TITLE, DOCUMENT), ("", DOCUMENT[1:]), (TITLE, []), ("خبر", ["خبر آخر"])]
        together = model.score_documents(documents)
        for (title, sentences), scores in zip(documents, together, strict=True):
            assert scores.shape[0] == len(sentences)
            assert scores == pytest.approx(model.score(sentences, title), abs=1e-5)

    def test_the_title_counts_the_same_whether_or_not_it_is_the_first_sentence(self, model):
        apart = model.score(DOCUMENT[1:], TITLE)
        assert apart == pytest.approx(model.score(DOCUMENT, TITLE)[1:], abs=1e-5)

    def test_marks_tatweel_and_bare_alef_change_nothing(self, model):
        dressed = [
            s.replace("هاجم", "هَاجَمَ").replace("مسلحون", "مســلحون").replace("أ", "ا")
            for s in DOCUMENT
        ]
        assert model.score(dressed, dressed[0]) == pytest.approx(
            model.score(DOCUMENT, TITLE), abs=1e-5
        )


class TestBadInput:
    @pytest.mark.parametrize(
        "sentence",
        [
            "",
            " ",
            "\x00\x07",
            "\ud800 هجوم",
            "plain English",
            "😀😀",
            "١٢٣",
            "قصف" * 100_000,
            "هجوم " * 100_000,
        ],
    )
    def test_anything_gives_finite_scores(self, model, sentence):
        scores = model.score([sentence, DOCUMENT[1], sentence], sentence)
        assert np.isfinite(scores).all()

    def test_no_sentences_give_no_rows(self, model):
        assert model.score([], "").shape == (0, len(v.Verifier.outputs))
        assert model.score([], TITLE).shape == (0, len(v.Verifier.outputs))

    def test_a_document_of_many_sentences_is_read_in_pieces(self, model):
        sentences = DOCUMENT * 200
        scores = model.score(sentences, TITLE)
        assert scores.shape[0] == len(sentences)
        # Away from the borders of the pieces a repeated context gives repeated scores.
        assert scores[100] == pytest.approx(scores[104], abs=1e-5)

    def test_the_memo_forgets_and_the_scores_stay(self, model, monkeypatch):
        before = model.score(DOCUMENT, TITLE)
        monkeypatch.setattr(v, "MEMO", 64)
        small = v.Verifier(model.version, model.stored, model.widths, model.rows)
        for i in range(20):
            small.score([f"كلمة{'ا' * i} جديدة{'ب' * i} هنا{'ت' * i}"])
        assert small.score(DOCUMENT, TITLE) == pytest.approx(before, abs=1e-5)


class TestFile:
    def test_a_missing_or_foreign_file_says_how_to_make_one(self, tmp_path: Path):
        with pytest.raises(ConfigError, match="make model"):
            v.Verifier.load(tmp_path / "none.npz")
        (tmp_path / "other.npz").write_bytes(b"not an archive")
        with pytest.raises(ConfigError, match="make model"):
            v.Verifier.load(tmp_path / "other.npz")

    def test_the_committed_files_stay_under_12_megabytes(self):
        assert sum(f.stat().st_size for f in (INCLUDE / "models").iterdir()) < 12_000_000

    def test_it_loads_and_scores_fast_enough(self, model):
        started = time.perf_counter()
        v.Verifier.load()
        loaded = time.perf_counter() - started
        documents = [(TITLE, DOCUMENT)] * 250
        model.score_documents(documents)
        started = time.perf_counter()
        model.score_documents(documents)
        rate = 1000 / (time.perf_counter() - started)
        # Targets 0.5 s and several thousand a second, with room for a busy machine.
        assert loaded < 1.5
        assert rate > 700
