"""Erlang's own reading of messages of H.248: a decoder that shares nothing with ours, of the project that made the
recorded messages."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

_PROGRAM = """
[File, Name] = init:get_plain_arguments(),
Codec = list_to_atom(Name),
Config = case Codec of megaco_ber_encoder -> [native]; _ -> [] end,
{ok, Lines} = file:read_file(File),
Say = fun(Line) ->
    Octets = binary:decode_hex(Line),
    {ok, Version} = Codec:version_of([], Octets),
    case catch Codec:decode_message(Config, Version, Octets) of
        {ok, Message} -> io:format("~w~n", [Message]);
        Fault -> io:format("fault ~w~n", [Fault])
    end
end,
lists:foreach(Say, binary:split(Lines, <<10>>, [global, trim])),
halt().
"""


@cache
def absent() -> str:
    """Why Erlang cannot be asked; empty where it can."""
    erl = shutil.which("erl")
    if erl is None:
        return "needs the Debian package erlang-base"
    asked = [erl, "-noshell", "-eval", "io:format('~s', [code:lib_dir(megaco)]), halt()."]
    said = subprocess.run(asked, check=True, capture_output=True, timeout=60).stdout
    return "" if b"/megaco" in said else "needs the Debian package erlang-megaco"


needs_erlang = pytest.mark.skipif(bool(absent()), reason=absent() or "Erlang is there")


def terms(folder: Path, messages: list[bytes], codec: str = "ber") -> list[str]:
    """Each message as Erlang's term, or ``fault`` and what is wrong. `folder` is for a file; `codec` is ``ber``,
    ``pretty_text`` or ``compact_text``."""
    file = folder / "messages.hex"
    file.write_text("".join(f"{data.hex()}\n" for data in messages))
    argv = ["erl", "-noshell", "-eval", _PROGRAM, "-extra", str(file), f"megaco_{codec}_encoder"]
    said = subprocess.run(argv, check=True, capture_output=True, timeout=120, text=True).stdout.splitlines()
    assert len(said) == len(messages), said[-1:]
    return said


def as_list(octets: bytes) -> str:
    """Octets as they stand in a term."""
    return f"[{','.join(map(str, octets))}]"
