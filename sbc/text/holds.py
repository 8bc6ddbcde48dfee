"""Whether octets hold others, asked in the way that costs least."""

from __future__ import annotations


def holds(octets: bytes, part: bytes) -> bool:
    """As ``part in octets``, which first tries whether `part` is the number of an octet, and throws an error away."""
    if len(part) == 1:
        return part[0] in octets
    return octets.find(part) >= 0
