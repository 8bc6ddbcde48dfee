"""A process without privileges, as etc/sbc.service starts it: it tells which priorities its threads and children have.

`python -m tests.media.native.unprivileged WAY LIMIT`, by root. What it tells is JSON. The ways:

* "limit": nobody, with LimitRTPRIO=LIMIT.
* "rule": root, but refused what the kernel refuses to who has not CAP_SYS_NICE: for hosts that can give no LimitRTPRIO.
* "lost": it has the capability, becomes urgent, and loses the capability.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import platform
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TypeVar

from twisted.logger import eventAsText, globalLogPublisher

from tests.contract.engines import ENGINES, Call, Rig, RigReactor
from tests.loopback import loopback
from tests.media.native.tasks import media_threads
from tests.media.packets import rtp
from tests.waiting import until

T = TypeVar("T")
_NOBODY = 65534
_MS = 1_000_000  # in nanoseconds


_SCHED_SETSCHEDULER = {"x86_64": 144, "aarch64": 119}
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _SECCOMP_MODE_FILTER = 22, 38, 2


def become_nobody() -> None:
    """From here on without a capability."""
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)


def follow_the_rule() -> None:
    """From here on SCHED_OTHER without SCHED_RESET_ON_FORK is refused, by seccomp(2), as the kernel refuses it to who
    has that flag and not CAP_SYS_NICE (sched(7)). @raises OSError; KeyError where the call's number is not known."""
    load, is_equal, give = 0x20, 0x15, 0x06  # BPF_LD | BPF_W | BPF_ABS; BPF_JMP | BPF_JEQ | BPF_K; BPF_RET | BPF_K
    steps = [
        (load, 0, 0, 0),  # the number of the call
        (is_equal, 0, 3, _SCHED_SETSCHEDULER[platform.machine()]),
        (load, 0, 0, 24 if sys.byteorder == "little" else 28),  # its second argument
        (is_equal, 0, 1, os.SCHED_OTHER),
        (give, 0, 0, 0x50001),  # SECCOMP_RET_ERRNO, EPERM
        (give, 0, 0, 0x7FFF0000),  # SECCOMP_RET_ALLOW
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for asked in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program), 0, 0),
    ):
        if libc.prctl(*map(ctypes.c_ulong, asked)):
            raise OSError(ctypes.get_errno(), "prctl")


def on_a_thread(action: Callable[[], T]) -> T:
    """What comes of it on a thread of its own, which ends."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(action).result()


def allowed(*asked: int) -> bool:
    """Whether the system lets the calling thread have these policies, one after the other, asked without the engine."""
    try:
        for each in asked:
            os.sched_setscheduler(0, each, os.sched_param(1 if each & 0xFF else 0))
    except PermissionError:
        return False
    return True


def policy(thread: int = 0) -> int:
    """That of a thread, 0 the caller's, without the flag of who has been urgent."""
    return os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK


def child() -> int:
    """What a child of the calling thread has."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        return os.sched_getscheduler(process.pid)


def there_and_back(meanwhile: Callable[[], None] = lambda: None) -> list[int]:
    """The policies of a thread at its start, when it has needed much, little, and much again. `meanwhile` is done after
    the start."""
    native = import_module("sbc.media.native._native")
    urgent, now = native.ffi.new("struct urgent *"), 0
    native.lib.urgent_begin(urgent, now)
    found = [policy()]
    meanwhile()
    for much in (True, False, True):
        end = time.thread_time_ns() + 15 * _MS
        while much and time.thread_time_ns() < end:
            pass
        now += 20 * _MS if much else 60_000 * _MS
        native.lib.urgent_see(urgent, now)
        found.append(policy())
    return found


def relay() -> dict[str, object]:
    """What an engine's threads have, and what its log says, while it relays; and the reactor's thread and its child."""
    said: list[str] = []
    globalLogPublisher.addObserver(lambda event: said.append(eventAsText(event, includeTimestamp=False)))
    rig = Rig(RigReactor(), ENGINES["native"], itertools.count(31_000, 2), threads=2)
    call = Call(rig)
    workers = until(lambda: len(found := media_threads()) == 2 and found)
    wanted = os.SCHED_RR if any("in real time" in line for line in said) else os.SCHED_OTHER
    until(lambda: {policy(worker) for worker in workers} == {wanted}, "what the log says")
    call.send(call.a, call.at_a, rtp())
    heard = call.b.data() == [rtp()]
    found = {"heard": heard, "workers": wanted, "reactor": os.sched_getscheduler(0), "child": child()}
    rig.close()
    return found


def tell(way: str, limit: int) -> dict[str, object]:
    """All that such a process finds."""
    if way == "lost":
        return {"thread": there_and_back(become_nobody)}
    loopback("media")  # the claim to it takes a privilege
    try:
        if way == "rule":
            follow_the_rule()
        else:
            resource.setrlimit(resource.RLIMIT_RTPRIO, (limit, limit))
            become_nobody()
    except (KeyError, OSError, ValueError) as error:  # ValueError: for want of CAP_SYS_RESOURCE
        return {"refused": f"{way} {limit}: {error}"}
    urgent = os.SCHED_RR | os.SCHED_RESET_ON_FORK
    permitted = on_a_thread(lambda: allowed(urgent))
    returns = on_a_thread(lambda: allowed(urgent, os.SCHED_OTHER))
    return {"permitted": permitted, "returns": returns, "thread": on_a_thread(there_and_back), **relay()}


if __name__ == "__main__":
    json.dump(tell(sys.argv[1], int(sys.argv[2])), sys.stdout)
