"""Which failures of a task are worth another try, and how long and how often tasks try."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule


# A source's failure is data, except where a whole task is about one source: a backfill.
_PASSING = ("Challenge", "ServerError", "Throttled", "TimedOut", "Truncated", "Unreachable")

# What a person must mend stays broken however often we try; a platform that does not answer comes
# back. Names are strings, so that the scheduler need not import our modules to read the policy.
PLATFORM = ExceptionRetryPolicy(
    [
        RetryRule(
            exception="rasid.errors.ConfigError",
            action=RetryAction.FAIL,
            reason="a file or setting must be mended first; the log says which",
        ),
        RetryRule(
            exception="rasid.errors.BooksOpen",
            action=RetryAction.FAIL,
            reason="counting again gives the same counts",
        ),
        RetryRule(
            exception="rasid.errors.SearchUnavailable",
            action=RetryAction.RETRY,
            retry_delay=timedelta(seconds=30),
            reason="Elasticsearch does not answer",
        ),
        RetryRule(
            exception="rasid.errors.StoreUnavailable",
            action=RetryAction.RETRY,
            retry_delay=timedelta(seconds=30),
            reason="the object storage does not answer",
        ),
        RetryRule(
            exception=[f"rasid.errors.{name}" for name in _PASSING],
            action=RetryAction.RETRY,
            retry_delay=timedelta(minutes=15),
            reason="the source does not answer now",
        ),
        RetryRule(
            exception="rasid.errors.FetchError",
            action=RetryAction.FAIL,
            reason="the source refuses, or has nothing of the kind",
        ),
    ]
)

# The default_args of every DAG: a task that takes longer says so itself.
TASKS = {
    "owner": "ops",
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": PLATFORM,
    "execution_timeout": timedelta(minutes=10),
}
