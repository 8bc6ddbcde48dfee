/* A token bucket over octets: what of the packets is within a rate. Shared by the engines in user space and in the kernel:
   nothing but integers, no library, no loop without a bound. The twin of sbc/media/bucket.py.

   It is kept as one number, the time at which the bucket is full again (the generic cell rate algorithm, ITU-T I.371), so
   that any number of threads and processors take from one by compare and swap. */
#ifndef SBC_BUCKET_H
#define SBC_BUCKET_H

#ifdef __bpf__
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
#else
#include <stdint.h>
#endif

/* cffi: from here, what Python may see */
struct bucket {
    uint64_t full_at; /* nanoseconds of the clock that `now` comes from */
    uint64_t step;    /* nanoseconds an octet takes to flow in, times 2^16; 0: everything is within the rate */
    uint64_t depth;   /* nanoseconds that it takes to fill */
};

static inline int bucket_has(const struct bucket *bucket, uint64_t octets, uint64_t now);
static inline uint64_t bucket_book(struct bucket *bucket, uint64_t octets, uint64_t now, uint64_t wait);
static inline int bucket_take(struct bucket *bucket, uint64_t octets, uint64_t now);
static inline void bucket_change(struct bucket *bucket, uint64_t octets, uint64_t burst, uint64_t now);
/* cffi: to here */

#define BUCKET_INLINE static inline __attribute__((always_inline))
#define BUCKET_TRIES 8 /* so often others may come between; then what is taken is charged without being asked again */

/* Others may be changing the bucket: each number is read whole, and a packet is judged by what is old or new of them. */
#ifdef __bpf__
#define BUCKET_READ(number) (*(const volatile uint64_t *)&(number))
#else
#define BUCKET_READ(number) __atomic_load_n(&(number), __ATOMIC_RELAXED)
#endif

/* Nanoseconds that so many octets take to flow in; `octets` at most 2^32. */
BUCKET_INLINE uint64_t bucket_time(uint64_t step, uint64_t octets)
{
    uint64_t whole = step >> 16, part = step & 0xFFFF;
    return whole * octets + (part * octets >> 16);
}

/* Whether it holds so much. */
BUCKET_INLINE int bucket_has(const struct bucket *bucket, uint64_t octets, uint64_t now)
{
    uint64_t full_at = BUCKET_READ(bucket->full_at);
    uint64_t cost = bucket_time(BUCKET_READ(bucket->step), octets);

    if (full_at < now)
        full_at = now;
    return full_at - now + cost <= BUCKET_READ(bucket->depth);
}

/* Take so much out, if it holds it or will within `wait` nanoseconds; when it does, on the clock of `now`. 0 if not. */
BUCKET_INLINE uint64_t bucket_book(struct bucket *bucket, uint64_t octets, uint64_t now, uint64_t wait)
{
    uint64_t cost = bucket_time(BUCKET_READ(bucket->step), octets), depth = BUCKET_READ(bucket->depth);
    uint64_t before, begin, late;
    int tries;

    for (tries = 0; tries < BUCKET_TRIES; tries++) {
        before = BUCKET_READ(bucket->full_at);
        begin = before < now ? now : before;
        late = begin - now + cost;
        if (cost > depth || late > depth + wait)
            return 0;
        if (__sync_val_compare_and_swap(&bucket->full_at, before, begin + cost) == before)
            return late > depth ? now + late - depth : now;
    }
    __sync_fetch_and_add(&bucket->full_at, cost);
    return now;
}

/* Take so much out, if it holds it. */
BUCKET_INLINE int bucket_take(struct bucket *bucket, uint64_t octets, uint64_t now)
{
    return bucket_book(bucket, octets, now, 0) != 0;
}

#ifndef __bpf__
#define BUCKET_MOST_OCTETS 4294967295u /* a second, and in a burst: 34 Gbit/s */

/* Fill by `octets` a second up to `burst` from now on. What it holds stays, as far as there is room; a new bucket (all
   zero) is full. It fills by one octet a second at least. */
static inline void bucket_change(struct bucket *bucket, uint64_t octets, uint64_t burst, uint64_t now)
{
    uint64_t held = burst, missing, step;

    if (octets > BUCKET_MOST_OCTETS)
        octets = BUCKET_MOST_OCTETS;
    if (!octets)
        octets = 1;
    if (burst > BUCKET_MOST_OCTETS)
        burst = BUCKET_MOST_OCTETS;
    if (bucket->step) {
        uint64_t full_at = BUCKET_READ(bucket->full_at), left = full_at > now ? full_at - now : 0;
        left = left < bucket->depth ? bucket->depth - left : 0;
        held = (uint64_t)((double)left * 65536.0 / (double)bucket->step + 0.5);
    }
    if (held > burst)
        held = burst;
    missing = burst - held;
    step = (1000000000u * (uint64_t)65536 + octets / 2) / octets;
    __atomic_store_n(&bucket->step, step, __ATOMIC_RELAXED);
    __atomic_store_n(&bucket->depth, bucket_time(step, burst), __ATOMIC_RELAXED);
    __atomic_store_n(&bucket->full_at, now + bucket_time(step, missing), __ATOMIC_RELAXED);
}
#endif

#endif
