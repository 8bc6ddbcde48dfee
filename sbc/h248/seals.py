"""The authentication header, which covers all octets after it, and what is done about it where any is changed (H.248.1
clause 10.2): its hash is made with a key that the SBC has not."""

from __future__ import annotations

from sbc.core.crossing import Crossing
from sbc.core.message import Cause, Refused
from sbc.h248.options import Authentication, of
from sbc.h248.taken import Taken


def mend(taken: Taken, crossing: Crossing) -> None:
    """Do about it what the path says: each message is changed, if only in its transaction's number. @raises Refused."""
    message = taken.message
    if not message.signed:
        return
    wish = of(crossing.path).authentication
    if wish is Authentication.REFUSE:
        raise Refused(Cause.SEALED, "what is authenticated as a whole cannot be taken across")
    if wish is Authentication.STRIP:
        message.drop(message.signed_at)
    event = "seal-stripped" if wish is Authentication.STRIP else "seal-broken"
    taken.remarks.append((event, "authentication header: covers what was rewritten"))
