"""What the fields are called in Arabic, what their codes mean, and how Kibana is to show them.

One table for data views, dashboards, preview and checks: a code that people read has its word here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml

from rasid.search.templates import template
from rasid.settings import INCLUDE, settings


SPACE = "rasid"
# Data views by id, which is the alias they read.
NAMES = {
    "rasid-articles": "الأخبار",
    "rasid-mentions": "الوقائع المذكورة",
    "rasid-incidents": "الحوادث",
    "rasid-entries": "سجل الأخبار",
    "rasid-polls": "قراءات المصادر",
    "rasid-runs": "الجولات",
    "rasid-alarms": "الإنذارات",
    "rasid-watch": "مراقبة المصادر",
    "rasid-scores": "دقة المصنِّف",
}
FAMILIES = {view: view.removeprefix("rasid-") for view in NAMES}
# What a time range means: a mention is of the day it was published, an incident of the day it
# became known, an alarm of every day on which it was still true.
TIME = {
    "rasid-articles": "published_at",
    "rasid-mentions": "published_at",
    "rasid-incidents": "first_reported_at",
    "rasid-entries": "first_seen_at",
    "rasid-polls": "polled_at",
    "rasid-runs": "started_at",
    "rasid-alarms": "last_seen_at",
    "rasid-watch": "watched_at",
    "rasid-scores": "scored_at",
}
# Stored in UTC, shown in the time of most of the region; it knows no summer time.
ZONE = "Asia/Riyadh"

LABELS = {
    "acled_sub_event": "نوع ACLED",
    "actor": "الفاعل كما ورد",
    "actor_class": "صنف الفاعل",
    "actor_id": "الفاعل",
    "actor_ids": "الفاعلون",
    "actors": "الفاعلون كما وردوا",
    "article_id": "نص الخبر",
    "aspect": "مرة أم عادة",
    "attribution.claimed_by": "من تبنّى",
    "attribution.denied_by": "من نفى صلته",
    "attribution.speaker": "المتحدث",
    "attribution.status": "الإسناد",
    "cameo": "رمز CAMEO",
    "carried": "محمول من قبل",
    "cause": "السبب",
    "certainty": "الجزم",
    "claimed_by": "من تبنّى",
    "closed": "أُقفلت الحسابات",
    "closed_at": "أُغلق في",
    "confidence": "الثقة",
    "contradicted": "روايات متعارضة",
    "contradictions": "موضع التعارض",
    "countries": "بلدان الوسائل",
    "country": "بلد الوسيلة",
    "denied_by": "من نفى صلته",
    "damage": "الأضرار",
    "difference": "الفرق",
    "duration_ms": "مدة الجولة",
    "elapsed_ms": "زمن الرد",
    "empty_streak": "قراءات فارغة متتالية",
    "error": "الخطأ",
    "event": "هجوم أم تحرك",
    "event_time": "زمن الحدث",
    "event_time_precision": "دقة الزمن",
    "evidence": "القرائن",
    "expected": "المتوقع",
    "failure_streak": "إخفاقات متتالية",
    "feed_id": "المصدر",
    "fetched_at": "جُلب في",
    "figures.alarms": "إنذارات كاذبة لكل مئة خبر هادئ",
    "figures.attack": "رصد الهجمات",
    "figures.class": "صنف الفاعل صحيح",
    "figures.factual": "وقع أم لم يقع صحيح",
    "figures.kind": "نوع التحرك صحيح",
    "figures.militia": "رصد هجمات الجماعات",
    "figures.movement": "رصد التحركات",
    "figures.roles_head": "الأدوار صحيحة",
    "first_newsroom": "أول غرفة أخبار",
    "first_outlet": "أول من نشر",
    "first_reported_at": "أول نشر",
    "first_seen_at": "رصدناه في",
    "first_url": "رابط أول خبر",
    "force": "القوة المتحركة",
    "from": "من",
    "incident_id": "الحادث",
    "injured.max": "الجرحى بأعلى تقدير",
    "injured.min": "الجرحى بأدنى تقدير",
    "killed.max": "القتلى بأعلى تقدير",
    "killed.min": "القتلى بأدنى تقدير",
    "kind": "الطريقة",
    "kinds": "الطرق",
    "known": "معروف",
    "labels": "عيّنة القياس",
    "lag_minutes": "التأخر بالدقائق",
    "last_reported_at": "آخر نشر",
    "last_seen_at": "آخر مرة",
    "latency.p50": "التأخر (الوسيط)",
    "latency.p95": "التأخر (95٪)",
    "location": "الموقع",
    "mention_count": "مرات الذكر",
    "mention_ids": "الجمل التي ذكرته",
    "modalities": "الصيغ",
    "modality": "الصيغة",
    "new": "جديد",
    "newest_at": "أحدث خبر",
    "newsroom": "غرفة الأخبار",
    "newsrooms": "غرف الأخبار",
    "next_attempt_at": "المحاولة القادمة",
    "next_poll_at": "القراءة القادمة",
    "opened_at": "فُتح في",
    "outcome": "النتيجة",
    "outlet": "الوسيلة",
    "outlets": "الوسائل",
    "place": "المكان",
    "place_precision": "دقة المكان",
    "places": "الأماكن",
    "polled_at": "وقت القراءة",
    "published_at": "نُشر في",
    "reading.empty": "حصة الصفحات بلا نص",
    "reading.median_words": "وسيط طول النص",
    "reading.repaired": "حصة الترميز المصلح",
    "reason.ar": "السبب",
    "reports": "عدد الأخبار",
    "run_id": "الجولة",
    "scored_at": "قيس في",
    "seen": "رُصد",
    "sentence": "الجملة",
    "sentence.text": "الجملة",
    "settled_at": "انتهى في",
    "severity": "الشدة",
    "size.max": "العدد بأعلى تقدير",
    "size.min": "العدد بأدنى تقدير",
    "sources": "المصادر المستقلة",
    "started_at": "بدأت في",
    "state": "الحال",
    "status": "رمز الرد",
    "story_id": "القصة",
    "stratum": "الشريحة",
    "subject": "يخص",
    "subtype": "النوع",
    "summary": "الملخص",
    "tag": "التصنيف",
    "tagger_version": "نسخة المصنِّف",
    "tags.actors": "الفاعلون",
    "tags.attack": "فيه هجوم",
    "tags.max_confidence": "أعلى ثقة",
    "tags.mentions": "وقائع مذكورة",
    "tags.militia_attack": "فيه هجوم ميليشيا",
    "tags.places": "الأماكن",
    "tags.troop_movement": "فيه تحرك قوات",
    "target": "الهدف",
    "targets": "الأهداف",
    "text": "النص",
    "title": "العنوان",
    "to": "إلى",
    "trigger.text": "الكلمة الدالة",
    "url": "الرابط",
    "value": "القيمة",
    "version": "النسخة",
    "versions.change.casualties_changed": "تغيّر عدد الضحايا",
    "via": "عبر",
    "volume.expected": "المتوقع في المدة",
    "volume.observed": "رُصد في المدة",
    "waiting": "ينتظر",
    "watched_at": "رُوقب في",
    "weapon": "السلاح كما ورد",
    "weapon_id": "السلاح",
    "weapon_ids": "الأسلحة",
    "weapons": "الأسلحة كما وردت",
    "withdrawn_at": "سُحب في",
}

_KINDS = {
    "armed_assault": "هجوم مسلح",
    "clash": "اشتباك",
    "rocket_shelling": "قصف وصواريخ",
    "drone_attack": "طائرة مسيّرة",
    "ied_mine": "عبوة أو لغم أو تفجير",
    "suicide_bombing": "تفجير انتحاري",
    "grenade": "قنبلة يدوية",
    "assassination": "اغتيال",
    "abduction": "خطف",
    "execution_sexual_torture": "إعدام أو تعذيب",
    "maritime_attack": "هجوم بحري",
    "storming_seizure": "اقتحام أو سيطرة",
    "deploy": "انتشار",
    "reinforce": "تعزيزات",
    "transit_convoy": "مرور رتل",
    "border_cross_incursion": "عبور حدود أو توغل",
    "advance": "تقدم",
    "withdraw": "انسحاب",
    "redeploy_reposition": "إعادة تموضع",
    "rotate": "تبديل قوات",
    "mass_buildup": "حشد",
    "mobilise_alert": "استنفار",
    "base_establish": "إقامة قاعدة",
    "base_evacuate": "إخلاء قاعدة",
    "handover": "تسليم موقع",
    "fighters_relocated": "نقل مقاتلين",
}
_MODALITIES = {
    "factual": "وقع",
    "foiled": "أُحبط",
    "threatened_planned": "تهديد أو خطة",
    "demanded": "مطلب",
    "denied": "نُفي",
    "historical_background": "خلفية سابقة",
}
_WEAPONS = {
    "weapon.air": "طيران",
    "weapon.artillery": "مدفعية",
    "weapon.belt": "حزام ناسف",
    "weapon.bomb": "قنابل ومتفجرات",
    "weapon.chem": "سلاح كيماوي",
    "weapon.drone": "مسيّرات",
    "weapon.drone.p": "طائرات مسيّرة",
    "weapon.grenade": "قنابل يدوية",
    "weapon.heavy": "أسلحة ثقيلة أو متوسطة",
    "weapon.ied": "عبوات ناسفة",
    "weapon.knife": "سلاح أبيض",
    "weapon.mine": "ألغام",
    "weapon.mortar": "قذائف",
    "weapon.rocket": "صواريخ",
    "weapon.rpg": "آر بي جي",
    "weapon.small": "أسلحة خفيفة",
    "weapon.suicide": "انتحاري",
    "weapon.vbied": "سيارات مفخخة",
}
_POLLS = {
    "ok": "قُرئ",
    "not_modified": "لم يتغير",
    "unchanged": "لا جديد",
    "empty_feed": "فارغ",
    "not_a_feed": "ليس خلاصة",
    "bad_feed": "خلاصة معطوبة",
    "unsafe_xml": "محتوى غير آمن",
    "bad_encoding": "ترميز معطوب",
    "wrong_feed": "خلاصة وسيلة أخرى",
    "foreign_host": "مضيف غريب",
    "forbidden": "ممنوع",
    "challenge": "جدار حماية",
    "policy_refused": "رفضته سياسة الموقع",
    "not_found": "غير موجود",
    "gone": "أُزيل",
    "throttled": "طُلب التمهل",
    "server_error": "خطأ في الخادم",
    "timeout": "انتهت المهلة",
    "unreachable": "تعذر الوصول",
    "truncated": "انقطع الرد",
    "tls_error": "خطأ في التشفير",
    "redirect_loop": "تحويل دائر",
    "too_large": "أكبر من الحد",
    "private_address": "عنوان داخلي",
}
_ENDINGS = {
    "indexed": "فُهرس",
    "updated": "حُدّث",
    "unchanged": "لم يتغير",
    "duplicate": "مكرر",
    "dropped": "استُبعد",
    "quarantined": "في الحجر",
}
_CAUSES = {
    "duplicate_url": "الرابط نفسه",
    "duplicate_text": "النص نفسه",
    "not_arabic": "ليس بالعربية",
    "not_an_article": "ليس خبراً",
    "no_link": "بلا رابط",
    "no_text": "بلا نص",
    "extract_failed": "تعذر استخراج النص",
    "index_rejected": "رفضه الفهرس",
}
# As the registry spells them.
_COUNTRIES = {
    "Algeria": "الجزائر",
    "Bahrain": "البحرين",
    "Egypt": "مصر",
    "Iraq": "العراق",
    "Jordan": "الأردن",
    "Kuwait": "الكويت",
    "Lebanon": "لبنان",
    "Libya": "ليبيا",
    "Mauritania": "موريتانيا",
    "Morocco": "المغرب",
    "Oman": "عُمان",
    "Palestine": "فلسطين",
    "Pan-Arab": "عربية عامة",
    "Qatar": "قطر",
    "Saudi Arabia": "السعودية",
    "Somalia": "الصومال",
    "Sudan": "السودان",
    "Syria": "سوريا",
    "Tunisia": "تونس",
    "United Arab Emirates": "الإمارات",
    "Yemen": "اليمن",
}
_YES_NO = {"true": "نعم", "false": "لا"}
# Codes by field, and by view where one name means two things.
_VALUES: dict[str, dict[str, str]] = {
    "tag": {
        "militia_attack": "هجوم ميليشيا",
        "attack": "هجوم آخر",
        "troop_movement": "تحرك قوات",
    },
    "event": {"attack": "هجوم", "troop_movement": "تحرك"},
    "kind": _KINDS,
    "kinds": _KINDS,
    "subtype": _KINDS,
    "subtypes": _KINDS,
    "weapon_id": _WEAPONS,
    "weapon_ids": _WEAPONS,
    "modality": _MODALITIES,
    "modalities": _MODALITIES,
    "actor_class": {
        "militia": "جماعة مسلحة",
        "pro_state_militia": "ميليشيا موالية للدولة",
        "unattributed_armed": "مسلحون مجهولون",
        "state": "قوات دولة",
        "individual_criminal": "أفراد أو عصابات",
        "unknown": "غير معروف",
    },
    "attribution.status": {
        "claimed": "تبنٍّ",
        "accused": "اتهام",
        "witness": "شاهد",
        "official": "جهة رسمية",
        "media": "وسيلة إعلام",
        "none": "بلا إسناد",
    },
    "certainty": {"asserted": "جازم", "hedged": "متحفظ"},
    "place_precision": {
        "exact": "موقع بعينه",
        "town": "بلدة",
        "admin": "محافظة أو إقليم",
        "country": "بلد",
    },
    "contradictions": {
        "actor": "الفاعل",
        "modality": "هل وقع",
        "killed": "عدد القتلى",
        "injured": "عدد الجرحى",
    },
    "contradicted": _YES_NO,
    "closed": _YES_NO,
    "versions.change.casualties_changed": _YES_NO,
    "country": _COUNTRIES,
    "countries": _COUNTRIES,
    "cause": _CAUSES,
    "rasid-mentions/outcome": {
        "occurred": "وقع",
        "repelled": "صُدّ",
        "intercepted": "اعتُرض",
        "failed": "فشل",
        "aborted": "أُجهض",
    },
    "rasid-polls/outcome": _POLLS,
    "rasid-entries/outcome": _ENDINGS,
    "rasid-entries/state": {"owed": "مطلوب", "waiting": "ينتظر", "settled": "انتهى"},
    "rasid-alarms/state": {"open": "مفتوح", "closed": "مغلق"},
    "rasid-alarms/kind": {
        "silence": "صمت",
        "flood": "فيضان",
        "empty_feed": "خلاصة فارغة",
        "stale_feed": "خلاصة قديمة",
        "failing_feed": "مصدر متعثر",
        "extraction_drift": "تغيّر الاستخراج",
        "charset_repairs": "إصلاح الترميز",
        "slow_indexing": "فهرسة بطيئة",
        "books_open": "حسابات مفتوحة",
        "no_runs": "لا جولات",
        "red_run": "جولة فاشلة",
        "tagger_score": "دقة التصنيف",
        "late_run": "جولة متأخرة",
        "no_snapshot": "لا نسخة احتياطية",
    },
    "severity": {"critical": "حرج", "warning": "تحذير", "notice": "تنبيه"},
}
# One colour for one meaning on every dashboard, legible on white and on Kibana's dark.
RED, BLUE, GREEN, AMBER = "#c8453b", "#3b7dc4", "#3f9b6d", "#d0932e"
VIOLET, TEAL, ROSE, GREY = "#8168bd", "#2b9a9c", "#b8568f", "#8a909c"
SERIES = (BLUE, RED, GREEN, AMBER, VIOLET, TEAL, ROSE, GREY)
COLOURS = {
    "tag": {"militia_attack": RED, "attack": AMBER, "troop_movement": BLUE},
    "modality": {
        "factual": RED,
        "foiled": GREEN,
        "threatened_planned": AMBER,
        "demanded": VIOLET,
        "denied": BLUE,
        "historical_background": GREY,
    },
    "actor_class": {
        "militia": RED,
        "pro_state_militia": AMBER,
        "unattributed_armed": ROSE,
        "state": BLUE,
        "individual_criminal": VIOLET,
        "unknown": GREY,
    },
    "attribution.status": {
        "claimed": RED,
        "accused": AMBER,
        "witness": VIOLET,
        "official": BLUE,
        "media": TEAL,
        "none": GREY,
    },
    "rasid-polls/outcome": {"ok": GREEN, "not_modified": TEAL, "unchanged": GREY},
    "rasid-entries/outcome": {
        "indexed": GREEN,
        "updated": TEAL,
        "unchanged": GREY,
        "duplicate": BLUE,
        "dropped": AMBER,
        "quarantined": RED,
    },
}
# Minutes from publication to our first sight; a page that tells only the day tells no minutes.
RUNTIME: dict[str, dict[str, Any]] = {
    "rasid-articles": {
        "lag_minutes": {
            "type": "double",
            "script": {
                "source": "if (!doc['published_at'].empty && !doc['first_seen_at'].empty"
                " && (doc['published_precision'].empty"
                " || doc['published_precision'].value != 'day')) {"
                " emit((doc['first_seen_at'].value.toInstant().toEpochMilli()"
                " - doc['published_at'].value.toInstant().toEpochMilli()) / 60000.0); }"
            },
        }
    }
}
# Heads of state forces that are named by a country («الجيش · العراق»); the others stay unnamed.
_HEADS = {
    "force.jaysh": "جيش",
    "force.quwwat": "قوات",
    "force.junud": "جنود",
    "force.tayaran": "طيران",
    "force.marines": "قوات",
    "force.aliyyat": "آليات",
    "force.firqa": "فرقة",
    "force.liwa": "لواء",
    "force.shurta": "شرطة",
}


@cache
def fields_of(view: str) -> Mapping[str, str]:
    """Every field of the view and its type, dotted; sub-fields and runtime fields included."""
    properties = template(FAMILIES[view])["template"]["mappings"]["properties"]
    computed = {name: field["type"] for name, field in RUNTIME.get(view, {}).items()}
    return dict(_fields(properties, "")) | computed


def values_of(view: str, field: str) -> Mapping[str, str]:
    """The words for the codes of a field; nothing for a field that holds words."""
    if field in _EDITED:
        return _EDITED[field]()
    return _VALUES.get(f"{view}/{field}", _VALUES.get(field, {}))


def colours_of(view: str, field: str) -> Mapping[str, str]:
    """The colours of the codes of a field, where they have any."""
    return COLOURS.get(f"{view}/{field}", COLOURS.get(field, {}))


@cache
def actors() -> Mapping[str, str]:
    """Arabic names of the lexicon's groups, countries and countries' forces, by their ids."""
    groups, countries = (
        yaml.safe_load((INCLUDE / "lexicon" / f"{name}.yaml").read_text("utf-8"))
        for name in ("actors", "countries")
    )
    named: dict[str, str] = {e["id"]: e["names"][0] for e in [*groups, *countries]}
    forces: dict[str, str] = {
        f"{head}:{country['country']}": f"{word} · {country['names'][0]}"
        for country in countries
        for head, word in _HEADS.items()
    }
    return named | forces


@cache
def newsrooms() -> Mapping[str, str]:
    """The first outlet of every newsroom in the registry: its own name as readers know it."""
    registry = yaml.safe_load(settings().feeds.read_text("utf-8"))
    named: dict[str, str] = {}
    for feed in registry["feeds"]:
        named.setdefault(feed.get("newsroom", feed["id"]), feed["outlet"])
    return named


_EDITED = {
    "actor_id": actors,
    "actor_ids": actors,
    "newsroom": newsrooms,
    "newsrooms": newsrooms,
    "first_newsroom": newsrooms,
}


def formats(view: str, *, edited: bool) -> dict[str, Any]:
    """Field formats of a data view; with the names that people edit in lexicon and registry."""
    found: dict[str, Any] = {}
    for field in fields_of(view):
        words = values_of(view, field) if edited or field not in _EDITED else None
        if words:
            entries = [{"key": code, "value": word} for code, word in words.items()]
            found[field] = {"id": "static_lookup", "params": {"lookupEntries": entries}}
    return found | {field: form for field, form in _FORMATS.items() if field in fields_of(view)}


def discover(view: str, field: str, value: str) -> str:
    """Where the documents stand whose `field` has the value, below the space's own address."""
    return (
        "/app/discover#/?_g=(time:(from:now-5y,to:now))"
        f"&_a=(dataSource:(dataViewId:{view},type:dataView),"
        f"query:(language:kuery,query:'{field}:\"{value}\"'))"
    )


def _discover(view: str, field: str, label: str) -> dict[str, Any]:
    """A link from a value to its documents; Kibana puts the space's address before `../`."""
    address = f"..{discover(view, field, '{{rawValue}}')}"
    return {"id": "url", "params": {"urlTemplate": address, "labelTemplate": label}}


_LINK: dict[str, Any] = {
    "id": "url",
    "params": {"urlTemplate": "{{rawValue}}", "labelTemplate": "افتح الخبر"},
}
_FORMATS: dict[str, Any] = {
    "url": _LINK,
    "first_url": _LINK,
    "article_id": _discover("rasid-articles", "article_id", "النص كاملاً"),
    "incident_id": _discover("rasid-incidents", "incident_id", "الحادث"),
    "mention_ids": _discover("rasid-mentions", "mention_id", "الجملة"),
    "confidence": {"id": "percent", "params": {"pattern": "0%"}},
    "tags.max_confidence": {"id": "percent", "params": {"pattern": "0%"}},
    "lag_minutes": {"id": "number", "params": {"pattern": "0,0"}},
    "duration_ms": {
        "id": "duration",
        "params": {
            "inputFormat": "milliseconds",
            "outputFormat": "asSeconds",
            "outputPrecision": 1,
        },
    },
}


def _fields(properties: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in properties.items():
        path = prefix + name
        if "properties" in field:
            yield from _fields(field["properties"], f"{path}.")
        elif field.get("enabled", True):
            yield path, field["type"]
        for sub, subfield in field.get("fields", {}).items():
            yield f"{path}.{sub}", subfield["type"]
