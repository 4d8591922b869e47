"""Print precision and recall of both sets: `python -m tests.papers.pairs`."""

import sys

import pytest

from tests.papers.pairs import found, invented
from tests.papers.pairs.report import measure

made = invented.pairs()
reports = [
    measure("invented, tuned on", [pair for pair in made if not pair.held_out]),
    measure("invented, held out", [pair for pair in made if pair.held_out]),
    measure("invented", made),
]
try:
    reports.append(measure("found", found.pairs()))
except pytest.skip.Exception as absent:
    print(f"found: skipped, {absent}")
for report in reports:
    print(report.line())
for wrong in (*reports[-1].false, *reports[-1].missed, *reports[2].false, *reports[2].missed):
    if "--all" in sys.argv:
        print(wrong)
