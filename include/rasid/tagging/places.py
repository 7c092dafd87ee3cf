"""Places of a sentence as noun phrases: gazetteer names with their heads, and names after a head.

Villages and quarters that no gazetteer knows are named after what they are: قرية الخزنة, قضاء
العمادية. Which place is an event's is for the roles to say (rasid.tagging.roles).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rasid.arabic import Shape, folded
from rasid.tagging.actors import Party
from rasid.tagging.lexicon import Entry
from rasid.tagging.matcher import Hit


class Place(NamedTuple):
    """One place at the tokens `i:j`; `name_i` is where the name after the head begins."""

    i: int
    j: int
    name_i: int
    skip: int  # letters of clitics on token `i`
    prep: str  # the preposition on token `i`, or the word before it
    joined: bool  # «و» on token `i`, or a comma before it
    entry: Entry | None
    dateline: bool = False  # where the reporter is or who speaks: no place of an event


HEADS = folded(
    "مدينة بلدة قرية محافظة ولاية منطقة حي قضاء ناحية مديرية مخيم إقليم مقاطعة جزيرة جبل جبال وادي "
    "مضيق معبر مطار ميناء قاعدة معسكر شارع ساحة طريق جسر حقل سد مستوطنة ضاحية جبهة ريف صحراء هضبة "
    "قطاع تلة مفرق دوار ميدان محور منفذ حاجز سوق لواء عزلة جمهورية بادية سهل بلدية حامية مستعمرة "
    "ثكنة منتجع مرتفع تل عاصمة العاصمة مدن بلدات قرى مناطق محافظات أحياء منطقتي مدينتي محافظتي "
    "بلدتي قريتي مخيمي حيي قاعدتي جامعة مستشفى سجن مسجد جامع كنيسة مرفأ حرش تبة مثلث خليج بحيرة "
    "نهر"
)
# A name of these heads is one that only the gazetteer can confirm: «عاصمة البلاد», «لواء المشاة».
_NEED_ENTRY = folded("عاصمة العاصمة ريف قطاع لواء سوق تل طريق جبهة حاجز جمهورية")
_TOWNS = folded("مدينة بلدة قرية محافظة ولاية مديرية ناحية مقاطعة")  # mostly named: «مدينة مرجة»
_SIDES = folded(
    "شمال جنوب شرق غرب شمالي جنوبي شرقي غربي وسط شمالى جنوبى محيط أطراف ضواحي مشارف مركز تخوم"
)
_TWO = folded(
    "أم أبو أبي أبا بني دير عين تل كفر بيت رأس وادي جبل خان سد باب برج بئر الشيخ شيخ بن سيدي "
    "ود قصر حصن نهر مرج خربة عرب دار ذي آل حاج علي بو قلعة طور"
)
_MANY = folded(
    "مدن بلدات قرى مناطق محافظات أحياء منطقتي مدينتي محافظتي بلدتي قريتي مخيمات مخيمي حيي قاعدتي"
)
_NO_NAME = folded(
    "العمليات عمليات النزاع الصراع الحدود حدود البلاد السلطة آمنة خاضعة أخرى واسعة عدة تقع "
    "كانت القتال الحكم الحكومة المحافظة المدينة نفسها نفسه هناك المذكورة التجارة الاشتباكات "
    "المواجهات الحدث الحادث الانفجار التماس الفصل المتوسط كاملة كامل هذه تلك ذلك التي الذي "
    "الشرق الأوسط الدفاع الهجوم في من على إلى عن مع بعد قبل بين قرب و أو أن إن كل جميع بعض أي "
    "كما حيث قد لا ما لم رئيسية النفوذ سكنية"
)


def places_of(
    shapes: Sequence[Shape], words: Sequence[str], hits: Sequence[Hit], bodies: Sequence[Party]
) -> list[Place]:
    """The places of a sentence in order, datelines marked as such."""
    known = {h.i: h for h in hits if _is_place(h)}
    inside = {k for p in bodies for k in range(p.i, p.j) if p.armed}
    found: list[Place] = []
    end = 0
    many = False  # the last head is a plural: مدن رفح والعريش
    for k in range(len(words)):
        if k < end:
            continue
        place = None
        if k in known and k not in inside:
            place = _known(words, known[k], k)
        elif k not in inside:
            place = _headed(shapes, words, hits, known, k)
        if place is None and many and found[-1].j == k and _goes_on(shapes[k], words, hits, k):
            j = k + 2 if words[k][1:] in _TWO and k + 1 < len(words) else k + 1
            place = Place(k, j, k, 1, "و", joined=True, entry=None)
        if place is not None:
            place = place._replace(dateline=_dateline(words, place))
            many = (place.i < place.name_i and _plural(words[place.i])) or (many and place.joined)
            found.append(place)
            end = place.j
    return _supported(found)


def _plural(word: str) -> bool:
    return word.removeprefix("ب").removeprefix("ل").removeprefix("و") in _MANY


def _is_place(hit: Hit) -> bool:
    return hit.kind == "place" or (hit.kind == "country" and hit.form == "word")


def _known(words: Sequence[str], hit: Hit, k: int) -> Place:
    reading = hit.reading
    skip = len(reading.prefix) - (2 if reading.article and reading.prefix.endswith("ال") else 0)
    joined = reading.prefix.startswith("و") or _listed(words, k)
    return Place(k, hit.j, k, skip, reading.prep or _before(words, k), joined, hit.entry)


def _headed(
    shapes: Sequence[Shape],
    words: Sequence[str],
    hits: Sequence[Hit],
    known: dict[int, Hit],
    k: int,
) -> Place | None:
    """A head at `k` with the name after it."""
    head, skip, prep = _head(words[k])
    if not head or k + 1 >= len(words):
        return None
    n = k + 1
    while n < len(words) - 1 and words[n] in '"«“#':
        n += 1
    if n in known:
        hit = known[n]
        if hit.reading.prep or hit.reading.prefix.startswith("و"):
            return None
        entry, j = hit.entry, hit.j
    else:
        if (
            head in _NEED_ENTRY
            or head.startswith("ال")
            or not _is_name(shapes[n], words, hits, n, head)
        ):
            return None
        entry, j = None, n + 1
        if words[n] in _TWO and n + 1 < len(words) and shapes[n + 1].kind == "word":
            j = n + 2
    joined = (words[k].startswith("و") and not head.startswith("و")) or _listed(words, k)
    return Place(k, j, n, skip, prep or _before(words, k), joined, entry)


@lru_cache(maxsize=50_000)
def _head(word: str) -> tuple[str, int, str]:
    """The head that a word is, the letters of clitics before it, and its preposition."""
    for skip, clitic in ((0, ""), (1, "وبلف"), (2, "وف")):
        if skip == 0 and word in HEADS:
            return word, 0, ""
        if skip and len(word) > skip + 1 and word[0] in clitic and word[skip:] in HEADS:
            last = word[skip - 1]
            if skip == 1 or last in "بل":
                return word[skip:], skip, last if last in "بل" else ""
    return "", 0, ""


def _is_name(shape: Shape, words: Sequence[str], hits: Sequence[Hit], n: int, head: str) -> bool:
    word = words[n]
    if shape.kind != "word" or len(word) < 3 or word in _NO_NAME:
        return False
    if any(h.i == n and h.kind not in ("place", "country") for h in hits) or word in _SIDES:
        return False
    article = word.startswith("ال")
    if not article and head.endswith("ه") and word.endswith("يه" if head in _TOWNS else "ه"):
        return False  # «منطقة سكنية», «مدينة ساحلية»: most likely an adjective
    return article or (not word.endswith(("ين", "ون", "ات")) and word[0] not in "تيون")


def _goes_on(shape: Shape, words: Sequence[str], hits: Sequence[Hit], k: int) -> bool:
    """Whether «و» and a name go on with the list that a plural head began."""
    word = words[k]
    if not word.startswith("و") or shape.kind != "word" or len(word) < 4:
        return False
    return word[1:] not in _NO_NAME and all(h.i != k for h in hits)


def _before(words: Sequence[str], k: int) -> str:
    """The word that governs the place, «في» where it stands beside a side: (ب)شمال سوريا."""
    k -= 1
    while k >= 0 and words[k] in '"«“#(':
        k -= 1
    if k >= 0 and words[k].removeprefix("و").removeprefix("ب") in _SIDES:
        return "في"
    return words[k].removeprefix("و") if k >= 0 else ""


def _listed(words: Sequence[str], k: int) -> bool:
    return k > 0 and words[k - 1] in ",،و"


def _dateline(words: Sequence[str], place: Place) -> bool:
    """Where the reporter is (دبي - وكالات) or who speaks (بغداد: …) is not where it happened."""
    if place.i > 2:
        return False
    following = words[place.j : place.j + 2]
    return bool(following) and (
        following[0] in "-–—:/|(" or (place.i == 0 and following[0] in ",،")
    )


def _supported(found: list[Place]) -> list[Place]:
    """Names that are everyday words count only under a head or beside a sure place."""
    sure = {
        p.entry.get("country")
        for p in found
        if p.entry is not None and not p.entry.get("ambiguous")
    }
    return [
        p for p in found
        if p.entry is None or not p.entry.get("ambiguous") or p.name_i > p.i
        or p.entry.get("country") in sure
    ]  # fmt: skip
