"""The console's keys: a host key made once and kept to ourselves, authorized keys read as OpenSSH writes them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key

from sbc.admin.keys import algorithms_of, authorized_keys, fingerprint, host_key


def ed25519() -> Key:
    return Key(Ed25519PrivateKey.generate())


@pytest.fixture(scope="module")
def rsa_key() -> Key:
    return Key(rsa.generate_private_key(65537, 2048))


def line_of(key: Key, comment: str = "") -> str:
    text: str = key.public().toString("OPENSSH", comment=comment.encode()).decode()
    return text


# -- our own


def test_a_host_key_is_made_at_the_first_start_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "host_key"
    made = host_key(str(path))
    assert made.type() == "Ed25519"
    assert path.stat().st_mode & 0o777 == 0o600
    assert host_key(str(path)) == made
    assert [each.name for each in tmp_path.iterdir()] == ["host_key"]


def test_its_file_is_ours_alone_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        host_key(str(tmp_path / "host_key"))
    finally:
        os.umask(old)
    assert (tmp_path / "host_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
def test_openssh_reads_it_and_agrees_on_the_fingerprint(tmp_path: Path) -> None:
    made = host_key(str(tmp_path / "host_key"))
    run = subprocess.run(["ssh-keygen", "-lf", tmp_path / "host_key"], capture_output=True, text=True, check=True)
    assert run.stdout.split()[1] == fingerprint(made.public().blob())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "host_key"
    host_key(str(path))
    path.chmod(mode)
    with pytest.raises(ValueError, match=f"others may use it \\(mode {mode:04o}\\); chmod 600 it"):
        host_key(str(path))


@pytest.mark.parametrize("data", [b"", b"nonsense", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", b"\xff" * 100])
def test_a_file_without_a_key_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "host_key"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(ValueError, match="it holds no private"):
        host_key(str(path))


def test_a_public_key_is_no_host_key(tmp_path: Path) -> None:
    path = tmp_path / "host_key"
    path.write_text(line_of(ed25519()))
    path.chmod(0o600)
    with pytest.raises(ValueError, match="it holds no private"):
        host_key(str(path))


def test_an_encrypted_key_is_refused_in_so_many_words(tmp_path: Path) -> None:
    path = tmp_path / "host_key"
    path.write_bytes(ed25519().toString("OPENSSH", subtype="v1", passphrase=b"secret"))
    path.chmod(0o600)
    with pytest.raises(ValueError, match="it is encrypted"):
        host_key(str(path))


def test_a_key_of_another_type_will_do(tmp_path: Path, rsa_key: Key) -> None:
    path = tmp_path / "host_key"
    path.write_bytes(rsa_key.toString("OPENSSH"))
    path.chmod(0o600)
    assert algorithms_of(host_key(str(path))) == [b"rsa-sha2-512", b"rsa-sha2-256"]


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        host_key(str(tmp_path / "none" / "host_key"))


def test_no_draft_is_left_and_no_key_overwritten_when_two_start_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "host_key"
    real = os.link

    def link(draft: str, final: str) -> None:
        path.write_text("the other one's")
        real(draft, final)

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(FileExistsError):
        host_key(str(path))
    assert path.read_text() == "the other one's"
    assert list(tmp_path.iterdir()) == [path]


# -- theirs


def test_authorized_keys_as_openssh_writes_them(rsa_key: Key) -> None:
    first, second = ed25519(), Key(ec.generate_private_key(ec.SECP384R1()))
    lines = ["# people", "", line_of(first, "anna@desk"), f"  {line_of(second)}", line_of(rsa_key, "a b c"), "\t"]
    found = authorized_keys(lines)
    assert {blob: each.comment for blob, each in found.items()} == {
        first.public().blob(): "anna@desk",
        second.public().blob(): "",
        rsa_key.public().blob(): "a b c",
    }
    assert all(each.key.isPublic() for each in found.values())


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_keys_of_ssh_keygen_are_read(tmp_path: Path, kind: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "me", "-f", tmp_path / "id"], check=True)
    line = (tmp_path / "id.pub").read_text()
    ((blob, found),) = authorized_keys([line]).items()
    assert found.comment == "me"
    shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "id.pub"], capture_output=True, text=True, check=True)
    assert shown.stdout.split()[1] == fingerprint(blob)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("nonsense", "line 2 does not begin with one of the key types"),
        ("ssh-ed25519", "line 2 holds no ssh-ed25519 key"),
        ("ssh-ed25519 ????", "line 2 holds no ssh-ed25519 key"),
        ("ssh-ed25519 AAAA", "line 2 holds no ssh-ed25519 key"),
        ("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA==", "line 2 holds no ssh-rsa key"),
        ("ssh-dss AAAAB3NzaC1kc3M=", "line 2 does not begin"),
        ("sk-ssh-ed25519@openssh.com AAAA", "line 2 does not begin"),
    ],
)
def test_a_line_that_is_no_key_is_a_fault(bad: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        authorized_keys(["", bad])


def test_options_are_refused_because_nobody_would_heed_them() -> None:
    line = line_of(ed25519())
    for options in ('from="10.0.0.1"', "restrict", 'command="ls"'):
        with pytest.raises(ValueError, match="line 1 does not begin with one of the key types"):
            authorized_keys([f"{options} {line}"])


def test_a_key_under_the_name_of_another_type_is_refused(rsa_key: Key) -> None:
    blob = line_of(rsa_key).split()[1]
    with pytest.raises(ValueError, match="line 1 holds no ssh-ed25519 key"):
        authorized_keys([f"ssh-ed25519 {blob}"])


def test_a_short_rsa_key_is_refused() -> None:
    key = Key(rsa.generate_private_key(65537, 1024))
    with pytest.raises(ValueError, match="line 1 holds an RSA key of 1024 bits"):
        authorized_keys([line_of(key)])
