"""No two things are written to one file."""

from __future__ import annotations

from itertools import combinations

import pytest

from sbc.config.faults import ConfigError
from sbc.config.files import LONGEST_SOCKET
from sbc.config.load import load_text
from tests.config.test_load import SMALL

ONE = {
    "log.file": '[log]\nfile = "x"\n',
    "cdr.json": '[cdr]\njson = "x"\n',
    "store.sqlite": '[store]\nsqlite = "x"\n',
    "prepaid.file": '[prepaid]\nfile = "x"\n',
    "audit.file": '[audit]\nfile = "x"\n',
}


@pytest.mark.parametrize(("first", "second"), [*combinations(ONE, 2)])
def test_no_two_are_one_file(first: str, second: str) -> None:
    load_text(SMALL + ONE[first] + ONE[second].replace('"x"', '"y"'), "x.toml")
    with pytest.raises(ConfigError) as error:
        load_text(SMALL + ONE[first] + ONE[second], "x.toml")
    (fault,) = error.value.faults
    assert {fault.key, fault.problem.rpartition(" ")[2]} == {first, second}


def test_a_sockets_path_is_short() -> None:
    for length, faults in ((LONGEST_SOCKET, 0), (LONGEST_SOCKET + 1, 1)):
        path = "/" + "s" * (length - 1)
        try:
            load_text(SMALL + f'[control]\nsocket = "{path}"\n', "x.toml")
            found = 0
        except ConfigError as error:
            found = len(error.faults)
        assert found == faults
