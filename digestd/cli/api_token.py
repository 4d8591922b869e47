"""api-token: who may use the JSON API."""

import secrets
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.arguments import Json, Number
from digestd.cli.output import emit
from digestd.cli.stdio import say
from digestd.errors import BadInput, NotFound
from digestd.security.tokens import Scope
from digestd.store import integrations
from digestd.text.sanitise import clean, is_visible


def add_token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the token is for.")],
    scope: Annotated[list[Scope] | None, typer.Option(help="What it allows. Repeatable. Default: read.")] = None,
    as_json: Json = False,
) -> None:
    """Create an API token and print it.

    It is shown only once: digestd stores a hash.

    Example: digestd api-token add website --scope signup
    """
    name = clean(name)
    if not is_visible(name):
        raise BadInput("NAME: say what the token is for, as in website")
    if scope and Scope.VOUCH in scope and Scope.WRITE not in scope:
        raise BadInput("--scope vouch requires --scope write as well")
    built, secret = wiring.connect(), secrets.token_urlsafe(32)
    with built.db.write() as session:
        number = integrations.add_token(session, name[:80], secret, set(scope or [Scope.READ]), built.clock())
    token = f"digestd_{number}_{secret}"
    if as_json:
        emit({"number": number, "token": token}, as_json)
    else:
        typer.echo(token)


def list_tokens(as_json: Json = False) -> None:
    """List the API tokens.

    Example: digestd api-token list
    """
    with wiring.connect().db.read() as session:
        known = integrations.tokens(session)
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


def remove_token(number: Number) -> None:
    """Revoke an API token.

    Takes effect at once and cannot be undone.

    Example: digestd api-token remove 1
    """
    built = wiring.connect()
    with built.db.write() as session:
        if not integrations.revoke_token(session, number, built.clock()):
            raise NotFound(f"there is no active token {number}; `digestd api-token list` shows them all")
    say(f"token {number} is revoked")
