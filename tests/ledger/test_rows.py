"""Accounts as rows: CSV that reads back as it was, and summaries."""

from __future__ import annotations

import csv
import io

import attrs
from hypothesis import given
from hypothesis import strategies as st

from sbc.ledger.rows import BY, HEAD, Summary, lines_of, row_of
from sbc.ledger.usage import usages_of
from tests.ledger.facts import record_of, whole

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00"), min_size=1)


def test_a_row_has_all_columns() -> None:
    (usage,) = usages_of(record_of("b-one"))
    row = dict(zip(HEAD, row_of("stop", usage), strict=True))
    assert (row["event"], row["session"], row["registered"], row["duration"]) == ("stop", "b-one", "true", "8.0")
    assert (row["in_packets"], row["in_octets"], row["in_ip_octets"]) == ("101", "17260", "20088")
    assert (row["audio_out_packets"], row["fax_in_packets"], row["codecs"]) == ("51", "0", "PCMU/8000")
    live = dict(zip(HEAD, row_of("start", usages_of(record_of("b-one", ended=False))[0]), strict=True))
    assert live["end"] == live["ending"] == ""


@given(TEXT)
def test_what_peers_write_reads_back_and_is_no_formula(text: str) -> None:
    (usage,) = usages_of(record_of("b-one"))
    (row,) = csv.reader(io.StringIO(lines_of([row_of("stop", attrs.evolve(usage, caller=text))]).decode()))
    cell = row[HEAD.index("caller")]
    assert cell in (text, f"'{text}") and cell[0] not in "=+-@\t"


def test_lines_end_as_rfc_4180_has_it() -> None:
    assert lines_of([["a", 'say "x"', "1,2"]]) == b'a,"say ""x""","1,2"\r\n'


def test_a_summary_counts_every_account_once() -> None:
    summary = Summary(("realm", "terminal"))
    for record in (record_of("b-one"), record_of("b-two"), whole()):
        summary.add(record)
    found = {row[1]: row for row in summary.rows()}
    assert found["alice@example.com"][:5] == ("access", "alice@example.com", "4", "4", "31.000")
    assert found["alice@example.com"][5] == str(2 * 101 + 2 * 51)
    by_media = Summary(BY)
    by_media.add(record_of("b-one"))
    (line,) = by_media.as_dicts()
    assert (line["media"], line["day"], line["calls"], line["out"]["packets"]) == ("audio", "2026-11-23", 1, 51)
    assert len(by_media.head) == len(by_media.rows()[0])
