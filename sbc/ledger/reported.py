"""What a gateway has counted itself, beside what was counted here: whether both mean the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sbc.ledger.volume import WAYS, Plain, summed

LITTLE = 0.05
"""By what part of the greater of two numbers they may differ: packets are lost between gateway and SBC, too."""
FEW = 50
"""By how many packets they may differ in any case: what was on its way when the gateway counted."""
HEADER = 12
"""Octets of RTP's header, which gateways do not count (RFC 3550 section 6.4.1)."""
LONGEST = 15
"""Digits of a number of packets."""
COMPARED = ("packets_sent", "packets_received")
"""Octets are not compared: protocols differ in what belongs to them."""


def counted(sides: Sequence[Plain]) -> dict[str, int]:
    """What the streams of a member have carried, by the words in which its gateway would say it. `sides` are those
    towards the gateway, as records have them; octets are those of payloads."""
    came, went = (summed(side[way]["rtp"] for side in sides) for way in WAYS)
    return {
        "packets_sent": came["packets"],
        "octets_sent": came["octets"] - HEADER * came["packets"],
        "packets_received": went["packets"],
        "octets_received": went["octets"] - HEADER * went["packets"],
    }


def differing(said: Mapping[str, str], here: Mapping[str, int]) -> list[str]:
    """Where both differ by more than a little, in words."""
    found = []
    for word in COMPARED:
        value = said.get(word, "")
        if not value.isascii() or not value.isdigit() or len(value) > LONGEST:
            continue
        most, apart = max(int(value), here[word]), abs(int(value) - here[word])
        if apart > max(FEW, LITTLE * most):
            found.append(f"{word} {value}, counted here {here[word]}")
    return found
