"""Titles and date lines of pages that say little of themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rasid.reading import Reading, read_fragment, read_page


TODAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
BODY = "".join(
    f"<p>{p}</p>"
    for p in (
        "أعلنت البلدية إغلاق الشارع الرئيس أمام السيارات مدة ثلاثة أيام من أجل إصلاح شبكة المياه.",
        "وطلبت من السكان استعمال الطرق الفرعية وتجنب الوقوف قرب موقع العمل حفاظا على سلامتهم.",
        "وقال مدير المشروع إن الأنابيب القديمة ستستبدل كلها قبل بداية موسم الأمطار في المدينة.",
    )
)
TITLE = "إغلاق الشارع الرئيس ثلاثة أيام"


def read(page: str) -> Reading:
    return read_page(page.encode(), url="https://nashra.test/n/1", today=TODAY)


@pytest.mark.parametrize(
    "page",
    [
        f"<title>ورق البلد :: {TITLE}</title><td class=t>{TITLE}</td><td>{BODY}",
        f"<title>{TITLE} - صحيفة النشرة اليومية</title><h1>{TITLE}</h1>{BODY}",
        f"<title>{TITLE} | النشرة</title>{BODY}",
        f"<title>النشرة</title><meta property=og:title content='{TITLE}'><h1>النشرة</h1>{BODY}",
        f"<title>النشرة</title><meta property=og:title content='النشرة'><h1>{TITLE}</h1>{BODY}",
    ],
)
def test_the_headline_is_found_without_the_outlets_name(page: str) -> None:
    assert read(page).title == TITLE


@pytest.mark.parametrize(
    ("around", "day"),
    [
        ("{h}<div>الجمعة 20 تشرين الثاني 2026 | مكتب النشرة</div>{b}", "2026-11-20"),
        ("{h}<span class=d>20/11/2026</span>{b}", "2026-11-20"),
        ("<div class=post-date>20 نوفمبر 2026</div>{h}{b}", "2026-11-20"),
        ("{h}{b}<time datetime='2026-11-20T10:00Z'>قبل أيام</time>", "2026-11-20"),
        ("<div class=date>الثلاثاء 24 نوفمبر 2026</div>{h}{b}", None),  # the day's date
        ("<div>الثلاثاء 24 نوفمبر 2026</div>{h}{b}", None),
        ("{h}{b}<footer><span class=date>24 نوفمبر 2026</span></footer>", None),
        ("{h}<div class=date>الثلاثاء 20 نوفمبر 2026</div>{b}", None),  # it was a Friday
        ("{h}<p class=date>20 نوفمبر</p>{b}", None),  # no year: it is not guessed
    ],
)
def test_the_date_line_is_the_articles_own_or_none(around: str, day: str | None) -> None:
    page = f"<title>{TITLE}</title>" + around.format(h=f"<h1>{TITLE}</h1>", b=BODY)
    found = read(page).published_at
    assert (found and found.strftime("%Y-%m-%d")) == day


def test_what_wordpress_adds_to_a_feed_is_no_text_of_the_article() -> None:
    tail = f"<p>ظهرت المقالة <a href='/n/1'>{TITLE}</a> أولاً على <a href='/'>النشرة</a>.</p>"
    reading = read_fragment(BODY + tail, url="https://nashra.test/n/1", title=TITLE, today=TODAY)
    assert (reading.outcome, len(reading.text.split("\n"))) == ("ok", 3)


def test_a_short_headline_is_told_from_the_outlets_name_by_the_feed() -> None:
    page = f"<title>انفجار المرفأ - النشرة اليومية الجديدة</title><h1>النشرة</h1>{BODY}".encode()
    options = {"url": "https://nashra.test/n/1", "today": TODAY}
    assert read_page(page, feed_title="انفجار المرفأ", **options).title == "انفجار المرفأ"
    assert read_page(page, feed_title="انفجار المر…", **options).title != "انفجار المر…"
    assert read_page(page, feed_title="عنوان آخر", **options).title != "عنوان آخر"


@pytest.mark.parametrize(
    "teaser",
    [
        "اقرأ أيضا: مقتل خمسة في هجوم على حافلة",
        "إقرأ أيضاً: مقتل خمسة في هجوم على حافلة",
        "اقرأ أيضًا مقتل خمسة في هجوم على حافلة",
        "شاهد: مقتل خمسة في هجوم على حافلة",
        "قد يهمك أيضا: مقتل خمسة في هجوم على حافلة",
    ],
)
def test_a_teaser_between_the_paragraphs_is_not_the_articles_event(teaser: str) -> None:
    first, rest = BODY.split("</p>", 1)
    page = f"<h1>{TITLE}</h1><article>{first}</p><p><b><a href=/n/2>{teaser}</a></b></p>{rest}"
    reading = read(f"<title>{TITLE}</title>{page}</article>")
    assert (reading.outcome, "حافلة" in reading.text) == ("ok", False)


def test_a_sentence_that_begins_like_a_teaser_stays() -> None:
    page = BODY.replace("وقال مدير", "شاهد السكان الآليات وهي تعمل، وقال مدير")
    assert "شاهد السكان" in read(f"<title>{TITLE}</title><h1>{TITLE}</h1>{page}").text


def test_paragraphs_without_full_stops_are_an_article() -> None:
    lines = ["توجهت فرق الصيانة صباحا إلى الشارع وأغلقت المدخل الشمالي أمام السيارات"] * 8
    page = "".join(f"<p>{line} {n}</p>" for n, line in enumerate(lines))
    assert read(f"<title>{TITLE}</title><h1>{TITLE}</h1>{page}").outcome == "ok"


def test_teasers_below_the_article_are_cut_and_unfinished_paragraphs_are_not() -> None:
    teasers = "".join(f"<p>خبر آخر من القسم نفسه رقم {n}</p>" for n in range(6))
    page = f"<title>{TITLE}</title><h1>{TITLE}</h1><div class=body>"
    assert "القسم نفسه" not in read(f"{page}{BODY}{teasers}</div>").text
    unfinished = BODY.replace(".</p>", "</p>").replace("مدة ثلاثة أيام من أجل", "من أجل")
    assert "بداية موسم الأمطار" in read(f"{page}{unfinished}</div>").text
