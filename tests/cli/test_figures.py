"""`rasid evaluate` and the page of `rasid tag`, in this process."""

from __future__ import annotations

import json

import pytest

from typer.testing import CliRunner

from rasid import cli
from rasid.errors import ConfigError


GOLD = """### one ; YE ; agency ; 2026-03-15
[عبوة ناسفة|a.weapon] [تودي|a] بحياة [جنديين|a.target a.killed] في [شبوة|a.place]

قُتل [جنديان|b.target b.killed] [بانفجار|b] [عبوة ناسفة|b.weapon] في [شبوة|b.place].
---
a: attack ied_mine unattributed_armed factual killed=2
b: attack ied_mine unattributed_armed factual killed=2

### two ; MR ; paper ; 2026-10-06
منجم ذهب جديد يدخل الإنتاج

أعلنت شركة دخول المنجم مرحلة الإنتاج.
---
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "docs.txt").write_text(GOLD, "utf-8")
    return tmp_path / "small"


def run(*arguments):
    return CliRunner().invoke(cli.app, [str(a) for a in arguments], catch_exceptions=False)


def test_figures_are_a_table_by_register(folder, monkeypatch):
    """Labels without pinned floors cannot fall below them."""
    from rich.console import Console

    monkeypatch.setattr(cli, "out", console := Console(record=True, width=160))
    assert run("evaluate", folder).exit_code == 0
    shown = console.export_text()
    for words in ("agency", "paper", "role spans, F1 by head", "alarms", "calibration error"):
        assert words in shown


def test_figures_are_json_for_a_program(folder):
    figures = json.loads(run("evaluate", folder, "--json").stdout)
    assert figures["all"]["attack"] == 1.0
    assert 0 <= figures["all"]["killed"] <= 1
    assert figures["paper"]["alarms"] == 0.0


def test_labels_that_are_not_there_are_named(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        run("evaluate", tmp_path / "nothing.jsonl")


def test_the_page_is_written_with_every_document(tmp_path):
    for name, text in (
        ("a", "مقتل جنديين بانفجار عبوة ناسفة في شبوة"),
        ("b", "افتتاح معرض الكتاب"),
    ):
        (tmp_path / f"{name}.txt").write_text(text, "utf-8")
    page = tmp_path / "page.html"
    texts = (tmp_path / "a.txt", tmp_path / "b.txt")
    assert run("tag", "--text", "--html", page, *texts).exit_code == 0
    written = page.read_text("utf-8")
    assert written.count("<section>") == 2
    assert "<bdi>افتتاح معرض الكتاب</bdi>" in written
    assert '<ruby class="trigger">' in written
