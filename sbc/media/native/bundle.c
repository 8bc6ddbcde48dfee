/* Several streams by one transport: what is for which. */
#include "bundle.h"

#include <string.h>

#include "packet.h"

#define SENDER_REPORT 200
#define RECEIVER_REPORT 201
#define NAMES 202
#define FEEDBACK 205      /* of transport, and of payload */
#define FEEDBACK_LAST 206
#define BLOCK 24          /* octets of a report block (RFC 3550 section 6.4.1) */
#define SAID_OF_ITSELF 20 /* octets that a sender says of itself before the blocks */
#define PACKETS 64        /* of one compound that are looked at */
#define ONE_BYTE 0xBEDE   /* what a header extension begins with (RFC 8285 section 4) */
#define TWO_BYTES 0x1000

/* The compound that is divided: its packets, and for whom each is. */
static _Thread_local struct {
    uint8_t data[65536];
    uint32_t size;
    int count;
    struct {
        uint32_t at;
        uint32_t size;
        unsigned wanted;
    } packets[PACKETS];
} whole;

static uint32_t word(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static struct side *bundle_whose(const struct bundle *bundle, uint32_t ssrc)
{
    for (int n = 0; n < bundle->knows; n++)
        if (bundle->known[n].ssrc == ssrc)
            return bundle->known[n].side;
    return NULL;
}

static void bundle_learn(struct bundle *bundle, uint32_t ssrc, struct side *side)
{
    int at = 0;

    while (at < bundle->knows && bundle->known[at].ssrc != ssrc)
        at++;
    if (at == bundle->knows && at < BUNDLE_KNOWN) {
        bundle->knows++;
    } else if (at == bundle->knows) {
        at = bundle->oldest;
        bundle->oldest = (bundle->oldest + 1) % BUNDLE_KNOWN;
    }
    bundle->known[at] = (struct bundle_known){ssrc, side};
}

void bundle_aim(struct side *side)
{
    for (int n = 0; n < 2; n++) {
        side->outlets[n].aim = side->carrier->outlets[0].aim;
        side->outlets[n].aim.marked = true;
        side->outlets[n].aim.tos = side->tos;
    }
}

void bundle_ride(struct side *side, struct side *carrier, const struct bundled_spec *spec)
{
    struct bundle *bundle;

    bundle_walk(side);
    bundle = carrier->bundle ? carrier->bundle : calloc(1, sizeof *bundle);
    if (!bundle || bundle->count == BUNDLE_MEMBERS)
        return;
    carrier->bundle = bundle;
    bundle->members[bundle->count++] = (struct bundle_member){side, *spec};
    for (int n = 0; n < spec->said; n++)
        bundle_learn(bundle, spec->sources[n], side);
    side->bundled = true;
    side->carrier = carrier == side ? NULL : carrier;
    side_aim(side);
}

void bundle_walk(struct side *side)
{
    struct side *carrier = side->carrier ? side->carrier : side;
    struct bundle *bundle = carrier->bundle;
    int left = 0;

    if (!side->bundled)
        return;
    for (int n = 0; n < bundle->count; n++)
        if (bundle->members[n].side != side)
            bundle->members[left++] = bundle->members[n];
    bundle->count = left;
    left = 0;
    for (int n = 0; n < bundle->knows; n++)
        if (bundle->known[n].side != side)
            bundle->known[left++] = bundle->known[n];
    bundle->knows = left;
    bundle->oldest = 0;
    bundle->waiting = 0;
    if (!bundle->count) {
        free(bundle);
        carrier->bundle = NULL;
    }
    memset(side->sent, 0, sizeof side->sent);
    side->carrier = NULL;
    side->bundled = false;
    side->outlets[0].aim.marked = side->outlets[1].aim.marked = false;
    side_aim(side);
}

void bundle_sent(struct side *side, const uint8_t *data)
{
    uint32_t ssrc = word(data + 8);

    for (int n = 0; n < BUNDLE_SENT; n++)
        if (side->sent[n] == ssrc)
            return;
    side->sent[side->sending] = ssrc;
    side->sending = (side->sending + 1) % BUNDLE_SENT;
}

/* -- RTP */

/* Whether that header extension is the one that names streams. */
static bool bundle_names_by(const struct bundle *bundle, uint8_t number)
{
    for (int n = 0; n < bundle->count; n++)
        if (bundle->members[n].spec.extension == number && number)
            return true;
    return false;
}

static struct side *bundle_called(const struct bundle *bundle, const uint8_t *mid, uint32_t size)
{
    for (int n = 0; n < bundle->count; n++) {
        const struct bundled_spec *spec = &bundle->members[n].spec;
        if (spec->mid_size == size && !memcmp(spec->mid, mid, size))
            return bundle->members[n].side;
    }
    return NULL;
}

/* Whether a header extension names a stream, and which; the name is padding then. */
static bool bundle_named(const struct bundle *bundle, uint8_t *data, uint32_t size, struct side **found)
{
    uint32_t at = 12 + 4 * (data[0] & 15U), end, profile;
    bool wide;

    if (!(data[0] & 16) || at + 4 > size)
        return false;
    profile = (uint32_t)data[at] << 8 | data[at + 1];
    end = at + 4 + 4 * ((uint32_t)data[at + 2] << 8 | data[at + 3]);
    wide = (profile & 0xFFF0) == TWO_BYTES;
    if (end > size || (!wide && profile != ONE_BYTE))
        return false;
    for (at += 4; at < end;) {
        uint32_t head = wide ? 2 : 1, long_as;
        uint8_t number;
        if (!data[at]) {
            at++;
            continue;
        }
        if (at + head > end)
            return false;
        number = wide ? data[at] : data[at] >> 4;
        long_as = wide ? data[at + 1] : (data[at] & 15U) + 1;
        if ((!wide && number == 15) || at + head + long_as > end)
            return false;
        if (bundle_names_by(bundle, number)) {
            *found = bundle_called(bundle, data + at + head, long_as);
            memset(data + at, 0, head + long_as);
            return true;
        }
        at += head + long_as;
    }
    return false;
}

struct side *bundle_find(struct bundle *bundle, uint8_t *data, uint32_t size)
{
    uint32_t ssrc = word(data + 8);
    struct side *known = bundle_whose(bundle, ssrc), *found = NULL;
    uint8_t type = data[1] & 127;

    if (!bundle_named(bundle, data, size, &found)) {
        found = known;
        for (int n = 0; !found && n < bundle->count; n++)
            if (bundle->members[n].spec.types[type / 64] >> type % 64 & 1)
                found = bundle->members[n].side;
    }
    if (found && found != known)
        bundle_learn(bundle, ssrc, found);
    return found;
}

/* -- RTCP */

/* Octets before the blocks of a report; 0: it is none. */
static uint32_t blocks_at(uint8_t type)
{
    return type == SENDER_REPORT ? 8 + SAID_OF_ITSELF : type == RECEIVER_REPORT ? 8 : 0;
}

static bool side_was_sent(const struct side *side, uint32_t ssrc)
{
    for (int n = 0; n < BUNDLE_SENT; n++)
        if (side->sent[n] == ssrc && ssrc)
            return true;
    return false;
}

/* The member that was sent that, as a bit. */
static unsigned bundle_sent_to(const struct bundle *bundle, uint32_t ssrc)
{
    for (int n = 0; n < bundle->count; n++)
        if (side_was_sent(bundle->members[n].side, ssrc))
            return 1U << n;
    return 0;
}

static unsigned bundle_bit(const struct bundle *bundle, const struct side *side)
{
    for (int n = 0; n < bundle->count; n++)
        if (bundle->members[n].side == side)
            return 1U << n;
    return 0;
}

/* The members that one packet of a compound is for; none: it does not say. */
static unsigned bundle_wanted(const struct bundle *bundle, const uint8_t *packet)
{
    unsigned sender = bundle_bit(bundle, bundle_whose(bundle, word(packet + 4))), found = 0;
    uint32_t at = blocks_at(packet[1]);

    if (at) {
        found = sender;
        for (int n = 0; n < (packet[0] & 31); n++)
            found |= bundle_sent_to(bundle, word(packet + at + (uint32_t)n * BLOCK));
    } else if (packet[1] >= FEEDBACK && packet[1] <= FEEDBACK_LAST) {
        found = bundle_sent_to(bundle, word(packet + 8));
    }
    return found ? found : sender;
}

/* Octets of a whole packet of a compound; 0: there is none. */
static uint32_t packet_size(const uint8_t *data, uint32_t left)
{
    uint32_t size, least, at;

    if (left < 8 || data[0] >> 6 != 2 || !rtcp_is_type(data[1]))
        return 0;
    size = 4 + 4 * ((uint32_t)data[2] << 8 | data[3]);
    at = blocks_at(data[1]);
    least = at ? at + BLOCK * (data[0] & 31U) : data[1] >= FEEDBACK && data[1] <= FEEDBACK_LAST ? 12 : 8;
    return least <= size && size <= left ? size : 0;
}

bool bundle_divide(struct bundle *bundle, const uint8_t *data, uint32_t size, uint32_t more)
{
    unsigned before = 0;
    uint32_t at = 0, each;

    bundle->waiting = 0;
    bundle->more = more;
    if (size > sizeof whole.data)
        return false;
    memcpy(whole.data, data, size);
    whole.size = size;
    whole.count = 0;
    while (whole.count < PACKETS && (each = packet_size(whole.data + at, size - at))) {
        unsigned wanted = before && data[at + 1] == NAMES ? 0 : bundle_wanted(bundle, whole.data + at);
        before = wanted ? wanted : before; /* whose name is told has just reported */
        whole.packets[whole.count].at = at;
        whole.packets[whole.count].size = each;
        whole.packets[whole.count++].wanted = before;
        bundle->waiting |= before;
        at += each;
    }
    return bundle->waiting;
}

/* Write a report with those of its blocks that are of what a member was sent; without what a sender of another's says of itself. */
static uint32_t write_report(const struct bundle *bundle, const struct side *side, const uint8_t *packet, uint8_t *to)
{
    uint32_t at = blocks_at(packet[1]), size = bundle_whose(bundle, word(packet + 4)) == side ? at : 8;
    uint8_t count = 0;

    memcpy(to, packet, size);
    for (int n = 0; n < (packet[0] & 31); n++) {
        const uint8_t *block = packet + at + (uint32_t)n * BLOCK;
        if (!side_was_sent(side, word(block)))
            continue;
        memcpy(to + size, block, BLOCK);
        size += BLOCK;
        count++;
    }
    to[0] = 0x80 | count;
    to[1] = size - BLOCK * count == at ? packet[1] : RECEIVER_REPORT;
    to[2] = (uint8_t)((size / 4 - 1) >> 8);
    to[3] = (uint8_t)(size / 4 - 1);
    return size;
}

struct side *bundle_part(struct bundle *bundle, uint8_t *data, uint32_t *size)
{
    int member = __builtin_ctz(bundle->waiting);
    struct side *side = bundle->members[member].side;
    bool alone = bundle->waiting == 1U << member, first = true;

    for (int n = 0; alone && n < whole.count; n++)
        alone = !(whole.packets[n].wanted & ~(1U << member));
    bundle->waiting &= ~(1U << member);
    *size = 0;
    for (int n = 0; !alone && n < whole.count; n++) {
        const uint8_t *packet = whole.data + whole.packets[n].at;
        if (!(whole.packets[n].wanted >> member & 1))
            continue;
        if (first && !blocks_at(packet[1])) { /* a compound begins with a report (RFC 3550 section 6.1) */
            static const uint8_t empty[4] = {0x80, RECEIVER_REPORT, 0, 1};
            memcpy(data, empty, sizeof empty);
            memcpy(data + 4, whole.data + 4, 4);
            *size = 8;
        }
        first = false;
        if (blocks_at(packet[1])) {
            *size += write_report(bundle, side, packet, data + *size);
        } else {
            memcpy(data + *size, packet, whole.packets[n].size);
            *size += whole.packets[n].size;
        }
    }
    if (alone) {
        memcpy(data, whole.data, whole.size);
        *size = whole.size;
    }
    return side;
}
