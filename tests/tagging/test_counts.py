"""Casualties: numbers in words and digits, before and after, duals, single people, lists, parts."""

from __future__ import annotations

import pytest

from rasid.tagging import load_tagger
from rasid.tagging.counts import casualties, strength


@pytest.fixture(scope="module")
def sentence():
    rules = load_tagger(model=False)
    return lambda text: rules.read(text).sentences[0]


@pytest.mark.parametrize(
    ("text", "killed", "injured"),
    [
        ("مقتل 3 جنود وإصابة خمسة آخرين في هجوم", 3, 5),
        ("سقوط خمسة عشر قتيلا في قصف على السوق", 15, None),
        ("سقط أربعة قتلى وعشرة جرحى في انفجار", 4, 10),
        ("انفجار يودي بحياة جنديين قرب الحدود", 2, None),
        ("مقتل جنديين بنيران مسلحين", 2, None),
        ("إن تسعة عسكريين قُتلوا في كمين", 9, None),
        ("لقي 16 شخصا حتفهم وجرح 21 آخرين في مواجهات", 16, 21),
        ("قتل ثلاثة أشخاص وجرح ستة في انفجار قنبلة", 3, 6),
        ("مقتل ضابط برصاص مجهولين", 1, None),
        ("اغتيال ناشط في وسط المدينة", 1, None),
        ("قتل 9 من المسلحين و6 من الجنود في اشتباكات", 15, None),
        ("ارتفع عدد القتلى إلى 15 في تفجير السوق", 15, None),
        ("مقتل أكثر من ثلاثين مسلحا في غارة", 31, None),
        ("إن جنديين قُتلا في هجوم على دورية", 2, None),
        ("لقي أربعة مدنيين وجندي مصرعهم في انفجار سيارة", 5, None),
        ("أطلقت الشرطة النار عليه ما أدى إلى مقتله", 1, None),
        ("تشييع الناشط الذي قتل في الهجوم على السوق", 1, None),
        ("مقتل اثني عشر جنديا وجرح اثني عشر في هجوم", 12, 12),
        ("لقي رجل حتفه لدى استهداف سيارته", 1, None),
        ("لقي شرطي مصرعه وأصيب اثنان من زملائه", 1, 2),
        ("لقي المقدم نبيل، الضابط في إدارة البحث، حتفه صباح اليوم برصاص مجهولين", 1, None),
        ("فارق ثلاثة جنود الحياة وأصيب رابع بجروح في انفجار عبوة", 3, 1),
        ("هجوم على بوابة أمنية راح ضحيته خمسة جنود", 5, None),
        ("أسفر القصف عن سقوط بين عشرة وخمسة عشر قتيلا", 10, None),
        ("استشهاد منتسبين اثنين وإصابة ثلاثة آخرين", 2, 3),
        ("أجهزوا على ثلاثة جنود داخل الثكنة", 3, None),
        ("استشهاد عنصرين وجرح ثالث في كمين", 2, 1),
        ("أدى إلى سقوط قتيلين وجرح اثنين آخرين", 2, 2),
        ("سقوط قتيل وجريحين في القصف", 1, 2),
        ("أصيب فتى برصاص الجنود", None, 1),
        ("قُتل إسرائيلي وأصيب آخران في عملية دهس", 1, 2),
        ("ارتفع عدد قتلى التفجير الذي استهدف اجتماعا لشيوخ العشائر أمس إلى 42 شخصا", 42, None),
        ("ذبح التنظيم واحدا وعشرين عاملا", 21, None),
        ("إن خمسة عناصر من قوى الأمن لقوا مصرعهم مساء الاثنين في هجوم", 5, None),
    ],
)
def test_the_dead_and_the_wounded_are_counted(sentence, text, killed, injured):
    read = sentence(text)
    counts = [casualties(read, text, what) for what in ("killed", "injured")]
    assert [c and c.min for c in counts] == [killed, injured]


@pytest.mark.parametrize(
    "text",
    [
        "مقتل وإصابة 45 جنديا في استهداف ثكنة",
        "سقوط قتلى وجرحى في مواجهات",
        "سقط 12 قتيلا وجريحا في التفجير",
        "أصدرت المحكمة حكما بإعدام ثلاثة من عناصر التنظيم",
        "قضت محكمة الجنايات بالسجن على شاب أدين بالهجوم",
        "نجاة ضابط من محاولة اغتيال شرق المدينة",
        "مقتل 15 في المئة من القوة المهاجمة",
        "قصف مواقع على بعد خمسة كيلومترات",
    ],
)
def test_what_tells_no_number_of_dead_counts_none(sentence, text):
    assert casualties(sentence(text), text, "killed") is None


def test_a_range_has_both_its_bounds(sentence):
    text = "هجوم أوقع ما بين 15 و20 قتيلا"
    found = casualties(sentence(text), text, "killed")
    assert (found.min, found.max) == (15, 20)


def test_a_part_of_a_toll_is_not_added(sentence):
    text = "مقتل 12 شخصا بينهم خمسة أطفال في قصف"
    found = casualties(sentence(text), text, "killed")
    assert (found.min, found.max) == (12, 12)


def test_more_than_a_number_has_no_upper_bound(sentence):
    text = "مقتل أكثر من ثلاثين مسلحا في غارة"
    found = casualties(sentence(text), text, "killed")
    assert (found.max, found.what) == (None, "armed")
    assert text[found.start : found.end] == found.text


def test_the_strength_of_a_force_is_the_number_before_it(sentence):
    text = "إرسال خمسة وعشرين جنديا إلى القاعدة"
    assert strength(sentence(text), text).min == 25
