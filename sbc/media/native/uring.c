/* As much of io_uring(7) as the engine needs. */
#include "uring.h"

#include <errno.h>
#include <linux/time_types.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int uring_map(struct uring *ring, const struct io_uring_params *params)
{
    size_t sq = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
    size_t cq = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
    uint8_t *base;
    uint32_t *array;

    ring->rings_size = sq > cq ? sq : cq;
    ring->sqes_size = params->sq_entries * sizeof(struct io_uring_sqe);
    base = mmap(NULL, ring->rings_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQ_RING);
    if (base == MAP_FAILED)
        return errno;
    ring->rings = base;
    ring->sqes = mmap(NULL, ring->sqes_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
    if (ring->sqes == MAP_FAILED) {
        ring->sqes = NULL;
        return errno;
    }
    ring->sq_head = (uint32_t *)(base + params->sq_off.head);
    ring->sq_tail = (uint32_t *)(base + params->sq_off.tail);
    ring->sq_mask = *(uint32_t *)(base + params->sq_off.ring_mask);
    ring->sq_entries = params->sq_entries;
    ring->cq_head = (uint32_t *)(base + params->cq_off.head);
    ring->cq_tail = (uint32_t *)(base + params->cq_off.tail);
    ring->cq_mask = *(uint32_t *)(base + params->cq_off.ring_mask);
    ring->cqes = (struct io_uring_cqe *)(base + params->cq_off.cqes);
    array = (uint32_t *)(base + params->sq_off.array);
    for (uint32_t n = 0; n < params->sq_entries; n++)
        array[n] = n;
    return 0;
}

int uring_open(struct uring *ring, uint32_t entries, uint32_t completions)
{
    struct io_uring_params params = {0};
    int failed;

    memset(ring, 0, sizeof *ring);
    /* The kernel works only when asked, on our thread: nothing of it interrupts a turn. */
    params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    params.cq_entries = completions;
    ring->fd = (int)syscall(SYS_io_uring_setup, entries, &params);
    if (ring->fd < 0)
        return errno;
    failed = params.features & IORING_FEAT_SINGLE_MMAP && params.features & IORING_FEAT_CQE_SKIP &&
                     params.features & IORING_FEAT_EXT_ARG ? 0 : ENOSYS;
    if (!failed)
        failed = uring_map(ring, &params);
    if (failed)
        uring_close(ring);
    return failed;
}

int uring_enable(struct uring *ring)
{
    return syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) < 0 ? errno : 0;
}

void uring_close(struct uring *ring)
{
    if (ring->sqes)
        munmap(ring->sqes, ring->sqes_size);
    if (ring->rings)
        munmap(ring->rings, ring->rings_size);
    close(ring->fd);
}

int uring_lend(struct uring *ring, struct io_uring_buf_ring *buffers, uint32_t count, uint16_t group)
{
    struct io_uring_buf_reg lent = {.ring_addr = (uint64_t)(uintptr_t)buffers, .ring_entries = count, .bgid = group};

    return syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_PBUF_RING, &lent, 1) < 0 ? errno : 0;
}

static _Atomic int64_t refusals; /* see uring_refuse() */
static _Atomic int refused_for;

void uring_refuse(int64_t times, int why)
{
    atomic_store(&refused_for, why);
    atomic_store(&refusals, times);
}

static long uring_ask(const struct uring *ring, uint32_t waiting, uint32_t least, unsigned flags, const void *argument, size_t size)
{
    if (waiting && atomic_load_explicit(&refusals, memory_order_relaxed) > 0 && atomic_fetch_sub(&refusals, 1) > 0) {
        errno = atomic_load(&refused_for);
        return -1;
    }
    return syscall(SYS_io_uring_enter, ring->fd, waiting, least, flags, argument, size);
}

static uint32_t uring_waiting(const struct uring *ring)
{
    return ring->tail - __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE);
}

/* False if the kernel has taken nothing, or not all. */
static bool uring_enter(struct uring *ring, unsigned flags, uint32_t least, const void *argument, size_t size)
{
    uint32_t waiting = uring_waiting(ring);
    long done;

    __atomic_store_n(ring->sq_tail, ring->tail, __ATOMIC_RELEASE);
    do {
        done = uring_ask(ring, waiting, least, flags, argument, size);
        waiting = uring_waiting(ring);
    } while ((done < 0 && errno == EINTR) || (done > 0 && waiting));
    return done >= 0 || errno == ETIME;
}

void uring_submit(struct uring *ring)
{
    uring_enter(ring, 0, 0, NULL, 0);
}

void uring_collect(struct uring *ring, uint32_t least, uint64_t longest)
{
    static const struct timespec moment = {0, 1000000};
    struct __kernel_timespec time = {.tv_nsec = (long long)longest};
    struct io_uring_getevents_arg argument = {.ts = (uint64_t)(uintptr_t)&time};
    bool taken;

    if (longest)
        taken = uring_enter(ring, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, least, &argument, sizeof argument);
    else
        taken = uring_enter(ring, IORING_ENTER_GETEVENTS, least, NULL, 0);
    if (!taken)
        nanosleep(&moment, NULL);
}

struct io_uring_sqe *uring_next(struct uring *ring)
{
    struct io_uring_sqe *entry;

    if (uring_waiting(ring) == ring->sq_entries)
        uring_submit(ring);
    if (uring_waiting(ring) == ring->sq_entries)
        return NULL;
    entry = &ring->sqes[ring->tail++ & ring->sq_mask];
    memset(entry, 0, sizeof *entry);
    return entry;
}

struct io_uring_sqe *uring_take_back(struct uring *ring, uint32_t since)
{
    /* The kernel looks at its queue only when it is entered, and is told then where the queue ends. */
    if (ring->tail == since || !uring_waiting(ring))
        return NULL;
    return &ring->sqes[--ring->tail & ring->sq_mask];
}

uint32_t uring_done(const struct uring *ring)
{
    return __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) - *ring->cq_head;
}

struct io_uring_cqe *uring_completion(struct uring *ring, uint32_t number)
{
    return &ring->cqes[(*ring->cq_head + number) & ring->cq_mask];
}

void uring_forget(struct uring *ring, uint32_t count)
{
    __atomic_store_n(ring->cq_head, *ring->cq_head + count, __ATOMIC_RELEASE);
}
