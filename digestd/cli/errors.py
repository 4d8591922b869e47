"""Format errors of the command line as one line.

What is wrong, what was probably meant, and where to find help.
"""

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from typer.exceptions import TyperException

from digestd.cli.commands import COMMANDS, CommandEntry, GroupEntry
from digestd.errors import plain_message

_REWRITES = (
    (re.compile(r"Invalid value for '?(-{0,2}[\w-]+)'?: (?:Value error, )?"), r"\1: "),
    (re.compile(r"Invalid value for '\[[^']*\]': (?:Value error, )?"), ""),
    (re.compile(r"\. Did you"), ": did you"),
    (re.compile(r"does not take a value"), "takes no value"),
)
"""Patterns in Typer's messages, and what is shown instead."""
_NO_COMMAND = re.compile(r"[Nn]o such command '([^']*)'")
_NO_OPTION = re.compile(r"[Nn]o such option: (\S+)(?: \((?:Possible options|Did you mean)[^)]*\))?")
_CLOSE = 0.6
_SHOWN = 2
SYNONYMS: Mapping[str, Mapping[str, str]] = {
    "digestd": {
        "version": "digestd --version",
        "start": "digestd up",
        "serve": "digestd up` or `digestd web",
        "server": "digestd up` or `digestd web",
        "daemon": "digestd up",
        "stop": "systemctl stop digestd",
        "restart": "systemctl restart digestd",
        "test": "digestd doctor",
        "check": "digestd doctor` or `digestd config check",
        "health": "digestd status",
        "info": "digestd status",
        "migrate": "digestd init",
        "upgrade": "digestd init",
        "setup": "digestd init",
        "install": "digestd init",
        "user": "digestd subscriber",
        "users": "digestd subscriber",
        "add": "digestd subscriber add",
        "import": "digestd subscriber import` or `digestd paper import",
        "list": "digestd subscriber list",
        "fetch": "digestd ingest",
        "mail": "digestd deliver",
        "log": "journalctl -u digestd",
        "logs": "journalctl -u digestd",
        "settings": "digestd config show",
        "token": "digestd api-token",
    },
    "digestd subscriber": {
        "remove": "digestd subscriber unsubscribe` or `digestd subscriber erase",
        "delete": "digestd subscriber unsubscribe` or `digestd subscriber erase",
        "rm": "digestd subscriber unsubscribe` or `digestd subscriber erase",
        "search": "digestd subscriber list",
        "find": "digestd subscriber show",
        "get": "digestd subscriber show",
        "update": "digestd subscriber edit",
        "set": "digestd subscriber edit",
        "block": "digestd subscriber suppress",
        "unblock": "digestd subscriber unsuppress",
    },
    "digestd source": {"delete": "digestd source remove", "test": "digestd source check"},
    "digestd config": {"test": "digestd config check", "list": "digestd config show", "get": "digestd config show"},
    "digestd delivery": {"retry": "digestd deliver", "send": "digestd deliver"},
    "digestd paper": {"add": "digestd paper import", "search": "digestd paper list"},
}
"""Words of other programs, and what does it here."""


def usage_error(error: TyperException, words: Sequence[str] = ()) -> str:
    """Return the message of a wrong use.

    Empty if no command was given, since its help was printed.

    Args:
        words: the words of the command line, to name the command if the error does not.
    """
    message = plain_message(" ".join(error.format_message().split()).rstrip("."))
    for pattern, replacement in _REWRITES:
        message = pattern.sub(replacement, message)
    if not message:
        return ""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else _command_path(words)
    message = _with_synonym(_with_options(message, getattr(error, "possibilities", None) or (), command), command)
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


def _command_path(words: Sequence[str]) -> str:
    """Return the command that the words of a command line name, as far as there is one."""
    path, entries = "digestd", COMMANDS
    for word in words:
        entry: CommandEntry | GroupEntry | None = entries.get(word)
        if entry is None:
            break
        path = f"{path} {word}"
        if isinstance(entry, CommandEntry):
            break
        entries = entry.commands
    return path


def _with_synonym(message: str, command: str) -> str:
    """Return the message about an unknown command with what it is called here."""
    match = _NO_COMMAND.match(message)
    meant = SYNONYMS.get(command, {}).get(match[1].lower()) if match else None
    return f"{match[0]}: did you mean `{meant}`?" if match and meant else message


def _with_options(message: str, possible: Sequence[str], command: str) -> str:
    """Return the message about an unknown option with the closest ones, the most similar first."""
    match = _NO_OPTION.match(message)
    if match is None:
        return message
    scores = {one: SequenceMatcher(None, match[1], one).ratio() for one in possible}
    close = sorted((one for one in scores if scores[one] >= _CLOSE), key=lambda one: -scores[one])[:_SHOWN]
    if close and command != "digestd":
        return f"{match[0].partition(' (')[0]}: did you mean {' or '.join(close)}?"
    hint = "; options stand after the command, as in `digestd status --json`" if command == "digestd" else ""
    return match[0].partition(" (")[0] + hint
