/* From whom one port's media is taken, and so where its answers go: the twin of sbc/media/latching.py, which says why.
   No sockets, no clock, no allocation: a packet's source and `now` in (nanoseconds of any one clock), a verdict out. */
#ifndef SBC_LATCH_H
#define SBC_LATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "packet.h"

/* cffi: from here, what Python may call */
enum family {
    FAMILY_NONE = 0, /* no address at all */
    FAMILY_NAME = 1, /* a host name, which a message held; `host` has any 16 octets that differ from name to name */
    FAMILY_IPV4 = 4, /* the address in the first 4 octets of `host`, the rest 0 */
    FAMILY_IPV6 = 6
};

/* A host and a port (host byte order). Zeroed, it is none. What is unused is 0, so that addresses compare octet by octet. */
struct address {
    uint8_t host[16];
    uint16_t port;
    uint8_t family;
    uint8_t unused;
};

enum latch_mode { LATCH_STRICT, LATCH_NAT, LATCH_OFF };

/* Why a packet was accepted or not, or why a latch is where it is; latch_reason_word() spells it as Python does. */
enum reason {
    REASON_NONE,
    /* accepted */
    REASON_LATCHED, /* the known source */
    REASON_SIGNALLED,
    REASON_SEEN_HOST,
    REASON_RTP_HOST,
    REASON_NAT,
    REASON_CONTINUES,
    REASON_MOVED,
    REASON_REBOUND,
    REASON_RETURNED,
    REASON_NOMINATED, /* checks or a handshake have shown that the peer is there */
    REASON_KEPT, /* of a latch only: an earlier process knew it */
    /* not accepted */
    REASON_NOT_SIGNALLED,
    REASON_LATCH_OFF,
    REASON_NOT_BEHIND_NAT,
    REASON_NOT_SEEN_HOST,
    REASON_NOT_RTP_HOST,
    REASON_WINDOW_CLOSED,
    REASON_LATCHED_ELSEWHERE,
    REASON_UNPROVEN,
    REASON_MAY_NOT_LATCH,
    REASON_NOT_NOMINATED,
    REASON_NO_STREAM, /* of those that share the transport it is for none */
    REASONS
};

/* What a latch needs of a side's spec. `signalled` is the address this port is for (none: not signalled yet), `seen` the
   host its signalling came from (its port is ignored), `kept` where an earlier process had it latched. */
struct latch_spec {
    struct address signalled;
    struct address seen;
    struct address kept;
    int64_t window; /* nanoseconds */
    uint32_t clock; /* Hz of the RTP timestamps that arrive, 0 unknown */
    enum latch_mode mode;
    bool behind_nat;
    bool secured;
    bool ice;
};

/* What was heard last of a stream: of RTP all, of RTCP alone no sequence and timestamp. `at` is when the RTP came. */
struct last {
    int64_t at;
    struct identity packet;
};

/* Who was latched until its stream was taken up from elsewhere, where it was then, and until when it may return. */
struct left {
    struct address address; /* none: nobody */
    struct last last;
    int64_t since;
    int64_t until;
};

/* Who is on the way to prove a stream, its latest packet, and how many there have been in a row. */
struct claim {
    struct address source;
    struct last last;
    uint8_t packets; /* none: nobody */
};

/* The latch of one port. Read `latched`, `signalled`, `held` and `reason`; the rest is latch.c's. */
struct latch {
    struct address latched;
    struct address signalled;
    struct address seen;
    struct address nominated; /* by checks of ICE, or a handshake */
    const struct latch *rtp; /* of the same side, where this is its RTCP port's; it must not move */
    struct last last;
    struct left left;
    struct claim claim;
    int64_t opened;
    int64_t closes;
    int64_t window;
    int64_t heard;    /* when the latched source spoke last */
    int64_t replaced; /* when another took the place of a latched source, if one ever did */
    uint32_t clock;
    uint8_t mode;   /* enum latch_mode */
    uint8_t reason; /* enum reason: why `latched` is what it is */
    bool was_replaced;
    bool behind_nat;
    bool held;
    bool carried;
    bool spoken;
    bool ice;
    bool paused;
};

/* What becomes of one packet; `moved` where this very packet has latched its source. */
struct verdict {
    enum reason reason;
    bool accept;
    bool moved;
};

/* A new latch. `rtp` is the same side's RTP latch if this is for its RTCP port, else null. */
void latch_init(struct latch *latch, const struct latch_spec *spec, int64_t now, const struct latch *rtp);

/* Take what the peer has signalled anew, and open the learning window. `spec->kept` is not looked at. */
void latch_update(struct latch *latch, const struct latch_spec *spec, int64_t now);

/* Open the learning window from `now` for `window` nanoseconds. */
void latch_reopen(struct latch *latch, int64_t now, int64_t window);

/* Whether the window is open. */
bool latch_learning(const struct latch *latch, int64_t now);

/* Whether the latched source keeps its place as long as it is not silent: nobody can outrank it, now or later. */
bool latch_firm(const struct latch *latch, int64_t now);

/* Note what the latched source sent last, at `at`, if it came through without being judged. */
void latch_heard(struct latch *latch, int64_t at, const struct identity *packet);

/* Judge a packet. */
struct verdict latch_judge(struct latch *latch, const struct address *source, int64_t now, enum kind kind,
                           const struct identity *packet);

/* What becomes of RTP or RTCP if it proves its sender by a key: nothing is learned of it yet. And that it has, and was accepted
   with that verdict. */
struct verdict latch_consider(const struct latch *latch, const struct address *source, int64_t now,
                              const struct identity *packet);
void latch_learn(struct latch *latch, const struct address *source, int64_t now, const struct verdict *verdict,
                 const struct identity *packet);

/* Take an address of which checks or a handshake have shown that the peer is there, if it may come in at all; none: nothing is
   sent until the next. */
void latch_aim(struct latch *latch, const struct address *address, int64_t now);

/* Whether anything from `source` may come in: with ICE, that is for its checks to say. */
bool latch_permits(const struct latch *latch, const struct address *source);

/* Where packets for this port go: none while nothing is known or the peer is on hold. */
struct address latch_destination(const struct latch *latch);

/* Whether nothing may be sent to `to` by the side that has `local` (RTP, RTCP; the second none where there is none). */
bool address_unusable(const struct address *to, const struct address local[2]);

/* Whether two are the same host and port, and the same host. Names are never a source, and two none are not the same host. */
bool address_same(const struct address *one, const struct address *other);
bool address_same_host(const struct address *one, const struct address *other);

const char *latch_reason_word(enum reason reason);
/* cffi: to here */

/* For the fast path: the same as latch_heard() for RTP whose fixed header is in `data` (see packet_looks_rtp). */
static inline void latch_heard_rtp(struct latch *latch, int64_t now, const uint8_t *data)
{
    struct identity *packet = &latch->last.packet;
    packet->sequence = (uint16_t)(data[2] << 8 | data[3]);
    packet->timestamp = (uint32_t)data[4] << 24 | (uint32_t)data[5] << 16 | (uint32_t)data[6] << 8 | data[7];
    packet->ssrc = (uint32_t)data[8] << 24 | (uint32_t)data[9] << 16 | (uint32_t)data[10] << 8 | data[11];
    packet->has_ssrc = packet->has_sequence = true;
    latch->last.at = latch->heard = now;
}

#endif
