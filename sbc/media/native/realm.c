/* What realms limit, and what the kernel tells of a socket: called on the reactor's thread alone. */
#include <linux/sock_diag.h>

#include "clock.h"
#include "engine.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

void realm_limit(struct realm *realm, bool limited, uint64_t rate, uint64_t burst, uint64_t wait)
{
    if (!realm->limited)
        __atomic_store_n(&realm->bucket.step, 0, __ATOMIC_RELAXED); /* a new one, which begins full */
    if (limited)
        bucket_change(&realm->bucket, rate, burst, clock_now());
    __atomic_store_n(&realm->wait, wait, __ATOMIC_RELAXED);
    __atomic_store_n(&realm->elsewhere, NULL, __ATOMIC_RELAXED);
    __atomic_store_n(&realm->limited, limited, __ATOMIC_RELEASE);
}

void realm_share(struct realm *realm, uint64_t bucket)
{
    __atomic_store_n(&realm->wait, 0, __ATOMIC_RELAXED);
    if (bucket)
        __atomic_store_n(&realm->elsewhere, (struct bucket *)(uintptr_t)bucket, __ATOMIC_RELAXED);
    __atomic_store_n(&realm->limited, bucket != 0, __ATOMIC_RELEASE);
}

void engine_lend(struct stream *stream, int side, uint64_t bucket)
{
    struct command lend = {.kind = COMMAND_LEND, .side = (uint8_t)side, .stream = stream};

    lend.bucket = (struct bucket *)(uintptr_t)bucket;
    worker_ask(stream->worker, &lend);
}

uint32_t socket_drops(int fd)
{
    uint32_t numbers[SK_MEMINFO_VARS] = {0};
    socklen_t size = sizeof numbers;

    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, numbers, &size) < 0 ? 0 : numbers[SK_MEMINFO_DROPS];
}
