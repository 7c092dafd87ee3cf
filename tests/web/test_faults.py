"""Every row of the fault list that concerns fetching and polling, over real sockets.

The outcomes are the names that docs/operating.md explains.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import socket
import ssl
import time

from contextlib import ExitStack
from dataclasses import replace

import pytest

from rasid.sources import Feed, Validators, poll_feed
from rasid.web import GuardedClient, client


NOTHING = Validators()
NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)


def rss(*links: str, title: str = "وكالة الاختبار", extra: str = "") -> bytes:
    items = "".join(
        f"<item><title>خبر من المدينة رقم {n}</title><link>{link}</link>"
        f"<description>وصل الوفد إلى العاصمة في الصباح</description>"
        f"<pubDate>Tue, 24 Nov 2026 09:{n:02d}:00 +0300</pubDate></item>"
        for n, link in enumerate(links)
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel><title>{title}</title>'
        f"<link>/</link>{extra}{items}</channel></rss>"
    ).encode()


GOOD = rss("/a?sid=1", "/a?sid=2")


def polling(serve, routes, *, validators=NOTHING, times=1, allow=(), tls=None, now=NOW, **feed):
    """Polls /feed of a server with these routes; returns (last poll, site)."""

    async def main():
        async with serve(routes, tls) as site:
            allowed = frozenset({site.host, *allow})
            async with GuardedClient(allow_hosts=allowed, user_agent="Rasid/0.1") as client:
                source = Feed(
                    **{
                        "id": "f",
                        "outlet": "F",
                        "url": site.url("/feed"),
                        "min_interval": 0.0,
                        **feed,
                    }
                )
                remembered = validators
                for _ in range(times):
                    poll = await poll_feed(client, source, remembered, now=now)
                    remembered = poll.validators
                return poll, site

    return asyncio.run(main())


def test_a_sound_feed_is_ok_and_its_items_keep_their_ids(serve, reply) -> None:
    poll, site = polling(serve, {"/feed": reply("200 OK", GOOD)})
    assert (poll.outcome, len(poll.items), poll.flags) == ("ok", 2, ())
    assert [i.canonical_url for i in poll.items] == [site.url("/a?sid=1"), site.url("/a?sid=2")]


def test_304_is_not_modified_and_keeps_the_validators(serve, reply) -> None:
    async def conditional(writer, headers):
        fresh = headers.get("if-none-match") == '"v1"'
        writer.write(reply("304 Not Modified") if fresh else reply("200 OK", GOOD, ETag='"v1"'))

    poll, site = polling(serve, {"/feed": conditional}, times=2)
    assert (poll.outcome, poll.status, poll.validators.etag) == ("not_modified", 304, '"v1"')
    assert site.asked("/feed") == 2


def test_the_same_body_is_unchanged(serve, reply) -> None:
    poll, _ = polling(serve, {"/feed": reply("200 OK", GOOD)}, times=2)
    assert (poll.outcome, poll.items) == ("unchanged", ())


def test_a_body_that_differs_in_its_build_date_only_is_unchanged(serve, reply) -> None:
    async def stamped(writer, headers):
        stamp = f"<lastBuildDate>{time.monotonic_ns()}</lastBuildDate>"
        writer.write(reply("200 OK", rss("/a", extra=stamp)))

    assert polling(serve, {"/feed": stamped}, times=2)[0].outcome == "unchanged"


def test_validators_that_lie_are_found_out_after_a_day(serve, reply) -> None:
    """A server that says 304 although the feed changed is asked without validators once a day."""

    async def liar(writer, headers):
        known = "if-none-match" in headers
        writer.write(reply("304 Not Modified") if known else reply("200 OK", GOOD, ETag='"v1"'))

    old = Validators(etag='"v1"', body_hash="of another body", full_at=NOW)
    trusted, _ = polling(serve, {"/feed": liar}, validators=old)
    assert trusted.outcome == "not_modified"
    later, _ = polling(serve, {"/feed": liar}, validators=old, now=NOW + dt.timedelta(hours=25))
    assert (later.outcome, later.flags) == ("ok", ("validators_lie",))


def test_a_feed_whose_validators_are_ignored_is_asked_in_full(serve, reply) -> None:
    _, site = polling(
        serve, {"/feed": reply("200 OK", GOOD, ETag='"v1"')}, times=2, ignore_validators=True
    )
    assert all("if-none-match" not in headers for _, headers in site.seen)


@pytest.mark.parametrize(
    "body",
    [rss(), b"", b"  \n"],
    ids=["no items", "no body", "white space"],
)
def test_200_without_items_is_empty_feed(serve, reply, body) -> None:
    assert polling(serve, {"/feed": reply("200 OK", body)})[0].outcome == "empty_feed"


@pytest.mark.parametrize(
    "body",
    [
        "<!DOCTYPE html><html><head><title>تسجيل الدخول</title></head><body>ادخل</body></html>".encode(),
        "<html><body><h1>هذا النطاق للبيع</h1></body></html>".encode(),
        b"<!-- wall --><HTML lang='ar'><p>x</p></HTML>",
        b'{"error": "login"}',
        b"Maintenance",
    ],
    ids=["login", "parked", "comment first", "json", "plain"],
)
def test_200_with_something_else_is_not_a_feed_and_its_head_is_kept(serve, reply, body) -> None:
    poll, _ = polling(serve, {"/feed": reply("200 OK", body, Content_Type="text/xml")})
    assert (poll.outcome, poll.head) == ("not_a_feed", body.decode())


def test_a_feed_of_another_outlet_is_wrong_feed(serve, reply) -> None:
    body = rss("https://other-outlet.test/1", "https://other-outlet.test/2")
    assert polling(serve, {"/feed": reply("200 OK", body)})[0].outcome == "wrong_feed"


def test_a_bot_wall_is_a_challenge(serve, reply) -> None:
    body = reply("403 Forbidden", b"<html>Just a moment</html>", cf_mitigated="challenge")
    assert polling(serve, {"/feed": body})[0].outcome == "challenge"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("401 Unauthorized", "forbidden"),
        ("403 Forbidden", "forbidden"),
        ("451 Unavailable For Legal Reasons", "forbidden"),
        ("404 Not Found", "not_found"),
        ("410 Gone", "gone"),
        ("429 Too Many Requests", "throttled"),
        ("408 Request Timeout", "timeout"),
        *((f"{code} Error", "server_error") for code in (500, 502, 503, 504, 522, 524)),
    ],
)
def test_a_status_has_its_name(serve, reply, status, outcome) -> None:
    poll, _ = polling(serve, {"/feed": reply(status)})
    assert (poll.outcome, poll.status) == (outcome, int(status[:3]))


def test_503_with_retry_after_is_throttled_and_the_wait_is_told(serve, reply) -> None:
    poll, _ = polling(serve, {"/feed": reply("503 Busy", Retry_After="120")})
    assert (poll.outcome, poll.retry_after) == ("throttled", 120.0)


def test_retry_after_is_capped_at_a_day_and_may_be_a_date(serve, reply) -> None:
    assert (
        polling(serve, {"/feed": reply("429 X", Retry_After="9999999")})[0].retry_after == 86_400.0
    )
    when = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert 3500 < polling(serve, {"/feed": reply("429 X", Retry_After=when)})[0].retry_after <= 3600


def test_after_429_the_host_is_left_in_peace(serve, reply) -> None:
    poll, site = polling(serve, {"/feed": reply("429 Too Many Requests")}, times=3)
    assert (poll.outcome, site.asked("/feed")) == ("throttled", 1)
    assert 29 < poll.retry_after <= 30


def test_no_answer_is_a_timeout(serve) -> None:
    async def silent(writer, headers):
        await asyncio.sleep(30)

    started = time.monotonic()
    assert polling(serve, {"/feed": silent}, timeout=0.3)[0].outcome == "timeout"
    assert time.monotonic() - started < 5


def test_a_slow_drip_past_the_deadline_is_a_timeout(serve, reply) -> None:
    async def drip(writer, headers):
        writer.write(reply("200 OK", b"", Content_Length="100000"))
        for _ in range(300):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    started = time.monotonic()
    assert polling(serve, {"/feed": drip}, timeout=0.4)[0].outcome == "timeout"
    assert time.monotonic() - started < 5


def test_a_connection_that_never_completes_is_a_timeout_and_the_host_is_dead(
    serve, monkeypatch
) -> None:
    """A listener whose queue is full answers no handshake: packets go out, nothing comes back."""
    monkeypatch.setattr(client, "CONNECT_SECONDS", 0.5)
    with socket.socket() as listener, ExitStack() as knocking:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        for _ in range(4):
            knock = knocking.enter_context(socket.socket())
            knock.settimeout(0.0)
            knock.connect_ex(listener.getsockname())
        started = time.monotonic()
        poll, _ = polling(serve, {}, url=f"http://{host}/feed", allow={host}, times=3)
    assert (poll.outcome, poll.error) == ("timeout", "127.0.0.1 did not answer a moment ago")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("speaks", [b"", b"\x16\x03\x03\x00\x7a"], ids=["silent", "half a hello"])
def test_a_handshake_that_does_not_end_is_a_timeout(serve, monkeypatch, speaks) -> None:
    monkeypatch.setattr(client, "CONNECT_SECONDS", 0.5)

    async def main():
        async def stall(reader, writer):
            writer.write(speaks)
            await reader.read()
            writer.close()

        server = await asyncio.start_server(stall, "127.0.0.1", 0)
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with (
            server,
            GuardedClient(allow_hosts=frozenset({host}), user_agent="Rasid/0.1") as web,
        ):
            feed = Feed("f", "F", f"https://{host}/feed", min_interval=0.0)
            return await poll_feed(web, feed, NOTHING, now=NOW)

    assert asyncio.run(main()).outcome == "timeout"


def test_a_server_of_another_protocol_behind_https_is_a_tls_error(serve) -> None:
    async def main():
        async def ssh(reader, writer):
            writer.write(b"SSH-2.0-OpenSSH_9\r\n")
            writer.close()

        server = await asyncio.start_server(ssh, "127.0.0.1", 0)
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with (
            server,
            GuardedClient(allow_hosts=frozenset({host}), user_agent="Rasid/0.1") as web,
        ):
            feed = Feed("f", "F", f"https://{host}/feed", min_interval=0.0)
            return await poll_feed(web, feed, NOTHING, now=NOW)

    assert asyncio.run(main()).outcome == "tls_error"


def test_three_timeouts_in_a_row_make_the_host_dead(serve) -> None:
    async def silent(writer, headers):
        await asyncio.sleep(30)

    poll, site = polling(serve, {"/feed": silent}, timeout=0.2, times=5)
    assert (poll.outcome, site.asked("/feed")) == ("timeout", 3)


def test_a_refused_connection_is_unreachable(serve) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/feed"
    assert polling(serve, {}, url=url, allow={f"127.0.0.1:{port}"})[0].outcome == "unreachable"


def test_a_name_without_address_is_unreachable(serve) -> None:
    assert polling(serve, {}, url="http://nobody.invalid/feed")[0].outcome == "unreachable"


def test_a_reset_is_unreachable_and_the_host_is_not_asked_again(serve) -> None:
    async def reset(writer, headers):
        writer.transport.abort()

    poll, site = polling(serve, {"/feed": reset}, times=3)
    assert (poll.outcome, site.asked("/feed")) == ("unreachable", 1)


def test_an_answer_that_is_not_http_is_unreachable(serve) -> None:
    assert polling(serve, {"/feed": b"SSH-2.0-OpenSSH_9\r\n\r\n"})[0].outcome == "unreachable"


def test_a_certificate_nobody_vouches_for_is_a_tls_error(serve, reply, tmp_path) -> None:
    tls = self_signed(tmp_path)
    assert polling(serve, {"/feed": reply("200 OK", GOOD)}, tls=tls)[0].outcome == "tls_error"


def self_signed(folder) -> ssl.SSLContext:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "tls.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_redirects_without_end_are_a_loop(serve, reply) -> None:
    poll, site = polling(serve, {"/feed": reply("302 Found", Location="/feed")})
    assert (poll.outcome, site.asked("/feed")) == ("redirect_loop", 9)


def test_two_addresses_that_point_at_each_other_are_a_loop(serve, reply) -> None:
    routes = {
        "/feed": reply("301 Moved", Location="/m"),
        "/m": reply("301 Moved", Location="/feed"),
    }
    assert polling(serve, routes)[0].outcome == "redirect_loop"


def test_a_redirect_that_names_no_address_is_a_loop(serve, reply) -> None:
    assert polling(serve, {"/feed": reply("302 Found")})[0].outcome == "redirect_loop"


def test_a_few_redirects_are_followed(serve, reply) -> None:
    routes = {
        "/feed": reply("301 Moved", Location="/b"),
        "/b": reply("308 Moved", Location="c"),
        "/c": reply("200 OK", GOOD),
    }
    poll, site = polling(serve, routes)
    assert (poll.outcome, poll.final_url) == ("ok", site.url("/c"))


def test_a_redirect_into_a_private_net_is_refused(serve, reply) -> None:
    routes = {"/feed": reply("302 Found", Location="http://169.254.169.254/latest/meta-data/")}
    assert polling(serve, routes)[0].outcome == "private_address"


def test_a_redirect_to_a_foreign_host_is_named(serve, reply) -> None:
    async def main():
        async with serve({"/feed": reply("200 OK", GOOD)}) as other:
            there = f"http://localhost:{other.port}/feed"
            async with serve({"/feed": reply("302 Found", Location=there)}) as site:
                allowed = frozenset({site.host, f"localhost:{other.port}"})
                async with GuardedClient(allow_hosts=allowed, user_agent="Rasid/0.1") as client:
                    feed = Feed("f", "F", site.url("/feed"), min_interval=0.0)
                    known = replace(feed, hosts=("localhost",))
                    return (
                        await poll_feed(client, feed, Validators(), now=NOW),
                        await poll_feed(client, known, Validators(), now=NOW),
                    )

    strange, known = asyncio.run(main())
    assert (strange.outcome, known.outcome) == ("foreign_host", "ok")


def test_items_that_link_elsewhere_are_dropped_by_name(serve, reply) -> None:
    poll, _ = polling(serve, {"/feed": reply("200 OK", rss("/a", "https://casino.test/win"))})
    assert (poll.outcome, len(poll.items)) == ("ok", 1)
    assert poll.dropped == (("foreign_host", "https://casino.test/win"),)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "zip bomb"])
def test_a_body_over_the_cap_is_too_large(serve, reply, packed) -> None:
    body = b"<rss>" + b" " * (40 << 20)
    headers = {"Content_Encoding": "gzip"} if packed else {}
    body = gzip.compress(body) if packed else body
    assert polling(serve, {"/feed": reply("200 OK", body, **headers)})[0].outcome == "too_large"


def test_a_packed_body_is_unpacked(serve, reply) -> None:
    body = reply("200 OK", gzip.compress(GOOD), Content_Encoding="gzip")
    assert polling(serve, {"/feed": body})[0].outcome == "ok"


@pytest.mark.parametrize("how", ["length", "chunked", "gzip"])
def test_a_body_shorter_than_declared_is_truncated(serve, reply, how) -> None:
    async def cut(writer, headers):
        if how == "length":
            writer.write(reply("200 OK", GOOD[:200], Content_Length=str(len(GOOD))))
        elif how == "chunked":
            writer.write(reply("200 OK", b"ffff\r\n" + GOOD[:200], Transfer_Encoding="chunked"))
        else:
            writer.write(reply("200 OK", gzip.compress(GOOD)[:-20], Content_Encoding="gzip"))
        await writer.drain()
        writer.close()

    assert polling(serve, {"/feed": cut})[0].outcome == "truncated"


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + ']><rss version="2.0"><channel><title>&i;</title></channel></rss>'
)
EXTERNAL = (
    '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    '<rss version="2.0"><channel><title>&x;</title></channel></rss>'
)


@pytest.mark.parametrize(
    "body",
    [
        BOMB.encode(),
        EXTERNAL.encode(),
        EXTERNAL.replace("<!ENTITY x", "<!ENTITY % x").encode(),
        b"<!-- <rss> -->" + EXTERNAL.replace('<?xml version="1.0"?>', "").encode(),
        EXTERNAL.replace('<?xml version="1.0"?>', "").encode("utf-16"),
    ],
    ids=["bomb", "external", "parameter", "behind a comment", "utf-16"],
)
def test_entities_make_a_feed_unsafe(serve, reply, body) -> None:
    started = time.monotonic()
    assert polling(serve, {"/feed": reply("200 OK", body)})[0].outcome == "unsafe_xml"
    assert time.monotonic() - started < 5


def test_broken_xml_without_entries_is_bad_feed(serve, reply) -> None:
    body = b"<rss version='9'><chan" + b"<" * 20
    assert polling(serve, {"/feed": reply("200 OK", body)})[0].outcome == "bad_feed"


def test_broken_xml_with_readable_entries_is_ok_and_malformed(serve, reply) -> None:
    body = GOOD.replace(b"</channel></rss>", b"<item><title>x & y</title>")
    poll, _ = polling(serve, {"/feed": reply("200 OK", body)})
    assert (poll.outcome, poll.flags) == ("ok", ("malformed",))
    assert len(poll.items) == 2


@pytest.mark.parametrize(
    ("declared", "encoded"),
    [
        ("windows-1256", "utf-8"),
        ("utf-8", "windows-1256"),
        (None, "windows-1256"),
        (None, "iso-8859-6"),
    ],
)
def test_a_wrong_or_missing_charset_is_repaired_and_flagged(
    serve, reply, declared, encoded
) -> None:
    text = GOOD.decode().replace(' encoding="utf-8"', f' encoding="{declared}"' if declared else "")
    poll, _ = polling(serve, {"/feed": reply("200 OK", text.encode(encoded))})
    assert (poll.outcome, poll.flags) == ("ok", ("charset_repaired",))
    assert poll.items[0].title == "خبر من المدينة رقم 0"


def test_bytes_that_no_charset_fits_are_bad_encoding(serve, reply) -> None:
    body = bytes((n * 7919 + n * n * 31) % 256 for n in range(5000))
    assert polling(serve, {"/feed": reply("200 OK", body)})[0].outcome == "bad_encoding"


def test_a_packing_we_did_not_ask_for_is_bad_encoding(serve, reply) -> None:
    body = reply("200 OK", b"\x28\xb5\x2f\xfd", Content_Encoding="zstd")
    assert polling(serve, {"/feed": body})[0].outcome == "bad_encoding"


def test_an_item_without_link_or_id_is_no_link(serve, reply) -> None:
    body = rss("/a").replace(b"</channel>", b"<item><title>y</title></item></channel>")
    poll, _ = polling(serve, {"/feed": reply("200 OK", body)})
    assert (poll.outcome, len(poll.items), poll.dropped) == ("ok", 1, (("no_link", "y"),))


def test_items_with_one_date_or_none_are_all_kept(serve, reply) -> None:
    body = rss(*(f"/a?sid={n}" for n in range(20)))
    same = body.replace(b"09:01:00", b"09:00:00")
    for variant in (same, same.replace(b"pubDate", b"notADate")):
        assert len(polling(serve, {"/feed": reply("200 OK", variant)})[0].items) == 20


def test_an_old_newest_item_flags_the_feed_as_stale(serve, reply) -> None:
    poll, _ = polling(serve, {"/feed": reply("200 OK", GOOD.replace(b"2026", b"2024"))})
    assert (poll.outcome, poll.flags) == ("ok", ("stale",))


def test_robots_txt_that_disallows_is_policy_refused_without_a_request(serve, reply) -> None:
    routes = {
        "/feed": reply("200 OK", GOOD),
        "/robots.txt": reply("200 OK", b"User-agent: *\nDisallow: /"),
    }
    poll, site = polling(serve, routes)
    assert (poll.outcome, site.asked("/feed")) == ("policy_refused", 0)
    assert polling(serve, routes, policy="licensed")[0].outcome == "ok"


def test_a_feed_that_the_registry_refuses_costs_no_request_at_all(serve, reply) -> None:
    poll, site = polling(serve, {"/feed": reply("200 OK", GOOD)}, policy="refuse")
    assert (poll.outcome, site.seen) == ("policy_refused", [])


def test_an_item_twice_in_one_feed_is_one_item(serve, reply) -> None:
    poll, _ = polling(serve, {"/feed": reply("200 OK", rss("/a", "/a?utm_source=rss"))})
    assert (len(poll.items), poll.dropped[0][0]) == (1, "duplicate_url")
