"""One tagger for all tests of the room."""

from __future__ import annotations

import pytest

from rasid.tagging import load_tagger


@pytest.fixture(scope="session")
def tagger():
    return load_tagger()
