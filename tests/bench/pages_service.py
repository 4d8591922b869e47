"""A running `digestd web` with invented papers, and requests to it whose CPU time is measured."""

import contextlib
import http.client
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from digestd import app as wiring
from digestd.app import App
from digestd.domain.subscriber import Subscriber
from digestd.mail.categories import NAMES
from digestd.papers.embedding import embed_papers
from digestd.security.addresses import address_key
from digestd.settings import load
from tests.bench import synthetic_data
from tests.bench.running_service import RunningService, run_service
from tests.bench.subprocesses import run_commands

NOW = datetime(2026, 11, 24, 7, tzinfo=UTC)
MORNING = NOW.replace(day=NOW.day + 1)
"""When the service starts."""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_NETWORKS = count(1)


@dataclass(frozen=True, slots=True)
class PagesService:
    """The service, and the App of its installation."""

    app: App
    service: RunningService

    @property
    def port(self) -> int:
        """Return the port of the pages."""
        return self.service.port

    def cpu_ms(self) -> float:
        """Return the CPU milliseconds that the service has used so far, its ended threads included."""
        return time.clock_gettime(~self.service.process << 3 | 2) * 1_000  # clock_getcpuclockid(3)

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection to the pages."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def request(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Return status and body of the answer to a request from a network that has sent no other."""
        connection.request(method, path, body or None, {**headers, "X-Forwarded-For": network()})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def load_day(self) -> None:
        """Wait until the papers of the day are loaded for previews."""
        connection = self.connect()
        for _ in range(3):
            self.request(connection, "POST", "/preview/picks", preview(topics(1)), FORM)


def network() -> str:
    """Return the address of another network."""
    number = next(_NETWORKS)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def topics(number: int, seed: int = 0) -> list[str]:
    """Return invented topics of three words each, taken from names of fields; other ones for another seed."""
    words, rng = sorted({word for name in NAMES.values() for word in name.split()}), Random(seed)
    return [" ".join(rng.sample(words, 3)) for _ in range(number)]


def preview(topics: Sequence[str]) -> bytes:
    """Return the form that asks for a preview by these topics."""
    return urlencode({"topics": "\n".join(topics)}).encode()


@contextlib.contextmanager
def pages_service(
    papers: int, archive: int, encoder: str = "", people: Iterable[Subscriber] = (), **more: str
) -> Iterator[PagesService]:
    """Run `digestd web` until the end of the block.

    Args:
        papers: Number of papers of the day.
        archive: Number of earlier papers.
        encoder: The setting DIGESTD_EMBEDDING_MODEL.
        people: Subscribers, for whom a digest is planned.
        more: Other settings.
    """
    with TemporaryDirectory(prefix="digestd-bench-") as name:
        folder = Path(name)
        given = {
            "database_url": f"sqlite:///{folder / 'digestd.db'}",
            "secret_key_file": str(folder / "secret.key"),
            "journal_dir": str(folder / "journals"),
            "transport_url": f"maildir:{folder / 'out'}",
            "mail_from": "Invented Digest <digest@example.org>",
            "postal_address": "1 Invented Street",
            "public_url": "http://127.0.0.1:8080",
            "sources": "none",
            "embedding_model": encoder,
            "trusted_proxies": "127.0.0.1",
            "paper_lookup": "false",
            **more,
        }
        environment = {f"DIGESTD_{setting.upper()}": value for setting, value in given.items()}
        app = wiring.initialise(load(environment, folder / ".env"))
        synthetic_data.fill_database(app.db, archive, papers, people, NOW, partial(address_key, app.keys))
        embed_papers(app.db, app.encoder, limit=papers)  # previews without vectors would not use the encoder
        environment["DIGESTD_NOW"] = MORNING.isoformat()
        run_commands([["plan"]], environment)
        with run_service(environment, folder, "web") as service:
            yield PagesService(app, service)
        app.db.close()
