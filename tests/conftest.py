"""Shared fixtures: databases on both engines, a fixed time, keys, TLS."""

import os
import shutil
import ssl
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4
from zlib import crc32

import psutil
import pytest
import structlog
import trustme
from hypothesis import HealthCheck, settings
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from digestd.security.keys import Keys
from digestd.store.database import Database, open_database
from digestd.store.migrate import migrate
from tests.support import postgres
from tests.support.tls import client_side, server_side

Children = Callable[[], list[psutil.Process]]
NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
SLOW = frozenset(
    {
        "bench",
        "cli",
        "commands",
        "confinement",
        "delivery",
        "inbound",
        "libraries",
        "operations",
        "digests",
        "proof",
        "references",
        "security",
        "transports",
        "web",
    }
)
"""Folders whose tests start programs, servers or installations: their tests are marked `slow`."""
PURE = frozenset(
    {
        "tests/delivery/test_connection_growth.py",
        "tests/delivery/test_retry.py",
        "tests/operations/test_mail_dns.py",
        "tests/operations/test_service_status.py",
        "tests/security/test_encryption.py",
        "tests/security/test_links.py",
        "tests/security/test_secret_key.py",
    }
)
"""Modules of these folders that start nothing: they stay in `tests/run --fast`."""
SAMPLED_ON_POSTGRESQL = frozenset(
    {
        *("commands", "digests", "encoders", "inbound", "libraries", "lookups", "papers", "references", "security"),
        *("sources", "subscribers", "web"),
        "tests/delivery/test_bounce_surge.py",
        "tests/delivery/test_composer.py",
        "tests/delivery/test_damaged_digests.py",
        "tests/delivery/test_digest_facts.py",
        "tests/delivery/test_outcomes.py",
        "tests/delivery/test_paper_cache.py",
        "tests/delivery/test_preflight.py",
    }
)
"""Folders and modules that use the database only through the store, which has its own tests on both engines.

By default one in five of their tests runs on PostgreSQL too, in a long run all.
"""
CONCURRENT = frozenset(
    {
        "tests/digests/test_concurrent_planning.py",
        "tests/digests/test_planning_races.py",
        "tests/inbound/test_concurrency.py",
        "tests/papers/test_search.py",
        "tests/security/test_bombing.py",
        "tests/web/test_concurrency.py",
    }
)
"""Modules of these folders whose subject is what differs between the engines: all of their tests run on both."""
LONG_LASTING = (
    "tests/proof/",
    "tests/bench/",
    "tests/jobs/",
    "tests/test_recipes.py",
    "tests/test_deploy.py",
    "tests/cli/test_ownership.py",
)
"""Where the tests are that take many seconds each."""


_STATEMENTS: LRUCache[Any, Any] = LRUCache(4_000)
"""Compiled SQL statements of all databases: each test has a database of its own, and would compile them again."""


@event.listens_for(Engine, "engine_connect")
def _share_statements(connection: Connection) -> None:
    connection.engine._compiled_cache = _STATEMENTS


# A dialect is a part of a statement's key: one for each kind of database is enough.
DefaultDialect.__hash__ = lambda dialect: hash(type(dialect))  # type: ignore[assignment, method-assign]
DefaultDialect.__eq__ = lambda one, other: type(one) is type(other)  # type: ignore[method-assign]


os.environ.setdefault("DIGESTD_EMBEDDING_MODEL", "none")  # tests that need the built-in encoder ask for it

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")  # no deadline: results must not depend on the load


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--random-order`."""
    parser.addoption("--random-order", metavar="SEED", help="run the tests in an order drawn with this seed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark slow, PostgreSQL and long tests; shuffle the order if asked for."""
    for item in items:
        folder, file = item.nodeid.split("/")[1], item.nodeid.partition("::")[0]
        if folder in SLOW and file not in PURE:
            item.add_marker(pytest.mark.slow)
        if _needs_postgresql(item):
            item.add_marker(pytest.mark.postgresql)
            sampled = not SAMPLED_ON_POSTGRESQL.isdisjoint((folder, file)) and file not in CONCURRENT
            if sampled and crc32(item.nodeid.encode()) % 5:
                item.add_marker(pytest.mark.long)
    if seed := config.getoption("--random-order"):
        Random(seed).shuffle(items)
    else:
        _put_long_lasting_first(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def _put_long_lasting_first(items: list[pytest.Item], workers: int) -> None:
    """Give each worker its share of the tests that take many seconds at its beginning, so that all end together."""
    lasting = [item for item in items if item.nodeid.startswith(LONG_LASTING)]
    rest = [item for item in items if not item.nodeid.startswith(LONG_LASTING)]
    size = -(-len(rest) // workers)
    items[:] = [
        item
        for worker in range(workers)
        for item in (*lasting[worker::workers], *rest[worker * size : (worker + 1) * size])
    ]


def _needs_postgresql(item: pytest.Item) -> bool:
    """Return True if a test uses PostgreSQL, by a fixture or a parameter."""
    params = item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
    return "_postgres_admin" in getattr(item, "fixturenames", ()) or "postgresql" in [*map(str, params)]


@pytest.fixture(autouse=True)
def _process_as_it_was() -> Iterator[None]:
    """Reset logging and the umask, which a command run in this process changes."""
    before = os.umask(0o022)
    yield
    os.umask(before)
    structlog.reset_defaults()


@pytest.fixture
def now() -> datetime:
    """Return a Tuesday morning."""
    return NOW


@pytest.fixture
def keys() -> Keys:
    """Return keys made from a fixed secret."""
    return Keys(secret=b"a secret for the tests, 32 bytes")


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Return an authority that issues certificates."""
    return trustme.CA()


@pytest.fixture(scope="session")
def served(authority: trustme.CA) -> ssl.SSLContext:
    """Return the TLS context of a server on 127.0.0.1."""
    return server_side(authority)


@pytest.fixture(scope="session")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Return the TLS context of a client that trusts that server."""
    return client_side(authority)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "digestd.db"
    db = open_database(f"sqlite:///{file}")
    migrate(db)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return file


@pytest.fixture(scope="session")
def _postgres_admin() -> Iterator[str]:
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL is not installed here")
    with postgres.server() as url:
        postgres.create(url, "template_digestd")
        template = open_database(url.replace("/postgres", "/template_digestd"))
        migrate(template)
        template.close()
        yield url


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """Return the URL of a fresh migrated SQLite database."""
    shutil.copy(_sqlite_template, tmp_path / "digestd.db")
    return f"sqlite:///{tmp_path / 'digestd.db'}"


@pytest.fixture
def postgres_url(_postgres_admin: str) -> Iterator[str]:
    """Yield the URL of a fresh migrated PostgreSQL database."""
    name = f"t{uuid4().hex[:12]}"
    postgres.create(_postgres_admin, name, "template_digestd")
    yield _postgres_admin.replace("/postgres", f"/{name}")
    postgres.drop(_postgres_admin, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a fresh migrated database, on each engine in turn."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """Yield an open migrated database, on each engine in turn."""
    opened = open_database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def children() -> Children:
    """Return a function that lists the living processes that this one has started since."""
    before = {child.pid for child in psutil.Process().children()}

    def living() -> list[psutil.Process]:
        found = [child for child in psutil.Process().children() if child.pid not in before]
        return [child for child in found if child.status() != psutil.STATUS_ZOMBIE]

    return living


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder in memory if there is one, else a temporary folder.

    Crash tests create hundreds of databases; in memory they need no disk, and fsync remains a system call.
    """
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shm, prefix="digestd-") as folder:
        yield Path(folder)
