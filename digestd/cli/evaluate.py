"""evaluate: how well the ranker does on judged cases."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import repeat
from pathlib import Path
from typing import Annotated

import typer

from digestd.cli.arguments import moment
from digestd.cli.evaluate_feedback import feedback_cases, promised_since, report_feedback
from digestd.cli.evaluate_plots import Drawing, open_drawing
from digestd.cli.evaluate_rivals import rival, write_scores
from digestd.cli.output import emit, progress, say
from digestd.encoders import SETTING, open_encoder
from digestd.errors import BadInput
from digestd.evaluate import (
    FOLDS,
    Case,
    Estimate,
    Judgment,
    Library,
    Outcome,
    Vectors,
    ablation,
    cases,
    difference,
    encode,
    learn,
    outcome,
    read_judgments,
    read_papers,
    summary,
)
from digestd.evaluate.calibrate import calibrate, reliability, shown
from digestd.evaluate.promises import error_of
from digestd.ranking import calibration, weights
from digestd.ranking.model import fit as fit_text


def evaluate(
    papers: Annotated[
        list[Path], typer.Option(help="The papers: JSON lines as `paper import` reads them; .gz will do.")
    ] = [],  # noqa: B006  # Typer copies it
    judgments: Annotated[list[Path], typer.Option(help="What was right for whom: JSON lines; .gz will do.")] = [],  # noqa: B006  # Typer copies it
    feedback: Annotated[
        bool, typer.Option("--feedback", help="Instead of files: what subscribers of this install said of their picks.")
    ] = False,
    since: Annotated[str, typer.Option(help="With --feedback: digests planned from then on, e.g. 2026-11-01.")] = "",
    archive: Annotated[Path | None, typer.Option(help="Fit the text model on these papers instead.")] = None,
    embedding_model: Annotated[
        str, typer.Option(envvar=SETTING, help="Rank with the ONNX sentence encoder in this folder as well.")
    ] = "",
    scores: Annotated[Path | None, typer.Option(help="Write every score here, one JSON object a line.")] = None,
    against: Annotated[
        str | None,
        typer.Option(help="Compare with a file of scores or of weights, or with one signal alone, by its name."),
    ] = None,
    ablate: Annotated[bool, typer.Option("--ablate", help="Print what each signal is worth.")] = False,
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw pictures into this folder, as PNG and SVG.")
    ] = None,
    fit: Annotated[Path | None, typer.Option(help="Learn the weights of the signals and write them here.")] = None,
    chances: Annotated[
        Path | None,
        typer.Option(
            "--calibrate", metavar="FILE", help="Learn the chances that scores stand for and write them here."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the order of papers that score alike.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the ranking: on judged cases, for which it needs no settings and no database, or on own feedback.

    A judgment: {"user", "topics", "likes", "dislikes", "authors", "categories", "candidates", "day",
    "relevant"}; `relevant` is a list of ids or {id: gain}. Without candidates all papers are, less the likes.
    With --against and --ablate the differences are paired by user, ours less theirs. --fit and --calibrate learn
    from several files at once: repeat --judgments, and --papers once or once for each.

    --feedback ranks each digest that was sent again, by what was known before it was planned, and tells how well
    what was liked stands among that day's candidates; nothing is changed, and nothing leaves the install.

    Example: digestd evaluate --papers papers.jsonl --judgments judgments.jsonl --against trend
    """
    given = _Given(tuple(_pairs(papers, judgments, feedback)), archive, embedding_model, _since(since, feedback))
    if fit is not None:
        _learn(fit, given.sets(), as_json)
        return
    if chances is not None:
        _calibrate(chances, given.sets(), as_json)
        return
    drawing = open_drawing(plots)
    if feedback and against is None and not ablate and scores is None:
        report_feedback(given.since, embedding_model, seed, as_json)
        if drawing:
            drawing.scores(given.one(), promised_since(given.since))
        return
    found = [replace(case, seed=seed) for case in given.one()]
    if scores:
        write_scores(scores, map(outcome, found))
    if ablate:
        _print_ablation(ablation(found), as_json)
    else:
        _compare(found, against, as_json, drawing)
    if drawing:
        drawing.scores(found, reliability(shown(case) for case in found if case.names))


def _compare(found: Sequence[Case], against: str | None, as_json: bool, drawing: Drawing | None) -> None:
    """Measure, or measure against another ranker."""
    ours = [outcome(case) for case in found]
    if against is None:
        measured = summary((done.user, done.measures) for done in ours)
        _print({**measured, "ece": error_of(found)}, ours, as_json)
        return
    theirs = rival(against, found)
    if not as_json:
        say(f"differences: ours less those of {against}")
    _print(difference(ours, theirs), ours, as_json)
    if drawing:
        drawing.rival(ours, theirs, against)


@dataclass(frozen=True, slots=True)
class _Given:
    """What is evaluated on: pairs of files, or without any the feedback of the install."""

    pairs: tuple[tuple[Path, Path], ...]
    archive: Path | None
    embedding_model: str
    since: datetime | None

    def sets(self) -> dict[str, list[Case]]:
        """The cases of each file of judgments, or of the feedback."""
        if not self.pairs:
            return {"feedback": feedback_cases(self.since, self.embedding_model)}
        return {str(judged): _cases(of, judged, self.archive, self.embedding_model) for of, judged in self.pairs}

    def one(self) -> list[Case]:
        """The cases of the one set. Raises BadInput where there are several."""
        if len(self.pairs) > 1:
            raise BadInput("several files of judgments are for --fit and --calibrate; evaluate them one at a time")
        return next(iter(self.sets().values()))


def _since(text: str, feedback: bool) -> datetime | None:
    if text and not feedback:
        raise BadInput("--since is for --feedback: judgments have days of their own")
    return moment(text) if text else None


def _pairs(papers: Sequence[Path], judgments: Sequence[Path], feedback: bool) -> list[tuple[Path, Path]]:
    if feedback == bool(papers or judgments):
        raise BadInput("evaluate on files, --papers and --judgments, or on the own --feedback")
    if feedback:
        return []
    if not (papers and judgments):
        raise BadInput("--papers and --judgments go together; name both")
    if len(papers) not in (1, len(judgments)):
        raise BadInput(f"{len(papers)} files of papers for {len(judgments)} of judgments; give one, or one for each")
    return list(zip(papers if len(papers) > 1 else repeat(papers[0]), judgments, strict=False))


def _cases(papers: Path, judgments: Path, archive: Path | None, embedding_model: str) -> list[Case]:
    """What each signal says of every candidate, in the order of the judgments."""
    library, judged = read_papers(papers), read_judgments(judgments)
    known = read_papers(archive) if archive else library
    _warn(library, judged)
    dense = _encoded(library, known, embedding_model)
    with progress("judgments", len(judged)) as advance:
        found = cases(library, judged, fit_text(paper.text for paper in known.values()), advance, dense)
        return sorted(found, key=lambda case: case.n)


def _encoded(library: Library, archive: Library, folder: str) -> Vectors:
    encoder = open_encoder(folder)
    with progress("papers encoded", len({*library, *archive})) as advance:
        return encode(library, archive, encoder, advance)


def _calibrate(path: Path, sets: Mapping[str, Sequence[Case]], as_json: bool) -> None:
    """Learn the chances, write them, and print their calibration error on users they were not learnt from."""
    found = calibrate(sets)
    _keep(path, calibration.dumps(found.calibration))
    emit([{"judgments": name, "before": found.before[name], "unseen": found.unseen[name]} for name in sets], as_json)


def _keep(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error


def _learn(path: Path, sets: Mapping[str, Sequence[Case]], as_json: bool) -> None:
    """Learn, write, and print what the new weights would have been worth to users they did not see."""
    with progress("fits", FOLDS + 1) as advance:
        found = learn(sets, advance=advance)
    _keep(path, weights.dumps(found.weights))
    rows = [{"judgments": name, "before": found.before[name], "unseen": found.unseen[name]} for name in sets]
    emit(rows, as_json)


def _print(found: Mapping[str, Estimate], outcomes: Iterable[Outcome], as_json: bool) -> None:
    users = len({done.user for done in outcomes})
    if as_json:
        emit({**{name: asdict(estimate) for name, estimate in found.items()}, "users": users}, as_json)
        return
    emit({"measure": name, **asdict(estimate), "users": users} for name, estimate in found.items())


def _print_ablation(found: Mapping[str, Mapping[str, Estimate]], as_json: bool) -> None:
    if as_json:
        emit({signal: {name: asdict(e) for name, e in worth.items()} for signal, worth in found.items()}, as_json)
        return
    emit(_lines(found))


def _lines(found: Mapping[str, Mapping[str, Estimate]]) -> Iterator[dict[str, object]]:
    for signal, worth in found.items():
        for name, estimate in worth.items():
            yield {"signal": signal, "measure": name, **asdict(estimate)}


def _warn(library: Library, judgments: list[Judgment]) -> None:
    """Say what in the files does not fit together: it lowers the result or the number of cases."""
    unknown = {name for judgment in judgments for name in judgment.relevant if name not in library}
    if unknown:
        say(f"{len(unknown)} relevant papers are not among the papers and count as missed, e.g. {min(unknown)}")
    strange = {name for judgment in judgments for name in judgment.seeds if name not in library}
    if strange:
        say(f"{len(strange)} liked or disliked papers are not among the papers and tell nothing, e.g. {min(strange)}")
    empty = sum(not judgment.relevant for judgment in judgments)
    if empty:
        say(f"{empty} judgments have nothing relevant and are left out")
