"""A session description as the slots it holds, filled in place; whatever holds no address stays as it is (RFC 8866)."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

import attrs

from sbc.core.address import Address
from sbc.core.message import BadMessage, Place, Role, Slot
from sbc.core.secured import Secured
from sbc.text import sdp_secured, sdp_width
from sbc.text.edits import Edits
from sbc.text.sdp_formats import flow, types
from sbc.text.sdp_lines import (
    Candidate,
    Host,
    Line,
    MediaLine,
    Rtcp,
    read_candidate,
    read_connection,
    read_media,
    read_origin,
    read_path,
    read_rtcp,
    triple,
)
from sbc.text.sdp_narrow import narrow
from sbc.text.sdp_securing import Securing, joined

__all__ = ["MAX_CANDIDATES", "MAX_LINES", "MAX_MEDIA", "MediaLine", "Sdp", "Spot"]

MAX_LINES = 2_000
MAX_MEDIA = 32
MAX_CANDIDATES = 64
"""The most ``a=candidate`` lines one ``m=`` may have."""

_WELL_FORMED: Final = re.compile(rb"(?>(?:[a-z]=[^\r\n\x00]*+(?:\r?\n|\Z)|\r?\n)*)")
_INTEREST: Final = (
    rb"(?:([com])=|a=(?i:(rtcp|candidate|remote-candidates|altc?|source-filter|path|group(?=:BUNDLE)):"
    rb"|(rtcp-mux(?:-only)?|sendrecv|sendonly|recvonly|inactive)(?![^ \t\r\n])))([^\r\n]*+)\r?\n?"
)
_FIRST: Final = re.compile(_INTEREST)
_FURTHER: Final = re.compile(b"^" + _INTEREST, re.MULTILINE)
_DIRECTIONS: Final = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})
_WORTHLESS: Final = frozenset({"remote-candidates", "alt", "altc", "source-filter", "group"})
"""Attributes that only name further addresses of a peer (RFC 8839, 6947, 4570), which mean nothing on the other side,
and ``group:BUNDLE``: each stream has ports of its own here, and a peer not offered a bundle uses them (RFC 9143)."""


@attrs.define(eq=False)
class Spot:
    """Where in a description a slot is (`Slot.at`), and what it has been filled with."""

    what: MediaLine | Rtcp | Candidate | Host
    place: Place | None = None


class Sdp:
    """The description in ``data[start:end]``. `media` are its ``m=`` lines, `slots` its addresses, in order.

    Fill the slots, then call `finish` once: only then are the edits known, for one ``c=`` may serve several ``m=``.
    A slot that was not filled stays as it is. Raises BadMessage if malformed or beyond the limits of this module.

    The slots: for each datagram stream one RTP slot (UDPTL: T38), rejected ones with port 0; one RTCP slot where
    ``a=rtcp`` is given; one for the first UDP candidate of each component, not primary. ``o=``, each ``c=`` that no
    live stream uses, and MSRP paths are HIDE. The stream key is the index of the ``m=`` line.
    """

    def __init__(self, data: bytes, start: int, end: int, edits: Edits) -> None:
        self.data = data
        self.start = start
        self.end = end
        self.media: list[MediaLine] = []
        self.slots: list[Slot] = []
        self._edits = edits
        self._hidden: list[Host] = []  # o=, wherever it stands
        self._session: list[Host] = []  # c= before the first m=
        self._dropped: list[Line] = []
        self._direction = "sendrecv"
        self._secured: dict[int, tuple[Slot, Secured | None]] = {}  # what is to be told of each stream
        self._speaks = sdp_secured.speaks(data, start, end)
        self._read()
        self._settle()

    @staticmethod
    def fill(slot: Slot, place: Place) -> None:
        """Say what to write into a slot of a description."""
        slot.at.place = place

    def narrow(self, slot: Slot, keep: tuple[int, ...] | None) -> bool:
        """Let a stream have those of its formats alone, by their places, in that order, or all where none are named.
        Says whether it is one of this description's, and could be changed: a line is not taken out (None)."""
        spot = slot.at
        media = spot.what if isinstance(spot, Spot) else None
        if not isinstance(media, MediaLine) or media not in self.media:
            return False
        return keep == () or (keep is not None and narrow(self._edits, media.line, self._until(media), keep))

    def secure(self, slot: Slot, secured: Secured | None) -> bool:
        """Say of a stream that it is secured as `secured`, whatever its sender says of that. Says whether it is one of
        this description's."""
        spot = slot.at
        media = spot.what if isinstance(spot, Spot) else None
        if not isinstance(media, MediaLine) or media not in self.media:
            return False
        self._secured[media.index] = slot, secured
        if secured is not None and secured.at is not None:
            spot.place = Place(secured.at, ours=True)
        return True

    def finish(self) -> None:
        """Turn what was filled into edits."""
        hosts = self._written_hosts()
        for slot in self.slots:
            spot: Spot = slot.at
            if spot.place is None or not self._stays(slot):
                continue
            address, what = spot.place.address, spot.what
            if isinstance(what, Host):
                what.write(self._edits, address.host)
            elif isinstance(what, Rtcp):
                what.write(self._edits, address, hosts[what.index])
            elif isinstance(what, Candidate):
                what.write(self._edits, address)
            elif what.live and (address.port != what.port or what.count != 1):
                self._edits.replace(*what.port_span, b"%d" % address.port)
        self._write_connections(hosts)
        for line in self._dropped:
            line.delete(self._edits)
        if self._secured:
            self._write_secured()

    def _stays(self, slot: Slot) -> bool:
        """Whether the line of a slot stays where its stream is secured anew: all candidates are of one side alone, and
        where RTCP comes by the port of RTP no other is named."""
        spot: Spot = slot.at
        if not self._secured or not isinstance(slot.stream, int) or slot.stream not in self._secured:
            return True
        stream, said = self._secured[slot.stream]
        if stream.secured is not None and stream.secured.foreign and stream.at.place.address.port:
            return True
        if isinstance(spot.what, Rtcp):
            return not (joined(stream.secured) or joined(said))
        return not isinstance(spot.what, Candidate)

    def _write_secured(self) -> None:
        securing = Securing(self.data, self.start, self.end, self._edits)
        for index, (slot, said) in self._secured.items():
            media, spot = self.media[index], slot.at
            place = spot.place.address if spot.place is not None and media.live else None
            securing.stream(media, self._until(media), slot.secured, said, place)
        for media in self.media:
            if media.index not in self._secured:
                securing.hide(media, self._until(media))
        told = [(slot.at.place, said) for slot, said in self._secured.values() if said is not None]
        live = [said for place, said in told if place is None or place.address.port]
        securing.session(self.media[0], live)

    def _written_hosts(self) -> dict[int, str]:
        """The host to stand for each live media line, by its index."""
        hosts = {}
        for media in self.media:
            if media.live and media.connection is not None:
                hosts[media.index] = media.connection.host
        for slot in self.slots:
            spot: Spot = slot.at
            media_line = spot.what
            if spot.place is None or not isinstance(media_line, MediaLine) or media_line.connection is None:
                continue
            if media_line.live:
                host, searched = spot.place.address.host, self._secured.get(media_line.index, (slot, None))
                ice = searched[0].secured is not None and searched[0].secured.ice is not None
                hosts[media_line.index] = host if ice else media_line.connection.held(host)  # ICE says where it is
        return hosts

    def _write_connections(self, hosts: dict[int, str]) -> None:
        """Write each ``c=`` once, for the first live stream it serves; give those that differ a ``c=`` of their own."""
        written: dict[Host, str] = {}
        for media in self.media:
            if media.connection is None or media.index not in hosts:
                continue
            host = hosts[media.index]
            if media.connection not in written:
                media.connection.write(self._edits, host)
                written[media.connection] = host
            elif written[media.connection] != host:
                self._insert_connection(media, host)

    def _insert_connection(self, media: MediaLine, host: str) -> None:
        """After ``m=`` and ``i=``, as the order of lines demands (RFC 8866 section 9)."""
        at = media.line.line_end
        if self.data.startswith(b"i=", at, self.end):
            at = self.data.find(b"\n", at, self.end) + 1 or self.end
        text = b"c=" + triple(host)
        line_end = self.data[media.line.end : media.line.line_end] or b"\r\n"
        ended = self.data[at - 1 : at] == b"\n"
        self._edits.insert(at, text + line_end if ended else line_end + text)

    def _read(self) -> None:
        data, start, end = self.data, self.start, self.end
        if data.count(b"\n", start, end) > MAX_LINES:
            raise BadMessage("SDP has too many lines")
        if _WELL_FORMED.fullmatch(data, start, end) is None:
            raise BadMessage("Malformed SDP line")
        first = _FIRST.match(data, start, end)  # apart, for what is before it need not be a line end
        if first is not None:
            self._read_line(first)
        for match in _FURTHER.finditer(data, start + 1, end):
            self._read_line(match)

    def _read_line(self, match: re.Match[bytes]) -> None:
        line = Line(self.data, match.start(), match.start(4), match.end(4), match.end())
        media = self.media[-1] if self.media else None
        if match[1] == b"m":
            if len(self.media) == MAX_MEDIA:
                raise BadMessage("SDP has too many m= lines")
            self.media.append(read_media(line, len(self.media), self._direction))
        elif match[1] == b"c":
            (self._session if media is None else media.own).append(read_connection(line))
        elif match[1] == b"o":
            self._hidden.append(read_origin(line))
        elif match[3] is None:
            self._read_attribute(match[2].decode("ascii").lower(), line, media)
        else:
            flag = match[3].decode("ascii").lower()
            if media is None:
                self._direction = flag if flag in _DIRECTIONS else self._direction
            elif flag in _DIRECTIONS:
                media.direction = flag
            else:
                media.mux = True

    def _read_attribute(self, name: str, line: Line, media: MediaLine | None) -> None:
        if media is None or name in _WORTHLESS:
            self._dropped.append(line)
        elif name == "path":
            media.paths += read_path(line)
        elif name == "rtcp":
            if media.rtcp is None:
                media.rtcp = read_rtcp(line, media.index)
            else:
                self._dropped.append(line)
        else:
            media.candidate_lines += 1
            if media.candidate_lines > MAX_CANDIDATES:
                raise BadMessage("SDP has too many candidates")
            candidate = read_candidate(line)
            if candidate is None or any(each.component == candidate.component for each in media.candidates):
                self._dropped.append(line)
            else:
                media.candidates.append(candidate)

    def _settle(self) -> None:
        """Find the effective ``c=`` of each stream; make the slots."""
        self._find_bundled()
        for media in self.media:
            media.connection = next(iter(media.own or self._session), None)
            if media.connection is None:
                if media.relayed and media.port:
                    raise BadMessage("SDP m= without c=")
            elif media.connection.host:
                media.address = Address(media.connection.host, media.port)
        used = {media.connection for media in self.media if media.live}
        self._hide(self._hidden)
        self._hide([host for host in self._session if host not in used])
        for media in self.media:
            self._hide([host for host in media.own if host not in used])
            self._settle_media(media)
            self._hide(media.paths)
        if self._speaks:
            self._share_transports()

    def _find_bundled(self) -> None:
        """The streams that are turned down by their port alone: their transport is that of another, which is not."""
        rejected = [media for media in self.media if not media.port and not media.wildcard]
        if not rejected or self.data.find(b"a=bundle-only", self.start, self.end) < 0:
            return
        groups = sdp_secured.bundles(self.data[self.start : self.media[0].line.line_start])
        named = {sdp_secured.name_of(self._lines(media)): media for media in self.media}
        for media in rejected:
            mid = sdp_secured.bundled_alone(self._lines(media))
            first = next((named.get(group[0]) for group in groups if group and mid and mid in group), None)
            media.only = first is not None and first.port > 0

    def _lines(self, media: MediaLine) -> bytes:
        return self.data[media.line.line_end : self._until(media)]

    def _share_transports(self) -> None:
        """What is said of the transport of a bundle is said of its first stream, and true of all of them."""
        said = {slot.secured.mid: slot for slot in self.slots if slot.secured is not None and slot.primary}
        for slot in list(said.values()):
            secured = slot.secured
            first = None if secured is None or not secured.bundle else said.get(secured.bundle)
            if secured is None or first is None or first is slot or first.secured is None:
                continue
            of = first.secured
            slot.secured = attrs.evolve(
                secured,
                fingerprints=secured.fingerprints or of.fingerprints,
                setup=secured.setup or of.setup,
                ice=secured.ice or of.ice,
                mux=secured.mux or of.mux,
                at=first.place.address if slot.at.what.only else None,
            )

    def _settle_media(self, media: MediaLine) -> None:
        address, rtcp = media.address, media.rtcp
        if address is not None and media.relayed and not media.wildcard:
            self._slot(Role.T38 if media.udptl else Role.RTP, address, media, media)
        if address is None or not media.live:
            self._dropped += [candidate.line for candidate in media.candidates]
            if rtcp is not None and rtcp.host is not None:
                self._dropped.append(rtcp.line)
            return
        if rtcp is not None:
            host = address.host if rtcp.host is None else rtcp.host.host
            if host:
                self._slot(Role.RTCP, Address(host, rtcp.port), rtcp, media)
        for candidate in media.candidates:
            role = Role.RTP if candidate.component == 1 else Role.RTCP
            self._slot(role, candidate.address, candidate, media, primary=False)

    def _slot(
        self, role: Role, address: Address, what: MediaLine | Rtcp | Candidate, media: MediaLine, primary: bool = True
    ) -> None:
        self.slots.append(Slot(role, Place(address), Spot(what), stream=media.index, primary=primary))
        self.slots[-1].held = media.direction != "sendrecv"
        if what is media and media.live:
            until = self._until(media)
            session = sdp_width.of_session(self.data, self.start, self.media[0].line.line_start)
            said = flow(media.line, until, media.kind, media.transport, session)
            self.slots[-1].media, self.slots[-1].width = said
            self.slots[-1].types = partial(types, media.line, until)
            if self._speaks or (media.transport != "RTP/AVP" and not media.udptl):
                session_lines = self.data[self.start : self.media[0].line.line_start]
                lines = self.data[media.line.line_end : until]
                secured = sdp_secured.read(session_lines, lines, media.transport, media.mux)
                self.slots[-1].secured = secured or (sdp_secured.NOTHING if self._speaks else None)

    def _until(self, media: MediaLine) -> int:
        """Where the lines of a stream end."""
        following = self.media[media.index + 1 : media.index + 2]
        return following[0].line.line_start if following else self.end

    def _hide(self, hosts: list[Host]) -> None:
        for host in hosts:
            if host.host:
                self.slots.append(Slot(Role.HIDE, Place(Address(host.host, 0)), Spot(host)))
