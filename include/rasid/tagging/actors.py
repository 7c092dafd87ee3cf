"""Armed bodies in a sentence: named groups, generic heads, countries; each with its class."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from rasid.arabic import Token, fold, folded, part_of
from rasid.tagging.lexicon import Entry
from rasid.tagging.matcher import VERB_FORMS, Hit
from rasid.tagging.mention import Role


class Party(NamedTuple):
    """One armed body or country at the tokens `i:j`; `name_i:name_j` is the shortest name in it."""

    i: int
    j: int
    name_i: int
    name_j: int
    cls: str  # class of attacker; "" where the words do not say
    id: str
    country: str
    armed: bool  # a country by itself is no armed body
    named: bool
    prep: str  # preposition written on it: ب, ل, ك or ""
    skip: int  # letters of clitics before the name
    equipment: bool
    plural: bool
    capital: bool
    name_skip: int  # letters of clitics on the first token of the name


def class_on(entry: Entry, day: date | None) -> str:
    """The entry's class of attacker on a day: groups became governments, and the other way.

    Of an undated text a group that ever was a militia is one: archives outweigh the last years.
    """
    now = str(entry.get("class") or "")
    was = entry.get("was")
    if not was:
        return now
    before = str(was["class"])
    if day is None:
        return "militia" if "militia" in (before, now) else now
    return before if day < date.fromisoformat(str(was["until"])) else now


def parties(hits: Sequence[Hit], words: Sequence[str], day: date | None) -> list[Party]:
    """The armed bodies and countries of a sentence in order, from heads and what follows them."""
    at: dict[int, list[Hit]] = {}
    for hit in hits:
        if hit.kind in _BODIES and hit.form not in VERB_FORMS:
            if hit.form == "sg" and hit.entry.get("person") and _after_event(hit, hits):
                continue  # «اشتباك مسلح», «هجوم إرهابي»: adjectives of the event
            if hit.entry.get("ambiguous") and not _supported(hit, hits, words):
                continue
            at.setdefault(hit.i, []).append(hit)
    found: list[Party] = []
    end = 0
    for i in sorted(at):
        if i < end:
            continue
        chain = _chain(at, words, i)
        numbered = chain[0].entry.id in UNITS and _is_number(words, chain[-1].j)
        party = _party(chain, day, numbered=numbered)
        if party is not None:
            if chain[0].entry.id in _AIRCRAFT and any(
                h.i == party.j and h.entry.id == "weapon.drone" for h in hits
            ):
                party = party._replace(cls="")  # «الطيران المسيّر»: anybody's
            if numbered:
                party = party._replace(j=party.j + 1, name_j=max(party.name_j, party.j + 1))
            if found and _belongs(found[-1], party, words):
                party = _joined(found.pop(), party)
            found.append(party)
            end = party.j
    return found


def _after_event(hit: Hit, hits: Sequence[Hit]) -> bool:
    """Whether a hit stands right after a noun of an event or a weapon."""
    return any(h.j == hit.i and h.kind in _EVENTS and h.form not in VERB_FORMS for h in hits)


_AIRCRAFT = frozenset({"force.tayaran", "force.taira"})
# «اللواء الثاني», «الفرقة 20»: with its number the singular is no rank and no team.
UNITS = frozenset({"force.liwa", "force.firqa", "force.fawj", "force.sariyya", "force.katiba"})
_ORDINALS = folded(
    "الأول الأولى الثاني الثانية الثالث الثالثة الرابع الرابعة الخامس الخامسة السادس السادسة "
    "السابع السابعة الثامن الثامنة التاسع التاسعة العاشر العاشرة الحادي الحادية العشرون العشرين "
    "الثلاثون"
)


def _is_number(words: Sequence[str], k: int) -> bool:
    """Whether the word at `k` numbers a military unit."""
    return k < len(words) and (words[k] in _ORDINALS or words[k].isdecimal())


def _supported(hit: Hit, hits: Sequence[Hit], words: Sequence[str]) -> bool:
    """Whether a name that is also a common word («العصائب») stands beside something armed."""
    name = " ".join(words[hit.i : hit.j])
    if not any(name.endswith(ambiguous) for ambiguous in _folds(tuple(hit.entry.get("ambiguous")))):
        return True
    return any(
        other.kind in _CUES and (other.j <= hit.i or other.i >= hit.j)
        and not other.entry.get("modifier") and other.entry.get("class") != "weak"
        for other in hits
    )  # fmt: skip


@lru_cache(maxsize=256)
def _folds(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(fold(name) for name in names)


_CUES = frozenset({"actor", "force", "weapon", "attack"})
_BODIES = frozenset({"actor", "force", "country"})
_EVENTS = frozenset({"attack", "troop_movement", "weapon"})
_QUOTES = frozenset("\"«“”'")
_LINKS = folded(
    "من من_عناصر من_حركة من_تنظيم من_جماعة تابعون تابعين تابعة تابع التابعين التابعة موالون "
    "موالين موالية الموالية في أخرى_من من_مسلحي من_مقاتلي ينتمون_إلى ينتمي_إلى لحركة لتنظيم "
    "لجماعة تابعين_لتنظيم"
)


def _belongs(head: Party, party: Party, words: Sequence[str]) -> bool:
    """Whether a generic body is of a named one: «مسلحون من كتائب حزب الله»."""
    if head.named or not (party.named and party.armed) or not head.armed or head.equipment:
        return False
    between = words[head.j : party.i]
    if party.prep == "ل" and len(between) == 1:
        return between[0] in _LINKS
    return not party.prep and 0 < len(between) <= 2 and "_".join(between) in _LINKS


def _joined(head: Party, party: Party) -> Party:
    """The named body standing where its members stand: their preposition, its name."""
    return party._replace(i=head.i, prep=head.prep, skip=head.skip, plural=head.plural)


def _rank(hit: Hit) -> tuple[int, int]:
    order = {"actor": 0, "force": 1, "country": 2}[hit.kind]
    return (order + bool(hit.entry.get("modifier")) * 2, -hit.j)


def _chain(at: dict[int, list[Hit]], words: Sequence[str], i: int) -> list[Hit]:
    """The head at `i` and the heads, names and adjectives that follow it, quotes between or not."""
    chain: list[Hit] = []
    j = i
    while j in at:
        hit = min(at[j], key=_rank)
        if chain and hit.reading.prefix.startswith("و") and hit.j - hit.i >= 1:
            break  # «و» begins another member of a list
        if chain and hit.reading.prep:
            break
        if chain and chain[-1].form == hit.form == "capital":
            break  # «أنذرت إسلام أباد كابول»: two governments
        chain.append(hit)
        j = hit.j
        if j < len(words) and words[j] in _QUOTES and j + 1 in at:
            j += 1
    return chain


def _party(chain: list[Hit], day: date | None, *, numbered: bool) -> Party | None:
    head = chain[0]
    names = [h for h in chain if h.kind == "actor" or h.entry.get("actor")]
    heads = [h for h in chain if h.kind == "force" and not h.entry.get("modifier")]
    countries = [h for h in chain if h.kind == "country"]
    modified = any(h.entry.get("modifier") for h in chain[1:])
    if (
        head.entry.get("weak_singular")
        and head.form == "sg"
        and not (names or countries or modified or numbered)
    ):
        return None
    if head.entry.get("plural_only") and head.form == "sg":
        return None
    country = str(countries[0].entry.get("country")) if countries else ""
    if names:
        name = names[0]
        cls, key = class_on(name.entry, day), str(name.entry.get("actor") or name.entry.id)
        country = country or str(name.entry.get("country") or "")
        span = (name.i, name.j)
        named = not name.entry.get("generic")
    elif heads:
        cls, key, span, named = _generic(heads, countries)
    elif countries and all(h.form == "nisba" or h.entry.get("modifier") for h in chain):
        return None  # an adjective by itself; masdars look for it
    elif countries:
        cls, key, span, named = "state", countries[0].entry.id, (head.i, countries[0].j), True
    else:
        return None
    return Party(
        head.i, chain[-1].j, *span, cls, key, country, bool(names or heads), named,
        head.reading.prep, clitics(head),
        any(h.entry.get("equipment") for h in heads), any(h.form in ("pl", "dual") for h in heads),
        head.form == "capital", clitics(next((h for h in chain if h.i == span[0]), head)),
    )  # fmt: skip


def clitics(hit: Hit) -> int:
    """The letters of conjunctions and prepositions before a word, its article not counted."""
    reading = hit.reading
    return max(0, len(reading.prefix) - (2 if reading.article else 0))


def _generic(heads: list[Hit], countries: list[Hit]) -> tuple[str, str, tuple[int, int], bool]:
    classes = [str(h.entry.get("class") or "") for h in heads]
    cls = next((c for c in classes if c in ("militia", "unattributed_armed")), "")
    cls = cls or next((c for c in classes if c), "")
    if not cls and countries:
        cls = "state"
    last = countries[-1].j if countries else heads[-1].j
    key = heads[0].entry.id + (":" + str(countries[0].entry.get("country")) if countries else "")
    return cls, key, (heads[0].i, max(last, heads[-1].j)), bool(countries)


def role(party: Party, tokens: Sequence[Token], text: str) -> Role:
    """The party's name as a role, without the clitics before it."""
    skip = party.skip if party.name_i == party.i else party.name_skip
    start, _ = part_of(tokens[party.name_i], skip)
    end = tokens[party.name_j - 1].end
    return Role(text[start:end], start, end, party.id, party.cls, country=party.country)
