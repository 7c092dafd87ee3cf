"""docs/mention.md describes every field of the record, and none that is not there."""

from __future__ import annotations

import re

from rasid.settings import ROOT


def test_every_field_of_the_record_is_described(tagger):
    mention = tagger.tag("قتل خمسة جنود بهجوم شنه مسلحو تنظيم داعش قرب الموصل")[0]
    fields = set(mention.to_json())
    page = (ROOT / "docs" / "mention.md").read_text("utf-8")
    rows = re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE)
    described = {name.partition(".")[0] for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert described == fields
