"""As much of libnftables (its C interface, by ctypes) as a table of ours needs: commands, and what it says to them."""

from __future__ import annotations

import ctypes
from threading import Lock
from typing import Any

from sbc.bans.counted import Counted

_NAME = "libnftables.so.1"


class NftError(OSError):
    """What nftables says against a command."""


class Nft:
    """One context: a socket to the kernel, by which it also knows whose tables are. One thread at a time uses it,
    others wait."""

    def __init__(self) -> None:
        """`counted` has what its tables count. @raises NftError where there is no such library, or no nftables."""
        try:
            self._lib: Any = ctypes.CDLL(_NAME)
        except OSError as error:
            raise NftError(f"{_NAME} (Debian: libnftables1) cannot be loaded") from error
        self._lock = Lock()
        self._declare()
        self._context = self._lib.nft_ctx_new(0)
        if not self._context:
            raise NftError("nftables cannot be opened")
        try:
            self.counted = Counted()
        except OSError as error:
            self._lib.nft_ctx_free(self._context)
            raise NftError(f"nftables cannot be asked: {error.strerror}") from error
        self._lib.nft_ctx_buffer_output(self._context)
        self._lib.nft_ctx_buffer_error(self._context)

    def _declare(self) -> None:
        """Pointers are longer than what ctypes takes arguments for."""
        lib, context = self._lib, ctypes.c_void_p
        lib.nft_ctx_new.restype, lib.nft_ctx_new.argtypes = context, [ctypes.c_uint32]
        for name in ("nft_ctx_free", "nft_ctx_buffer_output", "nft_ctx_buffer_error"):
            getattr(lib, name).argtypes = [context]
        lib.nft_run_cmd_from_buffer.argtypes = [context, ctypes.c_char_p]
        lib.nft_ctx_get_error_buffer.restype, lib.nft_ctx_get_error_buffer.argtypes = ctypes.c_char_p, [context]

    def run(self, commands: str) -> None:
        """Have commands carried out, all or none. @raises NftError."""
        lib = self._lib
        with self._lock:
            if self._context is None:
                raise NftError("nftables was let go")
            failed = lib.nft_run_cmd_from_buffer(self._context, commands.encode())
            error = lib.nft_ctx_get_error_buffer(self._context)
        if failed:
            raise NftError((error or b"").decode(errors="replace").partition("\n")[0] or "nftables refuses it")

    def close(self) -> None:
        """Let go; the tables that are its own go, too. Who still waits for it is refused."""
        with self._lock:
            if self._context is not None:
                self._lib.nft_ctx_free(self._context)
            self._context = None
        self.counted.close()
