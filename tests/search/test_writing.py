"""Bulk writing: one outcome per document, replays harmless, our failures apart from theirs."""

from __future__ import annotations

import json

from datetime import UTC, datetime
from typing import ClassVar

import pytest

from elastic_transport import (
    ApiResponseMeta,
    BaseNode,
    HttpHeaders,
)
from elastic_transport import (
    ConnectionError as NoConnection,
)
from elastic_transport._node._base import NodeApiResponse
from elasticsearch import Elasticsearch

from rasid.errors import SearchUnavailable
from rasid.search import Write, delete_stale_mentions, index_for, write_all, writing


NOW = datetime(2026, 11, 24, tzinfo=UTC)
ARTICLES = index_for("articles", NOW)
MENTIONS = index_for("mentions", NOW)


def article(name: str, version: int = 1, **more) -> Write:
    return Write(ARTICLES, name, version, {"article_id": name, "title": "هجوم", **more})


class FakeNode(BaseNode):
    """Answers each bulk request by the next entry of `script`: item statuses, or None = no answer."""

    script: ClassVar[list] = []
    seen: ClassVar[list] = []

    def perform_request(self, method, target, body=None, headers=None, request_timeout=None):
        if method == "HEAD":  # is there an index behind the alias?
            return self.answer({})
        lines = [json.loads(line) for line in (body or b"").splitlines()]
        FakeNode.seen.append([line["index"]["_id"] for line in lines[::2]])
        statuses = FakeNode.script.pop(0)
        if statuses is None:
            raise NoConnection("refused")
        items = []
        for line, status in zip(lines[::2], statuses, strict=True):
            item = {"_id": line["index"]["_id"], "status": status, "result": "created"}
            if status >= 300:
                item["error"] = {"type": "t", "reason": f"status {status}"}
            items.append({"index": item})
        return self.answer({"items": items, "errors": True})

    def answer(self, body):
        head = HttpHeaders(
            {"x-elastic-product": "Elasticsearch", "content-type": "application/json"}
        )
        meta = ApiResponseMeta(200, "1.1", head, 0.0, self.config)
        return NodeApiResponse(meta, json.dumps(body).encode())

    def close(self):
        pass


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(writing, "FIRST_WAIT", 0.001)
    FakeNode.seen = []
    with Elasticsearch("http://fake:9200", node_class=FakeNode, max_retries=0) as es:
        yield es


class TestOutcomes:
    def test_a_429_is_repeated_until_it_is_written(self, fake):
        FakeNode.script = [[201, 429], [429], [201]]
        results = write_all(fake, [article("a"), article("b")])
        assert {("a", "created"), ("b", "created")} == {(r.id, r.status) for r in results}
        assert FakeNode.seen == [["a", "b"], ["b"], ["b"]]

    def test_a_429_that_stays_is_ours_and_told_after_the_others_are_through(self, fake):
        FakeNode.script = [[429, 201], *[[429]] * writing.RETRIES]
        with pytest.raises(SearchUnavailable, match=r"1 of 2 documents.*status 429"):
            write_all(fake, [article("a"), article("b")])

    def test_no_answer_is_ours(self, fake):
        FakeNode.script = [None]
        with pytest.raises(SearchUnavailable, match="stopped answering"):
            write_all(fake, [article("a"), article("b")])

    def test_an_older_revision_is_stale_and_a_refused_one_rejected(self, fake):
        FakeNode.script = [[409, 400, 201]]
        results = write_all(fake, [article("a"), article("b"), article("c")])
        assert [r.status for r in results] == ["stale", "rejected", "created"]
        assert results[1].error == "status 400"

    def test_nothing_to_write_asks_nobody(self, fake):
        FakeNode.script = []
        assert write_all(fake, []) == []


@pytest.mark.node
class TestOnTheNode:
    def test_a_refused_document_does_not_keep_its_neighbours_out(self, es):
        results = write_all(es, [article("a"), article("b", published_at="soon"), article("c")])
        assert [r.status for r in results] == ["created", "rejected", "created"]
        assert "published_at" in results[1].error
        es.indices.refresh(index=ARTICLES)
        assert es.count(index=ARTICLES)["count"] == 2

    def test_a_replay_updates_and_an_old_writer_is_stale(self, es):
        assert [r.status for r in write_all(es, [article("a", 5)])] == ["created"]
        assert [r.status for r in write_all(es, [article("a", 5)])] == ["updated"]
        assert [r.status for r in write_all(es, [article("a", 4, summary="قديم")])] == ["stale"]
        assert "summary" not in es.get(index=ARTICLES, id="a")["_source"]

    def test_mentions_of_an_older_revision_go_and_others_stay(self, es):
        def mention(name, owner, revision):
            source = {"mention_id": name, "article_id": owner, "revision": revision}
            return Write(MENTIONS, name, revision, source)

        write_all(es, [mention("1", "a", 1), mention("2", "a", 2), mention("3", "b", 1)])
        assert delete_stale_mentions(es, {"a": 2, "c": 9}) == 1
        es.indices.refresh(index=MENTIONS)
        left = {hit["_id"] for hit in es.search(index=MENTIONS)["hits"]["hits"]}
        assert {"2", "3"} == left
        assert delete_stale_mentions(es, {}) == 0
