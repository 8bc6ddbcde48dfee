"""`sbc ctl`: asks a running SBC by its control socket, from the shell."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import tomllib
from typing import Any

from sbc.admin.commands import COMMANDS
from sbc.config.values import ControlConfig

DONE, NOT_DONE, NOBODY = 0, 1, 3
"""Exit statuses: the command did what was asked; it did not; nobody could be asked. 2 is argparse's: not understood."""
SECONDS = 30.0
"""How long to wait for an answer."""
DEFAULT_CONFIG = "/etc/sbc/sbc.toml"
_PIECE = 65_536


class Unanswered(Exception):
    """Nobody could be asked, and why."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ctl` to the subcommands of `sbc`."""
    text = (
        "Ask a running SBC, or tell it something, by its control socket, which [control] in its configuration turns "
        f"on. COMMAND is one of the console's: {', '.join(COMMANDS)}. `sbc ctl help` lists what they are given. The "
        "exit status is 0 if it did what was asked, 1 if it did not, 2 if this line was not understood, 3 if nobody "
        "could be asked."
    )
    command = commands.add_parser("ctl", help="ask a running SBC", description=text)
    where = command.add_mutually_exclusive_group()
    where.add_argument(
        "--config", "-c", metavar="FILE", default=DEFAULT_CONFIG, help=f"its configuration ({DEFAULT_CONFIG})"
    )
    where.add_argument("--socket", "-s", metavar="PATH", help="its control socket, instead")
    command.add_argument("--json", action="store_true", help="print the answer as JSON")
    command.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND ...", help="a command and its arguments")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Carry out `sbc ctl` and return the exit status."""
    words = list(asked.words)
    form = "json" if asked.json or "--json" in words else "text"
    words = [word for word in words if word != "--json"]
    if not words:
        print("sbc ctl: which command? sbc ctl help lists them", file=sys.stderr)
        return 2
    try:
        path = socket_path(asked)
        answer = ask(path, {"command": words, "form": form})
    except Unanswered as error:
        print(f"sbc ctl: {error}", file=sys.stderr)
        return NOBODY
    if not answer.get("ok"):
        print(f"sbc ctl: {answer.get('error')}", file=sys.stderr)
        return NOT_DONE
    print(json.dumps(answer.get("answer"), indent=2) if form == "json" else answer.get("answer"))
    return DONE


def socket_path(asked: argparse.Namespace) -> str:
    """Where to ask. @raises Unanswered where that cannot be found out."""
    if asked.socket is not None:
        return str(asked.socket)
    if asked.config == DEFAULT_CONFIG and not os.access(DEFAULT_CONFIG, os.R_OK):
        return ControlConfig().socket  # whoever may use the socket need not be able to read the configuration
    try:  # only as much of the file as is needed: a running SBC is to be asked while its file is being written, too
        with open(asked.config, "rb") as file:
            table = tomllib.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise Unanswered(f"{asked.config}: {error}; say --socket") from error
    control = table.get("control")
    if not isinstance(control, dict):
        raise Unanswered(f"{asked.config} has no [control], so there is no socket to ask at")
    socket_file = control.get("socket", ControlConfig().socket)
    return os.path.join(os.path.dirname(os.path.abspath(asked.config)), str(socket_file))


def ask(path: str, request: dict[str, Any], seconds: float = SECONDS) -> dict[str, Any]:
    """Ask at the socket `path`. @raises Unanswered."""
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(seconds)
            sock.connect(path)
            sock.sendall(json.dumps(request).encode() + b"\n")
            pieces = []
            while piece := sock.recv(_PIECE):
                pieces.append(piece)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise Unanswered(f"nobody listens at {path}; is the SBC running, with [control]?") from error
    except PermissionError as error:
        raise Unanswered(f"{path} is for root and the SBC's own user") from error
    except TimeoutError as error:
        raise Unanswered(f"no answer at {path} within {seconds:g} s") from error
    except ConnectionResetError as error:
        raise Unanswered(f"{path}: shown out; too many may be asking at once") from error
    except OSError as error:
        raise Unanswered(f"{path}: {error.strerror or error}") from error
    try:
        answer = json.loads(b"".join(pieces))
    except ValueError as error:
        raise Unanswered(f"the answer at {path} was cut short") from error
    return answer if isinstance(answer, dict) else {"ok": False, "error": "the answer is none"}
