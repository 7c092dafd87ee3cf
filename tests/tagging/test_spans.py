"""Options of roles: what rules and model see, merged, cleaned, described, chosen."""

from __future__ import annotations

import numpy as np
import pytest

from rasid.tagging import load_tagger
from rasid.tagging.combine import logits
from rasid.tagging.pieces import pieces
from rasid.tagging.spans import (
    ROLES_OF,
    Chooser,
    Heard,
    bounds,
    cleaned,
    heard_from,
    options,
    span_features,
)
from rasid.tagging.verifier import ROLES, RoleSpan


@pytest.fixture(scope="module")
def candidate():
    reader = load_tagger(model=False)

    def read(text, word, tag="attack"):
        return next(
            c
            for c in reader.read(text).candidates
            if c.trigger.kind == tag and c.sentence.tokens[c.trigger.i].text == word
        )

    return read


def rules_of(candidate, name):
    words = candidate.sentence.words
    return {" ".join(words[p.i : p.j]): p.rule for p in pieces(candidate, name)}


def heard(candidate, **spans):
    n = len(candidate.sentence.tokens)
    shares = {name: np.zeros(n) for name in ROLES}
    for name, own in spans.items():
        for span in own:
            shares[name][span.i : span.j] = span.probability
    return Heard(spans, {name: logits(own).tolist() for name, own in shares.items()})


def test_who_foils_an_attack_is_a_defender(candidate):
    c = candidate("تصدى الجيش السوري لهجوم شنه مسلحون على المطار", "لهجوم")
    assert rules_of(c, "attackers")["الجيش السوري"] == "defender"


def test_who_is_foiled_has_the_attack(candidate):
    c = candidate("إسقاط طائرة مسيرة لحزب الله قرب الحدود", "إسقاط")
    assert rules_of(c, "attackers")["لحزب الله"] == "agent:foiled"


def test_what_and_joins_to_an_agent_acts_with_it(candidate):
    c = candidate("هاجم مسلحو حركة الشباب وتنظيم القاعدة قاعدة للجيش", "هاجم")
    rules = list(rules_of(c, "attackers").values())
    assert rules[:2] == ["agent:subject", "agent:subject:further"]


def test_who_accuses_is_no_attacker_by_rule(candidate):
    c = candidate("الحوثيون يتهمون السعودية بقصف صعدة", "بقصف")
    assert rules_of(c, "attackers")["الحوثيون"] == "accuser"


def test_a_place_that_only_says_where_another_lies_is_a_neighbour(candidate):
    c = candidate("قصف الجيش قرية مارع القريبة من اعزاز", "قصف")
    assert set(rules_of(c, "places").values()) == {"place", "neighbour"}


def test_an_end_of_a_movement_may_be_a_noun_that_no_list_knows(candidate):
    c = candidate("انسحب الجنود من مواضعهم إلى خطوط دفاع محصنة", "انسحب", "troop_movement")
    assert rules_of(c, "from") == {"مواضعهم": "phrase:from", "خطوط دفاع محصنه": "phrase:to"}


def test_such_a_noun_is_asked_about_only_where_the_model_nods(candidate):
    c = candidate("انسحب الجنود من مواضعهم", "انسحب", "troop_movement")
    for share, offered in ((0.01, []), (0.4, [(3, 4)])):
        said = heard(c, **{"from": [RoleSpan(3, 4, share)]})._replace(spans={})
        assert [(o.i, o.j) for o in options("from", pieces(c, "from"), said)] == offered


def test_both_that_see_a_span_make_one_option(candidate):
    c = candidate("هاجم مسلحون حاجزا للجيش شرق المدينة", "هاجم")
    known = pieces(c, "attackers")
    both = options("attackers", known, heard(c, attackers=[RoleSpan(1, 2, 0.9)]))
    assert len(both) == len(known)
    assert next(o for o in both if o.i == 1).span is not None


def test_of_places_the_head_belongs_to_the_span(candidate):
    c = candidate("قصف الجيش قرية مارع في ريف حلب", "قصف")
    found = options("places", pieces(c, "places"), heard(c, places=[RoleSpan(3, 4, 0.9)]))
    assert (found[0].i, found[0].j) == (2, 4)


def test_edges_of_the_models_spans_are_cleaned(candidate):
    c = candidate('قصف الجيش "كتائب النصر" قرب المدينة', "قصف")
    spans = [RoleSpan(2, 4, 0.9), RoleSpan(4, 6, 0.8), RoleSpan(6, 7, 0.5)]
    assert cleaned("attackers", spans, c.sentence) == [RoleSpan(3, 5, 0.9)]


def test_no_name_is_a_number_or_ends_in_a_preposition(candidate):
    c = candidate("خطف مسلحون خمسة بحارة قرب ميناء عدن في سفينة", "خطف")
    spans = [RoleSpan(2, 3, 0.6), RoleSpan(3, 5, 0.9), RoleSpan(8, 9, 0.7)]
    assert cleaned("targets", spans, c.sentence) == [RoleSpan(3, 4, 0.9), RoleSpan(8, 9, 0.7)]


def test_the_model_is_heard_where_it_half_believes_a_span(candidate):
    c = candidate("هاجم مسلحون حاجزا للجيش شرق المدينة", "هاجم")
    shares = np.tile(np.array([0.7, 0.3, 0.0], np.float32), (6, len(ROLES), 1))
    found = heard_from(shares, np.ones(len(ROLES), np.float32), c.sentence).spans
    assert found["attackers"]
    assert not found["weapons"]  # of these it offers enough by itself
    found = heard_from(shares, np.full(len(ROLES), 0.5, np.float32), c.sentence).spans
    assert found["attackers"] == []


def test_an_option_is_described_beside_its_rivals(candidate):
    c = candidate("هاجم مسلحون من القبيلة حاجزا للجيش شرق المدينة", "هاجم")
    says = heard(c, attackers=[RoleSpan(1, 2, 0.9), RoleSpan(5, 6, 0.6)])
    first, last = (
        span_features(o, c, "attackers", "militia", says)
        for o in options("attackers", pieces(c, "attackers"), says)
        if o.i in (1, 5)
    )
    assert first["model:lead"] == pytest.approx(-last["model:lead"])
    assert first["model:lead"] > 0
    assert "model:highest:True" in first
    assert "model:highest:False" in last


def test_a_pronoun_on_the_trigger_points_to_the_last_body_before_it(candidate):
    c = candidate("قال الجيش إن مسلحي داعش انسحبوا بعد طردهم من البلدة", "طردهم", "troop_movement")
    near = [
        " ".join(c.sentence.words[o.i : o.j])
        for o in options("movers", pieces(c, "movers"), None)
        if "pronoun:nearest" in span_features(o, c, "movers", "militia", None)
    ]
    assert near == ["مسلحي داعش"]


def test_a_span_is_cut_free_of_its_clitics(candidate):
    text = "قصف الطيران والجيش مواقع المسلحين"
    c = candidate(text, "قصف")
    option = options("attackers", pieces(c, "attackers"), None)[1]
    assert text[slice(*bounds(option, c.sentence))] == "الجيش"


@pytest.mark.parametrize("cut", [(0, 1), (1, 2)])
def test_a_known_name_that_the_model_cuts_is_whole(candidate, cut):
    text = "الدعم السريع يهاجم حاجزا للجيش قرب عطبرة"
    c = candidate(text, "يهاجم")
    says = heard(c, attackers=[RoleSpan(*cut, 0.9)])
    option = options("attackers", pieces(c, "attackers"), says)[0]
    assert text[slice(*bounds(option, c.sentence))] == "الدعم السريع"


def test_weights_choose_by_the_features_of_an_option(candidate):
    c = candidate("هاجم مسلحون حاجزا للجيش شرق المدينة", "هاجم")
    chooser = Chooser({"attackers": {"rule:agent:subject": 1.0, "bias": -0.5}})
    chosen = chooser.choose(c, "attackers", "unattributed_armed", None)
    assert [c.sentence.words[o.i] for o in chosen] == ["مسلحون"]
    assert "model" not in span_features(chosen[0], c, "attackers", "militia", None)


def test_of_several_events_each_has_what_stands_in_its_clause(candidate):
    text = "قصفت المدفعية بلدة مارع، وهاجم مسلحون حاجزا شرق المدينة"
    first, second = candidate(text, "قصفت"), candidate(text, "وهاجم")
    everything = Chooser({name: {"bias": 1.0} for name in ROLES_OF["attack"]})
    roles = everything.roles([(first, "state"), (second, "unattributed_armed")], None)
    words = first.sentence.words
    targets = [{words[o.i] for o in own["targets"]} for own in roles]
    assert "حاجزا" in targets[1]
    assert "حاجزا" not in targets[0]


def test_a_verb_that_and_joins_opens_a_clause_of_its_own(candidate):
    text = "انسحبت قوات سوريا الديمقراطية من منبج وانتشر الجيش السوري في عفرين"
    events = [candidate(text, word, "troop_movement") for word in ("انسحبت", "وانتشر")]
    everything = Chooser({name: {"bias": 1.0} for name in ROLES_OF["troop_movement"]})
    first, second = everything.roles([(c, "") for c in events], None)
    words = events[0].sentence.words
    assert [words[o.i] for o in first["movers"]] == ["قوات"]
    assert [words[o.i] for o in second["movers"]] == ["الجيش"]
    assert [words[o.i] for o in first["places"]] == ["منبج"]
    assert [words[o.i] for o in second["places"]] == ["عفرين"]


def test_who_moves_in_another_clause_is_not_lent_but_the_subject_taken(candidate):
    text = "انسحبت قوات سوريا الديمقراطية من منبج وانتشر الجيش السوري في عفرين"
    events = [candidate(text, word, "troop_movement") for word in ("انسحبت", "وانتشر")]
    # Weights that take the first body for both events.
    weights = {"prev:انسحبت": 1.0, "bias": -0.5}
    first_body = Chooser(dict.fromkeys(ROLES_OF["troop_movement"], weights))
    chosen = first_body.choose(events[1], "movers", "", None)
    words = events[0].sentence.words
    assert [words[o.i] for o in chosen] == ["قوات"]
    _, second = first_body.roles([(c, "") for c in events], None)
    assert [words[o.i] for o in second["movers"]] == ["الجيش"]
