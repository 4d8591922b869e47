"""A month of real papers and two hundred readers, by the command line, to real mail servers.

Everyone who is due has exactly one mail; doing it again sends nothing; the next day brings nobody a
paper twice.
"""

import email
import email.policy
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.parts.postfix import Postfix, postfix, smtp_sink, tool
from tests.real import input, wants
from tests.real.digestd import Digestd

READERS = 200
MORNING = datetime(2026, 11, 24, 7, 5, tzinfo=UTC)
NOTHING = {"accepted": 0, "deferred": 0, "rejected": 0, "skipped": 0, "expired": 0, "uncertain": 0}
pytestmark = pytest.mark.slow


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that servers which are not root may write to."""
    folder = Path(tempfile.mkdtemp(prefix="digestd-real-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _start(digestd: Digestd) -> set[str]:
    """Import a month of papers and all readers; who is due then."""
    readers = list(wants.readers(READERS))
    papers = input.write(digestd.folder / "papers.jsonl", input.month())
    people = input.write(digestd.folder / "people.jsonl", readers)
    digestd(MORNING, "init")
    added = digestd.counts(MORNING, "paper", "import", str(papers))
    assert added["added"] > 500
    assert digestd.counts(MORNING, "subscriber", "import", str(people))["added"] == READERS
    expected = wants.due(readers, MORNING)
    assert READERS / 2 < len(expected) < READERS
    return expected


def _one_morning(digestd: Digestd, now: datetime, expected: int) -> int:
    """Plan and deliver, twice; how many mails went out."""
    planned = digestd.counts(now, "plan")
    assert planned["due"] == planned["planned"] + planned["empty"] == expected
    sent = digestd.counts(now, "deliver", "--drain")
    assert sent == NOTHING | {"accepted": planned["planned"]}
    assert digestd.counts(now, "plan") == {"due": 0, "planned": 0, "empty": 0}
    assert digestd.counts(now, "deliver", "--drain") == NOTHING
    assert digestd.fsck(now) == {}
    return planned["planned"]


def _none_twice(digestd: Digestd) -> None:
    for address, digests in digestd.held().items():
        papers = [paper for digest in digests for paper in digest]
        assert len(papers) == len(set(papers)), address
        assert all(digests), address


def test_two_days_to_a_sink_bring_one_mail_each_and_no_paper_twice(open_folder: Path) -> None:
    input.month()  # skips where there is none
    dump = open_folder / "mails"
    with smtp_sink(open_folder, "-D", str(dump)) as sink:
        digestd = Digestd(open_folder, sink.url)
        expected = _start(digestd)
        assert _one_morning(digestd, MORNING, len(expected)) == len(expected)
        assert _recipients(dump) == dict.fromkeys(expected, 1)

        tomorrow = MORNING + timedelta(days=1)
        papers = input.write(open_folder / "more.jsonl", input.next_day())
        digestd.counts(tomorrow, "paper", "import", str(papers))
        # the hours that came meanwhile were missed: nothing ran; those readers' next hour is yet to come
        again = _one_morning(digestd, tomorrow, len(expected))
        assert again > len(expected) / 2
        mails = _recipients(dump)
        assert mails == {address: len(digests) for address, digests in digestd.held().items()}
        assert mails.total() == sink.count == len(expected) + again
        _none_twice(digestd)


def _recipients(dump: Path) -> Counter[str]:
    """How many mails the sink took for each address."""
    return Counter(re.findall(r"^X-Rcpt-Args: <([^>]+)>", dump.read_text(errors="replace"), re.MULTILINE))


def test_a_private_postfix_puts_one_mail_into_each_mailbox(open_folder: Path) -> None:
    input.month()  # skips where there is none
    addresses = [str(reader["email"]) for reader in wants.readers(READERS)]
    (open_folder / "postfix").mkdir()
    with postfix(open_folder / "postfix", addresses) as server:
        digestd = Digestd(open_folder, server.url)
        expected = _start(digestd)
        assert _one_morning(digestd, MORNING, len(expected)) == len(expected)
        _until_empty(server)
        boxes = {address: server.mails(address) for address in addresses}
        assert {address: len(mails) for address, mails in boxes.items() if mails} == dict.fromkeys(expected, 1)
        for address, [file] in ((address, mails) for address, mails in boxes.items() if mails):
            mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            assert mail["To"] == address
            assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            assert not mail.defects
    _none_twice(digestd)


def _until_empty(server: Postfix) -> None:
    """Wait until Postfix has nothing left to deliver."""
    listing = ""
    for _ in range(300):
        queue = [tool("postqueue"), "-c", str(server.folder), "-p"]
        listing = subprocess.run(queue, check=True, capture_output=True, text=True).stdout
        if "Mail queue is empty" in listing:
            return
        time.sleep(0.1)
    raise TimeoutError(f"Postfix did not deliver all: {listing[:500]}")
