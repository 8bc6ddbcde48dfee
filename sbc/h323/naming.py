"""How calls, terminals and users are named in messages of H.323."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

GUID = 16
"""Octets of a callIdentifier."""


def call_of(value: Mapping[str, Any]) -> bytes:
    """The callIdentifier that a message speaks of, or in its place, as old terminals do, the conferenceID; empty where
    there is neither."""
    identifier = value.get("callIdentifier")
    if isinstance(identifier, dict) and any(identifier.get("guid", b"")):
        return bytes(identifier["guid"])
    return bytes(value.get("conferenceID") or b"")


def name_of(value: Mapping[str, Any], which: str) -> bytes:
    """A gatekeeper's or endpoint's name, as octets; empty where there is none."""
    return str(value.get(which) or "").encode("utf-8", "surrogatepass")


def user_of(aliases: Any) -> bytes:
    """The first alias of a list that is text; empty where there is none."""
    return next(iter(users_of(aliases)), b"")


def users_of(aliases: Any) -> tuple[bytes, ...]:
    """All aliases of a list that are text."""
    said = ((form, text) for form, text in aliases or () if isinstance(text, str))
    return tuple(f"{form}:{text}".encode("utf-8", "surrogatepass") for form, text in said)


def calls_help(called: bytes, wanted: Collection[str]) -> bool:
    """Whether who is called, as `user_of` has it or in digits alone, is one of `wanted`: numbers, or URNs of services,
    which include their subservices."""
    text = called.decode("utf-8", "replace")
    form, _, name = text.partition(":")
    said = name if name else form
    return said in wanted or any(":" in each and said.startswith(f"{each}.") for each in wanted)
