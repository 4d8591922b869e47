"""The command line: `digestd`. `commands` says which module holds each command.

    commands   the table of all commands; a module is imported when its command runs
    arguments  arguments and options that several commands share
    output     tables, JSON and progress bars
    stdio      lines for people on standard error
    errors     one line for each error

Exit codes: 0 done, 1 failed, 2 wrong use. Unexpected errors show where they happened with DIGESTD_DEBUG=1.
Commands read options, call the packages below, and print; they hold no rules of their own.
"""

import os
import sys
import traceback
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from digestd import __version__
from digestd.cli import errors
from digestd.cli.commands import TableGroup, pause_gc
from digestd.cli.stdio import prepare_stdio, say
from digestd.errors import DigestdError

INTERRUPTED = 130

app = typer.Typer(
    name="digestd",
    cls=TableGroup,
    help="Send every subscriber a personal mail with new research papers.",
    epilog="First steps: digestd init, digestd subscriber add you@example.org --topic 'protein folding', digestd up",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"digestd {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[  # acts by its callback
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Send every subscriber a personal mail with new research papers."""


def main() -> None:
    """Run one command and exit with its code."""
    prepare_stdio()
    os.umask(0o077)  # the database and the mails contain addresses
    pause_gc()
    try:
        sys.exit(app(prog_name="digestd", standalone_mode=False) or 0)
    except TyperException as error:
        _fail(errors.usage_error(error, sys.argv[1:]), error.exit_code)
    except typer.Abort:
        _fail("stopped; nothing was changed", 1)
    except DigestdError as error:
        _fail(f"{error}{'; the same command may work later' if error.retry else ''}", error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:  # the last resort: any other error is one line too
        if os.environ.get("DIGESTD_DEBUG"):
            traceback.print_tb(error.__traceback__)  # without the message, which may contain personal data
        _fail(f"{errors.unexpected_error(error)}; DIGESTD_DEBUG=1 shows where", 1)


def _fail(message: str, code: int) -> NoReturn:
    if message:
        say(f"digestd: {message}")
    sys.exit(code)
