"""A language model behind an OpenAI-compatible endpoint: Ollama, llama.cpp, vLLM and others.

The request is `POST URL/chat/completions` with a list of messages; the answer holds the text at
`choices[0].message.content` (OpenAI API reference, "Create chat completion"). The endpoint is the operator's own, so it
may be on this machine. No redirect is followed and no proxy of the environment is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from time import monotonic

import httpx2

from digestd.errors import Unavailable
from digestd.gists.generation import Message
from digestd.text.inputs import load_json

ANSWER_SECONDS = 120.0
"""Time for one answer: a small model on a processor writes some tokens a second."""
ANSWER_TOKENS = 400
ANSWER_BYTES = 1_000_000


class ModelUnavailable(Unavailable):
    """The endpoint did not answer as documented."""


class AnswerTimedOut(ModelUnavailable):
    """The model did not finish in time."""


class NoText(ModelUnavailable):
    """The model answered without a text, as when it refuses."""


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A model at an endpoint.

    Attributes:
        url: The base URL of the API, as in http://127.0.0.1:11434/v1.
        name: The model to ask for.
        key: The bearer token; empty for none.
        seconds: Time for one answer.
    """

    url: str
    name: str
    key: str = field(default="", repr=False)
    seconds: float = ANSWER_SECONDS

    def ask(self, messages: Sequence[Message]) -> str:
        """Return the model's answer to a chat.

        Raises:
            AnswerTimedOut: It did not finish in time.
            ModelUnavailable: The endpoint cannot be reached, refuses, or answers in another form.
        """
        body = {
            "model": self.name,
            "messages": list(messages),
            "temperature": 0,
            "max_tokens": ANSWER_TOKENS,
            "stream": False,
        }
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        endpoint = f"{self.url.rstrip('/')}/chat/completions"
        ends = monotonic() + self.seconds
        try:
            with _client().stream("POST", endpoint, json=body, headers=headers, timeout=self.seconds) as response:
                return _content(response, ends)
        except httpx2.TimeoutException as error:
            raise AnswerTimedOut(f"DIGESTD_LLM_URL: no answer within {self.seconds:.0f} s") from error
        except httpx2.HTTPError as error:
            raise ModelUnavailable(f"DIGESTD_LLM_URL: cannot reach {self.url} ({type(error).__name__})") from error


@cache
def _client() -> httpx2.Client:
    """Return the client of this process, whose connections serve several requests."""
    return httpx2.Client(trust_env=False, follow_redirects=False)


def _content(response: httpx2.Response, ends: float) -> str:
    data = b""
    for chunk in response.iter_bytes():
        data += chunk
        if monotonic() > ends:
            raise httpx2.ReadTimeout("the answer trickles in")
        if len(data) > ANSWER_BYTES:
            raise ModelUnavailable(f"DIGESTD_LLM_URL: the answer exceeds {ANSWER_BYTES // 1_000_000} MB")
    if response.status_code != httpx2.codes.OK:
        raise ModelUnavailable(
            f"DIGESTD_LLM_URL: the endpoint answers {response.status_code}; check DIGESTD_LLM_MODEL and DIGESTD_LLM_KEY"
        )
    try:
        choices = load_json(data)["choices"]
    except (ValueError, LookupError, TypeError) as error:
        raise ModelUnavailable("DIGESTD_LLM_URL: the answer is not a chat completion; the URL ends in /v1") from error
    try:
        text = choices[0]["message"]["content"]
    except (LookupError, TypeError):
        text = None
    if not isinstance(text, str):
        raise NoText("DIGESTD_LLM_URL: the answer has no text")
    return text
