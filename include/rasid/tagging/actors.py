"""Armed bodies in a sentence: named groups, generic heads, countries; each with its class."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from rasid.arabic import Token, part_of
from rasid.tagging.lexicon import Entry
from rasid.tagging.matcher import Hit
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
    capital: bool = False


def class_on(entry: Entry, day: date | None) -> str:
    """The entry's class of attacker on a day: groups became governments, and the other way."""
    was = entry.get("was")
    if was and day is not None and day < date.fromisoformat(str(was["until"])):
        return str(was["class"])
    return str(entry.get("class") or "")


def parties(hits: Sequence[Hit], day: date | None) -> list[Party]:
    """The armed bodies and countries of a sentence in order, from heads and what follows them."""
    at: dict[int, list[Hit]] = {}
    for hit in hits:
        if hit.kind in ("actor", "force", "country") and hit.form not in ("past", "pres"):
            at.setdefault(hit.i, []).append(hit)
    found: list[Party] = []
    end = 0
    for i in sorted(at):
        if i < end:
            continue
        chain = _chain(at, i)
        party = _party(chain, day)
        if party is not None:
            found.append(party)
            end = party.j
    return found


def _rank(hit: Hit) -> tuple[int, int]:
    order = {"actor": 0, "force": 1, "country": 2}[hit.kind]
    return (order + bool(hit.entry.get("modifier")) * 2, -hit.j)


def _chain(at: dict[int, list[Hit]], i: int) -> list[Hit]:
    """The head at `i` and the heads, names and adjectives that follow it without a gap."""
    chain: list[Hit] = []
    j = i
    while j in at:
        hit = min(at[j], key=_rank)
        if chain and hit.reading.prefix.startswith("و") and hit.j - hit.i >= 1:
            break  # «و» begins another member of a list
        if chain and hit.reading.prep:
            break
        chain.append(hit)
        j = hit.j
    return chain


def _party(chain: list[Hit], day: date | None) -> Party | None:
    head = chain[0]
    names = [h for h in chain if h.kind == "actor" or h.entry.get("actor")]
    heads = [h for h in chain if h.kind == "force" and not h.entry.get("modifier")]
    countries = [h for h in chain if h.kind == "country"]
    if head.entry.get("weak_singular") and head.form == "sg" and not names and not countries:
        return None
    if head.entry.get("plural_only") and head.form == "sg":
        return None
    country = str(countries[0].entry.get("country")) if countries else ""
    if names:
        name = names[0]
        cls, key = class_on(name.entry, day), str(name.entry.get("actor") or name.entry.id)
        country = country or str(name.entry.get("country") or "")
        span = (name.i, name.j)
        named = True
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
        head.reading.prep, len(head.reading.prefix) if not head.reading.article
        else max(0, len(head.reading.prefix) - 2),
        any(h.entry.get("equipment") for h in heads), any(h.form in ("pl", "dual") for h in heads),
        head.form == "capital",
    )  # fmt: skip


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
    skip = party.skip if party.name_i == party.i else 0
    start, _ = part_of(tokens[party.name_i], skip)
    end = tokens[party.name_j - 1].end
    return Role(text[start:end], start, end, party.id, party.cls, country=party.country)
