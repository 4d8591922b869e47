"""api-token: who may use the JSON API and the door for assistants."""

import secrets
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.arguments import Json, Number
from digestd.cli.output import emit
from digestd.cli.stdio import say
from digestd.domain.subscriber import SUBSCRIBED
from digestd.errors import BadInput, NotFound
from digestd.security.tokens import READER_SCOPES, Scope
from digestd.store import integrations, subscribers
from digestd.subscribers.lookup import find
from digestd.text.sanitise import clean, is_visible

Scopes = Annotated[list[Scope] | None, typer.Option(help="What it allows. Repeatable. Default: read.")]


def add_token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the token is for.")],
    scope: Scopes = None,
    subscriber: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="Let it act for this subscriber alone, by /mcp alone.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create an API token and print it.

    It is shown only once: digestd stores a hash.

    Example: digestd api-token add website --scope signup

    Example: digestd api-token add assistant --subscriber ada@example.org
    """
    scopes = set(scope or [Scope.READ])
    name = clean(name)
    if not is_visible(name):
        raise BadInput("NAME: say what the token is for, as in website")
    if Scope.VOUCH in scopes and Scope.WRITE not in scopes:
        raise BadInput("--scope vouch requires --scope write as well")
    if subscriber is not None:
        reader_scopes(scope)
    built, secret = wiring.connect(), secrets.token_urlsafe(32)
    with built.db.write() as session:
        reader = None if subscriber is None else find(session, built.keys, subscriber, lock=True)
        if reader is not None and reader.status not in SUBSCRIBED:
            raise BadInput(f"--subscriber: this person is {reader.status}; make the token once they are subscribed")
        number = integrations.add_token(
            session, name[:80], secret, scopes, built.clock(), reader.key if reader else None
        )
    token = f"digestd_{number}_{secret}"
    if as_json:
        emit({"number": number, "token": token, "scopes": sorted(scopes)}, as_json)
    else:
        typer.echo(token)
        say(f"it may {', '.join(sorted(scopes))}{'' if scope else ', the default; --scope allows something else'}")


def reader_scopes(scope: list[Scope] | None) -> frozenset[Scope]:
    """Return the scopes to act for one subscriber. Raises BadInput."""
    scopes = frozenset(scope or [Scope.READ])
    if Scope.READ not in scopes or not scopes <= READER_SCOPES:
        raise BadInput("--scope: for one subscriber, use --scope read, or --scope read --scope write")
    return scopes


def list_tokens(as_json: Json = False) -> None:
    """List the API tokens.

    Example: digestd api-token list
    """
    with wiring.connect().db.read() as session:
        known = integrations.tokens(session)
        readers = {one.subscriber: subscribers.by_key(session, one.subscriber) for one in known if one.subscriber}
    rows = [
        {
            "number": one.key,
            "name": one.name,
            "scopes": sorted(one.scopes),
            "subscriber": reader.address if (reader := readers.get(one.subscriber or 0)) else None,
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
