"""Bytes to text for feeds and pages, whatever they declare.

Order of trust (ingestion.md §3.3): a byte order mark, valid UTF-8, what HTTP or the document
declares, windows-1256, iso-8859-6, a detector. A declaration is believed only when the result
reads like Arabic, because outlets declare utf-8 and send windows-1256, and the reverse.
"""

from __future__ import annotations

import codecs
import re

from dataclasses import dataclass

from charset_normalizer import from_bytes


_XML = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE)
_META = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ARABIC = re.compile("[\u0621-\u064a]")
# The article and four particles: about every fourth word of any Arabic text.
_COMMON = re.compile(
    "(?<![\u0621-\u064a])(?:ال|(?:في|من|على|إلى|الى|أن|ان|عن|مع)(?![\u0621-\u064a]))"
)
# The browsers' reading of these names (WHATWG Encoding): they are windows-1252 in practice.
_ALIASES = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252"}

SURE_WORDS = 3
ARABIC_SCORE = 0.02  # between mojibake (under 0.01) and news (0.05–0.12)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text and how it was won.

    `charset` is empty when nothing fits (bad_encoding). `source` is bom, utf-8, http, xml, meta,
    windows-1256, iso-8859-6 or detector. `repaired`: the declarations alone would have spoilt it.
    """

    text: str
    charset: str
    source: str
    repaired: bool


def decode(body: bytes, *, http_charset: str | None = None) -> Decoded:
    """Decode `body`, an HTML or XML document; never raises."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return Decoded(body.decode(name, "replace"), name, "bom", repaired=False)
    declared = _declared(body, http_charset)
    utf8 = _as_utf8(body)
    if utf8 is not None:
        return _from_utf8(utf8, declared)
    candidates = [*declared, ("windows-1256", "windows-1256"), ("iso-8859-6", "iso-8859-6")]
    best = 0.0
    chosen: Decoded | None = None
    for rank, (source, name) in enumerate(candidates):
        text = _try(body, name)
        if text is None:
            continue
        if source == "iso-8859-6" and len(_COMMON.findall(text)) < SURE_WORDS:
            continue  # «ان» of windows-1256 looks like its «ال»: no evidence in a headline
        score = arabic_score(text)
        # A later candidate must read clearly better, not by a hair.
        if score > best * 1.2:
            best = score
            repaired = rank != 0 or not declared or "\ufffd" in text
            chosen = Decoded(text, _canonical(name), source, repaired)
    if chosen is not None and best >= ARABIC_SCORE:
        return chosen
    return _not_arabic(body, declared)


def arabic_score(text: str) -> float:
    """Common Arabic words per Arabic letter: 0.05–0.12 in news, under 0.01 in mojibake."""
    letters = len(_ARABIC.findall(text))
    return len(_COMMON.findall(text)) / letters if letters else 0.0


def _declared(body: bytes, http_charset: str | None) -> list[tuple[str, str]]:
    """(source, charset) of every declaration, HTTP first (RFC 7303 §3.2, HTML §13.2.3.2)."""
    head = body[:4096]
    found: list[tuple[str, str]] = []
    if http_charset:
        found.append(("http", http_charset))
    for source, pattern in (("xml", _XML), ("meta", _META)):
        match = pattern.search(head)
        if match:
            found.append((source, match[1].decode("ascii", "replace")))
    return found


def _canonical(name: str) -> str:
    name = _ALIASES.get(name.strip().lower(), name)
    try:
        python = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    return {"cp1256": "windows-1256", "iso8859-6": "iso-8859-6"}.get(python, python)


def _try(body: bytes, name: str) -> str | None:
    """`body` in the charset `name`; a few broken bytes are forgiven, an unknown name is not."""
    charset = _canonical(name)
    if not charset or charset in {"utf-16", "utf-32", "utf-7", "idna", "punycode"}:
        return None
    try:
        text = body.decode(charset, "replace")
    except (LookupError, ValueError):
        return None  # a codec of Python that is no charset, such as "rot13"
    return text if text.count("\ufffd") <= max(8, len(text) // 200) else None


def _as_utf8(body: bytes) -> str | None:
    """`body` as UTF-8, forgiving one bad byte in 200: cut titles and truncated excerpts."""
    text = body.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    if not broken:
        return text
    letters = len(_ARABIC.findall(text))
    return text if letters and broken * 200 <= letters else None


def _from_utf8(text: str, declared: list[tuple[str, str]]) -> Decoded:
    source, name = declared[0] if declared else ("utf-8", "utf-8")
    agrees = _canonical(name) == "utf-8"
    unspoilt = _unspoil(text)
    return Decoded(
        text if unspoilt is None else unspoilt,
        "utf-8",
        source if agrees else "utf-8",
        repaired=not agrees or unspoilt is not None or "\ufffd" in text,
    )


def _unspoil(text: str) -> str | None:
    """Undo mojibake made before the document was saved as UTF-8; None when there is none.

    Both known kinds are exact (ingestion.md §3.3): utf-8 read as windows-1256 shows the article
    as «ط§ظ„», windows-1256 read as windows-1252 shows it as «Çá».
    """
    sound = text.count("ال")
    for spoilt, read_as, was in (("ط§ظ„", "cp1256", "utf-8"), ("Çá", "cp1252", "cp1256")):
        if text.count(spoilt) > max(4, sound):
            try:
                return text.encode(read_as).decode(was)
            except UnicodeError:
                return None
    return None


def _not_arabic(body: bytes, declared: list[tuple[str, str]]) -> Decoded:
    """No Arabic to judge by: the first declaration that decodes cleanly, else the detector."""
    for source, name in declared:
        charset = _canonical(name)
        text = _try(body, name)
        if text is not None and "\ufffd" not in text and charset != "utf-8":
            return Decoded(text, charset, source, repaired=False)
    # Too short for common words, such as a lone headline: nearly all letters Arabic will do.
    short = body.decode("cp1256", "replace")
    foreign = sum(not c.isascii() for c in short)
    if foreign and len(_ARABIC.findall(short)) >= 0.9 * foreign:
        return Decoded(short, "windows-1256", "windows-1256", repaired=True)
    guess = from_bytes(body[:100_000]).best()
    if guess is None or "\x00" in str(guess)[:1000]:
        return Decoded("", "", "", repaired=False)
    return Decoded(
        body.decode(guess.encoding, "replace"), guess.encoding, "detector", repaired=True
    )
