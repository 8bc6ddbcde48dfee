"""What the answers to a request must carry back."""

from __future__ import annotations

from sbc.core.value import value


@value
class Early:
    """What a party (its tag) has described in a reliable provisional answer, as it came."""

    party: bytes
    content_type: bytes
    body: bytes


@value
class Memo:
    """What the answers to a request must carry back, each as it came (RFC 3261 section 8.2.6.2).

    `vias` has what RFC 3581 adds; `tagged` tells whether `to` had a tag. `early` are the
    descriptions that the SBC has received for the asker.
    """

    vias: bytes
    from_: bytes
    to: bytes
    tagged: bool
    call_id: bytes
    record_routes: tuple[bytes, ...]
    early: tuple[Early, ...] = ()
