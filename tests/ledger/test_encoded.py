"""A record is one line of ASCII that says what it says, whether or not there is something that writes JSON fast."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.ledger import encoded as module
from sbc.ledger.encoded import encoded

FAST = find_spec("msgspec") is not None
_values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
RECORDS = st.dictionaries(
    st.text(),
    st.recursive(_values, lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(), each, max_size=4)),
)


@pytest.fixture(params=["fast", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "plain":
        monkeypatch.setattr(module, "_fast", None)
    elif not FAST:
        pytest.skip("msgspec is not there")
    return str(request.param)


@given(RECORDS)
def test_what_is_written_is_read_and_is_one_line_that_any_terminal_can_show(record: dict[str, Any]) -> None:
    for fast in (module._fast, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_fast", fast)
            octets = encoded(record)
        assert json.loads(octets) == record and list(json.loads(octets)) == list(record)
        assert all(0x20 <= octet < 0x7F for octet in octets)


@pytest.mark.parametrize("text", ["Zoë", "\x7f", "\x00\r\n", "half \ud83d of a character", "\u2028", '"\\'])
def test_what_is_no_ascii_is_escaped(way: str, text: str) -> None:
    octets = encoded({"caller": text, "legs": [{"label": text}]})
    assert octets == json.dumps({"caller": text, "legs": [{"label": text}]}, separators=(",", ":")).encode()


def test_a_usual_record_is_the_same_to_the_octet_either_way(way: str) -> None:
    record = {"record": "1-c", "complete": False, "mos": None, "setup": 2.572, "held": 0.0, "legs": [{"nat": True}]}
    assert encoded(record) == json.dumps(record, separators=(",", ":")).encode()


def test_what_has_no_word_in_json_is_told_at_once(way: str) -> None:
    with pytest.raises(TypeError):
        encoded({"record": object()})


def test_it_is_fast_where_it_can_be() -> None:
    assert (module._fast is not None) is FAST
