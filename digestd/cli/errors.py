"""Format errors of the command line as one line.

What is wrong, and where to find help.
"""

import re

from typer.exceptions import TyperException

from digestd.errors import plain_message

_REWRITES = (
    (re.compile(r"Invalid value for '?(-{0,2}[\w-]+)'?: (?:Value error, )?"), r"\1: "),
    (re.compile(r"Invalid value for '\[[^']*\]': (?:Value error, )?"), ""),
    (re.compile(r"\. Did you"), ": did you"),
)
"""Patterns in Typer's messages, and what is shown instead."""


def usage_error(error: TyperException) -> str:
    """Return the message of a wrong use.

    Empty if no command was given, since its help was printed.
    """
    message = plain_message(" ".join(error.format_message().split()).rstrip("."))
    for pattern, replacement in _REWRITES:
        message = pattern.sub(replacement, message)
    if not message:
        return ""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "digestd"
    first = message[0] if message[1:2].isupper() else message[0].lower()  # the name of an argument stays in capitals
    return f"{first}{message[1:]}{' See' if message.endswith('?') else '; see'} `{command} --help`"


def unexpected_error(error: Exception) -> str:
    """Return the kind of an unexpected error.

    Its text may contain personal data and is left out.

    Errors of the operating system are shown with their text and file.
    """
    if isinstance(error, OSError) and error.strerror:
        return f"the system says: {error.strerror}{f' ({error.filename})' if error.filename else ''}"
    return f"unexpected {type(error).__name__}"
