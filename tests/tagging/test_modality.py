"""What stands over an event: particles, governors, frames and dates."""

from __future__ import annotations

from datetime import datetime

import pytest

from rasid.tagging import load_tagger
from rasid.tagging.times import publication


DAY = datetime(2026, 11, 25)  # noqa: DTZ001 (a date only)


@pytest.fixture(scope="module")
def rules():
    """The rules alone: what they say must not depend on a trained file."""
    return load_tagger(model=False)


def ruling(rules, text, word):
    (found,) = {
        c.ruling
        for c in rules.read(text, published_at=DAY).candidates
        if c.sentence.tokens[c.trigger.i].text.endswith(word)
    }
    return found.modality, found.sure


@pytest.mark.parametrize(
    ("text", "word", "modality"),
    [
        ("أي خرق جديد سيقابله قصف على مواقع الجيش", "قصف", "threatened_planned"),
        ("طالب القائد بهدنة، قائلا إن غارة الجمعة قتلت جنديين", "غارة", "factual"),
        ("حاول المسلحون اقتحام الثكنة", "اقتحام", "factual"),
    ],
)
def test_rules_are_evidence_where_they_are_less_exact(rules, text, word, modality):
    assert ruling(rules, text, word) == (modality, False)


@pytest.mark.parametrize(
    ("text", "word", "modality"),
    [
        ("ستنسحب القوات من البلدة قبل نهاية العام", "ستنسحب", "threatened_planned"),
        ("سوف تهاجم الفصائل القواعد", "تهاجم", "threatened_planned"),
        ("لم تنسحب القوات من البلدة", "تنسحب", "denied"),
        ("هددت الفصائل بضرب القواعد ما لم تنسحب القوات", "تنسحب", "demanded"),
        ("أحبطت قوات الأمن هجوما على ثكنة", "هجوما", "foiled"),
        ("نفت الوزارة انسحاب القوات من البلدة", "انسحاب", "denied"),
        ("نفت الوزارة تعرض قائد القوات لمحاولة اغتيال", "اغتيال", "denied"),
        ("وحداتنا لم تطلق رصاصة واحدة باتجاه القرية", "تطلق", "denied"),
        ("الذكرى الخامسة لتفجير السوق على يد مسلحين", "لتفجير", "historical_background"),
        ("قصف الجيش موقعا للمسلحين في مارس 2019", "قصف", "historical_background"),
        ("اعتقال خلية كانت تخطط لهجوم على مقر للشرطة", "لهجوم", "foiled"),
    ],
)
def test_exact_rules_overrule_everything(rules, text, word, modality):
    assert ruling(rules, text, word) == (modality, True)


@pytest.mark.parametrize(
    ("text", "word", "modality"),
    [
        ("توافق الطرفان خلال محادثات الأربعاء على سحب القوات", "سحب", "threatened_planned"),
        ("دعا المجلس إلى سحب المقاتلين من الحدود", "سحب", "demanded"),
        ("نفت الحركة ضلوعها في الهجوم على الثكنة", "الهجوم", "factual"),
        ("تعرض رتل للجيش لهجوم قرب المدينة", "لهجوم", "factual"),
        ("قصف الجيش موقعا للمسلحين أمس", "قصف", "factual"),
    ],
)
def test_governors_rule_what_hangs_on_them(rules, text, word, modality):
    assert ruling(rules, text, word)[0] == modality


def test_a_denial_ends_where_a_sentence_of_its_own_begins(rules):
    denied = "نفى المتحدث سقوط النقطة بيد المسلحين، وتبنى تنظيم داعش الهجوم على الثكنة"
    assert ruling(rules, denied, "الهجوم")[0] == "factual"
    still = "نفى المتحدث وقوع الهجوم على الثكنة، وأي انسحاب للقوات من البلدة"
    assert ruling(rules, still, "الهجوم")[0] == "denied"
    assert ruling(rules, still, "انسحاب")[0] == "denied"


def test_what_stands_beside_a_threat_is_not_threatened(rules):
    text = "استمرار التهديدات والهجمات على مواقع الجيش"
    assert ruling(rules, text, "والهجمات")[0] == "factual"


def test_a_former_president_opens_a_background_frame(rules):
    text = "وكان الرئيس الأسبق أمر بسحب القوات من البلاد"
    assert ruling(rules, text, "بسحب") == ("historical_background", True)


@pytest.mark.parametrize(
    ("label", "day"),
    [
        ("2026-11-24T09:30:00+03:00", "2026-11-24"),
        ("Tue, 10 Apr 2018", "2018-04-10"),
        ("Tue, 10 Apr 2018 08:00:00 GMT", "2018-04-10"),
        ("2015-08-06 (extraction date)", "2015-08-06"),
    ],
)
def test_publication_reads_what_feeds_write(label, day):
    assert publication(label).date().isoformat() == day


@pytest.mark.parametrize("label", [None, "", "2009", "2009-2010", "yesterday", "31-31-31"])
def test_no_single_day_is_no_publication(label):
    assert publication(label) is None
