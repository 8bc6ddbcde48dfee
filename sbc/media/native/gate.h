/* Ports that streams share: each packet begins with a number of 4 octets, by which the inlet that it is for is found. One
   worker reads them, and has all streams that share them. */
#ifndef SBC_GATE_H
#define SBC_GATE_H

#include "flow.h"

#define NUMBER 4         /* octets before a packet */
#define GATE_PLACES 1024 /* a power of two: where inlets are looked for, by the lowest bits of their numbers */

struct gate {
    struct stream stream; /* first: none, but its side 0 has the two sockets, so that it is read and closed as any */
    _Atomic uint64_t strays;
    struct inlet *places[2][GATE_PLACES]; /* by port, RTP's and RTCP's */
};

/* For two bound sockets, RTP's and RTCP's. Null where there is no memory. */
struct gate *gate_new(const int fds[2]);

/* Let the inlets of a stream be found, and no more; on the worker's thread. */
void gate_enter(struct stream *stream);
void gate_leave(struct stream *stream);

/* The inlet that a packet is for that came by an inlet of a gate: by its number, which is taken off. Null where that is
   nobody's (and counted), or there is none. */
struct inlet *gate_find(struct inlet *inlet, uint8_t **data, uint32_t *size);

/* Put the number before a packet that its aim wants there: there is room. */
static inline void gate_mark(const struct aim *aim, uint8_t **data, uint32_t *size)
{
    uint8_t *at = *data - NUMBER;

    at[0] = (uint8_t)(aim->prefix >> 24);
    at[1] = (uint8_t)(aim->prefix >> 16);
    at[2] = (uint8_t)(aim->prefix >> 8);
    at[3] = (uint8_t)aim->prefix;
    *data = at;
    *size += NUMBER;
}

/* What a packet of `size` octets, as it leaves, counts: the number before it is none of the media's. */
static inline uint32_t aim_octets(const struct aim *aim, uint32_t size)
{
    return aim->prefixed ? size - NUMBER : size;
}

#endif
