"""The chain over the demo site, and Airflow on Postgres, as the pipeline's and the team's tests."""

from __future__ import annotations

from tests.pipeline.conftest import chain, chain_of
from tests.team.conftest import postgres, team


__all__ = ["chain", "chain_of", "postgres", "team"]
