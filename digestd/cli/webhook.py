"""webhook: subscriber events that are posted to the operator's own programs."""

from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.arguments import Json, Limit, Number, check_number
from digestd.cli.output import emit
from digestd.cli.stdio import say
from digestd.domain.webhook import WebhookPost, WebhookPostState
from digestd.errors import NotFound
from digestd.operations.service_status import counted
from digestd.store import integrations


def list_posts(
    state: Annotated[WebhookPostState | None, typer.Option(help="Only posts in this state.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List webhook posts, newest first.

    Example: digestd webhook list --state given_up
    """
    with wiring.connect().db.read() as session:
        rows = [_row(post) for post in integrations.posts(session, limit, state)]
    emit(rows, as_json)
    if not rows:
        say(f"there are no webhook posts{f' in the state {state}' if state else ''}")


def show_post(number: Number, as_json: Json = False) -> None:
    """Show one webhook post.

    Example: digestd webhook show 12
    """
    with wiring.connect().db.read() as session:
        found = integrations.post_by_key(session, number)
    if found is None:
        raise NotFound(f"there is no post {number}; `digestd webhook list` shows them all")
    emit(_row(found) | {"at": found.at, "not_before": found.not_before, "detail": found.detail}, as_json)


def retry_posts(
    number: Annotated[
        int | None,
        typer.Argument(metavar="NUMBER", callback=check_number, show_default=False, help="As `webhook list` shows it."),
    ] = None,
) -> None:
    """Retry one webhook post that was given up, or all.

    Example: digestd webhook retry
    """
    built = wiring.connect()
    with built.db.write() as session:
        count = integrations.retry_posts(session, number, built.clock())
    if number is not None and not count:
        raise NotFound(f"no post {number} was given up; `digestd webhook list --state given_up` shows which were")
    say(f"the running service will retry {counted(count, 'post')}")


def _row(post: WebhookPost) -> dict[str, object]:
    return {
        "number": post.key,
        "event": post.event,
        "subscriber": post.subscriber,
        "url": post.url,
        "state": post.state,
        "attempts": post.attempts,
        "error": post.error,
    }
