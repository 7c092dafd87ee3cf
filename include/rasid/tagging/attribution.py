"""Attribution: who says so, who claims it, who denies it. The speaker is no attacker."""

from __future__ import annotations

from rasid.arabic import fold
from rasid.tagging.actors import Party, role
from rasid.tagging.matcher import VERB_FORMS
from rasid.tagging.mention import Attribution, Span
from rasid.tagging.sentence import Sentence


_ORDER = ("claimed", "accused", "witness", "official", "media")
_RESPONSIBILITY = frozenset(
    fold(w)
    for w in [
        "مسؤوليتها",
        "مسؤوليته",
        "مسؤوليتهم",
        "صلتها",
        "صلته",
        "علاقتها",
        "علاقته",
        "تورطها",
        "تورطه",
        "ضلوعها",
    ]
)


def attribute(sentence: Sentence, text: str) -> Attribution:
    """The attribution that a sentence states for its events."""
    tokens, bodies = sentence.tokens, sentence.bodies
    cues = [h for h in sentence.of("speech") if h.entry.get("status")]
    if not cues:
        return Attribution()
    cue = min(cues, key=lambda h: _ORDER.index(str(h.entry.get("status"))))
    status = str(cue.entry.get("status"))
    speaker = None
    who = [p for p in bodies if abs(p.i - cue.j) <= 3 or abs(cue.i - p.j) <= 3]
    if status in ("claimed", "accused"):
        if cue.form in VERB_FORMS:
            who = [p for p in bodies if 0 <= p.i - cue.j <= 3] or who
        if who:
            found = role(who[0], tokens, text)
            speaker = Span(found.text, found.start, found.end)
    else:
        a, b = tokens[cue.i].start, tokens[cue.j - 1].end
        speaker = Span(text[a:b], a, b)
    claimed = tuple(role(p, tokens, text) for p in who[:1] if status == "claimed")
    denied: tuple[Party, ...] = ()
    denials = [h for h in sentence.of("modality") if h.entry.id == "mod.denied"]
    if denials and not _RESPONSIBILITY.isdisjoint(sentence.words):
        denied = tuple(p for p in bodies if 0 <= p.i - denials[0].j <= 3)[:1]
    return Attribution(status, speaker, claimed, tuple(role(p, tokens, text) for p in denied))
