"""Print commands' CPU time to start: `python -m tests.bench.startup [RUNS]`.

Goals on two cores: help and completion 0.25 s, ordinary commands 0.5 s. The best of several runs counts, with
bytecode and warm caches; `python` is the interpreter alone.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

COMMANDS = (
    ("--help",),
    ("subscriber", "--help"),
    ("config", "show"),
    ("subscriber", "list"),
    ("delivery", "list"),
    ("source", "list"),
    ("paper", "list"),
)
COMPLETION = {"_DIGESTD_COMPLETE": "complete_bash", "COMP_WORDS": "digestd sub", "COMP_CWORD": "1"}


def main(runs: int) -> None:
    """Measure each command on a new, empty installation."""
    digestd = [sys.executable, "-m", "digestd"]
    with TemporaryDirectory() as folder:
        subprocess.run([*digestd, "init"], cwd=folder, env=_environment(), capture_output=True, check=True)
        _report("python", [sys.executable, "-c", "pass"], {}, folder, runs)
        _report("completion", digestd, COMPLETION, folder, runs)
        for words in COMMANDS:
            _report(" ".join(words), [*digestd, *words], {}, folder, runs)


def _report(name: str, command: list[str], extra: dict[str, str], folder: str, runs: int) -> None:
    seconds = min(_cpu_seconds(command, _environment() | extra, folder) for _ in range(runs))
    print(f"{name:20} {seconds:.2f} s")


def _cpu_seconds(command: list[str], environment: dict[str, str], folder: str) -> float:
    """Return user and system time of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _environment() -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DIGESTD_")}
    return clean | {"PYTHONPATH": str(Path(__file__).parents[2])}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
