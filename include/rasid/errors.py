"""Every error Rasid raises, in one tree.

    RasidError
    ├── ConfigError            a file or setting a person must mend (says where and how)
    │   ├── FeedsFileError     include/feeds.yaml or the file named by RASID_FEEDS
    │   └── LexiconError       include/lexicon/*.yaml
    ├── QueryError             what a person searched for cannot be read (says how to write it)
    ├── LocalNodeError         the local Elasticsearch could not be fetched, started or stopped
    │   ├── NoJdk, NoMaven     a program it needs is not on this machine
    │   ├── DownloadFailed     Maven did not bring a whole archive; nothing was kept
    │   ├── TooLittleSpace     the disk cannot hold the program or the data
    │   ├── PortTaken          somebody else listens on the node's port
    │   └── StartFailed        it was launched and did not come up, or is not the version we know
    ├── SearchUnavailable      Elasticsearch does not answer, or not in time: ours, worth a retry
    ├── StoreUnavailable       the object storage cannot be read or written: ours, worth a retry
    ├── BooksOpen              a run's counts do not add up: a defect, never to be retried silently
    └── FetchError             what a source did to us; `outcome` is its name in docs/operating.md

A source's failure is data: `FetchError` is caught where the request was made and becomes an
outcome. All others fail the task.
"""

from __future__ import annotations


class RasidError(Exception):
    """Root of the tree."""


class ConfigError(RasidError):
    """A file or setting that a person must mend; the message says what, where and how."""


class FeedsFileError(ConfigError):
    """The feed registry cannot be used as it stands."""


class LexiconError(ConfigError):
    """The lexicon cannot be compiled as it stands."""


class QueryError(RasidError):
    """A search that cannot be read; the message says how to write it."""


class LocalNodeError(RasidError):
    """The local Elasticsearch node could not be fetched, started or stopped."""


class NoJdk(LocalNodeError):
    """No full JDK of a version that Elasticsearch runs on."""


class NoMaven(LocalNodeError):
    """No `mvn`, which fetches Elasticsearch."""


class DownloadFailed(LocalNodeError):
    """Maven failed, or what it brought cannot be unpacked."""


class TooLittleSpace(LocalNodeError):
    """The disk is too full for the download, for unpacking or for the node's data."""


class PortTaken(LocalNodeError):
    """The node's port is held by another program or by another checkout's node."""


class StartFailed(LocalNodeError):
    """The node was launched and did not come up in time, ended, or is of another version."""


class SearchUnavailable(RasidError):
    """Elasticsearch does not answer, or answers 429/503 for longer than we wait."""


class StoreUnavailable(RasidError):
    """The object storage under RASID_STORE cannot be read or written."""


class BooksOpen(RasidError):
    """Seen, known, new and the outcomes of a run do not add up."""


class FetchError(RasidError):
    """A request that did not bring a usable answer; `outcome` names it."""

    outcome = "unreachable"

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
