"""Who says so: a speaker is told from the actor, his own deed is a claim, a rival's an accusation."""

from __future__ import annotations

from datetime import datetime

import pytest


DAY = datetime(2026, 11, 25)  # noqa: DTZ001 (a date only)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("أعلن حزب الله أن مقاتليه قصفوا مدينة صفد بصواريخ", "claimed"),
        ("تبنت حركة طالبان تفجير الفندق في كابول", "claimed"),
        ("قالت وزارة الدفاع إن مسلحين هاجموا نقطة للجيش قرب المدينة", "official"),
        ("هاجم مسلحون نقطة للجيش قرب المدينة وفق مصدر أمني", "official"),
        ("اتهمت أنقرة حزب العمال الكردستاني بتنفيذ هجوم على ثكنة", "accused"),
        ("قال شهود إن مسلحين أطلقوا النار على الحافلة في كركوك", "witness"),
        ("هاجم مسلحون نقطة للجيش قرب المدينة من دون أن تتبنى الهجوم أي جهة", "none"),
        ("استيقظ سكان المدينة على قصف نفذته مسيرات الدعم السريع", "none"),
        ("النيجر: مقتل أربعة جنود في هجوم لمسلحين قرب الحدود", "none"),
        ("وأضاف أن جنودا هاجموا موقعا للمسلحين قرب المدينة", "none"),
        ("قالت مصادر محلية إن مسلحين هاجموا نقطة للجيش قرب المدينة", "witness"),
        ("نقلت وكالة الأنباء عن مصدر عسكري أن مسلحين هاجموا نقطة للجيش", "official"),
        ("نقلت وكالة الأنباء أن مسلحين هاجموا نقطة للجيش", "media"),
        ("أعلن الناطق العسكري باسم الحوثيين قصف ثكنة للجيش بصاروخ", "claimed"),
        ("قالت الحركة إن مقاتليها قصفوا ثكنة للجيش بصواريخ", "claimed"),
        ("واستهدف مجاهدونا دبابة للعدو بقذيفة، وإننا نعلن ذلك نصرا", "claimed"),
    ],
)
def test_the_attribution_is_the_speakers_part_in_it(tagger, text, status):
    mentions = [m for m in tagger.tag(text, published_at=DAY) if m.tag == "attack"]
    assert mentions
    assert {m.attribution.status for m in mentions} == {status}


def test_who_claims_it_follows_the_verb_of_claiming(tagger):
    text = "نفى المتحدث سقوط النقطة بيد المسلحين، وتبنى تنظيم داعش الهجوم على الثكنة"
    mention = next(m for m in tagger.tag(text, published_at=DAY) if m.trigger == "الهجوم")
    assert mention.attribution.speaker.text == "تنظيم داعش"


def test_each_event_has_the_speaker_who_tells_it(tagger):
    text = (
        "تبنت حركة طالبان الهجوم على الثكنة، فيما قال متحدث باسم الجيش إن طائراته قصفت مواقع الحركة"
    )
    status = {m.trigger: m.attribution.status for m in tagger.tag(text, published_at=DAY)}
    assert status == {"الهجوم": "claimed", "قصفت": "official"}


def test_who_denies_having_done_it_stands_apart(tagger):
    text = "نفت حركة طالبان مسؤوليتها عن تفجير السوق الذي أودى بحياة ثلاثة مدنيين"
    attribution = tagger.tag(text, published_at=DAY)[0].attribution
    assert [r.id for r in attribution.denied_by] == ["taliban"]
    assert attribution.status == "none"
