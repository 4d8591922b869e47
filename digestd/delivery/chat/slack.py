"""Slack's incoming webhooks, which Mattermost and Discord (URLs that end in `/slack`) take as well.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks and formatting-message-text: `&`, `<` and `>`
are escaped, a link is `<URL|text>`. Discord takes 2,000 characters, so no message is longer.
"""

import json

from digestd.delivery.chat.chat_message import ChatDigest, ChatEntry, ChatForm, ChatRequest, ChatTarget, fit, pack
from digestd.domain.sanitise import shorten

TEXT_MAX = 2_000
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@\u200b"})
"""A zero-width space after an at sign keeps Mattermost and Discord from notifying everybody."""


def problem(target: ChatTarget) -> str | None:
    """Return what is wrong with a target, or None."""
    if target.user or len(target.path) < 2:
        return "it is the URL that the chat shows for an incoming webhook, with slack+ before it"
    return None


def write(digest: ChatDigest, _target: ChatTarget) -> tuple[str, ...]:
    """Return the digest as messages of at most TEXT_MAX characters."""
    blocks = [_link(shorten(text, 200), url) for text, url in digest.head]
    blocks += [fit(one, TEXT_MAX, len, _entry) for one in digest.entries]
    texts = map("\n\n".join, pack(blocks, TEXT_MAX, len))
    return tuple(json.dumps({"text": text, "mrkdwn": False, "unfurl_links": False}) for text in texts)


def request(target: ChatTarget, body: str, _key: str) -> ChatRequest:
    """Return the request that posts a message."""
    return ChatRequest("POST", f"{target.origin}{target.path}", body.encode())


def _entry(entry: ChatEntry) -> str:
    lines = (_link(entry.title, entry.url), entry.summary.translate(_ESCAPES), entry.why.translate(_ESCAPES))
    return "\n".join(line for line in lines if line)


def _link(text: str, url: str) -> str:
    escaped = text.translate(_ESCAPES)
    return f"<{url.replace('&', '&amp;')}|{escaped}>" if url and "|" not in url else escaped


SLACK = ChatForm("slack+https://hooks.slack.com/services/T000/B000/XXXX", problem, write, request)
