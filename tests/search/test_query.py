"""What a person may type, and what is found."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rasid.errors import QueryError
from rasid.search import Query, Write, index_for, search_articles, search_mentions, write_all
from rasid.search.query import parse


NOW = datetime.now(UTC)


class TestParse:
    def test_words_phrases_and_banned_words_are_told_apart(self):
        words = parse('قصف "قوات الدعم السريع" الفاشر -رياضة «ضربة جوية»')
        assert words.plain == "قصف الفاشر"
        assert words.phrases == ("قوات الدعم السريع", "ضربة جوية")
        assert words.banned == ("رياضة",)

    @pytest.mark.parametrize("text", ['"قوات', "«قوات", "“قوات", 'أ "ب" "ج'])
    def test_an_open_quotation_mark_is_named_with_its_place(self, text):
        with pytest.raises(QueryError, match="is never closed"):
            parse(text)

    def test_ten_thousand_characters_get_advice(self):
        with pytest.raises(QueryError, match="10,000 characters; at most 1,000"):
            parse("ا" * 10_000)

    def test_too_many_words_get_advice(self):
        with pytest.raises(QueryError, match="more than 60 words"):
            parse("هجوم " * 61)

    def test_empty_quotes_are_ignored(self):
        assert parse('""').phrases == ()


@pytest.mark.node
class TestSearch:
    @pytest.fixture
    def filled(self, es):
        stamp = NOW.isoformat()
        common = {"published_at": stamp, "first_seen_at": stamp, "outlet": "الشاهد"}
        articles = [
            (
                "a",
                "مسلحون يهاجمون حاجزاً قرب الفاشر",
                "قال شهود إن مُسلَّحين هاجموا الحاجز ليلاً.",
                True,
            ),
            ("b", "سوق الفاشر يفتح أبوابه", "عاد الباعة إلى السوق بعد العيد.", False),
        ]
        writes = [
            Write(
                index_for("articles", NOW),
                name,
                1,
                {
                    "title": title,
                    "text": text,
                    "tags": {"attack": attack, "places": ["الفاشر"]},
                    **common,
                },
            )
            for name, title, text, attack in articles
        ]
        sentence = {"text": "قال شهود إن مُسلَّحين هاجموا الحاجز ليلاً.", "start": 0, "end": 40}
        mention = {"tag": "militia_attack", "event": "attack", "actor": "مُسلّحون مجهولون"}
        mention |= {"place": "الفاشر", "sentence": sentence, "modality": "factual", **common}
        write_all(es, [*writes, Write(index_for("mentions", NOW), "m", 1, mention)])
        es.indices.refresh(index="rasid-*")
        return es

    def found(self, es, text="", **filters):
        return [hit.id for hit in search_articles(es, Query(text, **filters))]

    def test_words_meet_their_other_forms(self, filled):
        assert self.found(filled, "المسلحين") == ["a"]

    def test_a_phrase_must_occur_as_it_is(self, filled):
        assert self.found(filled, "«سوق الفاشر»") == ["b"]

    def test_words_that_stand_together_come_before_words_apart(self, filled):
        texts = {
            "near": "أقر القادة وقف القتال غدا",
            "far": "قال القادة غدا إن وقف الصرف أشعل القتال",
        }
        stamp = NOW.isoformat()
        common = {"title": "خبر", "published_at": stamp, "first_seen_at": stamp}
        index = index_for("articles", NOW)
        write_all(filled, [Write(index, n, 1, {"text": t, **common}) for n, t in texts.items()])
        filled.indices.refresh(index="rasid-articles")
        near, far = search_articles(filled, Query("وقف القتال"))
        assert (near.id, far.id) == ("near", "far")
        assert near.score > 1.5 * far.score

    def test_a_banned_word_keeps_articles_out(self, filled):
        assert self.found(filled, "الفاشر -العيد") == ["a"]

    def test_filters_narrow(self, filled):
        assert self.found(filled, "الفاشر", tag="attack", since="7d") == ["a"]
        assert self.found(filled, "الفاشر", until="2020-01-01") == []
        assert {"a", "b"} == set(self.found(filled, place="الفاشر", outlet="الشاهد"))

    def test_names_are_found_whatever_their_vowels_and_as_part_of_longer_names(self, filled):
        for actor in ("مسلحون", "مسلّحون مجهولون", "مجهولون"):
            assert [h.id for h in search_mentions(filled, Query(actor=actor))] == ["m"]
        assert search_mentions(filled, Query(actor="مسلح")) == []

    def test_highlights_mark_whole_vocalised_words(self, filled):
        (hit,) = search_mentions(filled, Query("المسلحين"))
        assert hit.highlights["sentence.text"] == [
            "قال شهود إن <mark>مُسلَّحين</mark> هاجموا الحاجز ليلاً."
        ]

    def test_a_phrase_is_marked_where_it_stands(self, filled):
        (hit,) = search_articles(filled, Query("«سوق الفاشر»"))
        assert hit.highlights["title"] == ["<mark>سوق الفاشر</mark> يفتح أبوابه"]

    def test_nothing_is_marked_when_no_word_was_asked_for(self, filled):
        assert [hit.highlights for hit in search_articles(filled, Query("-سوق"))] == [{}]

    def test_a_date_nobody_can_read_gets_advice(self, filled):
        with pytest.raises(QueryError, match="Write an age such as 7d"):
            search_articles(filled, Query("x", since="yesterday"))

    @pytest.mark.parametrize("text", ["(", "AND OR", "field:value", "*", "\\", "a/b", "🙂", "\x00"])
    def test_no_character_breaks_a_search(self, filled, text):
        search_articles(filled, Query(text))
