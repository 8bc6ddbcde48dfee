"""ServiceChange of the whole gateway: what it is for the core, which knows gateways by it (H.248.1 clause 7.2.8)."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.core.message import MOST_AGENT, Intent, Kind, Route
from sbc.h248.message import ROOT, Body, Form, H248Message, Mid, Services, Verb

TAKES_OFF = "forced"
_REGISTER = frozenset({"restart", "handoff", "failover", "disconnected", TAKES_OFF})
"""The methods by which a gateway turns to a controller, or leaves it. Graceful tells it of something to come."""
COLD_BOOT, COLD_FAILOVER = 901, 920
"""Reasons that say that nothing is left of what there was (H.248.8); a restart that gives none means the same."""
CONTROLLER = b"mgc"
"""The one hop of the route to the controller that a gateway was told to turn to."""
EVERYTHING = ((b"*", b"*"),)
"""Of `Intent.leaves`: all members of all calls."""
_NO_NAMES = frozenset({Form.IP4, Form.IP6})


def root_change(message: H248Message) -> Services | None:
    """The ServiceChange of the whole gateway that a message asks for or answers; None where it has none."""
    for command in message.commands:
        if command.verb is Verb.SERVICE_CHANGE and command.termination.key == ROOT:
            return command.services or Services()
    return None


def registers(message: H248Message) -> Services | None:
    """The ServiceChange by which a gateway registers, and so says where it is; None in all other messages."""
    change = root_change(message) if message.body is Body.REQUEST else None
    return change if change is not None and change.method in _REGISTER and change.method != TAKES_OFF else None


def describe_change(intent: Intent, message: H248Message, change: Services) -> None:
    """What a request for a ServiceChange of the whole gateway means besides."""
    intent.agent = change.profile[:MOST_AGENT]
    if change.method not in _REGISTER:
        return
    intent.kind, intent.lasting = Kind.BIND, True
    if change.method == TAKES_OFF:  # it takes off whatever is where it comes from, and need not say so
        intent.user, intent.expires, intent.leaves = b"", 0, EVERYTHING
        return
    intent.user = message.mid.text.lower()
    if message.mid.form is Form.DOMAIN:  # of device names there may be two alike, behind two NATs
        intent.label = intent.user
    began_anew = change.method == "restart" and change.code in (0, COLD_BOOT)
    if began_anew or change.code == COLD_FAILOVER:
        intent.leaves = EVERYTHING


def describe_answer(intent: Intent, message: H248Message, change: Services) -> None:
    """What the positive answer to one means: all is granted. The controller may say where it is found from now on."""
    intent.kind, intent.grants, intent.lasting = Kind.BIND, True, True
    controller = _host(message, change.mgc) or _host(message, change.address)
    if controller is not None:
        intent.route = Route((CONTROLLER,), controller)


def _host(message: H248Message, mid: Mid | None) -> Address | None:
    """The address that an MId says; a port alone is one at the host that the message's own says."""
    if mid is None or mid.address is None:
        return None
    if mid.form is Form.PORT:
        own = message.mid.address
        return None if own is None or message.mid.form not in _NO_NAMES else Address(own.host, mid.address.port)
    return mid.address if mid.form in _NO_NAMES and mid.address.port else None
