"""What is known of each host: when it may be asked next, and whether it rests or is dead.

All processes of one installation share it through small files, so that a host sees one polite
visitor however many tasks work on it. A lock ends with the process that holds it (flock(2)).
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path


AT_ONCE = 2  # requests to one host
_LOOK_AGAIN = 0.05  # seconds between two looks for a free slot of another process


@dataclass(slots=True)
class Host:
    """Times are seconds of the epoch; `dead_of` is the outcome of its last failure."""

    free_at: float = 0.0
    paused_until: float = 0.0
    dead_until: float = 0.0
    dead_of: str = ""
    slow_answers: int = 0


class Hosts:
    """Hosts by `name:port`; in `folder` they are shared, without one they are this object's own."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._own: dict[str, Host] = {}
        # Two of ours at most want a host at any time: the queue of one process does not keep
        # another from its turn.
        self._slots: dict[str, asyncio.Semaphore] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def known(self, name: str) -> Iterator[Host]:
        """What is known of the host, to read and change; nobody else does so meanwhile."""
        if self._folder is None:
            yield self._own.setdefault(name, Host())
            return
        with self.file(name, "json").open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            before = file.read()
            host = _host(before)
            yield host
            after = json.dumps(asdict(host))
            if after != before:
                file.truncate(0)
                file.write(after)

    def forget(self, name: str) -> None:
        """Know nothing of the host any more: neither that it rests nor that it is dead."""
        self._own.pop(name, None)
        if self._folder is not None:
            self.file(name, "json").unlink(missing_ok=True)

    @asynccontextmanager
    async def queue(self, name: str) -> AsyncIterator[None]:
        """A place in the queue for the host, before its turn."""
        async with self._slots.setdefault(name, asyncio.Semaphore(AT_ONCE)):
            yield

    @asynccontextmanager
    async def slot(self, name: str) -> AsyncIterator[None]:
        """One of the two requests that may run at once."""
        if self._folder is None:  # the queue is as long as there are slots
            yield
            return
        handle = await self._slot(name)
        try:
            yield
        finally:
            os.close(handle)

    async def _slot(self, name: str) -> int:
        while True:
            for number in range(AT_ONCE):
                handle = os.open(self.file(name, str(number)), os.O_RDWR | os.O_CREAT, 0o644)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.close(handle)
                else:
                    return handle
            await asyncio.sleep(_LOOK_AGAIN)

    def file(self, name: str, ending: str) -> Path:
        """The file that keeps something of the host."""
        assert self._folder is not None
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.{ending}"


def _host(text: str) -> Host:
    """The host of a file; a new one when a process died while it wrote."""
    try:
        return Host(**json.loads(text))
    except (ValueError, TypeError):
        return Host()
