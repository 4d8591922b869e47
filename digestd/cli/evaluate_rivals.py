"""The other ranker that `evaluate --against` compares with: a signal by its name, or a file of weights or scores."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from digestd.cli.texts import read_text
from digestd.errors import BadInput
from digestd.evaluate import Case, Outcome, alone, by_scores, outcome
from digestd.ranking import weights


def rival(given: str, found: Sequence[Case]) -> list[Outcome]:
    """The cases as the other ranker has them."""
    path = Path(given)
    if not path.is_file():
        return [outcome(case, alone(given)) for case in found]
    text = read_text(path)
    if '"signals"' in text[:1000]:
        return [outcome(case, _weights(path, text)) for case in found]
    return by_scores(found, _scores(path, text))


def write_scores(path: Path, outcomes: Iterable[Outcome]) -> None:
    """Every score, one JSON object a line, as `rival` reads it."""
    try:
        with path.open("w", encoding="utf-8") as out:
            for done in outcomes:
                for name, value in done.scores.items():
                    row = {"user": done.user, "n": done.n, "id": name, "score": value}
                    out.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error


def _weights(path: Path, text: str) -> weights.Weights:
    try:
        return weights.parse(text)
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from error


def _scores(path: Path, text: str) -> dict[int, dict[str, float]]:
    table: dict[int, dict[str, float]] = defaultdict(dict)
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            row = json.loads(line)
            table[int(row["n"])][str(row["id"])] = float(row["score"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f'{path}, line {number}: must be {{"user", "n", "id", "score"}}') from error
    return table
