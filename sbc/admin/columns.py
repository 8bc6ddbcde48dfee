"""The columns of the console's tables: what of each row is shown, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sbc.admin.marked import marks_text
from sbc.admin.tables import Column, Row, duration


def _end(which: str) -> Callable[[Row], str]:
    return lambda row: f"{row[which]['realm']} {row[which]['seen']}"


def _use(what: str) -> Callable[[Row], str]:
    return lambda row: f"{row[what]['now']}/{row[what]['most']}"


def _side(index: int, cell: Callable[[Row], Any]) -> Callable[[Row], Any]:
    return lambda row: cell(row["sides"][index])


def _goes_to(side: Row) -> str:
    """Where a side's media goes; in brackets as long as nothing has been heard from there."""
    if side["rtp"] is None or not side["rtp_reason"]:
        return f"({side['signalled']['rtp']})" if side["signalled"] else "-"
    return str(side["rtp"])


def _packets(side: Row, way: str) -> int:
    return int(side[way]["rtp"]["packets"] + side[way]["rtcp"]["packets"])


def _mos(side: Row) -> str:
    return "-" if side["quality"] is None or side["quality"]["mos"] is None else f"{side['quality']['mos']:.2f}"


CALLS = (
    Column("ID", lambda row: row["id"]),
    Column("STATE", lambda row: row["state"]),
    Column("AGE", lambda row: duration(row["age"]), right=True),
    Column("PATH", lambda row: row["path"], widest=16),
    Column("USER", lambda row: row["user"], widest=28),
    Column("TARGET", lambda row: row["target"], widest=28),
    Column("FROM", _end("from"), widest=48),
    Column("LABEL", lambda row: row["from"]["label"], widest=16),
    Column("TO", _end("to"), widest=48),
    Column("LABEL", lambda row: row["to"]["label"], widest=16),
    Column("STREAMS", lambda row: row["streams"], right=True),
    Column("PACKETS", lambda row: "{}/{}".format(*row["packets"]), right=True),
)
BINDINGS = (
    Column("ID", lambda row: row["id"]),
    Column("USER", lambda row: row["user"], widest=36),
    Column("REALM", lambda row: row["realm"], widest=16),
    Column("PLACE", lambda row: row["place"], widest=48),
    Column("SEEN", lambda row: row["seen"], widest=48),
    Column("NAT", lambda row: row["behind_nat"]),
    Column("PRESENTED AS", lambda row: row["presented"], widest=48),
    Column("EXPIRES", lambda row: "never" if row["lasting"] else duration(row["expires_in"]), right=True),
    Column("GRANTED", lambda row: duration(row["granted_for"]), right=True),
    Column("SILENT", lambda row: duration(row["silent_for"]), right=True),
    Column("STATE", lambda row: row["state"]),
)
REALMS = (
    Column("REALM", lambda row: row["name"]),
    Column("SIDE", lambda row: row["side"]),
    Column("NETWORK", lambda row: row["network"] or "-", widest=48),
    Column("CALLS", _use("calls"), right=True),
    Column("BINDINGS", _use("bindings"), right=True),
    Column("EXCHANGES", _use("exchanges"), right=True),
    Column("MEDIA", lambda row: f"{row['media']['address']} {row['media']['ports']}", widest=64),
    Column("FREE", lambda row: row["media"]["free"], right=True),
    Column("USED", lambda row: row["media"]["used"], right=True),
    Column("RESTING", lambda row: row["media"]["resting"], right=True),
    Column("MARKS", lambda row: marks_text(row["marks"]), widest=100),
)
USAGE = (
    Column("REALM", lambda row: row["realm"], widest=16),
    Column("BY", lambda row: row["key"], widest=36),
    Column("CALLS", lambda row: row["calls"], right=True),
    Column("IN PACKETS", lambda row: row["in"]["packets"], right=True),
    Column("IN OCTETS", lambda row: row["in"]["ip_octets"], right=True),
    Column("OUT PACKETS", lambda row: row["out"]["packets"], right=True),
    Column("OUT OCTETS", lambda row: row["out"]["ip_octets"], right=True),
)
LISTENERS = (
    Column("LISTENER", lambda row: row["listener"], widest=80),
    Column("OPEN", lambda row: row["open"]),
    Column("RECEIVE BUFFER", lambda row: row["receive_buffer"], right=True),
    Column("SEND BUFFER", lambda row: row["send_buffer"], right=True),
    Column("KERNEL DROPS", lambda row: row["kernel_drops"], right=True),
    Column("READ ERRORS", lambda row: row["read_errors"], right=True),
)
STREAMS = (
    Column("STREAM", lambda row: row["id"]),
    Column("KIND", lambda row: row["kind"]),
    *(
        column
        for index in (0, 1)
        for column in (
            Column("REALM", _side(index, lambda side: side["realm"]), widest=16),
            Column("MEDIA TO", _side(index, _goes_to), widest=50),
            Column("IN", _side(index, lambda side: _packets(side, "received")), right=True),
            Column("OUT", _side(index, lambda side: _packets(side, "sent")), right=True),
            Column("DROPPED", _side(index, lambda side: side["dropped"]), right=True),
            Column("MOS", _side(index, _mos), right=True),
            Column("DSCP", _side(index, lambda side: side["marks"]["sent"] if side["marks"] else "-")),
            Column("SECURITY", _side(index, lambda side: side["security"])),
        )
    ),
)
COUNTERS = (Column("COUNTER", lambda row: row["counter"]), Column("COUNT", lambda row: row["count"], right=True))
FAULTS = (Column("FAULT", lambda row: row["fault"], widest=200),)
PATHS = (
    Column("PATH", lambda row: row["name"]),
    Column("ACCESS", lambda row: row["access"]),
    Column("CORE", lambda row: row["core"]),
    Column("BY", lambda row: row["transport"]),
    Column("NEXT HOPS", lambda row: ", ".join(hop["to"] for hop in row["next_hops"]), widest=80),
    Column("DOMAIN", lambda row: row["domain"]),
    Column("SIGNALING", lambda row: row["signaling"]),
    Column("CALLS", lambda row: row["calls"], right=True),
)
NEIGHBOURS = (
    Column("PATH", lambda row: row["path"]),
    Column("NEXT HOP", lambda row: row["hop"], widest=48),
    Column("NAME", lambda row: row["name"] if row["name"] != row["hop"] else "", widest=40),
    Column("BY", lambda row: row["transport"]),
    Column("PRIORITY", lambda row: row["priority"], right=True),
    Column("WEIGHT", lambda row: f"{row['weight']:g}", right=True),
    Column("STATE", lambda row: row["state"]),
    Column("SINCE", lambda row: duration(row["since"]), right=True),
    Column("WHY", lambda row: row["why"], widest=48),
    Column("HEARD", lambda row: duration(row["heard"]), right=True),
    Column("ANSWER", lambda row: row["answer"], widest=32),
    Column("SENT", lambda row: row["sent"], right=True),
    Column("ELSEWHERE", lambda row: row["failures"], right=True),
)
MEDIA = (
    Column("REALM", lambda row: row["realm"]),
    Column("ADDRESS", lambda row: row["address"], widest=64),
    Column("PORTS", lambda row: row["ports"]),
    Column("USED", lambda row: row["used"], right=True),
    Column("RESTING", lambda row: row["resting"], right=True),
    Column("FREE", lambda row: row["free"], right=True),
    Column("STREAMS", lambda row: row["streams"], right=True),
    Column("IN", lambda row: row["received"]["packets"], right=True),
    Column("OUT", lambda row: row["sent"]["packets"], right=True),
    Column("DROPPED", lambda row: row["dropped"], right=True),
    Column("LOST", lambda row: f"{100 * row['lost'] / row['expected']:.2f} %" if row["expected"] else "-", right=True),
    Column("JITTER", lambda row: "-" if row["jitter"] is None else f"{row['jitter']:.1f} ms", right=True),
    Column("MOS", lambda row: "-" if row["mos"] is None else f"{row['mos']:.2f}", right=True),
)
REFUSALS = (
    Column("EVENT", lambda row: row["event"]),
    Column("SOURCE", lambda row: row["source"], widest=48),
    Column("REASON", lambda row: row["reason"], widest=80),
    Column("WHAT", lambda row: " ".join(str(value) for value in row["fields"].values()), widest=40),
    Column("COUNT", lambda row: row["count"], right=True),
    Column("LAST", lambda row: duration(row["age"]), right=True),
)
