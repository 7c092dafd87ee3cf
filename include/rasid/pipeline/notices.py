"""Tell people of alarms: once when one opens, once when it is over, never of a silenced one.

Where to is RASID_NOTIFY, a list of Apprise addresses (`mailtos://…`, `jsons://…` for a webhook,
`slack://…`, `msteams://…`, over a hundred more). The log has every message whatever it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import apprise
import structlog

from rasid.errors import ConfigError, NotifyFailed
from rasid.pipeline.alarms import Alarm, Changes, Severity
from rasid.settings import settings


log = structlog.get_logger()

_TYPES = {
    Severity.NOTICE: apprise.NotifyType.INFO,
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
}
_GRAVEST = (Severity.CRITICAL, Severity.WARNING, Severity.NOTICE)


def tell(changes: Changes, *, at: datetime) -> int:
    """Send one message about what opened and what is over; how many alarms it names.

    A task that is repeated after NotifyFailed tells all channels again: twice is better than never.
    """
    opened = [alarm for alarm in changes.opened if not alarm.is_silent(at)]
    closed = [alarm for alarm in changes.closed if not alarm.is_silent(at)]
    if not opened and not closed:
        return 0
    title, body = _message(opened, closed)
    log.warning("alarms", title=title, body=body)
    kind = _TYPES[_gravest(opened)] if opened else apprise.NotifyType.SUCCESS
    failed = [
        server.url(privacy=True)
        for server in _channels()
        if not server.notify(body=body, title=title, notify_type=kind)
    ]
    if failed:
        raise NotifyFailed(
            f"{len(failed)} channel(s) of RASID_NOTIFY did not take the message:"
            f" {', '.join(failed)}. The log of this task holds it."
        )
    return len(opened) + len(closed)


def _channels() -> Sequence[Any]:
    """The channels of RASID_NOTIFY; ConfigError for an address that is none."""
    channels = apprise.Apprise()
    for number, address in enumerate(settings().notify.get_secret_value().split(), 1):
        if not channels.add(address):
            # Without the address itself: it holds a password.
            scheme = address.partition("://")[0]
            raise ConfigError(
                f"Address {number} of RASID_NOTIFY ({scheme}://…) is none that Apprise knows."
                " Write for example mailtos://user:password@mail.example?to=ops@example.org;"
                " addresses are separated by spaces."
            )
    return list(channels)


def _message(opened: Sequence[Alarm], closed: Sequence[Alarm]) -> tuple[str, str]:
    said = ", ".join(
        f"{len(alarms)} {word}" for alarms, word in ((opened, "new"), (closed, "over")) if alarms
    )
    lines = [_line("●", alarm) for alarm in opened] + [_line("✓", alarm) for alarm in closed]
    return f"Rasid alarms: {said}", "\n\n".join(lines)


def _line(mark: str, alarm: Alarm) -> str:
    finding = alarm.finding
    head = f"{mark} {finding.severity} · {finding.kind} · {finding.subject}"
    return f"{head}\n{finding.reason_en}\n{finding.reason_ar}"


def _gravest(alarms: Sequence[Alarm]) -> Severity:
    return next(s for s in _GRAVEST if any(a.finding.severity == s for a in alarms))
