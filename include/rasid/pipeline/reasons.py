"""What an alarm says to a person, in English and in Arabic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from rasid.pipeline.measures import Reading
from rasid.sources import Volume


class Reason(NamedTuple):
    """One sentence in each language."""

    en: str
    ar: str


# Forms for one, two, 3–10, 11–99 and whole hundreds, as the Arabic numbers govern them.
_HOURS = ("ساعة واحدة", "ساعتين", "ساعات", "ساعة", "ساعة")
_DAYS = ("يوم واحد", "يومين", "أيام", "يومًا", "يوم")
_MINUTES = ("دقيقة واحدة", "دقيقتين", "دقائق", "دقيقة", "دقيقة")
_TIMES = ("مرة واحدة", "مرتين", "مرات", "مرة", "مرة")
_ITEMS = ("خبر واحد", "خبرين", "أخبار", "خبرًا", "خبر")
_WORDS = ("كلمة واحدة", "كلمتين", "كلمات", "كلمة", "كلمة")


def silence(outlet: str, volume: Volume) -> Reason:
    """Nothing new for hours in which something is usual."""
    return Reason(
        f"No new item from {outlet} for {volume.hours} hours;"
        f" about {volume.expected:.0f} are usual in these hours.",
        f"لا خبر جديد من {outlet} منذ {_counted(volume.hours, _HOURS)}؛"
        f" والمعتاد في مثل هذه الساعات نحو {_counted(volume.expected, _ITEMS)}.",
    )


def flood(outlet: str, volume: Volume) -> Reason:
    """Far more than usual."""
    return Reason(
        f"{volume.observed:.0f} new items from {outlet} within an hour;"
        f" about {volume.expected:.0f} are usual then.",
        f"وصل من {outlet} في ساعة واحدة ما عدده {_counted(volume.observed, _ITEMS)}؛"
        f" والمعتاد في مثلها نحو {_counted(volume.expected, _ITEMS)}.",
    )


def empty_feed(outlet: str, streak: int) -> Reason:
    """The feed answers, with nothing in it."""
    return Reason(
        f"The feed of {outlet} was empty {streak} times in a row.",
        f"جاء مصدر {outlet} فارغًا {_counted(streak, _TIMES)} على التوالي.",
    )


def stale_feed(outlet: str, newest: datetime, now: datetime) -> Reason:
    """The feed answers, with old items only."""
    days = (now - newest).days
    return Reason(
        f"The newest item of {outlet} is {days} days old ({newest:%Y-%m-%d}).",
        f"أحدث خبر في مصدر {outlet} مضى عليه {_counted(days, _DAYS)} ({newest:%Y-%m-%d}).",
    )


def failing_feed(outlet: str, outcome: str, streak: int, ok_at: datetime | None) -> Reason:
    """The feed cannot be read."""
    since_en = f" since {ok_at:%Y-%m-%d %H:%M} UTC" if ok_at else "; it never could be"
    since_ar = f" منذ {ok_at:%Y-%m-%d %H:%M} (غرينتش)" if ok_at else "، ولم يُقرأ قط"
    return Reason(
        f"The feed of {outlet} cannot be read{since_en}: {streak} polls failed, the last by"
        f" {outcome}.",
        f"تعذّرت قراءة مصدر {outlet}{since_ar}؛ فشلت القراءة {_counted(streak, _TIMES)}،"
        f" وسبب آخرها {_isolated(outcome)}.",
    )


def extraction_drift(outlet: str, drifts: tuple[str, ...], before: Reading, now: Reading) -> Reason:
    """The outlet's pages are read otherwise than before: a redesign, nearly always."""
    said = [_DRIFTS[drift](before, now) for drift in drifts]
    return Reason(
        f"The pages of {outlet} are read otherwise than before: {'; '.join(en for en, _ in said)}.",
        f"تغيّرت قراءة صفحات {outlet} عمّا كانت عليه: {'؛ '.join(ar for _, ar in said)}.",
    )


def charset_repairs(outlet: str, before: Reading, now: Reading) -> Reason:
    """Pages that say a wrong charset, or none."""
    return Reason(
        f"{now.repaired:.0%} of the pages of {outlet} declare a wrong charset or none;"
        f" it was {before.repaired:.0%}.",
        f"أُصلح ترميز {_percent(now.repaired)} من صفحات {outlet}، وكانت النسبة"
        f" {_percent(before.repaired)}.",
    )


def slow_indexing(minutes: float, before: float) -> Reason:
    """Articles take long from their date to the index."""
    return Reason(
        f"Half of the articles take over {minutes:.0f} minutes from publication to the index;"
        f" it was {before:.0f}.",
        f"يستغرق نصف الأخبار من نشرها إلى فهرستها أكثر من {_counted(minutes, _MINUTES)}،"
        f" وكان ذلك {_counted(before, _MINUTES)}.",
    )


def books_open(feed_id: str, difference: str, run_id: str) -> Reason:
    """A defect of ours."""
    return Reason(
        f"The books of {feed_id} do not close in run {run_id}: {difference}.",
        f"حسابات {_isolated(feed_id)} لا تتوازن في الجولة {_isolated(run_id)}:"
        f" {_isolated(difference)}.",
    )


def no_runs(hours: int) -> Reason:
    """The main job stands still."""
    return Reason(
        f"No run of monitor_news has ended for {hours} hours: nothing is being read.",
        f"لم تنتهِ أي جولة من {_isolated('monitor_news')} منذ {_counted(hours, _HOURS)}؛"
        " فلا شيء يُقرأ الآن.",
    )


def no_snapshot(hours: int | None) -> Reason:
    """Nothing new to come back from."""
    since_en = f"the newest whole one is {hours} hours old" if hours else "there is none at all"
    since_ar = (
        f"أحدث نسخة كاملة مضى عليها {_counted(hours, _HOURS)}" if hours else "لا توجد أي نسخة"
    )
    return Reason(
        f"Tonight's snapshot of the indices is missing: {since_en}.",
        f"لم تكتمل نسخة الفهارس الاحتياطية هذه الليلة؛ {since_ar}.",
    )


_DRIFTS: Mapping[str, Callable[[Reading, Reading], Reason]] = {
    "median_words": lambda before, now: Reason(
        f"half of the texts have under {now.median_words:.0f} words, it was"
        f" {before.median_words:.0f}",
        f"نصف النصوص دون {_counted(now.median_words, _WORDS)}،"
        f" وكان ذلك {_counted(before.median_words, _WORDS)}",
    ),
    "empty": lambda before, now: Reason(
        f"{now.empty:.0%} give no text, it was {before.empty:.0%}",
        f"صفحات بلا نص: {_percent(now.empty)}، وكانت {_percent(before.empty)}",
    ),
    "methods": lambda before, now: Reason(
        f"texts are found by {_most(now.methods)}, it was {_most(before.methods)}",
        f"طريقة استخراج النص: {_isolated(_most(now.methods))}،"
        f" وكانت {_isolated(_most(before.methods))}",
    ),
    "date_sources": lambda before, now: Reason(
        f"dates come from {_most(now.date_sources)}, it was {_most(before.date_sources)}",
        f"مصدر التاريخ: {_isolated(_most(now.date_sources))}،"
        f" وكان {_isolated(_most(before.date_sources))}",
    ),
}


def _most(shares: Mapping[str, float]) -> str:
    """The two commonest, with their shares."""
    first = sorted(shares.items(), key=lambda pair: -pair[1])[:2]
    return ", ".join(f"{name} {share:.0%}" for name, share in first)


def _counted(number: float, forms: tuple[str, str, str, str, str]) -> str:
    """The number with what it counts, in the form that Arabic wants."""
    whole = round(number)
    one, two, few, many, hundreds = forms
    if whole in {1, 2}:
        return one if whole == 1 else two
    rest = whole % 100
    form = few if 3 <= rest <= 10 else many if rest >= 11 else hundreds
    return f"{whole} {form}"


def _percent(share: float) -> str:
    return f"{share * 100:.0f}٪"


def _isolated(latin: str) -> str:
    """Latin letters kept apart from the Arabic around them (UAX #9 §2.5)."""
    return f"\u2068{latin}\u2069"
