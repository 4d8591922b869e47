"""A small server with the API of a language model, for tests: `python -m tests.gists.model_server`.

It prints its port, then answers `POST /v1/chat/completions` as the name of the asked model says, and appends each
request to the file named by the first argument.
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HONEST = "The paper weighs lanterns under water and finds that glow lasts longer in cold pools by far."
WRONG_NUMBER = "The paper weighs lanterns under water and finds that glow lasts 47 times longer in cold pools."


def judge(asked: str) -> str:
    """Judge a paper by what its abstract says: "wanted" or "near"."""
    abstract = json.loads(asked)["abstract"]
    grade = 2 if "wanted" in abstract else 1 if "near" in abstract else 0
    return json.dumps({"grade": grade, "why": "Invented by a stand-in."})


def obey(asked: str) -> str:
    """Do what the abstract or the topic says after "ANSWER", as a model does that can be steered; else judge."""
    steered = next((text for text in json.loads(asked).values() if "ANSWER" in text), "")
    return str(steered).partition("ANSWER")[2] if steered else judge(asked)


ANSWERS: dict[str, Callable[[str], str]] = {
    "judge": judge,
    "steered": obey,
    "garbage": lambda _: "{]} grade: 2",
    "excessive": lambda _: '{"grade": 3, "why": "more than there is"}',
    "honest": lambda asked: f"Übersetzt: {asked}" if "Abstract:" not in asked else HONEST,
    "inventive": lambda _: WRONG_NUMBER,
    "linking": lambda _: f"{HONEST} See https://evil.example/ for more about it.",
    "chatty": lambda _: f"Here is the summary: {HONEST}",
    "elsewhere": lambda _: "Bananas grow upward because gravity pulls differently along tropical plantations nearby.",
    "silent": lambda _: "",
}


class Handler(BaseHTTPRequestHandler):
    """Answers as the model's name says."""

    log: Path

    def do_POST(self) -> None:
        """Answer a chat."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.log.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"path": self.path, "key": self.headers["Authorization"], **asked}) + "\n")
        model = asked["model"]
        if model == "slow":
            time.sleep(3)
        status = 500 if model == "broken" else 302 if model == "moved" else 200
        answer = ANSWERS.get(model, ANSWERS["honest"])
        text = answer(asked["messages"][-1]["content"])
        body = b"<html>" if model == "page" else json.dumps({"choices": [{"message": {"content": text}}]}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if model == "moved":
            self.send_header("Location", "/v1/other")
        self.end_headers()
        with suppress(BrokenPipeError):  # the test waited no longer
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def main() -> None:
    """Serve on a free port of this machine."""
    Handler.log = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)  # the test reads the port
    server.serve_forever()


if __name__ == "__main__":
    main()
