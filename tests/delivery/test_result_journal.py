"""Test results that the database did not take.

They are journalled and recorded later.
"""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from digestd.delivery import journals
from digestd.domain.delivery import Evidence, Outcome, State
from digestd.errors import BadSetting, Damaged
from digestd.store import core
from digestd.store.database import Database
from digestd.store.ledger.results import AttemptResult
from tests.delivery.conftest import READERS
from tests.support.install import Install
from tests.support.relay import Fault, Relay

REFUSE = {
    True: [
        "CREATE TRIGGER refuse BEFORE UPDATE OF relay_qid ON delivery WHEN NEW.relay_qid IS NOT NULL"
        " BEGIN SELECT RAISE(ABORT, 'no room'); END"
    ],
    False: [
        "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE 'no room'; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER refuse BEFORE UPDATE OF relay_qid ON delivery FOR EACH ROW"
        " WHEN (NEW.relay_qid IS NOT NULL) EXECUTE FUNCTION refuse()",
    ],
}
RESULT = AttemptResult(7, 2, "w1", State.ACCEPTED, Outcome.ACCEPTED, code=250, queue_id="4XyZ")


def _run(db: Database, *statements: str) -> None:
    with db.write() as session:
        for statement in statements:
            session.connection().exec_driver_sql(statement)


def _evidence(install: Install) -> list[str]:
    with install.db.read() as session:
        query = select(core.attempt.c.evidence).where(core.attempt.c.outcome == Outcome.ACCEPTED)
        return list(session.connection().execute(query).scalars())


async def test_journalled_results_are_recorded_later(waiting: Install) -> None:
    _run(waiting.db, *REFUSE[waiting.db.is_sqlite])
    async with Relay().serving() as relay:
        with pytest.raises(Damaged, match="refused to write 5 deliveries"):
            await waiting.to(relay.url, connections=2).deliver()
        arrived = len(relay.copies)
        assert arrived
        assert waiting.states.get(State.ACCEPTED, 0) == 0
        on = "" if waiting.db.is_sqlite else " ON delivery"
        _run(waiting.db, f"DROP TRIGGER refuse{on}")
        report = await waiting.to(relay.url).deliver()
    assert report.accepted == READERS - arrived
    assert waiting.states == {State.ACCEPTED: READERS}
    assert _evidence(waiting).count(Evidence.RECEIPT_JOURNAL) == arrived
    assert waiting.sound(relay.copies)
    assert journals.list_runs(waiting.app.journals) == []


async def test_complete_run_leaves_no_journal(on_file: Install) -> None:
    async with Relay({"RCPT": Fault("450 4.2.0 later")}).serving() as relay:
        await on_file.to(relay.url).deliver()
    assert journals.list_runs(on_file.app.journals) == []


def test_journal_round_trip_drops_the_relay_text(tmp_path: Path) -> None:
    later = AttemptResult(
        8, 1, "w1", State.READY, Outcome.TEMP, code=450, text="<ada@example.net>", wait=timedelta(minutes=5)
    )
    unknown = AttemptResult(9, 1, "w1", State.UNCERTAIN, Outcome.UNCERTAIN, reason="silence")
    with journals.open_result_journal(tmp_path, "w1") as journal:
        assert journal.write([RESULT, unknown]) == 1
        assert journal.write([later]) == 1
    assert journals.list_runs(tmp_path) == ["w1"]
    first, second = journals.read_results(tmp_path, "w1")
    assert first == RESULT
    assert (second.delivery, second.wait, second.text) == (8, timedelta(minutes=5), "")
    assert b"ada@" not in (tmp_path / "w1.results").read_bytes()
    journals.delete_journal(tmp_path, "w1")
    assert journals.read_results(tmp_path, "w1") == []


def test_journal_ignores_a_truncated_line(tmp_path: Path) -> None:
    with journals.open_result_journal(tmp_path, "w1") as journal:
        journal.write([RESULT, RESULT])
    file = tmp_path / "w1.results"
    whole = file.read_bytes()
    end = len(whole.rstrip(b"\0"))
    for cut in range(0, end, 7):
        file.write_bytes(whole[:cut].ljust(len(whole), b"\0"))
        assert journals.read_results(tmp_path, "w1") == [RESULT] * (0 if cut < end // 2 - 1 else 1)
        file.write_bytes(whole[:cut] + bytes([whole[cut] ^ 1]) + whole[cut + 1 :])
        assert journals.read_results(tmp_path, "w1") in ([], [RESULT])


def test_unwritable_journal_folder_is_rejected_first(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(BadSetting, match="DIGESTD_JOURNAL_DIR"),
        journals.open_result_journal(tmp_path / "file", "w1"),
    ):
        pass
