"""An Elasticsearch of one node or of three, whose nodes can be killed, behind one address."""

from __future__ import annotations

import json
import select
import shutil
import socket
import socketserver
import threading

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from elasticsearch import Elasticsearch

from rasid.search import local_node
from rasid.search.local_node import Node
from rasid.settings import Settings
from tests.conftest import free_port


@dataclass(frozen=True, slots=True)
class Cluster:
    """Nodes of the test's own, and the address that leads to any that lives."""

    nodes: tuple[Node, ...]
    url: str

    @classmethod
    @contextmanager
    def of(cls, count: int, home: Path) -> Iterator[Cluster]:
        """Start so many nodes; end them with the block."""
        nodes = tuple(
            replace(
                local_node.local_node(Settings(home=home / f"node-{n}", es_port=free_port())),
                java_options=local_node.SHORT_LIVED,
            )
            for n in range(count)
        )
        local_node.fetch(nodes[0].program, local_node.find_jdk())
        _configure(nodes)
        with _door(nodes) as url:
            cluster = cls(nodes, url)
            try:
                cluster.start()
                yield cluster
            finally:
                for node in nodes:
                    local_node.stop(node)
                    shutil.rmtree(node.folder, ignore_errors=True)

    @property
    def alive(self) -> list[Node]:
        """The nodes that have a process."""
        return [node for node in self.nodes if local_node.status(node).pids]

    def kill(self, node: Node) -> None:
        """kill -9."""
        processes = [psutil.Process(pid) for pid in local_node.status(node).pids]
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=30)

    def start(self) -> None:
        """Start every node that is dead; none is no harm."""
        alive = self.alive
        dead = [node for node in self.nodes if node not in alive]
        jdk = local_node.find_jdk()
        # Side by side: new nodes wait for each other to form the cluster.
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: local_node._launch(node, jdk), dead))

    def wait(self, es: Elasticsearch, status: str = "green") -> None:
        """Until every shard has its copies (yellow: until every shard can be written to)."""
        es.options(request_timeout=130).cluster.health(wait_for_status=status, timeout="120s")


def _configure(nodes: tuple[Node, ...]) -> None:
    ports = [free_port() for _ in nodes]
    for node, port in zip(nodes, ports, strict=True):
        local_node._configure(node, local_node.find_jdk())
        if len(nodes) == 1:
            return
        file = node.config / "elasticsearch.yml"
        options = json.loads(file.read_text())
        del options["discovery.type"]
        options |= {
            "cluster.name": nodes[0].cluster,
            "transport.port": port,
            "discovery.seed_hosts": [f"127.0.0.1:{other}" for other in ports],
            "cluster.initial_master_nodes": [other.cluster for other in nodes],
        }
        file.write_text(json.dumps(options))


@contextmanager
def _door(nodes: tuple[Node, ...]) -> Iterator[str]:
    """One address before the nodes, as a service of Kubernetes is: it leads to one that answers."""

    class Door(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            # A node that dies under a request closes it; the client's next try meets another.
            with suppress(OSError), _any_of(nodes) as inner:
                _carry(self.request, inner)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def _any_of(nodes: tuple[Node, ...]) -> socket.socket:
    for node in nodes:
        with suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", node.port))
    raise ConnectionRefusedError


def _carry(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until an end closes."""
    to = {one: other, other: one}
    while True:
        for end in select.select([one, other], [], [])[0]:
            data = end.recv(1 << 16)
            if not data:
                return
            to[end].sendall(data)
