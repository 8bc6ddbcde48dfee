/* The engine's clock: monotonic nanoseconds, which a test may put forward. */
#include "clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic uint64_t ahead;

uint64_t clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + atomic_load_explicit(&ahead, memory_order_relaxed);
}

void clock_put_forward(uint64_t nanoseconds)
{
    atomic_fetch_add_explicit(&ahead, nanoseconds, memory_order_relaxed);
}
