"""`rasid alarms`: what is wrong now, and what a person knows of already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rich.table import Table
from rich.text import Text

from rasid.cli.console import AsJson, out, print_json
from rasid.cli.tables import isolated
from rasid.errors import QueryError
from rasid.settings import settings


if TYPE_CHECKING:
    from rasid.pipeline.alarms import Alarm


alarms_app = typer.Typer(help="What is wrong now.", no_args_is_help=True)


@alarms_app.command("list")
def alarms_list(*, as_json: AsJson = False) -> None:
    """Every open alarm, the newest first; exit status 1 when one of them is not silenced."""
    from rasid.pipeline.alarms import open_alarms
    from rasid.search import connect

    now = datetime.now(UTC)
    with connect(settings()) as es:
        alarms = open_alarms(es)
    if as_json:
        print_json([_plain(alarm) for alarm in alarms])
    else:
        out.print(alarms_table(alarms, now=now))
    raise typer.Exit(0 if all(alarm.is_silent(now) for alarm in alarms) else 1)


@alarms_app.command("silence")
def alarms_silence(
    alarm_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    until: Annotated[datetime, typer.Option(help="End of the silence, UTC: 2026-12-24T09:00:00.")],
    reason: Annotated[str, typer.Option(help="Why nobody is to be told.")],
    issue: Annotated[str, typer.Option(help="Link to where it is worked on.")] = "",
) -> None:
    """Tell nobody of an alarm until then, also when it closes and opens again."""
    from rasid.pipeline.alarms import silence
    from rasid.search import connect

    now = datetime.now(UTC)
    end = until.replace(tzinfo=UTC)
    if end <= now:
        raise QueryError(f"--until {end:%Y-%m-%d %H:%M} UTC is past. Give a time to come.")
    with connect(settings()) as es:
        try:
            alarm = silence(es, alarm_id, until=end, reason=reason, issue=issue, at=now)
        except LookupError as error:
            raise QueryError(f"{error.args[0]}. `rasid alarms list` shows the ids.") from None
    what = f"{alarm.finding.kind} of {alarm.finding.subject}"
    out.print(f"{what} is silent until {end:%Y-%m-%d %H:%M} UTC.", markup=False)


def alarms_table(alarms: Sequence[Alarm], *, now: datetime) -> Table:
    """A row per alarm: what, since when, why, and until when nobody is told."""
    table = Table()
    for name in ("id", "kind", "severity", "since", "reason", "silent until"):
        table.add_column(name)
    for alarm in alarms:
        end = f"{alarm.silence.until:%Y-%m-%d %H:%M}" if alarm.silence else ""
        table.add_row(
            alarm.alarm_id,
            alarm.finding.kind,
            alarm.finding.severity,
            f"{alarm.opened_at:%Y-%m-%d %H:%M}",
            Text(isolated(alarm.finding.reason_en)),
            end if alarm.is_silent(now) else "",
        )
    return table


def _plain(alarm: Alarm) -> dict[str, Any]:
    from rasid.pipeline.alarms import document

    return {name: value for name, value in document(alarm).items() if value is not None}
