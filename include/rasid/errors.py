"""Every error Rasid raises, in one tree.

    RasidError
    ├── ConfigError            a file or setting a person must mend (says where and how)
    │   ├── FeedsFileError     include/feeds.yaml or the file named by RASID_FEEDS
    │   ├── LexiconError       include/lexicon/*.yaml
    │   └── LabelsError        include/gold/*.txt, or a labels file given to `rasid evaluate`
    ├── KibanaError            Kibana does not answer, is too old, or refuses what we bring
    ├── QueryError             what a person searched for cannot be read (says how to write it)
    ├── LocalNodeError         the local Elasticsearch could not be fetched, started or stopped
    │   ├── NoJdk, NoMaven     a program it needs is not on this machine
    │   ├── DownloadFailed     Maven did not bring a whole archive; nothing was kept
    │   ├── TooLittleSpace     the disk cannot hold the program or the data
    │   ├── PortTaken          somebody else listens on the node's port
    │   └── StartFailed        it was launched and did not come up, or is not the version we know
    ├── SearchUnavailable      Elasticsearch does not answer, or not in time: ours, worth a retry
    ├── MigrationFailed        an index could not be moved to its new version; nothing went over
    ├── SnapshotFailed         a snapshot could not be taken whole, or not be restored
    ├── StoreUnavailable       the object storage cannot be read or written: ours, worth a retry
    ├── NotifyFailed           a channel of RASID_NOTIFY did not take a message: worth a retry
    ├── BooksOpen              a run's counts do not add up: a defect, never to be retried silently
    └── FetchError             what a source did to us; `outcome` is its name in docs/operating.md
        ├── NotFound, Gone, Forbidden, Challenge, PolicyRefused        it refuses, or has nothing
        ├── Throttled, ServerError, TimedOut, Unreachable, Truncated   passing: worth another try
        │   └── HostBusy                                               our manners, not its fault
        └── TlsError, RedirectLoop, PrivateAddress, ForeignHost, TooLarge, BadEncoding
                                                                       refused by us

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


class LabelsError(ConfigError):
    """Labelled documents that cannot be read as they stand."""


class KibanaError(RasidError):
    """Kibana does not answer, is too old, or refuses what we bring."""


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


class MigrationFailed(RasidError):
    """An index could not be moved to its new version; nothing went over."""


class SnapshotFailed(RasidError):
    """A snapshot could not be taken whole, or not be restored."""


class StoreUnavailable(RasidError):
    """The object storage under RASID_STORE cannot be read or written."""


class NotifyFailed(RasidError):
    """A channel of RASID_NOTIFY did not take a message."""


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


class NotFound(FetchError):
    """404, or another refusal that no other name fits."""

    outcome = "not_found"


class Gone(FetchError):
    """410."""

    outcome = "gone"


class Forbidden(FetchError):
    """401, 403 or 451."""

    outcome = "forbidden"


class Challenge(FetchError):
    """A bot wall: 403 with `cf-mitigated: challenge`."""

    outcome = "challenge"


class PolicyRefused(FetchError):
    """robots.txt or an AI-use signal forbids the request; it was not made."""

    outcome = "policy_refused"


class Throttled(FetchError):
    """429, or 503 with Retry-After; also while the host is being left in peace."""

    outcome = "throttled"


class HostBusy(Throttled):
    """The host's turn comes later than the caller can wait; it was not asked."""


class ServerError(FetchError):
    """500, 502, 503, 504, 522 or 524."""

    outcome = "server_error"


class TimedOut(FetchError):
    """408, no connection or no whole answer within the deadline."""

    outcome = "timeout"


class Unreachable(FetchError):
    """DNS failure, refused, reset; also while the host is remembered as dead."""

    outcome = "unreachable"


class Truncated(FetchError):
    """The body ended before its declared length or before its gzip trailer."""

    outcome = "truncated"


class TlsError(FetchError):
    """The certificate or the handshake is not acceptable."""

    outcome = "tls_error"


class RedirectLoop(FetchError):
    """More redirects than we follow, or one that leads nowhere."""

    outcome = "redirect_loop"


class PrivateAddress(FetchError):
    """A URL or DNS answer that leads to no public http(s) server."""

    outcome = "private_address"


class ForeignHost(FetchError):
    """A redirect left the outlet's own hosts."""

    outcome = "foreign_host"


class TooLarge(FetchError):
    """Body or headers over the cap, counted after decompression."""

    outcome = "too_large"


class BadEncoding(FetchError):
    """A content encoding that we did not ask for and cannot undo."""

    outcome = "bad_encoding"
