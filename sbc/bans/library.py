"""As much of libnftables (its C interface, by ctypes) as a table of ours needs: commands in, words or JSON out."""

from __future__ import annotations

import ctypes
import json
from threading import Lock
from typing import Any

_NAME = "libnftables.so.1"
_JSON = 1 << 4  # NFT_CTX_OUTPUT_JSON, nftables/libnftables.h


class NftError(OSError):
    """What nftables says against a command."""


class Nft:
    """One context: a socket to the kernel, by which it also knows whose tables are. One thread at a time uses it,
    others wait."""

    def __init__(self) -> None:
        """@raises NftError where there is no such library."""
        try:
            self._lib: Any = ctypes.CDLL(_NAME)
        except OSError as error:
            raise NftError(f"{_NAME} (Debian: libnftables1) cannot be loaded") from error
        self._lock = Lock()
        self._declare()
        self._context = self._lib.nft_ctx_new(0)
        if not self._context:
            raise NftError("nftables cannot be opened")
        self._lib.nft_ctx_buffer_output(self._context)
        self._lib.nft_ctx_buffer_error(self._context)
        self._lib.nft_ctx_output_set_flags(self._context, _JSON)

    def _declare(self) -> None:
        """Pointers are longer than what ctypes takes arguments for."""
        lib, context = self._lib, ctypes.c_void_p
        lib.nft_ctx_new.restype, lib.nft_ctx_new.argtypes = context, [ctypes.c_uint32]
        for name in ("nft_ctx_free", "nft_ctx_buffer_output", "nft_ctx_buffer_error"):
            getattr(lib, name).argtypes = [context]
        lib.nft_ctx_output_set_flags.argtypes = [context, ctypes.c_uint]
        lib.nft_run_cmd_from_buffer.argtypes = [context, ctypes.c_char_p]
        for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
            getattr(lib, name).restype, getattr(lib, name).argtypes = ctypes.c_char_p, [context]

    def run(self, commands: str) -> Any:
        """Have commands carried out, all or none; what they list, as JSON has it. @raises NftError."""
        lib = self._lib
        with self._lock:
            if self._context is None:
                raise NftError("nftables was let go")
            failed = lib.nft_run_cmd_from_buffer(self._context, commands.encode())
            said = lib.nft_ctx_get_output_buffer(self._context)
            error = lib.nft_ctx_get_error_buffer(self._context)
        if failed:
            raise NftError((error or b"").decode(errors="replace").partition("\n")[0] or "nftables refuses it")
        return json.loads(said)["nftables"] if said else []

    def close(self) -> None:
        """Let go; the tables that are its own go, too. Who still waits for it is refused."""
        with self._lock:
            if self._context is not None:
                self._lib.nft_ctx_free(self._context)
            self._context = None
