"""Derived codes: the tables of the design page, row by row."""

from __future__ import annotations

import pytest

from rasid.tagging.codes import ATTACKS, MOVEMENTS, codes
from rasid.tagging.lexicon import ATTACK_SUBTYPES, MOVEMENT_KINDS


# Subtype → ACLED sub-event, PLOVER category and mode, CAMEO (design/tagging.md §3.1).
ATTACK_ROWS = [
    ("armed_assault", "Attack", "ASSAULT", "firearms", "190"),
    ("clash", "Armed clash", "ASSAULT", "firearms", "190"),
    ("rocket_shelling", "Shelling/artillery/missile attack", "ASSAULT", "heavy-weapons", "194"),
    ("drone_attack", "Air/drone strike", "ASSAULT", "drone", "195"),
    ("ied_mine", "Remote explosive/landmine/IED", "ASSAULT", "explosives", "183"),
    ("suicide_bombing", "Suicide bomb", "ASSAULT", "suicide-attack", "1831"),
    ("grenade", "Grenade", "ASSAULT", "explosives", "183"),
    ("assassination", "Attack", "ASSAULT", "targeted", "186"),
    ("abduction", "Abduction/forced disappearance", "ASSAULT", "abduct", "181"),
    ("execution_sexual_torture", "Attack", "ASSAULT", "torture", "182"),
    ("maritime_attack", "Attack", "ASSAULT", "heavy-weapons", "190"),
    ("storming_seizure", "Armed clash", "COERCE", "seize", "192"),
]
# Kind → the same (design/tagging.md §3.2).
MOVEMENT_ROWS = [
    ("deploy", "Change to group/activity", "MOBILIZE", "troops", "154"),
    ("reinforce", "Change to group/activity", "MOBILIZE", "troops", "154"),
    ("transit_convoy", "Change to group/activity", "MOBILIZE", "troops", "154"),
    ("border_cross_incursion", "Change to group/activity", "MOBILIZE", "troops", "154"),
    ("advance", "Armed clash", "ASSAULT", "", "190"),
    ("withdraw", "Change to group/activity", "RETREAT", "withdraw", "0874"),
    ("redeploy_reposition", "Change to group/activity", "MOBILIZE", "troops", "154"),
    ("rotate", "Change to group/activity", "MOBILIZE", "troops", ""),
    ("mass_buildup", "Change to group/activity", "MOBILIZE", "troops", "154"),
    ("mobilise_alert", "Change to group/activity", "MOBILIZE", "troops", "154"),
    ("base_establish", "Headquarters or base established", "MOBILIZE", "troops", "154"),
    ("base_evacuate", "Change to group/activity", "RETREAT", "withdraw", "0874"),
    ("handover", "Non-violent transfer of territory", "RETREAT", "withdraw", "0874"),
    ("fighters_relocated", "Agreement", "RETREAT", "withdraw", "0874"),
]


@pytest.mark.parametrize("row", ATTACK_ROWS, ids=lambda row: row[0])
def test_an_attack_that_happened(row):
    for modality in ("factual", "historical_background", "denied"):
        assert codes("attack", row[0], modality, armed_target=False, air=False) == row[1:]


@pytest.mark.parametrize("row", MOVEMENT_ROWS, ids=lambda row: row[0])
def test_a_movement_that_happened(row):
    for modality in ("factual", "historical_background", "denied", "foiled"):
        assert codes("troop_movement", row[0], modality, armed_target=False, air=False) == row[1:]


def test_the_tables_hold_every_subtype_and_kind():
    assert {row[0] for row in ATTACK_ROWS} == set(ATTACKS) == ATTACK_SUBTYPES
    assert {row[0] for row in MOVEMENT_ROWS} == set(MOVEMENTS) == set(MOVEMENT_KINDS)


@pytest.mark.parametrize("subtype", sorted(ATTACK_SUBTYPES))
def test_a_foiled_threatened_or_demanded_attack(subtype):
    def of(modality):
        return codes("attack", subtype, modality, armed_target=False, air=False)

    own = of("factual")
    assert of("foiled") == ("Disrupted weapons use", "", "", own.cameo)
    assert of("threatened_planned") == ("", "THREATEN", "violence", "138")
    assert of("demanded") == ("", "REQUEST", "yield", "1056")


@pytest.mark.parametrize("kind", sorted(MOVEMENT_KINDS))
def test_a_planned_or_demanded_movement(kind):
    def of(modality):
        return codes("troop_movement", kind, modality, armed_target=False, air=False)

    own = of("factual")
    conceded = own._replace(plover="CONCEDE") if own.plover == "RETREAT" else own
    assert of("threatened_planned") == conceded
    assert of("demanded") == ("", "REQUEST", "yield", "1056")


def test_an_assault_on_an_armed_side_is_a_clash():
    found = codes("attack", "armed_assault", "factual", armed_target=True, air=False)
    assert found.acled == "Armed clash"


def test_shelling_from_the_air_is_a_strike():
    found = codes("attack", "rocket_shelling", "factual", armed_target=False, air=True)
    assert found == ("Air/drone strike", "ASSAULT", "heavy-weapons", "195")
