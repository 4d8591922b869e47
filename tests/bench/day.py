"""Measure the hour at which everybody is due: when the first mail of a running `digestd up` leaves, and the last.

    python -m tests.bench.day [--subscribers 20000] [--papers 500] [--json]

The service starts shortly before the hour, with compiled profiles and the day's papers, as on any other day. To prepare
that takes longer than the hour's mails.

    mails         accepted by the relay, smtp-sink
    first, last   seconds after the hour at which it accepted the first mail, and the last
    cpu           seconds of CPU time until then, the relay's included; they hardly depend on other load
    mib           peak memory of the main process, and of the largest of those that plan and send
"""

import argparse
import os
import time
from datetime import timedelta
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

from digestd.app import clock as clock_from
from digestd.cli.output import emit
from digestd.cli.stdio import say
from digestd.jobs.scheduler import PLAN_SECONDS
from tests.bench.delivery import NOW, DeliveryLoad, prepare_install, run_relay
from tests.bench.running_service import RunningService, run_service
from tests.bench.smtp_sink import Sink
from tests.bench.subprocesses import proc_field, process_tree

clock = clock_from("")
BEFORE_SECONDS = 100.0
"""The service starts so long before the hour, by when it has nothing else to do but to plan ahead."""
AHEAD_SECONDS = 4.0
"""Its clock begins once it is loaded, and is set ahead by longer than that takes. The beat is the machine's anyway."""
AFTER = NOW + timedelta(seconds=1)
"""When they have subscribed: too late for that day."""
LOOK_SECONDS = 0.1
QUIET_SECONDS = 120.0
"""Time without a mail after which the last one has left, or none will."""


def measure_day(load: DeliveryLoad) -> dict[str, object]:
    """Run a service over the hour, and return the figures by name."""
    with TemporaryDirectory(prefix="digestd-bench-") as name, run_relay(load, Path(name)) as relay:
        folder = Path(name)
        say("generating papers and subscribers, compiling profiles")
        app, environment, _ = prepare_install(load, relay, folder, AFTER)
        app.db.close()
        say("waiting for the hour")
        started = clock().timestamp()
        hour = ceil((started + BEFORE_SECONDS) / PLAN_SECONDS) * PLAN_SECONDS
        its_time = NOW + timedelta(days=1, seconds=started - hour + AHEAD_SECONDS)
        with run_service(environment | {"DIGESTD_NOW": its_time.isoformat()}, folder) as service:
            return _watch(service, relay, hour)


def _watch(service: RunningService, relay: Sink, hour: float) -> dict[str, object]:
    """Watch a service from the hour until it sends no more."""
    time.sleep(max(0.0, hour - AHEAD_SECONDS - clock().timestamp()))
    before, used, peaks = relay.count, service.cpu() + relay.cpu, {service.process: 0.0}
    count, first, last, cpu_first, cpu_last = before, 0.0, hour, used, used
    while clock().timestamp() < last + QUIET_SECONDS:
        time.sleep(LOOK_SECONDS)
        for process in process_tree(service.process):
            peaks[process] = max(peaks.get(process, 0), proc_field(process, "status", "VmHWM") / 1024)
        if (now_sent := relay.count) > count:
            count, last, cpu_last = now_sent, clock().timestamp(), service.cpu() + relay.cpu
            if not first:
                first, cpu_first = last, cpu_last
    main = peaks.pop(service.process)
    return {
        "mails": count - before,
        "first": round(first - hour, 1) if first else None,
        "last": round(last - hour, 1) if first else None,
        "cpu": {"first": round(cpu_first - used, 1), "last": round(cpu_last - used, 1)},
        "cores": os.cpu_count(),
        "mib": {"main": round(main), "largest": round(max(peaks.values(), default=0.0))},
    }


def main() -> None:
    """Measure with the given load, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=20_000)
    parser.add_argument("--papers", type=int, default=500, help="papers of the day")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    emit(measure_day(DeliveryLoad(given.subscribers, given.papers)), given.json)


if __name__ == "__main__":
    main()
