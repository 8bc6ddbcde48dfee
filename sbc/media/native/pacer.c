/* What waits for its time, as a heap. */
#include "pacer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "beside.h"
#include "gate.h"
#include "worker.h"

struct waiting {
    int64_t due;
    struct side *from;
    struct stream *stream;
    struct outlet *outlet;
    struct aim aim;
    uint32_t size;
    uint8_t data[];
};

static void pacer_swap(struct pacer *pacer, size_t one, size_t other)
{
    struct waiting *kept = pacer->heap[one];

    pacer->heap[one] = pacer->heap[other];
    pacer->heap[other] = kept;
}

static void pacer_rise(struct pacer *pacer, size_t at)
{
    while (at && pacer->heap[at]->due < pacer->heap[(at - 1) / 2]->due) {
        pacer_swap(pacer, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void pacer_sink(struct pacer *pacer, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < pacer->count; child++)
            if (pacer->heap[child]->due < pacer->heap[least]->due)
                least = child;
        if (least == at)
            return;
        pacer_swap(pacer, at, least);
        at = least;
    }
}

static bool pacer_has_room(struct pacer *pacer)
{
    size_t room = pacer->room ? 2 * pacer->room : 64;
    struct waiting **heap;

    if (pacer->count < pacer->room)
        return true;
    heap = realloc(pacer->heap, room * sizeof *heap);
    if (!heap)
        return false;
    pacer->heap = heap;
    pacer->room = room;
    return true;
}

void pacer_hold(struct pacer *pacer, const struct packet *packet, struct inlet *inlet)
{
    struct side *side = inlet->side;
    struct waiting *made = pacer_has_room(pacer) ? malloc(sizeof *made + packet->size) : NULL;

    if (!made) {
        packet->outlet->count.failed++;
        return;
    }
    /* One of a side is never due with another: a heap keeps no order among those that are. */
    side->last = side->waiting && side->earliest <= side->last ? side->last + 1 : side->earliest;
    side->waiting++;
    *made = (struct waiting){side->last, side, inlet->stream, packet->outlet, packet->aim, packet->size};
    memcpy(made->data, packet->data, packet->size);
    pacer->heap[pacer->count] = made;
    pacer_rise(pacer, pacer->count++);
}

int64_t pacer_next(const struct pacer *pacer)
{
    return pacer->count ? pacer->heap[0]->due : INT64_MAX;
}

struct stream *pacer_due(const struct pacer *pacer, int64_t now)
{
    return pacer_next(pacer) <= now ? pacer->heap[0]->stream : NULL;
}

static struct waiting *pacer_take(struct pacer *pacer)
{
    struct waiting *first = pacer->heap[0];

    pacer->heap[0] = pacer->heap[--pacer->count];
    if (pacer->count)
        pacer_sink(pacer, 0);
    return first;
}

static void waiting_send(struct waiting *waiting)
{
    _Alignas(struct cmsghdr) uint8_t tell[BESIDE];
    struct iovec data = {waiting->data, waiting->size};
    struct msghdr message = {.msg_name = &waiting->aim.to, .msg_namelen = waiting->aim.to_size, .msg_iov = &data, .msg_iovlen = 1};
    ssize_t sent;

    if (waiting->aim.marked)
        beside_mark(&message, tell, waiting->aim.to.any.sa_family, waiting->aim.tos);
    do
        sent = sendmsg(waiting->aim.fd, &message, MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        waiting->outlet->count.failed++;
    } else {
        waiting->outlet->count.sent.packets++;
        waiting->outlet->count.sent.octets += aim_octets(&waiting->aim, waiting->size);
    }
    waiting->from->waiting--;
    free(waiting);
}

void pacer_send(struct pacer *pacer)
{
    waiting_send(pacer_take(pacer));
}

static int waiting_order(const void *one, const void *other)
{
    int64_t first = (*(struct waiting *const *)one)->due, second = (*(struct waiting *const *)other)->due;

    return (first > second) - (first < second);
}

void pacer_flush(struct pacer *pacer, const struct stream *stream)
{
    size_t left = 0, all = pacer->count;

    for (size_t n = 0; n < all; n++)
        if (pacer->heap[n]->stream != stream)
            pacer_swap(pacer, n, left++);
    if (left == all)
        return;
    qsort(pacer->heap + left, all - left, sizeof *pacer->heap, waiting_order);
    for (size_t n = left; n < all; n++)
        waiting_send(pacer->heap[n]);
    pacer->count = left;
    for (size_t n = left / 2; n-- > 0;)
        pacer_sink(pacer, n);
}

void pacer_close(struct pacer *pacer)
{
    for (size_t n = 0; n < pacer->count; n++)
        free(pacer->heap[n]);
    free(pacer->heap);
}
