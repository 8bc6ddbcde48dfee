"""Media of all calls of the lab's H.323 endpoint by one pair of ports, told apart by numbers (H.460.19 section 7.3)."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING, Any

from tests.netns.h323_wire import Peer, channel
from tests.netns.phone_loop import datagrams
from tests.netns.phone_media import PhoneMedia

if TYPE_CHECKING:
    from tests.netns.h323_link import Place

PORT = 3000
FEATURE = {"id": ("standard", 19), "parameters": [{"id": ("standard", 1)}]}


class NumberedSocket:
    """What one call has of a shared socket: before what it sends stands the number that the other end has told."""

    def __init__(self, shared: SharedMedia, sock: socket.socket, mine: int) -> None:
        self.shared, self.sock, self.mine = shared, sock, mine
        self.number: int | None = None

    def sendto(self, data: bytes, to: Peer) -> None:
        """Send, with the number; nothing before there is one: nobody would know whose it is."""
        if self.number is not None:
            self.sock.sendto(self.number.to_bytes(4, "big") + data, to)

    def getsockname(self) -> Any:
        return self.sock.getsockname()

    def close(self) -> None:
        self.shared.calls.pop(self.mine, None)


class SharedMedia:
    """The two sockets. `calls` are the media of each call by the number that we ask for; `strange` counts packets
    that have none of these."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.sockets = [place.udp(PORT), place.udp(PORT + 1)]
        self.calls: dict[int, PhoneMedia] = {}
        self.strange = 0

    def media(self) -> PhoneMedia:
        """For a further call."""
        mine = secrets.randbits(32)
        rtp, rtcp = (NumberedSocket(self, sock, mine) for sock in self.sockets)
        self.calls[mine] = PhoneMedia(rtp, rtcp)
        return self.calls[mine]

    def readable(self, sock: socket.socket) -> None:
        """Give each packet to its call."""
        for data, source in datagrams(sock):
            media = self.calls.get(int.from_bytes(data[:4], "big"))
            if media is None:
                self.strange += 1
            else:
                media.take("rtp" if sock is self.sockets[0] else "rtcp", data[4:], source)

    def asks(self, media: PhoneMedia) -> dict[str, Any]:
        """The traversal parameters by which the other end is to send so to us."""
        rtp, rtcp = (channel((self.place.address, PORT + each)) for each in (0, 1))
        said = {"multiplexedMediaChannel": rtp, "multiplexedMediaControlChannel": rtcp}
        assert isinstance(media.rtp, NumberedSocket)
        return said | {"multiplexID": media.rtp.mine}

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


def number(media: PhoneMedia, told: int) -> None:
    """The other end has told the number of what is sent to it."""
    for sock in (media.rtp, media.rtcp):
        if isinstance(sock, NumberedSocket):
            sock.number = told
