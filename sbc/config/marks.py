"""The keys that say how what is sent into a realm is marked, and what is read of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sbc.config import kinds
from sbc.config.faults import Findings, Unfit, joined
from sbc.config.keys import Key, read_keys
from sbc.policy.marking import CODES, NAMES, Classes, Incoming, Mapped, Mark, Marks

_HIGHEST_PRIORITY = 7
_MOVED = "dscp"
_ALLOWED = f"a DSCP, 0 to {CODES - 1} or a name ({', '.join(NAMES)})"


def _dscp(value: object) -> int:
    if isinstance(value, str):
        text = value.strip().lower()
        if text in NAMES:
            return NAMES[text]
        if not text.isascii() or not text.isdigit() or len(text) > 2:
            raise Unfit
        value = int(text)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < CODES:
        raise Unfit
    return value


def _mark(value: object) -> Mark:
    if not isinstance(value, str) or "/" not in value:
        return Mark(_dscp(value))
    dscp, _, priority = value.partition("/")
    if len(priority) != 1 or priority not in "01234567":
        raise Unfit(f"has no priority of a frame, 0 to {_HIGHEST_PRIORITY}, behind the /")
    return Mark(_dscp(dscp), int(priority))


def _mapped(value: object) -> Mapped:
    if not isinstance(value, str) or value.count("=") != 1:
        raise Unfit
    here, _, there = value.partition("=")
    return Mapped(_dscp(here), _dscp(there))


MARK = kinds.Kind(f'{_ALLOWED}, and where wanted the priority of the frame (802.1p): "ef/5"', _mark)
_MAP = kinds.many(kinds.Kind('two DSCPs, as they arrive and as they go on: "cs5=ef"', _mapped), 0, "pairs")
_CLASSES = tuple(Key(name, MARK) for name in ("signalling", "media", "audio", "video", "fax"))
TABLES: dict[str, tuple[Key, ...]] = {
    "realms.NAME.marks": (
        *_CLASSES,
        Key("priority", kinds.table()),
        Key("emergency", kinds.table()),
        Key("incoming", kinds.choice(Incoming)),
        Key("map", _MAP),
    ),
    "realms.NAME.marks.priority": _CLASSES,
    "realms.NAME.marks.emergency": _CLASSES,
}


def read(table: Mapping[str, Any], media: Mapping[str, Any], at: str, findings: Findings) -> Marks:
    """The marks of the realm at `at`, by its table for that. `media` is its table for media: what stood there once is
    said to have moved."""
    spot = joined(at, "marks")
    if _MOVED in media:
        problem = "is one of several marks, which stand in a table of their own now"
        findings.add(f"{at}.media.{_MOVED}", media[_MOVED], problem, f"media and signalling in [{spot}]")
    values = read_keys(table, spot, TABLES["realms.NAME.marks"], findings)
    for name in ("priority", "emergency"):
        keys = TABLES[f"realms.NAME.marks.{name}"]
        values[name] = Classes(**read_keys(values.pop(name, {}), f"{spot}.{name}", keys, findings))
    maps = values.get("incoming", Incoming.BLEACH) is Incoming.MAP
    if maps and "map" not in table:
        findings.missing(f"{spot}.map", _MAP.allowed)
    if "map" in table and not maps:
        findings.add(f"{spot}.map", table["map"], "is of no use", 'incoming = "map" beside it')
    here = [each.here for each in values.get("map", ())]
    if len(set(here)) < len(here):
        findings.add(f"{spot}.map", table["map"], "says of one DSCP twice what becomes of it", "each once")
    return Marks(**values)


def not_moved(media: Mapping[str, Any]) -> dict[str, Any]:
    """A realm's table for media, but for what is said to have moved."""
    return {name: value for name, value in media.items() if name != _MOVED}
