"""Tokens that cover a whole message, and what is done about them: who rewrites an address makes them untrue (H.235).

What only proves who somebody is passes, for it covers a name, a time and a password, and nothing that is rewritten:
cryptoEPPwdHash and its kin (H.225.0, H.235.0 clause 8.2), clear tokens, and those by which a gatekeeper hands out keys
for direct calls (H.235.4). What is hashed or signed as a whole is so by a key that the SBC has not.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sbc.core.crossing import Crossing
from sbc.core.message import Cause, Refused
from sbc.h323.codec import Message, Spot
from sbc.h323.message import H323Message
from sbc.h323.options import Tokens, of
from sbc.h323.spots import Noted

_H235 = (0, 0, 8, 235, 0)
"""The object identifiers of H.235.1 begin so; then come its version and a number (clause 15)."""
_AUTHENTICATION_ONLY = 2
"""The number of what covers the clear token beside it, and no more (procedure IA)."""
_COVERING = {"cryptoHashedToken": "hash", "cryptoSignedToken": "signature"}


class Seal(NamedTuple):
    """What covers a whole message: where, which of the tokens there (None: it is no list of them), and in words."""

    spot: Spot
    place: int | None
    word: str


def seals(message: Message) -> list[Seal]:
    """All that cover the whole message."""
    found = []
    for spot in message.spots:
        if spot.kind is not Noted.TOKENS:
            continue
        if spot.field == "integrityCheckValue":
            found.append(Seal(spot, None, spot.field))
        elif spot.field == "cryptoTokens":
            words = map(_word, spot.value)
            found += [Seal(spot, place, word) for place, word in enumerate(words) if word]
    return found


def _word(token: tuple[str, Any]) -> str:
    """What a token is that covers the whole message; empty of any other."""
    form, nested = token
    if form != "nestedcryptoToken" or nested[0] not in _COVERING:
        return ""
    oid = nested[1].get("tokenOID", ())
    if oid[:5] == _H235 and len(oid) == 7 and oid[6] == _AUTHENTICATION_ONLY:
        return ""
    return f"{_COVERING[nested[0]]} {'.'.join(map(str, oid))}"


def mend(message: H323Message, crossing: Crossing) -> None:
    """Do about what covers the whole message as the path says, if anything in it was changed. @raises Refused."""
    found = seals(message.message) if message.changed else []
    if not found:
        return
    said = ", ".join(dict.fromkeys(seal.word for seal in found))
    wish = of(crossing.path).tokens
    if wish is Tokens.REFUSE:
        raise Refused(Cause.SEALED, "what is signed as a whole cannot be taken across", detail=said)
    if wish is Tokens.STRIP:
        for spot in dict.fromkeys(seal.spot for seal in found):
            gone = {seal.place for seal in found if seal.spot is spot}
            left = [] if None in gone else [each for place, each in enumerate(spot.value) if place not in gone]
            message.put(spot, left) if left else message.take_out(spot)
    event = "seal-stripped" if wish is Tokens.STRIP else "seal-broken"
    message.remarks.append((event, f"{said}: covers what was rewritten"))
