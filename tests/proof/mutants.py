"""Bugs that other software has shipped; a test must catch each of them."""

from dataclasses import dataclass

from tests.proof.mutation import (
    Change,
    add_argument,
    begin_with,
    compare_first_only,
    drop_argument,
    drop_if,
    move_await,
    set_keyword,
    skip_call,
    swap_name,
    swap_text,
    take_decorators_of,
)

KILLS = "tests/proof/test_kill.py::test_deliver_killed_with_one_connection[sqlite]"
CUTS = "tests/proof/test_power_cut.py::test_deliver_survives_power_cuts[sqlite]"
LIFECYCLE = "tests/store/test_delivery_lifecycle.py"


@dataclass(frozen=True)
class Mutant:
    """A change of one function that must make the test `caught_by` fail."""

    name: str
    function: str
    change: Change
    caught_by: str


MUTANTS = (
    Mutant(
        "marked after the dot",
        "digestd.delivery.sending_worker:SendingWorker._send",
        move_await("_send_final_dot", before="_pass_commit_point"),
        KILLS,
    ),
    Mutant(
        "marked as sent before the dot",
        "digestd.delivery.sending_worker:SendingWorker._send_final_dot",
        begin_with(
            "from digestd.delivery.transports.transport import SmtpReply\n"
            "self._context.recorder.record_answer(claim, SmtpReply(250))\n"
            "await asyncio.sleep(0.3)"
        ),
        KILLS,
    ),
    Mutant("synchronous=NORMAL", "digestd.store.database:_PRAGMAS", swap_text("FULL", "NORMAL"), CUTS),
    Mutant(
        "no gate",
        "digestd.store.ledger.commit_point:_decide",
        drop_if("objection"),
        "tests/proof/test_commit_race.py::test_commit_point_never_passes_after_consent_ends[sqlite]",
    ),
    Mutant(
        "fenced taken for gone",
        "digestd.store.ledger.commit_point:_decide",
        swap_name("FENCED", "GONE", number=3),
        f"{LIFECYCLE}::test_commit_point_refuses_a_lease_about_to_end[sqlite]",
    ),
    Mutant(
        "no fence on attempt and owner",
        "digestd.store.ledger.commit_point:_decide",
        compare_first_only(),
        f"{LIFECYCLE}::test_fenced_worker_changes_nothing[sqlite]",
    ),
    Mutant(
        "GET unsubscribes",
        "digestd.web.unsubscribe:act",
        take_decorators_of("show"),
        "tests/web/test_scanners.py",
    ),
    Mutant(
        "no header cleaner",
        "digestd.mail.mime:header_text",
        skip_call("clean"),
        "tests/mail/test_message.py::test_untrusted_text_never_becomes_a_header",
    ),
    Mutant(
        "encoded words in headers",
        "digestd.mail.mime:header_text",
        skip_call("replace"),
        "tests/mail/test_message.py::test_untrusted_text_never_becomes_a_header",
    ),
    Mutant(
        "autoescape by extension",
        "digestd.mail.templates:_environment",
        set_keyword("autoescape", '__import__("jinja2").select_autoescape(["html", "xml"])'),
        "tests/mail/test_templates.py::test_templates_escape_by_default",
    ),
    Mutant(
        "uncertain is sent again",
        "digestd.store.ledger.settlement:_take_over",
        swap_name("_UNKNOWN", "_UNSENT"),
        KILLS,
    ),
    Mutant(
        "no unique index",
        "digestd.store.migrations.versions.0001_initial:_ledger",
        drop_argument("UniqueConstraint", "subscriber_id", "kind", "key"),
        f"{LIFECYCLE}::test_plan_refuses_second_digest_for_one_period[sqlite]",
    ),
    Mutant(
        "a cursor instead of the ledger",
        "digestd.store.ledger.claim_queue:claim",
        add_argument("where", "_D.attempts == 0"),
        KILLS,
    ),
    Mutant(
        "a tick may be a second late at most",
        "digestd.jobs.scheduler:Scheduler.run",
        set_keyword("misfire_grace_time", "1"),
        "tests/jobs/test_scheduler_ticks.py::test_scheduler_runs_late_ticks",
    ),
    Mutant(
        "opportunistic TLS",
        "digestd.delivery.transports.smtp.session:open_session",
        set_keyword("start_tls", "None"),
        "tests/transports/test_tls.py::test_tls_rejects_stripped_starttls",
    ),
)
