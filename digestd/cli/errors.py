"""A command used wrongly, said as all our errors are: one line, what is wrong and where the help is."""

import re

from typer.exceptions import TyperException

from digestd.errors import plain

_FOR_PROGRAMMERS = (
    (re.compile(r"Invalid value for '?(-{0,2}[\w-]+)'?: (?:Value error, )?"), r"\1: "),
    (re.compile(r"Invalid value for '\[[^']*\]': (?:Value error, )?"), ""),
    (re.compile(r"\. Did you"), "; did you"),
)
"""What Typer says for programmers, and what a person needs of it."""


def said(error: TyperException) -> str:
    """One line. Empty where the error is that nothing was asked for: its help is printed by then."""
    found = plain(" ".join(error.format_message().split()).rstrip("."))
    for pattern, words in _FOR_PROGRAMMERS:
        found = pattern.sub(words, found)
    if not found:
        return ""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "digestd"
    begin = found[0] if found[1:2].isupper() else found[0].lower()  # the name of an argument stays as its help has it
    return f"{begin}{found[1:]}; `{command} --help` shows how"
