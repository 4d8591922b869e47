"""Measure the pipeline from a day's papers to the relay.

    python -m tests.bench.delivery [--subscribers 4000] [--dkim ed25519] [--procs 2] [--pairs 3] [--beside 2] [--json]

It is compared on the same relay with smtp-source, which sends one finished mail again and again, and, where Go is
installed, with a mailer in Go that fills each reader's links into one template for all (see go_mailer/main.go). The
relay is a sink, at will one that answers late, or a real Postfix. It needs neither settings nor `init`, and checks that
every mail arrived.

The real commands run as subprocesses, `plan` once and `deliver --drain` in parts: rank, compose, commit, send, record.
Just before each part, the others send as many mails of the same size to the same sink. What each process does once is
left out and reported as `run_in_s`: to start, to check the templates, and to render the papers of the day. Processes
that send some hundred mails measure it. Profiles are compiled beforehand, as they are between changes of a subscriber
or of the text model; this cost is reported as `compile_us` per subscriber.

    ratio       our mails per second (planning included) over those of smtp-source
    send_ratio  the same without planning, which precedes sending
    cpu_ratio   CPU time of smtp-source and relay over that of digestd and relay; hardly depends on other load
    client_us   CPU time of digestd per mail; plan_us of it is for planning
    of_go       client_us over the CPU time of the mailer in Go; of_go_sending the same without planning
    speedup     mails per second of all processes over those of one, measured just before
    of_allowed  our mails per second over what a relay that answers late allows with its number of connections, since
                the first was opened; of_allowed_later only after RAMP_SECONDS. Give it --pairs 1
"""

import argparse
import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from digestd import app as wiring
from digestd.app import App
from digestd.cli.output import emit
from digestd.cli.stdio import say
from digestd.delivery.composer import Composer
from digestd.digests.refit import prepare
from digestd.digests.text_model import text_model
from digestd.domain.delivery import State
from digestd.errors import BadSetting
from digestd.ranking.dense import NoEncoder
from digestd.security.addresses import address_key
from digestd.settings import Settings
from digestd.store import subscribers
from digestd.store.database import Database
from digestd.store.fsck import fsck
from digestd.store.ledger import queries
from tests.bench import synthetic_data
from tests.bench.mailer_in_go import build_go_mailer, run_go_mailer
from tests.bench.postfix import run_postfix
from tests.bench.smtp_sink import Sink, SinkAnswers, find_program, run_sink, run_smtp_source
from tests.bench.subprocesses import TICKS, ResourceUsage, busy_processes, cpu_seconds, run_commands

NOW = datetime(2026, 11, 24, 7, tzinfo=UTC)
"""The date of the generated day; results do not depend on it."""
FOREIGN_MAX = 0.15
"""Share of the machine that other programs may use during a pair before it is left out."""
ARCHIVE = 1_000
RUN_IN = 600
"""Mails by which a process has rendered nearly all papers of the day."""
SIZE_SAMPLE = 200
"""Digests that are composed to find the mean size."""
SOURCE_SESSIONS = 16
"""Sessions of smtp-source to a relay that is limited by its CPU: more are no faster."""
RAMP_SECONDS = 10.0
"""Time after which all connections to a slow relay are open."""
SOURCE_MAX = 20_000
"""Mails of smtp-source a pair: enough for its rate."""


@dataclass(frozen=True, slots=True)
class DeliveryLoad:
    """The size of a delivery benchmark."""

    subscribers: int
    papers: int = 500
    picks: int = 15
    dkim: str = "none"
    processes: int = 2
    pairs: int = 3
    database: str = ""
    relay: str = "sink"
    answers: SinkAnswers | None = None
    beside: int = 0

    @property
    def run_in(self) -> int:
        """Return how many mails each process sends to run in."""
        return min(RUN_IN, self.subscribers // (8 * self.processes))

    @property
    def measured(self) -> int:
        """Return how many mails are left after one process, and then all, have run in."""
        return self.subscribers - self.run_in * (self.processes + (1 if self.processes > 1 else 0))


@dataclass(frozen=True, slots=True)
class MeasuredPair:
    """One part of `count` mails.

    Resources used by digestd, smtp-source, the sink and other programs.

    Attributes:
        arrived: digestd's mails that the sink counted.
        smtp_source: seconds, CPU seconds, and the sink's CPU seconds; None if smtp-source is not installed.
        go: CPU seconds of the mailer in Go; None if Go is not installed.
        alone: a single process and its mails, if digestd runs several.
        foreign: share of the machine that other programs used.
        times: when the first connection was opened, and each mail accepted, by a relay that answers late.
    """

    count: int
    arrived: int
    smtp_source: tuple[float, float, float] | None
    go: float | None
    alone: tuple[ResourceUsage, int] | None
    digestd: ResourceUsage
    sink_cpu: float
    foreign: float
    times: Sequence[float] = ()


def measure_delivery(
    load: DeliveryLoad, now: datetime, say: Callable[[str], None] = lambda _: None
) -> dict[str, object]:
    """Measure delivery and return the figures by name.

    Raises:
        BadSetting: the database is in use.
    """
    with (
        TemporaryDirectory(prefix="digestd-bench-") as name,
        run_relay(load, Path(name)) as relay,
        busy_processes(load.beside) as beside,
    ):
        folder = Path(name)
        say("generating papers and subscribers, compiling profiles")
        app, environment, compiling = prepare_install(load, relay, folder, now)
        say("planning")
        planned, idle_plan = (run_commands([["plan"]], environment) for _ in range(2))
        mail = _sample_mail(app)
        (folder / "mail").write_bytes(mail.replace(b"\r\n", b"\n"))
        go = build_go_mailer(folder, mail)
        if go is None:
            say("Go is not installed, so digestd is not compared with it")
        bench = _Bench(load, relay, folder / "mail", go, environment, beside)
        say("running in")
        run_in = [_run_in(bench, processes) for processes in sorted({1, load.processes})]
        pairs = [_measure_pair(bench, number, say) for number in range(load.pairs)]
        with app.db.read() as session:
            accepted = queries.counts(session).get(State.ACCEPTED, 0)
        broken = sorted(name for name, rows in fsck(app.db, app.clock()).items() if rows)
        app.db.close()
    arrived = sum(part.arrived for part in run_in)
    arrived += sum(pair.arrived + (pair.alone[1] if pair.alone else 0) for pair in pairs)
    return {
        **_figures(pairs, planned.per_item(idle_plan, load.subscribers), run_in, load.answers),
        "compile_us": round(compiling / load.subscribers * 1e6, 1),
        "relay": relay.kind,
        "mail_bytes": len(mail),
        "sent": accepted,
        "arrived": arrived,
        "duplicates": max(0, arrived - accepted),
        "broken": broken,
        "rss_mib": {"plan": round(planned.rss_mib), "deliver": round(max(pair.digestd.rss_mib for pair in pairs))},
    }


@dataclass(frozen=True, slots=True)
class _Bench:
    """The parts of a benchmark.

    Attributes:
        mail: A file with one composed digest, as smtp-source reads it.
        go: The mailer in Go, if Go is installed.
        beside: Processes that keep the machine busy.
    """

    load: DeliveryLoad
    relay: Sink
    mail: Path
    go: Path | None
    environment: Mapping[str, str]
    beside: Sequence[int]


@dataclass(frozen=True, slots=True)
class _RunIn:
    """What processes use that send a few mails."""

    processes: int
    usage: ResourceUsage
    arrived: int

    def per_mail(self, usage: ResourceUsage, arrived: int) -> tuple[float, float]:
        """Return wall-clock and CPU seconds of as many processes per further mail."""
        return usage.per_item(self.usage, max(arrived - self.arrived, 1))


@contextlib.contextmanager
def run_relay(load: DeliveryLoad, folder: Path) -> Iterator[Sink]:
    """Run the relay of a benchmark until the end of the block."""
    folder.chmod(0o755)  # the relay may be another user's
    with run_postfix(folder / "postfix") if load.relay == "postfix" else run_sink(folder, load.answers) as relay:
        yield relay


def _environment(load: DeliveryLoad, relay: Sink, folder: Path, now: datetime) -> dict[str, str]:
    found = {
        "DIGESTD_DATABASE_URL": load.database or f"sqlite:///{folder / 'digestd.db'}",
        "DIGESTD_TRANSPORT_URL": relay.url,
        "DIGESTD_SECRET_KEY_FILE": str(folder / "secret.key"),
        "DIGESTD_JOURNAL_DIR": str(folder / "receipts"),  # never where an install has its own
        "DIGESTD_MAIL_FROM": "Invented Digest <digest@example.org>",
        "DIGESTD_POSTAL_ADDRESS": "1 Invented Street",
        "DIGESTD_SOURCES": "none",
        "DIGESTD_EMBEDDING_MODEL": "none",  # papers are encoded after ingest, which is not measured here
        "DIGESTD_NOW": (now + timedelta(days=1)).isoformat(),
    }
    if load.dkim == "none":
        return found
    key = folder / "dkim.pem"
    key.touch(mode=0o600)
    private = (
        ed25519.Ed25519PrivateKey.generate() if load.dkim == "ed25519" else rsa.generate_private_key(65_537, 2_048)
    )
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, form, plain))
    dkim = {"DOMAIN": "example.org", "SELECTOR": "bench", "KEY_FILE": str(key)}
    return found | {f"DIGESTD_DKIM_{name}": value for name, value in dkim.items()}


def _settings(environment: Mapping[str, str]) -> Settings:
    given = {name.removeprefix("DIGESTD_").lower(): value for name, value in environment.items()}
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]  # pydantic reads each from its text


def _fill(app: App, load: DeliveryLoad, now: datetime) -> None:
    with app.db.read() as session:
        if subscribers.count(session):
            raise BadSetting(
                "--database: has subscribers; give an empty database, as the benchmark fills it and sends its mails"
            )
    people = synthetic_data.synthetic_subscribers(load.subscribers, ARCHIVE, 5, load.picks)
    known_by = partial(address_key, app.keys)
    synthetic_data.fill_database(app.db, ARCHIVE, load.papers, people, now, known_by)


def prepare_models(db: Database, at: datetime) -> float:
    """Fit the text model, compile all profiles by it, and return the CPU seconds of compiling."""
    text_model(db, at)
    began = time.process_time()
    prepare(db, NoEncoder(), at)
    return time.process_time() - began


def _sample_mail(app: App) -> bytes:
    """Return the digest of about mean size."""
    with app.db.read() as session:
        claims = [claim for key in range(1, SIZE_SAMPLE) if (claim := queries.as_claim(session, key)) and claim.picks]
    if not claims:
        raise BadSetting("nothing was planned: give more --subscribers or --papers")
    composer = Composer(app.db, app.sender, app.templates)
    composer.prepare(claims)
    mails = [composer.compose(claim).message for claim in claims]
    mean = statistics.mean(map(len, mails))
    return min(mails, key=lambda mail: abs(len(mail) - mean))


def _run_in(bench: _Bench, processes: int) -> _RunIn:
    before = bench.relay.count
    command = ["deliver", "--drain", "--limit", str(bench.load.run_in)]
    usage = run_commands([command] * processes, bench.environment)
    return _RunIn(processes, usage, bench.relay.count - before)


def _measure_pair(bench: _Bench, number: int, say: Callable[[str], None]) -> MeasuredPair:
    load, relay = bench.load, bench.relay
    say(f"pair {number + 1} of {load.pairs}")
    count = load.measured // load.pairs
    theirs, go, sent_by_source = None, None, min(count, SOURCE_MAX)
    sessions = min(count, load.answers.connections) if load.answers else SOURCE_SESSIONS
    if find_program("smtp-source"):
        before = relay.cpu
        theirs = (*run_smtp_source(relay, bench.mail, sent_by_source, sessions), relay.cpu - before)
    if bench.go:
        go = run_go_mailer(bench.go, relay, sent_by_source, sessions)
    alone = None
    if load.processes > 1:
        before, count = relay.count, count - (part := count // (load.processes + 1))
        one = run_commands([["deliver", "--drain", "--limit", str(part)]], bench.environment)
        alone = one, relay.count - before
    last = number == load.pairs - 1
    share = [] if last else ["--limit", str(count // load.processes)]
    taken, used, busy, began = relay.count, relay.cpu, _foreign_cpu_seconds(bench), time.perf_counter()
    ours = run_commands([["deliver", "--drain", *share]] * load.processes, bench.environment)
    sink_cpu, seconds = relay.cpu - used, time.perf_counter() - began
    foreign = (_foreign_cpu_seconds(bench) - busy - ours.cpu) / seconds / (os.cpu_count() or 1)
    times = relay.times(taken) if load.answers else []
    return MeasuredPair(sent_by_source, relay.count - taken, theirs, go, alone, ours, sink_cpu, foreign, times)


def _foreign_cpu_seconds(bench: _Bench) -> float:
    """Return the CPU seconds that all programs of this machine have used besides the relay and the load beside."""
    user, nice, system = Path("/proc/stat").read_text().split()[1:4]
    used = (int(user) + int(nice) + int(system)) / TICKS
    return used - bench.relay.cpu - sum(map(cpu_seconds, bench.beside))


def _figures(
    pairs: Sequence[MeasuredPair],
    plan: tuple[float, float],
    run_in: Sequence[_RunIn],
    answers: SinkAnswers | None,
) -> dict[str, object]:
    """Return the figures per mail, planning included.

    They are over undisturbed pairs, or over all if there are none.

    `run_in`: of one process, and of all.
    """
    kept = [pair for pair in pairs if pair.foreign <= FOREIGN_MAX]
    ratios, send_ratios, cpu_ratios, speedups, rates, client, sinks = [], [], [], [], [], [], []
    for pair in kept or pairs:
        wall, cpu = run_in[-1].per_mail(pair.digestd, pair.arrived)
        if pair.alone:
            speedups.append(run_in[0].per_mail(*pair.alone)[0] / wall)
        rates.append(1 / wall)
        client.append(plan[1] + cpu)
        sinks.append(pair.sink_cpu / pair.arrived)
        if pair.smtp_source:
            seconds, source_cpu, their_sink = (value / pair.count for value in pair.smtp_source)
            ratios.append(seconds / (plan[0] + wall))
            send_ratios.append(seconds / wall)
            cpu_ratios.append((source_cpu + their_sink) / (client[-1] + sinks[-1]))
    rate = statistics.median(rates)
    client_us, plan_us = statistics.median(client) * 1e6, plan[1] * 1e6
    go_us = statistics.median(found) * 1e6 if (found := [one.go / one.count for one in pairs if one.go]) else None
    once = run_in[-1].usage.cpu - run_in[-1].arrived * (client_us - plan_us) / 1e6
    return {
        "ratio": _spread(ratios),
        "send_ratio": _spread(send_ratios),
        "cpu_ratio": _spread(cpu_ratios),
        "speedup": _spread(speedups),
        "rate": round(rate, 1),
        "of_allowed": _of_allowed(pairs, answers, 0.0),
        "of_allowed_later": _of_allowed(pairs, answers, RAMP_SECONDS),
        "client_us": round(client_us, 1),
        "plan_us": round(plan_us, 1),
        "go_us": round(go_us, 1) if go_us else None,
        "of_go": round(client_us / go_us, 2) if go_us else None,
        "of_go_sending": round((client_us - plan_us) / go_us, 2) if go_us else None,
        "relay_us": round(statistics.median(sinks) * 1e6, 1),
        "run_in_s": round(once / run_in[-1].processes, 2),
        "pairs_kept": len(kept),
    }


def _of_allowed(pairs: Sequence[MeasuredPair], answers: SinkAnswers | None, begin: float) -> float | None:
    """Return the median share of the mails that the relay allows from so many seconds after the first connection on."""
    allowed, shares = answers.allowed if answers else None, []
    for first, *times in (pair.times for pair in pairs if pair.times):
        later = [at - first - begin for at in times if at > first + begin]
        if later and allowed:
            shares.append(len(later) / later[-1] / allowed)
    return round(statistics.median(shares), 3) if shares else None


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    found = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {name: round(value, 3) for name, value in found.items()}


def prepare_install(load: DeliveryLoad, relay: Sink, folder: Path, now: datetime) -> tuple[App, dict[str, str], float]:
    """Return an installation with compiled profiles on which everybody is due a day after `now`.

    Also return the environment of its processes, whose clock starts at that time, and the CPU seconds of compiling.
    """
    environment = _environment(load, relay, folder, now)
    app = wiring.initialise(_settings(environment))
    _fill(app, load, now)
    return app, environment, prepare_models(app.db, now + timedelta(days=1))


def main() -> None:
    """Measure with the given load, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=4_000)
    parser.add_argument("--papers", type=int, default=500, help="papers of the day")
    parser.add_argument("--picks", type=int, default=15, help="maximum number of papers per digest")
    parser.add_argument("--dkim", choices=["none", "ed25519", "rsa"], default="none", help="key that signs each mail")
    parser.add_argument("--procs", type=int, default=2, help="number of workers")
    parser.add_argument("--pairs", type=int, default=3, help="how often to run smtp-source and digestd in turn")
    parser.add_argument("--database", default="", help="URL of an empty database; default: SQLite in a folder")
    parser.add_argument("--relay", choices=["sink", "postfix"], default="sink", help="a private Postfix needs root")
    parser.add_argument("--relay-latency", type=float, metavar="MS", help="milliseconds until the sink answers")
    parser.add_argument("--relay-connections", type=int, default=50, help="with --relay-latency: those accepted")
    parser.add_argument("--no-pipelining", action="store_true", help="with --relay-latency: offer no PIPELINING")
    parser.add_argument("--beside", type=int, default=0, help="number of other processes that keep the machine busy")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.subscribers < 8 * given.pairs * (given.procs + 1):
        parser.error("--subscribers must be at least 8 times --pairs times the processes and one more")
    if given.relay == "postfix" and given.relay_latency is not None:
        parser.error("only the sink can answer late: leave out --relay postfix")
    answers = None
    if given.relay_latency is not None:
        answers = SinkAnswers(given.relay_latency / 1_000, given.relay_connections, not given.no_pipelining)
    load = DeliveryLoad(
        given.subscribers,
        given.papers,
        given.picks,
        given.dkim,
        given.procs,
        given.pairs,
        given.database,
        given.relay,
        answers,
        given.beside,
    )
    emit(measure_delivery(load, NOW, say), given.json)


if __name__ == "__main__":
    main()
