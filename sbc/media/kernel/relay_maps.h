/* What the kernel's program and user space share: the whole contract between the two planes.
 *
 * A *flow* is one port of ours and what comes to it from one latched source: RTP, or RTCP. The map `flows` says in which
 * *slot* a flow stands; all about it is in the array `slots`, which user space has in its own memory, too. So it reads
 * counters without asking the kernel, and a slot that is no longer used is never another's while a program may still
 * look at it (user space lets it rest). How much may pass is a slot's `bucket`, and a realm's in `buckets`
 * (../native/bucket.h).
 *
 * `near` says the same as `flows`, as far as it says anything: flows find their place in it by their ports, so that those of
 * neighbouring ports stand side by side, where the entries of `flows` lie each in cache lines of its own. Two flows may have one
 * place: then the later one is found there, and the other in `flows`.
 *
 * All of it is only as long as somebody answers for it: `lease`.
 *
 * Beside all that, who is banned is kept from the ports that we signal at: `bans`, `doors` (relay_barrier.h). Flows come
 * first, and are asked after by nobody here: what is forwarded of a live call stays as it is. Bans end with the lease, too.
 *
 * A slot's life, as user space has it:
 *   1. its first part is written, `gate` last (0);
 *   2. the flow is entered in `flows`: from here on the kernel forwards;
 *   3. RELAY_SHUT is set in `gate`, the flow is taken out of `flows`, and when the rest of `gate` is 0 no program is in it
 *      any more: what its counters say then is final, to the packet;
 *   4. it rests a while, then serves another.
 */
#ifndef SBC_RELAY_MAPS_H
#define SBC_RELAY_MAPS_H

#include <linux/types.h>

#include "../native/bucket.h"
#include "../native/meter.h"

/* cffi: from here, what Python may see */
#define RELAY_LAYOUT 12 /* of all this, and of what the loader can do: another process's maps, or a loader, of another number are of no use */

struct relay_address { /* and the key of `flows`: one of ours */
    __u8 host[16];     /* as in the packet; of IPv4 the first 4, the rest 0 */
    __u16 port;        /* as in the packet */
    __u8 family;       /* 4 or 6 */
    __u8 protocol;     /* of a door, as in the IP header; else 0 */
};

/* In the order of what a packet touches: of its seven cache lines RTP of IPv4 needs the first three, of IPv6 one or two more. */
struct relay_slot {
    /* what it comes to, where it is taken from, what it is sent from, and to: of IPv4 the hosts, of either family the ports,
     * as in a packet. Written by user space before the flow is entered, and constant after, as most of this line */
    __u32 hosts[4];
    __u16 ports[4];
    __u8 family;   /* 4 or 6 */
    __u8 takes;    /* RELAY_RTP, RELAY_RTCP: what is forwarded; the other goes up the stack */
    __u8 tos;      /* DSCP << 2 that it is sent with; the ECN bits are 0, as those of a socket */
    __u8 marks;    /* which of the tables in `marks` says how it leaves that comes marked so; 0: all as `tos` says */
    __u8 priority; /* of the frame, where it is sent by TC; RELAY_UNSET: as it comes */
    __u8 layout;   /* RELAY_LAYOUT */
    __u16 longest; /* octets of UDP payload; what is longer goes up the stack */
    __u32 own;     /* the slot whose `bucket` is the side's, 0: none */
    __u16 realm;   /* the realm's place in `buckets`, 0: none; this may change */
    /* the last RTP packet of the latched source, whatever became of it */
    __u16 sequence;
    __u32 ssrc;
    __u32 timestamp;
    __u32 gate;      /* who is in, and whether it is shut */
    __u32 clock;     /* Hz of the RTP timestamps, 0: not known */
    __u16 hop_size;  /* see `hop` */
    __u16 heard;     /* RELAY_HEARD_RTP: there was RTP; RELAY_HEARD_RTCP: there was RTCP, after it */
    __u32 confirmed; /* when the neighbour it goes to was last used by way of the stack; in RELAY_LONG */

    __u64 seen; /* when that RTP packet came, or else when the flow was entered; nanoseconds of CLOCK_MONOTONIC */
    /* what came from the latched source and was forwarded */
    __u64 packets;
    __u64 octets; /* of UDP payload */
    /* of IPv4: the interface by which TC sends it and the next host, as one word; until when that is believed, in
     * nanoseconds; and (`hop_size`) the octets of payload for which it was found */
    __u64 hop;
    __u64 hop_until;
    struct bucket bucket; /* what the side may send, where `own` is this slot */

    /* how well it arrives: RTP's slot has this, RTCP's (or RTP's, where it comes there) `reports` */
    struct meter meter;

    __u8 wide[4][16]; /* of IPv6: the hosts */
    struct meter_reports reports;
    __u64 seen_else; /* when its last packet came that was no RTP */
    __u32 other;     /* the slot whose `reports` are of the other side, 0: none */
    __u32 index;     /* of this slot: its bit in `news` */
    __u32 rtcp_ssrc; /* of the last RTCP packet's sender */
    /* what was forwarded of RTCP, and what was not of anything */
    __u32 rtcp_packets;
    __u64 rtcp_octets;
    __u64 policed;
    __u64 wrong_source; /* from somebody else, dropped */
    /* what was left to the stack; these, and `policed`, are also told by the slot's bit in `news` */
    __u32 strangers; /* from somebody else, while the latched source was silent */
    __u32 others;    /* from the latched source, but nothing for us to forward, or too long for the route */
    __u32 unrouted;  /* no route */
    __u32 spare;
    /* what user space has last recorded of the counters, for the next process */
    __u64 told[6];
    /* and what of them was paid for: packets and one (0: nobody pays for it), and octets */
    __u64 booked[2];
};

/* How well a slot's flow had come when that was recorded last: sums of struct meter and struct meter_reports. Of user space alone,
 * for the next process, as `told` is. */
struct relay_arrival {
    __u64 received, jitter_sum, rtt_sum;
    __u32 samples, lost, gaps, duplicates, late, rtt_count;
};

/* What becomes of each DSCP. A table is never changed while a slot names it. */
struct relay_marks {
    __u8 leaves[64];
};

/* A cache line of `near`: the slots of flows whose places stand side by side, 0: none. */
struct relay_near {
    __u32 slots[16];
};

/* One for all flows: without anybody who renews it nothing is forwarded. */
struct relay_lease {
    __u64 until;  /* the programs forward up to then; nanoseconds of CLOCK_MONOTONIC */
    __u64 passed; /* packets of flows that were left to the stack since */
    __u32 routes; /* what was set in the system so that programs find routes: see sbc/media/kernel/lookups.py */
    __u32 near; /* the places there are in `near`, less one: all bits of a place are set */
    __u64 anew; /* up to then packets may have passed by the programs: what a slot has not heard is not lost; nanoseconds as above */
};

/* Whom we do not hear: a source, port 0 for all of its ports, at the signalling ports of one realm. */
struct relay_banned {
    struct relay_address source;
    __u32 realm; /* by a number that user space gives it, as `doors` has it */
};

struct relay_ban {
    __u64 until;   /* nanoseconds of CLOCK_MONOTONIC */
    __u64 dropped; /* packets */
};

/* One for all of these. */
struct relay_barrier {
    __u32 bans; /* how many are entered; 0: nobody looks further */
    __u32 spare;
    __u64 dropped;
};
/* cffi: to here */

#define RELAY_BANS 131072 /* there can be, */
#define RELAY_DOORS 65536 /* of so many ports */
#define RELAY_HOPS 256   /* hosts next on the way that are known at once; a power of two */
#define RELAY_OUTLETS 65536 /* interfaces there can be that it is sent by */
#define RELAY_REALMS 4096 /* there can be that have a bucket */
#define RELAY_SHUT 0x80000000u
#define RELAY_TABLES 256 /* of 64 DSCPs each, in `marks` */
#define RELAY_OWN 255    /* in one of these: as `tos` says */
#define RELAY_UNSET 255
#define RELAY_FRAMES 1 /* in `outlets`: it takes frames from XDP, which sends itself there and nowhere else */
#define RELAY_PEER 2   /* and: it is a veth whose other end, in another namespace, may have packets from TC at once */
#define RELAY_RTP 1
#define RELAY_RTCP 2
#define RELAY_HEARD_RTP 1
#define RELAY_HEARD_RTCP 2

#define RELAY_SILENCE 150000000ull  /* ns after which the latched source counts as silent (sbc/media/latching.py) */
#define RELAY_ROUTE 100000000ull    /* ns for which a route is believed */
#define RELAY_CONFIRM 5000000000ull /* ns after which a neighbour is asked for again, by way of the stack */
#define RELAY_LONG 30 /* bits by which nanoseconds are shifted where about seconds will do */

/* The place of a flow in `near`: its port, counted from where the host has its first. `host` is as in a packet (of IPv4 the
 * rest is 0), `port` as it is read; `most` the last place. */
static inline __attribute__((always_inline)) __u32 relay_place(const __u32 *host, __u16 port, __u32 most)
{
    return (port + ((host[0] ^ host[1] ^ host[2] ^ host[3]) * 2654435761u >> 8)) & most;
}

_Static_assert(sizeof(struct relay_address) == 20, "a key has no holes");
_Static_assert(sizeof(struct relay_slot) == 448, "a slot is seven cache lines: an odd number, so that caches have room for all");
_Static_assert(__builtin_offsetof(struct relay_slot, seen) == 64, "");
_Static_assert(__builtin_offsetof(struct relay_slot, meter) == 128, "");
_Static_assert(__builtin_offsetof(struct relay_slot, wide) == 192, "what each RTP packet of IPv4 needs is in three of them");
_Static_assert(sizeof(struct relay_arrival) == 48, "an entry of the map has no holes");
_Static_assert(sizeof(struct relay_lease) == 32, "");
_Static_assert(sizeof(struct relay_ban) == 16 && sizeof(struct relay_banned) == 24 && sizeof(struct relay_barrier) == 16, "");

#endif
