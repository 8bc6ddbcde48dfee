/* As much of io_uring(7) as the engine needs: a submission and a completion queue shared with the kernel, no library. */
#ifndef SBC_URING_H
#define SBC_URING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uring {
    int fd;
    uint32_t *sq_head; /* the kernel's */
    uint32_t *sq_tail;
    uint32_t sq_mask;
    uint32_t sq_entries;
    uint32_t tail; /* ours, ahead of *sq_tail by what was not submitted yet */
    struct io_uring_sqe *sqes;
    uint32_t *cq_head;
    uint32_t *cq_tail; /* the kernel's */
    uint32_t cq_mask;
    struct io_uring_cqe *cqes;
    void *rings;
    size_t rings_size;
    size_t sqes_size;
};

/* A ring that one thread will use: the one that calls uring_enable(). 0, or an errno where there is none to be had. */
int uring_open(struct uring *ring, uint32_t entries, uint32_t completions);
int uring_enable(struct uring *ring);
void uring_close(struct uring *ring);

/* Lend the kernel a ring of buffers, as group `group`. 0 or an errno. */
int uring_lend(struct uring *ring, struct io_uring_buf_ring *buffers, uint32_t count, uint16_t group);

/* The next place for a submission, zeroed. If there is none, what waits is submitted first; null if the kernel takes nothing,
   as it does where memory is short: then it is to be tried again later. */
struct io_uring_sqe *uring_next(struct uring *ring);

/* Take back the last submission that the kernel has not taken; null if there is none since `ring->tail` was `since`. */
struct io_uring_sqe *uring_take_back(struct uring *ring, uint32_t since);

/* Submit what waits. Where the kernel takes not all of it, the rest waits on. */
void uring_submit(struct uring *ring);

/* Submit what waits, let the kernel finish what can be, and wait until `least` are done, but no longer than so many
   nanoseconds (0: for ever). The kernel finishes as many as that in one go, and 20 if it is less. Where it takes nothing, a
   moment passes. */
void uring_collect(struct uring *ring, uint32_t least, uint64_t longest);

/* How many are done, and which: those from 0 on, until uring_forget() of so many. */
uint32_t uring_done(const struct uring *ring);
struct io_uring_cqe *uring_completion(struct uring *ring, uint32_t number);
void uring_forget(struct uring *ring, uint32_t count);

/* cffi: from here, what Python may call */
/* For tests: let so many submissions from now on fail with this errno, of all rings. */
void uring_refuse(int64_t times, int why);
/* cffi: to here */

#endif
