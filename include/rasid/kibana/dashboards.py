"""The dashboards as bodies of Kibana's Dashboards API (`PUT /api/dashboards/{id}`, GA in 9.5).

Where "how many" means how many things happened, incidents are counted, and where it means how many
say so, newsrooms: ten reports of one attack are one attack, and one newsroom's ten feeds one voice.
Incidents are grouped by the names that mentions have too (aliases in their mapping): a click on a
bar filters the panels of both.

`python -m rasid.kibana` writes them into include/kibana/; a test fails when they are out of date.
"""

from __future__ import annotations

import uuid

from rasid.kibana.charts import (
    COLUMNS,
    Body,
    bars,
    count,
    documents,
    heatmap,
    median,
    metric,
    pie,
    row,
    table,
    timeline,
    total,
    unique,
)
from rasid.kibana.fields import SPACE


_IDS = uuid.UUID("6c1f1d6e-52a8-4f0a-9f57-7a0f5f0d6c11")

ARTICLES, MENTIONS, INCIDENTS = "rasid-articles", "rasid-mentions", "rasid-incidents"
ENTRIES, POLLS, RUNS, ALARMS = "rasid-entries", "rasid-polls", "rasid-runs", "rasid-alarms"
WATCH, SCORES = "rasid-watch", "rasid-scores"

ATTACK = 'event: "attack"'
MILITIA = 'tag: "militia_attack"'
MOVEMENT = 'event: "troop_movement"'
FACTUAL = 'modality: "factual"'
DENIED = 'modality: "denied"'
PLANNED = 'modality: "threatened_planned"'
CLAIMED = 'attribution.status: "claimed"'
ACCUSED = 'attribution.status: "accused"'
GROUP = 'actor_class: ("militia" or "pro_state_militia" or "unattributed_armed")'
SHARED = "sources >= 2"
EDITED = "version >= 2"
WITHDRAWN = "withdrawn_at: *"
# A run's own line, which sums its feeds.
WHOLE = 'feed_id: "*"'
FAILED = 'not outcome: ("ok" or "not_modified" or "unchanged")'

DAY = {"from": "now-24h", "to": "now"}
WEEK = {"from": "now-7d", "to": "now"}
MONTH = {"from": "now-30d", "to": "now"}
# What is still owed or still wrong counts however old it is.
EVER = {"from": "now-1y", "to": "now"}


def stable_id(name: str) -> str:
    """An id that is the same on every machine."""
    return str(uuid.uuid5(_IDS, name))


SITUATION = stable_id("situation")
GROUPS = stable_id("groups")
MOVEMENTS = stable_id("movements")
SOURCES = stable_id("sources")
HEALTH = stable_id("health")
TITLES = {
    SITUATION: "الموقف اليوم",
    GROUPS: "الجماعات المسلحة",
    MOVEMENTS: "تحركات القوات",
    SOURCES: "المصادر",
    HEALTH: "صحة الرصد",
}
MAP = "الخريطة"

_INCIDENT = [
    "first_reported_at",
    "sentence",
    "place",
    "actors",
    "sources",
    "killed.min",
    "killed.max",
    "first_outlet",
    "first_url",
]
_MENTION = [
    "published_at",
    "tag",
    "modality",
    "actor",
    "place",
    "sentence.text",
    "outlet",
    "url",
    "article_id",
]


def dashboards() -> dict[str, Body]:
    """All dashboards by id, in the order of the links between them."""
    return {
        SITUATION: _situation(),
        GROUPS: _groups(),
        MOVEMENTS: _movements(),
        SOURCES: _sources(),
        HEALTH: _health(),
    }


def _situation() -> Body:
    return _dashboard(
        SITUATION,
        "ما جرى في آخر يوم، ومن فعله، وأين، وهل وقع فعلاً. الحادث الواحد يُعدّ مرة وإن ذكرته عشر"
        " وسائل.",
        [
            row(
                8,
                metric("حوادث جديدة", INCIDENTS, before=True),
                metric("هجمات ميليشيات", INCIDENTS, query=f"{MILITIA} and {FACTUAL}", before=True),
                metric("هجمات أخرى", INCIDENTS, query=f'tag: "attack" and {FACTUAL}', before=True),
                metric("تحركات قوات", INCIDENTS, query=f"{MOVEMENT} and {FACTUAL}", before=True),
                metric(
                    "القتلى بأدنى تقدير",
                    INCIDENTS,
                    total("killed.min"),
                    query=f"{ATTACK} and {FACTUAL}",
                    before=True,
                ),
                metric("أخبار تذكرها", MENTIONS, unique("article_id"), before=True),
            ),
            row(12, timeline("ما نُشر ساعة بساعة", MENTIONS, by="tag")),
            row(
                16,
                documents("حوادث جديدة، أحدثها أولاً", INCIDENTS, _INCIDENT),
            ),
            row(
                15,
                bars(
                    "الفاعلون بعدد الحوادث",
                    INCIDENTS,
                    "actor_id",
                    to=(GROUPS, TITLES[GROUPS]),
                ),
                bars("الأماكن بعدد الحوادث", INCIDENTS, "place"),
                pie("هل وقع الحدث؟", MENTIONS, "modality"),
            ),
            row(
                15,
                bars("كيف هوجم", INCIDENTS, "kind", query=ATTACK),
                bars("كيف تحركت القوات", INCIDENTS, "kind", query=MOVEMENT),
                pie("من يقول ذلك؟", MENTIONS, "attribution.status"),
            ),
            row(18, documents("آخر ما قيل", MENTIONS, _MENTION)),
        ],
        time_range=DAY,
        view=MENTIONS,
        controls={
            "tag": "التصنيف",
            "actor_id": "الفاعل",
            "place": "المكان",
            "modality": "الصيغة",
            "kind": "الطريقة",
        },
    )


def _groups() -> Body:
    return _dashboard(
        GROUPS,
        "جماعة واحدة: ماذا فعلت، وأين، وبماذا، وماذا تتبنى وماذا تنفي. اخترها من «الجماعة» أعلى"
        " اللوحة.",
        [
            row(
                8,
                metric("هجمات منسوبة", INCIDENTS, query=ATTACK, before=True),
                metric("تحركات منسوبة", INCIDENTS, query=MOVEMENT, before=True),
                metric("تبنّتها جماعة", INCIDENTS, query=f"{ATTACK} and claimed_by: *"),
                metric("اتهامات", MENTIONS, query=f"{ATTACK} and {ACCUSED}"),
                metric("نُفيت", MENTIONS, query=f"{ATTACK} and {DENIED}"),
                metric("القتلى بأدنى تقدير", INCIDENTS, total("killed.min"), query=ATTACK),
            ),
            row(12, timeline("نشاطها عبر الزمن", INCIDENTS, by="kind")),
            row(
                15,
                bars("ماذا فعلت", INCIDENTS, "kind"),
                bars("أين", INCIDENTS, "place"),
                bars("بماذا", INCIDENTS, "weapon_id", query=ATTACK),
                bars("من استهدفت", INCIDENTS, "target", query=ATTACK),
            ),
            row(
                15,
                pie("الإسناد: تبنٍّ أم اتهام؟", MENTIONS, "attribution.status", query=ATTACK),
                pie("هل وقع الهجوم؟", MENTIONS, "modality", query=ATTACK),
                bars("من تبنّى", INCIDENTS, "claimed_by", query=ATTACK),
            ),
            row(
                16,
                documents(
                    "نص التبنّي والاتهام والنفي",
                    MENTIONS,
                    [
                        "published_at",
                        "attribution.status",
                        "attribution.speaker",
                        "modality",
                        "sentence.text",
                        "outlet",
                        "url",
                        "article_id",
                    ],
                    query=f"{ATTACK} and ({CLAIMED} or {ACCUSED} or {DENIED}"
                    " or attribution.denied_by: *)",
                ),
            ),
            row(
                16,
                table(
                    "الجماعات في أرقام",
                    MENTIONS,
                    ["actor_id"],
                    [
                        count("مرات الذكر"),
                        unique("article_id", "أخبار"),
                        unique("newsroom", "غرف أخبار"),
                        count("وقع", only=FACTUAL),
                        count("أُحبط", only='modality: "foiled"'),
                        count("تهديد", only=PLANNED),
                        count("تبنٍّ", only=CLAIMED),
                        count("اتهام", only=ACCUSED),
                        count("نفي", only=DENIED),
                    ],
                    query=ATTACK,
                ),
                heatmap("من فعل ماذا", INCIDENTS, "kind", "actor_id", query=ATTACK),
                widths=(28, 20),
            ),
            row(
                14,
                documents(
                    "روايات متعارضة عن حادث واحد",
                    INCIDENTS,
                    [
                        "first_reported_at",
                        "contradictions",
                        "sentence",
                        "actors",
                        "modalities",
                        "killed.min",
                        "killed.max",
                        "newsrooms",
                        "mention_ids",
                    ],
                    query="contradicted: true",
                ),
            ),
        ],
        time_range=MONTH,
        query=GROUP,
        view=MENTIONS,
        controls={
            "actor_id": "الجماعة",
            "actor_class": "الصنف",
            "place": "المكان",
            "kind": "الطريقة",
        },
    )


def _movements() -> Body:
    return _dashboard(
        MOVEMENTS,
        "من تحرك، ومن أين إلى أين، وبأي صورة، وما وقع منه وما أُعلن عنه فحسب.",
        [
            row(
                8,
                metric("تحركات وقعت", INCIDENTS, query=f"{MOVEMENT} and {FACTUAL}", before=True),
                metric("معلنة أو مخطط لها", MENTIONS, query=f"{MOVEMENT} and {PLANNED}"),
                metric("مطلوبة", MENTIONS, query=f'{MOVEMENT} and modality: "demanded"'),
                metric("قوى متحركة", MENTIONS, unique("actor_id"), query=MOVEMENT),
                metric("وجهات", MENTIONS, unique("to"), query=MOVEMENT),
            ),
            row(
                12,
                timeline("التحركات عبر الزمن", MENTIONS, by="kind", query=MOVEMENT, limit=15),
            ),
            row(
                15,
                bars("القوة المتحركة", INCIDENTS, "actor_id", query=MOVEMENT),
                bars("صورة التحرك", INCIDENTS, "kind", query=MOVEMENT, limit=15),
                bars("أين رُصدت", INCIDENTS, "place", query=MOVEMENT),
            ),
            row(
                16,
                table(
                    "من تحرك، ومن أين إلى أين",
                    MENTIONS,
                    ["actor", "from", "to"],
                    [count("مرات الذكر"), unique("newsroom", "غرف أخبار")],
                    query=f"{MOVEMENT} and (from: * or to: *)",
                    missing=True,
                ),
                heatmap("من تحرك وكيف", MENTIONS, "kind", "actor_class", query=MOVEMENT, limit=15),
                widths=(26, 22),
            ),
            row(
                12,
                bars("من", INCIDENTS, "from", query=MOVEMENT),
                bars("إلى", INCIDENTS, "to", query=MOVEMENT),
            ),
            row(
                16,
                documents(
                    "نص ما قيل عن التحركات",
                    MENTIONS,
                    [
                        "published_at",
                        "kind",
                        "modality",
                        "actor",
                        "from",
                        "to",
                        "sentence.text",
                        "outlet",
                        "url",
                        "article_id",
                    ],
                    query=MOVEMENT,
                ),
            ),
        ],
        time_range=WEEK,
        view=MENTIONS,
        controls={
            "actor_id": "القوة",
            "kind": "الصورة",
            "from": "من",
            "to": "إلى",
            "modality": "الصيغة",
        },
    )


def _sources() -> Body:
    return _dashboard(
        SOURCES,
        "من ينشر أولاً، ومن يعيد ما نشره غيره، وماذا تغطي كل غرفة أخبار. العدّ بغرف الأخبار لا"
        " بالخلاصات: خلاصات الغرفة الواحدة صوت واحد.",
        [
            row(
                8,
                metric("أخبار", ARTICLES, before=True),
                metric("غرف أخبار", ARTICLES, unique("newsroom"), before=True),
                metric("أخبار فيها هجوم", ARTICLES, query="tags.attack: true", before=True),
                metric("أخبار فيها تحرك", ARTICLES, query="tags.troop_movement: true", before=True),
                metric("حوادث روتها غرفتان أو أكثر", INCIDENTS, query=SHARED),
                metric("حوادث بمصدر واحد", INCIDENTS, query="sources: 1"),
            ),
            row(12, timeline("النشر عبر الزمن", ARTICLES, by="newsroom", limit=10)),
            row(
                15,
                bars("من ينشر أولاً", INCIDENTS, "first_newsroom", query=SHARED),
                bars("من روى الحوادث المشتركة", INCIDENTS, "newsroom", query=SHARED),
                heatmap(
                    "من يعيد ما نشره من", INCIDENTS, "first_newsroom", "newsroom", query=SHARED
                ),
            ),
            row(
                16,
                table(
                    "غرف الأخبار",
                    ARTICLES,
                    ["newsroom"],
                    [
                        count("أخبار"),
                        unique("story_id", "قصص مختلفة"),
                        count("فيها هجوم", only="tags.attack: true"),
                        count("فيها تحرك", only="tags.troop_movement: true"),
                        total("tags.mentions", "وقائع مذكورة"),
                        count("عُدّلت", only=EDITED),
                        count("سُحبت", only=WITHDRAWN),
                        median("lag_minutes", "التأخر (دقيقة)"),
                    ],
                ),
                heatmap("ماذا تغطي كل غرفة", MENTIONS, "place", "newsroom"),
                widths=(26, 22),
            ),
            row(
                14,
                heatmap("بأي إسناد تنقل", MENTIONS, "attribution.status", "newsroom"),
                pie("بلد الوسيلة", ARTICLES, "country"),
            ),
            row(
                16,
                documents(
                    "حوادث روتها أكثر من غرفة",
                    INCIDENTS,
                    [
                        "first_reported_at",
                        "first_outlet",
                        "newsrooms",
                        "sources",
                        "reports",
                        "sentence",
                        "place",
                        "first_url",
                    ],
                    query=SHARED,
                ),
            ),
            row(
                12,
                documents(
                    "ما عدّله ناشره أو سحبه",
                    ARTICLES,
                    [
                        "published_at",
                        "outlet",
                        "title",
                        "version",
                        "versions.change.casualties_changed",
                        "withdrawn_at",
                        "url",
                    ],
                    query=f"{EDITED} or {WITHDRAWN}",
                ),
            ),
        ],
        time_range=WEEK,
        view=ARTICLES,
        controls={"newsroom": "غرفة الأخبار", "outlet": "الوسيلة", "country": "البلد"},
    )


def _health() -> Body:
    return _dashboard(
        HEALTH,
        "لفريق التشغيل: هل قُرئ كل مصدر، وأين ذهب كل خبر، وهل أُقفلت الحسابات، وما الإنذارات"
        " المفتوحة.",
        [
            row(
                8,
                metric("إنذارات مفتوحة", ALARMS, query='state: "open"', time_range=EVER),
                metric("حسابات لم تُقفل", RUNS, query=f"closed: false and not {WHOLE}"),
                metric("جولات", RUNS, unique("run_id"), before=True),
                metric("قراءات أخفقت", POLLS, query=FAILED, before=True),
                metric("تنتظر محاولة أخرى", ENTRIES, query='not state: "settled"', time_range=EVER),
                metric("في الحجر", ENTRIES, query='outcome: "quarantined"', time_range=EVER),
            ),
            row(
                14,
                documents(
                    "الإنذارات المفتوحة",
                    ALARMS,
                    ["last_seen_at", "severity", "kind", "subject", "reason.ar", "opened_at"],
                    query='state: "open"',
                    time_range=EVER,
                ),
                documents(
                    "جولات لم تُقفل حساباتها",
                    RUNS,
                    ["started_at", "run_id", "feed_id", "seen", "known", "new", "difference"],
                    query="closed: false",
                ),
            ),
            row(
                14,
                timeline("قراءات المصادر ونتائجها", POLLS, by="outcome", limit=12),
                timeline("أين ذهب كل خبر", ENTRIES, by="outcome"),
            ),
            row(
                15,
                bars("قراءات أخفقت، بالمصدر", POLLS, "feed_id", query=FAILED),
                bars("أسباب الاستبعاد والحجر", ENTRIES, "cause"),
                bars(
                    "التأخر عن النشر (دقيقة)",
                    ARTICLES,
                    "feed_id",
                    number=median("lag_minutes", "التأخر"),
                ),
                bars(
                    "أبطأ المصادر رداً (مللي ثانية)",
                    POLLS,
                    "feed_id",
                    number=median("elapsed_ms", "زمن الرد"),
                ),
            ),
            row(
                16,
                table(
                    "حساب كل مصدر: رُصد = معروف + جديد",
                    RUNS,
                    ["feed_id"],
                    [
                        total("seen", "رُصد"),
                        total("known", "معروف"),
                        total("new", "جديد"),
                        total("carried", "محمول"),
                        total("waiting", "ينتظر"),
                        count("لم تُقفل", only="closed: false"),
                    ],
                    query=f"not {WHOLE}",
                    limits=(100,),
                ),
                table(
                    "كل مصدر ونتائج قراءته",
                    POLLS,
                    ["feed_id", "outcome"],
                    [count("قراءات"), median("elapsed_ms", "زمن الرد")],
                    limits=(100, 5),
                ),
            ),
            row(
                16,
                table(
                    "كل مصدر: ما رُصد وما كان متوقعاً، ومتى يصل",
                    WATCH,
                    ["feed_id"],
                    [
                        median("latency.p95", "التأخر 95٪ (دقيقة)"),
                        median("latency.p50", "وسيط التأخر (دقيقة)"),
                        median("volume.observed", "رُصد"),
                        median("volume.expected", "المتوقع"),
                        median("reading.empty", "حصة بلا نص"),
                        median("reading.repaired", "حصة ترميز مصلح"),
                    ],
                    limits=(100,),
                ),
                table(
                    "دقة كل نسخة من المصنِّف على عيّنات القياس",
                    SCORES,
                    ["labels", "tagger_version"],
                    [
                        median("figures.attack", "الهجمات F1"),
                        median("figures.militia", "هجمات الجماعات F1"),
                        median("figures.movement", "التحركات F1"),
                        median("figures.factual", "وقع أم لا"),
                        median("figures.class", "صنف الفاعل"),
                        median("figures.alarms", "إنذارات كاذبة لكل 100"),
                    ],
                    query='stratum: "all"',
                    limits=(5, 5),
                    unfiltered=True,
                ),
            ),
        ],
        time_range=DAY,
        view=POLLS,
        controls={"feed_id": "المصدر"},
    )


def _dashboard(
    own: str,
    about: str,
    rows: list[list[Body]],
    *,
    time_range: Body,
    query: str = "",
    view: str,
    controls: dict[str, str],
) -> Body:
    """Rows below one another, links first, above them controls that offer the values of `view`.

    A control filters every panel: its field must be in each panel's view (`rasid.kibana.checks`).
    """
    placed: list[Body] = [
        {
            "type": "markdown",
            "id": stable_id(f"{own}/about"),
            "grid": {"x": 0, "y": 0, "w": COLUMNS, "h": 4},
            "config": {
                "content": f"{_links(own)}\n\n{about}",
                "hide_title": True,
                "settings": {"open_links_in_new_tab": False},
            },
        }
    ]
    top = 4
    for panels_of_row in rows:
        left = 0
        for panel in panels_of_row:
            identity = stable_id(f"{own}/{panel['config']['title']}")
            grid = {"x": left, "y": top, **panel["grid"]}
            placed.append({**panel, "id": identity, "grid": grid})
            left += panel["grid"]["w"]
        top += panels_of_row[0]["grid"]["h"]
    return {
        "title": TITLES[own],
        "description": about,
        "time_range": time_range,
        "query": {"expression": query, "language": "kql"},
        "options": {"use_margins": True, "sync_colors": True, "sync_cursor": True},
        "pinned_panels": [
            {
                "type": "options_list_control",
                "id": stable_id(f"{own}/control/{field}"),
                "config": {"data_view_id": view, "field_name": field, "title": title},
            }
            for field, title in controls.items()
        ],
        "panels": placed,
    }


def _links(own: str) -> str:
    """Links by Markdown: the links panel is unknown to 9.4.

    They begin with a slash: Kibana shows a link to `#/view/…` as plain text, not as a link.
    """
    app = f"/s/{SPACE}/app"
    boards = [
        f"**{title}**" if other == own else f"[{title}]({app}/dashboards#/view/{other})"
        for other, title in TITLES.items()
    ]
    return " · ".join([*boards, f"[{MAP}]({app}/maps/map/{stable_id(f'map/{MAP}')})"])
