"""The command line: `digestd`, one file per noun.

Exit codes: 0 done, 1 failed, 2 wrong use. Data goes to stdout, words about it to stderr. A
DigestdError is one line, and so is a command used wrongly; what nobody foresaw shows its traceback
with DIGESTD_DEBUG=1.
"""

import os
import sys
import traceback
from typing import Annotated

import typer
from typer.exceptions import TyperException

from digestd import __version__
from digestd.cli import errors, streams
from digestd.cli.commands import Commands
from digestd.cli.output import say
from digestd.cli.process import importing, one_heap
from digestd.errors import DigestdError
from digestd.logs import configure

INTERRUPTED = 130

app = typer.Typer(
    name="digestd",
    cls=Commands,
    help="One personal mail of new research papers a day, for every subscriber.",
    epilog="First steps: digestd init, digestd subscriber add you@example.org --topic 'protein folding', digestd up",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"digestd {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _version_asked: Annotated[  # acts by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """One personal mail of new research papers a day, for every subscriber."""
    configure("console", "warning")


def main() -> None:
    """Run one command, and exit as it says."""
    streams.make_ready()
    os.umask(0o077)  # the database and the mails hold addresses
    one_heap()
    importing()
    try:
        sys.exit(app(prog_name="digestd", standalone_mode=False) or 0)
    except TyperException as error:
        _end(errors.said(error), error.exit_code)
    except typer.Abort:
        _end("stopped; nothing was changed", 1)
    except DigestdError as error:
        _end(f"{error}{'; the same command may work later' if error.retry else ''}", error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:  # the last resort: whatever it is, say it in one line
        if os.environ.get("DIGESTD_DEBUG"):
            traceback.print_tb(error.__traceback__)  # without its words, which may be somebody's
        _end(f"{_unforeseen(error)}; DIGESTD_DEBUG=1 shows where", 1)


def _unforeseen(error: Exception) -> str:
    """Its kind, as its words may be somebody's; of what the system refuses, what and where."""
    if isinstance(error, OSError) and error.strerror:
        return f"the system says: {error.strerror}{f' ({error.filename})' if error.filename else ''}"
    return f"unexpected {type(error).__name__}"


def _end(words: str, code: int) -> None:
    """Without words where help says it all."""
    if words:
        say(f"digestd: {words}")
    sys.exit(code)
