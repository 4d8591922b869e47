"""Bugs that other software has shipped; a test must catch each of them."""

from dataclasses import dataclass

KILLS = "tests/proof/test_kill.py::test_deliver_killed_with_one_connection[sqlite]"
CUTS = "tests/proof/test_power_cut.py::test_deliver_survives_power_cuts[sqlite]"


@dataclass(frozen=True)
class Mutant:
    """A change from `was` to `becomes` that must make `caught_by` fail."""

    name: str
    file: str
    was: str
    becomes: str
    caught_by: str


MUTANTS = (
    Mutant(
        "marked after the dot",
        "digestd/delivery/sending_worker.py",
        """\
            may_send = refusal is None and await self._pass_commit_point(connection, prepared)
            if may_send:
                self._next = await self._take_ahead()
                self._compose_ahead()
""",
        """\
            may_send = False
            if refusal is None:
                reply = await connection.commit(None)
                if await self._pass_commit_point(connection, prepared):
                    self._context.recorder.record_answer(prepared.claim, reply)
""",
        KILLS,
    ),
    Mutant(
        "marked as sent before the dot",
        "digestd/delivery/sending_worker.py",
        """\
        recorder = self._context.recorder
        try:
""",
        """\
        recorder = self._context.recorder
        from digestd.delivery.retry import SmtpReply
        recorder.record_answer(claim, SmtpReply(250))
        await asyncio.sleep(0.3)
        try:
""",
        KILLS,
    ),
    Mutant(
        "synchronous=NORMAL",
        "digestd/store/database.py",
        '"PRAGMA synchronous=FULL"',
        '"PRAGMA synchronous=NORMAL"',
        CUTS,
    ),
    Mutant(
        "no gate",
        "digestd/store/ledger/commit_point.py",
        """\
    if objection(row):
        return CommitDecision.GONE
""",
        "",
        "tests/proof/test_commit_race.py",
    ),
    Mutant(
        "fenced taken for gone",
        "digestd/store/ledger/commit_point.py",
        """\
        return CommitDecision.FENCED
    return CommitDecision.OK
""",
        """\
        return CommitDecision.GONE
    return CommitDecision.OK
""",
        "tests/store/test_delivery_lifecycle.py",
    ),
    Mutant(
        "no fence on attempt and owner",
        "digestd/store/ledger/commit_point.py",
        "(row.state, row.attempts, row.owner) != (State.LEASED, wish.attempt, wish.owner)",
        "row.state != State.LEASED",
        "tests/store/test_delivery_lifecycle.py",
    ),
    Mutant(
        "GET unsubscribes",
        "digestd/web/unsubscribe.py",
        "    def show(token: str) -> Response:\n",
        """\
    def show(request: Request, token: str) -> Response:
        unsubscribe(app.db, links.subscriber_of(token).key, consent_act(app, request, Cause.WEB), app.clock())
""",
        "tests/web/test_unsubscribe.py",
    ),
    Mutant(
        "no header cleaner",
        "digestd/mail/mime.py",
        """\
    text = unicodedata.normalize("NFC", clean(text, 4 * limit))
    text = " ".join(text.replace("=?", "= ?").split())
""",
        "",
        "tests/mail/test_message.py",
    ),
    Mutant(
        "autoescape by extension",
        "digestd/mail/templates.py",
        "autoescape=_is_escaped,",
        'autoescape=__import__("jinja2").select_autoescape(["html", "xml"]),',
        "tests/mail/test_templates.py",
    ),
    Mutant(
        "uncertain is sent again",
        "digestd/store/ledger/recovery.py",
        "_close(session, dots, _UNKNOWN, Actor.RECOVERY, at_us)",
        "_close(session, dots, _UNSENT, Actor.RECOVERY, at_us)",
        KILLS,
    ),
    Mutant(
        "no unique index",
        "digestd/store/migrations/versions/0001_initial.py",
        'sa.UniqueConstraint("subscriber_id", "kind", "key"),',
        "",
        "tests/store/test_delivery_lifecycle.py",
    ),
    Mutant(
        "a cursor instead of the ledger",
        "digestd/store/ledger/claim_queue.py",
        ".where(AT_WORK, _D.state == State.READY, _D.not_before_us <= at_us)",
        ".where(AT_WORK, _D.state == State.READY, _D.not_before_us <= at_us, "
        "_D.id > select(func.coalesce(func.max(core.attempt.c.delivery_id), 0)).scalar_subquery())",
        KILLS,
    ),
    Mutant(
        "a tick may be a second late at most",
        "digestd/jobs/scheduler.py",
        "scheduler.add_job(ticked, misfire_grace_time=None)",
        "scheduler.add_job(ticked, misfire_grace_time=1)",
        "tests/jobs/test_scheduler_ticks.py",
    ),
    Mutant(
        "opportunistic TLS",
        "digestd/delivery/transports/smtp/session.py",
        'start_tls=relay.tls == "starttls",',
        "start_tls=None,",
        "tests/transports/test_tls.py",
    ),
)
