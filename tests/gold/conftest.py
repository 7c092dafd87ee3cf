"""The own gold and one tagger for all tests of it."""

from __future__ import annotations

import pytest

from rasid.tagging import load_tagger
from rasid.tagging.gold import read_gold


@pytest.fixture(scope="session")
def tagger():
    return load_tagger()


@pytest.fixture(scope="session")
def gold():
    return read_gold()
