/* What a worker tells Python: through rings, of which the reactor's thread is the other end. */
#include <string.h>

#include "endpoint.h"
#include "worker.h"

/* Put an event in the ring; false if there is no room now. */
static bool worker_tell(struct worker *worker, const struct stream *stream, enum event_kind kind, int side)
{
    const struct latch *latch = &stream->sides[side].ports[0].latch;
    struct event event = {.handle = stream->handle, .kind = (uint8_t)kind, .side = (uint8_t)side};

    if (kind == EVENT_LATCHED) {
        event.address = latch->latched;
        event.reason = latch->reason;
    } else if (kind == EVENT_RTCP_LATCHED) {
        event.address = stream->sides[side].said_rtcp;
    }
    if (!ring_put(&worker->events, &event))
        return false;
    worker->said = true;
    return true;
}

void worker_say(struct worker *worker, struct stream *stream)
{
    static const uint16_t kinds[] = {
        [EVENT_LATCHED] = UNSAID_LATCHED,
        [EVENT_POLICED] = UNSAID_POLICED,
        [EVENT_RTCP_LATCHED] = UNSAID_RTCP_LATCHED,
        [EVENT_EXPIRED] = UNSAID_EXPIRED,
        [EVENT_USED] = UNSAID_USED,
    };

    for (int side = 0; side < 2; side++)
        for (int kind = 0; kind < (int)(sizeof kinds / sizeof *kinds); kind++) {
            uint16_t unsaid = (uint16_t)(kinds[kind] << side);
            if (stream->unsaid & unsaid && worker_tell(worker, stream, (enum event_kind)kind, side))
                stream->unsaid &= (uint16_t)~unsaid;
        }
    if (stream->unsaid)
        atomic_store(&worker->late, true);
}

void worker_say_late(struct worker *worker)
{
    atomic_store(&worker->late, false);
    for (struct stream *stream = worker->streams; stream && !atomic_load(&worker->late); stream = stream->next)
        if (stream->unsaid)
            worker_say(worker, stream);
}

void worker_hand(struct worker *worker, const struct packet *packet, struct inlet *inlet)
{
    struct handed handed = {.handle = inlet->stream->handle, .rtcp = inlet->kind == PORT_RTCP};

    inlet->stream->handed = false;
    handed.side = (uint8_t)(inlet->side - inlet->stream->sides);
    handed.source = endpoint_address(&packet->source);
    handed.size = (uint16_t)packet->size;
    if (packet->size > sizeof handed.data) {
        inlet->count.too_long++;
        return;
    }
    memcpy(handed.data, packet->data, packet->size);
    if (ring_put(&worker->handed, &handed))
        worker->said = true;
    else
        inlet->count.policed++;
}
