"""What is used of each limit, has been used at most, and was refused: as rows of the console, and as metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sbc.admin.tables import Column, Row
from sbc.core.border import Border
from sbc.policy.tally import BINDINGS, CALLS, KINDS, TERMINAL, WORDS, Tally

INTO, OUT = "bandwidth_in", "bandwidth_out"
_USE = (CALLS, BINDINGS, INTO, OUT)


def fullest(tallies: Iterable[Tally], find: str, realm: str, kind: str) -> list[Tally]:
    """Those that are meant, by kind, and of each the fullest first."""
    chosen = (
        each
        for each in tallies
        if (not kind or each.kind == kind) and (not realm or each.realm == realm) and find in each.name
    )
    return sorted(chosen, key=lambda each: (KINDS.index(each.kind), -_fullness(each), each.realm, each.name))


def _fullness(tally: Tally) -> float:
    """The part of the limit that is used, of what is used most of; what is not limited counts by its calls alone."""
    parts = [now / most for now, _, most in _uses(tally) if most]
    return max(parts, default=0.0) + min(tally.calls, 1_000_000) * 1e-12


def _uses(tally: Tally) -> tuple[tuple[int, int, int], ...]:
    """Of calls, registrations and both directions of bandwidth (kbit/s): now, at most so far, and the limit."""
    caps = tally.caps
    return (
        (tally.calls, tally.most_calls, caps.calls),
        (tally.bindings, tally.most_bindings, caps.bindings),
        (tally.into // 1000, tally.most_into // 1000, caps.bandwidth_in),
        (tally.out // 1000, tally.most_out // 1000, caps.bandwidth_out),
    )


def tally_view(tally: Tally) -> Row:
    """What one realm, path, customer or terminal has of each thing; bandwidth in kbit/s."""
    uses = zip(_USE, _uses(tally), strict=True)
    view: Row = {name: {"now": now, "peak": peak, "most": most} for name, (now, peak, most) in uses}
    return {
        "kind": tally.kind,
        "name": tally.name,
        "realm": tally.realm,
        "customer": tally.customer,
        **view,
        "calls_per_second": tally.caps.calls_per_second,
        "refused": {word: tally.refused[word] for word in WORDS},
        "passed": tally.passed,
    }


def _used(what: str) -> Any:
    def cell(row: Row) -> str:
        use = row[what]
        return f"{use['now']}/{use['most'] or '-'} ({use['peak']})"

    return cell


def _refused(row: Row) -> str:
    return " ".join(f"{word} {count}" for word, count in row["refused"].items() if count) or "-"


COLUMNS = (
    Column("WHAT", lambda row: row["kind"]),
    Column("NAME", lambda row: row["name"], widest=36),
    Column("REALM", lambda row: row["realm"], widest=16),
    Column("CALLS", _used(CALLS), right=True),
    Column("A SECOND", lambda row: f"{row['calls_per_second']:g}" if row["calls_per_second"] else "-", right=True),
    Column("BINDINGS", _used(BINDINGS), right=True),
    Column("KBIT/S IN", _used(INTO), right=True),
    Column("KBIT/S OUT", _used(OUT), right=True),
    Column("REFUSED", _refused, widest=60),
    Column("PASSED", lambda row: row["passed"], right=True),
)
"""Each use as ``now/limit (peak)``."""


# -- metrics; terminals may be very many, and have no samples but those of all of a realm together


def _shared(border: Border) -> Iterator[Tally]:
    return (each for each in border.registry.gate.book.tallies() if each.kind != TERMINAL)


def used(sources: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What there is, by kind, realm, name and what it is of; bandwidth in bit/s."""
    for each in _shared(sources.border):
        for what, number in zip(_USE, each.used, strict=True):
            yield (each.kind, each.realm, each.name, what), number


def most(sources: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The same of the limits there are."""
    for each in _shared(sources.border):
        limits = zip(_USE, (limit for _, _, limit in _uses(each)), (1, 1, 1000, 1000), strict=True)
        for what, limit, unit in limits:
            if limit:
                yield (each.kind, each.realm, each.name, what), limit * unit


def refused(sources: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What was refused since the start."""
    for each in _shared(sources.border):
        for word in WORDS:
            yield (each.kind, each.realm, each.name, word), each.refused[word]
    for (realm, word), count in sources.border.registry.gate.book.refused_terminals.items():
        yield (TERMINAL, realm, "", word), count


def passed(sources: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Calls that went past a limit since the start."""
    return (((each.kind, each.realm, each.name), each.passed) for each in _shared(sources.border))
