"""Authentication headers, and what is done about them on each path."""

from __future__ import annotations

import pytest

from sbc.core.orders import Note, Send
from sbc.h248.options import Authentication, H248Options
from tests.h248_calls import GATEWAY, RTP, gateway, gateway_rig, read
from tests.h248_words import command, message, transaction
from tests.rig import of

HEADER = b"Authentication = 0x12345678:0x00000001:0xabcdefabcdefabcdefabcdef\r\n"
NOTIFY = message(GATEWAY, transaction(7, b"-", command(b"Notify", RTP, b"ObservedEvents = 1 { al/of }")))


@pytest.mark.parametrize("wish", Authentication)
def test_each_wish(wish: Authentication) -> None:
    found = gateway(gateway_rig(options={"h248": H248Options(authentication=wish)}))
    orders = found.rig.from_access(HEADER + NOTIFY, found.at)
    notes = {each.event for each in of(Note, orders)}
    if wish is Authentication.REFUSE:
        (back,) = found.told(orders)
        assert read(back).error is not None and read(back).error.code == 402  # type: ignore[union-attr]
        assert not found.heard(orders) and "refused" in notes
        return
    (there,) = found.heard(orders)
    assert read(there).signed is (wish is Authentication.PASS)
    assert ("seal-broken" if wish is Authentication.PASS else "seal-stripped") in notes


def test_what_has_none_crosses_without_a_word() -> None:
    found = gateway(gateway_rig(options={"h248": H248Options(authentication=Authentication.REFUSE)}))
    orders = found.rig.from_access(NOTIFY, found.at)
    assert len(of(Send, orders)) == 1 and not {"seal-broken", "seal-stripped"} & {
        each.event for each in of(Note, orders)
    }
