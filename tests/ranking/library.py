"""A small library of invented papers in several fields.

Also helpers for subscribers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np

from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.paper import Paper, PaperId, Words, votes
from digestd.ranking.arrays import Floats, Ints
from digestd.ranking.candidates import CandidateSet, build_candidates
from digestd.ranking.compiler import ProfileInput
from digestd.ranking.diversity import diversify
from digestd.ranking.model import TextModel, fit
from digestd.ranking.profile import Profile, Profiles, compile_profiles
from digestd.ranking.seeds import Seed

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

FIELDS: dict[str, tuple[str, ...]] = {
    "glaciers": (
        "Meltwater pulses beneath alpine glaciers|Radar soundings trace meltwater that lubricates the ice bed.",
        "Crevasse fields seen from drones|Stereo images of glacier crevasses reveal stress in the flowing ice.",
        "Ice cores and volcanic winters|Sulphate layers in ice cores date eruptions that cooled the climate.",
        "Calving fronts of tidewater glaciers|Seismic arrays hear icebergs calve from the glacier front.",
    ),
    "bees": (
        "Waggle dances under moonlight|Honeybee foragers adapt the waggle dance when nectar is scarce.",
        "Hive temperature as a health signal|Sensors in honeybee hives predict swarming from brood temperature.",
        "Pesticide memory loss in bumblebees|Bumblebee foragers forget nectar odours after pesticide exposure.",
        "Pollinator networks in city gardens|Wild bees and hoverflies share garden flowers across a city.",
    ),
    "qubits": (
        "Surface codes with drifting noise|Quantum error correction with surface codes when qubit noise drifts.",
        "Fluxonium readout in 60 ns|A superconducting qubit is read out fast without spoiling its coherence.",
        "Neutral atom arrays that refill|Optical tweezers reload lost atoms during a quantum computation.",
        "Entanglement over metropolitan fibre|Two quantum memories share entanglement through deployed fibre.",
    ),
    "ledgers": (
        "Tally sticks and medieval credit|Exchequer tallies show how credit circulated among medieval villages.",
        "Double entry before Pacioli|Merchant ledgers from Florence kept double entry a century earlier.",
        "Coin hoards after the plague|Hoards of silver coins mark where wages rose after the plague.",
        "Grain prices and harbour tolls|Harbour toll ledgers reconstruct grain prices in Baltic towns.",
    ),
}
AUTHORS = {
    "glaciers": ("Ingrid Ødegård", "J. Smith"),
    "bees": ("Ana García Márquez",),
    "qubits": ("Jane Q. Smith",),
    "ledgers": ("van der Berg, Pieter",),
}
LABELS = {"glaciers": "geo.ice", "bees": "bio.PE", "qubits": "phys.quant", "ledgers": "hist"}


def papers(scale: int = 1) -> list[Paper]:
    """Return sixteen papers, four per field, with increasing upvotes.

    `scale` copies with other ids.
    """
    texts = [(field, text) for field, group in FIELDS.items() for text in group] * scale
    return [paper(j, field, *text.split("|")) for j, (field, text) in enumerate(texts)]


def paper(j: int, field: str, title: str, abstract: str) -> Paper:
    return Paper(
        key=j,
        id=PaperId(f"made:{j}"),
        revision=j,
        words=Words(title, abstract, AUTHORS[field], (LABELS[field],)),
        plain_title=title,
        plain_abstract=abstract,
        published=NOON - timedelta(hours=2),
        first_seen=NOON - timedelta(hours=2),
        signals={"upvotes": float(j)},
    )


def retitled(title: str, abstract: str = "", **changes: object) -> Paper:
    """Return a paper with its own title."""
    return replace(paper(99, "ledgers", title, abstract), **changes)  # type: ignore[arg-type] # any field of Paper


def model(of: Iterable[Paper]) -> TextModel:
    return fit(p.text for p in of)


@cache
def _library_model() -> TextModel:
    return model(papers())


@cache
def _library() -> CandidateSet:
    return candidates(papers())


def candidates(of: Sequence[Paper] | None = None) -> CandidateSet:
    """Return these papers by the library's model; by default the library, which is indexed once."""
    return _library() if of is None else build_candidates(of, _library_model(), NOON)


def likes(*pairs: tuple[Kind, str]) -> tuple[Interest, ...]:
    return tuple(Interest(kind, value) for kind, value in pairs)


def mutes(*pairs: tuple[Kind, str]) -> tuple[Interest, ...]:
    return tuple(Interest(kind, value, Stance.MUTED) for kind, value in pairs)


def wants(*interests: Interest, of: Sequence[Paper] | None = None) -> ProfileInput:
    """Return the input of a profile; seed papers are looked up in the library."""
    known = {p.id: Seed(p.plain_title, p.text, p.words.authors, votes(p.signals)) for p in of or papers()}
    return ProfileInput(interests, {p: seed for p, seed in known.items() if p in {i.value for i in interests}})


def profile(of: CandidateSet, *interests: Interest) -> Profile:
    return compile_profiles([wants(*interests)], of.model, of)[0]


def alone(of: CandidateSet, *interests: Interest) -> Profiles:
    return compile_profiles([wants(*interests)], of.model, of)


def varied(order: Ints, of: CandidateSet, totals: Floats, size: int) -> list[int]:
    """Return the papers chosen for one subscriber."""
    places = diversify(order[None, :], totals[order][None, :], of.similarity, np.array([size]))[0]
    chosen: list[int] = order[places[places >= 0]].tolist()
    return chosen


def many(of: CandidateSet) -> Profiles:
    """Return one subscriber of every kind, in one block."""
    blocks = (
        (),
        likes((Kind.TOPIC, "honeybee foragers")),
        likes((Kind.TOPIC, "glacier ice"), (Kind.TOPIC, "volcanic climate"), (Kind.PAPER, "made:3")),
        likes((Kind.PAPER, "made:8"), (Kind.PAPER, "made:9")) + mutes((Kind.PAPER, "made:11")),
        likes((Kind.AUTHOR, "Jane Smith"), (Kind.CATEGORY, "bio")),
        likes((Kind.PHRASE, "waggle dance"), (Kind.TOPIC, "the of")),
        likes((Kind.PAPER, "made:unknown")) + mutes((Kind.CATEGORY, "hist")),
    )
    return compile_profiles([wants(*block) for block in blocks], of.model, of)
