"""Countries of addresses, as a database says."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbc.policy.countries import Countries
from tests.mmdb import database


def test_the_country_of_an_address(tmp_path: Path) -> None:
    file = tmp_path / "countries.mmdb"
    file.write_bytes(database({"192.0.2.0/24": "DE", "198.51.100.0/25": "AT"}))
    countries = Countries.open(str(file))
    found = [countries.of(host) for host in ("192.0.2.200", "198.51.100.1", "198.51.100.200", "2001:db8::1", "x", "")]
    assert found == ["DE", "AT", "", "", "", ""]
    assert str(countries) == str(file)


def test_another_day_is_another_database(tmp_path: Path) -> None:
    file = tmp_path / "countries.mmdb"
    opened = []
    for built in (1_700_000_000, 1_700_000_000, 1_800_000_000):
        file.unlink(missing_ok=True)
        file.write_bytes(database({"192.0.2.0/24": "DE"}, built))
        opened.append(Countries.open(str(file)))
    assert opened[0] == opened[1] != opened[2]


@pytest.mark.parametrize("data", [None, b"", b"nonsense", database({"192.0.2.0/24": "DE"})[:-20]])
def test_a_file_that_is_none_is_told(tmp_path: Path, data: bytes | None) -> None:
    file = tmp_path / "countries.mmdb"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(ValueError, match="cannot be read"):
        Countries.open(str(file))
