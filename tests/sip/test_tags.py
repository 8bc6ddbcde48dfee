"""What is taken for a tag that holds an address, and how tags are written where another dialogue is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.sip import tags
from tests.calls.test_calls import answered, only_call
from tests.core.test_parties import crossing
from tests.effort import effort


@pytest.mark.parametrize(
    "tag", [b"192.168.1.10-1", b"a10.0.0.1b", b"1-2-203.0.113.1", b"::1", b"fe80::1%eth0", b"2001:db8:0:1::2"]
)
def test_tags_that_hold_an_address(tag: bytes) -> None:
    assert tags._ADDRESS.search(tag) is not None


@pytest.mark.parametrize("tag", [b"", b"a-one", b"1.2.3", b"1..2.3.4", b"as7f.1.2.b", b"a:b", b"12:30", b"7a3f0c9e:1"])
def test_tags_that_hold_none(tag: bytes) -> None:
    assert tags._ADDRESS.search(tag) is None


@given(st.binary(max_size=300))
def test_whatever_names_another_dialogue_is_rewritten_or_left(named: bytes) -> None:
    _, mark, rest = named.partition(b";")
    _, *written = tags.elsewhere(CROSSING, named).partition(b";")
    assert [mark, rest] == written or b"-tag" in rest.lower()


def test_each_party_is_named_as_it_is_known_there_and_all_else_is_left() -> None:
    label = only_call(MADE).legs[0].label
    written = tags.elsewhere(CROSSING, label + b" ; To-Tag = plain;\r\n from-tag=10.0.0.1 ;early-only;x=10.0.0.1")
    start, _, rest = written.partition(b";")
    assert start == only_call(MADE).legs[1].label
    hidden = rest.split(b"from-tag=")[1].split(b" ")[0]
    assert rest == b" To-Tag = plain;\r\n from-tag=" + hidden + b" ;early-only;x=10.0.0.1"
    assert tags.of_call(BACK).reveal(hidden) == b"10.0.0.1"


@pytest.mark.parametrize(
    "evil", [b";to-tag=" * 1000, b"; " * 4000, b";to-tag=" + b"1." * 4000, b";to-tag=" + b":" * 8000]
)
def test_no_header_takes_long(evil: bytes) -> None:
    assert effort(lambda: tags.elsewhere(CROSSING, b"x" + evil), enough=500) < 500


MADE, *_ = answered()
CROSSING, BACK = crossing(MADE, 0), crossing(MADE, 1)
