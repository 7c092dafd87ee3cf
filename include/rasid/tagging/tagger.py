"""The tagger: what the lexicon finds and what the model says are joined into mentions."""

from __future__ import annotations

import gc
import hashlib
import math

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from rasid.arabic import Morphology, folded
from rasid.settings import settings
from rasid.tagging.actors import Party
from rasid.tagging.combine import (
    Elsewhere,
    Head,
    class_features,
    kind_features,
    modality_features,
    presence,
    total,
)
from rasid.tagging.lexicon import SOURCE, Lexicon, open_lexicon
from rasid.tagging.matcher import Matcher
from rasid.tagging.mention import Mention
from rasid.tagging.reading import Candidate, Reader, Reading
from rasid.tagging.record import Decision, facts_of, record
from rasid.tagging.roles import SURE_AGENTS
from rasid.tagging.spans import Chooser, Option, heard_from
from rasid.tagging.triggers import TAGS
from rasid.tagging.verifier import MODEL, Verdict, Verifier


VERSION = "6"  # raised when the same lexicon would tag differently

# Below this share of the model no rule finds an event (one of 6,042 found on train, out of fold):
# its candidates are not even read.
VETO = 0.08
# From this share on it finds one although the words lack what the lexicon needs beside them: on
# 4,480 sentences of the corpus that it had not learnt, 53 of 64 such are events (.5: 55 of 73).
BELIEVED = 0.6

Says = Mapping[str, float]  # the model's probabilities for one sentence


class Asked(NamedTuple):
    """What the model says of a document; nothing without it."""

    verdict: Verdict | None = None
    says: Mapping[int, Says | None] = {}  # by the index of each sentence worth reading
    around: Elsewhere | None = None


class Stated(NamedTuple):
    """The candidates of one tag in one sentence, and how likely it states an event."""

    candidates: list[Candidate]
    tag: str
    score: float
    says: Says | None


class Tagger:
    """Tags documents; load it once per process with `load_tagger`."""

    def __init__(self, lexicon: Lexicon, matcher: Matcher, verifier: Verifier | None) -> None:
        self.lexicon = lexicon
        self.matcher = matcher
        self.verifier = verifier
        self.mode = "rules" if verifier is None else "joint"
        # Other words, other rules or another model: stored articles are then tagged by another one.
        model = "rules" if verifier is None else verifier.version
        self.version = f"{lexicon.manifest.hash}.{VERSION}.{model}"
        self._reader = Reader(lexicon, matcher)
        weights: Mapping[str, Any] = lexicon.weights
        self._presence = weights["presence"][self.mode]
        self._threshold = weights["thresholds"][self.mode]
        self._more = weights["thresholds"]["more"]
        self._chooser = Chooser(weights["roles"][self.mode])
        # Where a sentence states movements of several kinds, the model's answer is of one of them.
        self._own_kind = Head(weights["heads"]["rules"]["kind"])
        self._heads = {name: Head(w) for name, w in weights["heads"][self.mode].items()}

    def tag(
        self, text: str, *, title_end: int | None = None, published_at: datetime | None = None
    ) -> list[Mention]:
        """All mentions of `text` (title, line break, body) in order; [] for what is no Arabic.

        `title_end` is where the title ends (default: the end of the first line).
        """
        reading = self.read(text, title_end=title_end, published_at=published_at)
        asked = self._ask(reading)
        stated = [
            Stated(candidates, tag, self._score(candidates, says), says)
            for index, says in asked.says.items()
            for tag in TAGS
            for candidates in [_candidates(reading, index, tag, says)]
            if candidates
        ]
        # A document that states events says so plainly once; else it only nearly does, everywhere.
        margin = self._threshold["document"]
        if not any(s.score - self._threshold[s.tag] >= margin[s.tag] for s in stated):
            return []
        # Once: a text of a megabyte may have thousands of mentions.
        document = hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()
        found = [
            mention
            for s in stated
            if s.score >= self._threshold[s.tag]
            for mention in self._mentions(text, document, reading, s, asked)
        ]
        return sorted(found, key=lambda m: (m.start, m.end, m.tag))

    def read(
        self, text: str, *, title_end: int | None = None, published_at: datetime | None = None
    ) -> Reading:
        """What the lexicon finds in `text`, before anything is decided."""
        if title_end is None:
            title_end = max(0, text.find("\n"))
        return self._reader.read(text, title_end, published_at.date() if published_at else None)

    def _ask(self, reading: Reading) -> Asked:
        """What the model says of the sentences in which some word could be an event."""
        if self.verifier is None or not reading.triggers:
            return Asked(says=dict.fromkeys(reading.triggers))
        verdict = self.verifier.read(reading.sentences, list(reading.triggers), plausible=True)
        says = {k: verdict.says(k) for k in verdict.read}
        return Asked(verdict, says, Elsewhere(says))

    def _score(self, candidates: Sequence[Candidate], says: Says | None) -> float:
        """Log-odds that one of the candidates of a sentence states an event."""
        best = max(candidates, key=lambda c: c.score)
        weights = self._presence[best.trigger.entry.kind]
        return total(weights, presence(best, best.score, says))

    def _mentions(
        self,
        text: str,
        document: bytes,
        reading: Reading,
        stated: Stated,
        asked: Asked,
    ) -> Iterator[Mention]:
        """The mentions of one tag in one sentence."""
        sentence = stated.candidates[0].sentence
        around = asked.around.of(sentence.index) if asked.around is not None else {}
        facts = facts_of(sentence, text, [c.trigger for c in stated.candidates])
        heard = None
        if asked.verdict is not None:
            shares = asked.verdict.role_shares(sentence.index)
            heard = heard_from(shares, asked.verdict.role_weights, sentence)
        floor = min(max(c.score for c in stated.candidates), self._more[stated.tag])
        kept = without_repeats([(c.score, c) for c in stated.candidates if c.score >= floor])
        decided = [self._decide(reading, c, stated.score, stated.says, around) for c in kept]
        decided = _as_before(kept, decided)
        if len({c.trigger.entry.get("kind") for c in kept}) > 1:
            decided = [
                d._replace(kind=self._own_kind.choose(kind_features(c, None))[0])
                if stated.tag == "troop_movement"
                else d
                for c, d in zip(kept, decided, strict=True)
            ]
        classes = [decision.actor_class for decision in decided]
        roles = self._chooser.roles(list(zip(kept, classes, strict=True)), heard)
        for c, decision, own in zip(kept, decided, roles, strict=True):
            cls = _class_with(own.get("attackers", ()), c, decision.actor_class)
            yield record(
                text, c, decision._replace(actor_class=cls), facts,
                roles=own, document=document, lexicon_version=self.lexicon.manifest.hash,
            )  # fmt: skip

    def _decide(
        self,
        reading: Reading,
        candidate: Candidate,
        score: float,
        says: Says | None,
        around: Mapping[str, float],
    ) -> Decision:
        """Class of attacker or mover, kind and modality of one candidate."""
        frame = candidate.frame
        if candidate.trigger.entry.kind == "attack":
            # «هجوم شنه مسلحون»: who they were another sentence may say.
            known = frame.agent_rule in SURE_AGENTS and frame.agents[0].named
            cls = frame.agents[0].cls if known else ""
            if not cls:
                features = class_features(reading, candidate, says, around)
                cls, _ = self._heads["class"].choose(features)
            kind = attack_kind(candidate)
            head = self._heads["attack_modality"]
        else:
            cls = next((p.cls for p in frame.agents if p.cls), "") or "unknown"
            kind, _ = self._heads["kind"].choose(kind_features(candidate, says))
            head = self._heads["movement_modality"]
        ruling = candidate.ruling
        modality = ruling.modality
        if not ruling.sure:
            modality, _ = head.choose(modality_features(candidate, says))
        return Decision(
            cls, kind, modality, round(1 / (1 + math.exp(-score)), 4),
            tuple(self._evidence(candidate, modality, says)),
        )  # fmt: skip

    def _evidence(self, candidate: Candidate, modality: str, says: Says | None) -> Iterator[str]:
        """The rules that fired, heaviest first, and where model and rules disagree."""
        weights: Mapping[str, float] = self.lexicon.weights[candidate.trigger.kind]
        ranked = sorted(candidate.features, key=lambda f: -abs(weights.get(f, 0.0)))
        yield from (f"{f} {weights.get(f, 0.0):+.2f}" for f in ranked[:8])
        if not candidate.supported:
            yield "without what the lexicon needs beside it, by the model alone"
        yield f"modality by {candidate.ruling.rule}"
        if candidate.ruling.modality != modality:
            yield f"modality: rules say {candidate.ruling.modality}, combined {modality}"
        if says is not None:
            p = says["attack" if candidate.trigger.kind == "attack" else "movement"]
            yield f"model {p:.2f}"
            if (p >= 0.5) != (candidate.score >= 0):
                yield "model and rules disagree"


def _candidates(reading: Reading, index: int, tag: str, says: Says | None) -> list[Candidate]:
    """The candidates of one tag in the sentence `index` that are worth a decision."""
    share = 1.0 if says is None else says[tag.removeprefix("troop_")]
    if share < VETO:
        return []
    believed = says is not None and share >= BELIEVED
    return reading.of(index, tag) or (reading.doubtful(index, tag) if believed else [])


def _class_with(attackers: Sequence[Option], candidate: Candidate, decided: str) -> str:
    """The class of who attacks, once it is known which spans name the attackers."""
    if not attackers:
        return decided
    if _flown_by_a_state(candidate, attackers):
        return "state"
    # Of groups that the lexicon knows, of 32 sentences not learnt 23 are a militia's attack.
    known = [o.piece.known if o.piece is not None else None for o in attackers]
    militia = all(isinstance(p, Party) and p.named and p.cls == "militia" for p in known)
    return "militia" if militia and decided == "unattributed_armed" else decided


def _flown_by_a_state(candidate: Candidate, attackers: Sequence[Option]) -> bool:
    """Whether who attacks is said by a country's adjective beside its weapon: «مسيّرة إسرائيلية»."""
    sentence = candidate.sentence
    weapons = {h.j for h in sentence.of("weapon")}
    flown = [h for h in sentence.of("country") if h.form == "nisba" and h.i in weapons]
    return all(any(o.i <= h.i < o.j for h in flown) for o in attackers)


def _as_before(kept: Sequence[Candidate], decided: Sequence[Decision]) -> list[Decision]:
    """The decisions, those of a word said again with the article like the first of that word.

    «تشن الفصائل هجمات …، وتتهم واشنطن إيران بأنها وراء تلك الهجمات»: one event, one modality.
    """
    first: dict[str, Decision] = {}
    for c, decision in sorted(zip(kept, decided, strict=True), key=lambda pair: pair[0].trigger.i):
        first.setdefault(c.trigger.entry.id, decision)
    return [
        decision._replace(modality=first[c.trigger.entry.id].modality)
        if c.trigger.reading.article and not c.ruling.sure
        else decision
        for c, decision in zip(kept, decided, strict=True)
    ]


def attack_kind(candidate: Candidate) -> str:
    """The subtype: that of ship or weapon where the trigger leaves it open, else the trigger's."""
    entry, words = candidate.trigger.entry, candidate.sentence.words
    own = str(entry.get("subtype") or "armed_assault")
    if own not in _OPEN:
        return own
    if any(words[h.i].removeprefix("ال") in _SHIPS for h in candidate.frame.things):
        return "maritime_attack"
    weapons = [str(h.entry.get("subtype")) for h in candidate.frame.weapons]
    weapons = [kind for kind in weapons if kind != "None"]
    telling = next((kind for kind in _TELLING if kind in weapons), "")
    if telling:
        return telling
    # «اعترض صاروخاً»: what is shot down mostly is a drone, and by its name a rocket.
    open_by_word = own == "armed_assault" or entry.get("result") or entry.get("foils")
    return weapons[0] if open_by_word and weapons else own


# Subtypes that say how it looked from afar; a drone or a suicide bomber makes them another.
_OPEN = frozenset({"armed_assault", "rocket_shelling", "ied_mine", "drone_attack"})
_TELLING = ("drone_attack", "suicide_bombing", "grenade")
_SHIPS = folded("سفينة سفينتين سفن ناقلة ناقلات ناقلتي باخرة بواخر زورق قارب مدمرة فرقاطة")


def without_repeats(scored: Sequence[tuple[float, Candidate]]) -> list[Candidate]:
    """One candidate an event: where triggers share a word, the longer; secondary ones give way.

    Weapons, columns and claims (`secondary`), casualties (`result`), who repels or threatens tell
    of an event which another word names. `scored` are candidates of one tag with their scores.
    """
    kept: list[tuple[float, Candidate]] = []
    for score, c in sorted(scored, key=lambda s: (-(s[1].trigger.j - s[1].trigger.i), -s[0])):
        if all(c.trigger.j <= k.trigger.i or c.trigger.i >= k.trigger.j for _, k in kept):
            kept.append((score, c))
    primary = [c for _, c in kept if not _secondary(c)]
    for _, c in sorted(kept, key=lambda s: -s[0]):
        if _secondary(c) and not any(_tells_of(c, p) for p in primary):
            primary.append(c)
    return primary


def _secondary(c: Candidate) -> bool:
    trigger = c.trigger
    if trigger.form == "adj" or c.sentence.words[trigger.i] == _ACROSS:
        return True  # «خرج رتل … متجهاً إلى», «دخل … عبر معبر»
    return any(trigger.entry.get(name) for name in _SECONDARY)


_ACROSS = "عبر"  # a verb, and more often a preposition
_SECONDARY = ("secondary", "result", "repels", "threatens")


def _tells_of(c: Candidate, event: Candidate) -> bool:
    """Whether a secondary candidate tells of the event of another one."""
    entry, clauses, words = c.trigger.entry, c.sentence.clauses, c.sentence.words
    first, last = sorted((c.trigger.i, event.trigger.i))
    if entry.get("result") and not _BRINGS.isdisjoint(words[first:last]):
        return True  # «قُتل ثلاثة، بينهم ضابط، حين اجتاح مسلحون القاعدة»
    if (entry.get("repels") or entry.get("threatens")) and event.trigger.i < c.trigger.i:
        return False  # «تصدى لهجوم» is one event, «هاجم … فتصدى له» two
    if words[c.trigger.i] == _ACROSS and c.trigger.i < event.trigger.i:
        return False
    return abs(clauses[first] - clauses[last]) <= 1


# Between casualties and what brought them, however far.
_BRINGS = folded(
    "حين حينما عندما لدى جراء نتيجة إثر أسفر أسفرت أدى أدت أوقع أوقعت خلف خلفت ما مما أودى أودت"
)


def load_tagger(lexicon: Path | None = None, *, model: bool = True) -> Tagger:
    """A tagger over the lexicon folder (default: include/lexicon), compiled once and cached.

    Without the model file, or with `model=False`, the rules work alone.
    """
    cache = settings().cache
    collecting = gc.isenabled()
    gc.disable()  # what is loaded stays: to look for garbage in it would be a tenth of the start
    try:
        opened = open_lexicon(lexicon or SOURCE, cache)
        matcher = Matcher(opened, Morphology(opened.database, cache / "camel"))
        verifier = Verifier.load() if model and MODEL.exists() else None
    finally:
        if collecting:
            gc.enable()
    return Tagger(opened, matcher, verifier)
