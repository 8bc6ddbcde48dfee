"""rtpengine of Debian, in user space, driven by its ng protocol: bencoded dictionaries in datagrams, with cookies."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

    from tests.netns.lab import LabHost
    from tests.netns.processes import LabProcess

NG = ("127.0.0.1", 2223)
_TRIES = 3

_SDP = """v=0
o=- 1 1 IN IP4 {host}
s=-
c=IN IP4 {host}
t=0 0
m=audio {port} RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=sendrecv
"""


def bencode(value: dict[str, Any] | list[Any] | str | int) -> bytes:
    """`value` as the ng protocol writes it."""
    if isinstance(value, dict):
        return b"d" + b"".join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b"e"
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    if isinstance(value, int):
        return b"i%de" % value
    data = value.encode()
    return b"%d:%b" % (len(data), data)


def bdecode(data: bytes) -> Any:
    """What `data` holds. ValueError where it is not bencoded."""
    value, end = _read(data, 0)
    if end != len(data):
        raise ValueError("more than one value")
    return value


def _read(data: bytes, at: int) -> tuple[Any, int]:
    kind = data[at : at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    if kind in (b"l", b"d"):
        items, at = [], at + 1
        while data[at : at + 1] != b"e":
            item, at = _read(data, at)
            items.append(item)
        return (items if kind == b"l" else dict(zip(items[::2], items[1::2], strict=True))), at + 1
    end = data.index(b":", at)
    length = int(data[at:end])
    return data[end + 1 : end + 1 + length].decode(), end + 1 + length


def command(access: str, core: str, ports: tuple[int, int]) -> list[str]:
    """The command line of one with a foot `access` and one `core`, all else its default."""
    argv = ["rtpengine", "--config-file=none", "--foreground", "--log-stderr", "--log-level=3", "--table=-1"]
    argv += [f"--interface=access/{access}", f"--interface=core/{core}", f"--listen-ng={NG[0]}:{NG[1]}"]
    return [*argv, f"--port-min={ports[0]}", f"--port-max={ports[1]}"]


class Rtpengine:
    """A running rtpengine, with a foot `access` and one `core`."""

    def __init__(self, host: LabHost, access: str, core: str, ports: tuple[int, int], *more: str) -> None:
        """All but addresses and ports is its default; `more` are further arguments."""
        self.process: LabProcess = host.popen([*command(access, core, ports), *more], log="rtpengine")
        host.wait_bound(NG[1], by=self.process)
        self._socket: socket.socket = host.udp(0, NG[0])
        self._cookies = itertools.count(1)

    def ask(self, **request: Any) -> dict[str, Any]:
        """Carry out a command and return its answer. RuntimeError with the reason where rtpengine refuses."""
        cookie = b"%d" % next(self._cookies)
        for _ in range(_TRIES):
            self._socket.sendto(cookie + b" " + bencode({k.replace("_", "-"): v for k, v in request.items()}), NG)
            try:
                answer = self._answer(cookie)
            except TimeoutError:
                continue
            if answer.get("result") not in ("ok", "pong"):
                raise RuntimeError(f"rtpengine: {request.get('command')}: {answer}")
            return answer
        raise RuntimeError(f"rtpengine does not answer\n{self.process.tail()}")

    def _answer(self, cookie: bytes) -> dict[str, Any]:
        while True:
            got, _, rest = self._socket.recv(65_535).partition(b" ")
            if got == cookie:
                return dict(bdecode(rest))

    def open(
        self, call: str, caller: tuple[str, int], callee: tuple[str, int]
    ) -> tuple[tuple[str, int], tuple[str, int]]:
        """A call's offer and answer; our places towards the caller (access) and the callee (core)."""
        names = {"call_id": call, "from_tag": "a", "replace": ["origin", "session-connection"]}
        offer = self.ask(command="offer", sdp=plain_sdp(caller), direction=["access", "core"], **names)
        answer = self.ask(command="answer", to_tag="b", sdp=plain_sdp(callee), **names)
        return place_in(answer["sdp"]), place_in(offer["sdp"])

    def close(self, call: str) -> None:
        self.ask(command="delete", call_id=call, from_tag="a")


def plain_sdp(place: tuple[str, int]) -> str:
    return _SDP.format(host=place[0], port=place[1]).replace("\n", "\r\n")


def place_in(sdp: str) -> tuple[str, int]:
    host = re.search(r"^c=IN IP4 (\S+)", sdp, re.MULTILINE)
    port = re.search(r"^m=audio (\d+)", sdp, re.MULTILINE)
    if not host or not port:
        raise RuntimeError(f"rtpengine: no place in {sdp!r}")
    return host[1], int(port[1])
