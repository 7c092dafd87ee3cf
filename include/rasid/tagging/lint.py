"""What is doubtful in the lexicon, and what a word means to the tagger."""

from __future__ import annotations

import itertools

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rasid.arabic import Stem, agrees, fold, tokenize
from rasid.tagging.lexicon import SOURCE, Entry, read_entries, stems_of


if TYPE_CHECKING:
    from rasid.tagging.tagger import Tagger


COMMON = "common-words.txt"  # 2,000 folded words of Arabic news, the commonest first


@dataclass(frozen=True, slots=True)
class Problem:
    """One doubt: where, what, and what to do about it."""

    where: str
    what: str
    remedy: str


def lint_lexicon(source: Path = SOURCE, tagger: Tagger | None = None) -> list[Problem]:
    """Duplicates, spellings that fold alike, unknown ids, everyday words, examples that fail.

    Raises LexiconError for what cannot be compiled at all. Examples run only with a tagger.
    """
    entries = read_entries(source)
    by_id = {entry.id: entry for entry in entries}
    problems = [
        Problem(e.where, f"{e.id}: actor {e.get('actor')!r} is no id", "Name an id of actors.yaml.")
        for e in entries
        if e.get("actor") and e.get("actor") not in by_id
    ]
    problems += _ambiguous(entries)
    problems += _collisions(entries)
    problems += _everyday(entries, source / COMMON)
    if tagger is not None:
        problems += _examples(entries, tagger)
    return problems


def _ambiguous(entries: list[Entry]) -> list[Problem]:
    return [
        Problem(e.where, f"{e.id}: ambiguous name {name!r} is not among its names", "Mend either.")
        for e in entries
        for name in e.get("ambiguous") or ()
        if name not in (e.get("names") or ())
    ]


def _everyday(entries: list[Entry], common: Path) -> list[Problem]:
    """Strong triggers and actors' names that are among the commonest words of Arabic news.

    A trigger shows by a counter-example that it was thought of; a name is marked ambiguous.
    """
    words = frozenset(common.read_text("utf-8").split()) if common.exists() else frozenset()
    problems = []
    for e in entries:
        if e.kind == "actor":
            alone = {n for n in e.get("names") or () if fold(n) in words} - set(
                e.get("ambiguous") or ()
            )
            remedy = "Add it to ambiguous, or to plain where nothing else is called so."
            alone -= set(e.get("plain") or ())
        elif e.kind in ("attack", "troop_movement") and e.get("class") == "strong":
            alone = {s.spelt for s in stems_of(e) if fold(s.spelt) in words}
            if e.get("counter_examples") or e.get("not_next") or e.get("not_prev"):
                continue
            remedy = "Add a counter-example, or not_next, or make it weak."
        else:
            continue
        problems += [
            Problem(e.where, f"{e.id}: {name} is among the commonest words", remedy)
            for name in sorted(alone)
        ]
    return problems


def _collisions(entries: list[Entry]) -> list[Problem]:
    """Names and triggers of different entries of one kind that are written alike."""
    problems = []
    same: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    spelt: dict[str, dict[str, Entry]] = defaultdict(dict)
    for entry in entries:
        for name in entry.get("names") or ():
            same[entry.kind, fold(name)].append(entry)
        if entry.kind in ("attack", "troop_movement"):
            for stem in stems_of(entry):
                _note(stem, entry, spelt)
    for (kind, name), owners in same.items():
        if len(owners) > 1:
            ids = ", ".join(e.id for e in owners)
            problems.append(
                Problem(owners[1].where, f"{kind} name {name} belongs to {ids}", "Keep it at one.")
            )
    for folded, spellings in spelt.items():
        words = list(spellings)
        for a, b in itertools.pairwise(words):
            if spellings[a].id != spellings[b].id and not (agrees(a, b) or agrees(b, a)):
                problems.append(
                    Problem(
                        spellings[b].where,
                        f"{a} ({spellings[a].id}) and {b} ({spellings[b].id}) fold to {folded}",
                        "Only a writer's hamza tells them apart: check both in context.",
                    )
                )
    return problems


def _note(stem: Stem, entry: Entry, spelt: dict[str, dict[str, Entry]]) -> None:
    spelt[fold(stem.spelt)].setdefault(stem.spelt, entry)


def _examples(entries: list[Entry], tagger: Tagger) -> list[Problem]:
    problems = []
    for entry in entries:
        missed = [
            text
            for text in entry.get("examples") or ()
            if not any(m.tag == entry.kind for m in tagger.tag(text))
        ]
        fired = [text for text in entry.get("counter_examples") or () if tagger.tag(text)]
        problems += [
            Problem(entry.where, f"{entry.id}: {what}: {text}", "Mend it.")
            for what, texts in (
                ("example is not tagged", missed),
                ("counter-example is tagged", fired),
            )
            for text in texts
        ]
    return problems


@dataclass(frozen=True, slots=True)
class Meaning:
    """One thing that a word or phrase can be to the tagger."""

    text: str
    entry: str
    kind: str
    where: str
    form: str
    clitics: str


def explain_word(tagger: Tagger, words: str) -> list[Meaning]:
    """Every entry that `words` can be, with file and line, form and clitics; [] when unknown."""
    tokens = tokenize(words)
    return [
        Meaning(
            words[tokens[h.i].start : tokens[h.j - 1].end], h.entry.id, h.kind, h.entry.where,
            h.form, "+".join(filter(None, (h.reading.prefix, h.reading.pronoun))),
        )
        for h in tagger.matcher.hits([t.text for t in tokens])
    ]  # fmt: skip
