"""Test concurrent reports: each counts once, without deadlock."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from digestd.domain.bounce import BounceKind, InboundOutcome
from digestd.domain.delivery import SuppressionReason
from digestd.replies.bounces.providers import BounceEvent, WebhookPayload
from digestd.replies.processing import process_events
from digestd.store import bounces
from tests.inbound.conftest import SentInstall


def test_concurrent_duplicates_count_once(sent: SentInstall) -> None:
    raws = [sent.mail("postfix-hard"), sent.mail("gmail-hard")] * 6
    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(sent.process, raws))
    assert sorted(outcomes) == [InboundOutcome.KNOWN] * 11 + [InboundOutcome.TAKEN]
    assert len(sent.bounces()) == 1
    assert sent.counts == {InboundOutcome.TAKEN: 1, InboundOutcome.KNOWN: 11}


def test_concurrent_soft_bounces_all_count(sent: SentInstall) -> None:
    addresses = [sent.address(number) for number in (1, 2, 3)]

    def bring(day: int) -> dict[InboundOutcome, int]:
        turned = addresses[day % 3 :] + addresses[: day % 3]  # in another order each time
        events = [BounceEvent(f"{day} {address}", BounceKind.SOFT, address, "4.2.2") for address in turned]
        payload, at = WebhookPayload(tuple(events)), sent.install.clock.now + timedelta(days=day)
        return process_events(sent.install.db, sent.install.app.keys, "ses", payload, at)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(bring, range(8))) == [{InboundOutcome.TAKEN: 3}] * 8
    with sent.install.db.read() as session:
        assert all(len(bounces.of_address(session, sent.key(number), 99)) == 8 for number in (1, 2, 3))
    last = sent.install.clock.now + timedelta(days=8)
    events = [BounceEvent(f"last {address}", BounceKind.SOFT, address) for address in addresses]
    process_events(sent.install.db, sent.install.app.keys, "ses", WebhookPayload(tuple(events)), last)
    assert {sent.suppression(number) for number in (1, 2, 3)} == {SuppressionReason.SOFT_BOUNCE}
    assert sent.install.broken == {}
