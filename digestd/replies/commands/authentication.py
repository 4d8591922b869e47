"""Parse the Authentication-Results header fields of a mail (RFC 8601).

A sender can forge such a field. The receiving server adds its own field above all others and removes fields with its
own name (section 5). So the topmost field names the server, and all fields with that name are read together: unless
exactly one of them has a DMARC result and all of them are well-formed, nothing is trusted.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

_TOKEN = re.compile(r"[^\s()\";=]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_DMARC = frozenset({"dmarc", "dmarc/1"})
_NESTING_MAX = 10


class _SyntaxError(ValueError):
    """The field violates the grammar of RFC 8601."""


@dataclass(frozen=True, slots=True)
class AuthenticationResult:
    """The DMARC result of a mail.

    Attributes:
        server: Lower-case authserv-id of the server that added the topmost field, or "".
        domain: Lower-case `From` domain that passed DMARC there; "" if none did or the result is ambiguous.
    """

    server: str = ""
    domain: str = ""


NOT_AUTHENTICATED = AuthenticationResult()
"""The result of a mail without a usable field."""


def parse_authentication_results(fields: Sequence[str]) -> AuthenticationResult:
    """Return the DMARC result of a mail.

    Args:
        fields: Unfolded values of its Authentication-Results fields, topmost first.
    """
    try:
        results = [_parse_field(field) for field in fields[:1]]
        if not results:
            return NOT_AUTHENTICATED
        server = results[0][0]
        results += [_parse_field(field) for field in fields[1:] if _may_be_by(server, field)]
    except _SyntaxError:
        return NOT_AUTHENTICATED
    ours = [one for name, found in results if name == server for one in found if one.method.lower() in _DMARC]
    if len(ours) != 1 or ours[0].result != "pass":
        return AuthenticationResult(server)
    return AuthenticationResult(server, ours[0].domain)


@dataclass(frozen=True, slots=True)
class _MethodResult:
    """The result of one method. `domain` is its `header.from`, "" unless there is one."""

    method: str
    result: str
    domain: str


def _may_be_by(server: str, field: str) -> bool:
    """Return False only if another server certainly added the field. A malformed field may be from any server."""
    try:
        return _parse_field(field)[0] == server
    except _SyntaxError:
        return True


def _parse_field(field: str) -> tuple[str, list[_MethodResult]]:
    """Return the authserv-id and the results of one field. Raises _SyntaxError."""
    parts = list(_split_at_semicolons(list(_tokenize(field))))
    head = parts[0] if parts else []
    if not head or head[0] == "=" or len(head) > 2 or (len(head) == 2 and head[1] != "1"):
        raise _SyntaxError
    return head[0].lower(), [_parse_result(part) for part in parts[1:] if part and part != ["none"]]


def _parse_result(words: list[str]) -> _MethodResult:
    """Parse tokens such as `dmarc=pass header.from=example.org`."""
    if len(words) < 3 or len(words) % 3 or any(word != "=" for word in words[1::3]):
        raise _SyntaxError
    pairs = list(zip(words[::3], words[2::3], strict=True))
    domains = [value for name, value in pairs[1:] if name.lower() == "header.from"]
    return _MethodResult(pairs[0][0], pairs[0][1].lower(), domains[0].lower() if len(domains) == 1 else "")


def _split_at_semicolons(words: list[str]) -> Iterator[list[str]]:
    rest = iter([*words, ";"])
    for _ in range(words.count(";") + 1):
        yield list(takewhile(lambda word: word != ";", rest))


def _tokenize(field: str) -> Iterator[str]:
    """Yield words, unquoted strings, `=` and `;`; skip spaces and comments."""
    at = 0
    while at < len(field):
        if field[at] in "=;":
            yield field[at]
            at += 1
        elif field[at] == "(":
            at = _skip_comment(field, at)
        elif field[at].isspace():
            at += 1
        elif found := _QUOTED.match(field, at):
            if {"=", ";"} & set(found[1]):  # keep the quotes: otherwise it looks like the delimiters
                yield f'"{found[1]}"'
            else:
                yield found[1]
            at = found.end()
        elif found := _TOKEN.match(field, at):
            yield found[0]
            at = found.end()
        else:
            raise _SyntaxError


def _skip_comment(field: str, at: int) -> int:
    """Return the index after a comment, which may nest (RFC 5322 section 3.2.2)."""
    depth = 0
    while at < len(field):
        letter = field[at]
        at += 2 if letter == "\\" else 1
        depth += (letter == "(") - (letter == ")")
        if not depth:
            return at
        if depth > _NESTING_MAX:
            break
    raise _SyntaxError
