"""The `rasid` command as a person types it: output, messages, exit status."""

from __future__ import annotations

import json
import subprocess
import sys

from pathlib import Path

import pytest


TEXT = (
    "هجوم على نقطة تفتيش\n"
    "قُتل ثلاثة جنود في هجوم شنّه مسلحون من تنظيم داعش على نقطة تفتيش قرب كركوك أمس الاثنين."
)


def rasid(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, as a shell would."""
    import os

    return subprocess.run(
        [str(Path(sys.executable).with_name("rasid")), *arguments],
        input=stdin, capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_tag_reads_jsonl_and_writes_mentions_with_exact_offsets():
    """What score.py reads: tag, start, end, modality, actor_class, kind."""
    done = rasid("tag", stdin=json.dumps({"id": "a", "text": TEXT}) + "\n")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["id"] == "a"
    attack = next(m for m in document["mentions"] if m["tag"] == "attack" and m["start"] > 20)
    assert TEXT[attack["start"] : attack["end"]] == attack["trigger"]
    assert attack["modality"] == "factual"
    assert attack["actor_class"] == "militia"


def test_a_bad_line_is_named_and_the_good_ones_are_done():
    """Exit 2, the line's number, the remedy; nothing else is lost. A date alone loses no line."""
    lines = [
        json.dumps({"id": "1", "text": TEXT}),
        "{oops",
        '{"id": "3"}',
        '{"text": "نص"}',
        json.dumps({"id": "5", "text": TEXT, "published_at": "yesterday"}),
        json.dumps({"id": "6", "text": ""}),
    ]
    done = rasid("tag", stdin="\n".join(lines))
    assert done.returncode == 2
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["1", "5", "6"]
    for number in (2, 3, 4, 5):
        assert f"-:{number}: " in done.stderr


def test_explain_shows_the_sentence_and_the_reasons(tmp_path):
    """For people: the sentence, the classes and why."""
    file = tmp_path / "a.txt"
    file.write_text(TEXT, "utf-8")
    done = rasid("tag", "--text", "--explain", str(file))
    assert done.returncode == 0, done.stderr
    assert "تفتيش" in done.stdout
    assert "militia" in done.stdout
    page = tmp_path / "a.html"
    done = rasid("tag", "--text", "--html", str(page), str(file))
    assert done.returncode == 0, done.stderr
    assert 'dir="rtl"' in page.read_text("utf-8")


def test_read_prints_one_json_object_a_page(tmp_path):
    """Title, text, date and method of a saved page; a missing one is named."""
    body = "<p>" + "</p><p>".join([TEXT.splitlines()[1]] * 5) + "</p>"
    page = tmp_path / "p.html"
    page.write_text(f"<html><head><title>عنوان</title></head><body><article>{body}", "utf-8")
    done = rasid("read", str(page), str(tmp_path / "none.html"), "--url", "https://a.example/1")
    assert done.returncode == 2
    assert "none.html" in done.stderr
    reading = json.loads(done.stdout)
    assert reading["outcome"] == "ok"
    assert "كركوك" in reading["text"]
    assert reading["charset"] == "utf-8"


def test_a_malformed_registry_names_file_line_and_remedy(tmp_path):
    """The good feed is listed all the same."""
    file = tmp_path / "mine.yaml"
    file.write_text("feeds:\n- {id: good, outlet: أ, url: 'https://a.example/rss'}\n- {id: bad}\n")
    done = rasid("feeds", "list", "--feeds", str(file), "--json")
    assert done.returncode == 2
    listed = json.loads(done.stdout)
    assert [feed["id"] for feed in listed["feeds"]] == ["good"]
    assert all(p.startswith("mine.yaml") and "3" in p for p in listed["problems"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "--feeds", "nowhere.yaml"), "nowhere.yaml is no file"),
        (("search", "x"), "Elasticsearch does not answer"),
        (("feeds", "check", "nobody"), "no feed is called nobody"),
    ],
)
def test_errors_are_one_sentence_not_a_traceback(arguments, says):
    """A person reads what is wrong and what to do."""
    done = rasid(*arguments, RASID_ES_URL="http://127.0.0.1:9")
    assert done.returncode in {1, 2}
    assert says in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def test_a_setting_that_cannot_be_read_is_named():
    """Not its value: it may be a secret."""
    done = rasid("feeds", "list", RASID_KEEP_PAGES="-1", RASID_LOG="xml")
    assert done.returncode == 2
    assert "RASID_KEEP_PAGES" in done.stderr
    assert "RASID_LOG" in done.stderr
    assert "Traceback" not in done.stderr


def test_logs_are_one_json_object_a_line_when_asked_for():
    """What a collector reads: the message, its level, its time and its fields."""
    code = (
        "import structlog, rasid.cli; rasid.cli._configure_log(as_json=True);"
        "structlog.get_logger().warning('سطر', feed='a')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    said = json.loads(line)
    assert (said["event"], said["level"], said["feed"]) == ("سطر", "warning", "a")
    assert said["timestamp"].endswith("Z")


def test_every_command_explains_itself():
    """--help everywhere."""
    for command in (
        (),
        ("demo",),
        ("run",),
        ("tag",),
        ("read",),
        ("search",),
        ("doctor",),
        ("feeds", "list"),
        ("feeds", "check"),
        ("provision",),
        ("es", "start"),
    ):
        done = rasid(*command, "--help")
        assert done.returncode == 0
        assert "Usage:" in done.stdout
