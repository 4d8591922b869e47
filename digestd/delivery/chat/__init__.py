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

CHAT_FORMS: Mapping[str, ChatForm] = {"slack": SLACK, "matrix": MATRIX, "telegram": TELEGRAM, "ntfy": NTFY}
CHAT_USE = "chat"
"""The use under which chat URLs are encrypted."""
URL_MAX = 1_000
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def parse_chat_url(url: str) -> ChatTarget:
    """Return the target that a chat URL names.

    Raises:
        BadInput: says what is wrong without quoting the URL, which holds secrets.
    """
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


def _refuse(why: str) -> NoReturn:
    raise BadInput(f"invalid chat URL: {why}")
