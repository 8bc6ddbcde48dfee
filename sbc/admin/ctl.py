"""The `sbc` command: what an operator asks without, or of, a running SBC."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from getpass import getpass
from io import TextIOWrapper

from sbc.admin import ask, cdr
from sbc.compiled import version
from sbc.config.faults import ConfigError
from sbc.config.load import load_file
from sbc.config.values import Config


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit status: 0 done, 1 not so, 2 (raised by argparse) not understood."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a fault shows what the file held, whatever the terminal can
    asked = _parser().parse_args(arguments)
    status: int = asked.run(asked)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sbc", description="Session border controller. To run it: twistd sbc --help")
    parser.add_argument("--version", action="version", version=f"sbc {version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_check(commands)
    _add_passwd(commands)
    ask.add(commands)
    cdr.add(commands)
    return parser


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "Say everything that is wrong with a configuration file, one fault a line, or that it is right."
    command = commands.add_parser("check", help="check a configuration file", description=text)
    command.add_argument("file", metavar="FILE", help="the file, TOML")
    command.set_defaults(run=_check)


def _check(asked: argparse.Namespace) -> int:
    try:
        config = load_file(asked.file)
    except ConfigError as error:
        print(error)
        return 1
    print(f"{asked.file}: ok, {summary(config)}")
    return 0


def _add_passwd(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = (
        "Ask for a password and print the line by which USER may enter the console with it, for the file that "
        "password_file in the configuration's [console] names. Where there is no terminal to ask at, the password is "
        "the first line of standard input."
    )
    command = commands.add_parser("passwd", help="make a line of the console's password file", description=text)
    command.add_argument("user", metavar="USER", help="the name to enter by")
    command.set_defaults(run=_passwd)


def _passwd(asked: argparse.Namespace) -> int:
    from sbc.admin.passwords import password_line  # bcrypt is not needed to check a file

    try:
        if sys.stdin.isatty():
            password = getpass(f"Password for {asked.user}: ")
            if getpass("Again: ") != password:
                raise ValueError("the two passwords differ")
        else:
            password = sys.stdin.readline().rstrip("\n")
        print(password_line(asked.user, password))
    except (ValueError, EOFError, KeyboardInterrupt) as error:
        print(f"sbc passwd: {str(error) or 'no password'}", file=sys.stderr)
        return 1
    return 0


def summary(config: Config) -> str:
    """What a configuration holds, in a few words."""
    realms = config.plan.realms.values()
    parts = [
        _count(len(realms), "realm"),
        _count(len(config.plan.paths), "path"),
        _count(sum(len(realm.listeners) for realm in realms), "listener"),
        _count(sum(len(realm.media.ports) // 2 for realm in realms), "media port pair"),
        f"console on {config.console.listen}" if config.console else "no console",
    ]
    return ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
