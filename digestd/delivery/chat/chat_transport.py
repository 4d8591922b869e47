"""Post digests to chat rooms, as a transport.

The message of a mail to chat is a JSON array of the texts to post, and its recipient is the chat URL. The posts are the
commit: what an answer says decides the delivery.

    all posts answered with 2xx              accepted
    refused (3xx, 4xx), or not connected     tried again later; no address is suppressed, as it is not about the address
    429                                      waits as long as the server says, if that is short; else tried again later
    no answer, or 5xx                        uncertain: the message may have arrived. Never posted again blindly
    refused after an earlier part arrived    uncertain, because posting again would repeat that part

A form whose server drops repeated messages (Matrix) is asked again before the answer counts as lost.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable

import httpcore2
import httpx2

from digestd.delivery.chat import CHAT_FORMS, parse_stored_chat_url
from digestd.delivery.chat.chat_message import ChatForm, ChatRequest
from digestd.delivery.retry import SmtpReply
from digestd.delivery.transports.transport import Connection, LostReply, OutgoingMail, Refusal
from digestd.fetching.network import (
    NETWORK_ERRORS,
    REQUEST_ERRORS,
    Network,
    NotFoundError,
    OutgoingRequest,
    PrivateAddressError,
)

ROUTE = "chat"
"""Name of this route in the ledger."""
POST_SECONDS = 15.0
COMMIT_SECONDS = 240.0
"""Seconds for all parts of a digest: less than the ledger allows for an answer."""
WAIT_MIN, WAIT_MAX = 0.5, 30.0
"""A longer `Retry-After` puts the delivery off."""
TRIES = 3
TOO_MANY = 429
_ANSWER_MAX = 64 * 1024
_NOT_CONNECTED = (
    httpcore2.ConnectError,
    httpcore2.ConnectTimeout,
    httpcore2.PoolTimeout,
    NotFoundError,
    PrivateAddressError,
    *REQUEST_ERRORS,
)
Sleep = Callable[[float], Awaitable[None]]


class ChatTransport:
    """Chat rooms. The stored URL of each is the recipient of the mail.

    Args:
        sleep: Waits for so many seconds.
        allows_private: Whether subscribers may name hosts in private networks, as the operator may.
    """

    def __init__(self, sleep: Sleep = asyncio.sleep, *, allows_private: bool = False) -> None:
        self._sleep = sleep
        self._allows_private = allows_private

    async def connect(self) -> Connection:
        """Return a connection that opens others as needed; see Transport.connect."""
        return ChatConnection(self._sleep, allows_private=self._allows_private)


class _NotPosted(Exception):
    """The server certainly did not take the message."""


class ChatConnection:
    """Posts one digest at a time. See ChatTransport for the arguments."""

    def __init__(self, sleep: Sleep, *, allows_private: bool) -> None:
        self._network = Network(POST_SECONDS)
        self._sleep = sleep
        self._allows_private = allows_private
        self._may_be_private = False
        self._form: ChatForm | None = None
        self._requests: tuple[ChatRequest, ...] = ()

    async def offer(self, mail: OutgoingMail) -> Refusal | None:
        """Prepare the requests; nothing is sent yet. See Connection.offer."""
        target = parse_stored_chat_url(mail.to)
        self._may_be_private = self._allows_private or not target.is_public_only
        self._form = CHAT_FORMS[target.form]
        texts = json.loads(mail.message)
        # the same key for the same part, whenever it is posted
        self._requests = tuple(self._form.request(target, text, f"{mail.envid} {n}") for n, text in enumerate(texts))
        return None

    async def commit(self, _then: OutgoingMail | None = None) -> SmtpReply:
        """Post all parts; see Connection.commit."""
        posted = 0
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                for request in self._requests:
                    await self._post(request)
                    posted += 1
        except _NotPosted as error:
            if posted:
                raise LostReply(f"{posted} of {len(self._requests)} messages arrived; then {error}") from error
            return SmtpReply(450, f"4.3.0 {error}")
        except TimeoutError as error:
            raise LostReply("the chat took too long") from error
        return SmtpReply(250, f"2.0.0 posted in {posted} messages")

    async def abandon(self) -> None:
        """Forget the digest; see Connection.abandon."""
        self._requests = ()

    async def close(self) -> None:
        """Close all connections; see Connection.close."""
        await self._network.__aexit__(None, None, None)

    async def _post(self, request: ChatRequest) -> None:
        """Post one message.

        Raises:
            _NotPosted: The server refused it or was not reached.
            LostReply: It may have arrived.
        """
        tries = TRIES if self._form is not None and self._form.is_idempotent else 1
        waited = 0.0
        while True:
            status, wait = await self._answer(request)
            if 200 <= status < 300:
                return
            if status == TOO_MANY and waited + wait <= WAIT_MAX:
                wait = max(wait, WAIT_MIN)
                waited += wait
            elif 300 <= status < 500:
                raise _NotPosted(f"HTTP {status}")
            elif tries == 1:
                raise LostReply(f"the chat answered with HTTP {status}" if status else "no answer from the chat")
            else:
                tries -= 1
            await self._sleep(wait)

    async def _answer(self, request: ChatRequest) -> tuple[int, float]:
        """Return the status of the answer, 0 if none came, and how many seconds to wait before the next request.

        Raises:
            _NotPosted: No connection could be opened.
        """
        headers = {"Content-Type": "application/json", "User-Agent": "digestd", "Connection": "close"}
        if request.bearer:
            headers["Authorization"] = f"Bearer {request.bearer}"
        try:
            # a host that the operator named may be on a private network, but never the cloud's metadata
            url, may_be_private = httpx2.URL(request.url), self._may_be_private
            outgoing = OutgoingRequest(request.method, url, headers, request.body, chosen=may_be_private)
            async with self._network.send(outgoing) as answer:
                body = b""
                async for piece in answer.pieces:
                    body = (body + piece)[:_ANSWER_MAX]
                return answer.status, _seconds(answer.headers.get("retry-after", ""), body)
        except _NOT_CONNECTED as error:
            raise _NotPosted("cannot connect to the chat") from error
        except NETWORK_ERRORS:
            return 0, 1.0


def _seconds(retry_after: str, body: bytes) -> float:
    """Return the wait that a rate-limited answer asks for: a header, or Telegram's and Matrix's fields."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        found = json.loads(body)
        if "retry_after_ms" in found:
            return float(found["retry_after_ms"]) / 1000
        return float(found["parameters"]["retry_after"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return 1.0
