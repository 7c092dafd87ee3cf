"""Who sees Rasid's pages where people log in as docker-compose.yaml and the Helm values have it.

Airflow's own UI tests (tests/ui) use the simple auth manager, which lets everybody in who has a
password. The FAB auth manager keeps people, roles and what each may do in the database.
"""

from __future__ import annotations

import secrets
import subprocess
import sys

from collections.abc import Iterator

import httpx
import pytest

from tests import rest
from tests.team.conftest import Team


pytestmark = [
    pytest.mark.slow,
    pytest.mark.node,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore"),
]

PAGES = (
    "/rasid/sources",
    "/rasid/entries",
    "/rasid/quarantine",
    "/rasid/mentions",
    "/rasid/static/pages.css",
)
REPLAY = "/api/v2/dags/replay_quarantine/dagRuns"


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    manager = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
    return {"AIRFLOW__CORE__AUTH_MANAGER": manager}


@pytest.fixture(scope="module")
def people(team: Team) -> Iterator[dict[str, httpx.Client]]:
    """A client logged in as one person of each of FAB's roles, and one who did not log in."""
    url, password = team.airflow.url, secrets.token_urlsafe(9)
    person = ["--username", "Admin", "--role", "Admin", "--email", "admin@example.org"]
    names = ["--firstname", "A", "--lastname", "B", "--password", password]
    create = [sys.executable, "-m", "airflow", "users", "create", *person, *names]
    subprocess.run(create, env=team.environment, check=True, capture_output=True)
    team.start("api-server")
    rest.patiently(lambda: httpx.get(f"{url}/api/v2/version", timeout=5))

    def client(name: str) -> httpx.Client:
        login = {"username": name, "password": password}
        token = httpx.post(f"{url}/auth/token", json=login, timeout=60).raise_for_status().json()
        return httpx.Client(base_url=url, cookies={"_token": token["access_token"]}, timeout=60)

    known = {"nobody": httpx.Client(base_url=url, timeout=60), "Admin": client("Admin")}
    token = known["Admin"].cookies["_token"]
    for name in ("Op", "User", "Viewer", "Public"):
        body = {
            "username": name,
            "password": password,
            "email": f"{name}@example.org",
            "first_name": name,
            "last_name": name,
            "roles": [{"name": name}],
        }
        known["Admin"].post(
            "/auth/fab/v1/users", json=body, headers={"Authorization": f"Bearer {token}"}
        ).raise_for_status()
        known[name] = client(name)
    yield known
    for one in known.values():
        one.close()


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("nobody", 401),
        ("Public", 403),
        *((name, 200) for name in ("Viewer", "User", "Op", "Admin")),
    ],
)
def test_the_pages_are_for_people_with_a_role(people, name, status):
    """401 without a login, 403 for a person of the role without rights, the style sheet too."""
    answers = {page: people[name].get(page).status_code for page in PAGES}
    assert answers == dict.fromkeys(PAGES, status)


@pytest.mark.parametrize(("name", "status"), [("nobody", 401), ("Public", 403), ("Viewer", 403)])
def test_who_may_not_start_a_replay(people, name, status):
    """The button of the quarantine calls Airflow's API, which asks for the right to start runs."""
    body = {"logical_date": None, "conf": {"feed": "nobody"}}
    assert people[name].post(REPLAY, json=body).status_code == status
