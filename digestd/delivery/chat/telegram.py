"""Telegram, by the Bot API's `sendMessage` (https://core.telegram.org/bots/api#sendmessage).

A text has at most 4,096 characters, counted in UTF-16. In HTML mode `&`, `<`, `>` and, in a link, `"` are escaped.
"""

import json
import re
from html import escape

from digestd.delivery.chat.chat_message import ChatDigest, ChatEntry, ChatForm, ChatRequest, ChatTarget, fit, pack
from digestd.domain.sanitise import shorten

TEXT_MAX = 4_096
_CHAT = re.compile(r"/(-?\d{1,20}|@\w{1,64})", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)


def problem(target: ChatTarget) -> str | None:
    """Return what is wrong with a target, or None."""
    if not target.user.isdigit() or not _TOKEN.fullmatch(target.password):
        return "the bot's token stands before the host, as in telegram+https://123456:ABC@api.telegram.org/-100123"
    if not _CHAT.fullmatch(target.path):
        return "the path is a chat's number or a channel's name, as in /-100123 or /@papers"
    return None


def write(digest: ChatDigest, target: ChatTarget) -> tuple[str, ...]:
    """Return the digest as messages of at most TEXT_MAX units, markup included."""
    blocks = [_link(shorten(text, 200), url) for text, url in digest.head]
    blocks += [fit(one, TEXT_MAX, _units, _entry) for one in digest.entries]
    return tuple(
        json.dumps(
            {
                "chat_id": target.path[1:],
                "text": "\n\n".join(message),
                "parse_mode": "HTML",
                "link_preview_options": {"is_disabled": True},
            }
        )
        for message in pack(blocks, TEXT_MAX, _units)
    )


def request(target: ChatTarget, body: str, _key: str) -> ChatRequest:
    """Return the request that sends a message."""
    return ChatRequest("POST", f"{target.origin}/bot{target.user}:{target.password}/sendMessage", body.encode())


def _entry(entry: ChatEntry) -> str:
    lines = (_link(entry.title, entry.url), escape(entry.summary), f"<i>{escape(entry.why)}</i>" if entry.why else "")
    return "\n".join(line for line in lines if line)


def _link(text: str, url: str) -> str:
    return f'<a href="{escape(url)}">{escape(text)}</a>' if url else f"<b>{escape(text)}</b>"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "replace")) // 2


TELEGRAM = ChatForm("telegram+https://123456:ABC@api.telegram.org/-100123", problem, write, request)
