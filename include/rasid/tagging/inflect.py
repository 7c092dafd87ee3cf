"""Every written form of a lexicon word, as stems for the morphological database.

Third-person verbs, and nouns and adjectives with number, construct and indefinite accusative;
clitics are the database's work (rasid.arabic.morphology).
"""

from __future__ import annotations

from collections.abc import Iterator

from rasid.arabic import Stem, letters


def noun(entry: str, spec: str, form: str = "") -> Iterator[Stem]:
    """Forms of `singular|plural|…`; `form` names them all where the entry wants it."""
    for k, word in enumerate(_plain(spec)):
        yield from _noun(entry, word, form or ("pl" if k else "sg"), duals=k == 0)


def adjective(entry: str, word: str, form: str = "adj") -> Iterator[Stem]:
    """Both genders, singular, dual and sound plural of a masculine adjective."""
    (base,) = _plain(word)
    for stem, category in (
        (base, "N"), (base + "ا", "Ni"), (base + "ة", "Nf"), (base + "ات", "N"),
        (base + "ون", "Nx"), (base + "ين", "Nx"), (base + "و", "Nc"), (base + "ي", "Nc"),
        (base + "ان", "Nx"), (base + "تان", "Nx"), (base + "تين", "Nx"),
    ):  # fmt: skip
        yield Stem(entry, form, category, stem)


def verb(entry: str, spec: str, *, passive: bool = False) -> Iterator[Stem]:
    """Third person (and first plural) of `perfect~imperfect`."""
    past, present = (letters(part.strip())[0] for part in spec.split("~"))
    form = "pass" if passive else "past"
    weak = past[-1] in "ىا"
    base = past[:-1] if weak else past
    yield Stem(entry, form, "Vp", past)
    endings = ("ت", "وا", "و", "ا", "تا") if weak else ("ت", "وا", "و", "ا", "تا", "نا")
    for ending in endings:
        yield Stem(entry, form, "Vp", base + ending)
    form = "pres_pass" if passive else "pres"
    rest = present[1:]
    short = rest[:-1] if rest[-1] in "ىيو" else rest
    for person in "يتن":
        yield Stem(entry, form, "Vi", person + rest)
        if short != rest and person != "ن":  # «نصف» is a half, not «(لم) نصفِّ»
            yield Stem(entry, form, "Vi", person + short)
            yield Stem(entry, form, "Vi", person + short + "ا")
    for person in "يت":
        for ending in ("ون", "وا", "و", "ان", "ا"):
            yield Stem(entry, form, "Vi", person + short + ending)


def literal(entry: str, word: str, form: str = "word") -> Stem:
    """A word as it stands: with its article when it has one, with prepositions before it."""
    plain = letters(word)[0]
    if plain.startswith("ال") and len(plain) > 4:
        return Stem(entry, form, "L", plain[2:])
    return Stem(entry, form, "X", plain)


def _plain(spec: str) -> list[str]:
    return [letters(part.strip())[0] for part in spec.split("|")]


def _noun(entry: str, word: str, form: str, *, duals: bool) -> Iterator[Stem]:
    if word.endswith(("ون", "ين")) and len(word) > 4:
        yield Stem(entry, form, "Nx", word)
        yield Stem(entry, form, "Nc", word[:-2] + ("و" if word.endswith("ون") else "ي"))
        return
    if word.endswith("ة"):
        stem = word[:-1] + "ت"
        yield Stem(entry, form, "Nf", word)
        yield Stem(entry, form, "Nt", stem)
        if duals:
            yield Stem(entry, "dual", "Nc", stem + "ا")
            yield Stem(entry, "dual", "Nc", stem + "ي")
    else:
        stem = word
        yield Stem(entry, form, "N", word)
        if not word.endswith(("ات", "اء", "ى", "ا")):
            yield Stem(entry, form, "Ni", word + "ا")
        if word.endswith("ى"):
            yield Stem(entry, form, "Nc", word[:-1] + "ا")
    if duals and not word.endswith(("ى", "ا")):
        yield Stem(entry, "dual", "Nx", stem + "ان")
        yield Stem(entry, "dual", "Nx", stem + "ين")
