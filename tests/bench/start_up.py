"""Measure what commands cost on an empty installation, and the memory of an idle service.

python -m tests.bench.start_up [--rounds 5] [--idle-seconds 30] [--json]

s            CPU seconds of a command, the least of all rounds
MiB          its peak memory, the least of all rounds
idle, own    MiB of `digestd up` after so many idle seconds, and those of them that no other process shares
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.running_service import run_service
from tests.bench.subprocesses import proc_field, run_commands, run_programs

COMMANDS = ("--help", "config show", "subscriber list", "source list", "delivery list", "paper list", "status")


def measure_commands(environment: Mapping[str, str], rounds: int) -> dict[str, tuple[float, float]]:
    """Return CPU seconds and MiB of each command."""
    found: dict[str, tuple[float, float]] = {}
    for command in COMMANDS:
        program = [sys.executable, "-m", "digestd", *command.split()]
        runs = [run_programs([program], environment) for _ in range(rounds)]
        found[command] = round(min(run.cpu for run in runs), 2), round(min(run.rss_mib for run in runs))
    return found


def measure_idle(environment: Mapping[str, str], folder: Path, seconds: float) -> dict[str, int]:
    """Return the MiB of a service that was idle for so long."""
    with run_service(environment, folder) as service:
        time.sleep(seconds)
        own = sum(proc_field(service.process, "smaps_rollup", f"Private_{kind}") for kind in ("Clean", "Dirty"))
        return {"idle": proc_field(service.process, "status", "VmRSS") >> 10, "own": own >> 10}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle-seconds", type=float, default=30)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="digestd-bench-") as name:
        folder = Path(name)
        environment = {
            "DIGESTD_DATABASE_URL": f"sqlite:///{folder / 'digestd.db'}",
            "DIGESTD_SECRET_KEY_FILE": str(folder / "secret.key"),
            "DIGESTD_TRANSPORT_URL": f"maildir:{folder / 'out'}",
            "DIGESTD_MAIL_FROM": "Invented Digest <digest@example.org>",
            "DIGESTD_POSTAL_ADDRESS": "1 Invented Street",
        }
        run_commands([["init"]], environment)
        commands = measure_commands(environment, given.rounds)
        idle = measure_idle({**environment, "DIGESTD_SOURCES": "none"}, folder, given.idle_seconds)
    if given.json:
        print(json.dumps({"commands": commands, **idle}))
        return
    print("| command | s | MiB |\n|---|---|---|")
    for command, (seconds, mib) in commands.items():
        print(f"| `digestd {command}` | {seconds} | {mib} |")
    print(*(f"{name}: {mib} MiB" for name, mib in idle.items()))


if __name__ == "__main__":
    main()
