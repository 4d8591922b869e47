"""Audit the locked packages with pip-audit.

    python -m tests.audit                  # deploy/requirements-dev.txt
    python -m tests.audit --osv-url URL    # against another database with the interface of OSV

The package index is queried first, and OSV if the index has no such database. If neither can be reached, one line
says that the audit is skipped and why, and the exit status is 0: a machine without a network can run the tests.
A finding is printed with the version that fixes it, and the exit status is 1. pyproject.toml may name findings to
ignore, each with its reason, under [tool.digestd.audit.ignored].
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "deploy" / "requirements-dev.txt"
"""It pins everything that the service's lock pins; a test compares them."""
SOCKET_SECONDS = 10
SECONDS = 120.0
"""Timeout for one database; later it counts as unreachable."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The findings of one database by id. `failure`: why it could not be queried."""

    findings: Sequence[tuple[str, str]] = ()
    audited: int = 0
    unknown: Sequence[str] = ()
    failure: str = ""


def main(arguments: Sequence[str]) -> int:
    """Audit the lock, print the result, and return the exit status."""
    ignored = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["digestd"]["audit"][
        "ignored"
    ]
    if unexplained := [name for name, reason in ignored.items() if not str(reason).strip()]:
        print(f"audit: {', '.join(unexplained)} is ignored without a reason; write it into pyproject.toml")
        return 1
    services = [("osv", *arguments)] if arguments else [("pypi",), ("osv",)]
    lock = LOCK.read_text(encoding="utf-8")
    failures = []
    for service in services:
        found = audit(lock, service)
        if found.audited:
            return report(found, ignored)
        failures.append(f"{service[0]}: {found.failure or 'knows none of the packages'}")
    print(f"audit: SKIPPED, no database of known vulnerabilities can be reached ({'; '.join(failures)})")
    return 0


def audit(lock: str, service: Sequence[str], seconds: float = SECONDS) -> Audit:
    """Query one database about each package of a lock, for all platforms and Pythons."""
    findings: list[tuple[str, str]] = []
    unknown: list[str] = []
    audited = 0
    for pins in unconditional(lock):
        found = ask(pins, service, seconds)
        if found.failure:
            return found
        findings += found.findings
        unknown += found.unknown
        audited += found.audited
    return Audit(findings, audited, unknown)


def ask(pins: str, service: Sequence[str], seconds: float) -> Audit:
    """Run pip-audit on pins without markers and without duplicates."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pins.txt")
        file.write_text(pins, encoding="utf-8")
        command = [
            *(sys.executable, "-m", "pip_audit", "--vulnerability-service", *service, "--requirement", str(file)),
            *("--require-hashes", "--disable-pip", "--timeout", str(SOCKET_SECONDS), "--format", "json"),
            *("--progress-spinner", "off", "--cache-dir", str(Path(sys.prefix, "audit"))),
        ]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return Audit(failure=f"no answer within {seconds:.0f} seconds")
    return read(ran.stdout, ran.stderr)


def unconditional(lock: str) -> list[str]:
    """Return the pins of a lock without markers, as files that name no package twice."""
    files: list[dict[str, str]] = []
    for text in re.split(r"\n(?=[a-z0-9])", lock.strip()):
        name = text.partition("==")[0]
        free = next((pins for pins in files if name not in pins), None)
        if free is None:
            files.append(free := {})
        free[name] = re.sub(r" ; .*?(?= \\\n)", "", text, count=1)
    return ["\n".join(pins.values()) + "\n" for pins in files]


def read(stdout: str, stderr: str) -> Audit:
    """Parse pip-audit's answer: JSON, or the last line of its error."""
    try:
        packages: list[dict[str, Any]] = json.loads(stdout)["dependencies"]
    except (ValueError, KeyError):
        lines = stderr.strip().splitlines() or ["pip-audit printed nothing"]
        return Audit(failure=lines[-1][:120])
    findings = [
        (found["id"], f"{package['name']} {package['version']}: {_named(found)}, {_remedy(found['fix_versions'])}")
        for package in packages
        for found in package.get("vulns", [])
    ]
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    return Audit(findings, len(packages) - len(unknown), unknown)


def report(found: Audit, ignored: Mapping[str, str]) -> int:
    """Print the findings and return the exit status."""
    known = {name for name, _ in found.findings}
    for name, reason in ignored.items():
        print(f"audit: {name} is ignored: {reason}" if name in known else f"audit: {name} is gone; stop ignoring it")
    if found.unknown:
        print(f"audit: not known to the database: {', '.join(found.unknown)}")
    remaining = [text for name, text in found.findings if name not in ignored]
    for text in remaining:
        print(f"audit: {text}")
    print(f"audit: {found.audited} packages, {len(remaining)} known vulnerabilities")
    return 1 if remaining else 0


def _named(found: Mapping[str, Any]) -> str:
    """Return the ids of a vulnerability."""
    return " ".join([found["id"], *found["aliases"]])


def _remedy(fixed: Sequence[str]) -> str:
    return f"fixed in {', '.join(fixed)}; lock again" if fixed else "no version fixes it yet"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
