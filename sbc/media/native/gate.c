/* Ports that streams share, and the table of who is found there by which number. */
#include "gate.h"

#include <stdlib.h>

struct gate *gate_new(const int fds[2])
{
    struct gate *gate = calloc(1, sizeof *gate);

    if (!gate)
        return NULL;
    for (int n = 0; n < 4; n++) {
        struct side *side = &gate->stream.sides[n / 2];
        struct inlet *port = &side->ports[n % 2];
        port->fd = n < 2 ? fds[n] : -1;
        port->fd_shared = -1;
        port->kind = PORT_SHARED;
        port->side = side;
        port->stream = &gate->stream;
    }
    return gate;
}

static struct inlet **gate_place(struct gate *gate, int port, uint32_t number)
{
    return &gate->places[port][number & (GATE_PLACES - 1)];
}

void gate_enter(struct stream *stream)
{
    for (int n = 0; n < 4; n++) {
        struct side *side = &stream->sides[n / 2];
        struct inlet *inlet = &side->ports[n % 2], **place;
        if (!side->gate || inlet->fd < 0)
            continue;
        place = gate_place(side->gate, n % 2, inlet->number);
        inlet->chained = *place;
        *place = inlet;
    }
}

void gate_leave(struct stream *stream)
{
    for (int n = 0; n < 4; n++) {
        struct side *side = &stream->sides[n / 2];
        struct inlet *inlet = &side->ports[n % 2], **place;
        if (!side->gate || inlet->fd < 0)
            continue;
        place = gate_place(side->gate, n % 2, inlet->number);
        while (*place && *place != inlet)
            place = &(*place)->chained;
        if (*place)
            *place = inlet->chained;
    }
}

struct inlet *gate_find(struct inlet *inlet, uint8_t **data, uint32_t *size)
{
    struct gate *gate = (struct gate *)inlet->stream;
    const uint8_t *at = *data;
    struct inlet *found = NULL;
    uint32_t number;

    if (*size >= NUMBER) {
        number = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
        found = *gate_place(gate, inlet != &gate->stream.sides[0].ports[0], number);
        while (found && found->number != number)
            found = found->chained;
    }
    if (!found) {
        atomic_store_explicit(&gate->strays, atomic_load_explicit(&gate->strays, memory_order_relaxed) + 1, memory_order_relaxed);
        return NULL;
    }
    *data += NUMBER;
    *size -= NUMBER;
    return found;
}
