"""The content of a chat message, and the interface of chat forms."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from digestd.domain.sanitise import clean, safe_url, shorten
from digestd.mail.content import DigestItem, PaperContent

SUMMARY_MAX = 280
_TITLE_MAX = 200
_SHORTER = ((SUMMARY_MAX, _TITLE_MAX), (0, _TITLE_MAX), (0, 60))
"""Characters of summary and title: the first pair whose text fits into a message is used."""


class ChatTarget(NamedTuple):
    """The target of messages: a parsed chat URL, secrets included.

    Attributes:
        origin: Scheme and host, as in `https://hooks.slack.com`.
        path: What follows the host.
        user, password: What stands before the host, decoded; empty if nothing does.
        is_public_only: Whether a subscriber named the host, so that only public addresses may be reached.
    """

    form: str
    origin: str
    path: str
    user: str = ""
    password: str = ""
    is_public_only: bool = False

    @property
    def label(self) -> str:
        """Return its name for people, without secrets."""
        return f"{self.form} at {self.origin.partition('://')[2]}"


class ChatRequest(NamedTuple):
    """An HTTP request that posts one message."""

    method: str
    url: str
    body: bytes
    bearer: str = ""


class ChatEntry(NamedTuple):
    """One paper: plain text, cleaned. `url` is empty if it has none."""

    title: str
    url: str
    summary: str
    why: str


class ChatLink(NamedTuple):
    """A line of plain text that links to a page. `url` is empty if there is none."""

    text: str
    url: str = ""


class ChatDigest(NamedTuple):
    """A digest for chat.

    Attributes:
        view: URL of its web page, or empty.
        earlier: Links to earlier digests that may not have arrived.
    """

    heading: str
    entries: tuple[ChatEntry, ...]
    view: str
    earlier: tuple[ChatLink, ...] = ()

    @property
    def head(self) -> tuple[ChatLink, ...]:
        """Return the lines before the papers."""
        return (ChatLink(self.heading, self.view), *self.earlier)


class ChatForm(NamedTuple):
    """The form in which one kind of chat takes messages.

    Attributes:
        problem: Returns what is wrong with a target, or None.
        write: Returns a digest as one or more messages, each the JSON text to post.
        request: Returns the request for a message. Its key is the same whenever this message is posted.
        is_idempotent: Whether the server drops a message whose key it knows, so that a lost answer may be asked again.
    """

    example: str
    problem: Callable[[ChatTarget], str | None]
    write: Callable[[ChatDigest, ChatTarget], tuple[str, ...]]
    request: Callable[[ChatTarget, str, str], ChatRequest]
    is_idempotent: bool = False


def chat_entry(item: DigestItem, why: str) -> ChatEntry:
    """Return a pick as an entry. `why`: its reason as text."""
    title = shorten(clean(item.paper.title), 2 * _TITLE_MAX) or "…"
    return ChatEntry(title, safe_url(item.paper.url), summary(item.paper), clean(why, 400))


def summary(paper: PaperContent) -> str:
    """Return the gist in the authors' sentences, else the beginning of the abstract."""
    if paper.gist is not None and not paper.gist.is_machine_written:
        return shorten(clean(paper.gist.brief), SUMMARY_MAX)
    return shorten(clean(paper.abstract), SUMMARY_MAX)


def utf8_size(text: str) -> int:
    """Return how many bytes a text has in UTF-8."""
    return len(text.encode("utf-8", "replace"))


def fit(entry: ChatEntry, limit: int, size: Callable[[str], int], write: Callable[[ChatEntry], str]) -> str:
    """Return an entry as the chat writes it, shortened until it has at most `limit` units."""
    for summary_max, title_max in _SHORTER:
        text = write(entry._replace(summary=shorten(entry.summary, summary_max), title=shorten(entry.title, title_max)))
        if size(text) <= limit:
            return text
    return write(ChatEntry(shorten(entry.title, 60), "", "", ""))


def pack(blocks: Sequence[str], limit: int, size: Callable[[str], int], between: str = "\n\n") -> list[list[str]]:
    """Group blocks to as few messages as possible, in order. Each block fits into one."""
    messages: list[list[str]] = []
    for block in blocks:
        if messages and size(between.join([*messages[-1], block])) <= limit:
            messages[-1].append(block)
        else:
            messages.append([block])
    return messages
