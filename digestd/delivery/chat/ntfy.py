"""ntfy topics, published as JSON (https://docs.ntfy.sh/publish/#publish-as-json).

A message of more than 4,096 bytes would become an attachment. The text is plain, so that every app shows it alike.
"""

import json
import re

from digestd.delivery.chat.chat_message import (
    ChatDigest,
    ChatEntry,
    ChatForm,
    ChatRequest,
    ChatTarget,
    fit,
    pack,
    utf8_size,
)

MESSAGE_MAX = 4_096
_TOPIC = re.compile(r"/([A-Za-z0-9_-]{1,64})", re.ASCII)


def problem(target: ChatTarget) -> str | None:
    """Return what is wrong with a target, or None."""
    if target.password:
        return "an access token stands alone before the host, as in ntfy+https://tk_TOKEN@ntfy.example.org/papers"
    if not _TOPIC.fullmatch(target.path):
        return "the path is a topic of letters, digits, _ and -, as in ntfy+https://ntfy.sh/papers"
    return None


def write(digest: ChatDigest, target: ChatTarget) -> tuple[str, ...]:
    """Return the digest as messages of at most MESSAGE_MAX bytes."""
    blocks = ["\n".join(filter(None, line)) for line in digest.earlier]
    blocks += [fit(one, MESSAGE_MAX, utf8_size, _entry) for one in digest.entries]
    common = {
        "topic": target.path[1:],
        "title": digest.heading[:200],
        **({"click": digest.view} if digest.view else {}),
    }
    messages = pack(blocks or [digest.heading], MESSAGE_MAX, utf8_size)
    return tuple(json.dumps({**common, "message": "\n\n".join(message)}) for message in messages)


def request(target: ChatTarget, body: str, _key: str) -> ChatRequest:
    """Return the request that publishes a message."""
    return ChatRequest("POST", f"{target.origin}/", body.encode(), target.user)


def _entry(entry: ChatEntry) -> str:
    return "\n".join(line for line in (entry.title, entry.why, entry.summary, entry.url) if line)


NTFY = ChatForm("ntfy+https://ntfy.sh/papers", problem, write, request)
