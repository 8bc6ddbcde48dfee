"""tshark's judgement of messages of H.323: a decoder that shares nothing with ours says what is wrong with each, and
which addresses it holds."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import attrs
import pytest

from sbc.h323.codec import Wire

needs_tshark = pytest.mark.skipif(
    shutil.which("tshark") is None or shutil.which("text2pcap") is None, reason="needs the Debian package tshark"
)
_WIRES = {  # how text2pcap wraps it, and what tshark is told of the port; call signalling it knows by itself
    Wire.RAS: (("-u", "4000,1719"), ("-d", "udp.port==1719,h225")),
    Wire.SIGNAL: (("-T", "4000,1720"), ()),
    Wire.CONTROL: (("-T", "4000,1721"), ("-d", "tcp.port==1721,h245")),
}
_INSIDE = {Wire.RAS: "h225", Wire.SIGNAL: "q931", Wire.CONTROL: "h245"}
_HOSTS = ("h225.ipV4", "h225.ipV6", "h225.h245Ip", "h225.h245Ip6", "h245.ip4_network", "h245.ip6_network")
_FIELDS = ("frame.protocols", "_ws.malformed", "_ws.expert.message", *_HOSTS)


@attrs.frozen
class Judged:
    """What tshark says of one message: what it found in it, what is wrong, and the hosts of all addresses."""

    protocols: str
    faults: str
    hosts: tuple[str, ...]


def judge(folder: Path, wire: Wire, messages: list[bytes]) -> list[Judged]:
    """What tshark says of each of these messages, all of which travel by `wire`. `folder` is for its files."""
    wrapped, told = _WIRES[wire]
    dump, capture = folder / f"{wire.value}.txt", folder / f"{wire.value}.pcap"
    dump.write_text("".join(f"000000 {data.hex(' ')}\n" for data in messages))
    subprocess.run(["text2pcap", "-q", *wrapped, dump, capture], check=True, capture_output=True, timeout=60)
    fields = [part for field in _FIELDS for part in ("-e", field)]
    argv = ["tshark", "-n", "-r", capture, *told, "-T", "fields", "-E", "separator=;", *fields]
    said = subprocess.run(argv, check=True, capture_output=True, timeout=120, text=True).stdout
    judged = []
    for line in said.splitlines():
        protocols, malformed, expert, *hosts = line.split(";")
        found = tuple(host for field in hosts if field for host in field.split(","))
        missing = "" if _INSIDE[wire] in protocols.split(":") else "not dissected"
        judged.append(Judged(protocols, malformed + expert + missing, found))
    assert len(judged) == len(messages)
    return judged


def said_by_tshark(folder: Path, wire: Wire, fields: tuple[str, ...]) -> list[list[str]]:
    """What tshark reads in these fields of each message that was judged last."""
    wanted = [part for field in fields for part in ("-e", field)]
    argv = ["tshark", "-n", "-r", folder / f"{wire.value}.pcap", *_WIRES[wire][1], "-T", "fields", *wanted]
    said = subprocess.run(argv, check=True, capture_output=True, timeout=120, text=True).stdout
    return [line.split("\t") for line in said.splitlines()]
