/* What waits for its time: packets of sides whose rate lets what is more wait, in the order in which they are due. A worker's
   own; nobody else looks at it. */
#ifndef SBC_PACER_H
#define SBC_PACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inlet;
struct packet;
struct stream;
struct waiting;

struct pacer {
    struct waiting **heap; /* the first is due first */
    size_t count;
    size_t room;
};

/* Hold a packet that has come by `inlet` back until it is due; what is due before it leaves before it. Counted as failed where
   there is no memory. */
void pacer_hold(struct pacer *pacer, const struct packet *packet, struct inlet *inlet);

/* When the next is due; INT64_MAX where none waits. */
int64_t pacer_next(const struct pacer *pacer);

/* The stream of the next that is due by `now`; null where none is. */
struct stream *pacer_due(const struct pacer *pacer, int64_t now);

/* Send the next, and count it. */
void pacer_send(struct pacer *pacer);

/* Send all of a stream's that wait, in their order. */
void pacer_flush(struct pacer *pacer, const struct stream *stream);

/* Forget whatever waits. */
void pacer_close(struct pacer *pacer);

#endif
