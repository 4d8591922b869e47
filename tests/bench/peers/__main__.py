"""Mail the same digests with other programs and with digestd, and compare their cost with that of smtp-source.

    python -m tests.bench.peers [--mails 500] [--rounds 3] [--peer NAME ...] [--relay-latency MS] [--json]

Each program mails digests of 15 papers for different readers, rendered by its own templates, to smtp-sink. Just before,
smtp-source sends as many mails of that size. Start-up, measured as a run without mails, is subtracted. Medians of all
rounds:

    mail_bytes  mean size of a mail
    cpu_us      CPU time of the program per mail, in microseconds
    rate        mails per second, of digestd without planning
    ratio       that rate, of digestd with planning, over the rate of smtp-source
    cpu_ratio   CPU time of smtp-source and sink over that of the program and sink
    rss_mib     peak memory

`digestd` ranks, plans and keeps its ledger, with one process and twenty times as many mails, by
`tests.bench.delivery`; the others only render and send. `smtppool` needs `go` and its module; otherwise it is left out.
With `--relay-latency` the built-in sink takes 50 connections and answers every command late; smtp-source uses all 50.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.delivery import DeliveryLoad, measure_delivery
from tests.bench.peers.digests import read_digests
from tests.bench.peers.scripts import email_message
from tests.bench.smtp_sink import Sink, SinkAnswers, find_program, run_sink, run_smtp_source
from tests.bench.subprocesses import ResourceUsage, run_programs
from tests.bench.synthetic_data import synthetic_papers
from tests.support.relay import Relay

ROOT = Path(__file__).parents[3]
PAPERS, PICKS, SAMPLE = 500, 15, 10
SESSIONS, LATE_SESSIONS = 16, 50
"""Sessions of smtp-source to smtp-sink, and to a sink that answers late."""
SUMMARY = 450
"""Characters of an abstract that a mail shows."""
NOW = datetime(2026, 11, 24, 7, tzinfo=UTC)
PEERS = {
    "mimetext": "smtplib, Jinja2, MIMEText; one connection",
    "reconnect": "the same, a connection per mail",
    "emailmessage": "smtplib, Jinja2, EmailMessage; one connection",
    "aiosmtplib": "aiosmtplib, 16 tasks; a row of SQLModel per mail",
    "smtppool": "Go: html/template and listmonk's smtppool, 10 connections",
    "digestd": "digestd: ranks, plans, records and sends",
}


SOURCE = "smtp-source: sends one mail again and again"


class LeftOutError(Exception):
    """A program cannot run here; the message says why."""


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds, CPU seconds and the sink's CPU seconds per mail, and peak memory in MiB."""

    seconds: float
    cpu: float
    sink_cpu: float
    rss_mib: float


def main() -> None:
    """Print the table, or the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", action="append", choices=list(PEERS), help="may be repeated; by default all")
    parser.add_argument("--relay-latency", type=float, metavar="MS", help="milliseconds until the sink answers")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if not find_program("smtp-source"):
        parser.error("smtp-source and smtp-sink are not installed: install Postfix")
    answers = SinkAnswers(given.relay_latency / 1_000, LATE_SESSIONS) if given.relay_latency else None
    found = measure(given.peer or list(PEERS), given.mails, given.rounds, answers)
    print(json.dumps(found) if given.json else table(found))


def measure(peers: Sequence[str], mails: int, rounds: int, answers: SinkAnswers | None = None) -> list[dict[str, Any]]:
    """Return the figures of smtp-source and of each peer that can run here."""
    found: list[dict[str, Any]] = []
    sources: list[Run] = []
    sessions = answers.connections if answers else SESSIONS
    with TemporaryDirectory(prefix="digestd-bench-") as name, run_sink(Path(name), answers) as relay:
        folder = Path(name)
        folder.chmod(0o755)  # the sink may be another user's
        write_digests(folder, max(mails, SAMPLE))
        mail = email_message(read_digests(folder, 1)[0]).as_bytes()
        (folder / "mail").write_bytes(mail)
        for peer in peers:
            if peer == "digestd":
                found.append(measure_digestd(mails * 20, rounds, answers))
                continue
            try:
                program = build_program(peer, folder)
            except LeftOutError as why:
                print(f"{peer} is left out: {why}", file=sys.stderr)
                continue
            size = mean_size(program, folder)
            pairs = [measure_pair(program, relay, folder, mails, sessions) for _ in range(rounds)]
            sources += [source for source, _ in pairs]
            found.append({"peer": PEERS[peer], "mail_bytes": size} | figures(pairs))
    if sources:
        size = len(mail) + mail.count(b"\n")
        floor = figures([(source, source) for source in sources])
        found.insert(0, {"peer": SOURCE, "mail_bytes": size} | floor | {"rss_mib": None})
    return found


def write_digests(folder: Path, count: int) -> None:
    """Write digests of invented papers for `count` readers (see `tests.bench.peers.digests`)."""
    rng, papers = Random(1), []
    for number, line in enumerate(synthetic_papers(PAPERS, 2, "new")):
        record = json.loads(line)
        papers.append(
            {
                "title": record["title"],
                "authors": record["authors"],
                "summary": record["abstract"][:SUMMARY] + "…",
                "category": record["categories"][0],
                "url": f"https://example.org/abs/{number}",
                "pdf": f"https://example.org/pdf/{number}",
            }
        )
    digests = [
        {
            "address": f"reader{number}@example.net",
            "name": f"Reader {number}",
            "token": f"{rng.getrandbits(160):040x}",
            "picks": [
                {
                    "paper": paper,
                    "reason": " ".join(papers[paper]["title"].split()[:2]),
                    "token": f"{rng.getrandbits(160):040x}",
                }
                for paper in rng.sample(range(PAPERS), PICKS)
            ],
        }
        for number in range(count)
    ]
    (folder / "digests.json").write_text(json.dumps({"papers": papers, "digests": digests}))


def build_program(peer: str, folder: Path) -> list[str]:
    """Return the command of a peer, compiled if need be.

    Raises:
        LeftOutError: it cannot run here.
    """
    if peer == "smtppool":
        return [str(_build_smtppool(folder))]
    if peer == "aiosmtplib":
        return [sys.executable, "-m", "tests.bench.peers.service"]
    return [sys.executable, "-m", "tests.bench.peers.scripts", peer]


def _build_smtppool(folder: Path) -> Path:
    go = shutil.which("go")
    if go is None:
        raise LeftOutError("go is not installed")
    source = shutil.copytree(Path(__file__).parent / "smtppool", folder / "smtppool")
    build = [go, "build", "-mod=mod", "-o", "peer", "."]  # downloads the module
    done = subprocess.run(build, cwd=source, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LeftOutError(f"go build failed: {done.stderr.strip()}")
    return source / "peer"


def mean_size(program: Sequence[str], folder: Path) -> int:
    """Return the mean number of bytes of a mail."""
    with Relay().in_thread() as relay:
        run(program, relay.port, folder, SAMPLE)
        return round(statistics.mean(len(mail.wire) for mail in relay.taken))


def run(program: Sequence[str], port: int, folder: Path, count: int) -> ResourceUsage:
    """Mail `count` digests with a program; return the resources it used."""
    return run_programs([[*program, str(port), str(folder), str(count)]], {"PYTHONPATH": str(ROOT)})


def measure_pair(program: Sequence[str], relay: Sink, folder: Path, mails: int, sessions: int) -> tuple[Run, Run]:
    """Return what a mail took smtp-source, and then a program.

    Raises:
        RuntimeError: the sink did not count as many mails.
    """
    before = relay.cpu
    seconds, cpu = run_smtp_source(relay, folder / "mail", mails, min(mails, sessions))
    source = Run(seconds / mails, cpu / mails, (relay.cpu - before) / mails, 0.0)
    start = run(program, relay.port, folder, 0)
    before, taken = relay.cpu, relay.count
    usage = run(program, relay.port, folder, mails)
    if relay.count - taken != mails:
        raise RuntimeError(f"the sink counted {relay.count - taken} of {mails} mails of {program[-1]}")
    return source, Run(*usage.per_item(start, mails), (relay.cpu - before) / mails, usage.rss_mib)


def figures(pairs: Sequence[tuple[Run, Run]]) -> dict[str, float]:
    """Return the medians over pairs of smtp-source and a program."""
    runs = [run for _, run in pairs]
    cpu_ratios = [(source.cpu + source.sink_cpu) / (run.cpu + run.sink_cpu) for source, run in pairs]
    return {
        "cpu_us": round(statistics.median(run.cpu for run in runs) * 1e6),
        "rate": round(statistics.median(1 / run.seconds for run in runs)),
        "ratio": round(statistics.median(source.seconds / run.seconds for source, run in pairs), 2),
        "cpu_ratio": round(statistics.median(cpu_ratios), 2),
        "rss_mib": round(max(run.rss_mib for run in runs)),
    }


def measure_digestd(mails: int, pairs: int, answers: SinkAnswers | None) -> dict[str, Any]:
    """Return the figures of digestd."""
    found: Any = measure_delivery(DeliveryLoad(mails, PAPERS, PICKS, processes=1, pairs=pairs, answers=answers), NOW)
    if found["sent"] != found["arrived"]:
        raise RuntimeError(f"the sink counted {found['arrived']} of {found['sent']} mails of digestd")
    return {
        "peer": PEERS["digestd"],
        "mail_bytes": found["mail_bytes"],
        "cpu_us": round(found["client_us"]),
        "rate": round(found["rate"]),
        "ratio": round(found["ratio"]["median"], 2),
        "cpu_ratio": round(found["cpu_ratio"]["median"], 2),
        "rss_mib": max(found["rss_mib"].values()),
    }


def table(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of performance.md."""
    columns = ("peer", "mail_bytes", "cpu_us", "rate", "ratio", "cpu_ratio", "rss_mib")
    rows = [["" if row[column] is None else str(row[column]) for column in columns] for row in found]
    titles = ["program", "bytes", "CPU µs", "mails/s", "ratio", "CPU ratio", "MiB"]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (titles, ["---"] * len(titles), *rows))


if __name__ == "__main__":
    main()
