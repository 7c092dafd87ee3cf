"""The analysts' lexicon: read from YAML, checked, compiled, loaded.

`compile_lexicon` writes three files that belong together: an ALMOR database of every inflected
form, the entries with the trie of phrases as JSON, and a manifest with the hash of the sources.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rasid.arabic import Stem, fold, letters, write_database
from rasid.errors import LexiconError
from rasid.settings import INCLUDE
from rasid.tagging import inflect


SOURCE = INCLUDE / "lexicon"
PLACES = INCLUDE / "places"

# What each file holds; the kind of its entries.
FILES = {
    "actors": "actor", "forces": "force", "countries": "country", "attack": "attack",
    "movement": "troop_movement", "modality": "modality", "attribution": "speech",
    "weapons": "weapon", "targets": "target", "negatives": "negative", "damage": "damage", "places": "place", "towns": "place",  # noqa: E501
}  # fmt: skip
# In the order of the model's outputs.
ATTACKER_CLASSES = (
    "militia",
    "pro_state_militia",
    "unattributed_armed",
    "state",
    "individual_criminal",
    "unknown",
)
MODALITIES = (
    "factual",
    "foiled",
    "threatened_planned",
    "demanded",
    "denied",
    "historical_background",
)
MOVEMENT_KINDS = (
    "deploy",
    "reinforce",
    "transit_convoy",
    "border_cross_incursion",
    "advance",
    "withdraw",
    "redeploy_reposition",
    "rotate",
    "mass_buildup",
    "mobilise_alert",
    "base_establish",
    "base_evacuate",
    "handover",
    "fighters_relocated",
)
ATTACK_SUBTYPES = frozenset(
    [
        "armed_assault",
        "clash",
        "rocket_shelling",
        "drone_attack",
        "ied_mine",
        "suicide_bombing",
        "grenade",
        "assassination",
        "abduction",
        "execution_sexual_torture",
        "maritime_attack",
        "storming_seizure",
    ]
)
TRIGGER_CLASSES = frozenset({"strong", "light", "weak", "phrase"})
_SHAPES = frozenset(
    {"verb", "passive", "noun", "adj", "word", "phrase", "names", "nisba", "capital"}
)
_FIELDS = _SHAPES | frozenset(
    [
        "id",
        "class",
        "name",
        "was",
        "country",
        "ambiguous",
        "subtype",
        "kind",
        "transitive",
        "target_subject",
        "agentless",
        "mutual",
        "result",
        "secondary",
        "arrest",
        "topic",
        "drill",
        "plain",
        "generic",
        "everyday",
        "person",
        "frame",
        "backward",
        "sure",
        "foils",
        "repels",
        "threatens",
        "claims",
        "needs",
        "object",
        "not_next",
        "not_prev",
        "examples",
        "counter_examples",
        "modality",
        "attempt",
        "particle",
        "hedge",
        "status",
        "air",
        "casualty",
        "target",
        "actor",
        "modifier",
        "equipment",
        "weak_singular",
        "plural_only",
        "precision",
        "lat",
        "lon",
        "geonameid",
        "in",
    ]
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its id, its kind (from the file), where it stands, and its fields."""

    id: str
    kind: str
    where: str  # file:line
    fields: Mapping[str, Any]

    def get(self, name: str, default: Any = None) -> Any:
        return self.fields.get(name, default)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was compiled: `hash` is stored on every tagged document."""

    hash: str
    entries: int
    stems: int
    phrases: int


@dataclass(frozen=True, slots=True)
class Lexicon:
    """A compiled lexicon: entries by id, the trie of phrases, fitted weights, the database."""

    entries: Mapping[str, Entry]
    trie: Mapping[str, Any]
    weights: Mapping[str, Any]
    manifest: Manifest
    database: Path


def read_entries(source: Path) -> list[Entry]:
    """All entries of the YAML files under `source` (and the places beside it), checked.

    Raises LexiconError naming file, line and remedy for the first thing that cannot be used.
    """
    entries: list[Entry] = []
    where: dict[str, str] = {}
    paths = sorted(source.glob("*.yaml"))
    if not paths:
        raise LexiconError(f"{source}: no *.yaml here. Point --lexicon at a folder with the files.")
    places = source.parent / "places"
    paths += sorted(places.glob("*.yaml")) if places.is_dir() else []
    for path in paths:
        kind = FILES.get(path.stem)
        if kind is None:
            continue  # weights and floors are read elsewhere
        for line, fields in read_items(path):
            at = f"{path.name}:{line}"
            entry = _checked(fields, kind, at)
            if entry.id in where:
                raise LexiconError(
                    f"{at}: the id {entry.id!r} is also at {where[entry.id]}. Rename one of them."
                )
            where[entry.id] = at
            entries.append(entry)
    return entries


def read_items(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The mappings of one file of entries, each with its line."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{mark.line + 1}" if mark else "?"
        raise LexiconError(
            f"{path.name}:{place}: this is no YAML ({getattr(error, 'problem', error)}). "
            "Mend the line; quote words that hold ': ' or begin with a sign."
        ) from None
    except UnicodeDecodeError as error:
        raise LexiconError(
            f"{path.name}:1: not UTF-8 ({error.reason}). Save it as UTF-8."
        ) from None
    if root is None:
        return
    if not isinstance(root, yaml.SequenceNode):
        raise LexiconError(f"{path.name}:1: a list of entries is expected. Begin each with '- '.")
    constructor = yaml.constructor.SafeConstructor()
    for node in root.value:
        line = int(node.start_mark.line) + 1
        if not isinstance(node, yaml.MappingNode):
            raise LexiconError(f"{path.name}:{line}: an entry must be 'field: value' pairs.")
        yield line, {str(k): v for k, v in constructor.construct_mapping(node, deep=True).items()}


def _checked(fields: dict[str, Any], kind: str, at: str) -> Entry:
    name = fields.get("id")
    if not isinstance(name, str) or not name or " " in name:
        raise LexiconError(f"{at}: an entry needs an id without spaces. Add 'id: …'.")
    unknown = set(fields) - _FIELDS
    if unknown:
        known = ", ".join(sorted(_FIELDS))
        raise LexiconError(f"{at}: {name}: unknown field {min(unknown)!r}. Known: {known}.")
    if not _SHAPES & set(fields):
        raise LexiconError(f"{at}: {name}: no words. Give verb, noun, adj, word, phrase or names.")
    for field, allowed in (
        (
            "class",
            TRIGGER_CLASSES
            if kind in ("attack", "troop_movement")
            else frozenset(ATTACKER_CLASSES),
        ),
        ("subtype", ATTACK_SUBTYPES),
        ("kind", frozenset(MOVEMENT_KINDS)),
        ("modality", frozenset(MODALITIES)),
    ):
        value = fields.get(field)
        if value not in (None, "") and value not in allowed:
            raise LexiconError(
                f"{at}: {name}: {field} is {value!r}; it must be one of {', '.join(sorted(allowed))}."  # noqa: E501
            )
    for field in ("verb", "passive"):
        for spec in _alternatives(fields.get(field)):
            if spec.count("~") != 1:
                raise LexiconError(
                    f"{at}: {name}: {field} {spec!r} needs perfect~imperfect, as شنّ~يشنّ."
                )
    for field in ("verb", "passive", "noun", "adj", "nisba"):
        for spec in _alternatives(fields.get(field)):
            if " " in spec:
                raise LexiconError(
                    f"{at}: {name}: {field} {spec!r} is more than one word. Use phrase or word."
                )
    return Entry(name, kind, at, fields)


def _alternatives(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list):
        return [str(item).strip() for item in value]
    return [part.strip() for part in str(value).split(" / ")]


class _Compiler:
    """Collects stems and phrases of the entries."""

    def __init__(self) -> None:
        self.stems: list[Stem] = []
        self.trie: dict[str, Any] = {}
        self.phrases = 0

    def add(self, entry: Entry) -> None:
        fields = entry.fields
        for spec in _alternatives(fields.get("verb")):
            self.stems += inflect.verb(entry.id, spec)
        for spec in _alternatives(fields.get("passive")):
            self.stems += inflect.verb(entry.id, spec, passive=True)
        for spec in _alternatives(fields.get("noun")):
            self.stems += inflect.noun(entry.id, spec)
        for spec in _alternatives(fields.get("adj")):
            self.stems += inflect.adjective(entry.id, spec)
        for spec in _alternatives(fields.get("nisba")):
            self.stems += inflect.adjective(entry.id, spec, "nisba")
        for word in _alternatives(fields.get("word")) + _alternatives(fields.get("names")):
            self.words(entry.id, word, "word")
        for name in _alternatives(fields.get("capital")):
            self.words(entry.id, name, "capital")
        if fields.get("phrase"):
            self.phrase(entry.id, fields["phrase"])

    def words(self, entry: str, text: str, form: str) -> None:
        """A name of one or more words: clitics on the first only, the others as they stand."""
        first, *others = text.split()
        if not others:
            self.stems.append(inflect.literal(entry, first, form))
            return
        head = "w:" + fold(letters(first)[0])
        self.stems.append(inflect.literal(head, first))
        self._insert(["l:" + head, *("t:" + fold(letters(w)[0]) for w in others)], entry, form)

    def phrase(self, entry: str, slots: list[str]) -> None:
        """One slot a word; each alternative of a slot may be inflected or fixed."""
        paths: list[list[str]] = [[]]
        for k, slot in enumerate(slots):
            edges: list[str] = []
            head = f"{entry}#{k}"
            for alternative in _alternatives(slot):
                if alternative.startswith("= "):
                    edges += self._fixed(alternative[2:].split(), head, first=k == 0)
                elif "~" in alternative:
                    self.stems += inflect.verb(head, alternative)
                else:
                    self.stems += inflect.noun(head, alternative)
                    if "|" not in alternative:
                        self.stems += inflect.adjective(head, alternative)
            edges.append("l:" + head)
            paths = [[*path, *edge.split("\t")] for path in paths for edge in edges]
        for path in paths:
            self._insert(path, entry, "phrase")

    def _fixed(self, words: list[str], head: str, *, first: bool) -> list[str]:
        if first:
            self.stems.append(inflect.literal(head, words[0]))
            rest = ["t:" + fold(letters(w)[0]) for w in words[1:]]
            return ["\t".join(["l:" + head, *rest])] if rest else []
        return ["\t".join("t:" + fold(letters(w)[0]) for w in words)]

    def _insert(self, path: list[str], entry: str, form: str) -> None:
        node = self.trie
        for edge in path:
            node = node.setdefault(edge, {})
        ends = node.setdefault("", [])
        if [entry, form] not in ends:
            ends.append([entry, form])
            self.phrases += 1


def stems_of(entry: Entry) -> list[Stem]:
    """Every inflected form that one entry adds to the database."""
    compiler = _Compiler()
    compiler.add(entry)
    return [stem for stem in compiler.stems if stem.entry == entry.id]


def source_hash(source: Path) -> str:
    """Hash over names and bytes of the YAML files that a compilation reads."""
    digest = hashlib.blake2b(digest_size=8)
    for folder in (source, source.parent / "places"):
        for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    digest.update(Path(inflect.__file__).read_bytes())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()


def compile_lexicon(source: Path, target: Path) -> Manifest:
    """Compile the YAML under `source` into the folder `target` (replaced as a whole)."""
    entries = read_entries(source)
    compiler = _Compiler()
    for entry in entries:
        compiler.add(entry)
    stems = {stem for stem in compiler.stems if len(stem.spelt) > 1}
    manifest = Manifest(source_hash(source), len(entries), len(stems), compiler.phrases)
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=".compiling-"))
    write_database(stems, folder / "morphology.db")
    weights = source / "weights.yaml"
    fitted = yaml.load(weights.read_bytes(), yaml.CSafeLoader) if weights.exists() else {}
    compiled = {
        "entries": [[e.id, e.kind, e.where, _jsonable(e.fields)] for e in entries],
        "trie": compiler.trie,
        "weights": fitted,
        "manifest": [manifest.hash, manifest.entries, manifest.stems, manifest.phrases],
    }
    (folder / "lexicon.json").write_text(json.dumps(compiled, ensure_ascii=False), "utf-8")
    _put(folder, target, manifest)
    return manifest


def _put(folder: Path, target: Path, manifest: Manifest) -> None:
    """Move a compiled folder to its place; who reads there meanwhile always finds a whole one."""
    try:
        folder.rename(target)
    except OSError:  # something is there: the same, from another process, or an older one
        compiled = target / "lexicon.json"
        if (
            compiled.exists()
            and json.loads(compiled.read_text("utf-8"))["manifest"][0] == manifest.hash
        ):
            shutil.rmtree(folder)
            return
        old = folder.with_suffix(".old")
        target.rename(old)
        folder.rename(target)
        shutil.rmtree(old)


def _jsonable(fields: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(fields, ensure_ascii=False, default=str))  # type: ignore[no-any-return]


def open_lexicon(source: Path, cache: Path) -> Lexicon:
    """The compiled form of `source`, compiled first unless the cache holds it already."""
    target = cache / "lexicon" / source_hash(source)
    if not (target / "lexicon.json").exists():
        compile_lexicon(source, target)
    data = json.loads((target / "lexicon.json").read_text("utf-8"))
    entries = {row[0]: Entry(*row) for row in data["entries"]}
    return Lexicon(
        entries,
        data["trie"],
        data["weights"],
        Manifest(*data["manifest"]),
        target / "morphology.db",
    )
