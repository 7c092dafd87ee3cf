"""The Arabic chain on the real node: golden phrases that must meet, and that must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from rasid.search import analysis


GOLDEN = Path(__file__).parents[1] / "data" / "search" / "golden.txt"
INDEX = "rasid-articles"


def golden() -> list[tuple[bool, str, str]]:
    """Lines `= a | b` (must meet) and `≠ a | b` (must not), as (meets, a, b)."""
    lines = [line.strip() for line in GOLDEN.read_text("utf-8").splitlines()]
    split = [(line[0] == "=", line[1:].split("|")) for line in lines if line[:1] in {"=", "≠"}]
    return [(meets, a.strip(), b.strip()) for meets, (a, b) in split]


def tokens(es, text: str, analyzer: str) -> list[str]:
    # The node refuses more than 10,000 tokens a request; a golden line has a handful.
    answer = es.indices.analyze(index=INDEX, analyzer=analyzer, text=text)
    return [token["token"] for token in answer["tokens"]]


@pytest.mark.node
class TestGoldenPhrases:
    def test_there_are_enough_of_both_kinds(self):
        kinds = [meets for meets, _, _ in golden()]
        assert len(kinds) >= 150
        assert kinds.count(False) >= 40

    def test_each_pair_meets_or_stays_apart(self, es):
        """A meeting is the same run of stems: what a phrase query asks for."""
        wrong = []
        for meets, a, b in golden():
            same = tokens(es, a, "ar_index") == tokens(es, b, "ar_index") != []
            if same != meets:
                wrong.append((a, tokens(es, a, "ar_index"), b, tokens(es, b, "ar_index")))
        assert wrong == []

    def test_the_stock_analyzer_fails_a_third_of_them(self, es):
        """So that this file keeps proving something: our chain is the reason that it passes."""
        stock = sum(
            (tokens(es, a, "arabic") == tokens(es, b, "arabic")) == meets
            for meets, a, b in golden()
        )
        print(f"stock arabic analyzer: {stock} of {len(golden())} golden pairs right")  # noqa: T201
        assert stock < len(golden()) * 2 / 3


@pytest.mark.node
class TestSearchAnalyzer:
    @pytest.mark.parametrize(
        ("asked", "written"),
        [
            ("الحوثيون", "أنصار الله"),
            ("داعش", "تنظيم الدولة الإسلامية"),
            ("درون", "طائرة مسيرة"),
            ("قسد", "قوات سوريا الديمقراطية"),
            ("جماعة الحوثي", "ميليشيات الحوثي"),  # of the lexicon
            ("كوباني", "عين العرب"),  # of the gazetteer
        ],
    )
    def test_names_of_one_thing_meet(self, es, asked, written):
        es.index(index=f"{INDEX}-v1-2026", id="1", document={"text": f"قال {written} اليوم"})
        es.indices.refresh(index=INDEX)
        assert es.count(index=INDEX, query={"match_phrase": {"text": asked}})["count"] == 1

    def test_the_exact_view_keeps_articles_and_stop_words(self, es):
        assert tokens(es, "إلى اللبنانيين", "ar_exact") == ["الي", "اللبنانيين"]

    def test_our_stemmer_is_the_servers(self, es):
        """The overrides are chosen by our copy of the stemmer: it must not drift."""
        words = [form for form in analysis.overrides() if " " not in form][:4000]
        answer = es.indices.analyze(
            tokenizer="whitespace",
            filter=[{"type": "stemmer", "language": "arabic"}],
            text=" ".join(words),
        )
        assert [t["token"] for t in answer["tokens"]] == [analysis.stem(word) for word in words]
