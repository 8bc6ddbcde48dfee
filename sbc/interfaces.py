"""The interfaces of the SBC, but for those of media engines (sbc/media/interfaces.py), with each error they raise."""

from __future__ import annotations

import attrs
from zope.interface import Attribute, Interface

from sbc.core.message import BadMessage


class IDialect(Interface):
    """What a protocol supplies to the loop: functions over one message. It owns no loop, socket, clock or state."""

    name = Attribute("The protocol's word in configuration and logs, for example 'sip'.")

    numbers = Attribute(
        "How many numbers, from 1 on, there are to tell requests apart by. Then an Intent names an exchange by its"
        " number in decimal digits. 0: there is no end of names."
    )

    references = Attribute(
        "How many numbers, from 1 on, calls have on a connection that several go by: then an Intent that is bound names"
        " a call by its number in decimal digits, and tells who of both sends it. 0: there is no end of names."
    )

    parted = Attribute(
        "Whether what comes by datagrams goes on by datagrams, and calls, which come by connections, go on by a"
        " connection of their own: they are two protocols under one name, and neither is taken by the other's way."
    )

    def parts(data):
        """The messages (a sequence of bytes, never empty) that one datagram or frame `data` is made of, each with one
        transaction; of one alone, or what cannot be told apart, `data` itself. Each is taken by itself, in that order,
        of very many the first. Never raises."""

    def decode(data):
        """Read one message (bytes). @raises BadMessage, and nothing else, on any malformed input; NoMessage, where it
        is but a sign of life."""

    def encode(message):
        """The bytes of a message; of an untouched one, the very bytes it was decoded from.

        @raises BadMessage where what was written makes it larger than `decode` would read."""

    def describe(message):
        """The message's Intent, of its present content. @raises BadMessage."""

    def slots(message):
        """Every address in the message, as a list of Slot. @raises BadMessage."""

    def fill(message, slot, place):
        """Write `place` into `slot`. @raises BadMessage where there is no room for such a one."""

    def narrow(message, slot, formats):
        """Let what flows at `slot` be of those `formats` alone, given by their places in `slot.media`, in that order;
        None: what is proposed there is taken out. Of a stream that is proposed in several ways it is called for each
        of their slots, best first, with no formats where one stays as it is. Says (bool) whether that can be
        written."""

    def curb(message, possible):
        """Let the message say that its sender could take no more than what stands at those places of `Intent.able`, in
        that order of preference, and of each no more than so many bit/s of media (0: as many as it says). Where that
        cannot be written all stays as it is."""

    def secure(message, slot, secured):
        """Say of the stream at `slot` that it is secured as `secured` (sbc/core/secured.py; None: it is plain), and
        leave out whatever its sender says of that. Says (bool) whether that can be written."""

    def stamp(message, crossing):
        """Write what is our own on this hop (SIP: Via, Call-ID, routes; elsewhere transaction or sequence numbers).

        What the answer must carry back is kept in `crossing.exchange.memo`. @raises BadMessage where a number we would
        write is larger than `decode` would read; Refused where the message is not to be taken across."""

    def remarks(message):
        """What is to be said of a message that was taken across, in log, counters and trace: pairs of a fixed word and
        a reason (str). Mostly none."""

    def keys(message, crossing):
        """The Keys of a stamped message where it goes: what `describe` would say of it there, without reading it."""

    def keep_memo(memo):
        """What the dialect has kept in the memo of an exchange or call, as bytes that outlive the process."""

    def recall_memo(data):
        """The memo that `keep_memo` was given. @raises BadMessage where `data` is none."""

    def refuse(message, refused, source):
        """The protocol's answer (bytes) that says `refused` to the sender at `source`; None where none is allowed."""

    def apart(data, refused):
        """The messages (a sequence of bytes) that a message `data` which was `refused` can be taken for, where it says
        several things, of which others may be taken across: each says less, in its order. None where it says but one
        thing, or is refused as a whole."""

    def complain(bad, source):
        """The answer (bytes) to what raised BadMessage `bad`: to a fault, or to a sign of life that wants one; None
        where none is allowed."""

    def in_name_of(answer, known, at):
        """An answer of our own (bytes) as who gets it will heed it, where the protocol has answers say whose they are:
        from whom it has had `known` (bytes), a message of the other party's; from us, who are asked at the Address
        `at`, where `known` is empty."""

    def pending(message, source):
        """The answer that says "received, working on it", or None where the protocol has none for this message."""

    def accept(message, source):
        """The plain positive answer to a request that the SBC itself has carried out."""

    def withdraw(sent, asked, ending=None):
        """The message that takes back the request whose bytes `sent` we sent onward.

        `asked` is the message by which it was taken back where it came from, None if we do so ourselves: `ending`
        (Ending) then says why, where it does so to whom it goes."""

    def close(answer, to_asker, place, listener, token, sequence, ending=None):
        """The request that ends the call which the positive `answer` (bytes) has begun, or None if it needs none.

        It goes to the party at `place`, which had asked (`to_asker`; `answer` is then as it went to that party) or
        answered, from `listener`, with our `token` and `sequence` number; `ending` (Ending) is how the call ends. With
        `sequence` None it is instead the confirmation of that answer, which nobody else will send."""

    def release(call, member, to_asker, memo, place, listener, token, ending):
        """The request that takes `member` off the call that gathers and is named `call` (bytes both, as an Intent names
        and `joins` them), since the SBC ends it; None where that side need not be told. It goes to the party at
        `place`, which had asked for the call (`to_asker`) or was asked, from `listener`; `token` names its exchange,
        `ending` (Ending) is how the call ends, and `memo` is the call's."""

    def inquire(answer, to_asker, place, listener, token, sequence):
        """The request that asks a party whether the call that `answer` has begun still lives, and changes nothing, or
        None if there is none. What it is given is as for `close`. Any answer will do but one described as `gone`."""

    def word(why):
        """Why the SBC itself ends a call (Ending), or refuses it (Cause), in the words (str) that the protocol has in
        detail records; empty where it has none."""

    def question(answer, to_asker, memo, number, control=False):
        """What asks a party of a call that goes by connections whether it lives, as a Question, or None if there is
        nothing to ask it by. `answer` and `to_asker` are as for `close`, `memo` is the call's; the name is another for
        another `number`, where the protocol has it so. It goes by the control channel if `control`. Nobody answers it
        but by what an Intent `tells`."""

    def strip(message, told):
        """Take the answers to questions of ours, of these names, out of a message; whether anything is left of it that
        is to cross (bool)."""

    def beckon(opening, to_asker, address):
        """The message that asks a party of a call to open its control channel to `address`, ours; None where there is
        none. `opening` is the request (bytes) that began the call, as that party has sent it (`to_asker`) or got it."""

    def receipt(answer, place, listener, token, sequence):
        """The request that tells the party at `place` that its provisional `answer` (bytes) has arrived, or None if it
        needs none. Asked for where the exchange `receives` and the answer is described as wanting a `receipt`."""

    def remember(message):
        """What `complete` needs of a request of our own, to understand its answer; None where that needs nothing."""

    def complete(message, memo):
        """An answer as its asker is to have it, where the exchange `receives`: with what was said before and it does
        not say again. `memo` is the exchange's."""

    def confirm(sent, reply):
        """The hop's own acknowledgement of the final `reply` to our request `sent`; None if it needs none."""

    def grant(message, slot, seconds):
        """Write into a BIND, or the answer to one, that the place in `slot` lives for `seconds`."""

    def keep(answer):
        """What of a positive answer (bytes) to a BIND, as it went to the terminal, `renew` is to say again (bytes)."""

    def renew(message, source, kept, lives, others):
        """The positive answer to a BIND that the SBC has carried out itself. `lives` are the seconds granted to each of
        its slots, `others` further places (Place) of the same terminal and theirs, `kept` what `keep` gave."""

    def unbind(sent, name, handle, listener, token):
        """The request that takes off, of what the accepted BIND `sent` (bytes) has bound, the place we call `name`;
        None where there is none. The registrar calls the binding `handle` (bytes, may be empty). It goes out by
        `listener`, under a call and exchange of its own, named by `token`."""

    def restore(sent, name, handle, listener, token):
        """The request that says of a terminal which `unbind` has taken off, and which had registered for good
        (Intent.lasting), that it is there again; None where it has to say so itself. What it is given is as for
        `unbind`."""

    def give_back(sent, ending, token):
        """The request that tells whoever has given leave for a call that it is over: leave that the request `sent`
        (bytes, as it went on) was given. `ending` (Ending or None) is how the call has ended, `token` names the
        exchange. None where nobody need be told."""

    def probe(place, listener, token):
        """The request (bytes), sent from `listener`, that asks the peer at `place` only whether it lives; any answer
        will do. `token` names its exchange."""

    def summon(call, place, listener, token):
        """The request (bytes) that asks the terminal at `place` to open a connection to `listener` for the call that
        everybody calls `call`, as Intent.heralds has it; None where it has no such name. `token` names its exchange.
        Asked for where the terminal's BIND was described as of one that `comes`."""

    def timing(intent):
        """The Timing of an exchange that begins with this intent, on transports that lose; where nothing is lost the
        core itself says nothing twice."""

    def tell(data):
        """What a message (bytes, as it came or went) is, in a few words for people (str). Nothing secret is in them."""

    def mask(data):
        """A message (bytes, as it came or went) for people to read: what is secret in it is replaced."""

    def quoted(data):
        """The exchange, as `describe` names it, of a request of ours whose first octets are `data` (bytes): an ICMP
        error tells no more of it. None where they say too little. Anybody can send `data`."""

    def moved(sent, transport, address):
        """The request whose bytes `sent` we sent onward, as it is to be sent by another socket of ours, which peers
        know by `transport` and `address`."""


@attrs.define
class Framed:
    """What a framer made of some octets: whole messages, what to write back at once (a keepalive's answer), and the
    fault after which nothing more can be told apart. `stirred`: what came was no message, but shows that the peer
    lives. `ended` is why the connection is to be closed when that is written, as a fixed word and a reason: the peer
    wants that, or is not let in. `frames`: in how many it came, where the protocol has such."""

    messages: list[bytes] = attrs.field(factory=list)
    reply: bytes = b""
    broken: BadMessage | None = None
    stirred: bool = False
    ended: tuple[str, str] | None = None
    frames: int = 0


@attrs.frozen
class Service:
    """What one transport of a protocol is called in the DNS: in NAPTR records, in front of the name of SRV records; and
    its usual port (RFC 3263)."""

    naptr: str
    srv: str
    port: int


class IFramer(Interface):
    """What a protocol supplies for streams: one for each connection. Bounded in what it keeps; no clock."""

    partial = Attribute("Whether a message has begun and is not whole yet (bool).")

    def feed(data):
        """Take octets (bytes) as they came and return what is whole now, as Framed."""


class IBanSink(Interface):
    """What drops packets of banned sources before a socket has them. All of it is called on the reactor's thread, and
    none raises: whatever comes through all the same, user space judges."""

    name = Attribute("Which make it is: 'kernel', 'nft' or 'user-space'.")
    why = Attribute("Why it is no better one, or what it cannot guard, in words; empty where there is nothing to say.")

    def guard(doors):
        """Keep banned sources from these (an iterable of sbc.bans.doors.Door), and from no other port of this host."""

    def ban(realm, host, port, seconds):
        """Drop what comes to the doors of `realm` from `host` and `port` (0: from any), for so long from now; if it is
        banned already, the new time counts. Whether that is done: there may be no room, or no door."""

    def lift(realm, host, port):
        """Drop it no more. Of one that is not banned nothing happens."""

    def clear():
        """Lift all bans."""

    def list():
        """All bans, as a list of sbc.bans.doors.Barred."""

    def of(realm, host, port):
        """How many packets were dropped by a ban; 0 where there is none. As `dropped`, some microseconds' work, however
        many bans there are."""

    def dropped():
        """How many packets were dropped so far."""

    def stop():
        """Let go of everything in the system. Nothing of it outlives the process."""


class ICdrSink(Interface):
    """Where call detail records go: a file or database that this process alone writes. Called in one thread."""

    name = Attribute("What it is called in the log: the file's path.")

    kept = Attribute("After `open`: of the records left open, those that go on, by the call's id.")
    over = Attribute("After `open`: the ids of those calls, of the ones asked for, whose record is final here.")

    def open(keep=()):
        """Take the file; write as incomplete the records that a crash has left open, and return how many. Those of
        calls whose id is in `keep` stay open: their calls go on.

        @raises OSError; then nothing is left open."""

    def write(entries):
        """Write records (sbc.ledger.writer.Entry): those that are not final so that a crash leaves them to `open`.

        All or nothing, and the same entry again does no harm. A record that was once final is never changed.
        @raises OSError."""

    def close():
        """Let go of the file. All that `write` took is in it."""


class IAccountant(Interface):
    """Who is told of the accounts of terminals at each turn (sbc.ledger.turns): a file, a queue for servers. Called in
    the thread of the account book, which all of it shares."""

    name = Attribute("What it is called in the log.")

    def open(database):
        """Take what is needed. `database` (sqlite3.Connection) is the book: what is written there stands or falls with
        the turns. @raises OSError."""

    def take(database, turns):
        """Take turns (sbc.ledger.turns.Turn), within the book's transaction. If that fails the same come again: what
        was done outside of it is then to be undone first. @raises OSError, sqlite3.Error."""

    def settled():
        """What was taken is committed. @raises OSError; then it is called again with the next."""

    def close():
        """Let go of everything."""


class ICallStore(Interface):
    """Where calls and bindings outlive the process: values by kind and id, which this process alone writes. Called in
    one thread at a time."""

    name = Attribute("What it is called in the log: the file's path.")

    def open():
        """Take the store. @raises OSError where it cannot be had; then nothing is left open."""

    def load():
        """All that is kept, as an iterable of kind, id and value (bytes). @raises OSError."""

    def write(entries):
        """Write values (sbc.ledger.writer.Entry): `key` is kind and id, `record` the value, None where it is gone.

        All or nothing. What has been written is there when the process is killed. @raises OSError."""

    def close():
        """Let go of the store. All that `write` took is in it."""


class IPolicy(Interface):
    """What decides who may send what, and how much of it. No clock: `now` is in seconds."""

    def prepare(plan):
        """Make ready what `replan` will need for that Plan, and change nothing. May be called in another thread."""

    outgrown = Attribute("Whether something that counted before the last `replan` takes long to be freed.")

    def let_go():
        """What frees that: an iterator, of which each step takes little. May be run in another thread; between steps
        that has to let others run, which compiled code does not."""

    def replan(plan):
        """Hold what comes from now on to another Plan; what is known of sources, and tickets that are out, stay."""

    def banned(realm, source, now):
        """Whether nothing is taken from `source` in that realm (its name), whoever it is. Asked of everything, before
        `knock`."""

    def knock(listener, source, size, standing, proven, now):
        """Something has come and is not read yet: `size` octets from `source`, who is known so far (Standing), and has
        shown a certificate for `proven`; 0 octets for a new connection. The fixed word for why it is to be dropped;
        empty where it is to be read. Asked of everything: it has to be cheap. Never raises."""

    def spent(seconds, now):
        """So much time (seconds) was spent on what has knocked last, at `now`."""

    def worked(listener, source, standing, seconds, now):
        """So much time (seconds) was spent on securing a connection with `source`, who is known so far (Standing)."""

    def message(message, now):
        """A request that has been understood would cross (sbc.policy.events.Message): a Verdict against it, or None."""

    def explain(message, now):
        """What the policies would do with a Message, and why, as a list of lines (str). Changes and counts nothing."""

    def outcome(outcome, listener, source, intent, cause, now):
        """What became (sbc.policy.events.Outcome) of what `source` has sent to `listener`: of a message of that
        Intent, or of what was none (None). `cause` is the Cause for which the SBC itself refuses it, or None."""
