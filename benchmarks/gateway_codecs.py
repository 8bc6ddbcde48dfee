"""What one message of H.248, in each encoding, and of MGCP costs: microseconds to read it, and to read it, write every
address over and encode it; and beside that what Erlang's megaco application takes to decode and to encode the same
messages of H.248.

    .venv/bin/python -m benchmarks.gateway_codecs [--times N]

In memory, one core, CPU time; the messages are the recorded ones (../shared/corpora). The two do not do the same:
Erlang makes a whole tree of terms and encodes all of it anew, the SBC reads what it looks at, and edits it in place.
The last line is what an ASN.1 library in Python takes for the binary ones.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.h323_codec import microseconds
from sbc.h248 import binary, text
from sbc.h248.message import H248Message
from sbc.mgcp import codec as mgcp
from tests.h248_laws import mended
from tests.h248_messages import BINARY, COMPACT, PRETTY
from tests.mgcp_messages import RECORDED

HOST, PORT = "203.0.113.1", 40_000
ROUNDS = 300  # of Erlang, whose clock ticks in 10 ms

Decode = Callable[[bytes], H248Message]
CODECS: dict[str, tuple[list[tuple[str, bytes]], Decode, Callable[[bytes], object]]] = {
    "long": (PRETTY, text.decode, text.parts),
    "short": (COMPACT, text.decode, text.parts),
    "binary": (BINARY, binary.decode, binary.parts),
}


def written(message: H248Message) -> bytes:
    """The message as it goes on: another MId and number, other hosts and ports in all descriptions."""
    message.edit(message.mid.at, b"[203.0.113.1]:41000")
    if message.transaction_at is not None:
        message.edit(message.transaction_at, b"1234567")
    for command in message.commands:
        for stream in command.streams:
            for description in (stream.local, stream.remote):
                for group in () if description is None else description.groups:
                    message.edit(group.at, mended(group.text, HOST, PORT))
        if command.services is not None and command.services.address is not None:
            message.edit(command.services.address.at, b"41000")
    return message.encode()


def mgcp_written(message: mgcp.MgcpMessage) -> bytes:
    """The same of MGCP, whose endpoint's domain stays."""
    message.edits.replace(*message.number_span, b"1234567")
    for start, end in message.bodies:
        message.edits.replace(start, end, mended(message.data[start:end], HOST, PORT))
    return message.edits.apply(message.data)


def all_of(action: Callable[[bytes], object], messages: list[bytes]) -> Callable[[], None]:
    """What does it to each message."""

    def run() -> None:
        for data in messages:
            action(data)

    return run


def erlang(folder: Path, name: str, messages: list[bytes], decode: Decode) -> str:
    """Decode, encode, both, and how many messages it could do, as columns; a word where there is no Erlang."""
    if shutil.which("erl") is None or shutil.which("erlc") is None:
        return "   (no Erlang here)"
    source = Path(__file__).with_name("megaco_codec.erl")
    subprocess.run(["erlc", "-Werror", "-o", str(folder), str(source)], check=True)
    held = folder / name
    held.write_bytes(b"".join(len(each).to_bytes(4, "big") + bytes([decode(each).version]) + each for each in messages))
    command = ["erl", "+S", "1:1", "+sbwt", "none", "-noshell", "-pa", str(folder), "-run", "megaco_codec", "run"]
    said = subprocess.run([*command, name, str(held), str(ROUNDS)], check=True, capture_output=True, text=True).stdout
    read, write, known = said.split()
    return f"{float(read):9.1f}{float(write):8.1f}{float(read) + float(write):7.1f}{known:>6}"


def library(messages: list[bytes], times: int) -> str:
    """What an ASN.1 library (pycrate, which is all Python, too) takes to decode the binary ones, and to encode them
    anew; those whose octets it does not give back are left out. A word where it is not there."""
    try:
        from pycrate_asn1dir.H248 import MEDIA_GATEWAY_CONTROL
    except ImportError:
        return "(no pycrate here)"
    kind = MEDIA_GATEWAY_CONTROL.MegacoMessage
    values = []
    for data in messages:
        kind.from_ber(data)
        values.append((data, kind.get_val()))
    known = [(data, value) for data, value in values if _encoded(kind, value) == data]
    read = microseconds(all_of(kind.from_ber, [data for data, _ in known]), times) / len(known)
    write = microseconds(lambda: [_encoded(kind, value) for _, value in known] and None, times) / len(known)
    return f"{read:9.1f}{write:8.1f}{read + write:7.1f}{len(known):>6}"


def _encoded(kind: Any, value: Any) -> bytes:
    kind.set_val(value)
    return kind.to_ber()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, help="how often in each of seven rounds")
    times = parser.parse_args().times
    print(f"{'':34}{'the SBC':>24}{'':5}{'Erlang':>24}")
    heads = f"{'microseconds a message':24}{'octets':>10}{'parts':>8}{'read':>8}{'on':>8}"
    print(f"{heads}{'decode':>14}{'encode':>8}{'both':>7}{'of':>6}")
    with tempfile.TemporaryDirectory(prefix="sbc-codecs-") as folder:
        for name, (recorded, decode, parts) in CODECS.items():
            messages = [data for _, data in recorded if len(parts(data)) == 1]
            _print_ours(name, messages, times, parts, decode, lambda data: written(decode(data)))  # noqa: B023 used at once
            print(erlang(Path(folder), name, messages, decode))
            if name == "binary":
                print(f"{'the same by pycrate':63}{library(messages, times)}")
    read = [data for _, data in RECORDED if len(mgcp.parts(data)) == 1]
    _print_ours("mgcp", read, times, mgcp.parts, mgcp.decode, lambda data: mgcp_written(mgcp.decode(data)))
    print()


def _print_ours(name: str, messages: list[bytes], times: int, *actions: Callable[[bytes], object]) -> None:
    count = len(messages)
    costs = [microseconds(all_of(action, messages), times) / count for action in actions]
    columns = "".join(f"{cost:8.1f}" for cost in costs)
    print(f"{f'{name}, {count} messages':24}{sum(map(len, messages)) / count:10.0f}{columns}", end="     ")


if __name__ == "__main__":
    main()
