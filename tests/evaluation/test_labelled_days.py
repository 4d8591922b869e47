"""Check the labels of whole arXiv days: what 124 invented readers want, read before any pick was seen.

`days/readers.jsonl` is for `subscriber import`. Each `days/DAY.json` is {reader: {arXiv number: 2 wanted | 1 partly}};
what is not listed is not wanted. Readers r01 to r40 are messy, s01 to s60 ask for one or two short topics, and t01 to
t24, on two days, for one that joins two subjects. One day was labelled twice, independently, without the latter.
"""

import json
from pathlib import Path

DAYS = Path(__file__).parent / "days"
AGREEMENT_MIN = 0.85


def test_labels_are_of_known_readers_and_grades() -> None:
    readers = {json.loads(line)["email"].partition("@")[0] for line in (DAYS / "readers.jsonl").open(encoding="utf-8")}
    labelled = [_labels(day.name) for day in DAYS.glob("*.json")]
    assert set().union(*labelled) == readers
    assert {grade for day in labelled for papers in day.values() for grade in papers.values()} == {1, 2}


def test_two_readings_agree_on_what_is_wanted() -> None:
    first, second = (
        {(who, paper) for who, paper in _clear(name) if not who.startswith("t")}
        for name in ("2025-06-12.json", "2025-06-12-again.json")
    )
    agreement = 2 * len(first & second) / (len(first) + len(second))
    assert agreement >= AGREEMENT_MIN


def _labels(name: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = json.loads((DAYS / name).read_text(encoding="utf-8"))
    return found


def _clear(name: str) -> list[tuple[str, str]]:
    return [(who, paper) for who, papers in _labels(name).items() for paper, grade in papers.items() if grade == 2]
