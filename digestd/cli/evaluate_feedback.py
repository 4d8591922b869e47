"""What `evaluate --feedback` reads and prints: the install's own digests, ranked again, and what was said of them."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime

from digestd import app as wiring
from digestd import settings as configuration
from digestd.cli.output import emit, progress
from digestd.encoders import open_encoder
from digestd.errors import NotFound
from digestd.evaluate import Case, Estimate, outcome, summary
from digestd.evaluate.calibrate import Reliability, reliability
from digestd.evaluate.feedback import Replayed, replay
from digestd.evaluate.promises import Promise, calibration_error
from digestd.evaluate.verdicts import Explored, Verdicts, accuracy, auc, bins, explored, promises, verdicts
from digestd.store.ledger.sent_digests import digests


def feedback_cases(since: datetime | None, embedding_model: str) -> list[Case]:
    """The digests of which something was liked, ranked again. Raises NotFound where there is none."""
    found = [done.case for done in _replayed(since, embedding_model) if done.case.relevant]
    if not found:
        raise NotFound(NOTHING)
    return found


NOTHING = (
    "there is no feedback to replay: nothing was liked in a digest that was sent; `digestd subscriber "
    "feedback EMAIL PAPER more` says so for somebody"
)


def report_feedback(since: datetime | None, embedding_model: str, seed: int, as_json: bool) -> None:
    """Print what the install's own feedback says of the ranker."""
    measured: list[tuple[str, Mapping[str, float]]] = []
    said: list[Verdicts] = []
    for done in _replayed(since, embedding_model):
        said.append(verdicts(done))
        if done.case.relevant:
            measured.append((done.case.user, outcome(replace(done.case, seed=seed)).measures))
    if not said:
        raise NotFound(NOTHING)
    users = len({user for user, _ in measured})
    rows = {name: {**asdict(estimate), "users": users} for name, estimate in summary(measured).items()}
    for name, measure in (("auc", auc), ("accuracy", accuracy)):
        estimate, count = measure(said)
        rows[name] = {**asdict(estimate), "users": count}
    given = [one for one in _promises(since) if len(one[1])]
    if given:
        users = len({user for user, _, _ in given})
        rows["ece"] = {**asdict(calibration_error(given, bins(given))), "users": users}
    _print(rows, said, _drawn(since), as_json)


def _replayed(since: datetime | None, embedding_model: str) -> Iterator[Replayed]:
    settings = configuration.load()
    encoder = open_encoder(embedding_model or settings.embedding_model)
    db = wiring.database(settings)
    with progress("digests", None) as advance:
        yield from replay(db, since, encoder, advance)


def promised_since(since: datetime | None) -> Reliability:
    """The chances that digests gave their picks, against what came of them."""
    given = _promises(since)
    return reliability([(chances, came) for _, chances, came in given], bins(given))


def _promises(since: datetime | None) -> list[Promise]:
    with wiring.database(configuration.load()).read() as session:
        return promises(digests(session, since))


def _drawn(since: datetime | None) -> Explored | None:
    with wiring.database(configuration.load()).read() as session:
        return explored(digests(session, since))


def _print(rows: dict[str, dict[str, object]], said: list[Verdicts], drawn: Explored | None, as_json: bool) -> None:
    counts = {"digests": len(said), "verdicts": sum(len(one.told) for one in said)}
    if as_json:
        emit({**rows, "explored": drawn and asdict(drawn), **counts}, as_json=True)
        return
    emit(_lines(rows, drawn))
    emit(counts)


def _lines(rows: dict[str, dict[str, object]], drawn: Explored | None) -> Iterator[dict[str, object]]:
    yield from ({"measure": name, **row} for name, row in rows.items())
    if drawn is not None:
        parts: dict[str, Estimate] = {"drawn, liked": drawn.liked, "chosen, liked": drawn.chosen, "gain": drawn.gain}
        yield from ({"measure": name, **asdict(part), "users": None} for name, part in parts.items())
