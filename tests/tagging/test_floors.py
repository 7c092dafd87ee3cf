"""The figures stay above their floors: our own gold everywhere, real news where it is at hand."""

from __future__ import annotations

import json

import pytest
import yaml

from rasid.errors import LabelsError
from rasid.tagging import GOLD, NEWS, below_floors, evaluate, pin_floors
from rasid.tagging.evaluate import same_head


@pytest.mark.parametrize(
    "labels",
    [
        GOLD,
        pytest.param(
            NEWS,
            marks=pytest.mark.skipif(
                not NEWS.exists(), reason="the labelled news is not beside this checkout"
            ),
        ),
    ],
    ids=["gold", "news"],
)
def test_no_figure_falls_below_its_floor(tagger, labels):
    assert below_floors(evaluate(labels, tagger), labels) == []


FIGURES = {"all": {"attack": 0.91, "alarms": 3.0}}


def pinned(tmp_path, **floors):
    file = tmp_path / "floors.yaml"
    file.write_text("# Why.\n" + yaml.safe_dump({"gold": {"all": floors}}), "utf-8")
    return file


def test_a_worse_figure_is_named_with_its_floor(tmp_path):
    floors = pinned(tmp_path, attack=0.93, alarms=2.0)
    assert below_floors(FIGURES, GOLD, floors) == [
        "gold, all: alarms is 3.0000, its floor 2.0",
        "gold, all: attack is 0.9100, its floor 0.93",
    ]


def test_a_floor_moves_up_by_itself_and_down_only_by_its_flag(tmp_path):
    floors = pinned(tmp_path, attack=0.9, alarms=2.0)
    assert pin_floors(FIGURES, GOLD, floors=floors) == [
        "all: alarms stays 2.0, though the figure is 3.0"
    ]
    read = lambda: yaml.safe_load(floors.read_text("utf-8"))["gold"]["all"]  # noqa: E731
    assert read() == {"attack": 0.91, "alarms": 2.0}
    assert pin_floors(FIGURES, GOLD, may_lower=True, floors=floors) == []
    assert read() == {"attack": 0.91, "alarms": 3.0}
    assert floors.read_text("utf-8").startswith("# Why.\n")


def test_a_floor_of_a_figure_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LabelsError, match="all: unheard"):
        below_floors(FIGURES, GOLD, pinned(tmp_path, unheard=0.9))


def test_labels_of_another_shape_are_refused_by_line(tagger, tmp_path):
    file = tmp_path / "labels.jsonl"
    file.write_text(json.dumps({"text": "نص"}) + "\n", "utf-8")
    with pytest.raises(LabelsError, match=r"labels\.jsonl:1"):
        evaluate(file, tagger)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("الدعم السريع", "قوات الدعم السريع", True),
        ("وقوات الجيش", "قوات", True),
        ("بصواريخ", "الصواريخ الباليستية", True),
        ("مأرب", "مارب", True),
        ("الجيش", "الشرطة", False),
    ],
)
def test_heads_are_compared_without_clitics(one, other, same):
    assert same_head(one, other) is same
