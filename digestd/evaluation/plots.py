"""Plot an evaluation as PNG and SVG.

Scores, calibration, and the difference between two rankers by user.

Needs matplotlib, the extra `digestd[plots]`. The colours are two of Okabe & Ito (2008): distinguishable for
colour-blind
readers, and different in lightness. Text in the SVG stays text.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from digestd.evaluation.calibrate import Reliability
from digestd.evaluation.compare import TOLERANCE, Difference
from digestd.evaluation.scoring import Case, totals
from digestd.ranking.arrays import Doubles
from digestd.ranking.fusion import WEIGHTS

BLUE, ORANGE, GREY, INK = "#0072B2", "#D55E00", "#8A8F98", "#1F2328"
BINS = 48
MAX_WIDE_BARS = 200
"""Maximum number of users drawn as separate bars."""
_STYLE = str(Path(__file__).with_suffix(".mplstyle"))


def draw_scores(folder: Path, cases: Iterable[Case]) -> list[Path]:
    """Plot the distribution of the scores of relevant and other papers.

    Nothing if none is relevant.
    """
    parts = list(map(_standard_scores, cases))
    right = np.concatenate([np.zeros(0), *(right for right, _ in parts)])
    others = np.concatenate([np.zeros(0), *(others for _, others in parts)])
    if not right.size or not others.size:
        return []
    with style.context(_STYLE):
        figure, axes = _figure("Relevant papers score higher" if right.mean() > others.mean() else "Scores")
        _subtitle(axes, f"{len(right):,} relevant and {len(others):,} other candidates of {len(parts):,} rankings")
        edges = _edges(np.concatenate([right, others]))
        for values, colour, name in ((others, GREY, "others"), (right, BLUE, "relevant")):
            inside = np.clip(values, edges[0], edges[-1])
            weights = np.full(len(values), 100 / len(values))
            axes.hist(inside, edges, weights=weights, color=colour, alpha=0.55, label=name)
            axes.hist(inside, edges, weights=weights, color=colour, histtype="step", linewidth=1.6)
            axes.axvline(float(values.mean()), color=colour, linestyle="--", linewidth=1.2)
        axes.set_xlabel("score, in standard deviations from the mean of the candidates (dashed: the mean of each kind)")
        axes.set_ylabel("papers of each kind, %")
        axes.set_ylim(0, 1.16 * axes.get_ylim()[1])
        axes.legend(loc="upper right", ncols=2)
        return _save(figure, folder, "scores")


def draw_calibration(folder: Path, found: Reliability) -> list[Path]:
    """Plot predicted against observed relevance; nothing if there are no predictions."""
    if not found.counts.size:
        return []
    with style.context(_STYLE):
        figure, axes, below = _stacked("Predicted and observed relevance")
        _subtitle(axes, f"{found.counts.sum():,} papers; expected calibration error {100 * found.error:.2f} points")
        most = float(min(1.0, 1.08 * max(found.predicted.max(), _wilson(found)[1].max())))
        axes.plot([0, most], [0, most], color=GREY, linestyle="--", linewidth=1.2, label="perfect calibration")
        low, high = _wilson(found)
        spread = np.maximum([found.observed - low, high - found.observed], 0)
        lines = axes.errorbar(found.predicted, found.observed, spread, color=BLUE, marker="o", capsize=3, linewidth=1.6)
        lines.set_label("observed, with 95 % interval")
        axes.set(xlim=(0, most), ylim=(0, most), ylabel="papers that were liked, %")
        axes.legend(loc="lower right")
        below.vlines(found.predicted, 0, found.counts, color=BLUE, linewidth=5, alpha=0.75)
        below.set(ylabel="papers", xlabel="predicted probability of a like, %", ylim=(0, 1.15 * found.counts.max()))
        for axis in (axes.yaxis, below.xaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}"))
        return _save(figure, folder, "calibration")


def draw_difference(folder: Path, values: Doubles, measured: Difference, rival: str) -> list[Path]:
    """Plot the paired differences in nDCG@10 by user, with their mean.

    Nothing if no user is compared.
    """
    if not values.size:
        return []
    order, users = np.sort(values)[::-1], np.arange(1, len(values) + 1)
    with style.context(_STYLE):
        figure, axes = _figure(f"Paired difference to {rival}")
        _subtitle(axes, f"{len(values):,} users: better for {measured.better:,}, worse for {measured.worse:,}, "
                        f"equal for {measured.equal:,}")  # fmt: skip
        colours = [BLUE if value > TOLERANCE else ORANGE if value < -TOLERANCE else GREY for value in order]
        axes.bar(users, order, width=0.8 if len(values) <= MAX_WIDE_BARS else 1.0, color=colours, linewidth=0)
        axes.axhspan(measured.low, measured.high, color=INK, alpha=0.12, linewidth=0)
        axes.axhline(measured.value, color=INK, linewidth=1.4)
        axes.axhline(0, color=GREY, linewidth=0.8)
        label = f"mean {measured.value:+.4f}, 95 % [{measured.low:+.4f}, {measured.high:+.4f}]"
        axes.annotate(label, (1, measured.value), xycoords=("axes fraction", "data"), xytext=(-4, 7),
                      textcoords="offset points", ha="right", fontweight="bold")  # fmt: skip
        axes.set(xlim=(0.4, len(values) + 0.6), xlabel="users, from the most improved",
                 ylabel="difference in nDCG@10 (ours less theirs)")  # fmt: skip
        axes.grid(axis="x", visible=False)
        return _save(figure, folder, "difference")


def _standard_scores(case: Case) -> tuple[Doubles, Doubles]:
    """Return the z-scores of relevant and of other papers within a case."""
    total = totals(case, WEIGHTS).astype(np.float64)[case.allowed]
    right = np.array([name in case.relevant for name in case.names], dtype=np.bool_)[case.allowed]
    scores = (total - total.mean()) / (total.std() or 1.0) if total.size else total
    return scores[right], scores[~right]


def _edges(values: Doubles) -> list[float]:
    low, high = np.quantile(values, 0.001), values.max()
    return [float(edge) for edge in np.linspace(low, max(high, low + 1e-6), BINS + 1)]


def _wilson(found: Reliability) -> tuple[Doubles, Doubles]:
    """Return the 95 % interval of each proportion (Wilson 1927)."""
    z, n = 1.96, found.counts
    middle = (found.observed + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(found.observed * (1 - found.observed) / n + z * z / (4 * n * n))
    return middle - half, middle + half


def _figure(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    return figure, axes


def _stacked(title: str) -> tuple[Figure, Axes, Axes]:
    figure = Figure(figsize=(6.4, 6.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [4, 1]})
    above.set_title(title)
    return figure, above, below


def _subtitle(axes: Axes, words: str) -> None:
    axes.annotate(words, (0, 1), xycoords="axes fraction", xytext=(0, 9), textcoords="offset points")


def _save(figure: Figure, folder: Path, name: str) -> list[Path]:
    files = [folder / f"{name}.png", folder / f"{name}.svg"]
    for file in files:
        figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else {"Software": None})
    return files
