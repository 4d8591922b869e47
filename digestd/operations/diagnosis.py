"""Findings: what is in order, what is not, and the remedy. Used by `doctor`, `status` and the operators' page."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The severity of a finding, from worst to best."""

    ERROR = "error"  # mail is not sent, not delivered, or subscribers cannot unsubscribe
    WARNING = "warning"  # works, but worse than it could
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of one check.

    Attributes:
        area: what was checked, as in `dns` or `relay`.
        remedy: what the operator should do; empty if the level is OK.
    """

    area: str
    level: Level
    message: str
    remedy: str = ""


def ok(area: str, message: str) -> Diagnosis:
    return Diagnosis(area, Level.OK, message)


def warning(area: str, message: str, remedy: str) -> Diagnosis:
    return Diagnosis(area, Level.WARNING, message, remedy)


def error(area: str, message: str, remedy: str) -> Diagnosis:
    return Diagnosis(area, Level.ERROR, message, remedy)


def worst_first(findings: Iterable[Diagnosis]) -> list[Diagnosis]:
    """Return the findings by level, worst first; otherwise in the given order."""
    order = list(Level)
    return sorted(findings, key=lambda finding: order.index(finding.level))
