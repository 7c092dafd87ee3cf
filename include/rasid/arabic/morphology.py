"""Morphology: lexicon stems as an ALMOR database that the real camel-tools Analyzer reads.

The compiler spells every inflected stem out; the database adds what attaches to it: conjunctions,
prepositions and the article before, pronouns after. A stem form is known by its category:

    N   takes article or pronoun     Nf  ends in ة: article, no pronoun    Nt  its ت-form: pronoun
    Nx  dual, sound plural, …: no pronoun        Nc  construct: no article, pronoun allowed
    Ni  indefinite accusative (…ا): neither      L   only with the article  X   word as it stands
    Vp  perfect   Vi  imperfect (may take سـ or لـ)
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from rasid.arabic.fold import agrees, fold


class Stem(NamedTuple):
    """One inflected form of one lexicon entry: `spelt` is how a careful writer spells it."""

    entry: str
    form: str  # past | pres | pass | pres_pass | sg | pl | dual | word
    category: str
    spelt: str


class Reading(NamedTuple):
    """One analysis of a surface type."""

    entry: str
    form: str
    prefix: str  # proclitics as written, folded
    prep: str  # ب, ل, ك or ""
    article: bool
    future: bool
    pronoun: str  # enclitic as written, or ""


_CONJUNCTIONS = ("", "و", "ف")
_NOUN_PRONOUNS = ("ه", "ها", "هم", "هما", "هن", "نا", "كم")
_VERB_PRONOUNS = ("ه", "ها", "هم", "هما", "هن", "نا")
_STEM_SUFFIXES = {
    "N": ("S0", "Sn"), "Nf": ("S0",), "Nt": ("Sn",), "Nx": ("S0",), "Nc": ("S0", "Sn"),
    "Ni": ("S0",), "L": ("S0",), "X": ("S0",), "Vp": ("S0", "Sv"), "Vi": ("S0", "Sv"),
}  # fmt: skip
_PREFIX_STEMS = {
    "Pn": ("N", "Nf", "Nt", "Nx", "Nc", "Ni", "X"),
    "Pa": ("N", "Nf", "Nx", "L"),
    "Pv": ("Vp", "Vi"),
    "Pi": ("Vi",),
}
_PREFIX_SUFFIXES = {"Pn": ("S0", "Sn"), "Pa": ("S0",), "Pv": ("S0", "Sv"), "Pi": ("S0", "Sv")}
_FEATURES = ("pos", "lex", "diac", "dom", "form", "pre", "prep", "art", "fut", "enc")


def _prefixes() -> Iterable[tuple[str, str, str]]:
    for c in _CONJUNCTIONS:
        for prep in ("", "ب", "ل", "ك"):
            yield c + prep, "Pn", f"pre:{c + prep or '-'} prep:{prep or '-'} art:-"
        for prep in ("", "ب", "ك"):
            yield c + prep + "ال", "Pa", f"pre:{c + prep}ال prep:{prep or '-'} art:1"
        yield c + "لل", "Pa", f"pre:{c}لل prep:ل art:1"
        yield c, "Pv", f"pre:{c or '-'}"
        yield c + "س", "Pi", f"pre:{c}س fut:1"
        yield c + "ل", "Pi", f"pre:{c}ل"


def write_database(stems: Iterable[Stem], path: Path) -> None:
    """Write the stems as an ALMOR database in camel-tools' format (tagging.md §6.1)."""
    lines = ["###DEFINES###"]
    lines += [f"DEFINE {name} {name}:*open*" for name in _FEATURES]
    lines += ["###DEFAULTS###"]
    rest = " ".join(f"{name}:-" for name in _FEATURES[1:])
    lines += [f"DEFAULT pos:{pos} {rest}" for pos in ("word", "digit", "punc", "latin")]
    lines += ["###ORDER###", "ORDER " + " ".join(_FEATURES)]
    lines += ["###TOKENIZATIONS###", "TOKENIZATION diac", "###STEMBACKOFF###", "###PREFIXES###"]
    lines += [f"{text}\t{category}\tdiac:{text} {feats}" for text, category, feats in _prefixes()]
    lines += ["###SUFFIXES###", "\tS0\tdiac: enc:-"]
    lines += [f"{p}\tSn\tdiac:{p} enc:{p}" for p in _NOUN_PRONOUNS]
    lines += [f"{p}\tSv\tdiac:{p} enc:{p}" for p in _VERB_PRONOUNS]
    lines += ["###STEMS###"]
    for stem in sorted(set(stems)):
        lines.append(
            f"{fold(stem.spelt)}\t{stem.category}\tpos:word lex:{stem.spelt} diac:{stem.spelt} "
            f"dom:{stem.entry} form:{stem.form} pre:- prep:- art:- fut:- enc:-"
        )
    lines += ["###TABLE AB###"]
    lines += [f"{p} {s}" for p, stems_ in _PREFIX_STEMS.items() for s in stems_]
    lines += ["###TABLE BC###"]
    lines += [f"{s} {x}" for s, suffixes in _STEM_SUFFIXES.items() for x in suffixes]
    lines += ["###TABLE AC###"]
    lines += [f"{p} {x}" for p, suffixes in _PREFIX_SUFFIXES.items() for x in suffixes]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _offline_catalogue(folder: Path) -> None:
    """Put our own catalogue where camel-tools looks, before it is imported.

    Without one it reaches for the network at import, and would keep a proxy's error page as its
    catalogue for ever (tagging.md §6).
    """
    path = folder / "catalogue.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        domain = {"domain": {"path": "morphology_db/domain"}}
        components = {"MorphologyDB": {"default": "domain", "datasets": domain}}
        catalogue = {"version": "1.6.0", "packages": {}, "components": components}
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(catalogue), encoding="utf-8")
        temporary.replace(path)
    os.environ["CAMELTOOLS_DATA"] = str(folder)


def _without_a_census_of_unicode() -> None:
    """Load the table of characters that camel-tools makes of all 1,114,112, for the first 65,536.

    It counts them out one by one at import: .45 s of every process that tags. The Analyzer needs
    the table to know punctuation, and is asked for Arabic words only.
    """
    name = "camel_tools.utils.charsets"
    spec = importlib.util.find_spec(name)
    if name in sys.modules or spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    module.range = lambda stop: range(min(stop, 0x10000))  # type: ignore[attr-defined]
    sys.modules[name] = module
    spec.loader.exec_module(module)


class Morphology:
    """Readings of surface types by the camel-tools Analyzer over one domain database."""

    def __init__(self, database: Path, camel_data: Path) -> None:
        _offline_catalogue(camel_data)
        _without_a_census_of_unicode()
        from camel_tools.morphology.analyzer import Analyzer  # noqa: PLC0415 (after the catalogue)
        from camel_tools.morphology.database import MorphologyDB  # noqa: PLC0415

        stored = MorphologyDB(str(database))
        # Words arrive folded: camel's own map would not know our letters.
        self._analyzer = Analyzer(stored, norm_map=_Identity())
        self._stems = frozenset(stored.stem_hash)

    def readings(self, letters: str, folded: str) -> tuple[Reading, ...]:
        """All readings of one type whose spelling the written letters may stand for."""
        if not self._may_be_known(folded):
            return ()
        found = []
        for analysis in self._analyzer.analyze(folded):
            prefix = _value(analysis["pre"])
            lexical = str(analysis["stem"])
            pronoun = _value(analysis["enc"])
            end = len(prefix) + len(lexical)
            # A written ة is no pronoun: مسلحة is not مسلح + ه.
            if letters[end:] == pronoun and agrees(letters[len(prefix) : end], lexical):
                found.append(
                    Reading(
                        analysis["dom"], analysis["form"], prefix, _value(analysis["prep"]),
                        analysis["art"] == "1", analysis["fut"] == "1", pronoun,
                    )
                )  # fmt: skip
        return tuple(dict.fromkeys(found))

    def _may_be_known(self, folded: str) -> bool:
        """Whether some stem lies between possible clitics: most words of news are not ours."""
        stems = self._stems
        for a in _PREFIX_LENGTHS:
            if a and folded[:a] not in _PREFIX_TEXTS:
                continue
            rest = folded[a:]
            if rest in stems:
                return True
            for z in _SUFFIX_LENGTHS:
                if len(rest) > z and rest[-z:] in _SUFFIX_TEXTS and rest[:-z] in stems:
                    return True
        return False


_PREFIX_TEXTS = frozenset(text for text, _, _ in _prefixes())
_PREFIX_LENGTHS = sorted({len(text) for text in _PREFIX_TEXTS} | {0})
_SUFFIX_TEXTS = frozenset((*_NOUN_PRONOUNS, *_VERB_PRONOUNS))
_SUFFIX_LENGTHS = sorted({len(text) for text in _SUFFIX_TEXTS})


class _Identity:
    def map_string(self, text: str) -> str:
        return text


def _value(feature: str) -> str:
    return "" if feature == "-" else feature
