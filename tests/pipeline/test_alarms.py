"""The life of an alarm on the real node: opened, still open, closed, kept quiet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rasid.pipeline.alarms import Finding, Kind, Severity, open_alarms, report, silence


pytestmark = pytest.mark.node

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SILENT = Finding(
    Kind.SILENCE,
    "feed:waraq",
    Severity.WARNING,
    "no new item for 8 hours",
    "لا خبر جديد منذ 8 ساعات",
    value=0,
    expected=28,
    feed_id="waraq",
    outlet="وَرَق",
    country="YE",
    details={"hours": 8},
)


@pytest.fixture
def told(es):
    """Reports findings at an hour and tells the changes."""

    def at(hour: int, *findings: Finding, **options):
        when = NOW + hour * HOUR
        kinds = options.pop("kinds", tuple(Kind))
        return report(es, findings, kinds=kinds, at=when, run_id="r", **options)

    return at


def test_an_alarm_is_opened_once_kept_and_closed_when_it_is_over(es, told):
    first = told(0, SILENT)
    assert [a.finding for a in first.opened] == [SILENT]
    longer = replace(SILENT, reason_en="no new item for 9 hours")
    second = told(1, longer)
    assert second.opened == second.closed == ()
    assert [(a.finding, a.opened_at, a.last_seen_at) for a in second.still_open] == [
        (longer, NOW, NOW + HOUR)
    ]
    assert [a.alarm_id for a in open_alarms(es)] == [first.opened[0].alarm_id]

    third = told(2)
    assert [a.closed_at for a in third.closed] == [NOW + 2 * HOUR]
    assert open_alarms(es) == []
    es.indices.refresh(index="rasid-alarms")
    assert es.count(index="rasid-alarms")["count"] == 1


def test_what_comes_back_is_another_alarm(told):
    first = told(0, SILENT).opened[0]
    told(1)
    assert told(2, SILENT).opened[0].alarm_id != first.alarm_id


def test_a_repeated_task_opens_no_second_alarm_and_tells_the_same(es, told):
    assert told(0, SILENT).opened == told(0, SILENT).opened
    assert len(open_alarms(es)) == 1


def test_a_watcher_closes_only_what_it_looked_for(es, told):
    told(0, SILENT)
    told(1, kinds=[Kind.FLOOD])
    told(2, kinds=[Kind.SILENCE], undecided={(Kind.SILENCE, "feed:waraq")})
    assert len(open_alarms(es)) == 1
    assert told(3, kinds=[Kind.SILENCE]).closed


def test_two_findings_of_one_kind_and_subject_are_a_mistake_of_the_caller(told):
    with pytest.raises(ValueError, match="twice"):
        told(0, SILENT, SILENT)


def test_a_silence_outlives_the_alarm_until_its_end(es, told):
    alarm = told(0, SILENT).opened[0]
    until = NOW + 24 * HOUR
    silence(es, alarm.alarm_id, until=until, reason="صيانة", at=NOW + HOUR)
    kept = told(2, SILENT).still_open[0]
    assert (kept.is_silent(NOW + 2 * HOUR), kept.is_silent(until)) == (True, False)
    told(3)
    assert told(4, SILENT).opened[0].silence == kept.silence
    told(5)
    assert told(25, SILENT).opened[0].silence is None


def test_a_silence_said_while_a_watcher_works_is_not_written_over(es, told):
    alarm = told(0, SILENT).opened[0]
    silence(es, alarm.alarm_id, until=NOW + 9 * HOUR, reason="معروف", at=NOW + 2 * HOUR)
    told(1, SILENT)  # began before the person spoke
    assert open_alarms(es)[0].silence is not None


def test_an_unknown_alarm_cannot_be_silenced(es):
    with pytest.raises(LookupError):
        silence(es, "nothing", until=NOW, reason="", at=NOW)
