/* A lock-free ring between one thread that puts and one that takes. */
#ifndef SBC_RING_H
#define SBC_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The places stand behind the head: `slots` of them (a power of two), each of `size` octets. */
struct ring {
    _Alignas(64) _Atomic uint32_t put;   /* how many were ever put */
    _Alignas(64) _Atomic uint32_t taken; /* how many were ever taken */
    uint32_t slots;
    uint32_t size;
    unsigned char *places;
};

static inline void *ring_place(const struct ring *ring, uint32_t number)
{
    return ring->places + (size_t)(number & (ring->slots - 1)) * ring->size;
}

/* False if it is full. */
static inline bool ring_put(struct ring *ring, const void *item)
{
    uint32_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);

    if (put - atomic_load_explicit(&ring->taken, memory_order_acquire) == ring->slots)
        return false;
    memcpy(ring_place(ring, put), item, ring->size);
    atomic_store_explicit(&ring->put, put + 1, memory_order_release);
    return true;
}

static inline bool ring_empty(const struct ring *ring)
{
    return atomic_load_explicit(&ring->put, memory_order_acquire) ==
           atomic_load_explicit(&ring->taken, memory_order_relaxed);
}

/* False if it is empty. */
static inline bool ring_take(struct ring *ring, void *item)
{
    uint32_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);

    if (taken == atomic_load_explicit(&ring->put, memory_order_acquire))
        return false;
    memcpy(item, ring_place(ring, taken), ring->size);
    atomic_store_explicit(&ring->taken, taken + 1, memory_order_release);
    return true;
}

#endif
