"""The table of growth can be made."""

import pytest

from tests.bench.delivery import DeliveryLoad
from tests.bench.growth import COLUMNS, loads, measure


def test_loads_change_one_thing_at_a_time() -> None:
    base, *others = loads([10, 20], [40, 50])
    names = DeliveryLoad.__dataclass_fields__
    assert all(sum(getattr(load, name) != getattr(base, name) for name in names) == 1 for load in others)


@pytest.mark.slow
def test_measure_returns_all_columns() -> None:
    row = measure(DeliveryLoad(20, 40, processes=1, pairs=1))
    assert list(row) == list(COLUMNS)
    assert row["plan_mib"] > 0
