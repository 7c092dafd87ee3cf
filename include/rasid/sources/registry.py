"""The feed registry: include/feeds.yaml, or the file named by RASID_FEEDS."""

from __future__ import annotations

import difflib
import re

from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import structlog
import yaml

from rasid.errors import FeedsFileError
from rasid.settings import settings
from rasid.web.urls import canonical_url, site, site_of


if TYPE_CHECKING:
    from pathlib import Path


log = structlog.get_logger()

POLICIES = ("respect", "licensed", "refuse")


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed of one outlet. Only `id`, `outlet` and `url` must be given.

    `policy`: "respect" obeys robots.txt and AI-use signals, "licensed" means the outlet allowed us
    (robots.txt is not asked), "refuse" means no request is ever made.
    """

    id: str
    outlet: str
    url: str
    country: str = ""
    language: str = "ar"
    newsroom: str = ""  # feeds of one newsroom are one independent source; default: the id
    topic: str = ""
    grade: str = ""  # how well the address is vouched for: A, B or C
    tier: int = 2  # 1 wire or national broadcaster, 2 outlet, 3 aggregator or opinion
    party_source: bool = False  # belongs to a state or a party to a conflict
    requires_attribution: bool = True
    cadence_minutes: int = 15
    min_interval: float = 5.0  # seconds between two requests to one host
    timeout: float = 30.0  # seconds for one answer
    hosts: tuple[str, ...] = ()  # further hosts its items may link to
    full_text: bool = False  # the article's body is in the feed itself
    ignore_validators: bool = False  # the server's 304 cannot be trusted
    timezone: str = "UTC"  # of dates that carry none
    policy: str = "respect"
    enabled: bool = True
    note: str = ""

    @property
    def respects_robots(self) -> bool:
        """Whether robots.txt has a say (see `policy`)."""
        return self.policy != "licensed"

    @property
    def sites(self) -> frozenset[str]:
        """Registrable domains that belong to the outlet: its feed's and those of `hosts`."""
        return frozenset({site_of(self.url), *map(site, self.hosts)})

    def owns(self, url: str) -> bool:
        """Whether `url` lies on one of the outlet's sites."""
        return site_of(url) in self.sites


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of the registry file: where, what, and how to mend it."""

    file: str
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}. {self.remedy}"


_REQUIRED = tuple(f.name for f in fields(Feed) if f.default is MISSING)
_TYPES: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "float": (int, float),
    "bool": bool,
    "str": str,
    "tuple[str, ...]": list,
}
_FIELDS = {f.name: _TYPES[str(f.type)] for f in fields(Feed)}
_WORDS = {int: "a whole number", (int, float): "a number", bool: "true or false", str: "text"}
_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,63}")
_BOUNDS = {
    "cadence_minutes": (1, 44_640),
    "min_interval": (0, 3_600),
    "timeout": (1, 300),
    "tier": (1, 3),
}


def load_feeds(path: Path) -> tuple[Feed, ...]:
    """All feeds of the registry; FeedsFileError lists every problem at once."""
    feeds, problems = read_registry(path)
    if problems:
        raise FeedsFileError("\n".join(map(str, problems)))
    return feeds


def read_registry(path: Path) -> tuple[tuple[Feed, ...], tuple[Problem, ...]]:
    """The usable feeds of the registry and the problems of the others."""
    name = path.name

    def fault(line: int, what: str, remedy: str) -> tuple[tuple[Feed, ...], tuple[Problem, ...]]:
        return (), (Problem(name, line, what, remedy),)

    try:
        root = yaml.compose(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
    except OSError as error:
        return fault(0, f"cannot be read ({error.strerror})", "Set RASID_FEEDS to a registry file.")
    except UnicodeDecodeError as error:
        return fault(0, f"is not UTF-8 (byte {error.start})", "Save it as UTF-8.")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        line = mark.line + 1 if mark else 0
        return fault(line, f"is not YAML: {what}", "Check indentation, colons and quotes there.")
    entries = _entries(root)
    if entries is None:
        return fault(1, "has no list of feeds", "Start it with `feeds:` and a list of entries.")
    feeds: dict[str, Feed] = {}
    problems: list[Problem] = []
    for node in entries:
        found = _check(node, name)
        if isinstance(found, Feed) and found.id in feeds:
            what = f"the id {found.id!r} is already taken"
            found = [Problem(name, _line(node), what, "Give each feed an id of its own.")]
        if isinstance(found, Feed):
            feeds[found.id] = found
        else:
            problems.extend(found)
    return tuple(feeds.values()), tuple(problems)


def usable_feeds() -> dict[str, Feed]:
    """The usable feeds of the registry in use, by id; FeedsFileError when it has none."""
    feeds, problems = read_registry(settings().feeds)
    if problems and not feeds:
        raise FeedsFileError("\n".join(map(str, problems)))
    for problem in problems:
        log.error("feed left out", problem=str(problem))
    return {feed.id: feed for feed in feeds}


def registry_schema() -> dict[str, Any]:
    """The registry's form as JSON Schema, for editors (include/feeds.schema.json)."""
    names = {int: "integer", (int, float): "number", bool: "boolean", str: "string", list: "array"}
    properties: dict[str, dict[str, Any]] = {}
    for field in fields(Feed):
        kind = _FIELDS[field.name]
        rule: dict[str, Any] = {"type": names[kind]}
        if kind is list:
            rule["items"] = {"type": "string"}
        if field.name in _BOUNDS:
            rule["minimum"], rule["maximum"] = _BOUNDS[field.name]
        if field.default is not MISSING and kind is not list:
            rule["default"] = field.default
        properties[field.name] = rule
    properties["id"]["pattern"] = f"^{_ID.pattern}$"
    properties["url"]["pattern"] = "^https?://"
    properties["policy"]["enum"] = list(POLICIES)
    entry = {
        "type": "object",
        "properties": properties,
        "required": list(_REQUIRED),
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rasid's feed registry",
        "type": "object",
        "properties": {"feeds": {"type": "array", "items": entry}},
        "required": ["feeds"],
    }


def _entries(root: yaml.Node | None) -> list[yaml.Node] | None:
    if isinstance(root, yaml.MappingNode):
        root = next((v for k, v in root.value if k.value == "feeds"), None)
    return root.value if isinstance(root, yaml.SequenceNode) else None


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _check(node: yaml.Node, file: str) -> Feed | list[Problem]:
    """The feed of one entry, or everything that is wrong with it."""
    if not isinstance(node, yaml.MappingNode):
        return [Problem(file, _line(node), "is no entry", "Write `- id: …` with its fields below.")]
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    seen: dict[str, int] = {}

    def fault(line: int, what: str, remedy: str) -> None:
        problems.append(Problem(file, line, what, remedy))

    for key_node, value_node in node.value:
        key, line = str(key_node.value), _line(key_node)
        if key in seen:
            fault(line, f"{key!r} is given twice", f"Keep one; the first is on line {seen[key]}.")
        seen[key] = line
        if key not in _FIELDS:
            close = difflib.get_close_matches(key, _FIELDS, n=1)
            remedy = f"Did you mean {close[0]!r}?" if close else "See docs/registry.md."
            fault(line, f"there is no field {key!r}", remedy)
            continue
        try:
            value = yaml.SafeLoader("").construct_object(value_node, deep=True)
        except yaml.YAMLError as error:
            fault(line, f"{key!r} cannot be read ({error.args[2]})", "Give a plain value.")
            continue
        kind = _FIELDS[key]
        if kind is list and isinstance(value, str):
            value = [value]
        wrong = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
        if wrong or (kind is list and not all(isinstance(v, str) for v in value)):
            fault(line, f"{key!r} is {value!r}", f"Give {_WORDS.get(kind, 'a list of texts')}.")
            continue
        values[key] = tuple(value) if kind is list else value
    label = values.get("id", "this entry")
    for key in _REQUIRED:
        if key not in seen or values.get(key) == "":
            fault(_line(node), f"{label} has no {key!r}", "Add it: id, outlet and url are needed.")
    problems.extend(
        Problem(file, seen.get(key, _line(node)), what, remedy)
        for key, what, remedy in _faults_of(values)
    )
    return problems or Feed(**{"newsroom": values["id"], **values})


def _faults_of(values: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(field, fault, remedy) of values that have the right type and are still unusable."""
    faults = []
    if values.get("id") and not _ID.fullmatch(values["id"]):
        remedy = "Use 2–64 small Latin letters, digits and hyphens."
        faults.append(("id", f"the id {values['id']!r} cannot be used", remedy))
    if values.get("url") and not canonical_url(values["url"]):
        faults.append(("url", f"{values['url']!r} is no http(s) address", "Give the whole URL."))
    if values.get("policy", "respect") not in POLICIES:
        faults.append(("policy", f"no policy {values['policy']!r}", f"One of {POLICIES}."))
    for key, (low, high) in _BOUNDS.items():
        if key in values and not low <= values[key] <= high:
            faults.append((key, f"{key!r} is {values[key]}", f"Give {low} to {high}."))
    try:
        ZoneInfo(values.get("timezone", "UTC"))
    except (ValueError, OSError, KeyError):
        faults.append(
            ("timezone", f"no timezone {values['timezone']!r}", "Name one as Asia/Baghdad.")
        )
    return faults
