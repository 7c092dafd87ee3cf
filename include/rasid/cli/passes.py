"""How a pass over the chain is told."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from rasid.cli.console import err, out, print_json


if TYPE_CHECKING:
    from rasid.airflow.once import Pass


def tell_pass(done: Pass, *, as_json: bool) -> NoReturn:
    """Print the books of a pass; exit 0 when it ended well and they are closed."""
    good = done.state == "success" and bool(done.books) and all(b.closed for b in done.books)
    if as_json:
        print_json(
            {
                "run_id": done.run_id,
                "state": done.state,
                "closed": good,
                "problems": done.problems,
                "feeds": [_book(b, done.polls) for b in done.books if b.feed_id != "*"],
                "total": next((_book(b, []) for b in done.books if b.feed_id == "*"), None),
            }
        )
    else:
        from rasid.cli.tables import books_table

        out.print(books_table(done.books, done.polls))
        for problem in done.problems:
            err.print(problem, style="yellow", markup=False)
        if not good:
            err.print(f"The run ended as {done.state}; its books are not all closed.", style="red")
    raise typer.Exit(0 if good and not done.problems else 1)


def _book(book: Any, polls: list[dict[str, Any]]) -> dict[str, Any]:
    mine: dict[str, Any] = next((p for p in polls if p["feed_id"] == book.feed_id), {})
    poll = {name: mine.get(name) for name in ("outcome", "flags", "error")} if mine else None
    return {**asdict(book), "closed": book.closed, "difference": book.difference, "poll": poll}
