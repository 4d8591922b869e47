"""The programs that digestd is compared with still mail digests."""

from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.bench.peers.__main__ import PEERS, LeftOutError, build_program, measure, run, table, write_digests
from tests.bench.peers.digests import read_digests
from tests.bench.smtp_sink import SinkAnswers, find_program
from tests.support.relay import Relay

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("peer", [peer for peer in PEERS if peer != "digestd"])
def test_peer_mails_every_reader_their_digest(peer: str, tmp_path: Path) -> None:
    write_digests(tmp_path, 4)
    try:
        program = build_program(peer, tmp_path)
    except LeftOutError as why:
        pytest.skip(str(why))
    with Relay().in_thread() as relay:
        run(program, relay.port, tmp_path, 3)
    mails = {mail.recipient: message_from_bytes(mail.message, policy=policy.default) for mail in relay.taken}
    digests = read_digests(tmp_path, 3)
    assert sorted(mail.recipient for mail in relay.taken) == sorted(digest["address"] for digest in digests)
    for digest in digests:
        mail = mails[digest["address"]]
        assert digest["token"] in mail["List-Unsubscribe"]
        for kind in ("plain", "html"):
            part = mail.get_body((kind,))
            assert part is not None
            content = part.get_content()
            assert f"Hello {digest['name']}," in content
            assert all(pick["paper"]["title"] in content and pick["token"] in content for pick in digest["picks"])


@pytest.mark.skipif(not find_program("smtp-source"), reason="Postfix is not installed")
def test_measure_compares_peers_with_smtp_source() -> None:
    found = measure(["mimetext", "digestd"], mails=10, rounds=1)
    assert [row["peer"].partition(":")[0] for row in found] == ["smtp-source", PEERS["mimetext"], "digestd"]
    assert all(row["cpu_us"] > 0 < row["mail_bytes"] for row in found)
    assert len({line.count("|") for line in table(found).splitlines()}) == 1


@pytest.mark.skipif(not find_program("smtp-source"), reason="Postfix is not installed")
def test_measure_with_a_relay_that_answers_late() -> None:
    _, found = measure(["reconnect"], mails=2, rounds=1, answers=SinkAnswers(latency=0.05))
    assert 0 < found["rate"] <= 4  # a banner and five answers for each
