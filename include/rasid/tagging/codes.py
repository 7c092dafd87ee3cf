"""Codes of other schemes, derived from a mention (ACLED codebook, PLOVER and CAMEO manuals)."""

from __future__ import annotations

from typing import NamedTuple


class Codes(NamedTuple):
    """ACLED sub-event, PLOVER category and mode, CAMEO code; "" where a scheme has none."""

    acled: str
    plover: str
    mode: str
    cameo: str


_CLASH = "Armed clash"
_ATTACK = "Attack"
_SHELLING = "Shelling/artillery/missile attack"
_GROUP = "Change to group/activity"
_TRANSFER = "Non-violent transfer of territory"
ATTACKS = {
    "armed_assault": Codes(_ATTACK, "ASSAULT", "firearms", "190"),
    "clash": Codes(_CLASH, "ASSAULT", "firearms", "190"),
    "rocket_shelling": Codes(_SHELLING, "ASSAULT", "heavy-weapons", "194"),
    "drone_attack": Codes("Air/drone strike", "ASSAULT", "drone", "195"),
    "ied_mine": Codes("Remote explosive/landmine/IED", "ASSAULT", "explosives", "183"),
    "suicide_bombing": Codes("Suicide bomb", "ASSAULT", "suicide-attack", "1831"),
    "grenade": Codes("Grenade", "ASSAULT", "explosives", "183"),
    "assassination": Codes(_ATTACK, "ASSAULT", "targeted", "186"),
    "abduction": Codes("Abduction/forced disappearance", "ASSAULT", "abduct", "181"),
    "execution_sexual_torture": Codes(_ATTACK, "ASSAULT", "torture", "182"),
    "maritime_attack": Codes(_ATTACK, "ASSAULT", "heavy-weapons", "190"),
    "storming_seizure": Codes(_CLASH, "COERCE", "seize", "192"),
}
MOVEMENTS = {
    "deploy": Codes(_GROUP, "MOBILIZE", "troops", "154"),
    "reinforce": Codes(_GROUP, "MOBILIZE", "troops", "154"),
    "transit_convoy": Codes(_GROUP, "MOBILIZE", "troops", "154"),
    "border_cross_incursion": Codes(_GROUP, "MOBILIZE", "troops", "154"),
    "advance": Codes(_CLASH, "ASSAULT", "", "190"),
    "withdraw": Codes(_GROUP, "RETREAT", "withdraw", "0874"),
    "redeploy_reposition": Codes(_GROUP, "MOBILIZE", "troops", "154"),
    "rotate": Codes(_GROUP, "MOBILIZE", "troops", ""),
    "mass_buildup": Codes(_GROUP, "MOBILIZE", "troops", "154"),
    "mobilise_alert": Codes(_GROUP, "MOBILIZE", "troops", "154"),
    "base_establish": Codes("Headquarters or base established", "MOBILIZE", "troops", "154"),
    "base_evacuate": Codes(_GROUP, "RETREAT", "withdraw", "0874"),
    "handover": Codes(_TRANSFER, "RETREAT", "withdraw", "0874"),
    "fighters_relocated": Codes("Agreement", "RETREAT", "withdraw", "0874"),
}


def codes(tag: str, kind: str, modality: str, *, armed_target: bool, air: bool) -> Codes:
    """The codes of one mention.

    Foiled attacks are ACLED's disrupted weapons use; threats have no ACLED code; a demand is a
    request to yield; what both sides fight is a clash; an aircraft makes a strike of shelling.
    """
    own = (ATTACKS if tag == "attack" else MOVEMENTS).get(kind, Codes("", "", "", ""))
    if tag == "attack":
        if modality == "foiled":
            return Codes("Disrupted weapons use", "", "", own.cameo)
        if modality == "threatened_planned":
            return Codes("", "THREATEN", "violence", "138")
        if modality == "demanded":
            return Codes("", "REQUEST", "yield", "1056")
        if kind == "armed_assault" and armed_target:
            return own._replace(acled=_CLASH)
        if kind == "rocket_shelling" and air:
            return Codes("Air/drone strike", "ASSAULT", "heavy-weapons", "195")
        return own
    if modality == "threatened_planned" and own.plover == "RETREAT":
        return own._replace(plover="CONCEDE")  # PLOVER: an announced withdrawal concedes
    if modality == "demanded":
        return Codes("", "REQUEST", "yield", "1056")
    return own
