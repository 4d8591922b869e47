"""Fixtures for attacks.

An installation with pages, and stages filled with text from outside.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from digestd.app import App
from tests.conftest import NOW
from tests.security.hostile import STORABLE
from tests.security.stage import Stage, stage
from tests.support.relay import Relay
from tests.web.conftest import app, backend, client, clock, database_url, language, pages, templates

__all__ = ["app", "backend", "client", "clock", "database_url", "language", "pages", "templates"]

KIND = [
    f"lakes-{n}" if n % 2 else f"Kind words about lakes, {n}: " + "and then some more, " * 4 ** (n % 6)
    for n in range(90)
]
KIND += [f"{n} " + "\U0001f393" * 300 for n in range(60)]
"""Some that can end an address, some long, and so many of the widest letters that not all find room."""


def _staged(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, said: list[str]
) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    shutil.copy(request.getfixturevalue("_sqlite_template"), folder / "digestd.db")
    with stage(folder, f"sqlite:///{folder / 'digestd.db'}", NOW, said) as made:
        yield made


@pytest.fixture
def relay() -> Iterator[Relay]:
    relay = Relay()
    with relay.in_thread():
        yield relay


@pytest.fixture
def mailing(app: App, relay: Relay, tmp_path: Path) -> App:
    changed = {"transport_url": relay.url, "journal_dir": str(tmp_path / "receipts"), "transport_connections": 1}
    return replace(app, settings=app.settings.model_copy(update=changed))


@pytest.fixture(scope="module")
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    yield from _staged(request, tmp_path_factory, KIND)


@pytest.fixture(scope="module")
def attacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    yield from _staged(request, tmp_path_factory, STORABLE)
