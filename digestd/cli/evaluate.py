"""evaluate: measure the ranking on judgments or feedback."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd import files
from digestd import settings as configuration
from digestd.cli.arguments import Json, between, parse_datetime, read_text_file
from digestd.cli.output import emit, progress
from digestd.cli.stdio import say
from digestd.errors import BadInput, NotFound
from digestd.evaluation.calibration_error import Predictions, calibration_error, case_calibration_error
from digestd.evaluation.compare import ablation, difference, results_from_scores, single_signal
from digestd.evaluation.dense import encode_library
from digestd.evaluation.feedback_metrics import (
    DigestVerdicts,
    accuracy,
    auc,
    bin_count,
    digest_verdicts,
    pick_predictions,
)
from digestd.evaluation.feedback_replay import RerankedDigest, replay
from digestd.evaluation.judgments import NO_LIKES, Judgment, Library, read_community, read_judgments, read_papers
from digestd.evaluation.metrics import Estimate, summary
from digestd.evaluation.scoring import Case, CaseResult, evaluate_case, judged_cases
from digestd.ranking import fusion
from digestd.ranking.encoders import SETTING, open_encoder
from digestd.ranking.model import fit as fit_text
from digestd.store.ledger.sent_digests import digests

NO_FEEDBACK = (
    "there is no feedback to evaluate: no subscriber liked a paper of a digest that was sent; record some with "
    "`digestd subscriber feedback EMAIL PAPER more`"
)


def evaluate(
    papers: Annotated[
        Path | None, typer.Option(help="A JSONL file of papers, as `paper import` reads it; may be .gz.")
    ] = None,
    judgments: Annotated[Path | None, typer.Option(help="A JSONL file of judgments; may be .gz.")] = None,
    feedback: Annotated[
        bool, typer.Option("--feedback", help="Instead of files, evaluate on the feedback of this installation.")
    ] = False,
    since: Annotated[
        str, typer.Option(help="With --feedback, only digests planned since this time, as in 2026-11-01.")
    ] = "",
    archive: Annotated[Path | None, typer.Option(help="Fit the text model on these papers instead.")] = None,
    community: Annotated[
        Path | None, typer.Option(help="A JSONL file of likes of other users, which rank too; may be .gz.")
    ] = None,
    embedding_model: Annotated[
        str,
        typer.Option(
            envvar=SETTING,
            help="Rank with the sentence encoder in this folder; empty for the built-in one, none to rank without.",
        ),
    ] = "",
    scores: Annotated[Path | None, typer.Option(help="Write every score to this JSONL file.")] = None,
    against: Annotated[
        str | None,
        typer.Option(help="Compare with a file of scores or weights, or with one signal by its name."),
    ] = None,
    ablate: Annotated[bool, typer.Option("--ablate", help="Print what each signal contributes.")] = False,
    seed: Annotated[
        int, typer.Option(callback=between(0, 2**32 - 1), help="The seed that orders papers with equal scores.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Measure the ranking on judgments or on feedback.

    Judgments need no settings and no database. A judgment is {"user", "topics", "likes", "dislikes", "authors",
    "categories", "candidates", "day", "relevant"}; `relevant` is a list of ids or {id: gain}. Without candidates, all
    papers except the likes are candidates. --against and --ablate print differences paired by user, ours minus theirs.

    --community adds what others liked: {"user", "likes", "at"}. A like counts for other users' judgments on later days;
    without `at`, or without `day`, always.

    --feedback ranks each sent digest again from what was known when it was planned, and measures how high the papers
    rank that subscribers liked. It changes nothing and sends nothing anywhere.

    Example: digestd evaluate --papers papers.jsonl --judgments judgments.jsonl --against trend
    """
    _check_inputs(papers, judgments, feedback)
    given = _Data(papers, judgments, archive, community, embedding_model, _since(since, feedback))
    if feedback and against is None and not ablate and scores is None:
        _report_feedback(given.since, embedding_model, seed, as_json)
        return
    found = [replace(case, seed=seed) for case in given.cases()]
    if scores:
        _write_scores(scores, map(evaluate_case, found))
    if ablate:
        _print_ablation(ablation(found), as_json)
    else:
        _compare(found, against, as_json)


def _compare(found: Sequence[Case], against: str | None, as_json: bool) -> None:
    """Print the measures, or the differences from another ranking."""
    ours = [evaluate_case(case) for case in found]
    if against is None:
        measured = summary((done.user, done.measures) for done in ours)
        _print({**measured, "ece": case_calibration_error(found)}, ours, as_json)
        return
    theirs = _other_results(against, found)
    if not as_json:
        say(f"differences: ours minus {against}")
    _print(difference(ours, theirs), ours, as_json)


@dataclass(frozen=True, slots=True)
class _Data:
    """The data to evaluate on: files, or the feedback of this installation if there are none."""

    papers: Path | None
    judgments: Path | None
    archive: Path | None
    community: Path | None
    embedding_model: str
    since: datetime | None

    def cases(self) -> list[Case]:
        """Return the signals of every candidate, in the order of the judgments."""
        if self.papers is None or self.judgments is None:
            return _feedback_cases(self.since, self.embedding_model)
        return read_cases(self.papers, self.judgments, self.archive, self.community, self.embedding_model)


def read_cases(
    papers: Path, judgments: Path, archive: Path | None, community: Path | None, embedding_model: str
) -> list[Case]:
    """Return the signals of every candidate of each judgment, in the order of the judgments."""
    library, judged = read_papers(papers), read_judgments(judgments)
    known = read_papers(archive) if archive else library
    others = read_community(community, library) if community else NO_LIKES
    _warn(library, judged)
    encoder = open_encoder(embedding_model)
    with progress("papers encoded", len({*library, *known})) as advance:
        dense = encode_library(library, known, encoder, advance)
    model = fit_text(paper.text for paper in known.values())
    with progress("judgments", len(judged)) as advance:
        found = judged_cases(library, judged, model, advance, dense, others)
        return sorted(found, key=lambda case: case.n)


def _since(text: str, feedback: bool) -> datetime | None:
    if text and not feedback:
        raise BadInput("--since requires --feedback")
    return parse_datetime(text, "--since") if text else None


def _check_inputs(papers: Path | None, judgments: Path | None, feedback: bool) -> None:
    if feedback == bool(papers or judgments):
        raise BadInput("give either --papers and --judgments, or --feedback")
    if (papers is None) != (judgments is None):
        raise BadInput("--papers needs --judgments and vice versa; give both")


def _print(found: Mapping[str, Estimate], outcomes: Iterable[CaseResult], as_json: bool) -> None:
    users = len({done.user for done in outcomes})
    if as_json:
        emit({**{name: asdict(estimate) for name, estimate in found.items()}, "users": users}, as_json)
        return
    emit({"measure": name, **asdict(estimate), "users": users} for name, estimate in found.items())


def _print_ablation(found: Mapping[str, Mapping[str, Estimate]], as_json: bool) -> None:
    if as_json:
        emit({signal: {name: asdict(e) for name, e in worth.items()} for signal, worth in found.items()}, as_json)
        return
    emit(
        {"signal": signal, "measure": name, **asdict(estimate)}
        for signal, worth in found.items()
        for name, estimate in worth.items()
    )


def _warn(library: Library, judgments: list[Judgment]) -> None:
    """Warn about files that do not fit together.

    They lower the result or the number of cases.
    """
    unknown = {name for judgment in judgments for name in judgment.relevant if name not in library}
    if unknown:
        say(f"warning: {len(unknown)} relevant papers are not in --papers and count as missed, e.g. {min(unknown)}")
    strange = {name for judgment in judgments for name in judgment.seeds if name not in library}
    if strange:
        say(
            f"warning: {len(strange)} liked or disliked papers are not in --papers and are ignored, e.g. {min(strange)}"
        )
    empty = sum(not judgment.relevant for judgment in judgments)
    if empty:
        say(f"warning: {empty} judgments without relevant papers are ignored")


def _feedback_cases(since: datetime | None, embedding_model: str) -> list[Case]:
    """Rank digests again of which a paper was liked.

    Raises NotFound if there are none.
    """
    found = [done.case for done in _replayed(since, embedding_model) if done.case.relevant]
    if not found:
        raise NotFound(NO_FEEDBACK)
    return found


def _report_feedback(since: datetime | None, embedding_model: str, seed: int, as_json: bool) -> None:
    """Print the measures of the ranking on the feedback of this installation."""
    measured: list[tuple[str, Mapping[str, float]]] = []
    digests: list[DigestVerdicts] = []
    for done in _replayed(since, embedding_model):
        digests.append(digest_verdicts(done))
        if done.case.relevant:
            measured.append((done.case.user, evaluate_case(replace(done.case, seed=seed)).measures))
    if not digests:
        raise NotFound(NO_FEEDBACK)
    users = len({user for user, _ in measured})
    rows = {name: {**asdict(estimate), "users": users} for name, estimate in summary(measured).items()}
    for name, measure in (("auc", auc), ("accuracy", accuracy)):
        estimate, count = measure(digests)
        rows[name] = {**asdict(estimate), "users": count}
    given = [one for one in _pick_predictions(since) if len(one[1])]
    if given:
        users = len({user for user, _, _ in given})
        rows["ece"] = {**asdict(calibration_error(given, bin_count(given))), "users": users}
    counts = {"digests": len(digests), "verdicts": sum(len(one.scored) for one in digests)}
    if as_json:
        emit({**rows, **counts}, as_json=True)
        return
    emit({"measure": name, **row} for name, row in rows.items())
    emit(counts)


def _replayed(since: datetime | None, embedding_model: str) -> Iterator[RerankedDigest]:
    settings = configuration.load()
    encoder = open_encoder(embedding_model or settings.embedding_model)
    db = wiring.database(settings)
    with progress("digests", None) as advance:
        yield from replay(db, since, encoder, advance, settings.co_likes)


def _pick_predictions(since: datetime | None) -> list[Predictions]:
    with wiring.database(configuration.load()).read() as session:
        return pick_predictions(digests(session, since))


def _other_results(given: str, found: Sequence[Case]) -> list[CaseResult]:
    """Rank the cases by a signal, or by a file of weights or scores."""
    path = Path(given)
    if not path.is_file():
        return [evaluate_case(case, single_signal(given)) for case in found]
    text = read_text_file(path)
    if '"signals"' in text[:1000]:
        return [evaluate_case(case, _read_weights(path, text)) for case in found]
    return results_from_scores(found, _read_scores(path, text))


def _write_scores(path: Path, outcomes: Iterable[CaseResult]) -> None:
    """Write every score as JSONL, as `--against` reads it."""
    try:
        with path.open("w", encoding="utf-8") as out:
            for done in outcomes:
                for name, value in done.scores.items():
                    row = {"user": done.user, "n": done.n, "id": name, "score": value}
                    out.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise BadInput(f"--scores: cannot write {files.explain(error, path)}") from error


def _read_weights(path: Path, text: str) -> fusion.Weights:
    try:
        return fusion.parse_weights(text)
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from error


def _read_scores(path: Path, text: str) -> dict[int, dict[str, float]]:
    table: dict[int, dict[str, float]] = defaultdict(dict)
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            row = json.loads(line)
            table[int(row["n"])][str(row["id"])] = float(row["score"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f'{path}, line {number}: must be {{"user", "n", "id", "score"}}') from error
    return table
