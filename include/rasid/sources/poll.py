"""One poll of one feed: a conditional request, and what came of it as data."""

from __future__ import annotations

import hashlib
import re

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from rasid.errors import FetchError
from rasid.sources.parse import MAX_ITEMS, FeedItem, Parsed, parse_feed
from rasid.sources.registry import Feed
from rasid.web import Fetched, GuardedClient, decode, site_of


# After so long with nothing but 304 the feed is asked without validators: some servers lie.
DISTRUST_AFTER = timedelta(hours=24)
STALE_AFTER = timedelta(days=7)
HEAD_BYTES = 4096
ACCEPT = (
    "application/rss+xml, application/atom+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"
)

# A feed that is written anew at each request is still the same feed.
_BUILD_DATE = re.compile(rb"<(lastBuildDate|updated|pubDate)>[^<]*</\1>")


@dataclass(frozen=True, slots=True)
class Validators:
    """What a feed said about its last whole answer; `full_at` is when that came."""

    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    full_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FeedPoll:
    """One poll. `outcome` and `flags` are names of ingestion.md §8.

    `elapsed` and `retry_after` in seconds, `ttl` in minutes (how long the source says its answer
    holds). `dropped` are (outcome, what) of items that cannot be followed. `head` holds the first
    4 kB of an answer that is no feed. `validators` are to be remembered once the items are settled.
    """

    feed_id: str
    outcome: str
    polled_at: datetime
    validators: Validators
    flags: tuple[str, ...] = ()
    status: int | None = None
    items: tuple[FeedItem, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    elapsed: float = 0.0
    error: str = ""
    charset: str = ""
    charset_source: str = ""
    retry_after: float | None = None
    ttl: float | None = None
    title: str = ""
    head: str = ""
    final_url: str = ""


async def poll_feed(
    client: GuardedClient, feed: Feed, validators: Validators, *, now: datetime
) -> FeedPoll:
    """Poll `feed` once; never raises for what the source did."""
    poll = FeedPoll(feed_id=feed.id, outcome="", polled_at=now, validators=validators)
    if feed.policy == "refuse":
        return replace(poll, outcome="policy_refused", error="refused by the registry")
    trusting = not feed.ignore_validators and not _distrusts(validators, now)
    try:
        answer = await client.get(
            feed.url,
            headers={"Accept": ACCEPT, **(_conditions(validators) if trusting else {})},
            deadline=feed.timeout,
            min_interval=feed.min_interval,
            respect_robots=feed.respects_robots,
            sites=feed.sites,
        )
    except FetchError as error:
        return replace(
            poll,
            outcome=error.outcome,
            status=error.status,
            error=str(error),
            retry_after=error.retry_after,
        )
    poll = replace(
        poll,
        status=answer.status,
        elapsed=answer.elapsed,
        final_url=answer.final_url,
        ttl=_fresh_minutes(answer),
    )
    if answer.status == 304:
        return replace(poll, outcome="not_modified")
    return _read(poll, feed, answer)


def _read(poll: FeedPoll, feed: Feed, answer: Fetched) -> FeedPoll:
    """The poll completed by what the body holds."""
    before = poll.validators
    after = Validators(
        etag=answer.headers.get("etag"),
        last_modified=answer.headers.get("last-modified"),
        body_hash=hashlib.blake2b(_BUILD_DATE.sub(b"", answer.body), digest_size=16).hexdigest(),
        full_at=poll.polled_at,
    )
    if after.body_hash == before.body_hash:
        return replace(poll, outcome="unchanged", validators=after)
    decoded = decode(answer.body, http_charset=answer.http_charset)
    poll = replace(poll, charset=decoded.charset, charset_source=decoded.source)
    if not answer.body.strip():
        return replace(poll, outcome="empty_feed", error="an empty body")
    if not decoded.charset:
        return replace(poll, outcome="bad_encoding", head=_head(answer.body.decode("latin-1")))
    parsed = parse_feed(decoded.text, url=answer.final_url, timezone=feed.timezone)
    if parsed.outcome not in {"ok", "empty_feed"}:
        head = _head(decoded.text)
        return replace(poll, outcome=parsed.outcome, error=parsed.error, head=head)
    items = tuple(i for i in parsed.items if feed.owns(i.url))[:MAX_ITEMS]
    foreign = [("foreign_host", i.url) for i in parsed.items if not feed.owns(i.url)]
    if parsed.items and not items:
        others = ", ".join(sorted({site_of(i.url) for i in parsed.items})[:3])
        error = f"all items link to {others}; name it in `hosts` if that is right"
        return replace(
            poll, outcome="wrong_feed", error=error, title=parsed.title, dropped=tuple(foreign)
        )
    return replace(
        poll,
        outcome=parsed.outcome,
        flags=_flags(parsed, poll, before, after, repaired=decoded.repaired),
        items=items,
        dropped=(*parsed.dropped, *foreign),
        validators=after,
        error=parsed.error,
        title=parsed.title,
        ttl=max((t for t in (poll.ttl, parsed.ttl) if t is not None), default=None),
    )


def _flags(
    parsed: Parsed, poll: FeedPoll, before: Validators, after: Validators, *, repaired: bool
) -> tuple[str, ...]:
    flags = list(parsed.flags)
    if repaired:
        flags.append("charset_repaired")
    same_claims = (after.etag, after.last_modified) == (before.etag, before.last_modified)
    if before.body_hash and same_claims and (after.etag or after.last_modified):
        flags.append("validators_lie")
    dates = [i.published_at for i in parsed.items if i.published_at]
    if dates and poll.polled_at - max(dates) > STALE_AFTER:
        flags.append("stale")
    return tuple(flags)


def _conditions(validators: Validators) -> dict[str, str]:
    headers = {}
    if validators.etag:
        headers["If-None-Match"] = validators.etag
    if validators.last_modified:
        headers["If-Modified-Since"] = validators.last_modified
    return headers


def _distrusts(validators: Validators, now: datetime) -> bool:
    return validators.full_at is not None and now - validators.full_at > DISTRUST_AFTER


def _fresh_minutes(answer: Fetched) -> float | None:
    """How long the answer holds, by Cache-Control max-age or Expires (RFC 9111 §4.2.1)."""
    match = re.search(r"max-age=(\d{1,9})", answer.headers.get("cache-control", ""))
    if match:
        return int(match[1]) / 60
    try:
        expires = parsedate_to_datetime(answer.headers.get("expires", ""))
        return max((expires - answer.fetched_at).total_seconds() / 60, 0.0)
    except (TypeError, ValueError):
        return None


def _head(text: str) -> str:
    return text.encode()[:HEAD_BYTES].decode("utf-8", "ignore")
