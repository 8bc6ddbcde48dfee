"""Files of prefixes, and what is said of those that are wrong."""

from __future__ import annotations

import os
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.config import prefixes
from sbc.config.faults import Findings
from sbc.config.prefixes import Networks, prefix_list, read_prefix_file
from sbc.policy.prefixes import Network
from sbc.policy.rule import PrefixList


def read(path: Path) -> tuple[Networks, list[str]]:
    findings = Findings("sbc.toml")
    return read_prefix_file(str(path), "key", findings), [fault.problem for fault in findings]


def test_one_on_a_line_with_remarks(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text("# mine\n192.0.2.0/24\n\n  198.51.100.7 # a host\n2001:db8::/32\r\n192.0.2.0/24\n")
    assert read(file) == (tuple(map(ip_network, ("192.0.2.0/24", "198.51.100.7", "2001:db8::/32"))), [])


def test_each_wrong_line_is_told_by_its_number_but_not_very_many(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text("192.0.2.1/24\nhost.example\n\x1b[2J\n" + "x\n" * 1000)
    networks, faults = read(file)
    assert networks == () and len(faults) == prefixes.MOST_FAULTS
    assert faults[0].startswith("line 1: ") and "host bits" in faults[0] and faults[2] == "line 3: is no prefix"


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text("192.0.2.0/24\n")
    assert len(read(file)[0]) == 1
    file.write_text("192.0.2.0/24\n198.51.100.0/24\n")
    assert len(read(file)[0]) == 2
    file.write_text("192.0.2.0/24\n198.51.101.0/24\n")
    os.utime(file, ns=(1, 1))
    assert str(read(file)[0][1]) == "198.51.101.0/24"
    assert read(file)[0] is read(file)[0], "and one that has not is not"


def test_the_list_of_a_file_that_has_not_changed_is_the_same(tmp_path: Path) -> None:
    """What tells one list from another is worked out of all that is in it."""
    file = tmp_path / "list"
    file.write_text("192.0.2.0/24\n")
    findings, written = Findings("sbc.toml"), ip_network("10.0.0.0/8")

    def made(*more: Network) -> PrefixList:
        return prefix_list(more, str(file), "key", findings)

    assert made() is made() and made().networks == (ip_network("192.0.2.0/24"),) and made().file == str(file)
    assert made(written).networks == (written, ip_network("192.0.2.0/24")) and made(written) is made(written)
    before = made()
    file.write_text("198.51.100.0/24\n192.0.2.0/24\n")
    assert made() != before and len(made().networks) == 2


def test_of_a_file_no_more_is_remembered_than_what_it_holds_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefixes, "_known", {})
    for number in range(100):
        file = tmp_path / f"list{number % 2 if number < 20 else number}"
        file.write_text(f"192.0.{number}.0/24\n" * (1 + number))
        assert [str(each) for each in read(file)[0]] == [f"192.0.{number}.0/24"]
        assert len(prefixes._known) <= (2 if number < 20 else prefixes.MOST_FILES)


def test_what_cannot_be_read_or_is_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(tmp_path / "none")[1] == ["cannot be read: No such file or directory"]
    assert read(tmp_path)[1] == ["cannot be read: Is a directory"]
    file = tmp_path / "list"
    file.write_bytes(b"\xff\xfe")
    assert "cannot be read" in read(file)[1][0]
    monkeypatch.setattr(prefixes, "MOST_PREFIXES", 2)
    file.write_text("".join(f"192.0.2.{each}\n" for each in range(4)))
    assert read(file)[1] == ["cannot be read: it has more than 2 prefixes"]
    monkeypatch.setattr(prefixes, "MOST_OCTETS", 10)
    file.write_text("192.0.2.0/24\n" * 5)
    assert read(file)[1] == ["cannot be read: it has more than 10 octets"]


@given(st.binary(max_size=200))
def test_no_file_raises(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / f"list{hash(data)}"
    file.write_bytes(data)
    read(file)
