"""The Services descriptor of H.248's text encoding: what becomes of a gateway, and where it is (H.248.1 Annex B.2)."""

from __future__ import annotations

import re

import attrs

from sbc.h248.message import BadH248, Services
from sbc.h248.mids import read_place
from sbc.h248.scan import COMMAND, Cursor, Spot, skip
from sbc.h248.tokens import METHODS, SERVICES

_TIME = re.compile(rb"[0-9]{8}T[0-9]{8}", re.IGNORECASE)
_MTP = re.compile(rb"[^{}]*+\}")


def read_services(cursor: Cursor, pos: int) -> tuple[Services, int]:
    """A ServiceChange descriptor, whose inside begins at `pos`."""
    services = Services()
    items: list[tuple[int, int]] = []
    closed = False
    while not closed:
        item = cursor.item(pos, COMMAND)
        name, value, mark = item.groups()
        pos = item.end()
        if name is None:
            break
        start, end = item.start(1), item.end(2) if value is not None else item.end(1)
        if mark == b"{":
            mtp = _MTP.match(cursor.data, pos) if value is not None and value.lower() == b"mtp" else None
            pos = skip(cursor.data, pos) if mtp is None else mtp.end()
            value = value if mtp is None else cursor.data[item.start(2) : pos]
            end = pos
            pos, closed = cursor.next(pos, COMMAND)
        else:
            closed = mark == b"}"
        items.append((start, end))
        spot = Spot(item.start(2), end, "place", items, len(items) - 1)
        _set(services, name, value, spot)
    return services, pos


def _set(services: Services, name: bytes, value: bytes | None, spot: Spot) -> None:
    """Set what one parameter of a ServiceChange says. What is unknown says nothing."""
    word = SERVICES.get(name.lower())
    if word is None:
        if value is None and _TIME.fullmatch(name) is not None:
            services.timestamp = name
    elif word == "servicechangeinc":
        services.incomplete = True
    elif value is None:
        raise BadH248(f"{word} without value", COMMAND)
    elif word == "method":
        services.method = METHODS.get(value.lower()) or value.lower().decode("latin-1")
    elif word == "reason":
        services.reason = value.strip(b'"')
    elif word == "profile":
        services.profile = value
    elif word in ("servicechangeaddress", "mgcidtotry"):
        place = read_place(value)
        if place is None:
            raise BadH248(f"malformed {word}", COMMAND)
        if (services.mgc if word == "mgcidtotry" else services.address) is not None:
            raise BadH248(f"{word} twice", COMMAND)
        place = attrs.evolve(place, at=spot)
        if word == "mgcidtotry":
            services.mgc = place
        else:
            services.address = place
    elif not value.isdigit() or len(value) > 10:
        raise BadH248(f"malformed {word}", COMMAND)
    elif word == "delay":
        services.delay = int(value)
    else:
        services.version = int(value)
        services.version_at = Spot(spot.start, spot.end, "number", spot.items, spot.nth)
