/* What the fuzzers run: packets and latches in C, told what the input says, with what must always hold looked at after each
   step. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "latch.h"
#include "packet.h"

static const struct address PLACES[8] = {
    {.family = FAMILY_NONE},
    {.family = FAMILY_IPV4, .host = {192, 168, 1, 10}, .port = 4000}, /* signalled */
    {.family = FAMILY_IPV4, .host = {192, 168, 1, 10}, .port = 4001},
    {.family = FAMILY_IPV4, .host = {203, 0, 113, 11}, .port = 40000}, /* the NAT */
    {.family = FAMILY_IPV4, .host = {203, 0, 113, 11}, .port = 50000},
    {.family = FAMILY_IPV4, .host = {198, 51, 100, 66}, .port = 6666}, /* a stranger */
    {.family = FAMILY_IPV4, .port = 4000},                             /* on hold */
    {.family = FAMILY_NAME, .host = {'x'}, .port = 4000},
};
struct side {
    struct latch latches[2]; /* RTP, RTCP */
    int64_t now;
};

static struct latch_spec spec_of(struct input *input)
{
    static const uint32_t clocks[4] = {0, 8000, 90000, UINT32_MAX};
    uint8_t how = next(input), who = next(input);
    return (struct latch_spec){
        .signalled = PLACES[who & 7],
        .seen = PLACES[who >> 3 & 7],
        .kept = PLACES[1 + (who >> 6)],
        .window = PAUSES[how & 7],
        .clock = clocks[how >> 3 & 3],
        .mode = (enum latch_mode)((how >> 5 & 3) % 3),
        .behind_nat = how >> 7,
    };
}

/* What a packet is, read from memory of exactly its size, so that a sanitizer sees what is read beyond it. */
static enum kind read_packet(const uint8_t *data, size_t size, bool fax, struct identity *packet)
{
    struct rtp_header rtp;
    struct rtcp_header rtcp;
    uint8_t *exact = malloc(size ? size : 1);
    MUST(exact != NULL);
    memcpy(exact, data, size);

    enum kind kind = fax ? packet_classify_udptl(exact, size) : packet_classify(exact, size);
    MUST(packet_kind_word(kind)[0] != '\0');
    MUST(kind != KIND_RTP || packet_looks_rtp(exact, size));
    MUST(!rtp_parse(exact, size, &rtp) || (rtp.payload_at >= RTP_MIN_SIZE && rtp.payload_at <= size));
    MUST(!rtcp_parse(exact, size, &rtcp) || (rtcp.size >= 4 && rtcp.size <= size));
    *packet = packet_identity(kind, exact, size);
    MUST(packet->has_ssrc == (kind == KIND_RTP || kind == KIND_RTCP));
    MUST(packet->has_sequence == (kind == KIND_RTP));
    free(exact);
    return kind;
}

static void judge(struct side *side, struct latch *latch, const struct address *source, enum kind kind,
                  const struct identity *packet)
{
    if (kind == KIND_TOO_SHORT || kind == KIND_NOT_RTP || source->family < FAMILY_IPV4)
        return;
    struct address before = latch->latched;
    bool open = latch_learning(latch, side->now);
    struct verdict verdict = latch_judge(latch, source, side->now, kind, packet);

    MUST(latch_reason_word(verdict.reason)[0] != '\0');
    MUST(!verdict.moved || (verdict.accept && address_same(&latch->latched, source) && kind != KIND_OPAQUE));
    MUST(verdict.moved || memcmp(&before, &latch->latched, sizeof before) == 0);
    if (verdict.accept && !address_same(source, &latch->signalled)) {
        MUST(latch->mode != LATCH_OFF && latch->behind_nat);
        MUST(latch->mode != LATCH_STRICT || address_same_host(source, &latch->seen));
    }
    if (verdict.moved && !open)
        MUST(verdict.reason == REASON_SIGNALLED || verdict.reason == REASON_RTP_HOST || verdict.reason == REASON_REBOUND ||
             verdict.reason == REASON_RETURNED || verdict.reason == REASON_SEEN_HOST);
    if (verdict.moved && !open && verdict.reason == REASON_SEEN_HOST)
        MUST(!address_same_host(&before, &latch->seen) && !address_same(&before, &latch->signalled));
    if (verdict.reason == REASON_REBOUND)
        MUST(before.family != FAMILY_NONE && packet->has_ssrc);
}

/* A packet comes: one the input spells out, or one that goes on with what was heard last. */
static void arrive(struct side *side, struct latch *latch, struct input *input, uint8_t step)
{
    const struct address *source = &PLACES[next(input) & 7];
    struct identity packet;
    uint8_t made[16] = {0x80, 8};
    enum kind kind;

    if (step & 0x40) {
        const struct identity *last = &latch->last.packet;
        uint8_t by = next(input);
        uint16_t sequence = (uint16_t)(last->sequence + (by & 0x80 ? by - 256 : by));
        uint32_t gone = (uint32_t)((side->now - latch->last.at) / 1000 * (latch->clock / 1000) / 1000);
        uint32_t timestamp = last->timestamp + gone + (next(input) & 3) * 0x3000u;
        for (int n = 0; n < 4; n++) {
            made[4 + n] = (uint8_t)(timestamp >> (24 - 8 * n));
            made[8 + n] = (uint8_t)(last->ssrc >> (24 - 8 * n));
        }
        made[2] = (uint8_t)(sequence >> 8);
        made[3] = (uint8_t)sequence;
        kind = read_packet(made, 12, false, &packet);
        MUST(kind == KIND_RTP);
    } else {
        size_t size = next(input);
        if (size > input->size)
            size = input->size;
        kind = read_packet(input->data, size, step & 0x20, &packet);
        input->data += size;
        input->size -= size;
    }
    judge(side, latch, source, kind, &packet);
}

/* The quick way notes of a packet what the slow one does. */
static void pass_quickly(struct side *side, struct latch *latch, struct input *input)
{
    uint8_t data[12] = {0x80, 0};
    struct latch slow = *latch;
    for (int n = 2; n < 12; n++)
        data[n] = next(input);
    struct identity packet = packet_identity(KIND_RTP, data, sizeof data);
    latch_heard(&slow, side->now, &packet);
    latch_heard_rtp(latch, side->now, data);
    MUST(latch->heard == slow.heard && latch->last.at == slow.last.at);
    MUST(memcmp(&latch->last.packet, &slow.last.packet, sizeof packet) == 0);
}

static void check(const struct side *side)
{
    for (int n = 0; n < 2; n++) {
        const struct latch *latch = &side->latches[n];
        struct address to = latch_destination(latch);
        MUST(latch->heard <= side->now);
        MUST(!latch->held || to.family == FAMILY_NONE);
        MUST(!latch_firm(latch, side->now) || latch->latched.family != FAMILY_NONE);
        MUST(latch->latched.family == FAMILY_NONE || latch->latched.family >= FAMILY_IPV4);
        MUST(latch->latched.family == FAMILY_NONE || latch->reason != REASON_NONE);
        (void)address_unusable(&to, PLACES + 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct side side = {.now = INT64_C(1000000000000)};
    struct latch_spec spec = spec_of(&input);
    latch_init(&side.latches[0], &spec, side.now, NULL);
    spec.signalled = PLACES[2];
    latch_init(&side.latches[1], &spec, side.now, &side.latches[0]);

    while (input.size > 0) {
        uint8_t step = next(&input);
        struct latch *latch = &side.latches[step >> 7];
        side.now += PAUSES[step & 7];
        switch (step >> 3 & 3) {
        case 0:
        case 1:
            arrive(&side, latch, &input, step);
            break;
        case 2:
            pass_quickly(&side, latch, &input);
            break;
        default:
            spec = spec_of(&input);
            if (step & 0x40)
                latch_reopen(latch, side.now, spec.window);
            else
                latch_update(latch, &spec, side.now);
        }
        check(&side);
    }
    return 0;
}
