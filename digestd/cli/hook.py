"""hook: the events of subscribers that are posted to the operator's own programs."""

from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.numbers import Newest, Number
from digestd.cli.output import emit, say
from digestd.domain.hook import HookPost, PostState
from digestd.domain.typed import NUMBER_MAX
from digestd.errors import NotFound
from digestd.store import webhooks

app = typer.Typer(name="hook", help="Events posted to your own programs.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def hook() -> None:
    """Events of subscribers that are posted to the URLs of DIGESTD_HOOK_URLS."""


@app.command("list")
def list_posts(
    state: Annotated[PostState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Newest = 50,
    as_json: Json = False,
) -> None:
    """List what was posted, waits to be, or was given up.

    Example: digestd hook list --state given_up
    """
    with wiring.build().db.read() as session:
        emit([_row(post) for post in webhooks.listing(session, limit, state)], as_json)


@app.command("show")
def show_post(number: Number, as_json: Json = False) -> None:
    """Show one post.

    Example: digestd hook show 12
    """
    with wiring.build().db.read() as session:
        found = webhooks.by_key(session, number)
    if found is None:
        raise NotFound(f"there is no post number {number}; `digestd hook list` shows them")
    emit(_row(found) | {"at": found.at, "not_before": found.not_before, "detail": found.detail}, as_json)


@app.command("retry")
def retry_posts(
    number: Annotated[int | None, typer.Argument(metavar="[NUMBER]", max=NUMBER_MAX, show_default=False)] = None,
) -> None:
    """Try once more what was given up: one post, or all.

    Example: digestd hook retry
    """
    built = wiring.build()
    with built.db.write() as session:
        count = webhooks.retry(session, number, built.clock())
    if number is not None and not count:
        raise NotFound(f"no post number {number} was given up; `digestd hook list --state given_up` shows those")
    say(f"{count} tried again by the service that runs")


def _row(post: HookPost) -> dict[str, object]:
    return {
        "number": post.key,
        "happening": post.happening,
        "subscriber": post.subscriber,
        "url": post.url,
        "state": post.state,
        "attempts": post.attempts,
        "error": post.error,
    }
