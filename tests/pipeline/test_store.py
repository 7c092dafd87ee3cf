"""The object storage: a folder, and S3 as moto plays it on loopback; the same behaviour of both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rasid.errors import StoreUnavailable
from rasid.pipeline.store import (
    Presence,
    delete,
    last_written,
    list_folders,
    list_names,
    read_bytes,
    read_records,
    write_bytes,
    write_records,
)


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket at a server of S3's API in this process."""
    import fsspec

    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        host, port = server.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        fs = fsspec.filesystem("s3")
        fs.mkdir("rasid")
        yield "s3://rasid/production"
        fs.clear_instance_cache()
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    where = tmp_path.as_uri() if request.param == "folder" else request.getfixturevalue("bucket")
    yield where
    delete(where)


def test_what_is_written_is_read_listed_and_deleted(root):
    url = f"{root}/archive/2026/11/29/run-0001.warc.gz"
    assert write_bytes(url, b"page") == url
    assert read_bytes(url) == b"page"
    write_bytes(f"{root}/archive/2026/11/28/other.warc.gz", b"page")
    assert list_folders(f"{root}/archive/2026/11") == ["28", "29"]
    assert list_names(f"{root}/archive/2026/11/29") == ["run-0001.warc.gz"]
    assert url in Presence()
    delete(url)
    assert url not in Presence()
    delete(f"{root}/archive")
    assert list_folders(f"{root}/archive") == []


def test_the_newest_file_says_when_a_folder_was_last_written(root):
    before = datetime.now(UTC) - timedelta(seconds=2)
    write_bytes(f"{root}/runs/r/seen.jsonl.gz", b"x")
    written = last_written(f"{root}/runs/r")
    assert before < written < datetime.now(UTC) + timedelta(seconds=2)


def test_what_is_not_there_is_no_harm_to_list_or_delete(root):
    assert list_folders(f"{root}/nothing") == list_names(f"{root}/nothing") == []
    assert last_written(f"{root}/nothing") is None
    delete(f"{root}/nothing")
    with pytest.raises(StoreUnavailable, match="RASID_STORE"):
        read_bytes(f"{root}/nothing")


def test_records_come_back_as_they_were(root):
    path = write_records(f"{root}/numbers.jsonl.gz", int, [1, 2, 3])
    assert list(read_records(path, int)) == [1, 2, 3]
