"""The demo's own articles: quiet ones stay quiet, the others state what their authors meant."""

from __future__ import annotations

import re

from datetime import datetime

import pytest

from rasid.demo.site import articles


DAY = datetime(2026, 11, 25)  # noqa: DTZ001 (a date only)
PLACEHOLDER = re.compile(r"\{(?:day|yesterday|tomorrow)\}")


def mentions(tagger, article):
    text = PLACEHOLDER.sub("الاثنين", "\n".join((article.title, *article.paragraphs)))
    return tagger.tag(text, published_at=DAY)


@pytest.mark.parametrize("article", [a for a in articles() if not a.expects], ids=lambda a: a.slug)
def test_a_quiet_article_has_no_mention(tagger, article):
    assert [(m.trigger, m.sentence) for m in mentions(tagger, article)] == []


def test_nearly_every_expected_mention_is_found_with_its_modality(tagger):
    expected = found = 0
    for article in articles():
        stated = mentions(tagger, article)
        for want in article.expects:
            militia = want.tag == "militia_attack"
            expected += 1
            found += any(
                m.modality == want.modality and (m.militia_attack if militia else m.tag == want.tag)
                for m in stated
            )
    assert found >= 0.95 * expected
