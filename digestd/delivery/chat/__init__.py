"""Chat forms: digests as messages in a chat room, instead of mail.

A form is one module and one line in CHAT_FORMS. A target is a URL whose scheme names the form before `+https`.
"""

import re
from collections.abc import Mapping
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from digestd.delivery.chat.chat_message import ChatForm, ChatTarget
from digestd.delivery.chat.matrix import MATRIX
from digestd.delivery.chat.ntfy import NTFY
from digestd.delivery.chat.slack import SLACK
from digestd.delivery.chat.telegram import TELEGRAM
from digestd.errors import BadInput
from digestd.fetching.network import why_not_public

CHAT_FORMS: Mapping[str, ChatForm] = {"slack": SLACK, "matrix": MATRIX, "telegram": TELEGRAM, "ntfy": NTFY}
CHAT_USE = "chat"
"""The use under which chat URLs are encrypted."""
URL_MAX = 1_000
HTTPS_PORT = 443
_PUBLIC_ONLY = "#public"
"""Ends a stored URL that a subscriber entered. No entered URL can end so, because they have no fragment."""
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def parse_chat_url(url: str) -> ChatTarget:
    """Return the target that a chat URL names.

    Raises:
        BadInput: says what is wrong without quoting the URL, which holds secrets.
    """
    if not url:
        _refuse(f"it is empty; write one like {SLACK.example}")
    if len(url) > URL_MAX or not re.fullmatch(r"[!-;=?-~]+", url, re.ASCII):
        _refuse("it contains a blank or a character that a URL escapes, or is too long")
    try:
        parts = urlsplit(url)
        name, _, scheme = parts.scheme.partition("+")
        host, port = parts.hostname, parts.port
    except ValueError:
        _refuse("it cannot be read as a URL")
    form = CHAT_FORMS.get(name)
    if form is None or scheme not in {"https", "http"} or not host:
        _refuse("it must look like one of " + ", ".join(known.example for known in CHAT_FORMS.values()))
    if scheme == "http" and host not in _LOOPBACK:
        _refuse("http:// would send its secrets unencrypted; use https://")
    if parts.query or parts.fragment:
        _refuse("it must not contain ? or #")
    literal = f"[{host}]" if ":" in host else host
    origin = f"{scheme}://{literal}{f':{port}' if port else ''}"
    path = parts.path if name == "slack" else unquote(parts.path)
    target = ChatTarget(name, origin, path, unquote(parts.username or ""), unquote(parts.password or ""))
    if problem := form.problem(target):
        _refuse(problem)
    return target


def parse_public_chat_url(url: str) -> ChatTarget:
    """Return the target that a chat URL names, if it may be one that a subscriber enters.

    Raises:
        BadInput: As `parse_chat_url`, and for a host that is not on the public internet.
    """
    target = parse_chat_url(url)
    parts = urlsplit(target.origin)
    if parts.scheme != "https" or parts.port not in {None, HTTPS_PORT}:
        _refuse("use https:// without a port")
    if problem := why_not_public(parts.scheme, "", parts.hostname or "", None):
        _refuse(f"it leads to {problem}")
    return target._replace(is_public_only=True)


def stored_chat_url(url: str, target: ChatTarget) -> str:
    """Return a chat URL as it is stored; `parse_stored_chat_url` reads it."""
    return url + _PUBLIC_ONLY if target.is_public_only else url


def parse_stored_chat_url(stored: str) -> ChatTarget:
    """Return the target of a stored URL. Raises BadInput."""
    url = stored.removesuffix(_PUBLIC_ONLY)
    return parse_chat_url(url)._replace(is_public_only=url != stored)


def _refuse(why: str) -> NoReturn:
    raise BadInput(f"invalid chat URL: {why}")
