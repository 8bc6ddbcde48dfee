/* How far one key has been used, in one direction, for each SSRC. */
#ifndef SBC_SOURCES_H
#define SBC_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "srtp.h"

struct source {
    int64_t index; /* the furthest of RTP and of RTCP, -1: none */
    int64_t index_rtcp;
    int64_t floor; /* what another process has taken, or sent, is not taken again */
    int64_t floor_rtcp;
    uint32_t ssrc;
    bool resumes; /* libsrtp is to be told the roll-overs until a packet has passed */
};

struct sources {
    struct source *all;
    int count;
    int room;
    int recent; /* that of the packet before */
    bool grew;  /* one has been entered */
};

/* The place of an SSRC, null where it is new; and a place for a new one, null where there is none to be had. A place is good until
   the next is entered. */
struct source *sources_find(struct sources *sources, uint32_t ssrc);
struct source *sources_enter(struct sources *sources, const struct source *source);
void sources_free(struct sources *sources);

static inline bool sources_full(const struct sources *sources)
{
    return sources->count >= SEAL_SOURCES;
}

static inline int64_t source_furthest(const struct source *source, bool rtcp)
{
    return !source ? -1 : rtcp ? source->index_rtcp : source->index;
}

void source_note(struct source *source, bool rtcp, int64_t index);

/* The index that a packet most likely has, behind one whose index was furthest (RFC 3711 appendix A). */
int64_t source_follow(int64_t furthest, uint16_t sequence);

#endif
