"""The preview page: whole, right to left, with the numbers of the node, nothing from outside."""

from __future__ import annotations

import json
import re

from datetime import UTC, datetime

import pytest

from typer.testing import CliRunner

from rasid.kibana import dashboards
from rasid.kibana.charts import panels
from rasid.kibana.preview import preview
from rasid.search import index_for


PHONE = {"width": 390, "height": 844}
DESK = {"width": 1360, "height": 900}


@pytest.mark.node
class TestThePage:
    def test_it_holds_every_panel_and_the_numbers(self, week):
        page = preview(week, datetime.now(UTC))
        assert 'dir="rtl"' in page
        for body in dashboards().values():
            assert f"<h1>{body['title']}</h1>" in page
            titles = [panel["config"]["title"] for panel in panels(body)]
            assert all(f"<h2>{title}</h2>" in page for title in titles)
        articles = week.count(index="rasid-articles")["count"]
        assert f'<p class="number">{articles:,}</p>' in page
        assert "لا شيء في هذه المدة" not in page

    def test_people_read_words_instead_of_codes(self, week):
        page = preview(week, datetime.now(UTC))
        shown = re.sub(r"<[^>]*>", " ", page.partition("<body>")[2])
        assert "قوات الدعم السريع" in shown
        assert "هجوم ميليشيا" in shown
        codes = ["militia_attack", "factual", "rapid-support-forces", "server_error", "__missing__"]
        assert [code for code in codes if code in shown] == []

    def test_it_fetches_nothing_and_runs_nothing(self, week):
        page = preview(week, datetime.now(UTC))
        assert not re.search(r"<script|<img|<link|<iframe|@import|url\(|\ssrc=", page)
        links = set(re.findall(r'href="([^"]*)"', page))
        assert {link for link in links if not link.startswith("#")} <= {
            f"https://news.example/{number}" for number in range(300)
        }

    def test_times_are_told_as_clocks_in_riyadh_show_them(self, es):
        now = datetime(2026, 3, 1, 21, 30, tzinfo=UTC)
        assert '<span dir="ltr">02/03/2026 00:30</span> بتوقيت الرياض' in preview(es, now)

    def test_an_empty_node_gives_a_page_that_says_so(self, es):
        page = preview(es, datetime.now(UTC))
        assert page.count("لا شيء في هذه المدة") > 40
        assert '<p class="number">0</p>' in page
        assert "link_incidents" not in page

    def test_mentions_without_incidents_are_explained(self, es):
        _index(es, actor="الحوثيون")
        assert "<bdi>link_incidents</bdi>" in preview(es, datetime.now(UTC))

    def test_names_and_addresses_from_the_news_cannot_break_the_page(self, es):
        _index(es, actor="<script>", url='javascript:alert("x")', outlet='"><b onclick=x>')
        page = preview(es, datetime.now(UTC))
        assert "<script>" not in page
        assert "&lt;script&gt;" in page
        assert "javascript:" not in page
        assert "<b onclick" not in page

    def test_the_command_writes_it(self, week, es_settings, monkeypatch, tmp_path):
        from rasid.cli import kibana

        monkeypatch.setattr(kibana, "settings", lambda: es_settings)
        out = tmp_path / "page.html"
        done = CliRunner().invoke(kibana.kibana_app, ["preview", "--out", str(out)])
        assert done.exit_code == 0, done.output
        assert out.read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.node
@pytest.mark.slow
class TestInABrowser:
    @pytest.fixture
    def page_file(self, week, tmp_path):
        file = tmp_path / "preview.html"
        file.write_text(preview(week, datetime.now(UTC)), "utf-8")
        return file

    @pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_each_dashboard_is_legible(self, browser, page_file, size, scheme):
        """One dashboard at a time, nothing cut off at the side, text in enough contrast."""
        page = browser.new_page(viewport=size, color_scheme=scheme)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_file.as_uri())
        for title, link in [
            (link.inner_text(), link) for link in page.locator("header nav a").all()
        ]:
            link.click()
            assert page.locator("article:visible h1").all_inner_texts() == [title]
            found = json.loads(page.evaluate(_MEASURE))
            assert found["overflow"] <= 0, f"{title} is {found['overflow']} px too wide"
            assert found["direction"] == "rtl"
            assert found["contrast"] >= 4.5, f"{title}: contrast {found['contrast']:.1f}"
            assert found["smallest"] >= 11, f"{title}: text of {found['smallest']} px"
            assert found["flat"] == [], f"{title}: charts without a size: {found['flat']}"
        assert all(url.startswith("file:") for url in asked)
        page.close()

    def test_time_runs_from_left_to_right_and_bars_from_the_right(self, browser, page_file):
        page = browser.new_page(viewport=DESK)
        page.goto(page_file.as_uri())
        times = page.locator("article:visible .times span").all()
        lefts = [time.bounding_box()["x"] for time in times]
        assert lefts == sorted(lefts)
        assert len(lefts) > 2
        bar = page.locator("article:visible .bars li").first
        name, shape, value = (bar.locator(part).bounding_box()["x"] for part in (".name", "svg", ".value"))  # fmt: skip
        assert name > shape > value
        page.close()


# Widths, the worst contrast of any text with what lies behind it (WCAG 2 formula), font sizes.
_MEASURE = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const behind = (element) => {
    let over = [];
    for (let e = element; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c[3] > 0) over.push(c);
      if (c[3] === 255) break;
    }
    return over.reverse().reduce((below, c) => below.map((v, i) => v + (c[i] - v) * c[3] / 255));
  };
  let contrast = 21, smallest = 99;
  for (const element of document.querySelectorAll('header *, article:target *')) {
    const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || element.closest('svg, .map') || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const a = light(rgb(style.color)), b = light(behind(element));
    contrast = Math.min(contrast, (Math.max(a, b) + .05) / (Math.min(a, b) + .05));
    smallest = Math.min(smallest, parseFloat(style.fontSize));
  }
  const flat = [...document.querySelectorAll('article:target svg')]
    .filter(s => s.getBoundingClientRect().height < 5 || s.getBoundingClientRect().width < 20)
    .map(s => s.closest('section')?.innerText.slice(0, 30));
  const root = document.documentElement;
  return JSON.stringify({
    overflow: root.scrollWidth - root.clientWidth,
    direction: getComputedStyle(document.body).direction, contrast, smallest, flat});
}"""


def _index(es, **fields):
    now = datetime.now(UTC)
    document = {"tag": "attack", "event": "attack", "modality": "factual"}
    document |= {"published_at": now.isoformat(), **fields}
    es.index(index=index_for("mentions", now), document=document, refresh=True)
