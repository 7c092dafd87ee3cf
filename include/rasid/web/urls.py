"""Identity of an article's address: the same article, the same canonical URL.

The canonical URL is an identity, not an address to request. Only tracking parameters known by name
are removed: ready-made normalisers delete `sid` or `newsid` and make one article of a whole site
(ingestion.md §3.7).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from functools import lru_cache
from urllib.parse import urljoin, urlsplit

import tldextract


# Prefixes and names that carry where a reader came from, never what he reads.
_TRACKING_PREFIXES = ("utm_", "at_", "ns_", "pk_", "mtm_", "hsa_", "__twitter_")
_TRACKING = frozenset(
    {
        *("fbclid", "gclid", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "twclid", "ttclid"),
        *("igsh", "igshid", "mc_cid", "mc_eid", "_ga", "_gl", "mkt_tok", "xtor", "ocid", "maca"),
        *("cmpid", "traffic_source", "outputtype", "amp", "fb_action_ids", "fb_action_types"),
        *("fb_source", "action_object_map", "spm", "wt_mc", "wt.mc_id"),
    }
)
_MOBILE = ("www.", "m.", "mobile.", "amp.")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
# Characters that may not stand in a URL as they are; percent-encoded like a browser does.
_UNSAFE = re.compile(r"[\s\x00-\x20\"<>\\^`{|}\x7f-\x9f\ud800-\udfff]")
_BIDI = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")

_suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)  # the bundled list


def canonical_url(url: str, base: str = "") -> str:
    """The identity of `url`, joined to `base` when relative; "" when it is no http(s) address.

    https and no `www.`/`m.`/`amp.`, lower-case host, Arabic percent-escapes decoded and composed
    (NFC), no fragment, no tracking parameters, no `/amp` ending. Everything else is kept,
    parameters in their order. Idempotent.
    """
    cleaned = re.sub(r"[\t\r\n]", "", url).strip()
    try:
        parts = urlsplit(urljoin(base, cleaned) if base else cleaned)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
        return ""
    host = _host(parts.hostname)
    if not host:
        return ""
    if port and port not in {80, 443}:
        # A port that means something: keep what belongs to it.
        origin = f"{parts.scheme.lower()}://{host}:{port}"
    else:
        origin = f"https://{host}"
    path = _text(parts.path) or "/"
    path = re.sub(r"(?:/amp)+(/?)$", r"\1", path, flags=re.IGNORECASE) or "/"
    query = "&".join(p for p in map(_text, parts.query.split("&")) if p and not _is_tracking(p))
    return f"{origin}{path}?{query}" if query else f"{origin}{path}"


def entry_id(canonical: str) -> str:
    """Document id of an entry: 32 hex digits of SHA-256 over its canonical URL."""
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@lru_cache(maxsize=4096)
def site(host: str) -> str:
    """Registrable domain of `host` (aljazeera.net of www.aljazeera.net), or the host itself."""
    host = host.lower().rstrip(".")
    return _suffixes(host).top_domain_under_public_suffix or host


def site_of(url: str) -> str:
    """Registrable domain of a URL, "" when it has no host."""
    try:
        return site(urlsplit(url).hostname or "")
    except ValueError:
        return ""


def _host(host: str) -> str:
    host = unicodedata.normalize("NFC", _BIDI.sub("", host)).lower().rstrip(".")
    if _UNSAFE.search(host) or "%" in host:
        return ""
    try:
        # One spelling for Arabic domain names: the one DNS knows.
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    stripped = True
    while stripped:
        stripped = False
        for prefix in _MOBILE:
            rest = host.removeprefix(prefix)
            # "m.com" is a name, "m.outlet.com" a phone's view of outlet.com.
            if rest != host and "." in rest and not rest.replace(".", "").isdigit():
                host, stripped = rest, True
    return host


def _text(part: str) -> str:
    """`part` with readable letters: UTF-8 escapes of non-ASCII letters decoded, the rest upper."""
    decoded = _ESCAPES.sub(_decode_escapes, _BIDI.sub("", part))
    composed = unicodedata.normalize("NFC", decoded)
    return _UNSAFE.sub(lambda m: _escape(m[0]), composed)


def _escape(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))


def _decode_escapes(match: re.Match[str]) -> str:
    raw = bytes.fromhex(match[0].replace("%", ""))
    out = []
    for char in raw.decode("utf-8", "surrogateescape"):
        if "\udc80" <= char <= "\udcff":  # no UTF-8: paths in windows-1256 stay as they are
            out.append(f"%{ord(char) - 0xDC00:02X}")
        elif not char.isascii() and unicodedata.category(char)[0] in "LMN":
            out.append(char)
        else:
            out.append(_escape(char))
    return "".join(out)


def _is_tracking(parameter: str) -> bool:
    name = parameter.partition("=")[0].lower()
    return name in _TRACKING or name.startswith(_TRACKING_PREFIXES)
