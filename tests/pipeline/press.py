"""Outlets for tests: feeds and pages that a test writes, edits and takes down, on the demo's site."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import yaml

from rasid.demo.site import Resource


if TYPE_CHECKING:
    from tests.pipeline.conftest import Chain

LEAD = "قُتل {killed} جنود وأصيب أحد عشر آخرون في هجوم شنه مسلحون حوثيون فجر اليوم على نقطة تفتيش للجيش شرقي مدينة مأرب."
AGENCY = (
    "وقال مصدر عسكري في المحافظة إن المهاجمين وصلوا على متن ثلاث عربات وأطلقوا قذائف صاروخية قبل أن ينسحبوا باتجاه الجبال المطلة على الطريق.",
    "وأضاف المصدر أن تعزيزات من اللواء السادس وصلت إلى المكان بعد نصف ساعة، وأن اشتباكات متقطعة استمرت حتى ساعات الصباح الأولى.",
    "ونقلت سيارات الإسعاف الجرحى إلى مستشفى المدينة العام، حيث أعلنت إدارته حاجتها إلى متبرعين بالدم من مختلف الفصائل.",
    "ولم يصدر تعليق فوري من الجماعة، فيما دعت السلطة المحلية السكان إلى الابتعاد عن الطريق الدولي إلى حين انتهاء التمشيط.",
    "وتشهد المنطقة منذ مطلع الشهر تصعيداً في عمليات القصف المتبادل، رغم مساعٍ إقليمية لتثبيت هدنة هشة بين الطرفين.",
)
QUIET = (
    "افتتحت وزارة الثقافة مساء أمس معرضاً للخط العربي يضم أعمال أربعين فناناً من بلدان عدة، ويستمر أسبوعين في القاعة الكبرى.",
    "وقال مدير المعرض إن الأعمال المعروضة تجمع بين المدارس القديمة والتجارب الحديثة، وإن ورشاً يومية ستقام للأطفال واليافعين.",
    "وتُعرض على هامش الفعالية مخطوطات نادرة أعارتها مكتبات خاصة، بعضها يعود إلى القرن التاسع الهجري ولم يُعرض من قبل.",
)


def attack(killed: str = "ثلاثة", *, lead: str = LEAD, sentences: tuple[str, ...] = AGENCY) -> str:
    """The agency's report, a paragraph a line."""
    return "\n".join((lead.format(killed=killed), *sentences))


@dataclass
class Piece:
    """One article of an outlet as it stands now."""

    title: str
    text: str
    at: datetime
    updated: str = ""
    head: str = ""


@dataclass
class Outlet:
    """An outlet with one feed; `put` publishes or edits, `drop` takes a page down."""

    chain: Chain
    id: str
    name: str
    extra: dict = field(default_factory=dict)
    pieces: dict[str, Piece] = field(default_factory=dict)

    def path(self, slug: str) -> str:
        return f"/{self.id}/{slug}"

    def put(self, slug: str, title: str, text: str, *, hours_ago: float = 1, **more) -> None:
        at = self.chain.clock - timedelta(hours=hours_ago)
        known = self.pieces.get(slug)
        self.pieces[slug] = Piece(title, text, known.at if known else at, **more)
        self.serve()

    def silently(self, slug: str, text: str) -> None:
        """Edit the page and leave the feed as it is."""
        self.pieces[slug].text = text
        self._serve_page(slug)

    def drop(self, slug: str, status: int = 404, body: str = "Not Found") -> None:
        """The page goes; the feed does not say so."""
        page = f"<html><head><title>{body}</title></head><body><p>{body}</p></body></html>"
        self.chain.site.resources[self.path(slug)] = Resource(
            page.encode(), "text/html; charset=utf-8", status=status
        )

    def serve(self) -> None:
        items = "".join(self._item(slug) for slug in self.pieces)
        self.chain.site.resources[self.path("rss")] = Resource(
            f'<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"'
            f' xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>'
            f"<title>{self.name}</title>{items}</channel></rss>".encode(),
            "application/rss+xml; charset=utf-8",
        )
        for slug in self.pieces:
            self._serve_page(slug)

    def feed(self) -> dict:
        """Its entry in the registry."""
        url = self.chain.site.url + self.path("rss")
        return {"id": self.id, "outlet": self.name, "url": url, "min_interval": 0, **self.extra}

    def _item(self, slug: str) -> str:
        piece = self.pieces[slug]
        updated = f"<atom:updated>{piece.updated}</atom:updated>" if piece.updated else ""
        whole = f"<content:encoded><![CDATA[{_html(piece.text)}]]></content:encoded>"
        return (
            f"<item><title>{piece.title}</title><link>{self.chain.site.url}{self.path(slug)}</link>"
            f"<pubDate>{format_datetime(piece.at)}</pubDate>{updated}"
            f"{whole if self.extra.get('full_text') else ''}</item>"
        )

    def _serve_page(self, slug: str) -> None:
        piece = self.pieces[slug]
        page = (
            f"<html><head><title>{piece.title}</title>{piece.head}</head><body><article>"
            f"<h1>{piece.title}</h1>{_html(piece.text)}</article></body></html>"
        )
        self.chain.site.resources[self.path(slug)] = Resource(
            page.encode(), "text/html; charset=utf-8"
        )


def open_outlets(chain: Chain, *names: str, **extra) -> list[Outlet]:
    """Outlets with these ids, and a registry of them alone."""
    made = [Outlet(chain, name, f"صحيفة {name}", dict(extra)) for name in names]
    register(chain, *made)
    return made


def register(chain: Chain, *outlets: Outlet) -> None:
    """Make these outlets the whole registry."""
    for outlet in outlets:
        outlet.serve()
    body = yaml.safe_dump({"feeds": [o.feed() for o in outlets]}, allow_unicode=True)
    chain.registry.write_text(body, "utf-8")


def _html(text: str) -> str:
    return "".join(f"<p>{line}</p>" for line in text.split("\n"))
