"""mcp: the door for a reader's assistant, on standard input and output."""

import asyncio
import signal
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.api_token import Scopes, reader_scopes
from digestd.subscribers.lookup import find


def serve_assistant(
    reader: Annotated[str, typer.Option("--as", metavar="EMAIL", help="The subscriber to act for.")],
    scope: Scopes = None,
) -> None:
    """Let an assistant act for one subscriber, by MCP.

    Speaks the Model Context Protocol on standard input and output, so the assistant's program starts it. `--scope read`
    shows digests and papers; with `--scope write` it also saves, rates and changes topics.

    Example: digestd mcp --as ada@example.org --scope read --scope write
    """
    scopes = reader_scopes(scope)
    app = wiring.connect()
    with app.db.read() as session:
        access = find(session, app.keys, reader).key, scopes
    from digestd.assistant import Access, build_server, serve_stdio

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a thread waits for input, and nothing is half done
    asyncio.run(serve_stdio(build_server(app, lambda _ctx: Access(*access))))
