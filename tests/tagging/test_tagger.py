"""What the tagger finds in own-written sentences, and what it must leave alone."""

from __future__ import annotations

import unicodedata

from datetime import datetime

import pytest

from rasid.tagging import load_tagger


DAY = datetime(2026, 11, 25)  # noqa: DTZ001 (a date only)

IED = "انفجرت عبوة ناسفة على دورية للجيش في كركوك أمس، ما أدى إلى مقتل جنديين وإصابة ثلاثة آخرين"
MILITIA = "قتل خمسة جنود بهجوم شنه مسلحو تنظيم داعش قرب الموصل"
WITHDRAW = "انسحبت قوات الجيش من بلدة الشيخ مسكين باتجاه درعا"


def one(tagger, text, tag):
    found = [m for m in tagger.tag(text, published_at=DAY) if m.tag == tag]
    assert found, f"nothing found in {text}"
    return found[0]


def test_a_bomb_without_a_name_is_an_unattributed_attack(tagger):
    mention = one(tagger, IED, "attack")
    assert mention.actor_class == "unattributed_armed"
    assert mention.militia_attack
    assert mention.kind == "ied_mine"
    assert mention.modality == "factual"


def test_casualties_are_counted_from_duals_and_words(tagger):
    mention = one(tagger, IED, "attack")
    assert mention.killed is not None
    assert mention.killed.min == 2
    assert mention.injured is not None
    assert mention.injured.min == 3


def test_yesterday_is_the_day_before_publication(tagger):
    mention = one(tagger, IED, "attack")
    assert mention.event_time is not None
    assert mention.event_time.iso_from == "2026-11-24"


def test_a_named_group_is_the_attacker_and_carries_its_id(tagger):
    mention = one(tagger, MILITIA, "attack")
    assert mention.actor_class == "militia"
    assert "islamic-state" in {a.id for a in mention.actors}


def test_a_withdrawal_has_its_mover_and_origin(tagger):
    mention = one(tagger, WITHDRAW, "troop_movement")
    assert mention.kind == "withdraw"
    assert mention.actors


def test_a_word_with_tanwin_is_no_verb(tagger):
    text = "دخلت قوات إسرائيلية {} قرية رمانة غرب جنين واعتقلت شابا"
    written = {c.trigger.entry.id for c in tagger.read(text.format("فجراً")).candidates}
    bare = {c.trigger.entry.id for c in tagger.read(text.format("فجّرت")).candidates}
    assert "attack.fajjar" not in written
    assert "attack.fajjar" in bare


def test_where_a_movement_began_and_ended_are_places_of_it(tagger):
    text = "انسحبت القوات الأميركية من دير الزور إلى أربيل الثلاثاء."
    mention = one(tagger, text, "troop_movement")
    assert [p.text for p in mention.from_] == ["دير الزور"]
    assert [p.text for p in mention.to] == ["أربيل"]
    assert {p.text for p in mention.places} == {"دير الزور", "أربيل"}
    assert all(p.lat is not None for p in mention.places)


@pytest.mark.parametrize(
    "text",
    [
        "انسحب المنتخب من البطولة قبل ساعات من انطلاقها",
        "تقدم النائب بطلب إلى المجلس لمناقشة الموازنة",
        "سجل المهاجم هدفين من ضربة جزاء في الشوط الثاني من المباراة",
        "خطف الفيلم الأنظار في مهرجان القاهرة السينمائي",
        "نشر الفنان صورا جديدة عبر حسابه",
        "ارتفعت أسعار النفط بعد قرار خفض الإنتاج",
        "افتتح الوزير معرض الكتاب في العاصمة",
        "الجيش ينفذ مناورة بالذخيرة الحية\nوشملت صد هجوم على قاعدة واقتحام مبنى تحصن فيه مسلحون.",
    ],
)
def test_quiet_news_stays_quiet(tagger, text):
    assert tagger.tag(text, published_at=DAY) == []


@pytest.mark.parametrize(
    "text",
    ["", " \n ", "Only Latin words here.", "12 34", "\ud800", "<p></p>"],
    ids=["empty", "blank", "latin", "digits", "lone-surrogate", "markup"],
)
def test_what_is_no_arabic_has_no_mentions(tagger, text):
    assert tagger.tag(text) == []


def test_spans_slice_to_their_own_text(tagger):
    text = f"{IED}\n{MILITIA}. {WITHDRAW}."
    mentions = tagger.tag(text, published_at=DAY)
    assert mentions
    for m in mentions:
        assert text[m.start : m.end] == m.trigger
        assert text[m.sent_start : m.sent_end] == m.sentence
        for role in (*m.actors, *m.targets, *m.places, *m.weapons, *m.from_, *m.to, *m.via):
            assert text[role.start : role.end] == role.text


def _presentation(text):
    """The letters that have an isolated presentation form, in that form."""
    forms = {unicodedata.normalize("NFKC", chr(c)): chr(c) for c in range(0xFE8D, 0xFEF5)}
    return "".join(forms.get(c, c) for c in text)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: "".join(c + "\u064e" if "\u0628" <= c <= "\u064a" else c for c in t),
        lambda t: t.replace("ح", "حـ").replace("ج", "جـ"),
        lambda t: "\u200f" + t.replace(" ", " \u200f"),
        lambda t: t.replace("أ", "ا").replace("إ", "ا"),
        _presentation,
    ],
    ids=["diacritics", "tatweel", "rtl-marks", "bare-alef", "presentation-forms"],
)
@pytest.mark.parametrize("text", [MILITIA, WITHDRAW])
def test_spelling_changes_no_event(tagger, change, text):
    other = change(text)
    plain = [(m.tag, m.kind) for m in tagger.tag(text, published_at=DAY)]
    changed = tagger.tag(other, published_at=DAY)
    assert [(m.tag, m.kind) for m in changed] == plain
    assert all(other[m.start : m.end] == m.trigger for m in changed)


def test_the_flat_form_names_what_the_index_needs(tagger):
    flat = one(tagger, MILITIA, "attack").to_json()
    for name in ("tag", "start", "end", "modality", "actor_class", "kind", "subtype", "from", "to"):
        assert name in flat
    assert flat["militia_attack"] is True


def test_the_model_may_believe_a_word_that_lacks_what_the_lexicon_needs(tagger):
    text = "مغادرة آخر دفعة من القاعدة نحو الحدود الكويتية"  # nobody armed is named
    reading = tagger.read(text)
    assert not reading.of(0, "troop_movement")
    mention = one(tagger, text, "troop_movement")
    assert mention.trigger == "مغادرة"
    assert "without what the lexicon needs beside it, by the model alone" in mention.evidence
    assert not load_tagger(model=False).tag(text)


def test_the_model_cannot_believe_a_word_that_means_something_else(tagger):
    # «not_next» of the entry: an agreement is left, not a place.
    text = "أعلنت القوات الأميركية انسحابها من الاتفاق"
    assert any(h.kind == "troop_movement" for h in tagger.read(text).sentences[0].hits)
    assert not tagger.read(text).triggers


def test_the_rules_work_alone():
    alone = load_tagger(model=False)
    assert alone.version.endswith("rules")
    assert alone.tag(MILITIA)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("قصفت طائرة مسيرة مفخخة ثكنة للجيش قرب المدينة", "drone_attack"),
        ("استهدف الحوثيون سفينة شحن في البحر الأحمر بصواريخ", "maritime_attack"),
        ("فجر انتحاري نفسه في نقطة تفتيش للجيش", "suicide_bombing"),
        ("هاجم مسلحون حاجزا للجيش بقنابل يدوية", "grenade"),
        ("قصفت المدفعية مواقع المسلحين في ريف المدينة", "rocket_shelling"),
        ("اغتيال ضابط برصاص مجهولين في عدن", "assassination"),
    ],
)
def test_weapon_and_ship_decide_the_subtype_where_the_trigger_does_not(tagger, text, kind):
    assert one(tagger, text, "attack").kind == kind


@pytest.mark.parametrize(
    ("text", "tag", "trigger"),
    [
        ("صدت القوات هجوما شنه مسلحون على الثكنة", "attack", "هجوما"),
        ("توعدت الفصائل المسلحة باستهداف القواعد الأميركية", "attack", "استهداف"),
        ("دخل رتل للجيش التركي عبر معبر باب السلامة متجها إلى منغ", "troop_movement", "دخل"),
        ("أرسل الجيش تعزيزات إلى الحدود", "troop_movement", "أرسل"),
        (
            "قتل خمسة جنود، بينهم ضابط برتبة عقيد، حين هاجم مسلحون قاعدة للجيش",
            "attack",
            "هاجم",
        ),
    ],
)
def test_an_event_that_several_words_tell_of_is_one_mention(tagger, text, tag, trigger):
    assert [m.trigger for m in tagger.tag(text, published_at=DAY) if m.tag == tag] == [trigger]


def test_a_known_group_that_is_the_attacker_is_not_unattributed(tagger):
    text = (
        "انفجار عبوة بآلية للجيش في بادية الميادين\nقال تنظيم الدولة الإسلامية إن مفرزة من عناصره رشقت "
        "صهريجا للنفط قرب الشحيل بالأسلحة الرشاشة."
    )
    last = tagger.tag(text, published_at=DAY)[-1]
    assert last.trigger == "رشقت"
    assert (last.actors[0].id, last.actor_class) == ("islamic-state", "militia")


def test_who_dies_in_an_exercise_is_dead(tagger):
    text = (
        "تمرين عسكري قرب الحدود ينتهي بهجوم\nقتل ثلاثة جنود في هجوم شنه مسلحون على موقع التمرين "
        "فجر الاثنين."
    )
    assert any(m.tag == "attack" for m in tagger.tag(text, published_at=DAY))


def test_what_happens_beside_casualties_of_another_event_stays_its_own(tagger):
    text = "قتل ثلاثة جنود بانفجار عبوة ناسفة في كركوك، وفي الموصل هاجم مسلحون حاجزا للشرطة"
    found = [m.trigger for m in tagger.tag(text, published_at=DAY) if m.tag == "attack"]
    assert len(found) == 2
    assert "هاجم" in found


def test_of_several_movements_each_is_of_its_own_kind(tagger):
    text = "سحب الجيش قواته من البلدة وأعاد انتشارها على الحدود"
    kinds = {m.kind for m in tagger.tag(text, published_at=DAY) if m.tag == "troop_movement"}
    assert kinds == {"withdraw", "redeploy_reposition"}


@pytest.mark.parametrize(
    ("text", "cls"),
    [("الطيران المسيّر يقصف ثكنة للجيش", ""), ("طيران الاحتلال يقصف بلدة", "state")],
)
def test_drones_are_of_no_state_by_themselves(tagger, text, cls):
    (sentence,) = tagger.read(text).sentences
    assert sentence.bodies[0].cls == cls


@pytest.mark.parametrize(
    ("done", "carried_out"),
    [("مقتل ثلاثة جنود وتدمير آليتين", True), ("إصابة جندي وتدمير المسيرة", False)],
)
def test_only_what_flies_is_shot_down(tagger, done, carried_out):
    """«تدمير آليتين» is damage; «تدمير المسيرة» ends the attack."""
    text = f"أعلنت جماعة الحوثي أنها استهدفت بطائرة مسيرة حاجزا للجيش شرق مدينة تعز، ما أدى إلى {done}."
    found = tagger.tag(text)
    assert found
    assert all((m.outcome == "occurred") is carried_out for m in found)


def test_a_countrys_drone_is_flown_by_the_state(tagger):
    text = "أغارت مسيّرة إسرائيلية على سيارة في بلدة كفررمان، في هجوم هو الثالث هذا الأسبوع."
    assert {m.actor_class for m in tagger.tag(text, published_at=DAY)} == {"state"}
