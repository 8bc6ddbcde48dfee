/* Packets by io_uring: each socket has one receive that goes on, into buffers that all share; what leaves is handed over a
   batch at a time. Linux 6.1 and later; where it is not to be had, or forbidden, there is epoll.c. */
#include "beside.h"
#include "gate.h"
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "uring.h"

#define ENTRIES 512
#define COMPLETIONS 4096
#define BUFFERS 512 /* a power of two, more than a batch */
#define GROUP 1
_Static_assert(NUMBER <= sizeof(union endpoint), "where a datagram came from is known by the time that its number is written");

#define HEAD (sizeof(struct io_uring_recvmsg_out) + sizeof(union endpoint) + BESIDE) /* octets in a buffer before the datagram */

/* What a completion is of: a pointer to the inlet, or the turn and a place in its batch, with one of these in the lowest bits. */
enum { OF_RECEIVE = 0, OF_SEND = 1, OF_WAKE = 2, OF_NOTHING = 3, OF_MASK = 3 };

struct multishot {
    struct uring ring;
    struct io_uring_buf_ring *lent; /* the kernel's view of the buffers */
    uint8_t *buffers;
    struct inlet *again;            /* the first of those whose receive is to be begun again, or ended, at the end of the turn */
    bool deaf;                      /* to who wakes the worker, until then */
    uint32_t turn;                  /* a number, of the batch that is sent */
    uint16_t tail;                  /* of the ring of buffers */
    uint16_t used[BATCH];           /* by the packets of this turn */
    struct msghdr shape;            /* what a buffer has before the datagram */
    struct msghdr outgoing[BATCH];  /* of what goes marked otherwise than its socket has it */
    struct iovec sent[BATCH];
    _Alignas(struct cmsghdr) uint8_t tell[BATCH][BESIDE];
};

static uint8_t *buffer_at(const struct multishot *state, uint16_t number)
{
    return state->buffers + slot_at(number);
}

static void buffer_lend(struct multishot *state, uint16_t number)
{
    struct io_uring_buf *place = &state->lent->bufs[state->tail & (BUFFERS - 1)];

    place->addr = (uint64_t)(uintptr_t)buffer_at(state, number);
    place->len = HEAD + DATAGRAM;
    place->bid = number;
    state->tail++;
}

static void buffers_publish(struct multishot *state)
{
    __atomic_store_n(&state->lent->tail, state->tail, __ATOMIC_RELEASE);
}

static void multishot_unmap(struct multishot *state)
{
    if (state->buffers != MAP_FAILED)
        munmap(state->buffers, (size_t)BUFFERS * SLOT);
    if (state->lent != MAP_FAILED)
        munmap(state->lent, BUFFERS * sizeof(struct io_uring_buf));
    free(state);
}

static void *multishot_map(size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static bool multishot_open(struct worker *worker)
{
    struct multishot *state = calloc(1, sizeof *state);
    int failed;

    if (!state)
        return false;
    /* Only what is written to takes memory, and most datagrams are short. */
    state->buffers = multishot_map((size_t)BUFFERS * SLOT);
    state->lent = multishot_map(BUFFERS * sizeof(struct io_uring_buf));
    failed = state->buffers == MAP_FAILED || state->lent == MAP_FAILED ? ENOMEM : 0;
    if (!failed)
        failed = uring_open(&state->ring, ENTRIES, COMPLETIONS);
    if (!failed && (failed = uring_lend(&state->ring, state->lent, BUFFERS, GROUP)))
        uring_close(&state->ring);
    if (failed) {
        multishot_unmap(state);
        errno = failed;
        return false;
    }
    for (uint16_t n = 0; n < BUFFERS; n++)
        buffer_lend(state, n);
    buffers_publish(state);
    state->shape.msg_namelen = sizeof(union endpoint);
    state->shape.msg_controllen = BESIDE;
    worker->state = state;
    return true;
}

static void multishot_close(struct worker *worker)
{
    struct multishot *state = worker->state;

    uring_close(&state->ring);
    multishot_unmap(state);
}

static void multishot_wait_for_wake(struct worker *worker, struct multishot *state)
{
    struct io_uring_sqe *entry = uring_next(&state->ring);

    state->deaf = !entry;
    if (!entry)
        return;
    entry->opcode = IORING_OP_POLL_ADD;
    entry->fd = worker->wake;
    entry->poll32_events = POLLIN;
    entry->len = IORING_POLL_ADD_MULTI;
    entry->user_data = OF_WAKE;
}

static void multishot_start(struct worker *worker)
{
    struct multishot *state = worker->state;

    uring_enable(&state->ring);
    multishot_wait_for_wake(worker, state);
}

/* See to an inlet at the end of the turn. */
static void multishot_put_off(struct multishot *state, struct inlet *inlet)
{
    if (inlet->pending)
        return;
    inlet->pending = true;
    inlet->again = state->again;
    state->again = inlet;
}

static void multishot_add(struct worker *worker, struct inlet *inlet)
{
    struct multishot *state = worker->state;
    struct io_uring_sqe *entry = uring_next(&state->ring);

    if (!entry) {
        multishot_put_off(state, inlet);
        return;
    }
    entry->opcode = IORING_OP_RECVMSG;
    entry->fd = inlet->fd;
    entry->addr = (uint64_t)(uintptr_t)&state->shape;
    entry->len = 1;
    entry->ioprio = IORING_RECV_MULTISHOT;
    entry->flags = IOSQE_BUFFER_SELECT;
    entry->buf_group = GROUP;
    entry->user_data = (uint64_t)(uintptr_t)inlet | OF_RECEIVE;
    inlet->armed = true;
}

static void multishot_remove(struct worker *worker, struct inlet *inlet)
{
    struct multishot *state = worker->state;
    struct io_uring_sqe *entry;

    inlet->leaving = true;
    if (!inlet->armed)
        return;
    entry = uring_next(&state->ring);
    if (!entry) {
        multishot_put_off(state, inlet);
        return;
    }
    entry->opcode = IORING_OP_ASYNC_CANCEL;
    entry->addr = (uint64_t)(uintptr_t)inlet | OF_RECEIVE;
    entry->flags = IOSQE_CQE_SKIP_SUCCESS;
    entry->user_data = OF_NOTHING;
}

/* Put what a buffer holds into the batch. */
static void multishot_take(struct worker *worker, struct multishot *state, struct inlet *inlet, uint16_t buffer)
{
    struct packet *packet = &worker->batch[worker->count];
    const struct io_uring_recvmsg_out *head = (const void *)buffer_at(state, buffer);

    packet->inlet = inlet;
    memcpy(&packet->source, head + 1, sizeof packet->source);
    packet->data = buffer_at(state, buffer) + HEAD;
    packet->size = head->payloadlen;
    packet->tos = beside_tos((const uint8_t *)(head + 1) + sizeof packet->source, head->controllen);
    state->used[worker->count++] = buffer;
}

static void multishot_received(struct worker *worker, struct multishot *state, const struct io_uring_cqe *completion)
{
    struct inlet *inlet = (struct inlet *)(uintptr_t)completion->user_data;

    if (completion->flags & IORING_CQE_F_BUFFER) {
        multishot_take(worker, state, inlet, (uint16_t)(completion->flags >> IORING_CQE_BUFFER_SHIFT));
    } else if (completion->res < 0 && completion->res != -ENOBUFS && completion->res != -ECANCELED) {
        worker_touch(worker, inlet->stream);
        inlet->count.unread++;
    }
    if (completion->flags & IORING_CQE_F_MORE)
        return;
    inlet->armed = false;
    multishot_put_off(state, inlet);
}

/* Begin the receives again that have ended, and what the kernel would not take before. Once a turn, however often they fail;
   and when the kernel has its buffers back, for most have ended because it had none. */
static void multishot_see_to(struct worker *worker, struct multishot *state)
{
    struct inlet *inlet = state->again, *next;

    state->again = NULL;
    for (; inlet; inlet = next) {
        next = inlet->again;
        inlet->pending = false;
        if (inlet->leaving)
            multishot_remove(worker, inlet);
        else
            multishot_add(worker, inlet);
    }
    if (state->deaf)
        multishot_wait_for_wake(worker, state);
}

/* Whether there is nothing to do but to wait. */
static bool multishot_may_wait(const struct worker *worker, const struct multishot *state)
{
    return !uring_done(&state->ring) && !state->again && !state->deaf && ring_empty(&worker->commands);
}

static void multishot_receive(struct worker *worker, uint64_t rest)
{
    struct multishot *state = worker->state;
    uint32_t done, number;
    uint64_t patience;

    if (rest)
        uring_collect(&state->ring, CROWD, rest);
    patience = multishot_may_wait(worker, state) ? worker_patience(worker) : 0;
    if (!rest || !uring_done(&state->ring))
        uring_collect(&state->ring, patience != 0, patience == EVER ? 0 : patience);
    done = uring_done(&state->ring);
    /* A receive that fails takes no place of the batch, but its stream is one of those that are touched. */
    for (number = 0; number < done && worker->count < BATCH && worker->touched_count < BATCH; number++) {
        const struct io_uring_cqe *completion = uring_completion(&state->ring, number);
        if ((completion->user_data & OF_MASK) == OF_RECEIVE) {
            multishot_received(worker, state, completion);
        } else if (completion->user_data == OF_WAKE) {
            worker_woken(worker);
            if (!(completion->flags & IORING_CQE_F_MORE))
                multishot_wait_for_wake(worker, state);
        }
    }
    uring_forget(&state->ring, number);
}

/* A packet of the batch, by what its submission is known by, was not sent. */
static void multishot_unsent(struct worker *worker, uint64_t user_data)
{
    struct packet *packet = &worker->batch[(uint32_t)user_data >> 2];

    packet->outlet->count.failed++;
    packet->outlet = NULL;
}

/* Count as failed what the kernel refused to send. The completions stand among others, which are not due yet. One that had
   no room there comes in a later turn; by then its packet is counted as sent, and the stream may be gone. */
static void multishot_count_failed(struct worker *worker, struct multishot *state)
{
    uint32_t done = uring_done(&state->ring);

    for (uint32_t number = 0; number < done; number++) {
        struct io_uring_cqe *completion = uring_completion(&state->ring, number);
        if ((completion->user_data & OF_MASK) != OF_SEND || completion->user_data >> 32 != state->turn)
            continue;
        multishot_unsent(worker, completion->user_data);
        completion->user_data = OF_NOTHING;
    }
}

/* Send a packet by a submission. */
static void multishot_fill(struct io_uring_sqe *entry, const struct packet *packet)
{
    entry->opcode = IORING_OP_SEND;
    entry->addr = (uint64_t)(uintptr_t)packet->data;
    entry->len = packet->size;
    entry->addr2 = (uint64_t)(uintptr_t)&packet->aim.to;
    entry->addr_len = (uint16_t)packet->aim.to_size;
}

/* The same, marked: `n` is its place in the batch. */
static void multishot_fill_marked(struct multishot *state, struct io_uring_sqe *entry, struct packet *packet, int n)
{
    struct msghdr *message = &state->outgoing[n];

    state->sent[n] = (struct iovec){packet->data, packet->size};
    *message = (struct msghdr){.msg_name = &packet->aim.to, .msg_namelen = packet->aim.to_size};
    message->msg_iov = &state->sent[n];
    message->msg_iovlen = 1;
    beside_mark(message, state->tell[n], packet->aim.to.any.sa_family, packet->aim.tos);
    entry->opcode = IORING_OP_SENDMSG;
    entry->addr = (uint64_t)(uintptr_t)message;
    entry->len = 1;
}

static void multishot_send(struct worker *worker)
{
    struct multishot *state = worker->state;
    struct io_uring_sqe *entry;
    uint32_t since = state->ring.tail;

    state->turn++;
    for (int n = 0; n < worker->count; n++) {
        struct packet *packet = &worker->batch[n];
        if (!packet->outlet)
            continue;
        entry = uring_next(&state->ring);
        if (!entry) {
            packet->outlet->count.failed++;
            packet->outlet = NULL;
            continue;
        }
        if (packet->aim.marked)
            multishot_fill_marked(state, entry, packet, n);
        else
            multishot_fill(entry, packet);
        entry->fd = packet->aim.fd;
        entry->msg_flags = MSG_DONTWAIT;
        entry->flags = IOSQE_CQE_SKIP_SUCCESS;
        entry->user_data = (uint64_t)state->turn << 32 | (uint64_t)n << 2 | OF_SEND;
    }
    if (state->ring.tail == since)
        return;
    uring_submit(&state->ring);
    /* What it takes not now is not to go later: its buffer will hold something else. */
    while ((entry = uring_take_back(&state->ring, since)))
        multishot_unsent(worker, entry->user_data);
    multishot_count_failed(worker, state);
    for (int n = 0; n < worker->count; n++) {
        struct packet *packet = &worker->batch[n];
        if (!packet->outlet)
            continue;
        packet->outlet->count.sent.packets++;
        packet->outlet->count.sent.octets += aim_octets(&packet->aim, packet->size);
    }
}

static void multishot_done(struct worker *worker)
{
    struct multishot *state = worker->state;

    for (int n = 0; n < worker->count; n++)
        buffer_lend(state, state->used[n]);
    buffers_publish(state);
    multishot_see_to(worker, state);
}

const struct traffic traffic_uring = {
    .name = "io_uring",
    .open = multishot_open,
    .close = multishot_close,
    .start = multishot_start,
    .add = multishot_add,
    .remove = multishot_remove,
    .receive = multishot_receive,
    .send = multishot_send,
    .done = multishot_done,
};
