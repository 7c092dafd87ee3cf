"""Alarms reach people: a real mail server and a real webhook on loopback."""

from __future__ import annotations

import email
import json
import socket
import threading

from datetime import UTC, datetime, timedelta
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aiosmtpd.controller import Controller

from rasid.errors import ConfigError, NotifyFailed
from rasid.pipeline.alarms import Alarm, Changes, Finding, Kind, Severity, Silence
from rasid.pipeline.notices import tell
from rasid.settings import settings


NOW = datetime(2026, 11, 29, 7, tzinfo=UTC)


def alarm(feed: str = "sahel", *, silence: Silence | None = None) -> Alarm:
    """An alarm about a silent feed."""
    finding = Finding(
        Kind.SILENCE,
        f"feed:{feed}",
        Severity.WARNING,
        "no new item for 9 hours",
        "لا مادة جديدة منذ تسع ساعات",
        feed_id=feed,
    )
    return Alarm(finding, opened_at=NOW, last_seen_at=NOW, silence=silence)


@pytest.fixture
def mails():
    """A mail server; the messages it took."""

    class Box:
        def __init__(self) -> None:
            self.taken = []

        async def handle_DATA(self, server, session, envelope):  # noqa: N802  (aiosmtpd's name)
            self.taken.append(email.message_from_bytes(envelope.content, policy=default))
            return "250 OK"

    box = Box()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        box.port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()


@pytest.fixture
def hook():
    """A webhook; the bodies it took, and the status it answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            server.taken.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(server.status)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.taken, server.status = [], 200
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def channels(monkeypatch):
    """Set RASID_NOTIFY."""

    def use(*addresses: str) -> None:
        monkeypatch.setenv("RASID_NOTIFY", " ".join(addresses))
        settings.cache_clear()

    yield use
    settings.cache_clear()


def test_mail_and_webhook_get_both_languages(mails, hook, channels):
    """One message a channel, with the reason in English and in Arabic."""
    channels(
        f"mailto://127.0.0.1:{mails.port}?from=rasid@example.org&to=ops@example.org&mode=insecure",
        f"json://127.0.0.1:{hook.server_port}/alarms",
    )
    assert tell(Changes(opened=(alarm(),), still_open=(), closed=()), at=NOW) == 1
    (mail,) = mails.taken
    assert mail["to"] == "ops@example.org"
    assert mail["subject"] == "Rasid alarms: 1 new"
    text = mail.get_body(("plain", "html")).get_content()
    assert "no new item for 9 hours" in text
    assert "لا مادة جديدة منذ تسع ساعات" in text
    (body,) = hook.taken
    assert "feed:sahel" in body["message"]
    assert body["type"] == "warning"


def test_what_is_still_open_or_silenced_is_not_told_again(hook, channels):
    """Ops hear of a thing once; a silence with an end date is kept until then."""
    channels(f"json://127.0.0.1:{hook.server_port}")
    quiet = alarm(silence=Silence(NOW + timedelta(days=1), "the outlet moves house"))
    told = Changes(opened=(quiet,), still_open=(alarm("sada"),), closed=())
    assert tell(told, at=NOW) == 0
    assert hook.taken == []
    assert tell(told, at=NOW + timedelta(days=2)) == 1


def test_recovery_is_told(hook, channels):
    """The end of an alarm is good news and says so."""
    channels(f"json://127.0.0.1:{hook.server_port}")
    assert tell(Changes(opened=(), still_open=(), closed=(alarm(),)), at=NOW) == 1
    assert hook.taken[0]["type"] == "success"
    assert hook.taken[0]["title"] == "Rasid alarms: 1 over"


def test_a_channel_that_refuses_is_named_without_its_secret(hook, channels):
    """The other channels are served; the message names who did not take it, no password."""
    hook.status = 500
    channels(f"json://user:hunter2@127.0.0.1:{hook.server_port}")
    with pytest.raises(NotifyFailed) as failed:
        tell(Changes(opened=(alarm(),), still_open=(), closed=()), at=NOW)
    assert "hunter2" not in str(failed.value)
    assert len(hook.taken) == 1


def test_an_address_that_is_none_says_how_to_write_one(channels):
    """A typing mistake is a ConfigError that shows no secret."""
    channels("carrier-pigeon://coop:hunter2@roof")
    with pytest.raises(ConfigError) as error:
        tell(Changes(opened=(alarm(),), still_open=(), closed=()), at=NOW)
    assert "RASID_NOTIFY" in str(error.value)
    assert "hunter2" not in str(error.value)
