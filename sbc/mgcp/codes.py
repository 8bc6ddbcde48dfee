"""Return codes and reason codes (RFC 3435 sections 2.4 and 2.5): what the SBC says, and what it makes of others'.

A cause is told in the code after which the other does what is right (RFC 3661). Transient ones (4xx) are tried again:
403 where ports are short, an endpoint has as many calls as it may or we are draining, 404 where bandwidth is short, 409
where there is too much of everything, 406 where nobody answered, 400 where nobody could be asked. 502 says for good
that there is nothing left. 501 says of a gateway that does not answer what is true of its endpoints, 500 is all that
somebody learns who may ask for none. 516 lets a call agent that speaks of a call we do not know drop it.
"""

from __future__ import annotations

from sbc.core.message import Cause, Elsewhere, Ending

OK = 200
UNKNOWN_ENDPOINT = 500
PROTOCOL_ERROR = 510
BAD_DESCRIPTION = 509

OF_CAUSES = {
    Cause.NOT_FOUND: 500,
    Cause.NO_CALL: 516,
    Cause.FORBIDDEN: 500,
    Cause.BUSY: 409,
    Cause.ENGAGED: 403,
    Cause.RATE: 409,
    Cause.BANDWIDTH: 404,
    Cause.QUOTA: 502,
    Cause.DENIED: 500,
    Cause.NO_PORTS: 403,
    Cause.LOOP: 510,
    Cause.MERGED: 407,
    Cause.TIMEOUT: 406,
    Cause.UNREACHABLE: 400,
    Cause.ABSENT: 501,
    Cause.FLOW: 501,
    Cause.UNSUPPORTED: 507,
    Cause.SECURITY: 505,
    Cause.WITHDRAWN: 407,
    Cause.DRAINING: 403,
    Cause.UNBOUND: 500,
    Cause.SEALED: 507,
    Cause.BRIEF: 510,
}
"""What is answered for each cause."""

REASONS = {
    Ending.SILENT: (902, "no media"),
    Ending.VANISHED: (902, "the gateway is gone"),
    Ending.UNREACHABLE: (902, "the gateway is gone"),
    Ending.SHUTDOWN: (901, "taken out of service"),
    Ending.CLEARED: (904, "cleared"),
    Ending.SPENT: (904, "the account is used up"),
    Ending.EXPIRED: (904, "as long as it may be"),
    Ending.CONGESTION: (903, "no resources"),
}
"""The reason that a call agent is given for a connection that the SBC deletes."""
OTHERWISE = (900, "failed")

NO_CONNECTION = 515
GONE = frozenset({NO_CONNECTION, 516})
"""What was asked about is not there: an incorrect connection, or call."""

_ELSEWHERE = {
    405: Elsewhere.UNAVAILABLE,
    406: Elsewhere.TIMEOUT,
    409: Elsewhere.UNAVAILABLE,
    520: Elsewhere.UNAVAILABLE,
    521: Elsewhere.UNAVAILABLE,  # another call agent has the endpoint: it is one of the next hops
    529: Elsewhere.ERROR,
}
_ENDINGS = {
    401: Ending.BUSY,
    402: Ending.BUSY,
    403: Ending.CONGESTION,
    404: Ending.CONGESTION,
    405: Ending.UNREACHABLE,
    406: Ending.UNREACHABLE,
    407: Ending.CANCELLED,
    409: Ending.CONGESTION,
    410: Ending.CONGESTION,
    500: Ending.NOT_FOUND,
    501: Ending.UNREACHABLE,
    502: Ending.CONGESTION,
    520: Ending.UNREACHABLE,
    521: Ending.MOVED,
    526: Ending.CONGESTION,
    540: Ending.CONGESTION,
    **dict.fromkeys((505, 506, 507, 509, 517, 524, 525, 532, 534, 535, 541), Ending.INCOMPATIBLE),
}


def elsewhere(code: int) -> Elsewhere | None:
    """Why another call agent might do what one refuses; None where it would not."""
    return _ELSEWHERE.get(code)


def ending(code: int) -> Ending:
    """How a connection fared that was refused with that code."""
    return _ENDINGS.get(code, Ending.FAILED)
