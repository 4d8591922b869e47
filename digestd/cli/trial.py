"""trial: compare two rankings on live subscribers by team-draft interleaving.

Source: Radlinski et al. 2008.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from digestd import app as wiring
from digestd.app import App
from digestd.cli.arguments import Json, read_text_file
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.domain.trial import Trial
from digestd.errors import BadInput, NotFound
from digestd.evaluation.compare import signal_subset
from digestd.evaluation.trial import PreferenceCount, TrialResult, preference, trial_result
from digestd.ranking import fusion
from digestd.store import ranking_models, subscribers

NAME_MAX = 60


def start_trial(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the trial.")],
    weights_file: Annotated[
        Path | None,
        typer.Option("--weights", help="A file of weights to try, with fade and signals."),
    ] = None,
    signals: Annotated[
        str, typer.Option(help="Or try these signals only, with their current weights, as in topic,likes,trend.")
    ] = "",
    share: Annotated[float, typer.Option(help="The share of subscribers who take part, above 0 and at most 1.")] = 1.0,
) -> None:
    """Start a trial of other ranking weights.

    Each digest is drafted in turns from two rankings: by the current weights, and by those on trial. Both choose from
    papers above the subscriber's minimum score. Feedback on a pick counts for the ranking that chose it. Only one
    trial runs at a time.

    Example: digestd trial start words --signals topic,phrase,likes --share 0.5
    """
    if not 0 < share <= 1:
        raise BadInput(f"--share: {share} is out of range; give a number above 0 and at most 1")
    if not name.strip() or len(name) > NAME_MAX:
        raise BadInput(f"NAME: must have 1 to {NAME_MAX} characters")
    tried = _weights(weights_file, signals)
    built = wiring.connect()
    new = Trial(0, name.strip(), fusion.dump_weights(tried), share, built.clock())
    with built.db.write() as session:
        _refuse(ranking_models.every_trial(session), new)
        ranking_models.start_trial(session, new)
    say(f"{new.name} runs from the next planning on; `digestd trial show` shows its results")


def stop_trial() -> None:
    """Stop the running trial. Its results stay.

    Example: digestd trial stop
    """
    built = wiring.connect()
    with built.db.write() as session:
        known = _running(ranking_models.every_trial(session))
        ranking_models.stop_trial(session, known, built.clock())
    say(f"{known.name} is stopped; all digests use the current weights again")


def show_trial(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The trial. Default: the newest.")] = "",
    as_json: Json = False,
) -> None:
    """Show the results of a trial.

    Counts wins, losses and ties of the weights on trial. `preference` is the share of decided digests that they win,
    with a 95 % credible interval; `better` is the probability that it is above one half. Each subscriber counts once.

    Example: digestd trial show --json
    """
    built = wiring.connect()
    with built.db.read() as session:
        known = _named(ranking_models.every_trial(session), name)
    found = trial_result(built.db, known)
    if as_json:
        emit(_complete(built, known, found), as_json=True)
        return
    emit([{"over": over, **_preferred(score)} for over, score in _scores(found)])
    if found.each:
        typer.echo()
        emit(_each(built, found))
    typer.echo(f"\n{known.name}, {_state(known)}: {found.verdict}")


def list_trials(as_json: Json = False) -> None:
    """List all trials, newest first.

    Example: digestd trial list --json
    """
    built = wiring.connect()
    with built.db.read() as session:
        every = ranking_models.every_trial(session)
    emit([_about(known) for known in every], as_json)


def _weights(file: Path | None, signals: str) -> fusion.Weights:
    if (file is None) == (not signals):
        raise BadInput("give either --weights FILE or --signals A,B,C")
    if file is None:
        return signal_subset([name.strip() for name in signals.split(",")])
    text = read_text_file(file)
    try:
        given = fusion.parse_weights(text)
    except ValueError as error:
        raise BadInput(f"--weights: {file}: {error}") from error
    signal_subset(list(given.signals))
    return given


def _refuse(every: Iterable[Trial], new: Trial) -> None:
    for known in every:
        if known.stopped is None:
            raise BadInput(f"the trial {known.name} is running; stop it with `digestd trial stop` first")
        if known.name == new.name:
            raise BadInput(f"there is a trial named {new.name}; choose another name")


def _running(every: Iterable[Trial]) -> Trial:
    for known in every:
        if known.stopped is None:
            return known
    raise NotFound("no trial is running; `digestd trial start NAME` starts one")


def _named(every: Iterable[Trial], name: str) -> Trial:
    known = list(every)
    for one in known:
        if name in ("", one.name):
            return one
    there = f"there are {', '.join(one.name for one in known)}" if known else "`digestd trial start NAME` starts one"
    raise NotFound(f"there is no trial {name}; {there}" if name else f"there are no trials; {there}")


def _scores(found: TrialResult) -> Iterator[tuple[str, PreferenceCount]]:
    yield "digests", found.digests
    yield "subscribers", found.subscribers


def _preferred(score: PreferenceCount) -> dict[str, object]:
    found = preference(score)
    return {**asdict(score), "preference": found.value, **{k: v for k, v in asdict(found).items() if k != "value"}}


def _about(known: Trial) -> dict[str, object]:
    return {"trial": known.name, "share": known.share, "started": known.started, "stopped": known.stopped}


def _state(known: Trial) -> str:
    since = f"{known.started:%Y-%m-%d %H:%M} UTC"
    return f"running since {since}" if known.stopped is None else f"{since} to {known.stopped:%Y-%m-%d %H:%M} UTC"


def _complete(built: App, known: Trial, found: TrialResult) -> dict[str, object]:
    parts = {over: _preferred(score) for over, score in _scores(found)}
    return {**_about(known), "verdict": found.verdict, **parts, "each": list(_each(built, found))}


def _each(built: App, found: TrialResult) -> Iterator[dict[str, object]]:
    with built.db.read() as session:
        for key, score in sorted(found.each.items()):
            yield {"subscriber": _address(session, key), **asdict(score)}


def _address(session: Session, key: int) -> str:
    known = subscribers.by_key(session, key)
    return (known.address if known else None) or f"number {key}, erased"
