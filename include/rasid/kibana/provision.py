"""Bring a Kibana to what include/kibana/ says: space, data views, dashboards, saved objects.

Idempotent and resumable: everything is put under an id of ours, so that a run that broke off is
repaired by the next. What Kibana has beyond that (fields it filled in) is left alone: bodies are
compared by subset, never by equality.
"""

from __future__ import annotations

import json

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from rasid.errors import KibanaError
from rasid.kibana.dashboards import dashboards
from rasid.kibana.fields import SPACE
from rasid.kibana.saved import data_views, ndjson


OLDEST = (9, 4)
# GA; 9.4 has the Dashboards API as a preview.
TESTED = (9, 5)
_HEADERS = {"kbn-xsrf": "rasid", "Elastic-Api-Version": "2023-10-31"}
_SPACE_BODY = {"id": SPACE, "name": "راصد", "solution": "classic", "disabledFeatures": []}


@dataclass(frozen=True, slots=True)
class Step:
    """One object that was, or would be, brought to what the files say."""

    kind: Literal["space", "data view", "dashboard", "saved object"]
    name: str
    action: Literal["create", "update"]


def provision_kibana(client: httpx.Client, *, dry_run: bool = False) -> list[Step]:
    """Bring Kibana to what the files say; the steps taken, none the second time.

    `client` has Kibana's address as base_url and the credentials. KibanaError says what failed.
    """
    _check_version(client)
    return [
        *_space(client, dry_run=dry_run),
        *_views(client, dry_run=dry_run),
        *_dashboards(client, dry_run=dry_run),
        *_saved(client, dry_run=dry_run),
    ]


def _space(client: httpx.Client, *, dry_run: bool) -> Iterator[Step]:
    if _get(client, f"/api/spaces/space/{SPACE}") is None:
        if not dry_run:
            _send(client, "POST", "/api/spaces/space", _SPACE_BODY)
        yield Step("space", SPACE, "create")


def _views(client: httpx.Client, *, dry_run: bool) -> Iterator[Step]:
    for body in data_views():
        own = body["data_view"]
        found = _get(client, f"/s/{SPACE}/api/data_views/data_view/{own['id']}")
        old = (found or {}).get("data_view")
        if old is not None and is_part(own, old):
            continue
        if not dry_run:
            _send(client, "POST", f"/s/{SPACE}/api/data_views/data_view", body)
        yield Step("data view", own["name"], "create" if old is None else "update")


def _dashboards(client: httpx.Client, *, dry_run: bool) -> Iterator[Step]:
    for identity, body in dashboards().items():
        path = f"/s/{SPACE}/api/dashboards/{identity}"
        found = _get(client, path)
        if found is not None and is_part(body, found.get("data", found)):
            continue
        if not dry_run:
            _send(client, "PUT", path, body)
        yield Step("dashboard", body["title"], "create" if found is None else "update")


def _saved(client: httpx.Client, *, dry_run: bool) -> Iterator[Step]:
    """Import what is missing or differs; Kibana answers 200 even when it imported nothing."""
    lines = [json.loads(line) for line in ndjson().splitlines()]
    wanted = {(line["type"], line["id"]): line for line in lines if "type" in line}
    asked = [{"type": kind, "id": identity} for kind, identity in wanted]
    answer = _asked(client, "POST", f"/s/{SPACE}/api/saved_objects/_bulk_get", asked)
    # A dry run before the first real one: there is no space yet.
    absent = dry_run and answer.status_code == httpx.codes.NOT_FOUND
    found = {"saved_objects": []} if absent else _checked(answer)
    old = {
        (item["type"], item["id"]): item for item in found["saved_objects"] if "error" not in item
    }
    steps = [
        Step(
            "saved object",
            line["attributes"]["title"],
            "update" if key in old else "create",
        )
        for key, line in wanted.items()
        if not is_part(line["attributes"], old.get(key, {}).get("attributes", {}))
    ]
    if steps and not dry_run:
        imported = _checked(
            client.post(
                f"/s/{SPACE}/api/saved_objects/_import",
                params={"overwrite": "true"},
                headers=_HEADERS,
                files={"file": ("saved.ndjson", ndjson().encode(), "application/ndjson")},
            )
        )
        if not imported["success"]:
            told = "; ".join(
                f"{e['type']} {e['id']}: {e['error']['type']}" for e in imported.get("errors", [])
            )
            raise KibanaError(f"Kibana did not import everything ({told}).")
    yield from steps


def is_part(wanted: Any, found: Any) -> bool:
    """Whether `found` says all that `wanted` says; it may say more."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            key in found and is_part(value, found[key]) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(wanted) == len(found)
            and all(map(is_part, wanted, found))
        )
    return bool(wanted == found)


def _check_version(client: httpx.Client) -> None:
    status = _get(client, "/api/status") or {}
    number = str(status.get("version", {}).get("number", "0.0"))
    version = tuple(int(part) for part in number.split(".")[:2])
    if version < OLDEST:
        raise KibanaError(
            f"Kibana {number} is too old for the Dashboards API. Rasid needs"
            f" {'.'.join(map(str, OLDEST))} or newer; docker-compose.yaml starts"
            f" {'.'.join(map(str, TESTED))}."
        )


def _get(client: httpx.Client, path: str) -> dict[str, Any] | None:
    answer = _asked(client, "GET", path)
    return None if answer.status_code == httpx.codes.NOT_FOUND else _checked(answer)


def _send(client: httpx.Client, method: str, path: str, body: Any) -> dict[str, Any]:
    return _checked(_asked(client, method, path, body))


def _asked(client: httpx.Client, method: str, path: str, body: Any = None) -> httpx.Response:
    try:
        return client.request(method, path, headers=_HEADERS, json=body)
    except httpx.TransportError as error:
        raise KibanaError(
            f"Kibana does not answer at {client.base_url} ({error}). Check the address and that it"
            " runs; what was done stays done, and the next run does the rest."
        ) from error


def _checked(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise KibanaError(
            f"Kibana refused {answer.request.method} {answer.request.url.path}:"
            f" {answer.status_code} {answer.text[:300]}"
        )
    found: dict[str, Any] = answer.json()
    return found
