"""Questions that several DAGs ask whoever starts them, in the words of all of them."""

from __future__ import annotations

from airflow.sdk import Param


def one_feed() -> Param:
    """A feed, or all of them."""
    return Param(
        default=None,
        type=["null", "string"],
        title="Feed · المصدر",
        description_md="Its id in the registry. Empty: every feed.",
    )


def between_days(english: str, arabic: str, first: str = "First day (UTC).") -> dict[str, Param]:
    """The days `from` and `to` of what the titles name, each of them open when left empty."""
    return {
        "from": Param(
            default=None,
            type=["null", "string"],
            format="date",
            title=f"{english} from · {arabic} من",
            description_md=f"{first} Empty: from the beginning.",
        ),
        "to": Param(
            default=None,
            type=["null", "string"],
            format="date",
            title=f"{english} to · {arabic} إلى",
            description_md="Last day (UTC), included. Empty: until now.",
        ),
    }
