"""What the core knows of a message: its intent, and the slots in it that hold addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.secured import OneWay, Secured
from sbc.core.terms import (
    UNSAID,
    Counted,
    Elsewhere,
    Ending,
    Flow,
    Kind,
    Numbered,
    Phase,
    Place,
    Role,
    Route,
    StreamKey,
    Width,
)

Types = tuple[tuple[int, str], ...]
"""Payload types of a stream, and by what name and clock rate each stands; empty where it has none."""


@attrs.define(eq=False)
class Slot:
    """One address inside a message.

    `stream` joins the slots of one stream across messages. `primary` is False for what is translated but not recorded
    of the sender: a further address of the same stream (RFC 8839), or a place that somebody else is at, whose domain
    name may pass. `at` is the dialect's own mark of the spot. `token` is what would name the place if it were one of
    ours; a HIDE slot that has one is shown to whom it may be told. `expires` is the place's lifetime in seconds, if one
    is given. `media` is what flows there: kind, then formats, best first, by name and clock rate (``audio PCMU/8000
    opus/48000/2``); `width` how much. `flow` names the way to a terminal for good: a newer place of it replaces older.
    """

    role: Role
    place: Place
    at: Any
    stream: StreamKey | None = None
    primary: bool = True
    token: bytes = b""
    expires: int | None = None
    media: str = ""
    width: Width = UNSAID
    types: Callable[[], Types] = tuple  # of the same formats, their numbers: looked for where they are needed
    held: bool = False  # whether the message puts the stream on hold, in one direction or both
    flow: bytes = b""
    nearby: bool = False  # whether the flow is told from others at its host alone
    kindless: bool = False  # whether it leaves open of what kind its stream is: of that which was opened last
    channel: bytes = b""  # the channel it is of, in protocols that open them one by one: as its opener calls it
    by_other: bool = False  # whether that is opened by who the message is for, and not by its sender
    leads: bool = False  # whether the call that is heralded is to go there, through us
    secured: Secured | None = None  # how its sender secures that stream; None: it is plain RTP/AVP
    one_way: OneWay | None = None  # where it is of a channel for one direction; None: of a stream as a whole
    vouches: bool = False  # whether the core names one there that takes calls, and so may call
    member: bytes = b""  # of which member of a call that gathers its stream is: with that it is closed
    diverts: bool = False  # whether who reads it is to call there instead
    dials: bool = False  # whether who sends it wants to call there: where it was told to, if that is ours
    shared: Numbered | None = None  # of media: None where its protocol knows of no ports that streams share
    way: int = 0  # in which of several ways a stream is described, of which the answer takes one: all but 0 not primary
    reserves: bool | None = None  # whether all ways of a stream are to be held ready, and not one; None: as before
    beside: int = 0  # of which call a stream is: 0 the message's own, else the place in Intent.beside, from 1


@attrs.define(eq=False)
class Intent:
    """A message as the core sees it. Keys are unique within the realm the message belongs to, no further.

    `call` names the call or call attempt, `exchange` the request and its answers. `label` is the call's name where
    peers write it, which the SBC may hide. `party` names the sender within the call, where several may answer. `method`
    is for logs and rules. `expires` is in seconds.

    A call that `gathers` has no two parties, but members, which its gateway calls as it likes: with the last it ends.
    In `leaves` a call may end in ``*``, and a member be a pattern (`patterns`): then they stand for all that fit. Names
    that are `local` are the same on both sides; an answer may give the call another, which means it from then on.
    """

    kind: Kind
    phase: Phase
    call: bytes
    exchange: bytes
    label: bytes = b""
    party: bytes = b""
    method: str = ""
    sequence: int = 0  # the request's number in its dialogue, where requests are numbered
    within: bool = False  # sent inside an established call
    probe: bool = False  # asks only whether the receiver is alive
    target: Slot | None = None  # where the message asks to be taken
    withdraws: bytes = b""  # the exchange that a WITHDRAW takes back
    user: bytes = b""  # whom a BIND registers, or who sends
    calling: bytes = b""  # the same without the kind of name that it is, where the protocol tells that
    claimed: Address | None = None  # the transport address the sender believes it has
    answers: Address | None = None  # where it wants the answer to a datagram; None: where that came from
    alias: bool = False  # whether it offers its connection for what is sent to `claimed`
    hops: int | None = None  # how many more hops the message may take
    expires: int | None = None  # lifetime asked for or granted to a binding or call
    route: Route | None = None  # how the sender wants to be reached from now on; None: as before
    cause: str = ""  # of a failure, in the protocol's own words
    ending: Ending | None = None  # the same in ours
    mute: bool = False  # of a provisional answer: it says no more than that its sender is at it
    elsewhere: Elsewhere | None = None  # why another might do better; None: nobody would
    retry_after: int | None = None  # of a failure: the seconds for which the sender wants to be left alone
    session: int | None = None  # seconds until a session must be refreshed; 0: never, None: nothing is said of that
    receipt: bool = False  # of an answer: its sender repeats it until it is told that it has arrived
    gone: bool = False  # of an answer: what it was asked in is not known there
    handle: bytes = b""  # what the registrar calls the terminal that a request comes from, or that an answer binds
    refreshes: bool = False  # a BIND of what its handle stands for, that repeats none of its terms
    adds: bool = False  # a BIND that gives what its handle stands for further names, and takes none away
    users: tuple[bytes, ...] = ()  # of a BIND for no time: the names that are to go, where not all are
    grants: bool = False  # an answer to a BIND that grants all of it, though it names no place
    flows: bool = False  # the same: of several ways to one terminal the registrar tries one after the other
    terms: bytes = b""  # what a BIND says besides for how long: while that is the same, it only refreshes
    callee: bytes = b""  # whom an OPEN calls, by the name that stays the same on the way
    called: bytes = b""  # where an OPEN asks to be taken, as it was written
    dialled: bytes = b""  # the number or user that it asks for, by itself: of a number only what counts
    welcome: bool = False  # whether an operator's rule accepts it from who it comes from, registered or not
    urgent: bool = False  # an OPEN that calls for help
    agent: bytes = b""  # what its sender says to be made by, at most MOST_AGENT octets of it
    priority: int = 0  # how urgent its sender says it is: the higher the more, 0 where nothing is said of that
    proves: bool = False  # of a request: it carries credentials
    bound: bool = False  # of a call that means the connection it goes by: its name counts there alone
    unasked: Phase | None = None  # of an answer: which part of another exchange it is where nobody has asked for it
    ends: bool = False  # of a failure: where its request was answered before, it ends the call
    heralds: bytes = b""  # the call that an OPEN begins, or leave is about: by a name that is the same everywhere
    takes: bool = False  # whether the leave is to take that call, not to make it
    returns: bool = False  # whether the leave is given back; where the core says so, taken back
    asks: tuple[bytes, ...] = ()  # questions to the other party whether the call lives, by what their answers call them
    tells: tuple[bytes, ...] = ()  # such questions that it answers
    frank: bool = False  # its label is no secret, and is the same on the other side
    back: bool | None = None  # of a bound call: whether who was asked for it sends this; None: that is not told
    keeps: bool = False  # of an OPEN: its connection stays when no call goes by it, and others may
    many: bool = False  # the same: several may at a time
    carried: bool = False  # whether what else comes by datagrams has come by a connection
    comes: bool = False  # a BIND of who, asked to, opens the connection for a call to it by itself
    comes_for: bytes = b""  # the heralded call that its sender was asked to open a connection for: this is the one
    opens: tuple[tuple[bytes, str], ...] = ()  # channels that the sender opens: their names, and "rtp" or "t38"
    shuts: tuple[tuple[bytes, bool], ...] = ()  # those that are closed, or not taken; whether the receiver opened them
    pauses: bool | None = None  # whether nothing is to be sent to the sender from now on; None: as before
    control: bool = False  # said on the control channel of its call, which is known by that alone
    local: bool = False  # its names, of exchange and call, count at its gateway alone: who is bound
    gathers: bool = False  # of an OPEN: the call lives by its members; where it is live already, this changes it
    joins: tuple[bytes, ...] = ()  # of a positive answer: members that are in the call from now on
    moves: tuple[bytes, ...] = ()  # of the same, or its request: members that come from another call
    leaves: tuple[tuple[bytes, bytes], ...] = ()  # of the same, or a BIND: call and member that are gone
    member: bytes = b""  # of a message that names no call: the member of one that it is about
    lasting: bool = False  # a BIND that time does not end: it lives as long as who is bound, and always crosses
    wants: tuple[Flow, ...] = ()  # of a request without media: what the answer may have; of leave: what the call may
    able: tuple[Flow, ...] = ()  # what its sender says it could take, each by itself; nothing of it is asked for yet
    suites: tuple[str, ...] | None = None  # by which its sender can take secured media; None: nothing is said of that
    latches: bool = False  # whether media of its sender's side may come from elsewhere than it says: that is learned
    accepts: bool = False  # said in a call that begins: of the media that its opening proposes it takes some
    reported: tuple[tuple[bytes, Counted], ...] = ()  # of an answer: members, and what each has counted itself
    beside: tuple[Intent, ...] = ()  # of what is local: what it is to further calls, by names of their own
