"""A small Arabic news site on the loopback interface: six outlets, eight feeds, no two alike.

The articles are our own and their events are invented (include/demo/articles, one file each). Dates
are counted back from `now`, which is fixed when the site starts, so a body never changes between
two requests. `GET /_requests` answers how often each path was asked for, as JSON.
"""

from __future__ import annotations

import argparse
import json

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from zoneinfo import ZoneInfo

import jinja2
import structlog
import yaml

from rasid.errors import ConfigError
from rasid.settings import INCLUDE


if TYPE_CHECKING:
    from types import TracebackType


PORT = 8800
HOST = "127.0.0.1"
DEMO = INCLUDE / "demo"

ARABIC_INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
WEEKDAYS = ("الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد")
MONTHS = {
    "levantine": (
        *("كانون الثاني", "شباط", "آذار", "نيسان", "أيار", "حزيران"),
        *("تموز", "آب", "أيلول", "تشرين الأول", "تشرين الثاني", "كانون الأول"),
    ),
    "maghrebi": (
        *("جانفي", "فيفري", "مارس", "أفريل", "ماي", "جوان"),
        *("جويلية", "أوت", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"),
    ),
    "egyptian": (
        *("يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو"),
        *("يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"),
    ),
}


@dataclass(frozen=True, slots=True)
class Outlet:
    """One newsroom: what its feed and pages look like. `path` is a pattern over an article."""

    id: str
    name: str
    tagline: str
    country: str
    timezone: str
    feed: str
    feed_template: str
    feed_type: str
    path: str
    months: str = "levantine"
    indic_digits: bool = False
    full_text: bool = False
    charset: str = "utf-8"
    validators: bool = True

    def day(self, moment: datetime) -> str:
        """The visible date, as in «٢٤ تشرين الثاني ٢٠٢٦»."""
        return self.digits(f"{moment.day} {MONTHS[self.months][moment.month - 1]} {moment.year}")

    def digits(self, text: str) -> str:
        """`text` with the digits this outlet prints."""
        return text.translate(ARABIC_INDIC) if self.indic_digits else text

    def content_type(self, kind: str) -> str:
        """The Content-Type header; the windows-1256 outlet names no charset, as such servers do."""
        return f"{kind}; charset=utf-8" if self.charset == "utf-8" else kind


OUTLETS = (
    Outlet(
        id="sahel",
        name="الساحل الإخباري",
        tagline="من بيروت إلى المتوسط، الخبر أولاً",
        country="Lebanon",
        timezone="Asia/Beirut",
        feed="/sahel/rss.xml",
        feed_template="rss.xml",
        feed_type="application/rss+xml",
        path="/sahel/news/{id}/{slug}",
        indic_digits=True,
    ),
    Outlet(
        id="furat",
        name="منبر الفرات",
        tagline="صحيفة عراقية يومية مستقلة",
        country="Iraq",
        timezone="Asia/Baghdad",
        feed="/furat/atom.xml",
        feed_template="atom.xml",
        feed_type="application/atom+xml",
        path="/furat/article/{slug}.html",
    ),
    Outlet(
        id="tihama",
        name="بوابة تهامة",
        tagline="أخبار اليمن والبحر الأحمر على مدار الساعة",
        country="Yemen",
        timezone="Asia/Aden",
        feed="/tihama/feed/",
        feed_template="rss_full.xml",
        feed_type="application/rss+xml",
        path="/tihama/?p={id}",
        months="egyptian",
        full_text=True,
    ),
    Outlet(
        id="waraq",
        name="ورق الشام",
        tagline="يومية سورية جامعة",
        country="Syria",
        timezone="Asia/Damascus",
        feed="/waraq/rss.php",
        feed_template="rss_old.xml",
        feed_type="text/xml",
        path="/waraq/article.php?id={id}",
        charset="windows-1256",
        validators=False,
    ),
    Outlet(
        id="atlas",
        name="أطلس المغاربي",
        tagline="عين على المغرب الكبير والساحل الأفريقي",
        country="Libya",
        timezone="Africa/Tunis",
        feed="/atlas/feed.rss",
        feed_template="rss.xml",
        feed_type="application/rss+xml",
        path="/atlas/{section}/{words}",
        months="maghrebi",
    ),
    Outlet(
        id="nile",
        name="ضفاف النيل",
        tagline="السودان ومصر والقرن الأفريقي",
        country="Sudan",
        timezone="Africa/Khartoum",
        feed="/nile/feeds/all",
        feed_template="rss.xml",
        feed_type="application/xml",
        path="/nile/story/{id}-{slug}",
        months="egyptian",
        indic_digits=True,
    ),
)
BY_ID = {outlet.id: outlet for outlet in OUTLETS}

# Two more feeds that bring nothing, as in every real registry.
BROKEN_FEED = "/sada/rss"  # always 500
HTML_FEED = "/miraa/feed"  # the outlet moved; its home page answers in the feed's place


@dataclass(frozen=True, slots=True)
class Expected:
    """A tag that a reader would give the article. `actor` and `place` are words of its text."""

    tag: str  # militia_attack | attack | troop_movement; militia_attack is an attack too
    modality: str
    actor: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Article:
    """One file of include/demo/articles, its date still to be counted.

    Summary and paragraphs may say `{day}`, `{yesterday}` and `{tomorrow}`: names of weekdays.
    """

    id: int
    slug: str
    outlet: Outlet
    title: str
    author: str
    section: str
    hours_ago: float
    summary: str
    expects: tuple[Expected, ...]
    paragraphs: tuple[str, ...]

    @property
    def path(self) -> str:
        """Where the site answers with it: decoded path and query."""
        words = "-".join(word.strip("«»:،؟!.\"'") for word in self.title.split())
        return self.outlet.path.format(
            id=self.id, slug=self.slug, section=self.section, words=words
        )


@dataclass(frozen=True, slots=True)
class Story:
    """An article as published; `published` is in the outlet's local time."""

    article: Article
    url: str
    published: datetime
    summary: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What should be found in one article; no tags means that it is quiet."""

    path: str
    title: str
    tags: tuple[Expected, ...]


@dataclass(frozen=True, slots=True)
class Resource:
    """One answer of the site, rendered at its start."""

    body: bytes
    content_type: str
    status: int = 200
    etag: str = ""
    modified: datetime | None = None


@lru_cache(maxsize=1)
def articles() -> tuple[Article, ...]:
    """Every article, newest first. Raises ConfigError naming the file that cannot be read."""
    found = []
    for file in sorted((DEMO / "articles").glob("*.md")):
        try:
            _, front, body = file.read_text("utf-8").split("---\n", 2)
            fields = yaml.safe_load(front)
            found.append(
                Article(
                    slug=file.stem,
                    outlet=BY_ID[fields.pop("outlet")],
                    expects=tuple(Expected(**tag) for tag in fields.pop("expects")),
                    paragraphs=tuple(" ".join(part.split()) for part in body.strip().split("\n\n")),
                    **fields,
                )
            )
        except (ValueError, KeyError, TypeError, yaml.YAMLError) as error:
            raise ConfigError(f"{file.name}: not a demo article: {error!r}") from error
    return tuple(sorted(found, key=lambda article: (article.hours_ago, article.id)))


def stories(now: datetime, base: str) -> tuple[Story, ...]:
    """The articles as published before `now` on a site at `base`, newest first."""
    return tuple(_published(article, now, base) for article in articles())


def _published(article: Article, now: datetime, base: str) -> Story:
    zone = ZoneInfo(article.outlet.timezone)
    moment = (now - timedelta(hours=article.hours_ago)).replace(second=0, microsecond=0)
    local = moment.astimezone(zone)

    def dated(text: str) -> str:
        for name, days in (("{day}", 0), ("{yesterday}", -1), ("{tomorrow}", 1)):
            text = text.replace(name, WEEKDAYS[(local.weekday() + days) % 7])
        return text

    return Story(
        article=article,
        url=base + quote(article.path, safe="/?=&"),
        published=local,
        summary=dated(article.summary),
        paragraphs=tuple(dated(paragraph) for paragraph in article.paragraphs),
    )


def expectations() -> list[Expectation]:
    """What a run over the site should find, article by article."""
    return [Expectation(item.path, item.title, item.expects) for item in articles()]


def demo_feeds(port: int = PORT) -> list[dict[str, Any]]:
    """Entries of the feed registry for a site on `port`; include/demo/feeds.yaml holds them."""
    base = f"http://{HOST}:{port}"
    shared = {"language": "ar", "min_interval": 0, "cadence_minutes": 5}
    feeds: list[dict[str, Any]] = [
        {
            "id": outlet.id,
            "outlet": outlet.name,
            "url": base + outlet.feed,
            "country": outlet.country,
            "timezone": outlet.timezone,
            **shared,
            **({"full_text": True} if outlet.full_text else {}),
        }
        for outlet in OUTLETS
    ]
    return [
        *feeds,
        {"id": "sada", "outlet": "صدى البادية", "url": base + BROKEN_FEED, **shared},
        {"id": "miraa", "outlet": "مرآة الخليج", "url": base + HTML_FEED, **shared},
    ]


def render(now: datetime, base: str) -> dict[str, Resource]:
    """Everything the site answers, by decoded path and query. `now` is aware."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(DEMO / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"rfc822": format_datetime, "iso": datetime.isoformat}
    environment.globals |= {"base": base, "weekdays": WEEKDAYS, "outlets": OUTLETS}

    def page(template: str, **values: Any) -> str:
        return environment.get_template(template).render(**values)

    pages = {
        "/": Resource(page("home.html").encode(), "text/html; charset=utf-8"),
        "/robots.txt": Resource(b"User-agent: *\nAllow: /\n", "text/plain; charset=utf-8"),
        BROKEN_FEED: Resource(b"Internal Server Error\n", "text/plain; charset=utf-8", status=500),
        HTML_FEED: Resource(page("moved.html").encode(), "text/html; charset=utf-8"),
    }
    all_stories = stories(now, base)
    for outlet in OUTLETS:
        own = [story for story in all_stories if story.article.outlet is outlet]
        common = {"outlet": outlet, "stories": own, "newest": own[0].published}

        feed = page(outlet.feed_template, **common)
        pages[outlet.feed] = _resource(outlet, outlet.feed_type, feed, own[0].published)
        front = page("front.html", **common)
        pages[f"/{outlet.id}/"] = _resource(outlet, "text/html", front, own[0].published)
        for story in own:
            others = [other for other in own if other is not story]
            text = page(f"{outlet.id}.html", outlet=outlet, story=story, others=others)
            pages[story.article.path] = _resource(outlet, "text/html", text, story.published)
    return pages


def _resource(outlet: Outlet, kind: str, text: str, modified: datetime) -> Resource:
    body = text.encode(outlet.charset)
    if not outlet.validators:
        return Resource(body, outlet.content_type(kind))
    etag = f'"{blake2b(body, digest_size=8).hexdigest()}"'
    return Resource(body, outlet.content_type(kind), etag=etag, modified=modified.astimezone(UTC))


def _known_path(target: str) -> str:
    """The request target decoded, without campaign parameters, as the keys of `render`."""
    parts = urlsplit(target)
    query = [(k, v) for k, v in parse_qsl(parts.query) if not k.startswith("utm_")]
    return unquote(parts.path) + (f"?{urlencode(query)}" if query else "")


@dataclass(slots=True)
class Site:
    """A running site. Close it, or use it as a context manager."""

    server: ThreadingHTTPServer
    thread: Thread = field(init=False)
    resources: dict[str, Resource] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    @property
    def port(self) -> int:
        """The port it listens on, also when it was asked for as 0."""
        return self.server.server_port

    @property
    def url(self) -> str:
        """Root of the site, without a final slash."""
        return f"http://{HOST}:{self.port}"

    def requests(self) -> dict[str, int]:
        """Requests so far by decoded path and query, conditional ones too."""
        with self.lock:
            return dict(self.counts)

    def close(self) -> None:
        """Stop answering and free the port."""
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def serve(port: int = PORT, *, now: datetime) -> Site:
    """Start the site on the loopback interface in a thread of its own. Raises OSError if taken."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "demo"
        sys_version = ""
        timeout = 30

        def do_GET(self) -> None:
            path = _known_path(self.path)
            if path == "/_requests":
                body = json.dumps(site.requests(), ensure_ascii=False, sort_keys=True).encode()
                self._send(Resource(body, "application/json"))
                return
            with site.lock:
                site.counts[path] += 1
            resource = site.resources.get(path)
            if resource is None:
                self._send(Resource(b"Not Found\n", "text/plain; charset=utf-8", status=404))
            elif self._is_current(resource):
                self._send(Resource(b"", "", 304, resource.etag, resource.modified))
            else:
                self._send(resource)

        def _is_current(self, resource: Resource) -> bool:
            """RFC 9110 §13.2.2: If-Modified-Since counts only without If-None-Match."""
            if not resource.etag or resource.modified is None:
                return False
            if (tags := self.headers.get("If-None-Match")) is not None:
                return resource.etag in [tag.strip().removeprefix("W/") for tag in tags.split(",")]
            try:
                since = parsedate_to_datetime(self.headers.get("If-Modified-Since", ""))
            except ValueError:
                return False
            return resource.modified <= since

        def _send(self, resource: Resource) -> None:
            self.send_response(resource.status)
            if resource.etag:
                self.send_header("ETag", resource.etag)
            if resource.modified is not None:
                self.send_header("Last-Modified", format_datetime(resource.modified, usegmt=True))
            if resource.status != 304:
                self.send_header("Content-Type", resource.content_type)
                self.send_header("Content-Length", str(len(resource.body)))
            self.end_headers()
            self.wfile.write(resource.body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the counts are the log."""

    site = Site(ThreadingHTTPServer((HOST, port), Handler))
    site.resources |= render(now, site.url)
    site.thread = Thread(target=site.server.serve_forever, name="demo-site", daemon=True)
    site.thread.start()
    return site


def main() -> None:
    """Serve until interrupted: `python -m rasid.demo.site --port N`."""
    parser = argparse.ArgumentParser(description="Serve the demo news site on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=PORT)
    site = serve(parser.parse_args().port, now=datetime.now(UTC))
    structlog.get_logger().info("demo site is up", url=site.url, articles=len(articles()))
    try:
        site.thread.join()
    except KeyboardInterrupt:
        site.close()


if __name__ == "__main__":
    main()
