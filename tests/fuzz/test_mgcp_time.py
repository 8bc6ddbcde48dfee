"""The largest messages of MGCP there are, through a whole border: none takes long, whatever it is made of."""

from __future__ import annotations

import pytest

from sbc.mgcp.codec import MAX_LINE, MAX_LINES, MAX_SIZE
from tests.effort import effort
from tests.mgcp_calls import PRIVATE, Line, mgcp_rig
from tests.mgcp_laws import DIALECT
from tests.mgcp_messages import command, sdp

LONGEST = 500
"""Yardsticks, ten times what the longest of these takes."""
HEAD = command("NTFY", 7, f"aaln/1@[{PRIVATE}]", "X: 1F")
ROOM = MAX_SIZE - len(HEAD) - 200
FORMS = {
    "addresses": b"X-A: " + b"192.168.1.10," * 600 + b"\r\n",
    "other addresses": b"X-A: " + b"1.2.3.4," * 1000 + b"\r\n",
    "colons": b"X-A: " + b":" * 8000 + b"\r\n",
    "hexadecimal": b"X-A: " + b"f:" * 4000 + b"\r\n",
    "dots": b"X-A: " + b"1." * 4000 + b"\r\n",
    "lines": b"X-A: [192.168.1.10]:2427\r\n" * (MAX_LINES - 1),
    "endpoints": b"Z: " + b"a/1@[192.168.1.10]," * 400 + b"a@b\r\n",
    "endpoints of names": b"Z: " + b"," * 8000 + b"\r\n",
    "entities": b"N: ca@[192.168.1.10]:2727\r\n" * (MAX_LINES - 1),
    "counts": b"P: " + b"PS=1," * 1600 + b"\r\n",
    "continuations": b"R: x\r\n" + b" y\r\n" * 2000,
    "comments": b";\r\n" * (MAX_LINES - 1),
    "blanks": b"\r\n" * 7000,
    "descriptions": b"\r\n" + (sdp(PRIVATE, 4000) + b"\r\n") * 4,
    "media": b"\r\n" + sdp(PRIVATE, 4000) + b"m=audio 4002 RTP/AVP 0\r\n" * 31,
    "attributes": b"\r\n" + sdp(PRIVATE, 4000) + b"a=x\r\n" * 1900,
    "digits": b"O: " + b"D/1," * 2000 + b"\r\n",
    "keys": b"L: " + b"k:" * 4000 + b"\r\n",
    "dividing lines": b".\r\n" * 5000,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cut", [0, 1, 30])
def test_nothing_takes_long(form: str, cut: int) -> None:
    data = HEAD + FORMS[form][:ROOM]
    data = data[: len(data) - cut]

    def read(gateway: Line) -> None:
        for part in DIALECT.parts(data):
            gateway.says(part)
            DIALECT.tell(part)
            DIALECT.mask(part)

    assert effort(read, lambda: (Line.register(mgcp_rig()),), LONGEST) < LONGEST


def test_no_line_is_longer_than_may_be() -> None:
    assert all(len(each) <= MAX_LINE for data in FORMS.values() for each in data.split(b"\r\n"))
