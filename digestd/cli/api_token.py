"""api-token: who may use the API."""

import secrets
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.numbers import Number
from digestd.cli.output import emit, say
from digestd.domain.api import Scope
from digestd.errors import BadInput, NotFound
from digestd.store import api_tokens

app = typer.Typer(name="api-token", help="Make, list and remove tokens of the API.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def api_token() -> None:
    """Make, list and remove tokens of the API under /api/v1. Without a token there is no API."""


@app.command("add")
def add_token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="Let it do this; may be repeated. Without this option: read.")
    ] = None,
) -> None:
    """Make a token and print it: it is shown this once, as only a hash is kept.

    Example: digestd api-token add website --scope signup
    """
    if not name.strip():
        raise BadInput("NAME: say what it is for, as in website")
    if scope and Scope.VOUCH in scope and Scope.WRITE not in scope:
        raise BadInput("--scope vouch only adds to write: give --scope write as well")
    built, secret = wiring.build(), secrets.token_urlsafe(32)
    with built.db.write() as session:
        number = api_tokens.add(session, name[:80], secret, set(scope or [Scope.READ]), built.clock())
    typer.echo(f"digestd_{number}_{secret}")


@app.command("list")
def list_tokens(as_json: Json = False) -> None:
    """List the tokens.

    Example: digestd api-token list
    """
    with wiring.build().db.read() as session:
        known = api_tokens.listing(session)
    rows = [
        {
            "number": one.key,
            "name": one.name,
            "scopes": sorted(one.scopes),
            "created": one.created,
            "revoked": one.revoked,
        }
        for one in known
    ]
    emit(rows, as_json)


@app.command("remove")
def remove_token(number: Number) -> None:
    """Revoke a token, at once and for ever.

    Example: digestd api-token remove 1
    """
    built = wiring.build()
    with built.db.write() as session:
        if not api_tokens.revoke(session, number, built.clock()):
            raise NotFound(f"no token number {number} stands; `digestd api-token list` shows all")
    say(f"token {number} opens nothing any more")
