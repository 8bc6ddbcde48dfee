"""The console's files at the start: every one that cannot be used is a fault that says why, and no secret."""

from __future__ import annotations

import os
from pathlib import Path

import attrs
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.error import ValidPublicKey
from twisted.conch.ssh.keys import Key
from twisted.cred.credentials import SSHPrivateKey
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred

from sbc.admin.access import Entrant, KeyChecker, _File, read_access, read_keys, read_passwords
from sbc.admin.passwords import password_line
from sbc.config.faults import ConfigError
from sbc.config.values import ConsoleConfig
from sbc.core.address import Address

KEY = Key(Ed25519PrivateKey.generate())


@pytest.fixture
def config(tmp_path: Path) -> ConsoleConfig:
    """A console whose files are all right."""
    keys, passwords = tmp_path / "authorized_keys", tmp_path / "passwords"
    keys.write_bytes(KEY.public().toString("OPENSSH", comment=b"anna"))
    passwords.write_text(password_line("alice", "correct horse", 10))
    for file in (keys, passwords):
        file.chmod(0o600)
    return ConsoleConfig(Address("127.0.0.1", 0), str(tmp_path / "host_key"), str(keys), str(passwords))


def faults(config: ConsoleConfig) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_access(config, "sbc.toml")
    return [str(fault) for fault in caught.value.faults]


def test_good_files_give_the_host_key(config: ConsoleConfig) -> None:
    assert read_access(config) == read_access(config)


def test_every_file_that_cannot_be_used_is_told_at_once(config: ConsoleConfig, tmp_path: Path) -> None:
    Path(config.host_key).write_text("nonsense")
    (tmp_path / "authorized_keys").write_text("nonsense")
    (tmp_path / "passwords").unlink()
    said = faults(config)
    assert len(said) == 3
    assert said[0].startswith(f'sbc.toml: console.host_key = "{config.host_key}": others may use it (mode 0')
    assert said[1].startswith(f'sbc.toml: console.authorized_keys = "{config.authorized_keys}": line 1 does not begin')
    assert said[2].startswith(
        f'sbc.toml: console.password_file = "{config.password_file}": cannot be read or made: No such file or directory'
    )
    assert all(" (allowed: " in line for line in said)


def test_only_the_files_that_are_named_are_read(config: ConsoleConfig) -> None:
    read_access(attrs.evolve(config, password_file=None))
    read_access(attrs.evolve(config, authorized_keys=None))


def test_a_host_key_that_cannot_be_made_is_a_fault(config: ConsoleConfig, tmp_path: Path) -> None:
    (said,) = faults(attrs.evolve(config, host_key=str(tmp_path / "none" / "host_key")))
    assert "cannot be read or made: No such file or directory" in said


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
@pytest.mark.parametrize("name", ["authorized_keys", "passwords"])
def test_a_file_that_others_may_write_is_a_fault(config: ConsoleConfig, tmp_path: Path, name: str, mode: int) -> None:
    (tmp_path / name).chmod(mode)
    (said,) = faults(config)
    assert f"others may write to it (mode {mode:04o}); chmod go-w it" in said


@pytest.mark.parametrize("name", ["authorized_keys", "passwords"])
def test_a_file_that_is_no_text_or_endless_is_a_fault(config: ConsoleConfig, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\xfe")
    assert "can't decode byte" in faults(config)[0]
    (tmp_path / name).write_bytes(b"#\n" * 1_000_000)
    assert "longer than 1048576 octets" in faults(config)[0]


def test_a_folder_is_no_file(config: ConsoleConfig, tmp_path: Path) -> None:
    (said,) = faults(attrs.evolve(config, authorized_keys=str(tmp_path)))
    assert "cannot be read or made: Is a directory" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to root")
def test_an_unreadable_file_is_a_fault(config: ConsoleConfig, tmp_path: Path) -> None:
    (tmp_path / "passwords").chmod(0)
    (said,) = faults(config)
    assert "Permission denied" in said


def test_no_hash_is_shown(config: ConsoleConfig, tmp_path: Path) -> None:
    line = (tmp_path / "passwords").read_text()
    (tmp_path / "passwords").write_text(f"{line}\n{line}x\n")
    (said,) = faults(config)
    assert line.partition(":")[2] not in said


def test_what_the_files_hold(config: ConsoleConfig, tmp_path: Path) -> None:
    assert [each.comment for each in read_keys(str(tmp_path / "authorized_keys")).values()] == ["anna"]
    assert read_passwords(str(tmp_path / "passwords")).check(b"alice", b"correct horse")


def test_a_file_is_read_again_once_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    reads: list[str] = []

    def read(name: str) -> str:
        reads.append(Path(name).read_text())
        if "wrong" in reads[-1]:
            raise ValueError(reads[-1])
        return reads[-1]

    file = _File(str(path), read)
    with pytest.raises(UnauthorizedLogin):
        file.content()
    path.write_text("one")
    assert [file.content(), file.content()] == ["one", "one"]
    path.write_text("wrong")
    for _ in range(2):
        with pytest.raises(UnauthorizedLogin):
            file.content()
    path.write_text("two")
    assert file.content() == "two"
    path.unlink()
    with pytest.raises(UnauthorizedLogin):
        file.content()
    assert reads == ["one", "wrong", "wrong", "two"]


def login(config: ConsoleConfig, key: Key, signature: bytes | None) -> object:
    assert config.authorized_keys is not None
    blob = key.public().blob()
    return KeyChecker(config.authorized_keys).requestAvatarId(
        SSHPrivateKey(b"anna\xff", b"ssh-ed25519", blob, b"signed data", signature)
    )


def test_a_key_is_checked_in_three_steps(config: ConsoleConfig) -> None:
    stranger = Key(Ed25519PrivateKey.generate())
    with pytest.raises(UnauthorizedLogin, match="unknown key SHA256:"):
        login(config, stranger, stranger.sign(b"signed data"))
    with pytest.raises(ValidPublicKey):
        login(config, KEY, None)
    with pytest.raises(UnauthorizedLogin, match="bad signature"):
        login(config, KEY, KEY.sign(b"other data"))
    with pytest.raises(UnauthorizedLogin, match="bad signature"):
        login(config, KEY, stranger.sign(b"signed data"))
    entered: list[Entrant] = []
    done = login(config, KEY, KEY.sign(b"signed data"))
    assert isinstance(done, Deferred)
    done.addCallback(entered.append)
    assert entered[0].user == "anna\\xff"
    assert entered[0].means.endswith(" (anna)")
