"""Casualties and strengths: numbers bound to the words they count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from rasid.arabic import Quantity, folded, joined_quantity_at
from rasid.tagging.matcher import VERB_FORMS, Hit
from rasid.tagging.mention import Count
from rasid.tagging.sentence import Sentence


# Tokens between a casualty word and its number, on either side; to a second number of its list.
_AFTER, _BEFORE, _MORE = 7, 9, 7
_LONGEST = 6  # tokens of a number: «ما لا يقل عن خمسة وعشرين»
_NOT_PEOPLE = folded(
    "كيلومترا كيلومتر كم متر مترا أمتار عاما عام أعوام يوما يوم أيام شهرا أشهر شهر أسبوع أسابيع "
    "ساعة ساعات دقيقة دقائق سنة سنوات سنين دولار % قذيفة قذائف صاروخا صواريخ غارة غارات هجمات "
    "منزلا منازل آلية آليات دبابات سيارات مواقع موقعا مرة مرات يناير فبراير مارس أبريل مايو يونيو "
    "يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر كانون شباط آذار نيسان أيار حزيران تموز آب أيلول تشرين"
)
_YEARS = range(1900, 2100)  # a number that stands alone and is one of these is a year
_SUBSET = folded("بينهم بينها منهم منها بينهما معظمهم أغلبهم غالبيتهم")
_ONE = folded("أحد إحدى أحدهم إحداهن")
_SEVERAL = folded(
    "الرجال رجال الناس ناس الضحايا ضحايا الأبرياء أبرياء الأهالي الشباب شباب عناصره أبناء "
    "عددا عدد أفراد أعضاء قيادات"
)
_NO_PERSON = folded(
    "في من على إلى عن مع بعد قبل خلال إثر جراء كل بعض جميع ما لا هذا هذه أو أي كثير كبير كما نحو "
    "حوالي قرابة زهاء أكثر أقل يوم أمس اليوم فيه فيها هناك حتى منذ نتيجة خلف خلاله خلالها حالة ذلك "
    "عمليات عملية جريمة جرائم السابقة الأسبوع الأخيرة الماضي مباشرة"
)
_PEOPLE = frozenset({"civilians", "security", "armed"})
_COUNTED = folded("عدد حصيلة")
_FAR = 25
_RISES = folded("إلى بلغ بلغت")  # «ارتفع عدد القتلى إلى 15»
# Ways of dying that are no signs of an attack by themselves, and so no words of the lexicon.
_DIES = folded(
    "توفي توفيت توفوا وفاة قضى قضت قضوا حتفه حتفها حتفهم حتفهما مصرعه مصرعها مصرعهم مصرعهما"
)
# «لقي رجل حتفه», «فارق جنديان الحياة»: who dies stands between the two words.
_PARTED = {
    folded("لقي لقيت لقوا لقيا يلقى"): folded(
        "حتفه حتفها حتفهم حتفهما مصرعه مصرعها مصرعهم مصرعهما"
    ),
    folded("فارق فارقت فارقوا فارقا"): folded("الحياة"),
}
_PARTED_REACH = 25  # tokens between them
# «راح ضحيته خمسة»
_VICTIM_OF = folded("راح راحت ذهب ذهبت"), folded("ضحية ضحيته ضحيتها ضحيتهم ضحيتهما")
_ATTEMPT = folded("محاولة محاولات بمحاولة لمحاولة")
_SENTENCED = folded("حكما حكم الحكم بالحكم أحكاما أحكام حكمت")  # «حكماً بإعدام ثلاثة»
_COURT = folded("محكمة المحكمة القضاء هيئة")  # «قضت المحكمة» is no death
# Attacks whose object dies of them.
_KILLS = frozenset(
    {"attack.ightiyal", "attack.idam", "attack.dhabh", "attack.awda", "attack.ajhaz"}
    | {"attack.tasfiya"}
)


class Toll(NamedTuple):
    """People killed or injured at the tokens `i:j`; `high` is None without an upper bound."""

    i: int
    j: int
    low: int
    high: int | None


class _Cue(NamedTuple):
    """A word of dying or being hurt: the people themselves (قتلى), or what befell them."""

    i: int
    j: int
    what: str
    people: bool
    form: str
    joined: bool  # «و» is written on it
    definite: bool
    pronoun: str = ""


def casualties(sentence: Sentence, text: str, what: str) -> Count | None:
    """How many people the sentence says were `killed` or `injured`: its tolls added up.

    A number stands after the word (مقتل 3 جنود), before it (3 قتلى, تسعة عسكريين قُتلوا), or in a
    dual (قتيلان, مقتل جنديين); one person needs none (مقتل ضابط). «بينهم …» is a part of a toll and
    «مقتل وإصابة 12» is none: it does not say how many died.
    """
    found = [toll for cue, toll in _tolls(sentence) if cue.what == what]
    if not found:
        return None
    high = None if any(t.high is None for t in found) else sum(t.high or 0 for t in found)
    at = min(t.i for t in found), max(t.j for t in found)
    return _count(sentence, text, at, (sum(t.low for t in found), high))


def strength(sentence: Sentence, text: str) -> Count | None:
    """How many soldiers or vehicles move: a number right before an armed body, or its dual."""
    for body in sentence.bodies:
        found = _ending_at(sentence, body.i)
        if found is not None:
            return _count(sentence, text, (found.i, body.j), (found.low, found.high))
    return None


@lru_cache(maxsize=4)
def _tolls(sentence: Sentence) -> list[tuple[_Cue, Toll]]:
    """Every toll of a sentence with the word that states it; no word is counted twice."""
    cues = _cues(sentence)
    found: list[tuple[_Cue, Toll]] = []
    taken: set[int] = set()
    for n, cue in enumerate(cues):
        if cue.people:
            toll = None if _shared(cues, n) else _of_people(sentence, cue)
        elif _shared(cues, n):
            toll = _before(sentence, cue, cues)
        else:
            toll = (
                _after(sentence, cue, cues) or _before(sentence, cue, cues) or _one(sentence, cue)
            )
        if toll is not None and taken.isdisjoint(range(toll.i, toll.j)):
            taken.update(range(toll.i, toll.j))
            found.append((cue, toll))
    return found


def _cues(sentence: Sentence) -> list[_Cue]:
    found: dict[int, _Cue] = {}
    for hit in (*sentence.of("target"), *sentence.of("attack")):
        what = str(hit.entry.get("casualty") or "")
        if hit.kind == "attack" and hit.entry.id in _KILLS:
            before = sentence.words[hit.i - 1] if hit.i else ""
            what = "" if before in _ATTEMPT or before in _SENTENCED else "killed"
        # «قُتلا» is as well how some write قتلى: the verb goes before.
        if what and (hit.i not in found or hit.form in VERB_FORMS):
            found[hit.i] = _Cue(
                hit.i, hit.j, what, bool(hit.entry.get("person")), _form(hit),
                hit.reading.prefix.startswith("و"), hit.reading.article, hit.reading.pronoun,
            )  # fmt: skip
    parted = list(_parted(sentence.words))
    for k, after, end in parted:
        found.pop(end, None)
        joined = sentence.words[k].startswith("و")
        fate = sentence.words[end]
        one = _ITSELF if fate.startswith(_FATES) and fate.endswith(("ه", "ها")) else ""
        found[k] = _Cue(k, after, "killed", False, "verb", joined, False, one)  # noqa: FBT003
    ends = {end for _, _, end in parted}
    for k, word in enumerate(sentence.words):
        if k in ends or not _COURT.isdisjoint(sentence.words[k + 1 : k + 2]):
            continue
        if word in _DIES or (word[:1] == "و" and word[1:] in _DIES):
            form = "verb" if word.startswith(_FATES) or word.endswith(("ي", "ت", "وا")) else "noun"
            found[k] = _Cue(k, k + 1, "killed", False, form, word not in _DIES, False)  # noqa: FBT003
    return [found[k] for k in sorted(found)]


def _parted(words: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """«لقي … حتفه», «راح ضحيته …»: the verb, from where who dies may stand, the other word."""
    for k, word in enumerate(words):
        bare = word.removeprefix("و")
        for verbs, ends in _PARTED.items():
            reach = range(k + 2, min(len(words), k + 2 + _PARTED_REACH))
            end = next((n for n in reach if words[n] in ends), None) if bare in verbs else None
            if end is not None:
                yield k, k + 1, end
        if bare in _VICTIM_OF[0] and words[k + 1 : k + 2] and words[k + 1] in _VICTIM_OF[1]:
            yield k, k + 2, k + 1


_FATES = ("حتف", "مصرع")
_ITSELF = "نفسه"  # the pronoun of a cue is who dies: «لقي فلان حتفه»


def _form(hit: Hit) -> str:
    return "verb" if hit.form in VERB_FORMS else hit.form


def _shared(cues: Sequence[_Cue], n: int) -> bool:
    """Whether one number counts the dead and the wounded together: «مقتل وإصابة 12».

    After a verb of its own the second counts for itself: «ثلاثة قُتلوا وأصيب أربعة».
    """
    after = n + 1 < len(cues) and cues[n + 1].joined and cues[n + 1].i == cues[n].j
    before = n > 0 and cues[n].joined and cues[n].i == cues[n - 1].j
    if cues[n].people:  # «12 قتيلاً وجريحاً»; «قتيلين وجرح ثلاثة» are two numbers
        beside = (after and cues[n + 1]) or (before and cues[n - 1])
        return bool(beside and beside.people and beside.form == cues[n].form == "sg")
    before = before and not cues[n - 1].people
    return after or (before and cues[n - 1].form != "verb")


def _of_people(sentence: Sentence, cue: _Cue) -> Toll | None:
    """The count of the dead or wounded themselves: «3 قتلى», «قتيلان», «عدد القتلى إلى 15»."""
    words = sentence.words
    if cue.form == "dual":
        return Toll(cue.i, cue.j, 2, 2)
    number = _ending_at(sentence, cue.i)
    if number is not None:
        return Toll(number.i, cue.j, number.low, number.high)
    # «ارتفع عدد قتلى التفجير الذي استهدف السوق أمس إلى 42»: the number may be far.
    counted = words[cue.i - 1] in _COUNTED if cue.i else False
    reach = _FAR if counted else _AFTER
    for k in range(cue.j, min(len(words) - 1, cue.j + reach)):
        risen = _number(sentence, k + 1) if words[k] in _RISES else None
        if risen is not None:
            return Toll(risen.i, risen.j, risen.low, risen.high)
    alone = cue.form == "sg" and not cue.definite and words[cue.i - 1] != "بين"
    return Toll(cue.i, cue.j, 1, 1) if alone else None


def _number(sentence: Sentence, k: int) -> Quantity | None:
    """The number that starts at token `k`, «و» or a bracket before it or not."""
    tokens = sentence.tokens
    if k >= len(tokens):
        return None
    if tokens[k].text in _BRACKETS:
        found = _number(sentence, k + 1)
        return found and found._replace(i=k)
    word = tokens[k].folded
    if word == "عدد" and sentence.words[k + 1 : k + 2] != ["من"]:
        return None  # «عدد القتلى» counts nobody
    found = joined_quantity_at(tokens, k)
    if found is None:
        return None
    after = sentence.words[found.j] if found.j < len(sentence.words) else ""
    alone = not after or not after[0].isalpha() or after in _NO_PERSON
    percent = not _PERCENT.isdisjoint(sentence.words[found.j + 1 : found.j + 2])
    nobody = after in _NOT_PEOPLE or percent or (alone and found.low in _YEARS)
    return None if nobody else found


_PERCENT = folded("المئة المائة بالمئة")  # «15 في المئة»
_BRACKETS = frozenset('("«“')


def _ending_at(sentence: Sentence, end: int) -> Quantity | None:
    """The longest number that ends right before the token `end`."""
    for start in range(max(0, end - _LONGEST), end):
        found = _number(sentence, start)
        if found is not None and found.j == end and not _is_part(sentence, found.i):
            return found
    return None


def _is_part(sentence: Sentence, i: int) -> bool:
    """Whether «بينهم» stands before a number: it is counted already."""
    return not _SUBSET.isdisjoint(sentence.words[max(0, i - 2) : i])


def _after(sentence: Sentence, cue: _Cue, cues: Sequence[_Cue]) -> Toll | None:
    """Who is counted after a death or a wound: «مقتل 3 جنود», «قتل ضابط»."""
    words, clauses = sentence.words, sentence.clauses
    others = {c.i for c in cues}
    for k in range(cue.j, min(len(words), cue.j + _AFTER)):
        bracketed = words[k] in _BRACKETS or (k and words[k - 1] in _BRACKETS)
        if words[k] in _SUBSET or k in others or not (clauses[k] == clauses[cue.i] or bracketed):
            return None
        if words[k + 1 : k + 2] and words[k + 1] in _PAIR:  # «منتسبين اثنين»
            return _with_more(sentence, Toll(k, k + 2, 2, 2), others)
        number = _number(sentence, k)
        if number is not None:
            return _with_more(sentence, Toll(k, number.j, number.low, number.high), others)
        people = _people_at(sentence, k, cue)
        if people is not None:
            one = Toll(k, k + 1, people, people)
            return _with_more(sentence, one, others) if people else None
    return None


def _people_at(sentence: Sentence, k: int, cue: _Cue) -> int | None:
    """How many the word at `k` names: 1 or 2; 0 for several, uncounted; None for no person."""
    word = sentence.words[k]
    if k == cue.j and word == "اخران":
        return 2
    if word in _ONE or word.removeprefix("ال") in _PERSONS or (k == cue.j and word in _FURTHER):
        return 1
    if word.removeprefix("ال") in _POSTS or word in _HOURS:
        return None
    for hit in sentence.of("target"):
        if hit.i == k and hit.entry.get("target") in _PEOPLE and hit.form not in VERB_FORMS:
            return 0 if _is_plural(hit, word) else {"sg": 1, "dual": 2}.get(hit.form, 0)
    if k == cue.j and any(h.i == k and h.form == "nisba" for h in sentence.of("country")):
        # «قُتل إسرائيلي», «مقتل فلسطينيان»; «فلسطينيين» may be two or many.
        return 2 if word.endswith("ان") else 0 if word.endswith(("ين", "ون", "ات")) else 1
    if k != cue.j or word in _SEVERAL or word in _NO_PERSON:
        return 0 if word in _SEVERAL else None
    if cue.what != "killed" or sentence.tokens[k].shape.kind != "word":
        return None
    known = any(h.i == k for h in sentence.hits) or word[0] in _CLITICS
    definite = word.startswith("ال")
    if known or (definite and cue.form == "verb") or len(word) < _SHORTEST_NOUN:
        return None
    if word.endswith("يا") or word in _ALL:
        return None  # «ميدانياً», «جميعاً»: how, not who
    if word.endswith("ان") and word[-3:-2] == "ي":
        return 2  # «فلسطينيان»
    # An unknown noun after a death: somebody's name or trade (مقتل البطش, قتل محتج).
    return 0 if word.endswith(("ون", "ين", "ات")) else 1


_ALL = folded("جميعا معا فورا لاحقا أيضا")
_PAIR = folded("اثنان اثنين اثنتان اثنتين")
_PERSONS = folded("فتى فتاة شاب شابة رجل سيدة مسن مسنة سائق مزارع راع طالب نازح مهاجم منفذ")
_FURTHER = folded("آخر أخرى ثان ثانية ثالث ثالثة رابع رابعة خامس خامسة سادس سادسة")  # «جرح ثالث»
_HOURS = folded("صباح صباحا مساء فجر فجرا ظهر ظهرا عصر عصرا ليل ليلا ليلة مغرب منتصف")
_POSTS = folded("دورية دوريات حاجز حواجز سيطرة سيطرات")  # security, but nobody by themselves
_SHORTEST_NOUN = 3
_CLITICS = frozenset("وبل")


def _is_plural(hit: Hit, word: str) -> bool:
    """Whether a form that could be a dual is as well the plural: «مدنيين»."""
    plurals = folded(str(hit.entry.get("noun")).replace("|", " "))
    return hit.form != "sg" and word.removeprefix("ال") in plurals


def _one(sentence: Sentence, cue: _Cue) -> Toll | None:
    """The one who is spoken of: «الناشط الذي قُتل في …», «ما أدى إلى مقتله»."""
    before = sentence.words[cue.i - 1] if cue.i else ""
    relative = cue.form == "verb" and (before in _WHO or cue.pronoun == _ITSELF)
    if cue.what == "killed" and (relative or (cue.form == "sg" and cue.pronoun == "ه")):
        return Toll(cue.i, cue.j, 1, 1)
    return None


_WHO = folded("الذي التي")


def _before(sentence: Sentence, cue: _Cue, cues: Sequence[_Cue]) -> Toll | None:
    """People counted before a verb of dying: «تسعة عسكريين قُتلوا», «35 مقاتلا لقوا حتفهم»."""
    if cue.form != "verb" or cue.joined:
        return None
    words = sentence.words
    others = {c.i for c in cues}
    for start in range(max(0, cue.i - _BEFORE - _LONGEST), cue.i - 1):
        number = _number(sentence, start)
        if number is None or cue.i - number.j > _BEFORE or _is_part(sentence, start):
            continue
        far = abs(sentence.clauses[cue.i] - sentence.clauses[start]) > 1
        if not far or not _SUBSET.isdisjoint(words[start : cue.i]):
            return _with_more(sentence, Toll(start, number.j, number.low, number.high), others)
    for hit in sentence.of("target"):
        two = hit.form == "dual" and hit.entry.get("target") in _PEOPLE
        if two and 0 <= cue.i - hit.j <= 1 and not _is_plural(hit, words[hit.i]):
            return Toll(hit.i, hit.j, 2, 2)  # «إن جنديين قُتلا»
    return None


def _with_more(sentence: Sentence, toll: Toll, cues: set[int]) -> Toll:
    """A toll with what its list goes on with: «9 من المسلحين و6 من الجنود», «ضابط ومجند»."""
    words, clauses = sentence.words, sentence.clauses
    low, high, end = toll.low, toll.high, toll.j
    for k in range(toll.j, min(len(words), toll.j + _MORE)):
        if k in cues or words[k] in _SUBSET or clauses[k] != clauses[toll.i]:
            break
        if not words[k].startswith("و"):
            continue
        number = _number(sentence, k + 1) if words[k] == "و" else _number(sentence, k)
        if number is not None:
            if number.j in cues:
                break
            low, end = low + number.low, number.j
            high = None if high is None or number.high is None else high + number.high
        elif words[k].removeprefix("و") in _ONE or any(
            h.i == k and h.form == "sg" and h.entry.get("target") in _PEOPLE
            for h in sentence.of("target")
        ):
            low, high, end = low + 1, None if high is None else high + 1, k + 1
    return Toll(toll.i, end, low, high)


def _count(
    sentence: Sentence, text: str, at: tuple[int, int], bounds: tuple[int, int | None]
) -> Count:
    start, end = sentence.tokens[at[0]].start, sentence.tokens[at[1] - 1].end
    what = next(
        (
            str(h.entry.get("target"))
            for h in sentence.of("target")
            if at[0] <= h.i <= at[1] and h.entry.get("target") in _PEOPLE
        ),
        "",
    )
    return Count(text[start:end], start, end, *bounds, what)
