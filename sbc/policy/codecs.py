"""What each codec takes: bit/s of media, how much of it a packet holds. By the names that RTP has for formats."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class Codec(NamedTuple):
    """`rate` is what it takes, in bit/s of RTP payload, and `most` what it may take where nobody has said less: the
    same for codecs of one rate. `packing` is how many ms of media a packet holds where nobody has said, `frame` the
    least that it holds: a frame, or what senders send at least. `follows`: it keeps to what is said of bandwidth."""

    rate: int
    most: int
    packing: int
    frame: int
    follows: bool = False


COMPANIONS = frozenset({"telephone-event", "tone", "cn", "rtx", "ulpfec", "parityfec", "flexfec", "x-ulpfecuc"})
"""Formats that go along with another and take no more than that leaves."""
DOUBLES = frozenset({"red"})
"""Formats that say what others have said once more (RFC 2198)."""

_PER_SAMPLE = {  # bits of a sample (RFC 3551 section 4.5, RFC 3190)
    "dvi4": 4,
    "l8": 8,
    "l16": 16,
    "l20": 20,
    "l24": 24,
    "vdvi": 4,
}


def _steady(rate: int, packing: int = 20, frame: int = 10) -> Codec:
    return Codec(rate, rate, packing, frame)


_TABLE = {
    "pcmu": _steady(64_000),  # RFC 3551 section 4.5.14
    "pcma": _steady(64_000),
    "x-nse": _steady(64_000),  # a gateway's voice turns into G.711 for modems, by events alone
    "clearmode": _steady(64_000),  # RFC 4040
    "g722": _steady(64_000),  # RFC 3551 section 4.5.2
    "pcmu-wb": _steady(96_000, frame=5),  # RFC 5391: G.711.1
    "pcma-wb": _steady(96_000, frame=5),
    "g726-16": _steady(16_000),  # RFC 3551 section 4.5.4
    "g726-24": _steady(24_000),
    "g726-32": _steady(32_000),
    "g726-40": _steady(40_000),
    "aal2-g726-16": _steady(16_000),  # RFC 3551 section 4.5.4, ITU-T I.366.2
    "aal2-g726-24": _steady(24_000),
    "aal2-g726-32": _steady(32_000),
    "aal2-g726-40": _steady(40_000),
    "g728": _steady(16_000),  # RFC 3551 section 4.5.5
    "g729": _steady(8_000),  # RFC 3551 section 4.5.6: ten octets each 10 ms
    "g729a": _steady(8_000),
    "g729b": _steady(8_000),
    "g729ab": _steady(8_000),
    "g729d": _steady(6_400),
    "g729e": _steady(12_000),
    "g7291": Codec(32_000, 32_000, 20, 20, follows=True),  # RFC 4749
    "g723": _steady(6_400, 30, 30),  # RFC 3551 section 4.5.3: 24 octets each 30 ms
    "g7221": Codec(32_000, 48_000, 20, 20, follows=True),  # RFC 5577
    "gsm": _steady(13_200, 20, 20),  # RFC 3551 section 4.5.8
    "gsm-efr": _steady(12_400, 20, 20),  # RFC 3551 section 4.5.9
    "gsm-hr-08": _steady(6_000, 20, 20),  # RFC 5993: fourteen octets and one of contents
    "lpc": _steady(5_600, 20, 20),  # RFC 3551 section 4.5.12
    "qcelp": _steady(14_000, 20, 20),  # RFC 2658
    "evrc": _steady(9_600, 20, 20),  # RFC 3558
    "evrc0": _steady(8_800, 20, 20),
    "evrcb": _steady(9_600, 20, 20),  # RFC 4788
    "evrcwb": _steady(9_600, 20, 20),  # RFC 5188
    "smv": _steady(9_600, 20, 20),  # RFC 3558
    "ilbc": _steady(15_200, 20, 20),  # RFC 3952: 38 octets each 20 ms, 50 each 30 ms
    "amr": Codec(13_200, 13_200, 20, 20),  # RFC 4867, octet-aligned, 12.2 kbit/s
    "amr-wb": Codec(24_800, 24_800, 20, 20),  # 23.85 kbit/s
    "amr-wb+": Codec(38_400, 48_000, 20, 20, follows=True),  # RFC 4352
    "evs": Codec(25_600, 128_800, 20, 20, follows=True),  # 3GPP TS 26.445 annex A: 24.4 of up to 128 kbit/s
    "speex": Codec(28_000, 44_000, 20, 20, follows=True),  # RFC 5574
    "silk": Codec(40_000, 40_000, 20, 20, follows=True),
    "opus": Codec(64_000, 510_000, 20, 5, follows=True),  # RFC 7587 section 3.1.1: 64 of up to 510 kbit/s
    "mp4a-latm": Codec(64_000, 256_000, 20, 20, follows=True),  # RFC 6416
    "mpeg4-generic": Codec(64_000, 256_000, 20, 20, follows=True),  # RFC 3640
    "mpa": Codec(128_000, 448_000, 24, 24, follows=True),  # RFC 2250
    "t140": Codec(2_000, 8_000, 300, 100),  # RFC 4103: thirty characters a second
    "telephone-event": _steady(1_600, 20, 20),  # RFC 4733: four octets, where nothing else flows
    "cn": _steady(400, 20, 20),  # RFC 3389
}
_AMR_BITS = (95, 103, 118, 134, 148, 159, 204, 244)  # of a frame in each mode (RFC 4867 section 3.6)
_AMR_WB_BITS = (132, 177, 253, 285, 317, 365, 397, 461, 477)


@lru_cache(maxsize=512)
def codec_of(coded: str) -> Codec | None:
    """What is known of a format, given as Slot.media has it, ``opus/48000/2``; None where that is nothing."""
    name, _, further = coded.casefold().partition("/")
    clock, _, channels = further.partition("/")
    many = int(channels) if channels.isdigit() and len(channels) == 1 else 1
    bits = _PER_SAMPLE.get(name)
    if bits is not None:
        return _steady(bits * _hertz(clock) * many) if _hertz(clock) else None
    found = _TABLE.get(name)
    if found is None or many < 2 or found.follows:
        return found
    return found._replace(rate=found.rate * many, most=found.most * many)


_SPELLINGS = {  # names that vendors write, and those that were registered
    "g729a": "g729",
    "g729b": "g729",
    "g729ab": "g729",
    "g723.1": "g723",
    "g7231": "g723",
    "g722.1": "g7221",
    "g729.1": "g7291",
    "amr-nb": "amr",
    "amrwb": "amr-wb",
    "g711u": "pcmu",
    "g711a": "pcma",
    "ulaw": "pcmu",
    "alaw": "pcma",
}


@lru_cache(maxsize=512)
def same_as(coded: str) -> str:
    """One spelling of a format, for whatever both sides call it: one channel need not be said (RFC 8866 section 6.6),
    and the clock of what takes the same at any (G.722's is wrong by tradition) does not tell formats apart."""
    name, _, further = coded.casefold().partition("/")
    clock, _, channels = further.partition("/")
    name = _SPELLINGS.get(name, name)
    if name in _TABLE:
        clock = ""
    return f"{name}/{clock}" + (f"/{channels}" if channels not in ("", "1") else "")


def _hertz(clock: str) -> int:
    return int(clock) if clock.isdigit() and len(clock) <= 6 else 0


def name_of(coded: str) -> str:
    """A format's name alone: ``opus``."""
    return coded.partition("/")[0].casefold()


def amr_rate(wide: bool, mode: int) -> int:
    """Bit/s of AMR or AMR-WB in a mode (RFC 4867): one frame each 20 ms, with two octets before it; 0 for no mode."""
    bits = _AMR_WB_BITS if wide else _AMR_BITS
    return ((bits[mode] + 7) // 8 + 2) * 8 * 50 if 0 <= mode < len(bits) else 0
