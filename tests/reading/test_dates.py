"""Our Arabic date reader against a table of own-written strings, and against nonsense."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hypothesis import given
from hypothesis import strategies as st

from rasid.reading import read_date


TODAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
ZONE = "Asia/Baghdad"
TABLE = Path(__file__).parents[1] / "data" / "dates.tsv"
ROWS = [
    line.split("\t")
    for line in TABLE.read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def shown(text: str, expected: str) -> str:
    """What was read, written the way `expected` is."""
    found = read_date(text, today=TODAY, timezone=ZONE)
    if found is None:
        return "-"
    if "T" in expected:
        return found.at.strftime("%Y-%m-%dT%H:%M")
    return found.at.astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-%d")


@pytest.mark.parametrize(("text", "expected"), ROWS)
def test_the_table(text: str, expected: str) -> None:
    assert shown(text, expected) == expected


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len(ROWS) >= 120


def test_precision_and_doubt_are_told() -> None:
    def read(text: str):
        found = read_date(text, today=TODAY, timezone=ZONE)
        return found.precision, found.doubtful

    assert read("2026-11-24T13:45:10Z") == ("second", False)
    assert read("24 نوفمبر 2026 13:45") == ("minute", False)
    assert read("24 نوفمبر 2026") == ("day", False)
    assert read("قبل 3 ساعات") == ("hour", False)
    assert read("20 نوفمبر") == ("day", True)
    assert read("الثالث من يناير/كانون الأول 2026") == ("day", True)
    assert read("14 جمادى الآخرة 1448هـ") == ("day", True)


@given(st.text(alphabet="0123456789٠١٢٣/-:. أبتنوفمرسيوكاهمصالثين", max_size=40))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    found = read_date(text, today=TODAY, timezone=ZONE)
    assert found is None or found.at.tzinfo is not None
