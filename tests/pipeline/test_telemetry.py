"""Metrics and spans of the stages, as a collector gets them by OTLP."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from rasid.pipeline import telemetry
from tests.otlp import sink


pytestmark = pytest.mark.node


@pytest.fixture
def collector(monkeypatch):
    """A collector, and the providers that Airflow sets up in a task when its own are on."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    with sink() as kept:
        exporter = OTLPMetricExporter(endpoint=f"{kept.url}/v1/metrics")
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
        meters = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
        tracers = TracerProvider(shutdown_on_exit=False)
        spans = OTLPSpanExporter(endpoint=f"{kept.url}/v1/traces")
        tracers.add_span_processor(SimpleSpanProcessor(spans))
        monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", meters)
        monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", tracers)
        kept.flush = meters.force_flush
        yield kept
        meters.shutdown()
        tracers.shutdown()


def test_a_run_tells_its_outcomes_by_stage_its_latency_and_its_queues(chain, collector):
    """What the collector got agrees with the closed books; no feed and no host is named."""
    chain.clock -= timedelta(minutes=5)
    books = chain.run()[-1]
    collector.flush()
    ended = collector.sums("rasid.entries", "stage", "outcome")
    assert ended["index", "indexed"] == books.outcomes["indexed"]
    assert ended["fetch", "passed"] == ended["read", "passed"] == books.outcomes["indexed"]
    assert collector.sums("rasid.polls", "outcome") == {("ok",): 3, ("server_error",): 1}
    states = {("owed",): 0, ("waiting",): 0, ("quarantined",): 0}
    assert collector.sums("rasid.queue.entries", "state") == states
    (delay,) = (p for name, _, p in collector.points if name == "rasid.article.delay")
    assert delay.count == books.outcomes["indexed"]
    assert 240 < delay.sum / delay.count < 300 + 240
    stages = Counter(a["stage"] for n, a, _ in collector.points if n == "rasid.stage.duration")
    assert set(stages) == {"plan", "poll", "batch", "fetch", "read", "tag", "index", "settle"}
    said = {str(value) for _, labels, _ in collector.points for value in labels.values()}
    assert not said & {*chain.feeds, "127.0.0.1", f"127.0.0.1:{chain.site.port}"}
    ours = {span.span_id: span for span in collector.spans if span.name.startswith("rasid.")}
    assert {span.name for span in ours.values()} == {f"rasid.{name}" for name in stages}
    for span in ours.values():
        said = {a.key: a.value.string_value for a in span.attributes}
        assert said == {"rasid.run_id": "test__1", "rasid.dag_id": "monitor_news"}
    # Elasticsearch's client adds its calls below the stage that makes them.
    assert {"search", "indices.refresh"} <= {
        span.name for span in collector.spans if span.parent_span_id in ours
    }


def test_what_waits_is_counted_with_its_age(chain, collector):
    """A page that cannot be had now is put off at fetch, and then waits."""
    from dataclasses import replace

    path = next(p for p in sorted(chain.site.resources) if p.startswith("/furat/article/"))
    chain.site.resources[path] = replace(chain.site.resources[path], status=503)
    chain.clock -= timedelta(minutes=5)
    chain.run()
    collector.flush()
    ended = collector.sums("rasid.entries", "stage", "outcome", "cause")
    assert ended["fetch", "waiting", "server_error"] == 1
    assert collector.sums("rasid.queue.entries", "state")["waiting",] == 1
    assert 240 < collector.sums("rasid.queue.oldest", "state")["waiting",] < 300 + 240


def test_a_stage_that_fails_says_so_and_still_fails(chain, collector, monkeypatch):
    monkeypatch.setattr("rasid.pipeline.plan.feed_states", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        chain.run()
    collector.flush()
    failed = {
        (labels["stage"], labels["failed"])
        for name, labels, _ in collector.points
        if name == "rasid.stage.duration"
    }
    assert failed == {("plan", True)}
    (span,) = (span for span in collector.spans if span.name == "rasid.plan")
    assert span.status.code == span.status.STATUS_CODE_ERROR


def test_nothing_is_searched_or_sent_where_nobody_set_it_up():
    """The default: no provider, so no search for queues (there is no client here to ask)."""
    telemetry.measure_queues(None, now=datetime.now(UTC))
