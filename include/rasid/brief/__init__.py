"""The brief: what happened in a period, who says so, what is disputed and what was not read."""

from __future__ import annotations

from rasid.brief.gather import Brief, Claim, Event, Figure, Period, Unread, gather
from rasid.brief.page import brief_page
from rasid.brief.shelf import brief_names, read_brief, write_brief


__all__ = [
    "Brief",
    "Claim",
    "Event",
    "Figure",
    "Period",
    "Unread",
    "brief_names",
    "brief_page",
    "gather",
    "read_brief",
    "write_brief",
]
