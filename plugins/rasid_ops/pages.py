"""Templates and words: a page in the language of the person who asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import yaml

from fastapi import Request
from fastapi.responses import HTMLResponse


HERE = Path(__file__).parent
LANGUAGE_COOKIE = "rasid_lang"  # set by static/pages.js from the language of Airflow's UI


@lru_cache(maxsize=1)
def words() -> dict[str, dict[str, Any]]:
    """What the pages say by language, and under `names` what stored names are called."""
    read: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "words.yaml").read_text("utf-8"))
    return read


def render(
    request: Request, here: str, template: str, *, trouble: str = "", **values: Any
) -> HTMLResponse:
    """The page in the asker's language; 503 when there is `trouble` to show."""
    lang = _language(request)
    page = _environment(lang).get_template(template)
    html = page.render(
        root=request.scope.get("root_path", ""),
        lang=lang,
        t=words()[lang],
        here=here,
        trouble=trouble,
        **values,
    )
    return HTMLResponse(html, status_code=503 if trouble else 200)


def _language(request: Request) -> str:
    """`?lang=`, else the UI's language, else the browser's first; English where we know none."""
    asked = (
        request.query_params.get("lang")
        or request.cookies.get(LANGUAGE_COOKIE)
        or request.headers.get("accept-language", "")
    )
    return "ar" if asked.startswith("ar") else "en"


@lru_cache(maxsize=2)
def _environment(lang: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,  # the words are read once too: a page is of one version
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = words()["names"].get(lang, {})
    environment.filters["named"] = lambda name: names.get(name) or str(name).replace("_", " ")
    environment.filters["minutes"] = _minutes
    environment.filters["reason"] = lambda alarm: _reason(alarm, lang)
    return environment


def _minutes(minutes: float) -> str:
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"


def _reason(alarm: Mapping[str, Any], lang: str) -> str:
    return str(alarm["reason"][lang])
