"""Is it Arabic? Judged by letters: other languages of the script use letters Arabic has not."""

from __future__ import annotations

import re


_ARABIC_SCRIPT = re.compile("[\u0621-\u063a\u0641-\u064a\u066e-\u06d3\u0750-\u077f\u08a0-\u08c9]")
_LATIN = re.compile(r"[^\W\d_\u0600-\u08ff]")
# Not in the Arabic alphabet, by language; ک and ی stand apart because Arabic typed on a Persian
# keyboard has them as well.
_URDU = re.compile("[ٹڈڑںےہھ]")
_KURDISH = re.compile("[ەێۆڕڵ]")
_FOREIGN = re.compile("[\u0671-\u06a8\u06aa-\u06cb\u06cd-\u06d3\u0750-\u077f\u08a0-\u08c9]")
_PERSIAN_KEYS = re.compile("[کی]")
_ARTICLE = re.compile("(?<![\u0621-\u06d3])[وفبكل]{0,2}(?:ال|لل)[\u0621-\u06d3]{2}")
_WORDS = re.compile("[\u0621-\u06d3]+")


def language_of(text: str) -> str:
    """Code of the language: ar, ur, ckb (Kurdish), fa (or a neighbour), und (another script)."""
    letters = len(_ARABIC_SCRIPT.findall(text))
    if letters < 10 or letters < len(_LATIN.findall(text)):
        return "und"
    foreign = len(_FOREIGN.findall(text)) / letters
    # Every fifth word or more of Arabic prose carries the article; its neighbours have it in names.
    has_articles = len(_ARTICLE.findall(text)) >= 0.1 * len(_WORDS.findall(text))
    if foreign > (0.06 if has_articles else 0.02):
        urdu, kurdish = len(_URDU.findall(text)), len(_KURDISH.findall(text))
        persian = foreign * letters - urdu - kurdish
        return "ckb" if kurdish > max(urdu, persian) else "ur" if urdu > persian else "fa"
    if not has_articles and len(_PERSIAN_KEYS.findall(text)) / letters > 0.03:
        return "fa"
    return "ar"
