"""What one message of H.323 costs: microseconds to read it, to write every address over, and to encode it anew; and
beside that what the ASN.1 library takes to read the same octets.

    .venv/bin/python -m benchmarks.h323_codec [--times N]

In memory, one core, CPU time; the messages are recorded ones (../shared/corpora) and a Setup that holds everything.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Callable
from time import process_time_ns

from sbc.core.address import Address
from sbc.h323 import per
from sbc.h323.codec import Message, decode, prepare
from sbc.h323.spots import Noted
from tests.h323_messages import ALL

CHOSEN = {
    "n1_gk_fast_0004_003.ras": "RRQ",
    "n1_gk_fast_0005_004.ras": "RCF",
    "n1_gk_fast_0010_009.ras": "ARQ",
    "n1_gk_fast_0015_011.q931": "Setup, 4 fastStart",
    "n1_gk_fast_0028_016.q931": "Connect, 2 fastStart",
    "ndpi_0029_007.h245": "TerminalCapabilitySet",
    "ndpi_0041_014.h245": "OpenLogicalChannelAck",
    "setup": "Setup, 5 channels, H.460.19",
}
NEW4, NEW6 = Address("203.0.113.1", 20000), Address("2001:db8::1", 20000)
ROUNDS = 7


def rewritten(data: bytes, new: Address) -> bytes:
    """The message with every address written over."""
    message = decode(data)
    for spot in message.spots:
        if spot.kind is Noted.ADDRESS:
            message.put(spot, new)
    return message.encode()


def library_reads(message: Message) -> Callable[[], None]:
    """What reads the same PDUs, nested ones too, by the library alone."""
    held = [(pdu.type, message.data[pdu.start : pdu.end]) for pdu in message.pdus]

    def read() -> None:
        for kind, octets in held:
            per.decode(kind, octets)

    return read


def encode_anew(message: Message) -> Callable[[], None]:
    """What encodes the same PDUs by the library, with the values that were read."""
    held = [(pdu.type, pdu.whole) for pdu in message.pdus]

    def encode() -> None:
        for kind, whole in held:
            per.encode(kind, whole)

    return encode


def microseconds(action: Callable[[], object], times: int) -> float:
    """The median of several rounds, a call."""
    rounds = []
    for _ in range(ROUNDS):
        began = process_time_ns()
        for _ in range(times):
            action()
        rounds.append((process_time_ns() - began) / times / 1000)
    return statistics.median(rounds)


def starting() -> tuple[float, float]:
    """Milliseconds of CPU that a process needs to import the codec, and then to make the types ready."""
    program = (
        "from time import process_time as t; a = t(); import sbc.h323.codec as c; b = t(); c.prepare();"
        "print((b - a) * 1000, (t() - b) * 1000)"
    )
    ran = [
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True) for _ in range(3)
    ]
    pairs = [tuple(map(float, each.stdout.split())) for each in ran]
    return min(first for first, _ in pairs), min(second for _, second in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=300, help="how often in each of seven rounds")
    times = parser.parse_args().times
    imported, prepared = starting()
    print(f"import sbc.h323.codec {imported:.0f} ms, prepare() {prepared:.0f} ms\n")
    print(
        f"{'microseconds':30}{'octets':>7}{'read':>7}{'spots':>7}{'IPv4':>7}{'IPv6':>7}{'library':>9}{'anew':>7}{'times':>7}"
    )
    prepare()
    for name, data in ALL:
        if name in CHOSEN:
            message = decode(data)
            read = microseconds(lambda: decode(data), times)  # noqa: B023 used at once
            found = microseconds(lambda: decode(data).spots, times)  # noqa: B023
            four = microseconds(lambda: rewritten(data, NEW4), times)  # noqa: B023
            six = microseconds(lambda: rewritten(data, NEW6), times)  # noqa: B023
            library = microseconds(library_reads(message), times)
            anew = microseconds(encode_anew(message), times)
            costs = f"{len(data):7}{read:7.0f}{found:7.0f}{four:7.0f}{six:7.0f}{library:9.0f}{anew:7.0f}"
            print(f"{CHOSEN[name]:30}{costs}{library / read:7.1f}")


if __name__ == "__main__":
    main()
