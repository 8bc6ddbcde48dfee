"""The tables of accounts by volume: what they are read as, and what is wrong with them."""

from __future__ import annotations

import pytest

from sbc.config import accounting, dialects
from sbc.config.faults import ConfigError, Fault
from sbc.config.load import load_text
from sbc.config.values import AccountingConfig, Event, Octets
from sbc.core.address import Address
from tests.config.test_load import SMALL

BOOK = '[accounting]\nbook = "a.sqlite"\n'
CSV = '[accounting.csv]\nfile = "u.csv"\n'
RADIUS = '[accounting.radius]\nservers = ["198.51.100.9", "[2001:db8::9]:1646"]\nsecret_file = "/etc/radius.secret"\n'


def read(text: str) -> AccountingConfig:
    found = load_text(SMALL + text, "/etc/sbc/x.toml").accounting
    assert found is not None
    return found


def faults(text: str) -> list[Fault]:
    with pytest.raises(ConfigError) as told:
        load_text(SMALL + text, "/etc/sbc/x.toml")
    return list(told.value.faults)


def test_all_of_it_is_read() -> None:
    found = read(BOOK + CSV + 'events = ["start", "stop"]\n' + RADIUS + 'octets = "payload"\n')
    assert (found.book, found.interim, found.attempts) == ("/etc/sbc/a.sqlite", 300.0, False)
    assert found.csv is not None and found.csv.file == "/etc/sbc/u.csv"
    assert found.csv.events == (Event.START, Event.STOP)
    assert found.radius is not None and found.radius.octets is Octets.PAYLOAD
    assert found.radius.servers == (Address("198.51.100.9", 1813), Address("2001:db8::9", 1646))
    assert load_text(SMALL, "x.toml").accounting is None


@pytest.mark.parametrize(("text", "key"), [
    (BOOK, "accounting.csv"),
    ("[accounting]\n" + CSV, "accounting.book"),
    (BOOK + "[accounting.csv]\n", "accounting.csv.file"),
    (BOOK + CSV + "events = []\n", "accounting.csv.events"),
    (BOOK + CSV + 'events = ["end"]\n', "accounting.csv.events[0]"),
    (BOOK + "[accounting.radius]\nservers = []\nsecret_file = 'x'\n", "accounting.radius.servers"),
    (BOOK + RADIUS + "window = 201\n", "accounting.radius.window"),
    (BOOK + '[accounting.radius]\nservers = ["10.0.0.1", "10.0.0.1:1813"]\nsecret_file = "x"\n',
     "accounting.radius.servers"),
    (BOOK + RADIUS + 'secret = "in the open"\n', "accounting.radius.secret"),
    ('[accounting]\nbook = "u.csv"\n' + CSV, "accounting.csv.file"),
])  # fmt: skip
def test_what_is_wrong_is_said_once(text: str, key: str) -> None:
    found = faults(text)
    assert [fault.key.removesuffix("[0]") for fault in found] == [key.removesuffix("[0]")]


def test_a_package_that_is_missing_is_said_where_radius_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialects, "_installed", lambda package: "2.4")
    assert read(BOOK + CSV)
    (fault,) = faults(BOOK + RADIUS)
    assert fault.problem == f"needs the package pyrad {accounting.NEEDS['pyrad']}, not 2.4"
    assert fault.allowed == "after: pip install 'sbc[radius]'"
