"""`rasid lexicon`: the analysts' lexicon."""

from __future__ import annotations

from dataclasses import asdict

import typer

from rasid.cli.console import AsJson, out, print_json


lexicon_app = typer.Typer(help="The analysts' lexicon.", no_args_is_help=True)


@lexicon_app.command("compile")
def lexicon_compile() -> None:
    """Compile include/lexicon and say what came of it."""
    from rasid.tagging import load_tagger

    out.print(f"Lexicon and tagger {load_tagger().version}", markup=False)


@lexicon_app.command("lint")
def lexicon_lint(*, as_json: AsJson = False) -> None:
    """Duplicates, fold collisions and failing examples of the lexicon, by file and line."""
    from rasid.tagging import lint_lexicon

    problems = lint_lexicon()
    if as_json:
        print_json([asdict(problem) for problem in problems])
    else:
        for problem in problems:
            out.print(str(problem), markup=False, soft_wrap=True)
        out.print(f"{len(problems)} problems")
    raise typer.Exit(1 if problems else 0)


@lexicon_app.command("explain")
def lexicon_explain(words: str) -> None:
    """What the lexicon makes of a word or a phrase, one JSON object a meaning."""
    from rasid.tagging import explain_word, load_tagger

    for meaning in explain_word(load_tagger(), words):
        print_json(asdict(meaning))
