"""Fixtures that several rooms share: one local Elasticsearch node for the whole run."""

from __future__ import annotations

import shutil
import socket

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from playwright.sync_api import sync_playwright

from rasid.search import connect, local_node, provision, templates
from rasid.settings import Settings, settings


if TYPE_CHECKING:
    from collections.abc import Iterator

    from elasticsearch import Elasticsearch
    from playwright.sync_api import Browser


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", type=Path, help="folder that keeps the docs' screenshots")


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session", autouse=True)
def one_year() -> Iterator[None]:
    """Indices of this year only, in December too: many tests count them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(templates, "AHEAD", timedelta())
        yield


@pytest.fixture(scope="session")
def es_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings that lead to a node for tests: RASID_ES_URL when set, else one of our own."""
    if settings().es_url:
        with connect(settings()) as es:
            if es.count(index="rasid-*")["count"]:
                pytest.skip("the cluster of RASID_ES_URL holds Rasid's data; tests would delete it")
        yield settings()
        return
    local_node.START_SECONDS = 600  # the machine may be busy with other tests
    own = Settings(home=tmp_path_factory.mktemp("home"), es_port=free_port())
    node = replace(local_node.local_node(own), java_options=local_node.SHORT_LIVED)
    local_node.start(node)
    yield own
    local_node.stop(node)
    # As root it may lie outside the temporary folder, which the node's user cannot enter.
    shutil.rmtree(node.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def es_session(es_settings: Settings) -> Iterator[Elasticsearch]:
    """A client of the test node."""
    with connect(es_settings) as es:
        yield es


@pytest.fixture
def es(es_session: Elasticsearch) -> Iterator[Elasticsearch]:
    """A client of the test node with Rasid's indices, all of them empty."""
    provision(es_session)
    yield es_session
    es_session.indices.refresh(index="rasid-*")
    stats = es_session.indices.stats(index="rasid-*", metric="docs")["indices"]
    # Only what was written to is made anew: creating an index takes longer than most tests.
    used = [name for name, index in stats.items() if any(index["total"]["docs"].values())]
    if used:
        es_session.indices.delete(index=used)


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Debian's chromium for one test; Playwright's own download is never used.

    Not for the whole run: as long as Playwright runs, this process is within its event loop, where
    asyncio and Airflow's dag.test() cannot work.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        # As root the sandbox cannot be set up; the pages are our own.
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()
