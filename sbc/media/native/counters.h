/* What the ports of a side have taken, sent and dropped: the C side of sbc/media/counters.py. */
#ifndef SBC_COUNTERS_H
#define SBC_COUNTERS_H

#include <stdint.h>

#include "latch.h"
#include "meter.h"

/* cffi: from here, what Python may see */
struct volume {
    uint64_t packets;
    uint64_t octets; /* of the UDP payloads */
};

#define UNSEALED 6

/* What arrived at one port. */
struct arrivals {
    struct volume rtp;
    struct volume rtcp;
    uint64_t too_short;
    uint64_t too_long;
    uint64_t not_rtp;
    uint64_t policed;
    uint64_t unread;           /* reads that failed */
    uint64_t unsealed[UNSEALED]; /* what could not be read, by enum sealed */
    uint64_t refused[REASONS]; /* by the latch, for each reason */
};

/* What left by one side as RTP, or as RTCP. */
struct departures {
    struct volume sent;
    uint64_t failed;
    uint64_t no_destination;
};

/* How one port stands. */
struct port_state {
    struct address signalled;
    struct address latched;
    struct address to; /* where media to the peer goes: none if nowhere */
    struct arrivals arrivals;
    struct departures departures;
    uint64_t drops;    /* of the kernel, at this port's socket */
    uint8_t reason;
    bool firm;         /* nobody takes the latched one's place without its falling silent */
};

/* How one side stands. Without a port of its own for RTCP, only `departures` and `to` of `ports[1]` mean something. */
struct side_state {
    struct port_state ports[2];
    struct meter meter;
    struct meter_reports reports;
    bool held;
    bool mux;
    bool shared; /* numbers stand before its packets, as they come or as they go */
    bool sealed; /* there is a key that what is sent to it is written with */
};

struct stream_state {
    struct side_state sides[2];
};

/* What is told of a side's counters, as numbers one after the other (Values.counters knows what each is): Python reads all
   of them at once, which costs it a tenth of asking field by field. */
enum { FIGURES = 35 };
void stream_figures(const struct stream_state *state, uint64_t figures[2 * FIGURES]);
/* cffi: to here */

#endif
