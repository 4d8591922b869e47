"""trial: other weights against those in force, drafted together into the digests of live subscribers."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from digestd import app as wiring
from digestd.app import App
from digestd.cli.output import emit, say
from digestd.cli.texts import read_text
from digestd.domain.trial import Trial
from digestd.errors import BadInput, NotFound
from digestd.evaluate.compare import only
from digestd.evaluate.trial import Score, Standing, preference, standing
from digestd.ranking import weights
from digestd.store import subscribers, trials

NAME_MAX = 60
app = typer.Typer(name="trial", help="Two rankers, tried on live subscribers.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def trial() -> None:
    """Two rankers, tried on live subscribers by team-draft interleaving."""


@app.command()
def start(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    weights_file: Annotated[
        Path | None, typer.Option("--weights", help="The weights to try, as `evaluate --fit` writes them.")
    ] = None,
    signals: Annotated[
        str, typer.Option(help="Or the weights in force of these signals alone, e.g. topic,likes,trend.")
    ] = "",
    share: Annotated[float, typer.Option(help="Of the subscribers that take part, above 0, at most 1.")] = 1.0,
) -> None:
    """Draft each digest from two rankings from now on: by the weights in force, and by those to try.

    Both choose among the papers that reach a subscriber's bar. Each pick remembers which of them took it; what
    subscribers say of the picks is the credit of the one or the other. One trial runs at a time.

    Example: digestd trial start fitted --weights fitted.json --share 0.5
    """
    if not 0 < share <= 1:
        raise BadInput(f"--share: {share} is no share; give a number above 0 and at most 1")
    if not name.strip() or len(name) > NAME_MAX:
        raise BadInput(f"NAME: give it a name of at most {NAME_MAX} letters")
    tried = _weights(weights_file, signals)
    built = wiring.build()
    new = Trial(0, name.strip(), weights.dumps(tried), share, built.clock())
    with built.db.write() as session:
        _refuse(trials.every(session), new)
        trials.start(session, new)
    say(f"{new.name} runs from the next planning on; `digestd trial show` tells how it goes")


@app.command()
def stop() -> None:
    """End the trial that runs. What it has shown stays.

    Example: digestd trial stop
    """
    built = wiring.build()
    with built.db.write() as session:
        known = _running(trials.every(session))
        trials.stop(session, known, built.clock())
    say(f"{known.name} is stopped; every digest is ranked by the weights in force again")


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Which; else the newest.")] = "",
    as_json: Json = False,
) -> None:
    """Tell what a trial has shown: for the weights on trial, wins, losses and ties, and what is preferred.

    `preference` is the share of decided digests that they win, with a 95 % credible interval; `better` is the
    probability that it is above one half. Subscribers have one voice each.

    Example: digestd trial show --json
    """
    built = wiring.build()
    with built.db.read() as session:
        known = _named(trials.every(session), name)
    found = standing(built.db, known)
    if as_json:
        emit(_whole(built, known, found), as_json=True)
        return
    emit([{"over": over, **_preferred(score)} for over, score in _scores(found)])
    if found.each:
        typer.echo()
        emit(_each(built, found))
    typer.echo(f"\n{known.name}, {_state(known)}: {found.verdict}")


@app.command("list")
def list_trials(as_json: Json = False) -> None:
    """List all trials, the newest first.

    Example: digestd trial list --json
    """
    built = wiring.build()
    with built.db.read() as session:
        every = trials.every(session)
    emit([_about(known) for known in every], as_json)


def _weights(file: Path | None, signals: str) -> weights.Weights:
    if (file is None) == (not signals):
        raise BadInput("say what to try: --weights FILE, or --signals a,b,c")
    if file is None:
        return only([name.strip() for name in signals.split(",")])
    text = read_text(file)
    try:
        given = weights.parse(text)
    except ValueError as error:
        raise BadInput(f"--weights: {file}: {error}") from error
    only(list(given.signals))
    return given


def _refuse(every: Iterable[Trial], new: Trial) -> None:
    for known in every:
        if known.stopped is None:
            raise BadInput(f"the trial {known.name} still runs; end it with `digestd trial stop` first")
        if known.name == new.name:
            raise BadInput(f"there was a trial {new.name} already; choose another name")


def _running(every: Iterable[Trial]) -> Trial:
    for known in every:
        if known.stopped is None:
            return known
    raise NotFound("no trial runs; `digestd trial start NAME` starts one")


def _named(every: Iterable[Trial], name: str) -> Trial:
    known = list(every)
    for one in known:
        if name in ("", one.name):
            return one
    there = f"there are {', '.join(one.name for one in known)}" if known else "`digestd trial start NAME` starts one"
    raise NotFound(f"there is no trial {name}; {there}" if name else f"there was no trial yet; {there}")


def _scores(found: Standing) -> Iterator[tuple[str, Score]]:
    yield "digests", found.digests
    yield "subscribers", found.subscribers


def _preferred(score: Score) -> dict[str, object]:
    found = preference(score)
    return {**asdict(score), "preference": found.value, **{k: v for k, v in asdict(found).items() if k != "value"}}


def _about(known: Trial) -> dict[str, object]:
    return {"trial": known.name, "share": known.share, "started": known.started, "stopped": known.stopped}


def _state(known: Trial) -> str:
    since = f"{known.started:%Y-%m-%d %H:%M} UTC"
    return f"running since {since}" if known.stopped is None else f"{since} to {known.stopped:%Y-%m-%d %H:%M} UTC"


def _whole(built: App, known: Trial, found: Standing) -> dict[str, object]:
    parts = {over: _preferred(score) for over, score in _scores(found)}
    return {**_about(known), "verdict": found.verdict, **parts, "each": list(_each(built, found))}


def _each(built: App, found: Standing) -> Iterator[dict[str, object]]:
    with built.db.read() as session:
        for key, score in sorted(found.each.items()):
            yield {"subscriber": _address(session, key), **asdict(score)}


def _address(session: Session, key: int) -> str:
    known = subscribers.by_key(session, key)
    return (known.address if known else None) or f"number {key}, erased"
