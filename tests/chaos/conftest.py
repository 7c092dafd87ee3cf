"""The chain over the demo site, and Airflow on Postgres, as the pipeline's and the team's tests."""

from __future__ import annotations

import pytest

from rasid.pipeline.tag import tagger
from tests.pipeline.conftest import Chain, chain, chain_of
from tests.team.conftest import postgres, team


__all__ = ["chain", "chain_of", "postgres", "team"]


@pytest.fixture
def two_feeds(chain: Chain) -> None:
    """Two feeds in two batches are enough to meet each other."""
    tagger()  # loaded once here, not in every process
    chain.feeds = ("furat", "tihama")
    chain.write_registry()
