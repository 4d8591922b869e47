"""Test a month of real papers and 200 subscribers by CLI, through Postfix.

Reads data from outside the repository; without it these tests are skipped, saying so.
"""

import gzip
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from itertools import chain, product
from pathlib import Path
from random import Random
from typing import Any

import pytest

from digestd.domain.delivery import State
from tests.digests.conftest import digests
from tests.support.command_process import Command
from tests.support.install import Install, install
from tests.support.outside import outside
from tests.support.postfix import Postfix, postfix

READERS = 200
MONTH, NEXT_DAYS = "2026-07", ("2026-08-03", "2026-08-04")
THINGS = (
    "language models", "image generation", "video diffusion", "reinforcement learning", "robot manipulation",
    "coding agents", "speech recognition", "protein structure", "graph neural networks", "3D reconstruction",
    "mathematical reasoning", "retrieval augmented generation", "medical imaging", "time series forecasting",
    "machine translation", "autonomous driving", "mixture of experts", "long context", "benchmarks", "safety",
)  # fmt: skip
ASPECTS = ("", "efficient", "theory of", "open data for", "evaluation of", "small")


def readers() -> list[dict[str, object]]:
    """Return 200 subscribers with all kinds of interests; a tenth have none."""
    rng = Random(3)
    wanted = [f"{aspect} {thing}".strip() for thing, aspect in product(THINGS, ASPECTS)]
    people: list[dict[str, object]] = []
    for number in range(READERS):
        person: dict[str, object] = {"email": f"reader{number}@example.net", "size": rng.choice([3, 5, 10, 20])}
        if number % 10:
            person["topics"] = [rng.choice(THINGS[:8]), *rng.sample(wanted, rng.randint(0, 3))]
        if number % 4 == 1:
            person["phrases"] = [rng.choice(["diffusion", "agents", "attention", "benchmark"])]
        if number % 5 == 2:
            person |= {"categories": [rng.choice(["cs.CL", "cs.CV", "cs.LG"])], "mute": ["survey"]}
        people.append(person)
    return people


def hugging_face(days: Iterable[str]) -> Iterator[dict[str, object]]:
    """Return the papers of some days or months as lines for `paper import`."""
    wanted = tuple(days)
    with gzip.open(outside("hf_daily_papers", "papers.jsonl.gz"), "rt") as lines:
        for line in lines:
            record = json.loads(line)
            if record["day"].startswith(wanted):
                yield _line(record)


def listing() -> Iterator[dict[str, object]]:
    """Return the listing as lines for `paper import`."""
    with gzip.open(outside("seed_listing", "papers.jsonl.gz"), "rt") as lines:
        for line in lines:
            yield _line(json.loads(line))


def _line(record: dict[str, object]) -> dict[str, object]:
    kept = {name: record[name] for name in ("id", "title", "abstract", "authors", "categories") if record.get(name)}
    signals = {name: record[name] for name in ("upvotes", "comments", "stars") if record.get(name)}
    return {**kept, **({"signals": signals} if signals else {})}


def digestd(made: Install, *words: str) -> dict[str, Any]:
    """Run a command that prints JSON; what it printed."""
    ended = Command((*words, "--json"), made.environment(), made.folder).run(300)
    assert ended.code == 0, ended.output
    printed: dict[str, Any]
    printed, _ = json.JSONDecoder().raw_decode(ended.output, ended.output.index("{"))  # hints may follow
    return printed


def write(file: Path, records: Iterable[dict[str, object]]) -> str:
    """Write a JSONL file."""
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(file)


@pytest.fixture
def full(tmp_path: Path, sqlite_url: str, now: datetime) -> Install:
    """Import the month, the listing and 200 subscribers by CLI."""
    made = install(tmp_path / "run", sqlite_url, now)
    records = chain(hugging_face([MONTH]), listing())
    papers = digestd(made, "paper", "import", write(tmp_path / "papers.jsonl", records))
    assert papers["added"] > 300
    assert papers["refused"] == []
    people = digestd(made, "subscriber", "import", write(tmp_path / "people.jsonl", readers()))
    assert people["added"] == READERS
    return made


def deliver(made: Install) -> int:
    """Plan and deliver by the commands; how many were accepted."""
    planned = digestd(made, "plan")
    assert planned == {"due": READERS, "planned": READERS, "empty": 0}
    sent = digestd(made, "deliver", "--drain")
    assert sent["accepted"] == sum(sent.values())
    assert digestd(made, "deliver", "--drain")["accepted"] == 0
    assert digestd(made, "plan") == {"due": 0, "planned": 0, "empty": 0}
    return int(sent["accepted"])


def test_pipeline_sends_new_papers_once_through_postfix(full: Install, tmp_path: Path) -> None:
    addresses = [str(person["email"]) for person in readers()]
    # outside pytest's folder, which another run of pytest closes to other users
    with tempfile.TemporaryDirectory(prefix="postfix") as folder, postfix(Path(folder), addresses) as relay:
        made = full.to(relay.url)
        assert deliver(made) == READERS
        boxes = received(relay, addresses, READERS)
        made.clock.go(timedelta(days=1))
        digestd(made, "paper", "import", write(tmp_path / "next.jsonl", hugging_face(NEXT_DAYS)))
        planned = digestd(made, "plan")
        digestd(made, "deliver", "--drain")
        both = received(relay, addresses, READERS + planned["planned"])
    assert {address: len(mails) for address, mails in boxes.items()} == dict.fromkeys(addresses, 1)
    parsed = [message_from_bytes(mail, policy=default) for mails in both.values() for mail in mails]
    sent = [name for name, state in full.states_by_message_id.items() if state is State.ACCEPTED]
    assert Counter(str(mail["Message-ID"]) for mail in parsed) == Counter(sent)
    assert all(mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click" for mail in parsed)
    assert planned["due"] == planned["planned"] + planned["empty"] == READERS
    assert planned["planned"] > READERS * 0.5
    for reader in range(READERS):
        first, second = [set(papers) for *_, papers in digests(made, reader)]
        assert not first & second
    assert full.states.keys() <= {State.ACCEPTED, State.EMPTY}
    assert full.broken == {}


def received(relay: Postfix, addresses: Sequence[str], count: int) -> dict[str, list[bytes]]:
    """Return the mails in all mailboxes, once there are so many."""
    for _ in range(1_200):
        if relay.log.count("status=sent") >= count:
            break
        time.sleep(0.1)
    return {address: [mail.read_bytes() for mail in relay.mails(address)] for address in addresses}
