"""`rasid keys`: API keys of the roles that Rasid's parts work with."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from rasid.cli.console import AsJson, print_json
from rasid.settings import settings


keys_app = typer.Typer(help="API keys: made, listed, rotated.", no_args_is_help=True)

Role = Literal["writer", "provisioner", "migrator", "keeper", "kibana", "analyst", "ops"]
OfRole = Annotated[Role, typer.Argument(help="Whose key.")]
Days = Annotated[int, typer.Option(help="Valid for so many days.", min=1, max=366)]


@keys_app.command("create")
def create(role: OfRole, *, days: Days = 90) -> None:
    """Make a key and print it; it is shown this once."""
    from rasid.search import connect
    from rasid.search.keys import create_key

    with connect(settings()) as es:
        typer.echo(create_key(es, role, days=days))


@keys_app.command("list")
def show(*, as_json: AsJson = False) -> None:
    """The keys that are valid now, and until when."""
    from rasid.search import connect
    from rasid.search.keys import RIGHTS, valid_keys

    with connect(settings()) as es:
        found = [key for role in RIGHTS for key in valid_keys(es, role)]
    if as_json:
        print_json([asdict(key) for key in found])
        return
    for key in found:
        until = f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "for ever"
        typer.echo(f"{key.role:12} {key.id}  made {key.created_at:%Y-%m-%d}  valid until {until}")
    if not found:
        typer.echo("No key of Rasid's is valid. `rasid keys create writer` makes one.")


@keys_app.command("rotate")
def rotate(
    role: OfRole,
    *,
    secrets: Annotated[
        Path | None,
        typer.Option(help="Folder of RASID_SECRETS to put it into; none: it is printed."),
    ] = None,
    days: Days = 90,
) -> None:
    """Make a new key, check that it can do its job, hand it out, invalidate the older ones."""
    from rasid.errors import ConfigError
    from rasid.search import connect
    from rasid.search.keys import SETTINGS, rotate_key, write_secret

    def hand_out(key: str) -> None:
        if secrets is None:
            typer.echo(key)
            return
        try:
            write_secret(secrets / SETTINGS.get(role, f"rasid_{role}_api_key"), key)
        except OSError as error:
            raise ConfigError(
                f"The key cannot be put into {secrets} ({error.strerror}). Name the folder of"
                " RASID_SECRETS. The older keys are valid as before."
            ) from error

    with connect(settings()) as es:
        gone = rotate_key(es, role, hand_out=hand_out, days=days)
    typer.echo(f"The new key of {role} is valid for {days} days; {gone} older ones went.", err=True)
