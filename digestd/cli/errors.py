"""Format errors of the command line as one line: what is wrong, what was probably meant, and where to find help."""

import re
from collections.abc import Mapping, Sequence

from typer.exceptions import TyperException

from digestd.cli.commands import COMMANDS, CommandEntry, GroupEntry
from digestd.errors import plain_message

SYNONYMS: Mapping[str, Mapping[str, str]] = {
    "digestd": {
        "digestd --version": "version",
        "digestd up": "start daemon",
        "digestd up` or `digestd web": "serve server",
        "digestd init": "migrate upgrade setup install",
        "digestd doctor": "test",
        "digestd doctor` or `digestd config check": "check",
        "digestd status": "health info",
        "digestd subscriber": "user users",
        "digestd subscriber add": "add",
        "digestd subscriber list": "list",
        "digestd subscriber import` or `digestd paper import": "import",
        "digestd ingest": "fetch",
        "digestd deliver": "mail",
        "digestd config show": "settings",
        "digestd api-token": "token",
        "digestd subscriber library list` or `digestd subscriber library link": "library",
        "journalctl -u digestd": "log logs",
        "systemctl stop digestd": "stop",
        "systemctl restart digestd": "restart",
    },
    "digestd subscriber": {
        "digestd subscriber unsubscribe` or `digestd subscriber erase": "remove delete rm",
        "digestd subscriber list": "search",
        "digestd subscriber show": "find get",
        "digestd subscriber edit": "update set",
        "digestd subscriber suppress": "block",
        "digestd subscriber unsuppress": "unblock",
    },
    "digestd source": {"digestd source remove": "delete", "digestd source check": "test"},
    "digestd config": {"digestd config check": "test", "digestd config show": "list get"},
    "digestd delivery": {"digestd deliver": "retry send"},
    "digestd paper": {"digestd paper import": "add", "digestd paper list": "search"},
}
"""By group, what digestd calls the commands that other programs have by these words."""


_EXTRA = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)")


def usage_error(error: TyperException, words: Sequence[str] = ()) -> str:
    """Return the message of a wrong use; empty if no command was given, since its help was printed.

    Args:
        words: the words of the command line, to name the command if the error does not.
    """
    message = " ".join(error.format_message().split()).rstrip(".").replace(". Did you", ": did you")
    message = _EXTRA.sub(r"unexpected argument '\1'", message)
    if not message:
        return ""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else _command_path(words)
    if message.startswith("Invalid value for "):
        name, _, what = message.removeprefix("Invalid value for ").partition(": ")
        name = name.strip("'")
        message = plain_message(what) if name.startswith("[") else f"{name}: {plain_message(what)}"
    elif message.startswith("No such option"):
        message = message.partition(" (")[0] + _option_hint(getattr(error, "possibilities", None) or (), command)
    elif "o such command '" in message:
        unknown = message.split("'")[1]
        meant = [meant for meant, names in SYNONYMS.get(command, {}).items() if unknown.lower() in names.split()]
        message = f"no such command '{unknown}': did you mean `{meant[0]}`?" if meant else message
    first = message[0] if message[1:2].isupper() else message[0].lower()  # the name of an argument stays in capitals
    return f"{first}{message[1:]}{' See' if message.endswith('?') else '; see'} `{command} --help`"


def unexpected_error(error: Exception) -> str:
    """Return the kind of an unexpected error without its text, which may contain personal data.

    Errors of the operating system are shown with their text and file.
    """
    if isinstance(error, OSError) and error.strerror:
        return f"the system says: {error.strerror}{f' ({error.filename})' if error.filename else ''}"
    return f"unexpected {type(error).__name__}"


def _option_hint(possible: Sequence[str], command: str) -> str:
    if command == "digestd":
        return "; options stand after the command, as in `digestd status --json`"
    return f": did you mean {' or '.join(possible)}?" if possible else ""


def _command_path(words: Sequence[str]) -> str:
    """Return the command that the words of a command line name, as far as there is one."""
    path, entries = "digestd", COMMANDS
    for word in words:
        entry: CommandEntry | GroupEntry | None = entries.get(word)
        if entry is None:
            break
        path = f"{path} {word}"
        entries = entry.commands if isinstance(entry, GroupEntry) else {}
    return path
