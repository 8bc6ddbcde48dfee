"""How much of a stream a description allows: bandwidth, packets and the bounds of formats.

``b=AS`` and ``b=TIAS`` (RFC 8866 section 5.8, RFC 3890), ``b=RS`` and ``b=RR`` (RFC 3556), ``a=ptime`` and
``a=maxptime`` (RFC 8866 section 6.4), ``a=maxprate`` (RFC 3890), what ``a=fmtp`` says of a codec's rate, and
``a=T38MaxBitRate`` (T.38 annex D).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from sbc.core.message import UNSAID, Width
from sbc.policy.codecs import amr_rate

SRTP_TAG = 10
"""Octets that each packet of SRTP ends with, usually (RFC 3711 section 4.2)."""

_SESSION: Final = re.compile(rb"^b=(as|tias|r[rs]):[ \t]*+([0-9]{1,10})", re.MULTILINE | re.IGNORECASE)
_MOST: Final = 1_000_000_000  # bit/s that count
_MODES: Final = re.compile(r"[0-9](?:,[0-9])*")


def of_session(data: bytes, start: int, end: int) -> Width:
    """What the description says before its first ``m=`` of all streams together: no one may be larger."""
    if data.find(b"b=", start, end) < 0:
        return UNSAID
    said: dict[bytes, int] = {}
    for match in _SESSION.finditer(data, start, end):
        said.setdefault(match[1].lower(), int(match[2]))
    return _rates(said, UNSAID) if said else UNSAID


def width(said: dict[bytes, int], bounds: tuple[int, ...], transport: str, session: Width) -> Width:
    """What the lines of a stream say: by the names of their attributes or bandwidths, in small letters."""
    rates = _rates(said, session)
    packing, longest = said.get(b"ptime", 0), said.get(b"maxptime", 0)
    if longest and packing > longest:
        packing = longest
    if not packing and longest and longest < _USUAL:
        packing = longest
    media = rates.media or said.get(b"t38maxbitrate", 0)
    return Width(
        min(media, _MOST),
        rates.wire,
        min(said.get(b"maxprate", 0), 100_000),
        rates.rtcp,
        min(packing, 1_000),
        SRTP_TAG if "SAVP" in transport else 0,
        bounds,
    )


_USUAL: Final = 20  # ms of media that packets hold where nobody says more


def _rates(said: dict[bytes, int], session: Width) -> Width:
    media, wire = said.get(b"tias", 0), said.get(b"as", 0) * 1_000
    if not media and not wire:
        media, wire = session.media, session.wire
    rtcp = session.rtcp
    if b"rs" in said or b"rr" in said:
        rtcp = min(said.get(b"rs", 0) + said.get(b"rr", 0), _MOST)
    return Width(min(media, _MOST), min(wire, _MOST), rtcp=rtcp)


def bound(coded: str, parameters: bytes | None) -> int:
    """Bit/s of media that the parameters of a format allow it; 0 where they do not say."""
    if parameters is None:
        return 0
    return _known(coded, parameters) if len(parameters) <= _KEPT else _bound(coded, parameters)


def _bound(coded: str, parameters: bytes) -> int:
    name = coded.partition("/")[0].casefold()
    found = dict(_parameter(each) for each in parameters.decode("ascii", "replace").casefold().split(";", 32)[:32])
    if name in ("amr", "amr-wb"):
        modes = found.get("mode-set", "")
        return amr_rate(name == "amr-wb", max(map(int, modes.split(",")))) if _MODES.fullmatch(modes) else 0
    if name == "ilbc":
        return {"20": 15_200, "30": 13_334}.get(found.get("mode", ""), 0)
    if name == "evs":
        return _kilobits(found.get("br", "").rpartition("-")[2])
    word = _WORDS.get(name)
    value = found.get(word, "") if word is not None else ""
    return min(int(value), _MOST) if value.isascii() and value.isdigit() and len(value) <= 9 else 0


_known = lru_cache(maxsize=512)(_bound)
_KEPT: Final = 500  # octets of parameters that are known again
_WORDS: Final = {
    "opus": "maxaveragebitrate",  # RFC 7587 section 6.1
    "g7221": "bitrate",  # RFC 5577
    "g7291": "maxbitrate",  # RFC 4749
    "mp4a-latm": "bitrate",  # RFC 6416
    "speex": "bitrate",
}


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


def _kilobits(text: str) -> int:
    """Kbit/s with one decimal place at most, as bit/s."""
    whole, _, part = text.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 3):
        return 0
    return int(whole) * 1_000 + (int(part[0]) * 100 if part[:1].isdigit() and part.isascii() else 0)
