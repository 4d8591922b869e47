"""Read the Authentication-Results header fields of a mail (RFC 8601): a mail server's word on its sender.

Anybody can write such a field into a mail. The server that receives it from outside puts its own above all others, and
removes those that bear its own name (section 5). So the topmost field tells who speaks, and all fields by that name
count as one: unless exactly one of them tells of DMARC, and each can be read to its end, nothing is believed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

_TOKEN = re.compile(r"[^\s()\";=]+")
_SPACE = re.compile(r"\s+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_METHOD = re.compile(r"dmarc(/1)?", re.IGNORECASE)
_NESTING_MAX = 10


class _Unreadable(ValueError):
    """The field does not follow the grammar of RFC 8601."""


@dataclass(frozen=True, slots=True)
class Authentication:
    """The server that stamped a mail (authserv-id), and the `From` domain that passed DMARC there; both lower-case.

    Empty where nobody did, or where what they say is not clear.
    """

    server: str = ""
    domain: str = ""


NOBODY = Authentication()
"""No mail server vouches for the sender."""


def read_authentication(fields: Sequence[str]) -> Authentication:
    """Return what the Authentication-Results fields of a mail say of DMARC; `fields`: their values, topmost first."""
    try:
        results = [_parsed(field) for field in fields[:1]]
        if not results:
            return NOBODY
        server = results[0][0]
        results += [_parsed(field) for field in fields[1:] if _may_be_by(server, field)]
    except _Unreadable:
        return NOBODY
    ours = [one for name, found in results if name == server for one in found if _METHOD.fullmatch(one.method)]
    if len(ours) != 1 or ours[0].result != "pass":
        return Authentication(server)
    return Authentication(server, ours[0].domain)


@dataclass(frozen=True, slots=True)
class _Result:
    """One result of one method; `domain`: its only `header.from`, empty where it has none or several."""

    method: str
    result: str
    domain: str


def _may_be_by(server: str, field: str) -> bool:
    """True unless another server certainly stamped the field: what cannot be read may be by anybody."""
    try:
        return _parsed(field)[0] == server
    except _Unreadable:
        return True


def _parsed(field: str) -> tuple[str, list[_Result]]:
    """Return the authserv-id and the results of one field. Raises _Unreadable."""
    parts = list(_split(list(_words(field))))
    head = parts[0] if parts else []
    if not head or head[0] == "=" or len(head) > 2 or (len(head) == 2 and head[1] != "1"):
        raise _Unreadable
    return head[0].lower(), [_result(part) for part in parts[1:] if part and part != ["none"]]


def _result(words: list[str]) -> _Result:
    """`method = result`, then `property = value` pairs, as in `dmarc=pass header.from=example.org`."""
    if len(words) < 3 or len(words) % 3 or any(word != "=" for word in words[1::3]):
        raise _Unreadable
    pairs = list(zip(words[::3], words[2::3], strict=True))
    domains = [value for name, value in pairs[1:] if name.lower() == "header.from"]
    return _Result(pairs[0][0], pairs[0][1].lower(), domains[0].lower() if len(domains) == 1 else "")


def _split(words: list[str]) -> Iterator[list[str]]:
    """Cut at the semicolons."""
    rest = iter([*words, ";"])
    for _ in range(words.count(";") + 1):
        yield list(takewhile(lambda word: word != ";", rest))


def _words(field: str) -> Iterator[str]:
    """Yield tokens, quoted strings (without their quotes), `=` and `;`; spaces and comments are left out."""
    at = 0
    while at < len(field):
        if field[at] in "=;":
            yield field[at]
            at += 1
        elif field[at] == "(":
            at = _after_comment(field, at)
        elif found := _SPACE.match(field, at):
            at = found.end()
        elif found := _QUOTED.match(field, at):
            if {"=", ";"} & set(found[1]):  # such a quoted string could not be told from the marks
                yield f'"{found[1]}"'
            else:
                yield found[1]
            at = found.end()
        elif found := _TOKEN.match(field, at):
            yield found[0]
            at = found.end()
        else:
            raise _Unreadable


def _after_comment(field: str, at: int) -> int:
    """Return where the comment that opens at `at` ends; comments nest (RFC 5322 section 3.2.2)."""
    depth = 0
    while at < len(field):
        letter = field[at]
        at += 2 if letter == "\\" else 1
        depth += (letter == "(") - (letter == ")")
        if not depth:
            return at
        if depth > _NESTING_MAX:
            break
    raise _Unreadable
