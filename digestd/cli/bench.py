"""bench: measure speed and memory on this machine, without settings and `init`."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from digestd.cli.arguments import Json
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.errors import BadInput
from digestd.evaluation.bench import delivery
from digestd.evaluation.bench.ranking import RankingLoad, measure_ranking
from digestd.evaluation.bench.service import ServiceLoad, measure_service
from digestd.evaluation.bench.smtp_sink import SinkAnswers

NOW = datetime(2026, 11, 24, 7, tzinfo=UTC)
"""The date of the generated day; results do not depend on it."""


class BenchRelay(StrEnum):
    """The relay that the mails are sent to."""

    SINK = "sink"
    POSTFIX = "postfix"


class DkimKey(StrEnum):
    """The kind of key that signs the mails."""

    NONE = "none"
    ED25519 = "ed25519"
    RSA = "rsa"


def bench_rank(
    subscribers: Annotated[int, typer.Option(min=1, max=10_000_000, help="The number of subscribers.")] = 10_000,
    papers: Annotated[int, typer.Option(min=1, max=1_000_000, help="The number of papers of the day.")] = 1_000,
    archive: Annotated[
        int,
        typer.Option(
            min=0, max=1_000_000, help="The number of earlier papers, which fit the text model and are liked."
        ),
    ] = 5_000,
    processes: Annotated[int, typer.Option(min=1, max=1_000, help="The number of processes.")] = 2,
    as_json: Json = False,
) -> None:
    """Measure how fast a day is ranked.

    Computes all signals, the top 40 and reasons for the top 15 for each subscriber. `ratio` is the CPU time of a
    sparse matrix product of the same shapes divided by that of ranking.

    Example: digestd bench rank --subscribers 20000 --papers 1000 --json
    """
    emit(measure_ranking(RankingLoad(subscribers, papers, archive, processes=processes), NOW, say), as_json)


def bench_delivery(
    subscribers: Annotated[int, typer.Option(min=1, max=10_000_000, help="The number of subscribers.")] = 4_000,
    papers: Annotated[int, typer.Option(min=1, max=1_000_000, help="The number of papers of the day.")] = 500,
    picks: Annotated[int, typer.Option(min=1, max=50, help="The maximum number of papers per digest.")] = 15,
    dkim: Annotated[DkimKey, typer.Option(help="The key that signs each mail.")] = DkimKey.NONE,
    processes: Annotated[int, typer.Option("--procs", min=1, max=1_000, help="The number of workers.")] = 2,
    pairs: Annotated[int, typer.Option(min=1, max=1_000, help="How often to run smtp-source and digestd in turn.")] = 3,
    database: Annotated[
        str, typer.Option(help="The URL of an empty database. Default: SQLite in a temporary folder.")
    ] = "",
    relay: Annotated[
        BenchRelay, typer.Option(help="A sink that discards all mails, or a private Postfix, which needs root.")
    ] = BenchRelay.SINK,
    relay_latency: Annotated[
        float | None, typer.Option(min=0, max=60_000, help="Milliseconds between a command and the sink's answer.")
    ] = None,
    relay_connections: Annotated[
        int, typer.Option(min=1, max=1_000, help="With --relay-latency: connections that the sink accepts.")
    ] = 50,
    pipelining: Annotated[bool, typer.Option(help="With --relay-latency: whether the sink offers PIPELINING.")] = True,
    as_json: Json = False,
) -> None:
    """Measure how fast digests are planned and mailed to a local relay.

    Compares with smtp-source of Postfix and checks that every mail arrived. `ratio` is mails per second, planning
    included, divided by those of smtp-source, `send_ratio` without planning; `cpu_ratio` is the same for CPU time.
    `speedup` compares all processes with one. `of_allowed` is mails per second divided by what a relay with this
    latency and number of connections allows; give it some thousand subscribers and --pairs 1, as connections are opened
    by and by.

    Example: digestd bench delivery --subscribers 20000 --dkim ed25519 --json
    """
    if subscribers < pairs * (processes + 1):
        raise BadInput("--subscribers: must be at least --pairs times the processes and one more")
    if relay is BenchRelay.POSTFIX and relay_latency is not None:
        raise BadInput("--relay-latency: only the sink can answer late; leave out --relay postfix")
    answers = None if relay_latency is None else SinkAnswers(relay_latency / 1_000, relay_connections, pipelining)
    load = delivery.DeliveryLoad(subscribers, papers, picks, dkim, processes, pairs, database, relay, answers)
    emit(delivery.measure_delivery(load, NOW, say), as_json)


def bench_service(
    subscribers: Annotated[int, typer.Option(min=10, max=10_000_000, help="The number of subscribers.")] = 4_000,
    papers: Annotated[int, typer.Option(min=1, max=1_000_000, help="The number of papers of the day.")] = 500,
    processes: Annotated[int, typer.Option("--procs", min=0, max=256, help="DIGESTD_PROCESSES of the service.")] = 0,
    rate: Annotated[int, typer.Option(min=1, max=100_000, help="The number of pages requested per second.")] = 200,
    database: Annotated[
        str, typer.Option(help="The URL of an empty database. Default: SQLite in a temporary folder.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Measure the complete service with a local sink.

    Runs `digestd up` over the hour at which everybody is due: seconds from the hour to the first and the last mail,
    cores used, and memory. Then measures memory and wake-ups when idle, and how fast pages are answered.

    Example: digestd bench service --subscribers 20000 --json
    """
    emit(measure_service(ServiceLoad(subscribers, papers, processes, rate, database=database), NOW, say), as_json)
