"""A command used wrongly, said as all our errors are: one line, what is wrong and where the help is."""

import re

from typer.exceptions import TyperException

_PLAIN = (
    (re.compile(r"Invalid value for '?(-{0,2}[\w-]+)'?: (?:Value error, )?"), r"\1: "),
    (re.compile(r"Input should (be|have)"), r"must \1"),
    (re.compile(r", unable to parse .*"), ""),
    (re.compile(r"\. Did you"), "; did you"),
)
"""What Typer and pydantic say for programmers, and what a person needs of it."""


def said(error: TyperException) -> str:
    """One line. Empty where the error is that nothing was asked for: its help is printed by then."""
    found = " ".join(error.format_message().split()).rstrip(".")
    for pattern, plain in _PLAIN:
        found = pattern.sub(plain, found)
    if not found:
        return ""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "digestd"
    return f"{found[0].lower()}{found[1:]}; `{command} --help` shows how"
