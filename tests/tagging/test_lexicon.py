"""The lexicon: its own files are sound, and a broken one is named with file, line and remedy."""

from __future__ import annotations

import pytest

from rasid.errors import LexiconError
from rasid.tagging import compile_lexicon, explain_word, lint_lexicon
from rasid.tagging.lexicon import SOURCE, open_lexicon, read_entries


GOOD = "- {id: attack.qasf, class: strong, subtype: rocket_shelling, verb: قصف~يقصف}\n"


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("- {id: a, class: strong, verb: [قصف}\n", 1, "YAML"),
        (GOOD + GOOD, 2, "also at"),
        (GOOD + "- {id: b, class: strongest, noun: قصف}\n", 2, "must be one of"),
        (GOOD + "- {id: b, clas: strong, noun: قصف}\n", 2, "unknown field"),
        (GOOD + "- {id: b, class: strong, verb: قصف}\n", 2, "perfect~imperfect"),
        (GOOD + "- {id: b, class: strong}\n", 2, "no words"),
        (GOOD + "- {id: b, class: strong, noun: إطلاق نار}\n", 2, "more than one word"),
        ("id: a\n", 1, "list of entries"),
    ],
)
def test_an_error_names_file_line_and_remedy(tmp_path, text, line, word):
    folder = tmp_path / "lexicon"
    folder.mkdir()
    (folder / "attack.yaml").write_text(text, "utf-8")
    with pytest.raises(LexiconError) as caught:
        read_entries(folder)
    message = str(caught.value)
    assert message.startswith(f"attack.yaml:{line}:")
    assert word in message


def test_an_empty_folder_says_what_to_do(tmp_path):
    with pytest.raises(LexiconError, match="Point"):
        read_entries(tmp_path)


def test_compiling_twice_gives_the_same_hash(tagger, tmp_path):
    assert compile_lexicon(SOURCE, tmp_path / "again") == tagger.lexicon.manifest


def test_what_is_compiled_already_is_opened_as_it_is(tmp_path):
    source = tmp_path / "lexicon"
    source.mkdir()
    (source / "attack.yaml").write_text(GOOD, "utf-8")
    first = open_lexicon(source, tmp_path / "cache")
    written = first.database.stat().st_mtime_ns
    assert open_lexicon(source, tmp_path / "cache") == first
    assert first.database.stat().st_mtime_ns == written


@pytest.fixture(scope="module")
def problems(tagger):
    """What lint says of our own lexicon."""
    return list(lint_lexicon(tagger=tagger))


def test_our_own_lexicon_has_no_duplicate_names(problems):
    assert not [p for p in problems if "belongs to" in p.what]


def test_our_strong_triggers_and_actors_are_no_everyday_words(problems):
    assert not [p for p in problems if "commonest" in p.what]


def test_an_everyday_trigger_without_a_counter_example_is_named(tmp_path):
    folder = tmp_path / "lexicon"
    folder.mkdir()
    (folder / "common-words.txt").write_text("قصف\n", "utf-8")
    (folder / "attack.yaml").write_text(GOOD, "utf-8")
    (problem,) = lint_lexicon(folder)
    assert problem.where == "attack.yaml:1"
    assert "قصف is among the commonest words" in problem.what


def test_examples_and_counter_examples_hold(problems):
    assert not [p for p in problems if "example" in p.what]


def test_a_word_is_explained_with_its_clitics(tagger):
    (meaning,) = explain_word(tagger, "وبهجماتهم")
    assert (meaning.entry, meaning.clitics) == ("attack.hujum", "وب+هم")


def test_the_longer_name_wins(tagger):
    ids = {m.entry for m in explain_word(tagger, "كتائب حزب الله")}
    assert "kataib-hezbollah" in ids
    assert "hezbollah" not in ids
