"""The brief over own incidents on the real node, and its page in a real browser."""

from __future__ import annotations

import re

from datetime import UTC, datetime, timedelta

import pytest

from rasid.brief import Period, brief_names, brief_page, gather, read_brief, write_brief
from rasid.errors import ConfigError
from rasid.search import write_all
from rasid.search.incidents import document, link
from rasid.search.templates import index_for
from rasid.search.writing import Write
from rasid.settings import settings


NOW = datetime(2026, 11, 29, 4, tzinfo=UTC)
DAY = Period(NOW - timedelta(days=1), NOW)


def mention(n: int, outlet: str, sentence: str, *, hours: float, **changes) -> dict:
    """A mention as the index holds it, `hours` before NOW."""
    at = (NOW - timedelta(hours=hours)).isoformat()
    return {
        "mention_id": f"m{n}",
        "article_id": f"a{n}",
        "revision": 1,
        "tag": "militia_attack",
        "event": "attack",
        "kind": None,
        "modality": "factual",
        "actor": ["حركة الفجر"],
        "actor_id": ["fajr"],
        "force": [],
        "target": ["ثكنة الوادي"],
        "from": [],
        "to": [],
        "place": ["العريش"],
        "location": {"lat": 31.13, "lon": 33.8},
        "place_precision": "town",
        "event_time": at,
        "weapon": ["قذائف هاون"],
        "killed": {"min": 3, "max": 3},
        "injured": None,
        "trigger": {"text": "هاجم", "start": 0, "end": 4},
        "sentence": {"text": sentence, "start": 0, "end": len(sentence)},
        "roles": {},
        "confidence": 0.9,
        "attribution": {"status": "official", "speaker": None, "claimed_by": [], "denied_by": []},
        "outlet": outlet,
        "newsroom": outlet,
        "feed_id": f"feed-{outlet}",
        "country": "مصر",
        "url": f"https://news.example/{n}",
        "title": f"خبر {n}",
        "published_at": at,
        "first_seen_at": at,
        **changes,
    }


MENTIONS = [
    mention(1, "النيل", "هاجمت حركة الفجر ثكنة الوادي في العريش وقتلت ثلاثة جنود", hours=9),
    mention(
        2,
        "الصدى",
        "هاجم مسلحو حركة الفجر ثكنة الوادي قرب العريش فقُتل ثمانية جنود",
        hours=8,
        killed={"min": 8, "max": 8},
        url="javascript:alert(1)",
    ),
    mention(
        3,
        "الفرات",
        "سحب الجيش لواءً من الضفة الشرقية إلى القاعدة الجنوبية",
        hours=5,
        tag="troop_movement",
        event="troop_movement",
        kind="withdraw",
        actor=["الجيش"],
        actor_id=["army"],
        target=[],
        place=[],
        location=None,
        place_precision=None,
        weapon=[],
        killed=None,
        **{"from": ["الضفة الشرقية"], "to": ["القاعدة الجنوبية"]},
    ),
    # The week before: one attack, a seventh of one a day.
    mention(4, "النيل", "هاجمت حركة الفجر نقطة تفتيش في رفح", hours=80, place=["رفح"]),
]


@pytest.fixture
def filled(es, tmp_path, monkeypatch):
    """Own mentions and their incidents, a feed that fails, and an empty store."""
    monkeypatch.setenv("RASID_STORE", (tmp_path / "store").as_uri())
    settings.cache_clear()
    index = index_for("mentions", NOW)
    list(write_all(es, [Write(index, m["mention_id"], 1, m) for m in MENTIONS]))
    incidents = [document(incident) for incident in link(MENTIONS)]
    writes = [Write(index_for("incidents"), i["incident_id"], 1, i) for i in incidents]
    assert all(result.status == "created" for result in write_all(es, writes))
    for feed, outcome in (("good", "ok"), ("bad", "server_error")):
        es.index(
            index=index_for("polls"),
            document={
                "feed_id": feed,
                "outlet": f"صحيفة {feed}",
                "polled_at": (NOW - timedelta(hours=1)).isoformat(),
                "outcome": outcome,
                "error": "",
                "failure_streak": 4 if feed == "bad" else 0,
            },
        )
    es.indices.refresh(index="rasid-*")
    yield es
    settings.cache_clear()


@pytest.mark.node
def test_a_brief_tells_what_the_index_holds(filled):
    """Two newsrooms are one incident with both numbers; figures stand beside the week before."""
    brief = gather(filled, DAY)
    figures = {figure.name: figure for figure in brief.figures}
    assert figures["militia_attacks"].now == 1
    assert figures["militia_attacks"].usual == pytest.approx(1 / 7)
    assert figures["movements"].now == 1
    assert figures["killed_at_least"].now == 3
    (attack,) = brief.attacks
    assert attack.sources == 2
    assert attack.killed == (3, 8)
    assert [claim.outlet for claim in attack.claims] == ["النيل", "الصدى"]
    assert brief.disputed == (attack,)
    (movement,) = brief.movements
    assert (movement.origins, movement.destinations) == (("الضفة الشرقية",), ("القاعدة الجنوبية",))
    assert [(unread.feed_id, unread.failures) for unread in brief.unread] == [("bad", 4)]
    assert sum(attacks for _, attacks, _ in brief.hours) == 1
    assert len(brief.hours) == 24


@pytest.mark.node
def test_every_line_quotes_its_source_and_leads_to_it(filled):
    """The page holds each sentence once under its outlet; a script address becomes no link."""
    page = brief_page(gather(filled, DAY), written_at=NOW)
    for told in MENTIONS[:3]:
        assert told["sentence"]["text"] in page
        assert f"<bdi>{told['outlet']}</bdi>" in page
    assert 'href="https://news.example/1"' in page
    assert "javascript:" not in page
    assert not re.findall(r'(?:src|href)="(?!https://news\.example/|#|")', page)


@pytest.mark.node
def test_a_brief_is_kept_by_its_period_and_written_over(filled):
    """Writing the same period again changes the page, not the number of briefs."""
    name = write_brief(filled, DAY, written_at=NOW)
    assert name == "2026-11-28T0400Z--2026-11-29T0400Z"
    assert write_brief(filled, DAY, written_at=NOW + timedelta(hours=1)) == name
    assert brief_names() == [name]
    assert "2026-11-29 05:00" in read_brief(name)
    with pytest.raises(LookupError):
        read_brief("../../etc/passwd")


@pytest.mark.node
def test_an_empty_period_is_said_to_be_empty(es):
    """A quiet night gives a page, not an error."""
    page = brief_page(gather(es, DAY), written_at=NOW)
    assert page.count("لا شيء في هذه المدة") == 3


def test_the_period_that_a_person_asks_for():
    """Empty ends have defaults; ends the wrong way round are refused in words."""
    asked = Period.asked(None, None, at=NOW.replace(minute=17))
    assert asked == DAY
    assert Period.asked("2026-11-01", None, at=NOW).since == datetime(2026, 11, 1, tzinfo=UTC)
    with pytest.raises(ConfigError, match="before it starts"):
        Period.asked("2026-11-29", "2026-11-28", at=NOW)
    with pytest.raises(ConfigError, match="no date"):
        Period.asked("أمس", None, at=NOW)


@pytest.mark.slow
@pytest.mark.node
def test_the_page_on_screen_phone_and_paper(filled, browser, tmp_path):
    """Right to left, nothing wider than the window, every section on paper too."""
    file = tmp_path / "brief.html"
    file.write_text(brief_page(gather(filled, DAY), written_at=NOW), "utf-8")
    page = browser.new_page()
    for wide in (1200, 390):
        page.set_viewport_size({"width": wide, "height": 900})
        page.goto(file.as_uri())
        assert page.evaluate("getComputedStyle(document.body).direction") == "rtl"
        assert page.evaluate("document.documentElement.scrollWidth") <= wide
        page.screenshot(path=tmp_path / f"brief-{wide}.png", full_page=True)
    assert page.pdf(format="A4").startswith(b"%PDF")
