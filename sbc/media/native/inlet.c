/* What arrives at one port of one side, judged, and where it leaves by. The twin of sbc/media/inlet.py. */
#include "bundle.h"
#include "endpoint.h"
#include "flow.h"
#include "packet.h"

#define WAITING 1024 /* packets of one side that may wait, however short they are */
#define TURN 1000000000 /* nanoseconds: that a source comes by the other of its two ports is told no sooner after the last time */

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
    enum sealed sealed = inlet_unseal(inlet, rtcp, data, size, now);

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

    if (verdict.accept && !seals_may_try(*side_seals_at(inlet->side, inlet->kind == PORT_RTCP), verdict.reason, now))
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
    struct seals *seals = inlet->side->seals;
    struct address address = endpoint_address(source), known = latch_destination(&inlet->latch);

    if (!inlet->side->secured || !seals || !seals->hears || !packet_is_handshake(data))
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
    struct bucket *bucket = side->lent ? side->lent : &side->own;
    uint64_t own = now, realm = now;

    if (side->waiting >= WAITING || (side->limited && !bucket_has(bucket, size, now + side->wait)))
        return 0;
    if (shared)
        realm = bucket_book(shared, size, now, __atomic_load_n(&side->realm->wait, __ATOMIC_RELAXED));
    if (realm && side->limited)
        own = bucket_book(bucket, size, now, side->wait);
    if (realm && !own && shared) /* the kernel's programs have been quicker */
        __sync_fetch_and_sub(&shared->full_at, bucket_time(BUCKET_READ(shared->step), size));
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
    struct side *by = outlet->side->carrier ? outlet->side->carrier : outlet->side;

    /* engine_received() may read it now: stored whole, though only this thread writes. */
    __atomic_store_n(&volume->packets, volume->packets + 1, __ATOMIC_RELAXED);
    volume->octets += octets;
    if (!outlet->aim.to_size) {
        outlet->count.no_destination++;
        return NULL;
    }
    if (outlet->side->bundled && !rtcp)
        bundle_sent(outlet->side, data);
    if (outlet->side->secured && !side_seals(by->ports[0].stream, by, rtcp, data, size)) {
        outlet->count.failed++;
        return NULL;
    }
    return outlet;
}

/* Take what was accepted, which had so many octets when it came. */
static struct outlet *inlet_take(struct inlet *inlet, enum kind kind, uint8_t *data, uint32_t *size, uint32_t octets, int64_t now)
{
    struct side *side = inlet->side;

    if (!inlet_within(inlet, octets, now))
        return NULL;
    if (kind == KIND_RTP)
        meter_packet(&side->meter, data, side->clock, (uint64_t)now);
    else if (kind == KIND_RTCP)
        meter_report(&side->reports, &inlet->onward->side->reports, data, *size, (uint64_t)now);
    return inlet_pass(inlet, data, size, octets, kind == KIND_RTCP || inlet->kind == PORT_RTCP);
}

struct outlet *inlet_more(const struct inlet *carrier, struct inlet **inlet, uint8_t *data, uint32_t *size, int64_t now)
{
    struct bundle *bundle = carrier->side->bundle;
    struct outlet *outlet = NULL;

    while (!outlet && bundle && bundle->waiting) {
        struct side *side = bundle_part(bundle, data, size);
        *inlet = &side->ports[0];
        outlet = inlet_take(*inlet, KIND_RTCP, data, size, *size + bundle->more, now);
    }
    return outlet;
}

/* Take what was opened for the streams that it is for; the first, where it is for several: see inlet_more(). */
static struct outlet *inlet_divide(struct inlet **inlet, enum kind kind, uint8_t *data, uint32_t *size, uint32_t octets, int64_t now)
{
    struct inlet *carrier = *inlet;
    struct bundle *bundle = carrier->side->bundle;
    struct side *found;

    if (kind == KIND_RTP) {
        found = bundle_find(bundle, data, *size);
        if (found) {
            *inlet = &found->ports[0];
            return inlet_take(*inlet, kind, data, size, octets, now);
        }
    } else if (bundle_divide(bundle, data, *size, octets - *size)) {
        return inlet_more(carrier, inlet, data, size, now);
    }
    carrier->count.refused[REASON_NO_STREAM]++;
    return NULL;
}

static struct outlet *inlet_examine(struct inlet **at, uint8_t *data, uint32_t *size, const union endpoint *source,
                                    bool shared, int64_t now, uint32_t longest)
{
    struct inlet *inlet = *at;
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
    return side->bundle && inlet->kind == PORT_RTP ? inlet_divide(at, kind, data, size, octets, now)
                                                   : inlet_take(inlet, kind, data, size, octets, now);
}

struct outlet *inlet_arrive(struct inlet **at, uint8_t *data, uint32_t *size, const union endpoint *source, bool shared,
                            int64_t now, uint32_t longest)
{
    struct inlet *inlet = *at;
    uint32_t octets = *size;

    /* What nearly every packet of a call is: RTP from the latched source. */
    if (inlet->has_trusted && inlet->shared == shared && inlet->kind == PORT_RTP && *size <= longest && packet_looks_rtp(data, *size) &&
        endpoint_same(source, &inlet->trusted)) {
        if (inlet->side->secured && !inlet_unseals(inlet, false, data, size, now))
            return NULL;
        latch_heard_rtp(&inlet->latch, now, data);
        if (inlet->side->bundle)
            return inlet_divide(at, KIND_RTP, data, size, octets, now);
        if (!inlet_within(inlet, octets, now))
            return NULL;
        meter_packet(&inlet->side->meter, data, inlet->side->clock, (uint64_t)now);
        return inlet_pass(inlet, data, size, octets, false);
    }
    return inlet_examine(at, data, size, source, shared, now, longest);
}
