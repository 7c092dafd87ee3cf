"""Roles by position: who acts, who is hit, where from and where to (tagging.md §8.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from rasid.arabic import folded
from rasid.tagging.actors import Party
from rasid.tagging.matcher import VERB_FORMS, Hit
from rasid.tagging.places import Place
from rasid.tagging.sentence import Sentence


_AGENT_PREPS = (
    ("علي", "يد"), ("علي", "ايدي"), ("من", "قبل"), ("من", "جانب"), ("بيد",), ("بايدي",),
    ("بنيران",), ("برصاص",), ("بقصف",), ("بفعل",),
)  # fmt: skip
_TARGET = folded("على ضد نحو باتجاه مستهدفا استهدف استهدفت يستهدف تستهدف")
_FROM = folded("من انطلاقا")
_TO = folded("إلى نحو باتجاه صوب تجاه داخل")
_VIA = folded("عبر مرورا")
_AT = folded(
    "في قرب داخل بين فوق قبالة بمحيط بالقرب خارج تجاه استهدف استهدفت تستهدف يستهدف شهد شهدت "
    "تشهد يشهد شهدها شهدته تشهدها هز هزت تهز ضرب ضربت تضرب يضرب قصف قصفت تقصف هاجم هاجمت دخل "
    "دخلت اقتحم اقتحمت حرر حررت استعاد استعادت سواحل ساحل أجواء سماء بأجواء بسماء طال طالت"
)


@dataclass(slots=True)
class Frame:
    """What was found around one trigger, as parties and hits of its sentence."""

    agents: list[Party] = field(default_factory=list)
    agent_rule: str = ""
    patients: list[Party] = field(default_factory=list)
    things: list[Hit] = field(default_factory=list)
    from_: list[Place] = field(default_factory=list)
    to: list[Place] = field(default_factory=list)
    via: list[Place] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    elsewhere: list[Place] = field(default_factory=list)  # named, but not where it happened
    weapons: list[Hit] = field(default_factory=list)
    defenders: list[Party] = field(default_factory=list)  # who foils or repels it
    nisba: Hit | None = None
    governor: Hit | None = None


def preposition(words: Sequence[str], i: int, prep: str) -> str:
    """The preposition that governs token `i`: written on it, or the word before it."""
    if prep:
        return prep
    return words[i - 1].removeprefix("و") if i else ""


def light_verb(sentence: Sentence, trigger: Hit) -> Hit | None:
    """The light verb whose object `trigger` is: شن … هجوما, تعرض … لقصف."""
    if trigger.entry.get("class") == "light":
        return None
    best = None
    for hit in sentence.starting(trigger.i - _LIGHT_REACH, trigger.i):
        if hit.kind == "attack" and hit.entry.get("class") == "light":
            step = sentence.clauses[trigger.i] - sentence.clauses[hit.i]
            best = hit if step <= 1 else best
    return best


def read_roles(sentence: Sentence, trigger: Hit) -> Frame:
    """The frame of `trigger`: agents, patients, places, weapons in its clause."""
    frame = Frame(governor=light_verb(sentence, trigger))
    clauses = sentence.clauses
    clause = clauses[trigger.i]
    head = frame.governor or trigger
    _nisba(sentence, trigger, frame)
    scene = _scene(sentence, head, trigger)
    found, frame.agent_rule = _agents(scene, frame)
    frame.agents = _with_list(sentence, found)
    frame.defenders = [p for p in scene.near if p in defenders(sentence)]
    _patients(scene, frame)
    _places(sentence, trigger, frame)
    frame.weapons = [h for h in sentence.of("weapon") if abs(clauses[h.i] - clause) <= 1]
    frame.things = [
        h for h in sentence.of("target") if h.entry.get("target") and clauses[h.i] == clause
    ]
    return frame


def _with_list(sentence: Sentence, found: list[Party]) -> list[Party]:
    """The bodies found and those that «و» joins to the last of them: «الجيش والشرطة»."""
    if not found:
        return found
    listed = list(found)
    for party in sentence.bodies:
        gap = sentence.words[listed[-1].j : party.i]
        joined = sentence.words[party.i].startswith("و") and party.skip > 0
        if party.i >= listed[-1].j and party not in listed:
            if not (joined and len(gap) <= 1):
                break
            listed.append(party)
    return listed


class _Scene(NamedTuple):
    """What the search for agents looks at."""

    sentence: Sentence
    head: Hit
    trigger: Hit
    own: list[Party]  # bodies of the trigger's clause
    near: list[Party]  # and of the clauses beside it
    victims: list[Party]

    def prep(self, party: Party) -> str:
        return preposition(self.sentence.words, party.i, party.prep)

    def bare(self, party: Party) -> bool:
        return self.prep(party) not in _OBLIQUE


def _scene(sentence: Sentence, head: Hit, trigger: Hit) -> _Scene:
    clauses = sentence.clauses
    at = clauses[trigger.i]
    own = [p for p in sentence.bodies if clauses[p.i] == at]
    near = [p for p in sentence.bodies if abs(clauses[p.i] - at) <= 1]
    return _Scene(sentence, head, trigger, own, near, victims(sentence))


@lru_cache(maxsize=4)
def victims(sentence: Sentence) -> list[Party]:
    """The bodies that are killed, hit, taken: whoever they are, they do not act."""
    found = []
    for hit in sentence.of("attack"):
        entry = hit.entry
        passive = hit.form in ("pass", "pres_pass") or (
            hit.form == "past" and sentence.shapes[hit.i].damma
        )
        masdar = hit.form not in VERB_FORMS and (entry.get("transitive") or entry.get("result"))
        for party in sentence.bodies:
            gap = party.i - hit.j
            if (
                not 0 <= gap <= _OBJECT_REACH
                or sentence.clauses[party.i] != sentence.clauses[hit.i]
            ):
                continue
            prep = preposition(sentence.words, party.i, party.prep)
            falls = entry.get("result") and hit.form in VERB_FORMS and _no_object(sentence, hit)
            if (masdar or passive or falls) and (gap == 0 or prep not in _OBLIQUE):
                found.append(party)
            elif masdar and entry.get("result") and prep in ("من", "في صفوف", "بين"):
                found.append(party)  # «مقتل عدد من المسلحين»
    return found


@lru_cache(maxsize=4)
def defenders(sentence: Sentence) -> list[Party]:
    """The bodies that foil or repel an attack: «أحبط الجيش …», «تصدّي المقاومة ل…»."""
    found = []
    for hit in (*sentence.of("attack"), *sentence.of("modality")):
        entry = hit.entry
        if not (entry.get("foils") or entry.get("repels") or entry.id.startswith(_FOILS)):
            continue
        reach = _SUBJECT_REACH if hit.form in VERB_FORMS or hit.form == "phrase" else 0
        for party in sentence.bodies:
            after = 0 <= party.i - hit.j <= reach
            if party.armed and (after or party.j == hit.i):
                prep = preposition(sentence.words, party.i, party.prep)
                if prep not in _OBLIQUE and party not in found:
                    found.append(party)
    return found


_FOILS = ("mod.foiled", "mod.repelled", "mod.isqat")


def _nisba(sentence: Sentence, trigger: Hit, frame: Frame) -> None:
    """An adjective of a country or group beside a masdar names the agent: غارة أميركية."""
    if trigger.form in VERB_FORMS:
        return
    for hit in sentence.starting(trigger.j, trigger.j + 3):
        adjective = hit.form == "nisba" or (hit.kind == "force" and hit.form == "adj")
        if adjective and not hit.entry.get("modifier"):
            frame.nisba = hit
            return


# Rules whose agent has the right class in all of 26 labelled sentences: they overrule the model.
SURE_AGENTS = frozenset({"agent:carried", "agent:claims"})

Found = tuple[list[Party], str]
_NOBODY: Found = ([], "")


def _agents(scene: _Scene, frame: Frame) -> Found:
    """Who acts, and the rule that says so; the surest rules come first."""
    trigger = scene.trigger
    if trigger.entry.kind == "troop_movement":
        return _movers(scene)
    rules = (_by, _carried, _accused)
    for rule in rules:
        found = rule(scene)
        if found[0]:
            return found
    if trigger.entry.get("foils") or trigger.entry.get("repels"):
        return _foiled(scene)
    if trigger.entry.get("mutual"):
        return _sides(scene)
    if _suffers(scene):
        for party in scene.own:
            if party.i > trigger.i and scene.prep(party) in ("من", "ل", "ب"):
                return [party], "agent:oblique"
        return _cause(scene)
    if trigger.entry.get("agentless"):
        return _NOBODY
    found = _subject(scene) if scene.head.form in VERB_FORMS else _genitive(scene)
    if not found[0] and frame.nisba is None and trigger.entry.get("result"):
        return _cause(scene)
    return found


def _suffers(scene: _Scene) -> bool:
    """Whether the subject of the verb is who is hit: «تعرّض», «قُتل», «قتل جنديان في …»."""
    head, sentence = scene.head, scene.sentence
    if head.entry.get("target_subject") or head.form in ("pass", "pres_pass"):
        return True
    if head.form == "past" and sentence.shapes[head.i].damma:
        return True
    return bool(head.entry.get("result")) and _no_object(sentence, head)


def _by(scene: _Scene) -> Found:
    words = scene.sentence.words
    for party in scene.near:
        if party.i <= scene.trigger.i:
            continue
        before = words[max(0, party.i - 2) : party.i]
        if any(tuple(before[-len(cue) :]) == cue for cue in _AGENT_PREPS):
            return [party], "agent:by"
    return _NOBODY


def _carried(scene: _Scene) -> Found:
    """«هجوم شنه مسلحو …», «عملية نفذتها كتائب …»: the verb of the relative clause has the agent."""
    trigger = scene.trigger
    if trigger.form in VERB_FORMS:
        return _NOBODY
    for hit in scene.sentence.starting(trigger.j, trigger.j + _CARRIED_REACH + 1):
        if hit.entry.id in _CARRIERS and hit.reading.pronoun and hit.form in VERB_FORMS:
            for party in scene.sentence.bodies:
                if 0 <= party.i - hit.j <= 1:
                    return [party], "agent:carried"
    return _NOBODY


def _accused(scene: _Scene) -> Found:
    """Who is said to have done it: claims it, or is accused of it."""
    clauses = scene.sentence.clauses
    for hit in scene.sentence.of("speech"):
        status = hit.entry.get("status")
        if status not in ("claimed", "accused") or hit.form not in VERB_FORMS:
            continue
        if _told_by_another(scene, hit):
            continue
        if abs(clauses[hit.i] - clauses[scene.trigger.i]) > 2:
            continue
        after = [p for p in scene.sentence.bodies if p.i >= hit.j and p.i - hit.j <= _CARRIED_REACH]
        before = [p for p in scene.sentence.bodies if hit.i - _CARRIED_REACH <= p.i < hit.i]
        if status == "claimed":
            armed = [p for p in before if p.armed]
            who = [p for p in after if p.armed and scene.bare(p) and p.i - hit.j <= 1]
            who = who or armed[-1:] or before[-1:]
            if who:
                return [who[0]], "agent:claims"
        else:
            # «اتهمت أنقرة حزب العمال بـ…»: the accuser first, unless it stands before the verb.
            who = after if before and before[-1].j >= hit.i - 1 else after[1:] or after
            if who:
                return [who[0]], "agent:accused"
    return _NOBODY


def _told_by_another(scene: _Scene, claim: Hit) -> bool:
    """Whether somebody speaks between claim and event: «تبنت … الهجوم، فيما قال الجيش إنه …»."""
    return any(
        h.form in VERB_FORMS and not h.entry.get("status") and claim.j <= h.i < scene.trigger.i
        for h in scene.sentence.of("speech")
    )


def _foiled(scene: _Scene) -> Found:
    """Whose attack is foiled: not who foils it, but «إسقاط مسيّرة لحزب الله», «هجوم للحوثيين»."""
    against = defenders(scene.sentence)
    for party in scene.own:
        far = party.i > scene.trigger.i and party.armed and party not in against
        if far and scene.prep(party) in ("ل", "من"):
            return [party], "agent:foiled"
    return _NOBODY


def _sides(scene: _Scene) -> Found:
    fighters = [p for p in scene.near if p.armed and not p.equipment]
    after = [p for p in fighters if p.i > scene.trigger.i]
    return (after[:2] or fighters[:2]), "agent:sides"


def _subject(scene: _Scene) -> Found:
    """The subject of a verb: the first bare body after it, or the topic before it."""
    head = scene.head
    for party in scene.own:
        # «إسرائيل تغتال …»: what stands right before its verb is the subject, as headlines have it.
        if party.j == head.i and scene.bare(party) and party not in scene.victims:
            return [party], "agent:adjacent"
    for party in scene.own:
        close = head.j <= party.i <= head.j + _SUBJECT_REACH
        if close and scene.bare(party) and not party.equipment:
            return [party], "agent:subject"
    before = [
        p for p in scene.near if p.i < head.i and scene.bare(p) and p not in scene.victims
    ]  # fmt: skip
    if not before:
        return _NOBODY
    own = [p for p in before if p in scene.own] or before
    return [next((p for p in reversed(own) if p.armed), own[0])], "agent:topic"


def _genitive(scene: _Scene) -> Found:
    """The agent of a masdar: its genitive where it takes no object, else «لـ»."""
    trigger = scene.trigger
    transitive = bool(trigger.entry.get("transitive") or trigger.entry.get("result"))
    for party in scene.own:
        gap = party.i - trigger.j
        if gap < 0:
            continue
        if gap == 0 and not transitive and scene.bare(party):
            return [party], "agent:genitive"
        if scene.prep(party) == "ل" and gap <= _SUBJECT_REACH:
            return [party], "agent:of"
        if gap <= 2 and not transitive and scene.bare(party):
            return [party], "agent:genitive"
    topic = [
        p for p in scene.own
        if p.i < trigger.i and scene.bare(p) and p not in scene.victims and not p.equipment
    ]  # fmt: skip
    if topic and transitive and scene.head is trigger:
        return [topic[-1]], "agent:before"
    return _NOBODY


def _cause(scene: _Scene) -> Found:
    """Who is killed in an attack is killed by whoever carries that out: «مقتل … في غارة لـ…»."""
    sentence, trigger = scene.sentence, scene.trigger
    for hit in sentence.starting(trigger.j + 1, trigger.j + _CAUSE_REACH + 1):
        if hit.kind != "attack" or hit.entry.get("result"):
            continue
        cause = _scene(sentence, hit, hit)
        rules = (_by, _carried, _genitive)
        for rule in rules:
            found, _ = rule(cause)
            found = [p for p in found if p not in scene.victims]
            if found:
                return found, "agent:cause"
    for party in scene.near:
        if party.i > trigger.i and party not in scene.victims and party.armed:
            before = sentence.words[party.i - 1]
            if before in _MEANS:
                return [party], "agent:means"
    return _NOBODY


def _movers(scene: _Scene) -> Found:
    """Who or what moves: the object of who sends it, else the subject."""
    trigger, own = scene.trigger, scene.own
    verbal = trigger.form in VERB_FORMS
    after = [p for p in own if p.i >= trigger.j]
    if trigger.entry.get("transitive") or trigger.entry.get("needs") == "force_object":
        sent = [
            p for p in after
            if p.armed and p.i - trigger.j <= _SENT_REACH and (
                scene.bare(p) or scene.prep(p) in _SENT_PREPS
            )
        ]  # fmt: skip
        if sent:
            # «أرسل الجيش قوات»: who sends stands first, who is sent next.
            second = verbal and len(sent) > 1 and scene.bare(sent[1])
            return [sent[1] if second else sent[0]], "agent:sent"
    by = _by(scene)
    if by[0]:
        return by
    if verbal:
        return _subject(scene)
    for party in after:
        gap = party.i - trigger.j
        if gap <= 2 and (scene.bare(party) or scene.prep(party) == "ل"):
            return [party], "agent:genitive"
    topic = [p for p in own if p.i < trigger.i and scene.bare(p)]
    return (topic[-1:], "agent:topic") if topic else _NOBODY


def _no_object(sentence: Sentence, head: Hit) -> bool:
    """Whether a verb of killing has one bare noun phrase only: «قتل مسلحون في …»."""
    if head.form not in VERB_FORMS:
        return False
    words, clause = sentence.words, sentence.clauses[head.i]
    for party in sentence.bodies:
        if 0 <= party.i - head.j <= 2 and sentence.clauses[party.i] == clause:
            if party.j >= len(words):
                return True
            following = words[party.j]
            return following[:1] == "ب" or following in _ADJUNCT or not following[:1].isalpha()
    return True


_LIGHT_REACH, _OBJECT_REACH, _SUBJECT_REACH, _CARRIED_REACH, _CAUSE_REACH, _SENT_REACH = (
    8,
    3,
    3,
    6,
    10,
    6,
)
_CARRIERS = frozenset(
    {"attack.shann", "attack.naffadh", "attack.tabanna", "attack.itlaq-nar.far", "say.claim"}
)
_MEANS = folded("بنيران برصاص بقصف بسلاح بصواريخ بغارات بقذائف بطائرات بمسيرات نيران")
_SENT_PREPS = frozenset({"ب", "من"})
_ADJUNCT = folded(
    "في من خلال إثر جراء عندما على أثناء نتيجة وأصيب وإصابة وجرح وجرحى أمس اليوم بعد وآخرون"
)
_OBLIQUE = frozenset(
    {"علي", "ضد", "من", "في", "الي", "عن", "ب", "ل", "ك", "بين", "مع", "نحو", "لدي"}
)


def _patients(scene: _Scene, frame: Frame) -> None:
    for party in scene.own:
        if party in frame.agents or party.i < scene.head.i:
            continue
        prep = scene.prep(party)
        near = prep not in _OBLIQUE and party.i - scene.trigger.j <= 4
        if party in scene.victims or prep in _TARGET or (near and scene.trigger.kind == "attack"):
            frame.patients.append(party)


def _places(sentence: Sentence, trigger: Hit, frame: Frame) -> None:
    """Event places, and where a movement comes from, goes to and passes."""
    clauses = sentence.clauses
    move = trigger.entry.kind == "troop_movement"
    last: list[Place] | None = None  # the list that an «و» goes on with
    at = -1
    for place in sentence.places:
        if place.dateline or _of_somebody(sentence, place, trigger):
            frame.elsewhere.append(place)
            last = None
            continue
        if abs(clauses[place.i] - clauses[trigger.i]) > 2:
            last = None
            continue
        goes_on = place.joined and last is not None and place.i - at <= 1
        if not goes_on:
            last = _list_of(place, trigger, frame, move=move)
        at = place.j
        if last is None:
            continue
        last.append(place)
        if last is frame.to and place not in frame.places:
            frame.places.append(place)


def _list_of(place: Place, trigger: Hit, frame: Frame, *, move: bool) -> list[Place] | None:
    """Where the preposition puts a place; None when it is no part of the event."""
    prep = place.prep
    after = place.i - trigger.j
    if move:
        if prep in _FROM:
            return frame.from_
        if prep in _TO or prep == "ل" or (prep in _ONTO and 0 <= after <= 3):
            return frame.to
        if prep in _VIA:
            return frame.via
        if after == 0 and trigger.entry.get("kind") in ("advance", "border_cross_incursion"):
            return frame.to
    if prep in _AT or prep == "ب" or after == 0 or prep in _SITES:
        return frame.places
    if prep in _ONTO or (prep in _TO and not move) or (prep == "ل" and place.name_i > place.i):
        return frame.places
    if 0 < after <= _OBJECT_REACH + 1 and prep not in _OBLIQUE:
        return frame.places  # «قصف الجيش قرية مارع»: the object
    return None


def _of_somebody(sentence: Sentence, place: Place, trigger: Hit) -> bool:
    """Whether a place before the event belongs to who acts or speaks: «الحوثيون في اليمن …»."""
    if place.i > trigger.i:
        return False
    k = place.i - (0 if place.skip else 1)
    return any(p.j == k and p.armed for p in sentence.bodies) or any(
        h.j == k for h in sentence.of("speech")
    )


_ONTO = frozenset({"علي", "عليها"})
_SITES = folded(
    "مطار ميناء قاعدة معسكر مصفاة سجن مستشفى جامعة حقل معبر سد جسر سماء أهالي سكان مواقع "
    "أحياء قرى مناطق شوارع معارك معركة اشتباكات هجوم هجمات تفجير تفجيرات انفجار انفجارات قصف "
    "غارات غارة مجزرة"
)
