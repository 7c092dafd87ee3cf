"""The page that ops open first, over the real node."""

from __future__ import annotations

import sys

import pytest

from rasid.settings import ROOT


pytestmark = [pytest.mark.node, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def app(airflow_home, monkeypatch):
    """The plugin's app as Airflow imports it."""
    monkeypatch.syspath_prepend(str(ROOT / "plugins"))
    import rasid_ops_plugin

    yield rasid_ops_plugin.app
    for name in [n for n in sys.modules if n.startswith("rasid_ops")]:
        del sys.modules[name]


def test_every_feed_is_shown_with_its_newest_poll(app, demo_site, es):
    """Sick feeds first; a feed that was never read says so."""
    from datetime import UTC, datetime

    from fastapi.testclient import TestClient

    from rasid_ops.app import guard

    polled = {"run_id": "r", "polled_at": datetime.now(UTC).isoformat(), "committed": True, "next_poll_at": None,
              "items": 3, "new": 2, "failure_streak": 0, "error": ""}  # fmt: skip
    for feed, outcome in (("sahel", "ok"), ("sada", "server_error")):
        es.index(index="rasid-polls-v1", document={**polled, "feed_id": feed, "outcome": outcome})
    es.indices.refresh(index="rasid-polls")
    app.dependency_overrides[guard] = lambda: None
    answer = TestClient(app).get("/sources")
    assert answer.status_code == 200
    assert answer.text.index("server_error") < answer.text.index("not read yet")
    assert "<bdi>الساحل الإخباري</bdi>" in answer.text


def test_every_route_is_guarded(app):
    """A route without Airflow's guard would be open to everybody."""
    from rasid_ops.app import guard

    own = [route for route in app.routes if hasattr(route, "dependant")]
    assert own
    for route in own:
        assert guard in {d.call for d in route.dependant.dependencies}, route.path
