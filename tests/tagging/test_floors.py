"""The figures on labelled real news stay above their floors."""

from __future__ import annotations

from pathlib import Path

import pytest

from rasid.tagging import below_floors, evaluate


DEV = Path(__file__).parents[2] / "../shared/eval/dev.jsonl"


@pytest.mark.skipif(not DEV.exists(), reason="the labelled news is not beside this checkout")
def test_no_figure_falls_below_its_floor(tagger):
    assert below_floors(evaluate(DEV, tagger)) == []
