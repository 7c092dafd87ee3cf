"""Rasid inside Airflow's own UI, in a browser: menus, tabs, forms, the replay button, every role.

Every picture lies in pytest's folder; `--pictures FOLDER` (`make screenshots`) keeps those of docs/.
"""

from __future__ import annotations

import re

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from playwright.sync_api import Browser, FrameLocator, Page, expect

from rasid.airflow import standalone
from tests.rest import wait
from tests.ui.conftest import REFUSED, ROLES, Desk


pytestmark = [
    pytest.mark.slow,
    pytest.mark.node,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore"),
]

PATIENCE = 60_000  # milliseconds: the machine may be busy
PAGES = {
    "sources": ("Source health", "صحة المصادر"),
    "entries": ("Where did it go", "أين ذهبت المواد"),
    "quarantine": ("Quarantine", "الحجر"),
    "mentions": ("Latest mentions", "أحدث الإشارات"),
    "brief": ("Daily brief", "الموجز اليومي"),
}
LOOKS = [("en", "light"), ("ar", "dark"), ("en", "dark"), ("ar", "light")]
IN_DOCS = {"sources-en-light", "books-en-light", "entries-ar-dark", "quarantine-en-dark", "form"}
FORMS = {
    "backfill_source": ("Source · المصدر", "Published from · نُشر من", "Published to · نُشر إلى"),
    "replay_quarantine": ("Cause · السبب", "Feed · المصدر", "Ended from · انتهى من"),
    "retag_archive": (
        "Feed · المصدر",
        "Tagged by version · بنسخة المصنِّف",
        "First seen from · رُصد من",
    ),
}


@contextmanager
def browsing(
    browser: Browser, desk: Desk, role: str = "admin", lang: str = "en", theme: str = "light"
) -> Iterator[Page]:
    """A page logged in by the form, in a language and theme as the UI remembers them."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE)
    context.add_init_script(
        f"localStorage.setItem('i18nextLng', '{lang}'); localStorage.setItem('theme', '{theme}')"
    )
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(desk.airflow.url)
    page.locator("input[name=username]").fill(role)
    page.locator("input[name=password]").fill(desk.passwords[role])
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(lambda url: "/auth/login" not in url)
    yield page
    context.close()
    assert faults == []


def framed(page: Page, lang: str, title: str) -> FrameLocator:
    """Our page in the UI's frame, once it has come in the UI's language."""
    frame = page.frame_locator("main iframe, iframe").first
    expect(frame.locator("html")).to_have_attribute("lang", lang, timeout=PATIENCE)
    expect(frame.locator("h1")).to_have_text(title, timeout=PATIENCE)
    return frame


@pytest.fixture
def look(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Page, str], None]:
    """Takes a picture of a page by name."""
    kept = request.config.getoption("pictures")

    def take(page: Page, name: str) -> None:
        folder = kept if kept and name in IN_DOCS else tmp_path
        page.screenshot(path=folder / f"airflow-{name}.png")

    return take


# --- who may see and do what ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def paths(desk: Desk) -> list[str]:
    """Every address that the plugin serves, filled in from the run."""
    entry = httpx.get(
        f"{desk.airflow.url}/rasid/quarantine", cookies=cookies(desk, "admin"), timeout=60
    )
    entry_id = re.search(r"/entries/([0-9a-f]{32})", entry.text)[1]
    run = quote(desk.done.run_id, safe="")
    return [
        *(f"/rasid/{page}" for page in PAGES),
        *("/rasid/sources/sahel", f"/rasid/entries/{entry_id}", f"/rasid/runs/{run}"),
        f"/rasid/quarantine/{entry_id}/lines",
        "/rasid/static/pages.css",
        "/rasid/static/pages.js",
    ]


def cookies(desk: Desk, role: str) -> dict[str, str]:
    login = {"username": role, "password": desk.passwords[role]}
    token = httpx.post(f"{desk.airflow.url}/auth/token", json=login, timeout=60)
    return {"_token": token.raise_for_status().json()["access_token"]}


@pytest.mark.parametrize("role", ["anonymous", *ROLES])
def test_every_page_is_for_who_is_logged_in(desk, paths, role):
    """401 without a login, also for the style sheet; 200 for every role."""
    known = {} if role == "anonymous" else cookies(desk, role)
    with httpx.Client(base_url=desk.airflow.url, cookies=known, timeout=60) as client:
        answers = {path: client.get(path).status_code for path in paths}
    assert answers == dict.fromkeys(paths, 401 if role == "anonymous" else 200)


@pytest.mark.parametrize(("role", "status"), [("anonymous", 401), ("viewer", 403)])
def test_who_may_not_start_a_replay(desk, role, status):
    """The button calls Airflow's own API, which knows who may."""
    known = {} if role == "anonymous" else cookies(desk, role)
    url = f"{desk.airflow.url}/api/v2/dags/replay_quarantine/dagRuns"
    body = {"logical_date": None, "conf": {"feed": "nobody"}}
    assert httpx.post(url, json=body, cookies=known, timeout=60).status_code == status


# --- in the browser ------------------------------------------------------------------------------


@pytest.mark.parametrize(("lang", "theme"), LOOKS)
def test_the_menu_leads_to_every_page(desk, browser, look, lang, theme):
    """In the UI's language and theme, on its ground, without a bar to scroll sideways."""
    with browsing(browser, desk, lang=lang, theme=theme) as page:
        for path, titles in PAGES.items():
            page.goto(desk.airflow.url)
            page.get_by_role("button", name="تصفح" if lang == "ar" else "Browse").click()
            page.get_by_role("menuitem", name=titles[0]).click()
            page.wait_for_url(f"**/plugin/rasid-{path}")
            frame = framed(page, lang, titles[lang == "ar"])
            assert frame.locator("html").get_attribute("dir") == ("rtl" if lang == "ar" else "ltr")
            inner = frame.owner.element_handle().content_frame()
            ground = "getComputedStyle(document.body).backgroundColor"
            assert inner.evaluate(ground) == page.evaluate(ground)
            root = "document.documentElement"
            assert inner.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
            look(page, f"{path}-{lang}-{theme}")


@pytest.mark.parametrize(("lang", "theme"), LOOKS[:2])
def test_a_run_has_its_books_and_a_task_its_entries(desk, browser, look, lang, theme):
    """As tabs; a feed of the books leads on, and the frame stays a page of its own."""
    run = f"/dags/monitor_news/runs/{quote(desk.done.run_id, safe='')}"
    with browsing(browser, desk, lang=lang, theme=theme) as page:
        page.goto(desk.airflow.url + run)
        page.get_by_role("link", name="Books").click()
        frame = framed(page, lang, "حسابات الدورة" if lang == "ar" else "Books of the run")
        row = frame.get_by_role("row").filter(has_text=REFUSED)
        expect(row).to_contain_text("18")
        look(page, f"books-{lang}-{theme}")
        row.get_by_role("link").click()
        framed(page, lang, PAGES["entries"][lang == "ar"])

        page.goto(f"{desk.airflow.url}{run}/tasks/process.read/mapped/0")
        page.get_by_role("link", name="Entries").click()
        frame = framed(page, lang, "مواد المهمة" if lang == "ar" else "Entries of the task")
        expect(frame.get_by_role("row").nth(1)).to_contain_text(re.compile("[\u0621-\u064a]"))
        look(page, f"task-{lang}-{theme}")


@pytest.mark.parametrize("dag_id", FORMS)
def test_forms_ask_in_both_languages(desk, browser, look, dag_id):
    """What a person starts by hand has titles in English and Arabic, and dates are dates."""
    with browsing(browser, desk) as page:
        page.goto(f"{desk.airflow.url}/dags/{dag_id}")
        page.get_by_role("button", name="Trigger").first.click()
        for title in FORMS[dag_id]:
            expect(page.get_by_text(title)).to_be_visible()
        assert page.locator("input[type=date]").count() == 2
        look(page, "form" if dag_id == "replay_quarantine" else f"form-{dag_id}")


def test_a_viewer_is_told_that_replays_are_not_for_him(desk, browser):
    with browsing(browser, desk, "viewer", "ar") as page:
        page.goto(f"{desk.airflow.url}/plugin/rasid-quarantine")
        frame = framed(page, "ar", "الحجر")
        frame.get_by_role("button", name="إعادة معالجة كل هذه").click()
        expect(frame.get_by_role("status")).to_have_text("لا تسمح صلاحيتك ببدء الدورات.")


def test_the_replay_button_brings_back_what_was_mended(desk, browser, look):
    """A user presses it: the DAG runs, what Elasticsearch refused is indexed, the rest stays."""
    with browsing(browser, desk, "user") as page:
        page.goto(f"{desk.airflow.url}/plugin/rasid-quarantine")
        frame = framed(page, "en", "Quarantine")
        assert frame.locator("tbody tr").count() == 19
        empty = frame.get_by_role("row").filter(has_text="no text")
        empty.get_by_text("first lines").click()
        expect(empty.locator("pre")).to_contain_text("تم حذف هذا المقال")
        frame.get_by_role("button", name="Replay all of these").click()
        status = frame.get_by_role("status")
        expect(status).to_contain_text("manual__")
        look(page, "replay")
        run_id = status.inner_text().partition(": ")[2]
        with standalone.api(desk.airflow) as client:
            assert wait(client, "replay_quarantine", run_id) == "success"
        page.reload()
        frame = framed(page, "en", "Quarantine")
        assert frame.locator("tbody tr").count() == 1
        expect(frame.locator("tbody tr")).to_contain_text("no text")
