"""The Arabic analysis of the indices, generated into include/elasticsearch/arabic.json.

The stock `arabic` analyzer turns Lebanon into yoghurt and cuts the first syllable off Germany
(search.md §2.1). The chain here: one char filter that offsets survive, stop words *before*
normalization (the list knows على only as it is written), overrides before the light stemmer.

The overrides are the forms of the words of include/elasticsearch/words.yaml and of the gazetteer's
names that the stemmer would not bring together by itself, with the proclitics that Arabic writes
onto them. The synonyms are the sure names of an armed actor or a place, and those of words.yaml.

`python -m rasid.search.analysis` writes the file; a test fails when it is out of date.
"""

from __future__ import annotations

import json
import re
import unicodedata

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from rasid.settings import INCLUDE


FILE = INCLUDE / "elasticsearch" / "arabic.json"
WORDS = INCLUDE / "elasticsearch" / "words.yaml"
PLACES = INCLUDE / "places" / "places.yaml"
TOWNS = INCLUDE / "places" / "towns.yaml"
ACTORS = INCLUDE / "lexicon" / "actors.yaml"
COMMON_WORDS = INCLUDE / "lexicon" / "common-words.txt"
SHORTEST_NAME = 4  # letters: «لصور» is as often pictures as Tyre

# What is written onto a word: conjunctions and prepositions, alone and before the article.
_BARE = ("", "و", "ف", "ب", "ل", "ك", "وب", "ول")
_WITH_ARTICLE = ("ال", "وال", "بال", "كال", "فال", "لل", "وبال", "ولل")
# Lucene's ArabicStemmer: at most one prefix, then every suffix that fits.
_PREFIXES = ("ال", "وال", "بال", "كال", "فال", "لل", "و")
_SUFFIXES = ("ها", "ان", "ات", "ون", "ين", "يه", "ية", "ه", "ة", "ي")
_NISBA = ("", "ة", "ون", "ين", "ات", "ا")

_STOP_WORDS = frozenset({"في", "من", "على", "عن", "إلى", "مع", "بين"})  # those that names hold

# Invisible or decorative: the word is the same without them.
_DROPPED = (
    *(0x00AD, 0x061C, 0x200B, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF),  # joiners, marks, BOM
    *range(0x202A, 0x202F),  # bidi embeddings and overrides
    *range(0x2066, 0x206A),  # bidi isolates
    *range(0x0610, 0x061B),  # honorifics above letters
    *(0x0640, 0x066C, 0x0670),  # tatweel, thousands separator, superscript alef
    *range(0x064B, 0x0660),  # harakat, combining madda and hamza
    *range(0x06D6, 0x06DD),  # Quranic marks
    *range(0x06DF, 0x06E5),
    *(0x06E7, 0x06E8),
    *range(0x06EA, 0x06EE),
)
_FOLDED = {
    "\u200c": " ",  # ZWNJ separates
    "_": " ",  # hashtags
    "\u00a0": " ",
    "\u066b": ".",  # decimal separator
    "ٱ": "ا",
    "ی": "ي",  # Farsi yeh
    "ے": "ي",
    "ک": "ك",  # keheh
    "ڪ": "ك",
    "ہ": "ه",
    "ە": "ه",
    "ۀ": "ه",
    "ھ": "ه",
    "و\u0654": "ؤ",  # decomposed; longest match wins over dropping the combining hamza
    "ي\u0654": "ئ",
}


def char_rules() -> list[str]:
    r"""The rules of the char filter `ar_clean`, in the server's `\uXXXX=>\uXXXX` syntax."""
    table = {chr(code): "" for code in _DROPPED} | _FOLDED
    for code in (*range(0xFB50, 0xFE00), *range(0xFE70, 0xFEFD)):
        letters = unicodedata.normalize("NFKC", chr(code))
        # Isolated harakat decompose to a space and the mark: all of it goes.
        if letters != chr(code):
            table[chr(code)] = "".join(table.get(letter, letter) for letter in letters.strip())
    return [f"{_escaped(old)}=>{_escaped(new)}" for old, new in sorted(table.items())]


def overrides() -> dict[str, str]:
    """Normalised forms and their stems, only where the stemmer itself would say otherwise."""
    words = yaml.safe_load(WORDS.read_text("utf-8"))
    radical = tuple(words["radical"])
    table: dict[str, str] = {}
    for line in words["families"].splitlines():
        forms = [normalise(form) for form in line.split()]
        _add(table, stem(forms[0]), forms, radical)
    for line in words["whole"].splitlines():
        forms = [normalise(form) for form in line.split()]
        _add(table, forms[0], forms, radical)
    for line in words["countries"].splitlines():
        name, *others = (normalise(form) for form in line.split())
        people = [o + normalise(end) for o in others if o.endswith("ي") for end in _NISBA]
        _add(table, name, [name, *others, *people], radical)
    for name in _places():
        _add(table, name if name.startswith(radical) else name.removeprefix("ال"), [name], radical)
    return {form: to for form, to in table.items() if stem(form) != to}


def synonyms() -> list[str]:
    """Rules of the filter `ar_synonyms`."""
    groups = yaml.safe_load(WORDS.read_text("utf-8"))["synonyms"]
    groups += [_sure_names(entry) for entry in _entries(ACTORS)]
    # «جنوب دارفور» is a part of «دارفور» and no other name of it.
    groups += [_apart(_sure_names(entry)) for entry in _entries(PLACES)]
    return [", ".join(group) for group in groups if len(group) > 1]


def normalise(word: str) -> str:
    """As `arabic_normalization` leaves it, for words without marks."""
    return re.sub("[أإآ]", "ا", word).replace("ى", "ي").replace("ة", "ه")


def stem(word: str) -> str:
    """What the server's light stemmer makes of a normalised word (Lucene's ArabicStemmer)."""
    for prefix in _PREFIXES:
        shortest = 4 if len(prefix) == 1 else len(prefix) + 2
        if word.startswith(prefix) and len(word) >= shortest:
            word = word[len(prefix) :]
            break
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) >= len(suffix) + 2:
            word = word[: -len(suffix)]
    return word


def _entries(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load(file.read_text("utf-8")))


def _sure_names(entry: dict[str, Any]) -> list[str]:
    """The names that mean this actor or place wherever they stand.

    Without those that hold a stop word: the server takes no rule with one.
    """
    return [
        name
        for name in entry["names"]
        if name not in entry.get("ambiguous", ()) and _STOP_WORDS.isdisjoint(name.split())
    ]


def _apart(names: list[str]) -> list[str]:
    """Those that no other of the names is a part of."""
    return [name for name in names if not any(o in name for o in names if o != name)]


def _places() -> Iterator[str]:
    """Normalised names of one word, no common words as well, of the countries we have fronts in."""
    common = set(COMMON_WORDS.read_text("utf-8").split())
    places = _entries(PLACES)
    ours = {place.get("country") for place in places} - {None}
    for entry in (*places, *(town for town in _entries(TOWNS) if town.get("country") in ours)):
        for name in map(normalise, _sure_names(entry)):
            if " " not in name and len(name) >= SHORTEST_NAME and name not in common:
                yield name


def _add(table: dict[str, str], to: str, forms: list[str], radical: tuple[str, ...]) -> None:
    for form in forms:
        for written in _with_proclitics(form, radical):
            table.setdefault(written, to)


def _with_proclitics(word: str, radical: tuple[str, ...]) -> Iterator[str]:
    if word.startswith("ال") and not word.startswith(
        radical
    ):  # it carries its article: القاهره, للقاهره
        rest = word[2:]
        yield from (before + word for before in ("", "و", "ف", "ب", "ك", "وب"))
        yield from (before + rest for before in ("لل", "ولل"))
        return
    yield from (before + word for before in _BARE)
    # ل + ال + لجنة is written للجنة: never three ل in a row.
    rest = word.removeprefix("ل")
    yield from (b + (rest if b.endswith("لل") else word) for b in _WITH_ARTICLE)


def arabic_analysis() -> dict[str, Any]:
    """Body of the component template `rasid-arabic`."""
    normal = ["lowercase", "decimal_digit"]
    chain = {"type": "custom", "char_filter": ["ar_clean"], "tokenizer": "standard"}
    before = [*normal, "ar_stop", "arabic_normalization"]
    after = ["ar_overrides", "ar_stemmer"]
    analysis = {
        "char_filter": {"ar_clean": {"type": "mapping", "mappings": char_rules()}},
        "filter": {
            "ar_stop": {"type": "stop", "stopwords": "_arabic_"},
            "ar_synonyms": {"type": "synonym_graph", "synonyms": synonyms()},
            "ar_overrides": {
                "type": "stemmer_override",
                "rules": [f"{form} => {to}" for form, to in sorted(overrides().items())],
            },
            "ar_stemmer": {"type": "stemmer", "language": "arabic"},
            # و ف ب ك ل before a word of three letters or more: noisy, for a low boost only.
            "ar_clitics": {
                "type": "pattern_capture",
                "preserve_original": True,
                "patterns": ["^[وف]?[بكل]?(?:ال)?(\\p{L}{3,})$"],
            },
        },
        "normalizer": {
            "ar_keyword": {
                "type": "custom",
                "char_filter": ["ar_clean"],
                "filter": [*normal, "arabic_normalization"],
            }
        },
        "analyzer": {
            "ar_index": {**chain, "filter": [*before, *after]},
            "ar_search": {**chain, "filter": [*before, "ar_synonyms", *after]},
            "ar_exact": {**chain, "filter": [*normal, "arabic_normalization"]},
            "ar_recall": {**chain, "filter": [*normal, "arabic_normalization", "ar_clitics"]},
        },
    }
    return {
        "_meta": {"about": "Generated by python -m rasid.search.analysis; do not edit."},
        "template": {"settings": {"index": {"analysis": analysis}}},
    }


def rendered() -> str:
    """The file's text."""
    return json.dumps(arabic_analysis(), ensure_ascii=False, indent=1) + "\n"


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(letter):04X}" for letter in text)


if __name__ == "__main__":
    FILE.write_text(rendered(), "utf-8")
