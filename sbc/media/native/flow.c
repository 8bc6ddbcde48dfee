/* A stream: two sides joined, their ports, and where each packet that arrives goes. The twin of sbc/media/stream.py. */
#include "flow.h"

#include <string.h>

#include "endpoint.h"
#include "gate.h"
#include "packet.h"

#define WAITING 1024 /* packets of one side that may wait, however short they are */
#define TURN 1000000000 /* nanoseconds: that a source comes by the other of its two ports is told no sooner after the last time */

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

/* Point the outlets at what is now known. */
static void side_aim(struct side *side)
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
    if (side->secured && !side->seals.send)
        side->outlets[0].aim.to_size = side->outlets[1].aim.to_size = 0;
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

static void side_police(struct side *side, const struct side_spec *spec, int64_t now)
{
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
    memcpy(side->prefixed, spec->prefixed, sizeof side->prefixed);
    memcpy(side->prefixes, spec->prefixes, sizeof side->prefixes);
    side->marked = spec->marked;
    memcpy(side->marks, spec->marks, sizeof side->marks);
    side_police(side, spec, now);
    side->secured = spec->secured;
    if (side->secured) {
        seals_take(&side->seals, &spec->seals, now);
    } else {
        seals_free(&side->seals);
        side->aimed = AIMED_NOT;
    }
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

/* Tell where media goes now, if that is elsewhere or by the other port. A source may turn at each packet, and is followed: it
   must not make the reactor work at that rate. */
static void inlet_say(struct inlet *inlet, bool moved, int64_t now)
{
    if (!moved && (inlet->shared == inlet->said || now < inlet->turn))
        return;
    if (!moved)
        inlet->turn = now + TURN;
    inlet->said = inlet->shared;
    if (inlet == &inlet->side->ports[0])
        inlet->stream->unsaid |= (uint8_t)(UNSAID_LATCHED << (inlet->side - inlet->stream->sides));
}

/* A packet of the latched source was accepted. */
static void inlet_follow(struct inlet *inlet, const union endpoint *source, bool moved, bool shared, int64_t now)
{
    bool turned = shared != inlet->shared;

    inlet->shared = shared;
    inlet_say(inlet, moved, now);
    inlet->trusted = inlet->named = *source;
    inlet->has_named = true;
    inlet->has_trusted = inlet->said == shared; /* until that is told each packet comes here */
    if (moved || turned)
        side_aim(inlet->side);
}

/* Ask the latch, and carry out what it says. */
static bool inlet_accepts(struct inlet *inlet, enum kind kind, const uint8_t *data, uint32_t size,
                          const union endpoint *source, bool shared, int64_t now)
{
    struct address address = endpoint_address(source);
    struct identity identity = packet_identity(kind, data, size);
    struct verdict verdict = latch_judge(&inlet->latch, &address, now, kind, &identity);

    if (!verdict.accept)
        inlet->count.refused[verdict.reason]++;
    else if (address_same(&address, &inlet->latch.latched)) /* of others nothing is learned */
        inlet_follow(inlet, source, verdict.moved, shared, now);
    return verdict.accept;
}

/* Read a packet by the side's keys. */
static bool inlet_unseals(struct inlet *inlet, bool rtcp, uint8_t *data, uint32_t *size, int64_t now)
{
    enum sealed sealed = side_opens(inlet->stream, inlet->side, rtcp, data, size, now);

    if (sealed != SEALED)
        inlet->count.unsealed[sealed]++;
    return sealed == SEALED;
}

/* Ask the latch, but believe no packet that does not prove its sender. */
static bool inlet_opens(struct inlet *inlet, enum kind kind, uint8_t *data, uint32_t *size, const union endpoint *source,
                        bool shared, int64_t now)
{
    struct address address = endpoint_address(source);
    struct identity identity = packet_identity(kind, data, *size);
    struct verdict verdict = latch_consider(&inlet->latch, &address, now, &identity);

    if (verdict.accept && !seals_may_try(&inlet->side->seals, verdict.reason, now))
        verdict = (struct verdict){REASON_UNPROVEN, false, false};
    if (!verdict.accept) {
        inlet->count.refused[verdict.reason]++;
        return false;
    }
    if (!inlet_unseals(inlet, kind == KIND_RTCP, data, size, now))
        return false;
    latch_learn(&inlet->latch, &address, now, &verdict, &identity);
    inlet_follow(inlet, source, verdict.moved, shared, now);
    return true;
}

/* Pass a check or handshake to who sees to those of a side that is secured by such; all else that is not encrypted ends here. */
static void inlet_end(struct inlet *inlet, const uint8_t *data, const union endpoint *source, int64_t now)
{
    struct seals *seals = &inlet->side->seals;
    struct address address = endpoint_address(source), known = latch_destination(&inlet->latch);

    if (!inlet->side->secured || !seals->hears || !packet_is_handshake(data))
        inlet->count.not_rtp++;
    else if (!latch_permits(&inlet->latch, &address))
        inlet->count.refused[REASON_MAY_NOT_LATCH]++;
    else if (seals_may_hand(seals, inlet->kind == PORT_RTCP, address_same(&address, &known), now))
        inlet->stream->handed = true;
    else
        inlet->count.policed++;
}

/* RTCP was accepted on a port: from now on it goes to the side there, too. Told as seldom as other turns. */
static void side_rtcp_came(struct side *side, struct stream *stream, bool muxed, int64_t now)
{
    if (muxed != side->muxed) {
        side->muxed = muxed;
        side_aim(side);
    }
    if (now < side->turn || address_same(&side->said_rtcp, &side->ports[!muxed].latch.latched))
        return;
    side->said_rtcp = side->ports[!muxed].latch.latched;
    side->turn = now + TURN;
    stream->unsaid |= (uint8_t)(UNSAID_RTCP_LATCHED << (side - stream->sides));
}

/* Take a packet out of both buckets or out of none: when it may leave, 0 if it may not. */
static uint64_t side_book(struct side *side, struct bucket *shared, uint32_t size, uint64_t now)
{
    uint64_t own = now, realm = now;

    if (side->waiting >= WAITING || (side->limited && !bucket_has(&side->own, size, now + side->wait)))
        return 0;
    if (shared)
        realm = bucket_book(shared, size, now, __atomic_load_n(&side->realm->wait, __ATOMIC_RELAXED));
    if (realm && side->limited)
        own = bucket_book(&side->own, size, now, side->wait);
    return realm && own ? (realm > own ? realm : own) : 0;
}

/* Whether a packet is within the rates, or will be in time; one that is not is counted. */
static bool inlet_within(struct inlet *inlet, uint32_t size, int64_t now)
{
    struct side *side = inlet->side;
    struct bucket *shared = realm_bucket(side->realm);
    uint64_t leaves;

    if (!side->limited && !shared)
        return true;
    leaves = side_book(side, shared, size, (uint64_t)now);
    if (leaves) {
        side->earliest = (int64_t)leaves;
        return true;
    }
    inlet->count.policed++;
    if (!side->told) {
        side->told = true;
        inlet->stream->unsaid |= (uint8_t)(UNSAID_POLICED << (side - inlet->stream->sides));
    }
    return false;
}

/* Count what was accepted, of so many octets, and name its way out. */
static struct outlet *inlet_pass(struct inlet *inlet, uint8_t *data, uint32_t *size, uint32_t octets, bool rtcp)
{
    struct outlet *outlet = rtcp ? inlet->onward_rtcp : inlet->onward;
    struct volume *volume = rtcp ? &inlet->count.rtcp : &inlet->count.rtp;

    /* engine_received() may read it now: stored whole, though only this thread writes. */
    __atomic_store_n(&volume->packets, volume->packets + 1, __ATOMIC_RELAXED);
    volume->octets += octets;
    if (!outlet->aim.to_size) {
        outlet->count.no_destination++;
        return NULL;
    }
    if (outlet->side->secured && !side_seals(inlet->stream, outlet->side, rtcp, data, size)) {
        outlet->count.failed++;
        return NULL;
    }
    return outlet;
}

static struct outlet *inlet_examine(struct inlet *inlet, uint8_t *data, uint32_t *size, const union endpoint *source,
                                    bool shared, int64_t now, uint32_t longest)
{
    struct side *side = inlet->side;
    uint32_t octets = *size;
    enum kind kind;

    if (*size > longest) {
        inlet->count.too_long++;
        return NULL;
    }
    kind = inlet->kind == PORT_T38 ? packet_classify_udptl(data, *size) : packet_classify(data, *size);
    if (kind == KIND_TOO_SHORT) {
        inlet->count.too_short++;
        return NULL;
    }
    if (kind == KIND_NOT_RTP || (kind == KIND_RTP && inlet->kind == PORT_RTCP)) {
        inlet->count.not_rtp++;
        return NULL;
    }
    if ((side->secured || inlet->onward->side->secured) && kind != KIND_RTP && kind != KIND_RTCP) {
        inlet_end(inlet, data, source, now);
        return NULL;
    }
    if (side->secured ? !inlet_opens(inlet, kind, data, size, source, shared, now)
                      : !inlet_accepts(inlet, kind, data, *size, source, shared, now))
        return NULL;
    if (kind == KIND_RTCP)
        side_rtcp_came(side, inlet->stream, inlet->kind == PORT_RTP, now);
    if (!inlet_within(inlet, octets, now))
        return NULL;
    if (kind == KIND_RTP)
        meter_packet(&side->meter, data, side->clock, (uint64_t)now);
    else if (kind == KIND_RTCP)
        meter_report(&side->reports, &inlet->onward->side->reports, data, *size, (uint64_t)now);
    return inlet_pass(inlet, data, size, octets, kind == KIND_RTCP || inlet->kind == PORT_RTCP);
}

struct outlet *inlet_arrive(struct inlet *inlet, uint8_t *data, uint32_t *size, const union endpoint *source, bool shared,
                            int64_t now, uint32_t longest)
{
    uint32_t octets = *size;

    /* What nearly every packet of a call is: RTP from the latched source. */
    if (inlet->has_trusted && inlet->shared == shared && inlet->kind == PORT_RTP && *size <= longest && packet_looks_rtp(data, *size) &&
        endpoint_same(source, &inlet->trusted)) {
        if (inlet->side->secured && !inlet_unseals(inlet, false, data, size, now))
            return NULL;
        latch_heard_rtp(&inlet->latch, now, data);
        if (!inlet_within(inlet, octets, now))
            return NULL;
        meter_packet(&inlet->side->meter, data, inlet->side->clock, (uint64_t)now);
        return inlet_pass(inlet, data, size, octets, false);
    }
    return inlet_examine(inlet, data, size, source, shared, now, longest);
}

void stream_key(struct stream *stream, int number, const struct new_seals *seals, int64_t now)
{
    struct side *side = &stream->sides[number];

    seals_take(&side->seals, seals, now);
    side_aim(side);
}

void stream_aim(struct stream *stream, int number, const struct address to[2], int64_t now)
{
    struct side *side = &stream->sides[number];
    struct address before = side->ports[0].latch.latched;

    side->aimed = to[1].family != FAMILY_NONE && !address_same(&to[0], &to[1]) ? AIMED_APART : AIMED_TOGETHER;
    latch_aim(&side->ports[0].latch, &to[0], now);
    if (side->has_rtcp)
        latch_aim(&side->ports[1].latch, side->aimed == AIMED_APART ? &to[1] : &to[0], now);
    side_doubt(side);
    if (side->ports[0].latch.latched.family != FAMILY_NONE && !address_same(&before, &side->ports[0].latch.latched))
        stream->unsaid |= (uint8_t)(UNSAID_LATCHED << number);
}

void stream_carried(struct stream *stream, int number, bool rtcp, const struct last *last)
{
    struct side *side = &stream->sides[number];

    latch_heard(&side->ports[rtcp && side->has_rtcp].latch, last->at, &last->packet);
    if (last->packet.has_sequence)
        meter_carried(&side->meter, last->packet.ssrc, last->packet.sequence);
}
