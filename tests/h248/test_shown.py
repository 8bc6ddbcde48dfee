"""Messages as people see them."""

from __future__ import annotations

import pytest

from sbc.h248.ber import wrap
from sbc.h248.shown import MASK, mask, tell
from tests.h248_binary import action, group, leaf, listed, modify, node, prop, request, termination
from tests.h248_binary import command as made_command
from tests.h248_binary import message as made_message
from tests.h248_words import WIRES, WRITERS, command, failed, media, message, reply, sdp, transaction

AT = b"[192.0.2.1]:2944"


@pytest.mark.parametrize("wire", WIRES)
def test_in_a_few_words(wire: str) -> None:
    write = WRITERS[wire]
    assert tell(write(message(AT, transaction(9, 5, *[command(b"Modify", b"a1")] * 5)))) == (
        "Transaction 9 Modify Modify Modify and 2 more"
    )
    assert tell(write(message(AT, failed(9, 510)))) == "Reply 9 error 510"
    wrong = command(b"Add", b"a1", b'Error = 430 { "no" }')
    assert tell(write(message(AT, reply(9, 5, wrong)))) == "Reply 9 Add error 430"
    assert tell(write(message(AT, b"Pending = 9 { }"))) == "Pending 9"
    assert tell(b"0\x00") and tell(b"GET /")


def test_what_is_secret_is_not_shown() -> None:
    keyed = sdp("192.0.2.1", 4, b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\r\nk=clear:secret\r\n")
    digits = b'ObservedEvents = 1 { dd/ce { ds = "1234567890123456", Meth = FM } }'
    said = [command(b"Modify", b"a1", media(local=keyed)), command(b"Notify", b"a1", digits)]
    header = b"Authentication = 0x12345678:0x00000001:0xabcdefabcdefabcdefabcdef\r\n"
    data = header + message(AT, transaction(9, 5, *said))
    shown = mask(data)
    for secret in (b"c2VjcmV0", b"clear:secret", b"1234567890123456", b"abcdefabcdef"):
        assert secret in data and secret not in shown
    assert shown.count(MASK) >= 4 and b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 " in shown


def test_digits_that_are_keyed_in_one_by_one_are_not_shown() -> None:
    seen = b"ObservedEvents = 1 { 20261126T18000000:dd/d5, xdd/D6, dd/ds, dd/ce { Meth = UM } }"
    played = b"Signals { dg/d7, SignalList = 3 { dg/da }, tonegen/pt { tl = [d8, d9], ind = 5 }, tonegen/pt{tl=d1} }"
    data = message(AT, transaction(9, 5, command(b"Notify", b"a1", seen), command(b"Modify", b"a1", played)))
    shown = mask(data)
    for secret in (b"/d5", b"/D6", b"/ds", b"/d7", b"/da", b"d8", b"d9", b"d1}"):
        assert secret in data and secret not in shown
    assert shown.count(MASK) == 7 and b"dd/ce" in shown and b"ind = 5" in shown


def test_binary_is_shown_as_text() -> None:
    data = WRITERS["binary"](
        message(AT, transaction(9, 5, command(b"Modify", b"a1", media(local=sdp("192.0.2.9", 4)))))
    )
    shown = mask(data)
    assert shown.startswith(b"(binary) ") and b"192.0.2.9" in shown and b"Modify" in shown
    assert b"truncated" in mask(data[:-3]) or data[:8].hex().encode() in mask(data[:-3])


def test_what_is_secret_in_binary_is_not_shown() -> None:
    """Keys in properties of Annex C, in octets or BER once more; the header's proof; digits that are keyed in."""
    keys = b"crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0"
    described = group(prop(0xB008, b"IN IP4 192.0.2.1"), prop(0xB00F, b"audio 4 RTP/SAVP 8"), prop(0xB00C, keys))
    wrapped = group(prop(0xB008, b"IN IP4 192.0.2.1"), prop(0xB00B, wrap(0x16, b"clear:c2VjcmV0")))
    keyed = listed(leaf(0, b"\0\x06\0\4"), node(2, listed(leaf(0, b"\0\1"), node(1, wrap(4, b"c2VjcmV0")))))
    notify = made_command(6, node(0, termination(b"\1")), node(1, leaf(0, b"\1"), node(1, keyed)))
    proof = node(0, leaf(0, b"\0\0\0\1"), leaf(1, b"\0\0\0\1"), leaf(2, b"c2VjcmV0c2Vj"))
    noticed = made_message(request(9, action(b"\7", notify)), signed=proof)
    for data in (modify(described), modify(wrapped), noticed):
        shown = mask(data)
        assert b"c2VjcmV0" in data and b"c2VjcmV0" not in shown and shown.startswith(b"(binary) ")
    assert b"192.0.2.1" in mask(modify(described)) and b"AES_CM_128_HMAC_SHA1_80" in mask(modify(described))
    assert b"dd/ce" in mask(noticed)
