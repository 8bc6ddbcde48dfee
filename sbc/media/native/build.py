"""How the C of the native engine becomes the module `_native`: read by setup.py (cffi, API mode)."""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any

MODULE = "sbc.media.native._native"
FOLDER = "sbc/media/native"
SOURCES = tuple(
    f"{FOLDER}/{name}.c"
    for name in (
        "bundle",
        "clock",
        "engine",
        "epoll",
        "figures",
        "flow",
        "gate",
        "inlet",
        "latch",
        "multishot",
        "pacer",
        "packet",
        "realm",
        "reasons",
        "sealing",
        "secured",
        "sources",
        "srtp",
        "srtp_fast",
        "telling",
        "uring",
        "urgent",
        "worker",
    )
)
HEADERS = (
    "packet", "latch", "meter", "bucket", "srtp", "sealing", "counters", "flow", "bundle", "worker", "engine", "clock",
    "uring", "urgent",
)  # fmt: skip
"""What Python sees something of, in the order in which they need each other."""
OPTIONS = ("-std=c11", "-O2", "-pthread", "-D_GNU_SOURCE", "-Wall", "-Wextra")
LIBRARY = Path("/usr/include/srtp2/srtp.h")
"""Without libsrtp2 the engine is built all the same, and cannot secure media."""
OPENSSL = Path("/usr/include/openssl/evp.h")
"""Without it libsrtp2 does by itself what it was built with: see srtp_fast.c."""
_BEGIN, _END = "/* cffi: from here", "/* cffi: to here */"


def builder() -> Any:
    """The cffi builder. The module is optional: without a compiler the package is installed all the same."""
    root = Path(__file__).resolve().parents[3]
    ffi = import_module("cffi").FFI()
    for name in HEADERS:
        ffi.cdef(declarations((root / FOLDER / f"{name}.h").read_text()))
    needed = libraries()
    strict = ("-Werror",) if os.environ.get("SBC_STRICT") else ()
    ffi.set_source(
        MODULE,
        "".join(f'#include "{name}.h"\n' for name in HEADERS),
        sources=list(SOURCES),
        depends=sorted(path.relative_to(root).as_posix() for path in (root / FOLDER).glob("*.h")),
        include_dirs=[FOLDER],
        libraries=list(needed),
        define_macros=[(macro, "1") for macro in needed.values()],
        extra_compile_args=[*OPTIONS, *strict],
        extra_link_args=["-pthread"],
        optional=True,
    )
    return ffi


def libraries() -> dict[str, str]:
    """What it is linked with besides libc, as far as that is here, and the macro that tells the C of each."""
    if not LIBRARY.exists():
        return {}
    return {"srtp2": "SBC_SRTP"} | ({"crypto": "SBC_OPENSSL"} if OPENSSL.exists() else {})


def declarations(header: str) -> str:
    """What Python is to see of a header: that between the two marks in it. @raises ValueError if there are none."""
    found = re.search(re.escape(_BEGIN) + r".*?\*/\n(.*?)" + re.escape(_END), header, re.DOTALL)
    if found is None:
        raise ValueError(f"no {_BEGIN!r} ... {_END!r}")
    return found[1]
