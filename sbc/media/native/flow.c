/* A stream: two sides joined, and what is changed of them. The twin of sbc/media/stream.py and side.py. */
#include "flow.h"

#include <string.h>

#include "bundle.h"
#include "endpoint.h"
#include "gate.h"

/* Point an outlet where its side wants what this port is for: nowhere if that is not known or not to be sent to. */
static void outlet_aim(struct outlet *outlet, const struct inlet *inlet)
{
    struct address to = latch_destination(&inlet->latch);
    const struct side *side = inlet->side;

    outlet->aim.fd = inlet->shared && inlet->fd_shared >= 0 ? inlet->fd_shared : inlet->fd;
    outlet->aim.to_size = 0;
    if (to.family == FAMILY_NONE || address_unusable(&to, side->local) || (side->gate && address_unusable(&to, side->shared)))
        return;
    outlet->aim.to_size = endpoint_from(&outlet->aim.to, &to);
    if (inlet->has_named) {
        struct address named = endpoint_address(&inlet->named);
        if (address_same(&named, &to))
            outlet->aim.to = inlet->named;
    }
}

/* Point the outlets at what is now known of a side's own transport. */
static void side_aim_alone(struct side *side)
{
    for (int n = 0; n < 2; n++) {
        side->outlets[n].aim.prefixed = side->prefixed[n];
        side->outlets[n].aim.prefix = side->prefixes[n];
    }
    outlet_aim(&side->outlets[0], &side->ports[0]);
    if (side_muxes(side)) {
        side->outlets[1].aim = side->outlets[0].aim;
    } else if (side->has_rtcp) {
        outlet_aim(&side->outlets[1], &side->ports[1]);
    } else {
        side->outlets[1].aim.to_size = 0;
    }
    for (int n = 0; side->secured && n < 2; n++)
        if (!seals_write(*side_seals_at(side, n && !side_muxes(side))))
            side->outlets[n].aim.to_size = 0;
}

void side_aim(struct side *side)
{
    if (side->carrier) {
        bundle_aim(side);
        return;
    }
    side_aim_alone(side);
    for (int n = 0; side->bundle && n < side->bundle->count; n++)
        if (side->bundle->members[n].side != side)
            bundle_aim(side->bundle->members[n].side);
}

/* Who has not been heard yet is spoken to from where it was told that we are. */
static void side_expect(struct side *side)
{
    for (int n = 0; n < 2; n++)
        if (side->ports[n].latch.latched.family == FAMILY_NONE)
            side->ports[n].shared = side->expects;
}

/* Send each port's next packet to its latch, which must learn in a new window who still speaks. */
static void side_doubt(struct side *side)
{
    side_expect(side);
    side->ports[0].has_trusted = side->ports[1].has_trusted = false;
    side->told = false;
    side_aim(side);
}

/* Take what comes out of the side's own bucket again, which goes on where the one is that was lent. */
static void side_reclaim(struct side *side)
{
    if (side->lent)
        side->own.full_at = BUCKET_READ(side->lent->full_at);
    side->lent = NULL;
}

static void side_police(struct side *side, const struct side_spec *spec, int64_t now)
{
    side_reclaim(side);
    if (spec->limited)
        bucket_change(&side->own, spec->rate, spec->burst, (uint64_t)now);
    else
        memset(&side->own, 0, sizeof side->own);
    side->limited = spec->limited;
    side->wait = spec->wait;
}

/* Take what a side's spec says but for its latches and sockets. */
static void side_take(struct side *side, const struct side_spec *spec, int64_t now)
{
    side->remote = spec->ports[0].signalled;
    side->window = spec->ports[0].window;
    side->realm = spec->realm;
    side->clock = spec->clock;
    side->muxes = spec->muxes;
    side->expects = spec->told;
    side->tos = spec->tos;
    memcpy(side->prefixed, spec->prefixed, sizeof side->prefixed);
    memcpy(side->prefixes, spec->prefixes, sizeof side->prefixes);
    side->marked = spec->marked;
    memcpy(side->marks, spec->marks, sizeof side->marks);
    side_police(side, spec, now);
    side->secured = spec->secured;
    if (side->secured)
        seals_take(&side->seals, &spec->seals, now);
    else
        seals_free(&side->seals);
    side->writes = seals_write(side->seals);
    if (spec->own_rtcp)
        seals_take(&side->seals_rtcp, &spec->seals_rtcp, now);
    else
        seals_free(&side->seals_rtcp);
    if (!side->secured || side->own_rtcp > spec->own_rtcp)
        side->aimed = AIMED_NOT;
    else if (spec->own_rtcp && side->aimed)
        side->aimed = AIMED_APART;
    side->own_rtcp = spec->own_rtcp;
}

static void side_init(struct side *side, struct stream *stream, bool t38, const int *fds, struct gate *gate,
                      const struct side_spec *spec, int64_t now)
{
    for (int n = 0; n < 2; n++) {
        struct inlet *port = &side->ports[n];
        port->fd = fds[n];
        port->fd_shared = gate ? gate->stream.sides[0].ports[n].fd : -1;
        port->number = spec->number;
        port->kind = t38 ? PORT_T38 : n ? PORT_RTCP : PORT_RTP;
        port->side = side;
        port->stream = stream;
        port->shared = port->said = spec->told; /* who is remembered, too: it was told */
        latch_init(&port->latch, &spec->ports[n], now, n ? &side->ports[0].latch : NULL);
        side->outlets[n].side = side;
        side->outlets[n].aim.fd = fds[0];
    }
    side->has_rtcp = fds[1] >= 0;
    side->said_rtcp = spec->ports[1].kept;
    side->muxed = address_same(&spec->ports[0].kept, &spec->ports[1].kept);
    side->gate = gate;
    memcpy(side->local, spec->local, sizeof side->local);
    memcpy(side->shared, spec->shared, sizeof side->shared);
    side_take(side, spec, now);
    side_aim(side);
}

void stream_init(struct stream *stream, bool t38, const int fds[4], struct gate *const gates[2],
                 const struct side_spec specs[2], int64_t now)
{
    for (int n = 0; n < 2; n++)
        side_init(&stream->sides[n], stream, t38, fds + 2 * n, gates[n], &specs[n], now);
    for (int n = 0; n < 2; n++)
        for (int port = 0; port < 2; port++) {
            stream->sides[n].ports[port].onward = &stream->sides[1 - n].outlets[0];
            stream->sides[n].ports[port].onward_rtcp = &stream->sides[1 - n].outlets[1];
        }
}

void stream_update(struct stream *stream, int number, const struct side_spec *spec, int64_t now)
{
    struct side *side = &stream->sides[number], *other = &stream->sides[1 - number];

    if (!address_same(&spec->ports[0].signalled, &side->remote))
        side->muxed = false;
    side_take(side, spec, now);
    latch_update(&side->ports[0].latch, &spec->ports[0], now);
    if (side->has_rtcp)
        latch_update(&side->ports[1].latch, &spec->ports[1], now);
    side_doubt(side);
    latch_reopen(&other->ports[0].latch, now, other->window);
    if (other->has_rtcp)
        latch_reopen(&other->ports[1].latch, now, other->window);
    side_doubt(other);
}

void stream_key(struct stream *stream, int number, bool rtcp, const struct new_seals *seals, int64_t now)
{
    struct side *side = &stream->sides[number];

    seals_take(side_seals_at(side, rtcp), seals, now);
    side->writes = seals_write(side->seals);
    side_aim(side);
}

void stream_aim(struct stream *stream, int number, const struct address to[2], int64_t now)
{
    struct side *side = &stream->sides[number];
    struct address before = side->ports[0].latch.latched;

    side->aimed = side->own_rtcp || (to[1].family != FAMILY_NONE && !address_same(&to[0], &to[1])) ? AIMED_APART : AIMED_TOGETHER;
    latch_aim(&side->ports[0].latch, &to[0], now);
    if (side->has_rtcp)
        latch_aim(&side->ports[1].latch, side->aimed == AIMED_APART ? &to[1] : &to[0], now);
    side_doubt(side);
    if (side->ports[0].latch.latched.family != FAMILY_NONE && !address_same(&before, &side->ports[0].latch.latched))
        stream->unsaid |= (uint8_t)(UNSAID_LATCHED << number);
}

void stream_lend(struct stream *stream, int number, struct bucket *bucket, int64_t now)
{
    struct side *side = &stream->sides[number];

    if (!side->limited)
        return;
    side_reclaim(side);
    side->lent = bucket;
    if (bucket && side->own.full_at > (uint64_t)now) /* others may have drawn from it already: then they owe it that */
        __sync_fetch_and_add(&bucket->full_at, side->own.full_at - (uint64_t)now);
}

void stream_away(struct stream *stream, int number, bool away)
{
    struct meter *meter = &stream->sides[number].meter;

    if (away)
        meter_pause(meter);
    else
        meter_resume(meter);
}

void stream_carried(struct stream *stream, int number, bool rtcp, const struct last *last)
{
    struct side *side = &stream->sides[number];

    latch_heard(&side->ports[rtcp && side->has_rtcp].latch, last->at, &last->packet);
    if (last->packet.has_sequence)
        meter_carried(&side->meter, last->packet.ssrc, last->packet.sequence);
}
