"""Whatever becomes of a binary message of H.248, the laws hold; and however hostile one is, it is done with soon."""

from __future__ import annotations

import os
from random import Random

import pytest

from sbc.h248.ber import MOST, wrap
from sbc.h248.binary import decode, parts
from sbc.h248.dialect import H248Dialect
from sbc.h248.message import BadH248
from tests.effort import effort
from tests.fuzz.h248_mutate import spoilt
from tests.h248_binary import (
    MADE,
    action,
    command,
    group,
    leaf,
    listed,
    message,
    modify,
    node,
    prop,
    request,
    termination,
)
from tests.h248_laws import check_laws, rewritten
from tests.h248_messages import BINARY, BINARY_TALKS

DIALECT = H248Dialect()
SEED = int(os.environ.get("SBC_STORM_SEED", "20261126"))
MESSAGES = int(os.environ.get("SBC_STORM_MESSAGES", "20000")) // 20
ENOUGH = 500  # yardsticks, which only a fault takes: none of these took 100
DESCRIBED = (prop(0xB001, b"0"), prop(0xB008, b"IN IP4 10.0.0.1"), prop(0xB00F, b"audio 4000 RTP/AVP 8"))
SEEDS = [*MADE, *[data for _, data in BINARY[::3]], *BINARY_TALKS[::5]]


def understood(data: bytes) -> None:
    """Whatever can be read has a meaning to the core, and addresses, unless a description in it is none."""
    message = DIALECT.decode(data)
    DIALECT.describe(message)
    DIALECT.slots(message)
    DIALECT.mask(data)


@pytest.mark.parametrize("data", SEEDS)
def test_what_it_begins_with_is_understood(data: bytes) -> None:
    for each in parts(data):
        understood(each)


def test_the_laws_hold_for_what_is_spoilt() -> None:
    random, read = Random(SEED), 0
    for number in range(MESSAGES):
        data = spoilt(random.choice(SEEDS), random, SEEDS, random.choice((1, 1, 2, 3, 5)))
        try:
            check_laws(data)
        except Exception as fault:
            fault.add_note(f"message {number}: {data.hex()}")
            raise
        try:
            for each in parts(data):
                decode(each)
                read += 1
                understood(each)
        except BadH248:
            continue
        except Exception as fault:
            fault.add_note(f"message {number}: {data.hex()}")
            raise
    assert read > MESSAGES // 5  # it was no noise


ONE = node(0, termination(b"\1"))
LINE = prop(0xB00C, b"x")
WORST = {
    "deep": b"\xa0\x80" * 32_000,
    "wide": wrap(0x30, b"\x80\x00" * 32_700),
    "elements": message(request(1, action(b"\0", *[listed()] * (MOST - 30)))),
    "commands": message(request(1, action(b"\0", *[command(3, ONE)] * 900))),
    "actions": message(request(1, *[action(b"\0", command(3, ONE))] * 700)),
    "terminations": message(request(1, action(b"\0", command(3, node(0, *[termination(b"\1")] * 1_900))))),
    "transactions": message(*[request(1, action(b"\0", *[command(3, ONE)] * 60))] * 16),
    "lines": modify(group(*DESCRIBED, *[LINE] * 1_600)),
    "values": modify(group(*DESCRIBED, prop(0xB00C, *[b"x"] * 1_900))),
    "groups": modify(*[group(*DESCRIBED)] * 450),
    "attributes that differ": modify(group(*DESCRIBED, *[prop(0xB00C, b"%d" % each) for each in range(1_600)])),
    "pieces": modify(
        group(listed(leaf(0, b"\0\0\xb0\x0f"), node(1, wrap(0x24, *[b"\x04\x01x"] * 7_000)))),
    ),
    "statistics": message(
        node(2, leaf(0, b"\1"), node(2, node(1, action(b"\0", node(3, ONE, node(1, node(9, *[
            listed(leaf(0, b"\0\x0c\0\4"), node(1, wrap(4, b"\2\x01\1")))
        ] * 1_500))))))),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WORST)
def test_it_is_done_with_soon(name: str) -> None:
    data = WORST[name][:65_535]

    def read() -> None:
        try:
            for each in parts(data)[:16]:
                decode(each)
                rewritten(each, "2001:db8::beef")
        except BadH248:
            assert name in ("deep", "wide", "elements")

    spent = effort(read, enough=ENOUGH)
    print(f"{name}: {len(data)} octets, {spent:.0f} yardsticks")  # noqa: T201
    assert spent < ENOUGH
