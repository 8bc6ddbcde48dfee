/* Judges from whom one port's media is taken: the twin of sbc/media/latching.py, rule by rule and in its order. */
#include "latch.h"

#include <string.h>

#define MILLISECOND INT64_C(1000000)
#define SECOND (1000 * MILLISECOND)
#define RELATCH_AFTER SECOND        /* of a reopened window, after which a silent source may be replaced by its equal */
#define SILENCE (150 * MILLISECOND) /* of a latched source, after which another may take its stream up */
#define LEEWAY 1                    /* seconds by which the timestamp of a stream that is taken up may be wrong */
#define STRAGGLING SECOND           /* after which a packet of the source that was left is no late one */
#define PROOF 3                     /* packets in a row by which a source that nothing speaks for shows a stream */
#define NEXT 5                      /* sequence numbers by less than which the packets of a proof are apart */
#define COURTESY (SECOND / 2)       /* of a window, in which such a source leaves the latch to better ones */

enum rank { NOBODY, OTHER, SEEN_HOST, RTP_HOST, SIGNALLED };

struct standing {
    enum rank rank;
    enum reason reason;
};

static bool is_none(const struct address *address)
{
    return address->family == FAMILY_NONE;
}

static bool is_ip(const struct address *address)
{
    return address->family == FAMILY_IPV4 || address->family == FAMILY_IPV6;
}

static bool is_unspecified(const struct address *address)
{
    static const uint8_t zero[16];
    return is_ip(address) && memcmp(address->host, zero, sizeof zero) == 0;
}

bool address_same_host(const struct address *one, const struct address *other)
{
    return !is_none(one) && one->family == other->family && memcmp(one->host, other->host, sizeof one->host) == 0;
}

bool address_same(const struct address *one, const struct address *other)
{
    return address_same_host(one, other) && one->port == other->port;
}

/* How good a source is under the present spec, and why. */
static struct standing standing_of(const struct latch *latch, const struct address *source)
{
    if (latch->ice) {
        bool nominated = address_same(source, &latch->nominated);
        return (struct standing){nominated ? SIGNALLED : NOBODY, nominated ? REASON_NOMINATED : REASON_NOT_NOMINATED};
    }
    if (address_same(source, &latch->signalled))
        return (struct standing){SIGNALLED, REASON_SIGNALLED};
    if (latch->mode == LATCH_OFF)
        return (struct standing){NOBODY, REASON_LATCH_OFF};
    if (!latch->behind_nat)
        return (struct standing){NOBODY, REASON_NOT_BEHIND_NAT};
    bool seen = address_same_host(source, &latch->seen);
    if (latch->mode == LATCH_STRICT && !seen)
        return (struct standing){NOBODY, REASON_NOT_SEEN_HOST};
    bool beside_rtp = latch->rtp != NULL && !is_none(&latch->rtp->latched);
    if (beside_rtp && address_same_host(source, &latch->rtp->latched))
        return (struct standing){RTP_HOST, REASON_RTP_HOST};
    if (seen)
        return (struct standing){SEEN_HOST, REASON_SEEN_HOST};
    if (is_none(&latch->signalled))
        return (struct standing){NOBODY, REASON_NOT_SIGNALLED};
    if (beside_rtp)
        return (struct standing){NOBODY, REASON_NOT_RTP_HOST};
    return (struct standing){OTHER, REASON_NAT};
}

static enum rank rank_of_latched(const struct latch *latch)
{
    return is_none(&latch->latched) ? NOBODY : standing_of(latch, &latch->latched).rank;
}

static void forget(struct latch *latch)
{
    memset(&latch->latched, 0, sizeof latch->latched);
    memset(&latch->last, 0, sizeof latch->last);
    memset(&latch->left, 0, sizeof latch->left);
    latch->reason = REASON_NONE;
}

/* Whether a packet belongs to the stream, as far as can be told. */
static bool follows(const struct last *last, const struct identity *packet)
{
    if (!packet->has_ssrc || !last->packet.has_ssrc || packet->ssrc != last->packet.ssrc)
        return false;
    if (!packet->has_sequence || !last->packet.has_sequence)
        return true;
    return rtp_continues(last->packet.sequence, packet->sequence);
}

/* Whether the timestamp is right for the time gone by. */
static bool is_in_time(const struct last *last, int64_t now, uint32_t timestamp, uint32_t clock)
{
    if (clock == 0)
        return true;
    int64_t gone = now > last->at ? now - last->at : 0;
    uint64_t seconds = (uint64_t)(gone / SECOND), rest = (uint64_t)(gone % SECOND);
    uint64_t ticks = seconds * clock + rest * clock / (uint64_t)SECOND;
    uint32_t error = timestamp - last->packet.timestamp - (uint32_t)ticks;
    if (error > UINT32_MAX / 2)
        error = 0 - error;
    return error <= LEEWAY * (uint64_t)clock;
}

/* Whether a packet takes the stream up where it was: the same SSRC, ahead in sequence, right in time. */
static bool resumes(const struct last *last, int64_t now, const struct identity *packet, uint32_t clock,
                    unsigned farthest)
{
    if (!packet->has_sequence || !last->packet.has_sequence || packet->ssrc != last->packet.ssrc)
        return false;
    uint16_t ahead = (uint16_t)(packet->sequence - last->packet.sequence);
    return ahead > 0 && ahead < farthest && is_in_time(last, now, packet->timestamp, clock);
}

/* Whether the latched source, carried into the window, has not spoken in it for long enough to be given up. */
static bool was_silent(const struct latch *latch, int64_t now)
{
    return !latch->spoken && now - latch->opened >= RELATCH_AFTER;
}

/* Whether a packet goes on with the stream of the latched source, which has fallen silent. */
static bool rebinds(const struct latch *latch, int64_t now, enum rank rank, const struct identity *packet)
{
    if (is_none(&latch->latched) || now - latch->heard < SILENCE)
        return false;
    if (latch->rtp == NULL)
        return resumes(&latch->last, now, packet, latch->clock, RTP_MAX_DROPOUT);
    const struct latch *rtp = latch->rtp;
    if (rank != RTP_HOST || !rtp->was_replaced || rtp->replaced <= latch->heard)
        return false;
    return packet->has_ssrc && rtp->last.packet.has_ssrc && packet->ssrc == rtp->last.packet.ssrc;
}

/* Whether a packet shows that the source the stream was taken from has not gone. */
static bool returns(const struct latch *latch, const struct address *source, int64_t now, const struct identity *packet)
{
    const struct left *left = &latch->left;
    if (!address_same(source, &left->address) || now < left->since + STRAGGLING || now >= left->until)
        return false;
    return resumes(&left->last, now, packet, latch->clock, RTP_MAX_DROPOUT);
}

/* Whether a packet is the last that was wanting to prove its source's stream. */
static bool proves(struct latch *latch, const struct address *source, int64_t now, enum kind kind,
                   const struct identity *packet)
{
    struct claim *claim = &latch->claim;
    unsigned packets = 0;

    if (claim->packets == 0 || now - claim->last.at > SILENCE)
        packets = 1;
    else if (!address_same(source, &claim->source))
        return false;
    else if (kind == KIND_UDPTL || resumes(&claim->last, now, packet, latch->clock, NEXT))
        packets = claim->packets + 1;
    if (kind == KIND_RTCP)
        packets = 0;
    *claim = (struct claim){*source, {now, *packet}, (uint8_t)(packets < PROOF ? packets : PROOF)};
    return packets >= PROOF && now - latch->opened >= COURTESY;
}

static void take(struct latch *latch, const struct address *source, int64_t now, enum reason reason,
                 const struct identity *packet)
{
    struct left left = {0};
    if (!is_none(&latch->latched)) {
        latch->replaced = now;
        latch->was_replaced = true;
        if (reason == REASON_REBOUND && latch->rtp == NULL)
            left = (struct left){latch->latched, latch->last, now, now + latch->window};
    }
    latch->left = left;
    latch->claim = (struct claim){0};
    latch->latched = *source;
    latch->reason = (uint8_t)reason;
    latch->last = (struct last){now, *packet};
    latch->heard = now;
    latch->carried = false;
    latch->spoken = true;
}

void latch_heard(struct latch *latch, int64_t at, const struct identity *packet)
{
    if (at > latch->heard)
        latch->heard = at;
    if (packet->has_sequence) {
        latch->last = (struct last){at, *packet};
    } else if (packet->has_ssrc) {
        latch->last.packet.ssrc = packet->ssrc;
        latch->last.packet.has_ssrc = true;
    }
}

/* Whether a source takes the latch by its rank alone, from one of rank `current`. */
static bool outranked(const struct latch *latch, enum rank rank, enum rank current, bool learning)
{
    if (learning)
        return rank > current;
    bool proved = latch->reason == REASON_CONTINUES || latch->reason == REASON_REBOUND || latch->reason == REASON_RETURNED;
    return current <= OTHER && rank >= (proved ? RTP_HOST : SEEN_HOST);
}

/* Why a source that is not the latched one takes the latch, or why it does not; `accept` says which. */
static struct verdict contend(const struct latch *latch, const struct address *source, int64_t now, struct standing its,
                              const struct identity *packet)
{
    bool learning = latch_learning(latch, now);
    enum rank current = rank_of_latched(latch);
    enum reason reason;

    if (outranked(latch, its.rank, current, learning))
        reason = its.reason;
    else if (learning && latch->carried && follows(&latch->last, packet))
        reason = REASON_CONTINUES;
    else if (learning && latch->carried && its.rank == current && was_silent(latch, now))
        reason = REASON_MOVED;
    else if (rebinds(latch, now, its.rank, packet))
        reason = REASON_REBOUND;
    else if (returns(latch, source, now, packet))
        reason = REASON_RETURNED;
    else
        return (struct verdict){learning ? REASON_LATCHED_ELSEWHERE : REASON_WINDOW_CLOSED, false, false};
    return (struct verdict){reason, true, true};
}

struct verdict latch_judge(struct latch *latch, const struct address *source, int64_t now, enum kind kind,
                           const struct identity *packet)
{
    if (address_same(source, &latch->latched)) {
        latch->spoken = true;
        latch_heard(latch, now, packet);
        return (struct verdict){REASON_LATCHED, true, false};
    }
    struct standing its = standing_of(latch, source);
    if (its.rank == NOBODY)
        return (struct verdict){its.reason, false, false};
    if (kind == KIND_OPAQUE) { /* nothing in it proves a sender: good only from where packets are expected anyway */
        bool expected = its.rank == SIGNALLED && is_none(&latch->latched);
        return (struct verdict){expected ? its.reason : REASON_MAY_NOT_LATCH, expected, false};
    }
    struct verdict verdict = contend(latch, source, now, its, packet);
    bool unproven = its.rank == OTHER && (verdict.reason == REASON_NAT || verdict.reason == REASON_MOVED);
    if (unproven && !proves(latch, source, now, kind, packet))
        return (struct verdict){REASON_UNPROVEN, false, false};
    if (verdict.accept)
        take(latch, source, now, verdict.reason, packet);
    return verdict;
}

struct verdict latch_consider(const struct latch *latch, const struct address *source, int64_t now,
                              const struct identity *packet)
{
    if (address_same(source, &latch->latched))
        return (struct verdict){REASON_LATCHED, true, false};
    struct standing its = standing_of(latch, source);
    if (its.rank == NOBODY)
        return (struct verdict){its.reason, false, false};
    return contend(latch, source, now, its, packet);
}

void latch_learn(struct latch *latch, const struct address *source, int64_t now, const struct verdict *verdict,
                 const struct identity *packet)
{
    if (verdict->moved) {
        take(latch, source, now, verdict->reason, packet);
        return;
    }
    latch->spoken = true;
    latch_heard(latch, now, packet);
}

void latch_aim(struct latch *latch, const struct address *address, int64_t now)
{
    static const struct identity unheard;

    latch->nominated = *address;
    latch->paused = is_none(address);
    if (is_none(address) || address_same(address, &latch->latched) || standing_of(latch, address).rank == NOBODY)
        return;
    take(latch, address, now, REASON_NOMINATED, &unheard);
    latch->last.at = 0;
}

bool latch_permits(const struct latch *latch, const struct address *source)
{
    return latch->ice || standing_of(latch, source).rank > NOBODY;
}

void latch_reopen(struct latch *latch, int64_t now, int64_t window)
{
    latch->opened = now;
    latch->closes = now + window;
    latch->window = window;
    latch->carried = !is_none(&latch->latched);
    latch->spoken = false;
}

void latch_update(struct latch *latch, const struct latch_spec *spec, int64_t now)
{
    const struct address *said = &spec->signalled;
    latch->mode = (uint8_t)spec->mode;
    latch->behind_nat = spec->behind_nat;
    latch->clock = spec->clock;
    latch->seen = spec->seen;
    latch->ice = spec->ice;
    if (!spec->secured) {
        memset(&latch->nominated, 0, sizeof latch->nominated);
        latch->paused = false;
    }
    /* With ICE what is signalled is but a candidate, and often none. */
    latch->held = !is_none(said) && (said->port == 0 || (!spec->ice && is_unspecified(said)));
    if (!latch->held) {
        bool changed = !is_none(&latch->signalled) && !address_same(&latch->signalled, said);
        latch->signalled = *said;
        if (changed && !spec->ice)
            forget(latch);
    }
    if (!is_none(&latch->latched) && rank_of_latched(latch) == NOBODY)
        forget(latch);
    latch_reopen(latch, now, spec->window);
}

void latch_init(struct latch *latch, const struct latch_spec *spec, int64_t now, const struct latch *rtp)
{
    memset(latch, 0, sizeof *latch);
    latch->rtp = rtp;
    latch->heard = now;
    latch_update(latch, spec, now);
    if (!is_none(&spec->kept) && standing_of(latch, &spec->kept).rank > NOBODY) {
        latch->latched = spec->kept;
        latch->reason = REASON_KEPT;
        latch_reopen(latch, now, spec->window);
    }
}

bool latch_learning(const struct latch *latch, int64_t now)
{
    return now < latch->closes;
}

bool latch_firm(const struct latch *latch, int64_t now)
{
    if (is_none(&latch->latched) || (!is_none(&latch->left.address) && now < latch->left.until))
        return false;
    enum rank rank = rank_of_latched(latch);
    return rank == SIGNALLED || (rank > OTHER && !latch_learning(latch, now));
}

struct address latch_destination(const struct latch *latch)
{
    if (latch->held || latch->paused)
        return (struct address){0};
    return is_none(&latch->latched) && !latch->ice ? latch->signalled : latch->latched;
}

/* No name is looked up, no group or broadcast address floods a network, no socket has to speak the other IP version, and a
   stream does not feed itself. */
bool address_unusable(const struct address *to, const struct address local[2])
{
    static const uint8_t broadcast[4] = {255, 255, 255, 255};
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* an IPv4 address, which is on no wire as this */
    if (!is_ip(to) || to->family != local[0].family || to->port == 0 || is_unspecified(to))
        return true;
    if (to->family == FAMILY_IPV4 && (to->host[0] >> 4 == 14 || memcmp(to->host, broadcast, 4) == 0))
        return true;
    if (to->family == FAMILY_IPV6 && (to->host[0] == 0xff || memcmp(to->host, mapped, sizeof mapped) == 0))
        return true;
    return address_same(to, &local[0]) || address_same(to, &local[1]);
}
