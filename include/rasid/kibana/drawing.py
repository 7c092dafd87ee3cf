"""Panels as pieces of a right-to-left page: inline SVG for shapes, HTML for every word.

Words stay HTML because SVG text neither wraps nor keeps its size on a phone. Bars run from right to
left as the page does; time runs from left to right as Kibana draws it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from rasid.kibana.charts import Body
from rasid.kibana.fields import GREY, LABELS, SERIES, ZONE, colours_of, fields_of, values_of
from rasid.kibana.requests import MISSING, Row, buckets, metrics, view, width_of


NOTHING = '<p class="none">لا شيء في هذه المدة</p>'
# Sentences are shown up to here; the article itself is one click away.
LONGEST = 260
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
# Fields that Kibana shows as links into itself; a page without Kibana has nowhere to lead.
_WITHIN_KIBANA = frozenset({"article_id", "incident_id", "mention_ids"})
_LINKS = frozenset({"url", "first_url"})


def chart(config: Body, rows: list[Row], *, span: Body, now: datetime) -> str:
    """The inside of a chart's panel."""
    kind = config["type"]
    if kind == "metric":
        return _metric(rows)
    if not rows:
        return NOTHING
    if kind == "xy" and "breakdown_by" in config["layers"][0]:
        return _timeline(config, rows, span, now)
    drawn: dict[str, Callable[[Body, list[Row]], str]] = {
        "xy": _bars,
        "pie": _donut,
        "heatmap": _heatmap,
        "data_table": _table,
    }
    return drawn[kind](config, rows)


def documents(config: Body, found: list[dict[str, list[Any]]], total: int) -> str:
    """The first documents of a panel, a card each on a phone."""
    if not found:
        return NOTHING
    own = view(config)
    columns = [c for c in config["tabs"][0]["column_order"] if c not in _WITHIN_KIBANA]
    head = "".join(f"<th>{escape(LABELS[c])}</th>" for c in columns)
    lines = "".join(
        "<tr>"
        + "".join(
            f'<td data-label="{escape(LABELS[c])}" class="{_class(own, c)}">'
            f"{_cell(own, c, fields.get(c, []))}</td>"
            for c in columns
        )
        + "</tr>"
        for fields in found
    )
    rest = f'<p class="rest">{len(found)} من {_told(total)}</p>' if total > len(found) else ""
    table = f'<table class="documents"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>'
    return f'<div class="wide">{table}</div>{rest}'


def word(data_view: str, field: str, key: str) -> str:
    """What people read for a value."""
    return "غير مذكور" if key == MISSING else values_of(data_view, field).get(key, key)


def _metric(rows: list[Row]) -> str:
    shown, *before = rows[0].numbers
    big = f'<p class="number">{_told(shown)}</p>'
    if not before:
        return big
    change = (shown or 0) - (before[0] or 0)
    arrow = "▲" if change > 0 else "▼" if change < 0 else "="
    return (
        f'{big}<p class="before"><span dir="ltr">{arrow} {_told(abs(change))}</span>'
        f" عن الفترة السابقة ({_told(before[0])})</p>"
    )


def _bars(config: Body, rows: list[Row]) -> str:
    own, field = view(config), buckets(config)[0]["fields"][0]
    most = max(row.numbers[0] or 0 for row in rows) or 1
    lines = "".join(
        f'<li><span class="name"><bdi>{escape(word(own, field, row.keys[0]))}</bdi></span>'
        f'<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect x="{100 - share:.1f}" width="{share:.1f}" height="10" rx="1"/></svg>'
        f'<span class="value">{_told(row.numbers[0])}</span></li>'
        for row in rows
        for share in [max(100 * (row.numbers[0] or 0) / most, 0.5)]
    )
    return f'<ul class="bars">{lines}</ul>'


def _timeline(config: Body, rows: list[Row], span: Body, now: datetime) -> str:
    """Stacked bars; empty times keep their place, so that silence is seen."""
    own, field = view(config), buckets(config)[0]["fields"][0]
    colours = _colours(own, field, (row.keys[0] for row in rows))
    width = _width(width_of(span))
    start, slots = _slots(span, width, now)
    stacks: dict[int, dict[str, float]] = defaultdict(dict)
    for row in rows:
        slot = (datetime.fromisoformat(row.keys[1]) - start) // width
        stacks[slot][row.keys[0]] = row.numbers[0] or 0
    most = _round_up(max(sum(stack.values()) for stack in stacks.values()))
    shapes = []
    for slot, stack in stacks.items():
        top = 0.0
        moment = f"{start + slot * width:%d/%m %H:%M}"
        for key in colours:
            if tall := 100 * stack.get(key, 0) / most:
                top += tall
                told = escape(f"{moment} {word(own, field, key)}: {_told(stack[key])}")
                shapes.append(
                    f'<rect x="{slot + 0.08}" y="{100 - top:.2f}" width="0.84"'
                    f' height="{tall:.2f}" fill="{colours[key]}"><title>{told}</title></rect>'
                )
    grid = "".join(
        f'<line x1="0" x2="{slots}" y1="{y}" y2="{y}" vector-effect="non-scaling-stroke"/>'
        for y in (0, 50, 100)
    )
    scale = "".join(f"<span>{_told(number)}</span>" for number in (most, most / 2, 0))
    return (
        f'<div class="plot" dir="ltr"><div class="scale">{scale}</div>'
        f'<svg viewBox="0 0 {slots} 100" preserveAspectRatio="none" role="img"'
        f' aria-label="{escape(config["title"])}">{grid}{"".join(shapes)}</svg>'
        f'<div class="times">{_times(start, slots, width)}</div></div>'
        f"{_legend((word(own, field, key), colours[key], '') for key in colours)}"
    )


def _times(start: datetime, slots: int, width: timedelta) -> str:
    """Midnights, or every sixth hour of a day, below their bars."""
    every = 6 if slots * width <= timedelta(days=2) else 24
    marks = []
    for slot in range(slots):
        moment = start + slot * width
        next_one = moment + width
        if moment.hour % every == 0 and moment.minute == 0 and next_one > moment:
            told = f"{moment:%H:%M}" if every == 6 and moment.hour else f"{moment:%d/%m}"
            marks.append(f'<span style="left:{100 * slot / slots:.1f}%">{told}</span>')
    step = -(-len(marks) // 8)
    return "".join(marks[::step])


def _donut(config: Body, rows: list[Row]) -> str:
    own, field = view(config), buckets(config)[0]["fields"][0]
    colours = _colours(own, field, (row.keys[0] for row in rows))
    whole = sum(row.numbers[0] or 0 for row in rows) or 1
    arcs, done = [], 0.0
    for row in rows:
        share = 100 * (row.numbers[0] or 0) / whole
        told = f"{word(own, field, row.keys[0])}: {_told(row.numbers[0])}"
        # A circle of circumference 100: dashes are percentages.
        arcs.append(
            f'<circle r="15.9155" cx="21" cy="21" stroke="{colours[row.keys[0]]}"'
            f' stroke-dasharray="{share:.2f} {100 - share:.2f}"'
            f' stroke-dashoffset="{25 - done:.2f}">'
            f"<title>{escape(told)}</title></circle>"
        )
        done += share
    entries = [
        (
            word(own, field, row.keys[0]),
            colours[row.keys[0]],
            f"{_told(row.numbers[0])} · {100 * (row.numbers[0] or 0) / whole:.0f}%",
        )
        for row in rows
    ]
    return (
        '<div class="donut"><svg viewBox="0 0 42 42" role="img"'
        f' aria-label="{escape(config["title"])}">{"".join(arcs)}</svg>{_legend(entries)}</div>'
    )


def _heatmap(config: Body, rows: list[Row]) -> str:
    own = view(config)
    x, y = (bucket["fields"][0] for bucket in buckets(config))
    cells = {row.keys: row.numbers[0] or 0 for row in rows}
    most = max(cells.values()) or 1
    across, down = (dict.fromkeys(keys[side] for keys in cells) for side in (0, 1))
    head = "".join(f"<th><bdi>{escape(word(own, x, key))}</bdi></th>" for key in across)
    lines = "".join(
        f'<tr><th scope="row"><bdi>{escape(word(own, y, row))}</bdi></th>'
        + "".join(_heat(cells.get((column, row), 0), most) for column in across)
        + "</tr>"
        for row in down
    )
    corner = f"{escape(LABELS[y])} ↓ {escape(LABELS[x])} ←"
    return (
        f'<div class="wide"><table class="heat"><thead><tr><th class="corner">{corner}</th>{head}'
        f"</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _heat(number: float, most: float) -> str:
    if not number:
        return "<td></td>"
    # The root, so that ones and twos show beside a hundred; above 62 % no text is legible.
    return f'<td style="--heat:{10 + 52 * (number / most) ** 0.5:.0f}%">{_told(number)}</td>'


def _table(config: Body, rows: list[Row]) -> str:
    own = view(config)
    fields = [bucket["fields"][0] for bucket in buckets(config)]
    labels = [column["label"] for column in (*buckets(config), *metrics(config))]
    head = "".join(f"<th>{escape(label)}</th>" for label in labels)
    lines = "".join(
        "<tr>"
        + "".join(
            f"<td><bdi>{escape(word(own, field, key))}</bdi></td>"
            for field, key in zip(fields, row.keys, strict=True)
        )
        + "".join(f'<td class="value">{_told(number)}</td>' for number in row.numbers)
        + "</tr>"
        for row in rows[:20]
    )
    return (
        f'<div class="wide"><table class="rows"><thead><tr>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _cell(data_view: str, field: str, values: list[Any]) -> str:
    if not values:
        return ""
    if field in _LINKS:
        return "".join(map(_link, values))
    if fields_of(data_view)[field] in ("date", "alias"):
        return "".join(f'<span dir="ltr">{moment(value)}</span>' for value in values)
    told = [word(data_view, field, _text(value)) for value in values]
    if colours := colours_of(data_view, field):
        return "".join(
            f'<span class="pill" style="--pill:{colours.get(_text(value), GREY)}">'
            f"{escape(name)}</span>"
            for value, name in zip(values, told, strict=True)
        )
    text = "، ".join(told)
    short = text if len(text) <= LONGEST else f"{text[:LONGEST].rsplit(' ', 1)[0]} …"
    return f"<bdi>{escape(short)}</bdi>"


def _class(data_view: str, field: str) -> str:
    if field.startswith("sentence") or field in ("reason.ar", "title", "difference"):
        return "text"
    return "value" if fields_of(data_view)[field] in ("integer", "long") else ""


def _link(address: str) -> str:
    """Only the web: an address comes from a feed, and a click must not run a script."""
    if urlsplit(address).scheme not in ("http", "https"):
        return ""
    return f'<a href="{escape(address)}" rel="noreferrer noopener" target="_blank">افتح الخبر</a>'


def _legend(entries: Iterable[tuple[str, str, str]]) -> str:
    lines = "".join(
        f'<li><i style="background:{colour}"></i><bdi>{escape(name)}</bdi>'
        + (f'<span class="value">{told}</span>' if told else "")
        + "</li>"
        for name, colour, told in entries
    )
    return f'<ul class="legend">{lines}</ul>'


def _colours(data_view: str, field: str, keys: Iterable[str]) -> Mapping[str, str]:
    """A colour for each value: its own, or the next of the series that is free."""
    own = colours_of(data_view, field)
    free = iter([colour for colour in SERIES if colour not in own.values()] + [GREY] * 100)
    return {key: own.get(key) or next(free) for key in dict.fromkeys(keys)}


def moment(value: str) -> str:
    """A stored time as the region's clocks showed it."""
    return f"{datetime.fromisoformat(value).astimezone(ZoneInfo(ZONE)):%d/%m %H:%M}"


def _slots(span: Body, width: timedelta, now: datetime) -> tuple[datetime, int]:
    """The first bar's start and how many there are; bars of days begin at midnight."""
    number, unit = int(span["from"][4:-1]), span["from"][-1]
    length = timedelta(days=365 * number) if unit == "y" else timedelta(**{_UNITS[unit]: number})
    local = (now - length).astimezone(ZoneInfo(ZONE))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    start = midnight + (local - midnight) // width * width
    return start, int((now - start) // width) + 1


def _width(told: str) -> timedelta:
    return timedelta(**{_UNITS[told[-1]]: int(told[:-1])})


def _round_up(number: float) -> float:
    """An even end of the scale, whose half is a whole number too."""
    steps = (2, 4, 6, 10, 20, 30, 40, 60, 80, 100)
    factor = 1
    while number > 100 * factor:
        factor *= 10
    return float(next(step * factor for step in steps if step * factor >= number))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _told(number: float | None) -> str:
    return "–" if number is None else f"{number:,.0f}"
