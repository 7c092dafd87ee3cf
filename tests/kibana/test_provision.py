"""Provisioning against a double that enforces Kibana's documented rules."""

from __future__ import annotations

import json

from email.parser import BytesParser
from pathlib import Path

import httpx
import pytest

from jsonschema import Draft4Validator

from rasid.errors import KibanaError
from rasid.kibana import dashboards, data_views
from rasid.kibana.provision import is_part, provision_kibana


SCHEMA = Path(__file__).parents[2] / "../shared/specs/kibana-9.4-dashboard-body.schema.json"


class Kibana:
    """A double: headers, spaces, schema of dashboards, defaults it adds, success false under 200."""

    def __init__(self) -> None:
        self.version = "9.5.1"
        self.spaces: dict = {}
        self.views: dict = {}
        self.boards: dict = {}
        self.objects: dict = {}
        self.writes: list[str] = []
        self.fail_at = ""
        self.refuse_import = False
        self.schema = (
            Draft4Validator(json.loads(SCHEMA.read_text("utf-8"))) if SCHEMA.exists() else None
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method != "GET":
            if "kbn-xsrf" not in request.headers:
                return self.error(400, "Request must contain a kbn-xsrf header.")
            if not path.endswith("_bulk_get"):
                self.writes.append(path)
        if self.fail_at and self.fail_at in path:
            raise httpx.ConnectError("connection refused")
        if path.startswith("/s/"):
            _, _, space, path = path.split("/", 3)
            path = "/" + path
            if space not in self.spaces:
                return self.error(404, f"Saved object [space/{space}] not found")
        return self.route(request, path)

    def route(self, request, path):
        name = path.rsplit("/", 1)[-1]
        if path == "/api/status":
            return httpx.Response(200, json={"version": {"number": self.version}})
        if path.startswith("/api/spaces/space"):
            return self.space(request, name)
        if path.startswith("/api/data_views"):
            return self.view(request, name)
        if path.startswith("/api/dashboards"):
            return self.board(request, name)
        if path.endswith("_bulk_get"):
            asked = [(o["type"], o["id"]) for o in json.loads(request.content)]
            return httpx.Response(
                200,
                json={
                    "saved_objects": [
                        self.objects.get(
                            key, {"type": key[0], "id": key[1], "error": {"statusCode": 404}}
                        )
                        for key in asked
                    ]
                },
            )
        if path.endswith("_import"):
            return self.imported(request)
        return self.error(404, path)

    def space(self, request, name):
        if request.method == "GET":
            return (
                httpx.Response(200, json=self.spaces[name])
                if name in self.spaces
                else self.error(404, "")
            )
        body = json.loads(request.content)
        if body["id"] in self.spaces:
            return self.error(409, "conflict")
        self.spaces[body["id"]] = body
        return httpx.Response(200, json=body)

    def view(self, request, name):
        if request.method == "GET":
            return (
                httpx.Response(200, json={"data_view": self.views[name]})
                if name in self.views
                else self.error(404, "")
            )
        body = json.loads(request.content)
        own = body["data_view"]
        if own["id"] in self.views and not body.get("override"):
            return self.error(400, "Duplicate data view")
        self.views[own["id"]] = {**own, "version": "WzEs", "allowNoIndex": False}
        return httpx.Response(200, json={"data_view": self.views[own["id"]]})

    def board(self, request, name):
        if request.headers.get("Elastic-Api-Version") != "2023-10-31":
            return self.error(400, "Please specify a version via Elastic-Api-Version header.")
        if request.method == "GET":
            return (
                httpx.Response(200, json={"id": name, "data": self.boards[name], "meta": {}})
                if name in self.boards
                else self.error(404, "")
            )
        body = json.loads(request.content)
        if self.schema and not self.schema.is_valid(body):
            return self.error(400, "[request body]: does not fit")
        options = {"hide_panel_borders": False, **body.get("options", {})}
        self.boards[name] = {"filters": [], **body, "options": options}
        return httpx.Response(200, json={"id": name, "data": self.boards[name], "meta": {}})

    def imported(self, request):
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        (part,) = BytesParser().parsebytes(head + request.content).get_payload()
        lines = [json.loads(line) for line in part.get_payload(decode=True).splitlines()]
        if self.refuse_import:
            error = {"type": "map", "id": "m", "error": {"type": "missing_references"}}
            return httpx.Response(
                200, json={"success": False, "successCount": 0, "errors": [error]}
            )
        for line in lines[:-1]:
            assert all(r["id"] in self.views for r in line["references"])
            self.objects[line["type"], line["id"]] = {**line, "updated_at": "2026-11-24T00:00:00Z"}
        return httpx.Response(200, json={"success": True, "successCount": len(lines) - 1})

    def error(self, status, message):
        return httpx.Response(status, json={"statusCode": status, "message": message})


@pytest.fixture
def kibana():
    return Kibana()


@pytest.fixture
def client(kibana):
    transport = httpx.MockTransport(kibana)
    with httpx.Client(transport=transport, base_url="http://kibana:5601") as client:
        yield client


def test_everything_is_brought_once_and_the_second_run_changes_nothing(kibana, client):
    steps = provision_kibana(client)
    assert {step.action for step in steps} == {"create"}
    assert set(kibana.boards) == set(dashboards())
    assert len(kibana.views) == len(data_views())
    written = len(kibana.writes)
    assert provision_kibana(client) == []
    assert len(kibana.writes) == written


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(kibana, client):
    steps = provision_kibana(client, dry_run=True)
    assert kibana.writes == []
    assert provision_kibana(client) == steps


def test_what_somebody_changed_is_brought_back(kibana, client):
    provision_kibana(client)
    first = next(iter(kibana.boards.values()))
    first["title"] = "x"
    (step,) = provision_kibana(client)
    assert (step.kind, step.action) == ("dashboard", "update")


def test_a_run_that_broke_off_is_finished_by_the_next(kibana, client):
    kibana.fail_at = "/api/dashboards"
    with pytest.raises(KibanaError, match=r"does not answer.*the next run does the rest"):
        provision_kibana(client)
    assert kibana.views
    kibana.fail_at = ""
    assert {step.kind for step in provision_kibana(client)} == {"dashboard", "saved object"}


def test_success_false_under_200_is_a_failure(kibana, client):
    kibana.refuse_import = True
    with pytest.raises(KibanaError, match="map m: missing_references"):
        provision_kibana(client)


def test_an_old_kibana_is_refused_by_its_number(kibana, client):
    kibana.version = "9.3.2"
    with pytest.raises(KibanaError, match=r"9\.3\.2 is too old"):
        provision_kibana(client)


def test_a_refusal_is_quoted(kibana, client, monkeypatch):
    monkeypatch.setattr(kibana, "board", lambda *_: kibana.error(403, "Forbidden by role"))
    with pytest.raises(KibanaError, match=r"403.*Forbidden by role"):
        provision_kibana(client)


def test_defaults_that_kibana_adds_are_no_difference():
    assert is_part({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}], "d": 3})
    assert not is_part({"a": [1]}, {"a": [1, 2]})
    assert not is_part({"a": None}, {})
