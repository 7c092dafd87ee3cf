"""A collector of metrics and spans on loopback: OTLP over HTTP, kept as they came."""

from __future__ import annotations

import threading

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Sink:
    """What came: points as (metric, attributes, point), and spans."""

    url: str
    points: list[tuple[str, dict[str, Any], Any]] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)

    def sums(self, metric: str, *names: str) -> dict[tuple[Any, ...], float]:
        """Of a counter or gauge: the values by these attributes."""
        found: dict[tuple[Any, ...], float] = {}
        for name, attributes, point in self.points:
            if name == metric:
                key = tuple(attributes.get(each) for each in names)
                found[key] = found.get(key, 0) + (point.as_int or point.as_double)
        return found

    def take(self, path: str, body: bytes) -> None:
        """Read what an exporter sent."""
        if path.endswith("/v1/traces"):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    self.spans += scope.spans
            return
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    data = getattr(metric, metric.WhichOneof("data"))
                    for point in data.data_points:
                        labels = {a.key: _value(a.value) for a in point.attributes}
                        self.points.append((metric.name, labels, point))


@contextmanager
def sink() -> Iterator[Sink]:
    """A collector that listens until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.take(self.path, self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept = Sink(f"http://127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield kept
        server.shutdown()


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))
