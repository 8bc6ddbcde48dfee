"""Which interfaces the kernel's programs are on, how, and why so."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from array import array
from collections.abc import Iterable

import attrs
from twisted.logger import Logger

from sbc.media.flow import Tap
from sbc.media.kernel.peers import FRAMES, PEER
from sbc.media.kernel.plane import Plane

_SIOCGIFHWADDR, _ETHERNET = 0x8927, 1  # netdevice(7), ARPHRD_ETHER
_SIOCETHTOOL, _ETHTOOL_GDRVINFO = 0x8946, 3  # linux/sockios.h, linux/ethtool.h
_LOOPBACK = 1
_TC, _NOT_ATTACHED = "tc", "not-attached"
# No program of ours, no interface, no place where TC's would be, or one that interfaces share, where none of ours is.
_NOTHING = (errno.ENOENT, errno.ENODEV, errno.EINVAL, errno.EOPNOTSUPP)
_VLAN = "802.1Q VLAN Support"  # the driver of VLAN devices: net/8021q/vlan_dev.c


@attrs.define
class Attached:
    """An interface that has our programs. `mode`: "native", "generic" or "tc"; `why` it is not better than that; `may`:
    what they may do to send by it, FRAMES and PEER."""

    index: int
    name: str
    mode: str
    why: str
    may: int = 0


class Interfaces:
    """Puts the programs where media comes in: on the interfaces that hold our addresses, and those named besides.

    XDP in the driver where that can be, else in front of the stack, else TC alone. TC is always there: XDP leaves to it
    what it cannot send itself. Somebody else's program is never replaced.
    """

    _log = Logger()

    def __init__(
        self, plane: Plane, named: Iterable[str] = (), modes: tuple[str, ...] = (), redirect_peer: bool = True
    ) -> None:
        """`named`: interfaces that media comes in by although they do not hold its address. `modes`: what to try, in
        that order; empty: what is best for each. `redirect_peer`: whether a veth's other end is handed packets at
        once."""
        self._plane = plane
        self._named = tuple(named)
        self._modes = modes
        self._redirects = redirect_peer
        self.attached: dict[int, Attached] = {}
        self._hosts: dict[str, str] = {}  # our addresses whose packets come by us: "" or why they do not
        self._failed: set[str] = set()  # interfaces of which that was said
        self._absent: set[str] = set()  # those named that were not there
        self._blind = False  # nothing could be seen when it was looked last
        self._guarded: frozenset[str] = frozenset()  # our addresses that are to have the programs without media, too
        self._left = self._take_over()

    def ensure(self, host: str) -> str:
        """See to it that what comes to an address of ours comes by the programs; a word for why not, else empty.

        ``no-interface``: none holds the address, and none is named; ``loopback``; ``not-ethernet``; ``not-attached``:
        the system does not let TC be used, without which there is no XDP either; the log says why."""
        why = self._hosts.get(host)
        if why is None:
            why = self._hosts[host] = self._find(host)
        return why

    def guard(self, hosts: Iterable[str]) -> list[str]:
        """From now on see to it for these addresses, too; what keeps the programs from which of them, in words."""
        self._guarded = frozenset(hosts)
        return [f"{host}: {why}" for host in sorted(self._guarded) if (why := self._ensured(host))]

    def _ensured(self, host: str) -> str:
        try:
            return self.ensure(host)
        except OSError as error:
            return error.strerror or str(error)

    def _find(self, host: str) -> str:
        indexes = [index for name in self._named if (index := self._there(name))]
        own = self._plane.interface_of(host)
        if own > _LOOPBACK:
            indexes.append(own)
        if not indexes:
            return "loopback" if own == _LOOPBACK else "no-interface"
        reasons = [self._attach(index) for index in indexes]
        return next(filter(None, reasons), "")

    def _there(self, name: str) -> int:
        """The index of a named interface, 0 where it is not there, which is said once."""
        index = _index(name)
        if index:
            self._absent.discard(name)
        elif name not in self._absent:
            self._absent.add(name)
            self._log.warn("interface {name}, by which media is to come in, is not there", name=name)
        return index

    def _attach(self, index: int) -> str:
        if index in self.attached:
            return ""
        name = socket.if_indextoname(index)
        if not _is_ethernet(name):
            return "not-ethernet"
        try:
            self._plane.attach_tc(index)
        except OSError as error:
            reason = "another's filter has our place" if error.errno == errno.EBUSY else error.strerror
            if index in self._left:
                self._left.discard(index)
                self._take_off(index, "XDP")  # it counts on TC
            if name not in self._failed:
                self._failed.add(name)
                self._log.warn("the kernel cannot relay at {name}: TC: {why}", name=name, why=reason)
            return _NOT_ATTACHED
        self._failed.discard(name)
        mode, why = self._attach_xdp(index)  # only then: it counts on TC, and a driver may stop its interface for it
        found = self.attached[index] = Attached(index, name, mode or _TC, why)
        self._left.discard(index)
        self._see_exit(found)
        self._log.info(
            "the kernel relays at {name}: {mode}{why}",
            name=name,
            mode=found.mode if found.mode == _TC else f"{found.mode} XDP",
            why=f" ({why})" if why else "",
        )
        return ""

    def _attach_xdp(self, index: int) -> tuple[str, str]:
        """The mode XDP runs in, empty where it does not, and why it is no better one."""
        useless = "" if self._modes else self._useless(index)
        if index in self._left:
            mode = self._plane.xdp_mode(index)
            if not useless and mode in (self._modes or ("native", "generic")):
                return mode, "" if mode == "native" else "as it was left"
            self._plane.detach_xdp(index)
        if useless:
            return "", useless
        reasons = []
        for mode in self._modes or ("native", "generic"):
            if mode == _TC:
                break
            try:
                self._plane.attach_xdp(index, generic=mode == "generic")
            except OSError as error:
                if error.errno == errno.EBUSY:
                    return "", "it has an XDP program of somebody else's"
                reasons.append(f"{mode} XDP: {error.strerror}")
            else:
                return mode, "; ".join(reasons)
        return "", "; ".join(reasons)

    def _useless(self, index: int) -> str:
        """Why XDP would only be in the way there; empty where it may be of use."""
        driver = _driver(socket.if_indextoname(index))
        if driver == "veth":
            return "XDP would copy each packet of a veth twice"
        if driver == _VLAN:
            return "XDP of a VLAN's device stands behind the buffer, and sends nothing on"
        if self._plane.takes_frames(index) is None:
            return "the kernel does not say by which devices XDP may send (Linux does from 6.3 on)"
        return ""

    def _take_over(self) -> set[int]:
        """Let the XDP programs that an earlier process has left be ours; those of interfaces that are gone, forget.
        What looks into maps that are gone forwards what nobody knows of."""
        left = set()
        for index, _ in socket.if_nameindex():
            self._plane.sweep_tc(index)
        for pin in self._plane.pins():
            try:
                left.add(self._plane.renew_xdp(pin))
            except OSError:
                os.unlink(pin)
        return left

    def look(self) -> bool:
        """See which interfaces still are there and how they are sent by, and where our addresses are now. Whether any
        stream may come by another interface than before."""
        try:
            moved = self._look()
        except OSError as error:  # as where no file can be opened any more: the next look sees to it
            if not self._blind:
                said = "the system does not say what has become of interfaces: {why}"
                self._log.warn(said, why=error.strerror or str(error))
            self._blind = True
            return False
        self._blind = False
        return moved

    def _look(self) -> bool:
        spoken_of = self._plane.hear()
        if self._blind:
            spoken_of = None  # what was heard then is not known any more
        names, moved = dict(socket.if_nameindex()), self._blind
        for index, found in list(self.attached.items()):
            if names.get(index) != found.name:
                self._log.warn("interface {name} is gone", name=found.name)
                self._let_go(found)
                moved = True
            elif (spoken_of is None or index in spoken_of) and not self._put_back(found):
                self._let_go(found)
                moved = True
            else:
                self._see_exit(found)
        if any(map(_index, self._absent)):  # it has come: every address may come by it
            self._hosts.clear()
            moved = True
        for host, why in list(self._hosts.items()):
            index = self._plane.interface_of(host)
            if why or (index > _LOOPBACK and index not in self.attached):
                del self._hosts[host]
                moved = moved or not why
            if why == _NOT_ATTACHED and not self._ensured(host):
                moved = True
        for host in self._guarded:
            self._ensured(host)
        return moved

    def _put_back(self, found: Attached) -> bool:
        """See that the filter is there: who sets up queueing anew takes all filters off. False where it cannot be put
        back, or with it XDP was gone: then this is another interface with the number and name of the one before."""
        try:
            if not self._plane.attach_tc(found.index):
                return True
        except OSError as error:  # what comes there is the sockets'
            said = "the filter of interface {name} is gone, and cannot be put back: {why}"
            self._log.warn(said, name=found.name, why=error.strerror)
            return False
        self._log.warn("somebody had taken the filter off interface {name}: it is put back", name=found.name)
        return found.mode == _TC or bool(self._plane.xdp_mode(found.index))

    def _let_go(self, found: Attached) -> None:
        """Of an interface that is gone, or that has our filter no more, nothing stays: neither XDP, which counts on
        that, nor its pin, which would keep XDP from another that comes with the same number."""
        del self.attached[found.index]
        self._plane.outlet(found.index, 0)
        if found.mode != _TC:
            self._take_off(found.index, "XDP")

    def _see_exit(self, found: Attached) -> None:
        may = FRAMES if self._plane.takes_frames(found.index) else 0
        if self._redirects and self._plane.has_peer_at_hand(found.index):
            may |= PEER
        if may != found.may:
            self._plane.outlet(found.index, may)
            found.may = may

    def taps(self) -> tuple[Tap, ...]:
        """Where the programs are, by name."""
        found = sorted(self.attached.values(), key=lambda each: each.name)
        return tuple(Tap(each.name, each.mode, each.why, bool(each.may & PEER)) for each in found)

    def collect(self) -> int:
        """Take the programs that an earlier process has left off the interfaces where they are of no use now; how
        many."""
        count = 0
        for index, _ in socket.if_nameindex():
            if index not in self.attached:
                count += self._take_off(index, "XDP", "TC")
        self._left.clear()
        self._plane.unpin(everything=False)
        return count

    def detach(self) -> None:
        """Take all programs off again, and leave nothing pinned."""
        self.collect()
        for index in list(self.attached):
            self._take_off(index, "XDP", "TC")
        self.attached.clear()
        self._hosts.clear()
        self._plane.unpin(everything=True)

    def _take_off(self, index: int, *kinds: str) -> bool:
        gone = False
        for kind in kinds:
            try:
                (self._plane.detach_xdp if kind == "XDP" else self._plane.detach_tc)(index)
                gone = True
            except OSError as error:
                if error.errno not in _NOTHING:
                    said = "the {kind} program is not taken off interface {index}: {why}"
                    self._log.warn(said, kind=kind, index=index, why=error.strerror)
        return gone


def _index(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0


def _driver(name: str) -> str:
    """What the interface's driver calls itself; empty where it does not."""
    about = array("B", struct.pack("I", _ETHTOOL_GDRVINFO) + bytes(192))  # struct ethtool_drvinfo: the driver first
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        try:
            fcntl.ioctl(asker, _SIOCETHTOOL, struct.pack("16sP16x", name.encode(), about.buffer_info()[0]))
        except OSError:
            return ""
    return about.tobytes()[4:36].partition(b"\0")[0].decode(errors="replace")


def _is_ethernet(name: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        answer = fcntl.ioctl(asker, _SIOCGIFHWADDR, struct.pack("16sH22x", name.encode(), 0))
    return bool(struct.unpack_from("16xH", answer)[0] == _ETHERNET)
