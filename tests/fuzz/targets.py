"""What is fuzzed: functions that take any bytes, must never raise, and check the laws of what they are given to.

`converse` reads a whole conversation with a border. Its input is a list of steps, divided by lines of four `=`.
The first octet of each says who speaks: `a` a phone, `b` another, `c` the softswitch, `d` a stranger beside it, `w`
nobody, for as many seconds as follow. In what they say, ``$RTo`` is the To of the last request they were sent, ``$rTo``
that of the last reply, and so on for any header; of Contact it is the URI alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.mint import Mint
from sbc.core.orders import Send
from sbc.core.realm import Registrations, Timers
from sbc.sip.dialect import SipDialect
from sbc.sip.framing import SipFramer
from tests.fuzz.conversations import DIVIDER, OTHER_PHONE, STRANGER, conversations
from tests.fuzz.mutate import KEPT, seeds
from tests.fuzz.test_h248_text import SEEDS as H248_TEXTS
from tests.fuzz.test_h248_text import check as check_h248_text
from tests.fuzz.test_text import INVITE, SDP, check, check_sdp
from tests.h248_binary import MADE
from tests.h248_laws import check_laws
from tests.h248_messages import BINARY
from tests.h323_laws import keep_them_as_anything
from tests.h323_messages import ALL
from tests.mgcp_laws import keep_the_laws
from tests.mgcp_messages import RECORDED, crcx, created, sdp
from tests.outside import Outside
from tests.rig import NAT, SECRET, SOFTSWITCH, make_plan

MOST_STEPS = 16
_SPEAKERS = {
    b"a": ("access", NAT),
    b"b": ("access", OTHER_PHONE),
    b"c": ("core", SOFTSWITCH),
    b"d": ("core", STRANGER),
}
_HEARD = re.compile(rb"\$([Rr])([A-Za-z][A-Za-z-]{1,15})")


def read(data: bytes) -> None:
    """A message, and every header, body and description in it."""
    check(data)


def describe(data: bytes) -> None:
    """A session description alone."""
    check_sdp(data, 0, len(data))


def cut(data: bytes) -> None:
    """A stream is cut into the same messages however it comes in, and no more is kept than may be."""
    whole, pieces = SipFramer(), SipFramer()
    at_once = whole.feed(data)
    found, broken, size = [], None, 1 + (data[0] if data else 0) % 97
    for start in range(0, len(data), size):
        framed = pieces.feed(data[start : start + size])
        found += framed.messages
        broken = broken or framed.broken
    assert found == at_once.messages
    assert (broken is None) == (at_once.broken is None)
    assert all(each in data for each in found)


def converse(data: bytes) -> None:
    """A conversation with a border: it never raises, its books balance, and in the end nothing is left."""
    plan = make_plan("sip", registrations=Registrations(core=600))
    plan = attrs.evolve(plan, timers=Timers(call_max=900.0, unanswered=60.0))
    heard: dict[tuple[str, Address, bool], bytes] = {}

    def deliver(send: Send) -> None:
        heard[send.listener.realm, send.to, send.data.startswith(b"SIP/")] = send.data

    outside = Outside(Border(plan, {"sip": SipDialect(patience=60.0)}, Mint(SECRET)), deliver, 1000.0)
    for step in data.split(DIVIDER)[:MOST_STEPS]:
        who, what = step[:1], step[1:]
        if who == b"w":
            digits = re.match(rb"[0-9]{1,4}", what)
            outside.advance(outside.now + int(digits[0] if digits else b"1"))
        elif who in _SPEAKERS:
            realm, source = _SPEAKERS[who]
            said = _HEARD.sub(lambda hole: _filled(heard, realm, source, hole), what)  # noqa: B023 used at once
            outside.receive(plan.realms[realm].listeners[0], source, said)
        assert (faults := outside.faults()) == [], faults
    outside.advance(outside.now + 20_000)
    assert (left := outside.leftovers() + outside.faults()) == [], left


def _filled(heard: dict[tuple[str, Address, bool], bytes], realm: str, source: Address, hole: re.Match[bytes]) -> bytes:
    message = heard.get((realm, source, hole[1] == b"r"), b"")
    name = hole[2].lower()
    for line in message.split(b"\r\n\r\n", 1)[0].split(b"\r\n"):
        before, colon, value = line.partition(b":")
        if colon and before.strip().lower() == name:
            uri = re.search(rb"<([^>]*)>", value) if name == b"contact" else None
            return uri[1] if uri else value.strip()
    return b"nothing"


def binary(data: bytes) -> None:
    """A binary message of H.248."""
    check_laws(data)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "read": read,
    "describe": describe,
    "cut": cut,
    "converse": converse,
    "h323": keep_them_as_anything,
    "mgcp": keep_the_laws,
    "h248-binary": binary,
    "h248-text": check_h248_text,
}


def seeds_of(target: str) -> list[bytes]:
    """What its fuzzing begins with."""
    if target == "converse":
        found = [*conversations(), *(b"a" + each for each in seeds())]
        return found + [path.read_bytes() for path in sorted(KEPT.glob("*.talk"))]
    if target == "h323":
        found = [data for _, data in ALL]
        return [*found, *(data[4:] for data in found if data[:1] == b"\x03"), b"".join(found[-8:])]
    if target == "mgcp":
        found = [data for _, data in RECORDED]
        own = [
            crcx(7, "aaln/$@[192.0.2.1]", described=sdp("192.0.2.2", 4000)),
            created(7, "1F", "192.0.2.2", 4000, "K:"),
        ]
        return [*found, *own, b".\r\n".join([*found, *own])]
    if target == "h248-binary":
        return [*MADE, *(data for _, data in BINARY)]
    if target == "h248-text":
        return H248_TEXTS
    messages = [INVITE, *seeds()]
    if target == "describe":
        return [SDP, *(body for each in messages if (body := each.partition(b"\r\n\r\n")[2]).startswith(b"v="))]
    return [*messages, b"".join(messages[:3])] if target == "cut" else messages
