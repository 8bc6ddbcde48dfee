"""What one message says of how its streams are secured, and what the other side is told of that."""

from __future__ import annotations

from collections.abc import Container

import attrs

from sbc.core import bundling, one_way, weighed
from sbc.core.bundling import Part
from sbc.core.call import Call, Stream
from sbc.core.exchange import Exchange
from sbc.core.message import Cause, Refused, Role, Slot
from sbc.core.networks import Networks
from sbc.core.realm import Realm
from sbc.core.secured import UNFIT, Secured
from sbc.core.securing import BARE, End, Negotiation, Wards, Way, translates

Told = list[tuple[Slot, Secured | None]]
"""What is to be told of how media is secured, at the slots of its streams; None: it is plain."""


class Agreeing:
    """Of a message of `exchange` from leg `leg` of its call, on its way between `realms`. `late`: it changes nothing.
    `new` are the streams that begin by it."""

    def __init__(
        self,
        networks: Networks,
        exchange: Exchange,
        leg: int,
        realms: tuple[Realm, Realm],
        late: bool,
        new: Container[Stream],
    ) -> None:
        self._networks, self._exchange, self._call, self._leg = networks, exchange, exchange.call, leg
        self._realms, self._late, self._new = realms, late, new
        self.translates = translates(realms[0].protection, realms[1].protection)
        """Whether the SBC has a part in it at all."""
        self.bars_foreign = any(realm.protection.demands for realm in realms)
        """Whether what is no RTP stays out: nothing secures it."""
        self.slots: dict[Slot, Stream | None] = {}
        """Media that is to be secured as its receiver's realm demands, and its streams; None: it is turned down."""
        self.wards: dict[Stream, Wards] = {}
        """How streams are secured after it."""
        self.lost: list[Stream] = []
        """Those that cannot be had, whatever was said."""

    def negotiation(self, call: Call) -> Negotiation:
        """What its streams are agreed on by, one by one."""
        networks = self._networks
        near, far = (
            End(each.realm.protection, each.listener.transport, networks.suites, each.suites) for each in call.legs
        )
        assert networks.mint is not None
        return Negotiation((near, far), networks.mint, networks.fingerprints)

    def repeats(self, stream: Stream, slot: Slot) -> bool:
        """Whether a peer only repeats what it was told. Of what is secured for one side alone nothing is repeated."""
        secured = slot.secured is not None or any(ward.way is not Way.PLAIN for ward in stream.wards or ())
        return stream not in self._new and slot.place.address in stream.ours[self._leg] and not secured

    def secure(self, answers: bool, negotiates: bool) -> Told:
        """What is to be told, at the slots; call once, when every slot is translated. `answers`: it answers an offer;
        `negotiates`: it answers or makes one.
        @raises Refused where what its sender says of that is not what is demanded here, or there."""
        parts: dict[Stream | None, Part] = {}
        told = self._by_channel()
        for slot, stream in self.slots.items():
            if slot.one_way is not None:
                continue
            if slot.role is Role.T38 and negotiates and slot.stream not in self._exchange.unfit:
                weighed.let_fax_pass(slot, self._realms)
            said = self._agree(slot, stream, answers, parts)
            if said is not None or slot.secured is not None or (stream is None and slot.role is not Role.T38):
                told.append((slot, said))
        if parts:
            self._bundle(list(parts.values()), answers)
            self.wards.update((part.stream, part.wards) for part in parts.values())
            told = [(slot, self._anew(slot, said, parts)) for slot, said in told]
        return told

    def _agree(
        self, slot: Slot, stream: Stream | None, answers: bool, parts: dict[Stream | None, Part]
    ) -> Secured | None:
        """What the other side is to be told of one stream, as far as that can be said of it alone."""
        call, leg = self._call, self._leg
        foreign = slot.role is Role.T38 or (slot.secured is not None and slot.secured.foreign)
        if call is None or self._networks.mint is None or foreign:
            return None
        if stream is None:
            profile = weighed.profile_of(slot, self._exchange, call, 1 - leg, answers)
            return None if profile is None else attrs.evolve(profile, at=None)
        if stream not in parts:
            wards = stream.wards or BARE
            if self.repeats(stream, slot):
                return wards[1 - leg].said  # its own is repeated to it
            if self._late or not slot.primary:
                return wards[1 - leg].told
            negotiation = self.negotiation(call)
            if answers or wards[1 - leg].owed:
                wards = negotiation.answer(wards, leg, slot.secured)
            else:
                wards = negotiation.offer(wards, leg, slot.secured, stream not in self._new)
            parts[stream] = Part(stream, wards)
            if any(ward.way is Way.DTLS for ward in wards):
                parts[stream].put(leg, attrs.evolve(wards[leg], types=slot.types()))
        return parts[stream].wards[1 - leg].told

    def _by_channel(self) -> Told:
        """What is to be told of streams that are opened by channels, each of which says how it is secured by itself.
        Those that are proposed and do not fit are taken out.
        @raises Refused where no stream fits, or a channel that is opened by itself does not."""
        streams: dict[Stream, list[Slot]] = {}
        for slot, stream in self.slots.items():
            if slot.one_way is not None and stream is not None and not slot.one_way.mute:
                streams.setdefault(stream, []).append(slot)
        told: Told = []
        if self._call is None or self._networks.mint is None or not streams:
            return told
        refused: dict[Stream, Refused] = {}
        negotiation, fits = self.negotiation(self._call), False
        for stream, slots in streams.items():
            try:
                if stream.kind == "t38":
                    weighed.let_fax_pass(slots[0], self._realms)
                    continue
                wards, said = self._of_channels(negotiation, stream, slots)
            except Refused as no:
                if not all(slot.one_way is not None and slot.one_way.beside for slot in slots):
                    raise
                refused[stream] = no
                told += [(slot, UNFIT) for slot in slots]
                continue
            told += said
            fits = True
            if not self._late:
                self.wards[stream] = wards
        for stream, why in refused.items():
            if not fits:
                raise why
            self.lost.append(stream)
        return told

    def _of_channels(self, negotiation: Negotiation, stream: Stream, slots: list[Slot]) -> tuple[Wards, Told]:
        """How a stream is secured, and what is to be told of its channels. Those that are secured count first; where
        that leaves a direction without any that was proposed, those that are plain do.
        @raises Refused where these leave one, too: it would be one-way, and nobody would say so."""
        slots = sorted(slots, key=lambda slot: slot.secured is None)
        try:
            return self._taken(negotiation, stream, slots, slots)
        except Refused as no:
            plain = [slot for slot in slots if slot.secured is None]
            if not plain or len(plain) == len(slots):
                raise
            try:
                return self._taken(negotiation, stream, slots, plain)
            except Refused:
                raise no from None

    def _taken(
        self, negotiation: Negotiation, stream: Stream, slots: list[Slot], wanted: list[Slot]
    ) -> tuple[Wards, Told]:
        """The same, where those that are `wanted` are taken if they can be. @raises Refused."""
        wards, taken = self.wards.get(stream, stream.wards or BARE), set[bool]()
        told: Told = [(slot, UNFIT) for slot in slots if slot not in wanted]
        unfit: list[Refused] = []
        for slot in wanted:
            channel = slot.one_way
            assert channel is not None
            try:
                wards, said = one_way.agree(negotiation, wards, self._leg, slot.secured, channel, channel.sent in taken)
                taken.add(channel.sent)
            except Refused as no:
                if not channel.beside:
                    raise
                unfit.append(no)
                said = UNFIT
            told.append((slot, said))
        lacking = {slot.one_way.sent for slot in slots if slot.one_way is not None} - taken
        if lacking:
            raise unfit[0] if unfit else Refused(Cause.SECURITY, "media is to be secured both ways or neither")
        return wards, told

    def _bundle(self, parts: list[Part], answers: bool) -> None:
        call, host, leg = self._call, self._realms[1].media.advertised, self._leg
        if call is None or not any(ward.way is Way.DTLS for part in parts for ward in part.wards):
            return
        streams = call.streams.values()
        offered = [part for part in parts if part.ward(leg).owed]
        agreed = [part for part in parts if not part.ward(leg).owed]
        bundling.offer(offered, streams, 1 - leg, host)
        bundling.answer(agreed, streams, leg, host, tells=False)
        self.lost = bundling.answer(agreed, streams, 1 - leg, host, tells=True)

    def _anew(self, slot: Slot, said: Secured | None, parts: dict[Stream | None, Part]) -> Secured | None:
        stream = self.slots[slot]
        return parts[stream].ward(1 - self._leg).told if stream in parts else said
