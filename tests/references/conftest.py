"""Texts that only Ada imported, in every format that an import reads."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from digestd.domain.subscriber import Subscriber
from digestd.papers.paper_import import import_papers
from digestd.sources.imports import ReferenceFile
from digestd.store import subscribers
from digestd.subscribers.lookup import find
from digestd.subscribers.reference_import import import_references
from tests.digests.topic_papers import TOPIC
from tests.support import sample_data
from tests.support.install import Install, install

ADA, BEA = "ada@example.net", "bea@example.net"
HOME = "https://papers.example.org"
CANARY = "canary"
"""Part of every word that Ada alone brought along."""
ABSTRACT = f"{TOPIC}. Canaryabstract words that nobody else has written."
AUTHOR = "Quilla Canaryname"


def title(form: str) -> str:
    """Return the title of Ada's reference of a format."""
    return f"{TOPIC} canarytitle {form}"


def doi(form: str) -> str:
    """Return its DOI."""
    return f"10.5555/canarydoi.{form}"


def url(form: str) -> str:
    """Return the URL in its file."""
    return f"https://canary.example.org/{form}"


def bibtex(form: str = "bibtex", **more: str) -> str:
    """Return one entry of BibTeX."""
    fields = {"title": title(form), "author": AUTHOR, "abstract": ABSTRACT, "doi": doi(form), "url": url(form)} | more
    return "@article{canarykey, " + ", ".join(f"{name}={{{value}}}" for name, value in fields.items() if value) + "}\n"


def files() -> dict[str, str]:
    """Return one file of every format, each with a reference of its own."""
    given, family = AUTHOR.split()
    zotero = {
        "itemType": "preprint",
        "title": title("zotero"),
        "abstractNote": ABSTRACT,
        "creators": [{"creatorType": "author", "firstName": given, "lastName": family}],
        "DOI": doi("zotero"),
        "url": url("zotero"),
    }
    csl = {
        "type": "article",
        "title": title("csl-json"),
        "abstract": ABSTRACT,
        "author": [{"given": given, "family": family}],
        "DOI": doi("csl-json"),
        "URL": url("csl-json"),
    }
    ris = (
        "TY  - JOUR",
        f"TI  - {title('ris')}",
        f"AB  - {ABSTRACT}",
        f"AU  - {family}, {given}",
        f"DO  - {doi('ris')}",
    )
    return {
        "bibtex": bibtex(),
        "ris": "\n".join([*ris, f"DO  - {doi('ris')}", f"UR  - {url('ris')}", "ER  - ", ""]),
        "csl-json": json.dumps([csl]),
        "zotero": json.dumps([{"key": "CANARY00", "data": zotero}]),
        "abstracts": f"{title('abstracts')}\n{ABSTRACT}\n",
        "ids": f"{doi('ids')}\n",
    }


def bring(installed: Install, text: str, address: str = ADA) -> None:
    """Import a text for a subscriber."""
    import_references(
        installed.db, known(installed, address).key, ReferenceFile().parse(text.encode()), installed.clock.now
    )


def known(installed: Install, address: str) -> Subscriber:
    """Return the subscriber of an address."""
    with installed.db.read() as session:
        found = subscribers.by_key(session, find(session, installed.app.keys, address).key)
    assert found is not None
    return found


@pytest.fixture
def installed(tmp_path: Path, database_url: str, now: datetime) -> Iterator[Install]:
    """Return an installation with an archive, and two subscribers without interests."""
    built = install(tmp_path, database_url, now).to(f"maildir:{tmp_path / 'outbox'}", public_url=HOME)
    assert not import_papers(
        built.db, sample_data.lines(sample_data.papers(80, seed=5, first=900_000)), now, True
    ).refused
    built.people([{"email": ADA, "hour": 0}, {"email": BEA, "hour": 0, "topics": [TOPIC]}])
    yield built
    built.db.close()
