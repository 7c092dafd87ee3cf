"""Who acts: by subject, genitive, passive, relative clause, accusation; who is hit does not act."""

from __future__ import annotations

import pytest

from rasid.tagging import load_tagger


@pytest.fixture(scope="module")
def rules():
    """The rules alone: what they say must not depend on a trained file."""
    return load_tagger(model=False)


def agents(rules, text, tag="attack"):
    reading = rules.read(text)
    return {
        (p.id.partition(":")[0], c.frame.agent_rule)
        for c in reading.candidates
        if c.trigger.kind == tag
        for p in c.frame.agents
    }


@pytest.mark.parametrize(
    ("text", "actor", "rule"),
    [
        ("هاجم مسلحون حاجزا للجيش شرق المدينة", "armed-men", "agent:subject"),
        ("تنظيم داعش يهاجم حاجزا شرق المدينة", "islamic-state", "agent:adjacent"),
        ("هجوم شنه مسلحو حركة طالبان على قاعدة", "taliban", "agent:carried"),
        ("قتل جنديان على يد مسلحين في تعز", "armed-men", "agent:by"),
        ("غارة للجيش على موقع المسلحين", "force.jaysh", "agent:of"),
        ("تبنت حركة طالبان تفجير الفندق", "taliban", "agent:claims"),
        (
            "اتهمت أنقرة حزب العمال الكردستاني بتنفيذ هجوم على ثكنة",
            "kurdistan-workers-party",
            "agent:accused",
        ),
        ("مقتل جنديين في هجوم شنته حركة الشباب", "al-shabaab", "agent:carried"),
    ],
)
def test_the_agent_is_found(rules, text, actor, rule):
    assert any(i == actor and r == rule for i, r in agents(rules, text)), agents(rules, text)


@pytest.mark.parametrize(
    "text",
    [
        "مقتل جنديين في انفجار عبوة ناسفة",
        "اغتيال ضابط برصاص مجهولين في عدن",
        "قُتل عشرات الإرهابيين في قصف جوي",
    ],
)
def test_the_victim_does_not_act(rules, text):
    assert not {"force.junud", "force.dubbat", "force.irhabi"} & {i for i, _ in agents(rules, text)}


def test_who_claims_one_attack_has_not_made_the_next_one_told(rules):
    text = (
        "تبنت حركة طالبان الهجوم على الثكنة، فيما قال متحدث باسم الجيش إن طائراته قصفت مواقع الحركة"
    )
    found = [
        c.frame.agents[0].id if c.frame.agents else ""
        for c in rules.read(text).candidates
        if c.sentence.tokens[c.trigger.i].text == "قصفت"
    ]
    assert found
    assert "taliban" not in found


def test_two_capitals_are_two_governments(rules):
    read = rules.read("أنذرت إسلام أباد كابول بأنها ستقصف معاقل الحركة داخل أفغانستان").sentences[0]
    assert [" ".join(read.words[p.i : p.j]) for p in read.bodies][:2] == ["اسلام اباد", "كابول"]


def test_members_stand_for_their_group(rules):
    found = agents(rules, "أطلق مسلحون من كتائب حزب الله صواريخ على القاعدة")
    assert any(i == "kataib-hezbollah" for i, _ in found)


def test_who_is_sent_moves_and_not_who_sends(rules):
    found = agents(rules, "أرسل الجيش تعزيزات من قوات الحرس الجمهوري", "troop_movement")
    assert found


@pytest.mark.parametrize(
    ("day", "cls"), [("2009-05-01", "militia"), ("2024-05-01", "state")], ids=["2009", "2024"]
)
def test_the_class_of_a_group_depends_on_the_day(rules, day, cls):
    from datetime import datetime

    reading = rules.read("هاجمت حركة طالبان موقعا", published_at=datetime.fromisoformat(day))
    assert {p.cls for s in reading.sentences for p in s.bodies} == {cls}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("عاد اللواء الثاني إلى ثكناته بعد شهرين في الجبهة", "اللواء الثاني"),
        ("انسحبت الفرقة 20 من المدينة", "الفرقة 20"),
        ("كرم اللواء المتقاعد أسر الشهداء", ""),
    ],
)
def test_a_number_makes_a_unit_of_a_rank(rules, text, name):
    (sentence,) = rules.read(text).sentences
    found = [" ".join(sentence.surfaces[p.i : p.j]) for p in sentence.bodies]
    assert found == ([name] if name else [])
