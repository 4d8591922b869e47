"""A language model whose answer about some papers is odd."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.gists.model_server import HONEST


def chat(text: str) -> bytes:
    return json.dumps({"choices": [{"message": {"content": text}}]}).encode()


ODD_ANSWERS = {
    "surrogate": chat(f"{HONEST} \ud800"),
    "refusal": b'{"choices": [{"message": {"content": null}}]}',
    "filtered": b'{"choices": []}',
    "number": chat(HONEST)[:-1] + b', "a": ' + b"9" * 5_000 + b"}",
}


@contextmanager
def serving_models() -> Iterator[str]:
    """Serve on this machine, and return the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            body = next((answer for name, answer in ODD_ANSWERS.items() if name in asked), chat(HONEST))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
