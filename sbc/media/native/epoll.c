/* Packets by epoll, recvmmsg and sendmmsg: what every Linux has. */
#include "beside.h"
#include "gate.h"
#include "worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define READY 64            /* sockets that are read in a turn, */
#define SHARE (BATCH / READY) /* and datagrams of each: a flood on one takes no more. Of those that many streams share more are
                                 read, as much as there is room for when all have had theirs */
#define ROOM 16               /* octets before a datagram, for the number that it may leave with */

_Static_assert(NUMBER <= ROOM && SLOT - (COLOURS - 1) * COLOUR - ROOM - DATAGRAM >= SRTP_ROOM, "and there is room behind it");

struct epolled {
    int epoll;
    uint8_t *slots;
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    struct mmsghdr outgoing[BATCH];
    struct iovec sent[BATCH];
    _Alignas(struct cmsghdr) uint8_t told[BATCH][BESIDE]; /* beside what has come, */
    _Alignas(struct cmsghdr) uint8_t tell[BATCH][BESIDE]; /* and what goes */
};

static bool epolled_open(struct worker *worker)
{
    struct epolled *state = calloc(1, sizeof *state);
    struct epoll_event woken = {.events = EPOLLIN, .data.ptr = NULL};

    if (!state)
        return false;
    state->epoll = epoll_create1(EPOLL_CLOEXEC);
    /* Only what is written to takes memory, and most datagrams are short. */
    state->slots = mmap(NULL, (size_t)BATCH * SLOT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (state->epoll < 0 || state->slots == MAP_FAILED ||
        epoll_ctl(state->epoll, EPOLL_CTL_ADD, worker->wake, &woken) < 0) {
        if (state->epoll >= 0)
            close(state->epoll);
        if (state->slots != MAP_FAILED)
            munmap(state->slots, (size_t)BATCH * SLOT);
        free(state);
        return false;
    }
    for (int n = 0; n < BATCH; n++) {
        struct packet *packet = &worker->batch[n];
        struct msghdr *message = &state->messages[n].msg_hdr;
        packet->data = state->slots + slot_at((uint32_t)n) + ROOM;
        state->vectors[n] = (struct iovec){packet->data, DATAGRAM};
        message->msg_name = &packet->source;
        message->msg_iov = &state->vectors[n];
        message->msg_iovlen = 1;
        message->msg_control = state->told[n];
        state->outgoing[n].msg_hdr.msg_iov = &state->sent[n];
        state->outgoing[n].msg_hdr.msg_iovlen = 1;
    }
    worker->state = state;
    return true;
}

static void epolled_close(struct worker *worker)
{
    struct epolled *state = worker->state;

    close(state->epoll);
    munmap(state->slots, (size_t)BATCH * SLOT);
    free(state);
}

static int epolled_enlist(struct worker *worker, struct inlet *inlet)
{
    struct epolled *state = worker->state;
    struct epoll_event readable = {.events = EPOLLIN, .data.ptr = inlet};

    return epoll_ctl(state->epoll, EPOLL_CTL_ADD, inlet->fd, &readable) < 0 ? errno : 0;
}

static void epolled_remove(struct worker *worker, struct inlet *inlet)
{
    struct epolled *state = worker->state;

    epoll_ctl(state->epoll, EPOLL_CTL_DEL, inlet->fd, NULL);
}

/* Read up to so many datagrams of a socket, for which there is room; how many there were. */
static int epolled_read(struct worker *worker, struct epolled *state, struct inlet *inlet, int most)
{
    int first = worker->count, got;

    for (int n = first; n < first + most; n++) {
        state->messages[n].msg_hdr.msg_namelen = sizeof(union endpoint);
        state->messages[n].msg_hdr.msg_controllen = BESIDE;
    }
    got = recvmmsg(inlet->fd, state->messages + first, (unsigned)most, MSG_DONTWAIT, NULL);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            worker_touch(worker, inlet->stream);
            inlet->count.unread++;
        }
        return 0;
    }
    for (int n = first; n < first + got; n++) {
        worker->batch[n].inlet = inlet;
        worker->batch[n].data = state->vectors[n].iov_base;
        worker->batch[n].size = state->messages[n].msg_len;
        worker->batch[n].tos = beside_tos(state->told[n], state->messages[n].msg_hdr.msg_controllen);
    }
    worker->count += got;
    return got;
}

/* Read on where many streams share a socket and its share was not all: what room is left is for all such alike. */
static void epolled_read_on(struct worker *worker, struct epolled *state, struct inlet *const *crowded, int count)
{
    for (int n = 0; n < count; n++) {
        int most = (BATCH - worker->count) / (count - n);
        if (most)
            epolled_read(worker, state, crowded[n], most);
    }
}

static void epolled_receive(struct worker *worker, uint64_t rest)
{
    struct epolled *state = worker->state;
    struct epoll_event ready[READY];
    struct inlet *crowded[READY];
    struct timespec time = {0, (long)rest};
    uint64_t patience;
    int count, crowds = 0;

    if (rest)
        nanosleep(&time, NULL);
    patience = ring_empty(&worker->commands) ? worker_patience(worker) : 0;
    count = epoll_wait(state->epoll, ready, READY, patience == EVER ? -1 : (int)((patience + 999999) / 1000000));

    for (int n = 0; n < count; n++) {
        struct inlet *inlet = ready[n].data.ptr;
        if (!inlet)
            worker_woken(worker);
        else if (epolled_read(worker, state, inlet, SHARE) == SHARE && inlet->kind == PORT_SHARED)
            crowded[crowds++] = inlet;
    }
    epolled_read_on(worker, state, crowded, crowds);
}

/* Send `count` packets that leave by one socket. What the kernel refuses is counted, and the rest goes on. */
static void epolled_send_run(struct epolled *state, struct packet *packets, int count)
{
    int fd = packets->aim.fd, begin = 0;

    for (int n = 0; n < count; n++) {
        struct msghdr *message = &state->outgoing[n].msg_hdr;
        state->sent[n] = (struct iovec){packets[n].data, packets[n].size};
        message->msg_name = &packets[n].aim.to;
        message->msg_namelen = packets[n].aim.to_size;
        message->msg_controllen = 0;
        if (packets[n].aim.marked)
            beside_mark(message, state->tell[n], packets[n].aim.to.any.sa_family, packets[n].aim.tos);
    }
    while (begin < count) {
        int sent = sendmmsg(fd, state->outgoing + begin, (unsigned)(count - begin), MSG_DONTWAIT);
        for (int n = begin; n < begin + sent; n++) {
            packets[n].outlet->count.sent.packets++;
            packets[n].outlet->count.sent.octets += aim_octets(&packets[n].aim, packets[n].size);
        }
        if (sent > 0)
            begin += sent;
        else if (sent == 0 || errno != EINTR)
            packets[begin++].outlet->count.failed++;
    }
}

static void epolled_send(struct worker *worker)
{
    struct packet *waiting = worker->batch, *end = waiting + worker->count;

    while (waiting < end) {
        struct packet *next = waiting + 1;
        if (!waiting->outlet) {
            waiting++;
            continue;
        }
        while (next < end && next->outlet && next->aim.fd == waiting->aim.fd)
            next++;
        epolled_send_run(worker->state, waiting, (int)(next - waiting));
        waiting = next;
    }
}

const struct traffic traffic_epoll = {
    .name = "epoll",
    .open = epolled_open,
    .close = epolled_close,
    .enlist = epolled_enlist,
    .remove = epolled_remove,
    .receive = epolled_receive,
    .send = epolled_send,
};
