"""The demo's articles, proofread by rule: every article is checked alone and all of them together."""

from __future__ import annotations

import re

import pytest

from rasid.demo.site import Article, articles


MODALITIES = {
    "factual",
    "foiled",
    "threatened_planned",
    "demanded",
    "denied",
    "historical_background",
}
PLACEHOLDER = re.compile(r"\{(?:day|yesterday|tomorrow)\}")
each = pytest.mark.parametrize("article", articles(), ids=lambda article: article.slug)


def text_of(article: Article) -> str:
    parts = (article.title, article.author, article.summary, *article.paragraphs)
    return PLACEHOLDER.sub("الاثنين", "\n".join(parts))


def test_there_are_enough_articles_and_many_are_quiet():
    quiet = [article for article in articles() if not article.expects]
    assert len(articles()) >= 64
    assert len(quiet) >= 24
    assert len(articles()) - len(quiet) >= 38


def test_ids_titles_and_summaries_are_unique():
    for field in ("id", "title", "summary", "path"):
        values = [getattr(article, field) for article in articles()]
        assert len(values) == len({*values}), field


def test_every_modality_and_both_tags_are_there():
    tags = {(tag.tag, tag.modality) for article in articles() for tag in article.expects}
    assert {modality for _, modality in tags} == MODALITIES
    assert {tag for tag, _ in tags} == {"attack", "militia_attack", "troop_movement"}


def test_two_outlets_carry_the_wire_story_in_different_words():
    first, second = (
        next(article for article in articles() if article.slug == f"harir-base-drones-{outlet}")
        for outlet in ("furat", "sahel")
    )
    shingles = [
        {tuple(words[i : i + 3]) for i in range(len(words) - 2)}
        for words in (" ".join(article.paragraphs).split() for article in (first, second))
    ]
    likeness = len(shingles[0] & shingles[1]) / len(shingles[0] | shingles[1])
    assert first.title != second.title
    assert 0.4 < likeness < 0.95


@each
def test_front_matter_is_valid(article):
    assert isinstance(article.id, int)
    assert 0 < article.hours_ago < 72
    assert 40 <= len(article.summary) <= 240
    assert not PLACEHOLDER.search(article.title)
    for tag in article.expects:
        assert tag.tag in {"attack", "militia_attack", "troop_movement"}
        assert tag.modality in MODALITIES
        assert tag.actor in text_of(article)
        assert tag.place in text_of(article)


@each
def test_an_article_has_the_length_of_a_news_item(article):
    assert 4 <= len(article.paragraphs) <= 8
    assert 120 <= sum(len(paragraph.split()) for paragraph in article.paragraphs) <= 280


@each
def test_arabic_is_clean(article):
    text = text_of(article)
    assert not re.search("[A-Za-z]", text)
    assert "ـ" not in text, "tatweel"
    assert not re.search("[\u06a9\u06cc\u06be\ufb50-\ufdff\ufe70-\ufeff]", text), "foreign letters"
    assert not re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069]", text), "invisible marks"
    assert not re.search(r'[,;?"]', text), "Latin punctuation"
    assert not re.search(r"\s[،؛:.!؟»)]", text), "space before punctuation"
    assert not re.search(r"[،؛:؟!»)](?=[\u0621-\u064a])", text), "no space after punctuation"
    assert not re.search(r"[«(]\s", text), "space after an opening mark"
    assert text.count("«") == text.count("»")
    assert not re.search(r"\b(في|من|إلى|على|عن|أن|إن|التي|الذي|ما|لا) \1\b", text), "a word twice"
    other_digits = "[0-9]" if article.outlet.indic_digits else "[\u0660-\u0669]"
    assert not re.search(other_digits, text), "digits of another house style"


@each
def test_paragraphs_end_as_sentences(article):
    for paragraph in article.paragraphs:
        assert re.search(r"[.!؟][»)]?$|»\.$", paragraph), paragraph[-30:]
