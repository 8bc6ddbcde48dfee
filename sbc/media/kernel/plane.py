"""The kernel's half of the engine, as user space holds it: programs and maps, and the slots that flows stand in."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from sbc.core.address import Address
from sbc.core.orders import UNSET, Rate
from sbc.media.counters import Volume
from sbc.media.flow import Flow
from sbc.media.kernel import peers, pins
from sbc.media.kernel.addresses import FOUR, WIDE, of_flow, of_slot, unpack
from sbc.media.kernel.barrier import Barrier
from sbc.media.kernel.directory import Unavailable as Unavailable  # for who needs nothing else of there
from sbc.media.kernel.directory import open_directory, own
from sbc.media.kernel.extension import LAYOUT, loader
from sbc.media.kernel.held import Held
from sbc.media.kernel.lease import Lease
from sbc.media.kernel.recorded import Recorded
from sbc.media.kernel.shared import Lend, PlaneBucket, nobody
from sbc.media.kernel.tables import Tables
from sbc.media.kernel.tally import Last as Last  # of whom all who ask it have these
from sbc.media.kernel.tally import Tally as Tally
from sbc.media.kernel.vacant import Vacant

RTP, RTCP = 1, 2  # RELAY_RTP, RELAY_RTCP; and RELAY_HEARD_RTP, RELAY_HEARD_RTCP
STRANGERS, OTHERS, UNROUTED, POLICED = 1, 2, 4, 8

NONE = Volume()

_HEAD = struct.Struct("=25sBBBBBHIH14xI")  # of struct relay_slot, from its start on, what is constant
_WIDE = slice(192, 192 + WIDE)
_CONTEXT = 512
_UNLIMITED = 1 << 62  # a bucket's depth that no difference between two processors' clocks reaches
_SHUT = 0x80000000  # RELAY_SHUT
_REALMS = 4096  # RELAY_REALMS
_UNSET = 255  # RELAY_UNSET


def _takes(flow: Flow, mux: bool) -> int:
    return RTCP if flow.rtcp else RTP | (RTCP if mux else 0)


class Plane:
    """Programs and maps, pinned in a directory of a BPF file system that this process alone uses.

    What another process has left there is taken over: `left` has its flows, each with its slot.
    """

    _log = Logger()

    def __init__(self, directory: str, room: int) -> None:
        """`room`: flows there can be. @raises Unavailable."""
        self.directory = directory
        self.room = room
        self._module = loader()
        self._lib, self._ffi = self._module.lib, self._module.ffi
        self._lock = own(self._lib, directory)
        self._held = Held()
        self._peers = peers.Peers(self._lib.interface_programs)
        self._relay = self._load(directory, room)
        self.left = dict(self._leftover())
        if any(self._lib.relay_slots(self._relay)[slot].layout != LAYOUT for slot in self.left.values()):
            self._lib.relay_free(self._relay)
            pins.unpin_maps(directory)
            self._relay = self._load(directory, room)
            self.left = {}
        self._slots = self._lib.relay_slots(self._relay)
        self._buckets = self._lib.relay_buckets(self._relay)
        self.recorded = Recorded(self._lib, self._relay)
        self._found = self._ffi.new("unsigned int[]", 1024)
        self._what = self._ffi.new("unsigned int[]", 1024)
        self._vacant = Vacant(room, frozenset(self.left.values()))
        self._realms: dict[str, int] = {}
        self.lease = Lease(self._lib.relay_lease(self._relay), self.now)
        self.tables = Tables(self._module, self._relay)
        self.barrier = Barrier(self._module, self._relay, self.now)
        self._begin()

    @staticmethod
    def probe(directory: str) -> None:
        """Try whether there can be one, and leave nothing. @raises Unavailable."""
        module = loader()
        os.close(open_directory(module.lib, directory))
        why = module.ffi.new("char[]", _CONTEXT)
        relay = module.lib.relay_load(module.ffi.NULL, 1, why, _CONTEXT)
        if not relay:
            raise Unavailable(module.ffi.string(why).decode(errors="replace"))
        module.lib.relay_free(relay)

    def close(self) -> None:
        """Let go; what is pinned stays as it is."""
        self._held.close()
        self._peers.close()
        self._lib.relay_free(self._relay)
        os.close(self._lock)

    def now(self) -> int:
        """Nanoseconds of the clock that the kernel's programs go by."""
        return int(self._lib.relay_now())

    def _begin(self) -> None:
        """Take the lease. What is left of one that has ended is forwarded no more; its counters wait for its stream."""
        ended = self.lease.ended()
        for slot in self.left.values() if ended else ():
            self._lib.relay_shut(self._relay, slot)
        passed = self.lease.renew()
        if ended and self.left:
            said = "nobody has answered for {flows} flows for long: {packets} of their packets were left to the stack"
            self._log.warn(said, flows=len(self.left), packets=passed)

    # -- flows

    def enter(self, flow: Flow, longest: int, mux: bool, own: int, realm: int, lend: Lend = nobody) -> int:
        """Let the kernel forward a flow; its slot. `mux`: RTCP comes on its port, too. `own` and `realm` are the
        buckets (0: none) that it is taken out of; own -1 is the slot's own, which `flow.limit` fills, and which `lend`
        is given before anything comes.

        @raises OSError."""
        now = self.now()
        slot = self._vacant.take(now)
        try:
            self._write(slot, flow, longest, mux, slot if own < 0 else own, realm, now)
            if own < 0:
                self.limit(slot, flow.limit)  # the bucket is new, and begins full
                lend(PlaneBucket(self._module, self._bucket(slot)))
            self._lib.relay_watch(self._relay, slot, 1)
            self._must(self._lib.relay_enter(self._relay, slot))
        except OSError:
            self._rest(slot)
            raise
        return slot

    def take_over(self, flow: Flow) -> int | None:
        """The slot in which another process has left a flow from and to the same addresses. Whether it may go on `fits`
        says."""
        slot = self.left.get(flow.local)
        if slot is None or self._addresses(slot) != of_flow(flow):
            return None
        del self.left[flow.local]
        self._slots[slot].own = 0  # there may have been a rate
        self._lib.relay_watch(self._relay, slot, 1)
        return slot

    def same(self, slot: int, flow: Flow, mux: bool) -> bool:
        """Whether a slot forwards just what and as it would if it were entered now."""
        at = self._slots[slot]
        alike = (at.tos, at.takes, at.clock) == (flow.dscp << 2, _takes(flow, mux), flow.clock)
        alike = alike and (at.marks, at.priority) == self._marked(flow)
        return alike and self._addresses(slot) == of_flow(flow)

    def fits(self, slot: int, flow: Flow, mux: bool) -> bool:
        """The same of a slot that was taken over."""
        if flow.limit is not None or self._slots[slot].gate & _SHUT:  # a rate's bucket may by now be another's
            return False
        return self.same(slot, flow, mux)

    def forget(self, local: Address) -> tuple[int, Tally] | None:
        """Take out what another process has left at an address of ours: the slot it was in, and what it has carried
        altogether; None if there is nothing."""
        slot = self.left.pop(local, None)
        return None if slot is None else (slot, self.shut(slot)[0])

    def shut(self, slot: int) -> tuple[Tally, tuple[Last, ...]]:
        """Let the kernel forward a flow no more; what it has carried, to the packet, and has heard last."""
        failed = self._lib.relay_shut(self._relay, slot)
        final = self.tally(slot), self.last(slot)
        if failed:  # the flow is out all the same, but whoever is in the slot may yet look at it
            self._log.error("a program does not leave slot {slot}, which serves no more", slot=slot)
            self._lib.relay_watch(self._relay, slot, 0)
        else:
            self._rest(slot)
        return final

    def _rest(self, slot: int) -> None:
        self._lib.relay_watch(self._relay, slot, 0)
        self._vacant.rest(slot, self.now())

    def _write(self, slot: int, flow: Flow, longest: int, mux: bool, own: int, realm: int, now: int) -> None:
        four, wide = of_flow(flow)
        head = _HEAD.pack(
            four, _takes(flow, mux), flow.dscp << 2, *self._marked(flow), LAYOUT, longest, own, realm, flow.clock
        )
        where = self._slots + slot
        memory = self._ffi.buffer(where)
        memory[:] = head + bytes(len(memory) - len(head))
        memory[_WIDE] = wide
        where.index, where.seen = slot, now
        self.recorded.forget(slot)

    def _marked(self, flow: Flow) -> tuple[int, int]:
        """The table of what becomes of its marks, and the priority of its frames. @raises OSError."""
        return self.tables.number(flow.incoming), _UNSET if flow.priority == UNSET else flow.priority

    def tally(self, slot: int) -> Tally:
        """What has been counted so far."""
        at = self._slots[slot]
        return Tally(at.packets, at.octets, at.rtcp_packets, at.rtcp_octets, at.policed, at.wrong_source)

    def last(self, slot: int) -> tuple[Last, ...]:
        """What the flow's source has said last: in RTP, and what came in RTCP after that; empty if it has not spoken
        here, or it may have spoken elsewhere since, while the lease had ended."""
        at, now = self._slots[slot], self.now()
        rtp = Last(at.ssrc, at.sequence, at.timestamp, max(0, now - at.seen) / 1e9)
        rtcp = Last(at.rtcp_ssrc, None, None, max(0, now - at.seen_else) / 1e9)
        if self.lease.ended() or max(at.seen, at.seen_else) < self.lease.since:
            return ()
        return tuple(said for kind, said in ((RTP, rtp), (RTCP, rtcp)) if at.heard & kind)

    def join(self, one: int, other: int) -> None:
        """Let two slots whose flows are RTCP's of the two sides see what the other's has told."""
        self._slots[one].other, self._slots[other].other = other, one

    def meters(self, slot: int) -> tuple[Any, Any]:
        """How well the slot's flow arrives: ``struct meter`` and ``struct meter_reports``."""
        at = self._slots[slot]
        return at.meter, at.reports

    def received(self, slot: int) -> int:
        """How many packets the slot has accepted so far."""
        at = self._slots[slot]
        return int(at.packets + at.rtcp_packets)

    def book(self, slot: int) -> None:
        """Note that what the slot has carried so far was paid for."""
        at = self._slots[slot]
        at.booked = (at.packets + at.rtcp_packets + 1, at.octets + at.rtcp_octets)

    def unbooked(self, slot: int) -> Volume:
        """What it has carried since; nothing where nobody pays for it."""
        at = self._slots[slot]
        if not at.booked[0]:
            return NONE
        return Volume(at.packets + at.rtcp_packets + 1 - at.booked[0], at.octets + at.rtcp_octets - at.booked[1])

    def addresses(self, slot: int) -> tuple[Address, Address, Address, Address]:
        """What the slot's flow comes to and from, is sent from and to."""
        return of_slot(*self._addresses(slot))

    def _addresses(self, slot: int) -> tuple[bytes, bytes]:
        memory = self._ffi.buffer(self._slots + slot)
        return memory[:FOUR], memory[_WIDE]

    def run(self, frame: bytes, interface: int, tc: bool = False) -> tuple[int, bytes]:
        """Run one of the programs on a frame as if it had come to the interface: its verdict, and the frame it left."""
        new = self._ffi.new
        out, size, action = new("char[]", 9216), new("unsigned int *", 9216), new("unsigned int *")
        self._must(self._lib.relay_run(self._relay, tc, interface, frame, len(frame), out, size, action))
        return int(action[0]), bytes(self._ffi.buffer(out, size[0]))

    # -- interfaces

    def attach_xdp(self, interface: int, generic: bool) -> None:
        """Put the XDP program on an interface. @raises OSError: EBUSY where there is another's."""
        self._must(self._lib.relay_attach_xdp(self._relay, interface, generic, self._pin(interface)))

    def renew_xdp(self, pin: Path) -> int:
        """Let an XDP program that another process has left be ours; the interface. @raises OSError."""
        return self._must(self._lib.relay_renew_xdp(self._relay, str(pin).encode()))

    def xdp_mode(self, interface: int) -> str:
        """How XDP runs on an interface: "native", "generic", or "" where it does not."""
        return ("", "native", "generic")[self._lib.relay_xdp_mode(interface)]

    def detach_xdp(self, interface: int) -> None:
        """Take it off again. @raises OSError."""
        self._must(self._lib.relay_detach_xdp(self._pin(interface)))

    def attach_tc(self, interface: int) -> bool:
        """Put the TC program on an interface, in place of an earlier one; whether it was not there. @raises OSError."""
        return self._must(self._lib.relay_attach_tc(self._relay, interface)) > 0

    def detach_tc(self, interface: int) -> None:
        """Take it off again. @raises OSError."""
        self._must(self._lib.relay_detach_tc(self._relay, interface))

    def sweep_tc(self, interface: int) -> None:
        """Take it off where it looks into the maps of an earlier process, whose pins are gone. @raises OSError."""
        self._must(self._lib.relay_sweep_tc(self._relay, interface))

    def takes_frames(self, interface: int) -> bool | None:
        """Whether an interface sends what XDP redirects to it; None where the kernel does not say."""
        found = self._lib.interface_takes_frames(interface)
        return None if found < 0 else bool(found)

    def has_peer_at_hand(self, interface: int) -> bool:
        """Whether what leaves by it may be handed to a veth's other end, as of the last `hear`: see peers.py."""
        return self._peers.is_at_hand(interface)

    def interface_of(self, host: str) -> int:
        """The interface that holds an address, as of the last `hear`; 0 if none does. @raises OSError."""
        return self._held.interface(host)

    def hear(self) -> set[int] | None:
        """Hear what has become of interfaces and addresses; of which of the former, None: any. @raises OSError."""
        self._held.changed()
        return self._peers.hear()

    def pins(self) -> list[Path]:
        """The XDP programs that are pinned."""
        return pins.links(self.directory)

    def unpin(self, everything: bool) -> None:
        """Forget the TC programs that earlier processes have pinned; or all there is, the folder too: see pins.py."""
        pins.unpin_tc(self.directory, self._lib.relay_tc_id(self._relay))
        if everything:
            pins.remove(self.directory)

    def _pin(self, interface: int) -> bytes:
        return f"{self.directory}/link-{interface}".encode()

    @staticmethod
    def _must(result: int) -> int:
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return result

    def outlet(self, interface: int, may: int) -> None:
        """Say what the programs may do at an interface: FRAMES, PEER. @raises OSError."""
        self._must(self._lib.relay_outlet(self._relay, interface, may))

    def look(self) -> list[tuple[int, int]]:
        """The slots at which something has happened since the last look, and what (STRANGERS, OTHERS...)."""
        count = self._lib.relay_look(self._relay, self._found, self._what, len(self._found))
        return [(self._found[n], self._what[n]) for n in range(count)]

    # -- buckets

    def limit(self, slot: int, rate: Rate | None) -> None:
        """Let a slot's own bucket be filled by another rate; None: let all pass. A change gives nothing: see
        bucket_change() in bucket.h."""
        self._fill(self._bucket(slot), rate)

    def owns(self, slot: int) -> bool:
        """Whether the slot's flow is taken out of its own bucket."""
        return bool(self._slots[slot].own == slot)

    def _bucket(self, slot: int) -> Any:
        return self._ffi.addressof(self._slots[slot], "bucket")

    def _fill(self, bucket: Any, rate: Rate | None) -> None:
        if rate is None:
            bucket.step, bucket.depth = 0, _UNLIMITED
        else:
            self._lib.relay_fill(bucket, rate.octets, rate.burst)

    def realm(self, name: str) -> int:
        """The bucket of a realm that has ever had a rate, else 0."""
        return self._realms.get(name, 0)

    def limit_realm(self, name: str, rate: Rate | None) -> PlaneBucket | None:
        """Let a realm's bucket be filled by a rate, and have it; None: let all pass.

        @raises OSError where there is none left."""
        if name not in self._realms:
            if rate is None:
                return None
            if len(self._realms) == _REALMS:
                raise OSError(105, "no bucket is left")
            self._realms[name] = 1 + len(self._realms)
        bucket = self._buckets + self._realms[name]
        self._fill(bucket, rate)
        return None if rate is None else PlaneBucket(self._module, bucket)

    def charge(self, slot: int, realm: int) -> None:
        """Let a flow be taken out of another realm's bucket."""
        self._slots[slot].realm = realm

    # -- what is left, and the directory

    def _leftover(self) -> Iterator[tuple[Address, int]]:
        key, following = None, self._ffi.new("struct relay_address *")
        while not self._lib.relay_next(self._relay, key or self._ffi.NULL, following):
            slot = self._lib.relay_find(self._relay, following)
            key, following = following, self._ffi.new("struct relay_address *")
            if slot > 0:
                yield unpack(bytes(self._ffi.buffer(key))), slot

    def _load(self, directory: str, room: int) -> Any:
        why = self._ffi.new("char[]", _CONTEXT)
        relay = self._lib.relay_load(directory.encode(), room, why, _CONTEXT)
        for lease in (False, True):  # the maps of another layout, or size
            if not relay and pins.unpin_maps(directory, lease):
                relay = self._lib.relay_load(directory.encode(), room, why, _CONTEXT)
        if not relay:
            os.close(self._lock)
            raise Unavailable(self._ffi.string(why).decode(errors="replace"))
        return relay
