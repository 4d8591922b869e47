"""Test measures of feedback against counts by hand and simulated truth."""

from datetime import UTC, datetime

import numpy as np
import pytest

from digestd.domain.digest import Pick, Reason, ReasonKind, Section
from digestd.domain.interest import Verdict
from digestd.evaluation.calibration_error import BINS, calibration_error
from digestd.evaluation.feedback_metrics import (
    DigestVerdicts,
    accuracy,
    auc,
    bin_count,
    pick_predictions,
)
from digestd.store.ledger.sent_digests import SentDigest

AT = datetime(2026, 11, 24, tzinfo=UTC)
PICK = Pick(1, 1, 1.0, Section.FOR_YOU, Reason(ReasonKind.NEW))
MORE, LESS, NONE = Verdict.MORE, Verdict.LESS, None


def digest(
    subscriber: int, *picks: tuple[float | None, Verdict | None], probability: float | None = None
) -> SentDigest:
    """Return a digest from the propensity and the verdict of each pick."""
    held = tuple(PICK._replace(propensity=p, probability=probability) for p, _ in picks)
    return SentDigest(1, subscriber, AT, held, tuple(range(len(held))), tuple(v for _, v in picks), (AT,) * len(held))


def digest_verdicts(user: str, *scored: tuple[float, float, bool]) -> DigestVerdicts:
    return DigestVerdicts(user, scored)


def test_auc_counts_pairs_within_digests() -> None:
    given = [
        digest_verdicts("ann", (0, 3.0, True), (1, 1.0, False), (2, 5.0, False)),
        digest_verdicts("ann", (3, 2.0, True), (4, 2.0, False)),
        digest_verdicts("bo", (5, 1.0, True), (6, 0.0, False)),
        digest_verdicts("cy", (7, 9.0, True)),
    ]
    found, users = auc(given)
    assert found.value == pytest.approx(((1 + 0 + 0.5) / 3 + 1) / 2)
    assert users == 2


def test_accuracy_uses_earlier_verdicts_only() -> None:
    scored = [(0, 1.0, False), (1, 1.0, True), (2, 3.0, True), (3, 1.2, True), (4, 1.1, False)]
    # liked is said first; then, with a dislike alone, not liked; then means 1.0/1.0, 2.0/1.0 and 1.73/1.0
    found, users = accuracy([digest_verdicts("ann", *scored)])
    assert found.value == pytest.approx((0 + 0 + 1 + 0 + 1) / 5)
    assert users == 1


def test_accuracy_orders_verdicts_by_time() -> None:
    late, early = digest_verdicts("ann", (9, 0.0, True)), digest_verdicts("bo", (1, 1.0, True), (2, -1.0, False))
    found, _ = accuracy([late, early])
    assert found.value == pytest.approx(np.mean([1, 0.5]))


def test_calibration_error_compares_likes() -> None:
    spoken = digest(1, (None, MORE), (None, NONE), (None, LESS), (None, NONE), probability=0.5)
    silent = digest(2, (None, NONE), probability=0.9)
    given = pick_predictions([spoken, silent])
    assert [len(chances) for _, chances, _ in given] == [4]
    assert bin_count(given) == 1
    assert calibration_error(given, bin_count(given)).value == pytest.approx(0.25)
    assert bin_count(pick_predictions([spoken] * 30)) == 6
    assert calibration_error([]).high == 0
    assert calibration_error(pick_predictions([digest(1, (None, MORE))])).value == 0


def test_calibration_error_is_mean_gap_of_bins() -> None:
    chance = np.random.default_rng(6)
    chances = [chance.random(15) for _ in range(60)]
    given = [(str(n), p, (chance.random(15) < p**2).astype(np.float64)) for n, p in enumerate(chances)]
    found = calibration_error(given)
    promised, came = (np.concatenate([row[part] for row in given]) for part in (1, 2))
    bins = np.array_split(np.argsort(promised, kind="stable"), BINS)
    gaps = [abs(promised[part].mean() - came[part].mean()) for part in bins]
    assert found.value == pytest.approx(np.average(gaps, weights=[part.size for part in bins]))
    assert found.low < found.value < found.high
