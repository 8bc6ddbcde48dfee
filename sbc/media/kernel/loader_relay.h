/* The loader's own view of a loaded relay. */
#ifndef SBC_LOADER_RELAY_H
#define SBC_LOADER_RELAY_H

#include "loader.h"

struct watched { /* what was seen of a slot at the last look */
    int on;
    __u32 strangers, others, unrouted;
    __u64 policed;
};

struct relay {
    struct relay_slot *slots;
    struct relay_arrival *arrivals;
    struct bucket *buckets;
    struct relay_lease *lease;
    struct relay_barrier *barrier;
    struct relay_marks *marks;
    struct relay_near *near;
    __u32 room;
    __u32 places; /* in `near` */
    __u64 *news; /* room / 64 + 1 words */
    __u32 next;  /* of these, the one with which the next look begins */
    struct bpf_object *object;
    char *directory; /* where it is pinned; NULL: it is not */
    struct watched *watched;
    int xdp, tc;
    int flows, outlets, bans, doors;
};

/* The compiled program, put in by build.py. */
extern const unsigned char relay_object[];
extern const size_t relay_object_size;

#endif
