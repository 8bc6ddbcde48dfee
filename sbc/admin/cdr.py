"""`sbc cdr`: asks the call detail records, as a table, as JSON lines, as CSV, or summed up."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from sbc.config.faults import ConfigError, printable
from sbc.config.load import load_file
from sbc.ledger.jsonlines import family
from sbc.ledger.query import Sum, Wanted, in_database, in_json, is_database, moment, sides_of
from sbc.ledger.rows import BY, HEAD, Summary, lines_of, row_of
from sbc.ledger.usage import MEDIA, usages_of
from sbc.ledger.volume import Plain

_TEXT = (
    "Show records of ended calls. They are read from one file, which --file or --sqlite names, or from the files of "
    "the [cdr] table in a configuration: the database if there is one, else the JSON file and those it was rotated to."
)
_HEAD = ("START", "SECONDS", "CALLER", "CALLEE", "ENDING", "BY", "CODECS", "PACKETS", "MOS", "ID")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    command = commands.add_parser("cdr", help="ask the call detail records", description=_TEXT)
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("--file", metavar="PATH", help="a file of JSON lines")
    source.add_argument("--sqlite", metavar="PATH", help="an SQLite database")
    source.add_argument("--config", metavar="FILE", help="the SBC's configuration file")
    command.add_argument("--since", type=_moment, metavar="TIME", help="calls that began then or later (UTC)")
    command.add_argument("--until", type=_moment, metavar="TIME", help="calls that began before then (UTC)")
    command.add_argument("--user", default="", metavar="TEXT", help="calls whose caller or callee contains it")
    command.add_argument("--terminal", default="", metavar="TEXT", help="calls of terminals whose user contains it")
    command.add_argument("--realm", default="", metavar="NAME", help="calls that were in that realm")
    command.add_argument("--media", default="", choices=MEDIA, help="calls that had such media")
    command.add_argument("--cause", default="", metavar="TEXT", help="calls whose ending or cause contains it")
    command.add_argument("--id", default="", metavar="ID", help="the call or record of that id")
    command.add_argument("--incomplete", action="store_true", help="only what a crash has cut short")
    command.add_argument("--mos-below", type=_score, metavar="MOS", help="calls one direction of which was worse")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line")
    form.add_argument("--csv", action="store_true", help="one row (RFC 4180) for each terminal's account")
    total = command.add_mutually_exclusive_group()
    total.add_argument("--sum", action="store_true", help="what they add up to")
    total.add_argument(
        "--by", type=_keys, metavar="KEYS", help=f"what they add up to by some of {', '.join(BY)}: as in terminal,day"
    )
    command.set_defaults(run=_run)


def _moment(text: str) -> str:
    try:
        return moment(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time, such as 2026-11-23 or 2026-11-23T16:00") from None


def _keys(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(text.split(",")))
    if not set(found) <= set(BY):
        raise argparse.ArgumentTypeError(f"{text!r} is not some of {', '.join(BY)}")
    return found


def _score(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 1.0 <= found <= 5.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no MOS: 1 to 5, such as 3.6")
    return found


def _run(asked: argparse.Namespace) -> int:
    since, until = asked.since or "", asked.until or ""
    wanted = Wanted(
        since, until, asked.user, asked.cause, asked.id, asked.incomplete, asked.mos_below, asked.terminal, asked.realm,
        asked.media,
    )  # fmt: skip
    try:
        records = _records(asked, wanted)
        if asked.sum:
            _print_sum(records, asked)
        elif asked.by:
            _print_summary(records, asked)
        elif asked.csv:
            rows = (row_of("record", usage) for record in records for usage in usages_of(record))
            _write_rows(chain([HEAD], rows))
        elif asked.json:
            for record in records:
                print(json.dumps(record, separators=(",", ":")))
        else:
            _print_table(records)
    except (ConfigError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever reads has seen enough
        sys.stdout = None
        return 0
    except OSError as error:
        print(f"{error.filename or 'records'}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


def _records(asked: argparse.Namespace, wanted: Wanted) -> Iterator[Plain]:
    """@raises ConfigError, OSError; ValueError where a configuration has no records."""
    if asked.config is not None:
        cdr = load_file(asked.config).cdr
        if cdr is None:
            raise ValueError(f"{asked.config}: there is no [cdr], so no records are written")
        if cdr.sqlite is not None:
            return in_database(cdr.sqlite, wanted)
        return in_json(family(cdr.json or ""), wanted)
    if asked.sqlite is not None:
        if not is_database(asked.sqlite):
            raise ValueError(f"{asked.sqlite}: is no SQLite database")
        return in_database(asked.sqlite, wanted)
    return in_json([asked.file], wanted)


def _print_table(records: Iterator[Plain]) -> None:
    """Rows as they come, so that the widths are fixed."""
    print(_line(_HEAD))
    for record in records:
        print(_line(_cells(record)))


def _cells(record: Plain) -> tuple[str, ...]:
    codecs = dict.fromkeys(codec.partition("/")[0] for stream in record["streams"] for codec in stream["codecs"])
    packets = sum(volume["packets"] for side in sides_of(record) for volume in side["received"].values())
    duration = record["duration"]
    return (
        record["start"][:19],
        "-" if duration is None else f"{duration:.1f}",
        record["caller"],
        record["callee"] or record["called"],
        record["ending"] or "-",
        record["ended_by"] or "-",
        ",".join(codecs) or "-",
        str(packets),
        "-" if record.get("mos") is None else f"{record['mos']:.2f}",
        record["id"],
    )


def _line(cells: tuple[str, ...]) -> str:
    widths = (19, 8, 24, 24, 12, 6, 16, 8, 4, 0)
    shown = [printable(cell) for cell in cells]
    return "  ".join(
        cell.rjust(width) if index in (1, 7, 8) else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(shown, widths, strict=True))
    ).rstrip()


def _write_rows(rows: Iterable[Sequence[str]]) -> None:
    """Rows as CSV, as they come."""
    for row in rows:
        print(lines_of([row]).decode(), end="")


def _print_summary(records: Iterator[Plain], asked: argparse.Namespace) -> None:
    summary = Summary(asked.by)
    for record in records:
        summary.add(record)
    if asked.json:
        for line in summary.as_dicts():
            print(json.dumps(line, separators=(",", ":")))
    elif asked.csv:
        _write_rows([summary.head, *summary.rows()])
    else:
        keys = len(summary.by)
        shown = [[printable(cell) for cell in row] for row in summary.rows()]
        table = [[name.replace("_", " ").upper() for name in summary.head], *shown]
        widths = [max(len(row[index]) for row in table) for index in range(len(summary.head))]
        for row in table:
            cells = (
                cell.ljust(width) if index < keys else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            print("  ".join(cells).rstrip())


def _print_sum(records: Iterator[Plain], asked: argparse.Namespace) -> None:
    total = Sum()
    for record in records:
        total.add(record)
    if asked.csv:
        plain = total.as_dict()
        plain["endings"] = " ".join(f"{ending}:{count}" for ending, count in plain["endings"].items())
        _write_rows([list(plain), ["" if value is None else str(value) for value in plain.values()]])
        return
    if asked.json:
        print(json.dumps(total.as_dict(), separators=(",", ":")))
        return
    print(f"{total.records} calls, {total.answered} answered, {total.incomplete} incomplete")
    print(f"{total.seconds:.1f} seconds ({total.seconds / 60:.1f} minutes)")
    print(f"{total.packets} packets, {total.octets} octets received; {total.dropped} packets dropped")
    if total.expected:
        print(f"{total.lost} of {total.expected} RTP packets lost ({100 * total.lost / total.expected:.2f} %)")
    if total.rated:
        print(f"MOS {total.mos / total.rated:.2f}, the mean of the worse direction of {total.rated} calls")
    for ending, count in total.endings.most_common():
        print(f"{count:>10}  {printable(str(ending))}")
