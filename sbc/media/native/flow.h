/* A stream: two sides joined, their ports, and where each packet that arrives goes. The twin of sbc/media/stream.py.

   A stream belongs to one worker's thread, which alone changes it. Others read what it counts while `sequence` is even and
   the same before and after (see stream_read). */
#ifndef SBC_FLOW_H
#define SBC_FLOW_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "bucket.h"
#include "counters.h"
#include "sealing.h"

/* cffi: from here, what Python may see */
#define MARK_OWN 255
#define BUNDLE_SENT 16 /* SSRCs of what was sent to a side that are known, the latest */
enum port_kind { PORT_RTP, PORT_RTCP, PORT_T38, PORT_SHARED };

/* What arrives from all peers of a realm shares this. */
struct realm {
    struct bucket bucket;
    struct bucket *elsewhere; /* the one in its place, which the kernel's programs draw from, too; null: none */
    uint64_t wait; /* nanoseconds that what is more may wait */
    bool limited;
};

/* How far the keys of both sides have been used: what the peer has sent, and what we have; and then the same of RTCP's own. */
struct stream_rows {
    struct seal_row rows[2][4][SEAL_SOURCES];
    int counts[2][4];
    uint64_t used[2][2][2]; /* packets of RTP and of RTCP that the peer has sent with its key */
};

/* What a side's spec says to the engine; `ports` are RTP (or T.38) and RTCP. */
struct side_spec {
    struct latch_spec ports[2];
    struct address local[2];
    struct realm *realm;
    uint64_t rate;  /* octets a second, if `limited` */
    uint64_t burst; /* octets */
    uint64_t wait;  /* nanoseconds that what is more may wait */
    uint32_t clock; /* Hz of the RTP timestamps that arrive, 0 unknown */
    bool limited;
    bool muxes;     /* it has signalled one address for RTP and RTCP */
    bool told;      /* the peer knows of the shared ports, and is spoken to from there until it is heard elsewhere */
    bool prefixed[2];       /* what is sent to it as RTP, and as RTCP, begins with a number: */
    uint32_t prefixes[2];
    bool marked;            /* what comes is marked, and leaves as this says of each DSCP (MARK_OWN: as the other side has it) */
    uint8_t marks[64];
    uint32_t number;        /* with which what comes to the shared ports for this side begins, if there are any, */
    struct address shared[2]; /* and these */
    uint8_t tos;              /* the octet of the IP header by which its packets are marked, where they go by another's socket */
    bool secured;             /* media is read and written by keys: */
    struct new_seals seals;
    bool own_rtcp;            /* and what comes and goes by the port of RTCP by other keys: */
    struct new_seals seals_rtcp;
};
/* cffi: to here */

union endpoint {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct bundle;
struct gate;
struct side;
struct stream;

/* Whither a packet goes, by which socket, how marked, and what stands before it. */
struct aim {
    union endpoint to;
    uint32_t to_size; /* 0: nowhere */
    uint32_t prefix;  /* the number that the side wants before what it gets, */
    bool prefixed;    /* if it wants one */
    bool marked;      /* by this octet of the IP header, and not by that of the socket */
    uint8_t tos;
    int fd;
};

/* What goes out to one side as RTP, or as RTCP. */
struct outlet {
    struct aim aim;
    struct departures count;
    struct side *side;
};

/* One port of one side. `trusted` is the latched source, once a packet from it has been judged in the present window;
   `shared`: it comes by the port that others share, or is expected there, and is answered from there. */
struct inlet {
    union endpoint trusted;
    union endpoint named; /* the latched source as the socket named it, which holds the scope of a link-local address */
    bool has_trusted;
    bool has_named;
    bool shared;
    bool said;    /* by which of both it comes, as Python was told last; */
    int64_t turn; /* it is not told of another turn before then */
    uint8_t kind;
    bool armed;   /* a receive is under way, */
    bool leaving; /* and is not to be begun again, */
    bool pending; /* it is in the list of those that are to be seen to, */
    struct inlet *again; /* of which this is the next (of io_uring all four) */
    int fd;
    int fd_shared; /* of the port that others share; -1: there is none */
    uint32_t number; /* by which it is known there, */
    struct inlet *chained; /* and the next whose number is kept in the same place */
    struct outlet *onward;
    struct outlet *onward_rtcp;
    struct side *side;
    struct stream *stream;
    struct arrivals count;
    struct latch latch;
};

struct side {
    struct inlet ports[2];
    struct outlet outlets[2];
    struct bucket own;
    struct bucket *lent; /* in the place of that: the kernel's programs draw from it, too; null: none */
    uint64_t wait;      /* nanoseconds that what is over it may wait, */
    int64_t earliest;   /* when the packet leaves that was accepted last, */
    int64_t last;       /* no sooner than the one before it, */
    uint32_t waiting;   /* and how many of its packets the worker holds back */
    struct realm *realm;
    bool secured; /* media is read and written by: */
    struct seals *seals; /* null: no keys */
    bool writes;         /* there is one that what is sent to it is written with, for who reads a stream from elsewhere */
    bool own_rtcp; /* and what comes and goes by the port of RTCP by: */
    struct seals *seals_rtcp;
    uint8_t aimed; /* enum aimed */
    struct bundle *bundle; /* the streams that share its transport; null: it is the side's alone */
    struct side *carrier;  /* whose transport its media goes by; null: its own */
    bool bundled;          /* it is one of a bundle: what has been sent to it is known by */
    uint8_t sending;       /* (where the next is written) */
    uint32_t sent[BUNDLE_SENT];
    uint8_t tos;
    struct meter meter;
    struct meter_reports reports;
    struct address local[2];
    struct address shared[2];
    struct gate *gate;     /* the shared ports; null: it has none */
    struct address remote; /* RTP's, as it was last signalled */
    int64_t window;
    uint32_t clock;
    bool limited;
    bool has_rtcp; /* a port of its own for it */
    bool muxes;    /* has signalled one address for both */
    bool muxed;    /* RTCP has come on the RTP port */
    struct address said_rtcp; /* where RTCP comes from, as Python was told last; */
    int64_t turn;             /* it is told of no other before then */
    bool expects;  /* the peer by the shared ports */
    bool prefixed[2];
    uint32_t prefixes[2];
    bool told;     /* that something was policed */
    bool marked;   /* see side_spec */
    uint8_t marks[64];
};

/* What checks or a handshake have said of RTCP: nothing; it goes with RTP; it does not. */
enum aimed { AIMED_NOT, AIMED_TOGETHER, AIMED_APART };

/* What a realm's packets are taken out of; null where nothing limits them. */
static inline struct bucket *realm_bucket(struct realm *realm)
{
    struct bucket *elsewhere;

    if (!realm || !__atomic_load_n(&realm->limited, __ATOMIC_ACQUIRE))
        return NULL;
    elsewhere = __atomic_load_n(&realm->elsewhere, __ATOMIC_RELAXED);
    return elsewhere ? elsewhere : &realm->bucket;
}

/* Whether RTCP goes with RTP. */
static inline bool side_muxes(const struct side *side)
{
    return side->aimed ? side->aimed == AIMED_TOGETHER : side->muxes || side->muxed;
}

struct worker;

struct stream {
    _Atomic uint32_t sequence; /* odd while a worker is changing what is counted */
    uint16_t unsaid;           /* what Python has not been told */
    bool handed;               /* the packet that was judged last is for Python: a check, or a part of a handshake */
    uint64_t handle;           /* Python's name of it */
    struct worker *worker;
    struct stream *next;       /* of the worker's */
    struct stream *previous;
    struct side sides[2];

    /* The reactor's alone. */
    struct stream *later; /* of the engine's */
    struct stream *earlier;
    uint32_t asked;          /* changes that were put in the worker's ring, */
    _Atomic uint32_t done;   /* and those it has carried out */
};

/* `fds` are side 0's RTP and RTCP, side 1's RTP and RTCP; -1 where there is none; `gates` the shared ports of each side. */
void stream_init(struct stream *stream, bool t38, const int fds[4], struct gate *const gates[2],
                 const struct side_spec specs[2], int64_t now);

/* Take a new spec for one side, and open the learning windows of both again. */
void stream_update(struct stream *stream, int side, const struct side_spec *spec, int64_t now);

/* Point a side's outlets at what is now known. */
void side_aim(struct side *side);

/* Take a packet, from the port that others share less its number if `shared`; the outlet it is to leave by, or null if it
   was dropped (and counted). Behind `data` there is room for METER_HEAD and for SRTP_ROOM octets at least; `size` changes
   where media is read or written by keys. Where the transport is that of several streams `inlet` becomes that of the one that it
   is for. */
struct outlet *inlet_arrive(struct inlet **inlet, uint8_t *data, uint32_t *size, const union endpoint *source, bool shared,
                            int64_t now, uint32_t longest);

/* What of the RTCP that was taken last at `carrier` is for a further stream, whose `inlet` is told; null: there is no more. In
   `data` there is room for as much as came, and behind it as above. */
struct outlet *inlet_more(const struct inlet *carrier, struct inlet **inlet, uint8_t *data, uint32_t *size, int64_t now);

/* Read and write a side's media with other keys from now on; and send it where checks or a handshake have shown that the peer is,
   RTP and RTCP: none, nowhere. */
void stream_key(struct stream *stream, int side, bool rtcp, const struct new_seals *seals, int64_t now);
void stream_aim(struct stream *stream, int side, const struct address to[2], int64_t now);

/* How far the keys of both sides have been used. */
void stream_rows(const struct stream *stream, struct stream_rows *rows);

/* Have Python be told what the keys of a side have come to. */
static inline void side_tell(struct stream *stream, struct side *side, struct seals *seals)
{
    if (!seals)
        return;
    stream->unsaid |= (uint16_t)(seals->unsaid << (side - stream->sides));
    seals->unsaid = 0;
}

/* The keys of what comes and goes by a port. */
static inline struct seals **side_seals_at(struct side *side, bool rtcp_port)
{
    return rtcp_port && side->own_rtcp ? &side->seals_rtcp : &side->seals;
}

/* Read a packet by the keys of the port that it comes to, and write one by those of the side that it leaves by. */
static inline enum sealed inlet_unseal(struct inlet *inlet, bool rtcp, uint8_t *data, uint32_t *size, int64_t now)
{
    struct seals *seals = *side_seals_at(inlet->side, inlet->kind == PORT_RTCP);
    enum sealed sealed = seals_open(seals, rtcp, data, size, now);

    side_tell(inlet->stream, inlet->side, seals);
    return sealed;
}

static inline bool side_seals(struct stream *stream, struct side *side, bool rtcp, uint8_t *data, uint32_t *size)
{
    struct seals *seals = *side_seals_at(side, rtcp && !side_muxes(side));
    bool sealed = seals_close(seals, rtcp, data, size) == SEALED;

    side_tell(stream, side, seals);
    return sealed;
}

/* Let go of what a stream has besides its memory. */
static inline void stream_end(struct stream *stream)
{
    for (int n = 0; n < 2; n++) {
        free(stream->sides[n].bundle);
        seals_free(&stream->sides[n].seals);
        seals_free(&stream->sides[n].seals_rtcp);
    }
}

/* Take what comes from a side out of `bucket`, which is full, fills by its rate, and loses what its own lacks; null: out of its own
   again, which goes on where that one is. */
void stream_lend(struct stream *stream, int side, struct bucket *bucket, int64_t now);

/* The RTP of a side is somebody else's from now on; or it comes here again. */
void stream_away(struct stream *stream, int side, bool away);

/* Note what somebody else has forwarded last of a side's flow. */
void stream_carried(struct stream *stream, int side, bool rtcp, const struct last *last);

/* All that is known of a stream; only where nobody changes it meanwhile, or what changed is thrown away. */
void stream_gather(const struct stream *stream, struct stream_state *state, int64_t now);

#endif
