"""Test the limits of foreign JSON."""

import pytest

from digestd.text.inputs import DEPTH_MAX, load_json


@pytest.mark.parametrize("number", ["9" * 31, "9" * 5_000, "1e999", "-1e999", "NaN", "Infinity", "-Infinity"])
def test_load_json_reads_odd_number_as_null(number: str) -> None:
    assert load_json(f'{{"a": {number}, "b": 1, "c": 2.5}}') == {"a": None, "b": 1, "c": 2.5}
    with pytest.raises(ValueError, match="too large"):
        load_json(f"[{number}]", strict=True)


@pytest.mark.parametrize("pair", ["[]", "{}"])
@pytest.mark.parametrize("depth", [DEPTH_MAX + 1, 3_000, 200_000])
def test_load_json_refuses_deep_value(pair: str, depth: int) -> None:
    text = "[" * depth + "]" * depth if pair == "[]" else '{"a":' * depth + "1" + "}" * depth
    for body in (text, text.encode()):
        with pytest.raises(ValueError, match="nested"):
            load_json(body)


def test_load_json_counts_depth_and_not_brackets() -> None:
    assert len(load_json("[" + ",".join(["[[]]"] * 1_000) + "]")) == 1_000
    assert load_json("[" * DEPTH_MAX + "]" * DEPTH_MAX)
    assert load_json('["' + "[" * 1_000 + '"]') == ["[" * 1_000]
