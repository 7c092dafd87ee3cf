"""The brief as one page: self-contained, right to left, for screen, phone and paper."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import jinja2
import yaml

from markupsafe import Markup

from rasid.brief.drawing import draw_timeline
from rasid.brief.gather import Brief
from rasid.kibana.atlas import drawn


HERE = Path(__file__).parent


def brief_page(brief: Brief, *, written_at: datetime) -> str:
    """The page of `brief`; every line leads to its article and quotes its sentence."""
    return (
        _environment()
        .get_template("brief.html")
        .render(
            brief=brief,
            written_at=written_at,
            map=Markup(drawn(list(brief.spots))) if brief.spots else "",  # noqa: S704  (escaped there)
            timeline=draw_timeline(brief.hours),
        )
    )


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    words = yaml.safe_load((HERE / "words.yaml").read_text("utf-8"))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["t"] = words["page"]
    environment.globals["english"] = words["english"]
    environment.filters["named"] = lambda name: words["names"].get(name, name.replace("_", " "))
    environment.filters["moment"] = _moment
    environment.filters["web"] = _web
    environment.filters["span"] = _span
    environment.filters["change"] = _change
    environment.filters["listed"] = _listed
    return environment


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def _web(url: str) -> str:
    """The address, if it leads to the web: it comes from a feed, and a click must run no script."""
    return url if url.startswith(("https://", "http://")) else ""


def _span(count: tuple[int, int]) -> str:
    """5, or 5–8 where sources differ."""
    low, high = count
    return str(low) if low == high else f"{low}–{high}"


def _change(now: int, usual: float) -> str:
    """The difference to the week before, signed; nothing where there is no week before."""
    if not usual:
        return ""
    return f"{(now - usual) / usual:+.0%}".replace("-", "\N{MINUS SIGN}")


def _listed(names: Iterable[str]) -> list[str]:
    """Every name once, in order: outlets spell one name in one way most of the time."""
    return list(dict.fromkeys(names))
