"""The codec of stored sightings: round trips, and refuses unknown fields."""

import json
from dataclasses import fields
from datetime import UTC, date, datetime

import pytest

from digestd.domain.paper import PaperId, Sighting, Words
from digestd.domain.sighting_record import FIELDS, from_record, to_record
from digestd.papers.merge import _as_stored
from digestd.store.papers import sightings
from tests.papers.odd_sources import FULL

LEAST = Sighting((PaperId("arxiv:2611.00001"),), Words("Moss on walls"))


@pytest.mark.parametrize("sighting", [LEAST, *FULL.sightings], ids=lambda sighting: str(len(to_record(sighting))))
def test_record_reads_back_as_the_same_sighting(sighting: Sighting) -> None:
    assert from_record(json.loads(json.dumps(to_record(sighting)))) == sighting


def test_record_leaves_defaults_out() -> None:
    assert to_record(LEAST) == {"ids": ["arxiv:2611.00001"], "title": "Moss on walls"}


def test_fields_are_those_of_the_dataclasses() -> None:
    declared = {field.name for field in (*fields(Sighting), *fields(Words))} - {"words"}
    assert set(FIELDS) == declared
    assert len(FIELDS) == len(declared), "a sighting and its words have no field of the same name"


@pytest.mark.parametrize("record", [{"title": "x"}, {"ids": ["x:y"]}, {"ids": ["x:y"], "title": "x", "colour": "red"}])
def test_record_with_missing_or_unknown_fields_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        from_record(record)


def test_stored_record_omits_fields_with_own_columns() -> None:
    stored = sightings.record(FULL.sightings[0])
    assert stored.keys() == set(FIELDS) - {"version", "announced", "day", "signals"}


def test_digest_depends_on_every_stored_field_but_signals() -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    same = Sighting(LEAST.ids, LEAST.words, day=date(2026, 11, 20), signals={"stars": 1.0})
    others = [
        Sighting(LEAST.ids, LEAST.words, published=at),
        Sighting(LEAST.ids, LEAST.words, version=2),
        Sighting(LEAST.ids, LEAST.words, withdrawn=True),
        Sighting(LEAST.ids, Words("Moss on walls", authors=("A",))),
    ]
    least, unchanged, *changed = (_as_stored("", one).digest for one in (LEAST, same, *others))
    assert unchanged == least
    assert len({least, *changed}) == 5
