"""How each side of a stream is secured: what its peer is offered and answered, what of what it says is taken, and what
the engine is told of that. Nothing that one peer says of keys is told to the other.
"""

from __future__ import annotations

import attrs

from sbc.core.message import Cause, Refused, Types
from sbc.core.mint import Mint
from sbc.core.orders import SECURED, WEB
from sbc.core.secured import (
    SUITES,
    Dtls,
    Fingerprint,
    Ice,
    IcePair,
    Key,
    MediaSecurity,
    OwnRtcp,
    Protection,
    Secured,
    SideSecurity,
    going_on,
    same,
)
from sbc.core.word import Word


class Way(Word):
    """How a side is secured."""

    PLAIN = "plain"
    SDES = "sdes"
    DTLS = "dtls"


TAKEN = {
    MediaSecurity.PASS: (Way.PLAIN,),
    MediaSecurity.NONE: (Way.PLAIN,),
    MediaSecurity.SDES: (Way.SDES,),
    MediaSecurity.DTLS: (Way.DTLS,),
    MediaSecurity.OPTIONAL: (Way.SDES, Way.DTLS, Way.PLAIN),
}
"""What is taken of what a peer offers, the first that it can; of an answer, of what it was offered."""

OFFERED = {
    MediaSecurity.PASS: Way.PLAIN,
    MediaSecurity.NONE: Way.PLAIN,
    MediaSecurity.SDES: Way.SDES,
    MediaSecurity.DTLS: Way.DTLS,
    MediaSecurity.OPTIONAL: Way.SDES,  # on a plain profile: who knows nothing of it answers plain
}
_ROLES = {"actpass": "passive", "active": "passive", "": "passive", "passive": "active"}
"""What we answer to a peer's part in DTLS (RFC 5763 section 5): it begins, if it will; absent is active (RFC 4145)."""
_WAITING = frozenset({"passive", ""})  # parts in an answer of who waits for us to begin (RFC 4145 section 4)


@attrs.frozen
class Ward:
    """How one side of a stream stands. `told` is what its peer was last told by us, `said` what it last said itself;
    None: plain, or nothing where it was not `heard`. `keys` are ours, one for each suite that was ever told, and stay
    until they were in force and no longer are: then they are `spent`. Our `ice` stays until the peer begins that anew.
    `owed`: its offer has not been answered, and `told` is what it will be. `force` is what the engine has. `types` are
    those of what its peer takes, where they are needed to tell streams apart."""

    way: Way = Way.PLAIN
    told: Secured | None = None
    said: Secured | None = None
    heard: bool = False
    owed: bool = False
    keys: tuple[Key, ...] = ()
    spent: tuple[Key, ...] = ()
    ice: Ice | None = None
    force: SideSecurity | None = None
    types: Types = ()


MOST_SPENT = 16
"""Keys of ours that were in force at a side and are remembered: nobody else may say them."""
Wards = tuple[Ward, Ward]
BARE: Wards = (Ward(), Ward())
"""A stream of which nothing has been said."""


@attrs.frozen
class End:
    """Where the peer of a side is: what is demanded there, and over what its signalling comes. `able` are the suites
    that the media engine can, `takes` those that the peer has said it can, None where it has not."""

    protection: Protection
    transport: str
    able: frozenset[str] = frozenset(SUITES)
    takes: tuple[str, ...] | None = None

    @property
    def suites(self) -> tuple[str, ...]:
        """Those that are spoken there, in the order in which they are offered."""
        return tuple(suite for suite in self.protection.suites if suite in self.able)

    @property
    def may_say_keys(self) -> bool:
        """RFC 4568 section 7.3: keys are as secret as the signalling that carries them."""
        return self.transport in SECURED or self.protection.sdes_over_clear


def translates(one: Protection, other: Protection) -> bool:
    """Whether the SBC has a part in how media is secured between the two, and not its peers alone."""
    return one.mode is not MediaSecurity.PASS or other.mode is not MediaSecurity.PASS


def laid_bare(before: Wards | None, after: Wards | None) -> tuple[int, ...]:
    """The sides that were secured, by their peers' word, and are not any more."""
    pairs = enumerate(zip(before or BARE, after or before or BARE, strict=True))
    return tuple(side for side, (was, now) in pairs if was.heard and was.force is not None and now.force is None)


class Negotiation:
    """What is agreed with both peers of streams, message by message. `ends` are those of sides 0 and 1, `fingerprints`
    those of our own certificate, none where there is no DTLS."""

    def __init__(self, ends: tuple[End, End], mint: Mint, fingerprints: tuple[Fingerprint, ...]) -> None:
        self.ends = ends
        self._mint = mint
        self._fingerprints = fingerprints

    def offer(self, wards: Wards, side: int, said: Secured | None, settled: bool) -> Wards:
        """The peer of `side` offers `said`; what the other is told is `told` of its ward. Where the stream is `settled`
        what is in force stays so until there is an answer. @raises Refused where its realm demands something else."""
        end, reflected = self.ends[side], reflects(said, wards)
        said = without(said, reflected)
        way = self.chosen(said, TAKEN[end.protection.mode], end)
        if way is None:
            raise unfit(said, end, "an offer", reflected)
        if said is not None and way is Way.SDES:
            theirs = next(key for key in said.keys if key.suite in end.suites)  # best first, by who offers
            said = attrs.evolve(said, keys=(theirs,))
        asker = self._answering(wards[side], way, said)
        asked = self._asking(wards[1 - side], self.ends[1 - side], asker)
        if not settled:
            asker = _enforced(asker)
        if not settled or not asked.heard:
            asked = _enforced(asked)
        return in_order(side, asker, asked)

    def answer(self, wards: Wards, side: int, said: Secured | None) -> Wards:
        """The peer of `side` answers `said` to what it was told; what the other is answered is `told` of its ward. From
        now on that is in force. @raises Refused where it does not fit what it was told."""
        end, ward, reflected = self.ends[side], wards[side], reflects(said, wards)
        said, told = without(said, reflected), ward.told
        left = tuple(each for each in _left_open(told) if each in TAKEN[end.protection.mode])
        way = self.chosen(said, left, end)
        if said is not None and way is Way.SDES:
            key = None if told is None else _answering_key(said.keys, told.keys)
            if key is None:
                raise unfit(said, end, "an answer", reflected)
            said = attrs.evolve(said, keys=(key,))
        if way is None:
            raise unfit(said, end, "an answer", reflected)
        answerer = attrs.evolve(ward, way=way, said=said, heard=True, owed=False)
        asker = _enforced(attrs.evolve(wards[1 - side], owed=False))
        if not asker.heard and self.ends[1 - side].protection.demands:  # it has not offered what is answered
            asker = attrs.evolve(asker, force=SideSecurity())
        return in_order(side, _enforced(answerer), asker)

    def way(self, side: int, said: Secured | None) -> Way | None:
        """How what the peer of `side` offers would be taken; None: not at all."""
        end = self.ends[side]
        return self.chosen(said, TAKEN[end.protection.mode], end)

    def chosen(self, said: Secured | None, ways: tuple[Way, ...], end: End) -> Way | None:
        """The first of `ways` that a peer can, by what it says; None: it can none."""
        for way in ways:
            if way is Way.PLAIN:
                if said is None or not said.demands:
                    return way
            elif said is None:
                continue
            elif way is Way.SDES:
                if end.may_say_keys and any(key.suite in end.suites for key in said.keys):
                    return way
            elif said.fingerprints and self._fingerprints and said.setup != "holdconn":
                return way
        return None

    def _answering(self, ward: Ward, way: Way, said: Secured | None) -> Ward:
        """The ward of a peer that offers `said`, with what it will be answered."""
        before, same = ward, ward.said is not None and said is not None and is_same_end(ward.said, said)
        ward = attrs.evolve(ward, way=way, said=said, heard=True, owed=True)
        if said is None or way is Way.PLAIN:
            feedback = said is not None and said.feedback
            return attrs.evolve(ward, told=Secured(feedback=True, best_effort=True) if feedback else None)
        told = Secured(feedback=said.feedback, best_effort=said.best_effort)
        if way is Way.SDES:
            (theirs,) = said.keys
            ward = self.keyed(ward, (theirs.suite,))
            ours = attrs.evolve(of_suite(ward.keys, theirs.suite), tag=theirs.tag)
            return attrs.evolve(ward, told=attrs.evolve(told, keys=(ours,)))
        setup = _ROLES[said.setup]
        if same and said.setup == "actpass" and before.force is not None and before.force.dtls is not None:
            setup = "active" if before.force.dtls.client else "passive"  # while it is the same association
        ice = None
        if said.ice is not None:
            ice = before.ice if before.ice is not None and (same or not before.heard) else self._new_ice()
        told = attrs.evolve(
            told,
            fingerprints=self._fingerprints,
            setup=setup,
            ice=ice,
            mux=said.mux,
            mid=said.mid,
            bundle=said.bundle,
        )
        return attrs.evolve(ward, told=told, ice=ice or ward.ice)

    def _asking(self, ward: Ward, end: End, asker: Ward) -> Ward:
        """The ward of a peer that is asked, with what it is offered. @raises Refused."""
        mode = end.protection.mode
        way, optional = OFFERED[mode], mode is MediaSecurity.OPTIONAL
        if optional and ward.heard:
            way = ward.way  # it has shown what it can
        elif optional and end.transport in WEB and self._fingerprints:  # a browser, and those speak DTLS alone
            way = Way.DTLS
        if way is Way.SDES and not (end.may_say_keys and end.suites):
            if not optional:
                counted = "no-suite" if end.may_say_keys else "keys-in-clear"
                raise Refused(Cause.SECURITY, "keys cannot be said there", counted=counted)
            way = Way.PLAIN
        ward = attrs.evolve(ward, way=way)
        feedback = asker.said is not None and asker.said.feedback and asker.way is not Way.DTLS
        if way is Way.PLAIN:
            return attrs.evolve(ward, told=Secured(feedback=True, best_effort=True) if feedback else None)
        if way is Way.SDES:
            suites = end.suites
            ward = self.keyed(ward, suites)
            present = None if ward.force is None or ward.force.send is None else ward.force.send.suite
            inorder = sorted(suites, key=lambda suite: suite != present)  # what is in force comes first
            keys = tuple(attrs.evolve(of_suite(ward.keys, suite), tag=tag) for tag, suite in enumerate(inorder, 1))
            insists = ward.said is not None and not ward.said.best_effort  # its profile was a secured one: so is ours
            return attrs.evolve(ward, told=Secured(keys=keys, feedback=feedback, best_effort=optional and not insists))
        if not self._fingerprints:
            raise Refused(Cause.SECURITY, "no DTLS here", counted="no-dtls")
        said = ward.said if ward.heard else None
        ice = ward.ice or self._new_ice()
        told = Secured(
            fingerprints=self._fingerprints,
            setup="actpass",
            ice=ice if said is None or said.ice is not None else None,
            feedback=said is None or said.feedback,
            best_effort=optional and said is not None and said.best_effort,
            mux=True,
            mid="" if said is None else said.mid,
        )
        return attrs.evolve(ward, told=told, ice=ice)

    def keyed(self, ward: Ward, suites: tuple[str, ...]) -> Ward:
        """The ward with a key of ours for each of `suites`."""
        missing = [suite for suite in suites if all(key.suite != suite for key in ward.keys)]
        made = (Key(suite, self._mint.octets(SUITES[suite].secret)) for suite in missing)
        return attrs.evolve(ward, keys=(*ward.keys, *made)) if missing else ward

    def _new_ice(self) -> Ice:
        return Ice(self._mint.octets(6).hex(), self._mint.octets(16).hex(), lite=True)


def _enforced(ward: Ward) -> Ward:
    """The ward with what was said and told last in force."""
    return put_in_force(ward, _force(ward))


def put_in_force(ward: Ward, force: SideSecurity | None) -> Ward:
    """The ward with that in force. A key of ours that no longer is is not told again: whoever used it later would have
    to know how far it was used."""
    gone = None if ward.force is None else ward.force.send
    if gone is None or (force is not None and same(gone, force.send)):
        return attrs.evolve(ward, force=force)
    keys, spent = tuple(key for key in ward.keys if not same(key, gone)), ward.spent
    if len(keys) < len(ward.keys):
        spent = (*spent, gone)[-MOST_SPENT:]
    return attrs.evolve(ward, force=force, keys=keys, spent=spent)


def elsewhere(wards: Wards | None, side: int) -> Wards | None:
    """Another is asked in place of the peer of a side, which did not take what it was told. It hears nothing of that:
    it has keys and checks of its own, and may say none of the keys that the other was told."""
    if wards is None:
        return None
    ward = wards[side]
    spent = (*ward.spent, *ward.keys)[-MOST_SPENT:]
    return in_order(side, Ward(spent=spent, force=ward.force), wards[1 - side])


def put_back(wards: Wards | None, present: Wards | None) -> Wards | None:
    """The wards as they were, where what came after them does not count; but how far keys were used meanwhile, and
    which a handshake has given, that counts."""
    if wards is None or present is None:
        return wards
    first, second = (_caught_up(ward, now.force) for ward, now in zip(wards, present, strict=True))
    return first, second


def _caught_up(ward: Ward, now: SideSecurity | None) -> Ward:
    force = ward.force
    if force is None or now is None:
        return ward
    if force.dtls is not None and force.dtls == now.dtls and now.keyed:
        force = attrs.evolve(force, receive=now.receive, send=now.send, rtcp=force.rtcp and (now.rtcp or force.rtcp))
    return attrs.evolve(ward, force=going_on(force, now))


def _force(ward: Ward) -> SideSecurity | None:
    way, told, said, before = ward.way, ward.told, ward.said, ward.force
    if way is Way.PLAIN or told is None:
        return None
    if not ward.heard or said is None:  # it has not answered: what it will encrypt with nobody knows
        if way is Way.SDES:
            return SideSecurity()
        return SideSecurity(dtls=Dtls(client=False), ice=None if told.ice is None else IcePair(told.ice))
    if way is Way.SDES:
        receive = said.keys[0]
        return going_on(SideSecurity(receive, of_suite(told.keys, receive.suite)), before)
    client = told.setup == "active" or (told.setup == "actpass" and said.setup in _WAITING)
    ice = None if told.ice is None or said.ice is None else IcePair(told.ice, said.ice)
    own = None if said.mux and told.mux else OwnRtcp()
    fresh = SideSecurity(dtls=Dtls(client, said.fingerprints), ice=ice, rtcp=own)
    if before is None or not before.keyed or before.dtls != fresh.dtls:
        return fresh
    # ICE that begins anew changes the way, and not the association
    return going_on(attrs.evolve(before, ice=ice, rtcp=own and (before.rtcp or own), rollover=()), before)


def _left_open(told: Secured | None) -> tuple[Way, ...]:
    """The ways in which what was told may be answered, the best first; others who were told the same may have answered
    otherwise."""
    if told is None or not (told.keys or told.fingerprints):
        return (Way.PLAIN,)
    way = Way.SDES if told.keys else Way.DTLS
    return (way, Way.PLAIN) if told.best_effort else (way,)


def in_order(side: int, of_side: Ward, other: Ward) -> Wards:
    """The wards of sides 0 and 1."""
    return (of_side, other) if side == 0 else (other, of_side)


def of_suite(keys: tuple[Key, ...], suite: str) -> Key:
    """The one of those that is for that suite."""
    return next(key for key in keys if key.suite == suite)


def _answering_key(said: tuple[Key, ...], told: tuple[Key, ...]) -> Key | None:
    """The key that answers what was told: of the same tag, or at least suite."""
    suites, tags = {key.suite for key in told}, {(key.tag, key.suite) for key in told}
    theirs = [key for key in said if key.suite in suites]
    return next((key for key in theirs if (key.tag, key.suite) in tags), theirs[0] if theirs else None)


def reflects(said: Secured | None, wards: Wards) -> frozenset[bytes]:
    """Which secrets of those that a peer says are ours, of either side: with one of them both ways would be encrypted
    alike, so it is nobody else's key."""
    ours = {key.secret for ward in wards for key in (*ward.keys, *ward.spent)}
    return frozenset(key.secret for key in said.keys if key.secret in ours) if said is not None else frozenset()


def without(said: Secured | None, secrets: frozenset[bytes]) -> Secured | None:
    """What is said, without the keys of those secrets."""
    if said is None or not secrets:
        return said
    return attrs.evolve(said, keys=tuple(key for key in said.keys if key.secret not in secrets))


def is_same_end(one: Secured, other: Secured) -> bool:
    """Whether both are said of one DTLS association (RFC 8842 section 4): neither another certificate nor other ICE."""
    return one.fingerprints == other.fingerprints and one.ice == other.ice


def unfit(said: Secured | None, end: End, what: str, reflected: frozenset[bytes]) -> Refused:
    """Why what a peer says is not taken."""
    mode = end.protection.mode.value
    if reflected:
        return Refused(Cause.SECURITY, "the key is the receiver's own", None, f"{what}: {mode}", "own-key")
    if said is None or not (said.keys or said.fingerprints or said.demands):
        return Refused(Cause.SECURITY, "media is to be secured", None, f"{what} of plain RTP: {mode}", "media-plain")
    if said.keys and not end.may_say_keys:
        return Refused(Cause.SECURITY, "keys are not said in the clear", None, f"{what}: {mode}", "keys-in-clear")
    return Refused(Cause.SECURITY, "media is secured otherwise here", None, f"{what}: {mode}", "media-secured")
