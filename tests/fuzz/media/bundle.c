/* Streams that share a transport: who they are, and what is for which, in whatever order it comes. */
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "fuzz.h"
#include "packet.h"

#define STREAMS 10 /* more than there is room for */

static struct stream streams[STREAMS];

static struct bundled_spec spec_of(struct input *input)
{
    struct bundled_spec spec = {.mid_size = next(input) % 4, .extension = next(input) % 16, .said = next(input) % (BUNDLE_SAID + 1)};
    for (int n = 0; n < spec.mid_size; n++)
        spec.mid[n] = next(input);
    for (int n = 0; n < spec.said; n++)
        spec.sources[n] = next(input) % 8;
    spec.types[0] = UINT64_C(1) << next(input) % 64;
    spec.types[1] = UINT64_C(1) << next(input) % 64;
    return spec;
}

/* A datagram, in memory of exactly its size and what is written before a part. */
static uint8_t *packet_of(struct input *input, uint32_t *size, uint32_t least, uint32_t room)
{
    uint32_t wanted = next(input);
    uint8_t *memory;
    if (wanted > input->size)
        wanted = (uint32_t)input->size;
    *size = wanted < least ? least : wanted;
    memory = calloc(1, *size + room);
    MUST(memory != NULL);
    memcpy(memory, input->data, wanted);
    input->data += wanted;
    input->size -= wanted;
    return memory;
}

/* Every packet of a part is whole, and the first is a report. */
static void check_part(const uint8_t *data, uint32_t size)
{
    struct rtcp_header head;
    MUST(rtcp_parse(data, size, &head) && (head.packet_type == 200 || head.packet_type == 201));
    while (size) {
        MUST(rtcp_parse(data, size, &head));
        if (head.packet_type == 200 || head.packet_type == 201)
            MUST(head.size >= (head.packet_type == 200 ? 28U : 8U) + 24U * head.reports);
        data += head.size;
        size -= head.size;
    }
}

static void divide(struct bundle *bundle, struct input *input)
{
    uint32_t size, came;
    uint8_t *data = packet_of(input, &size, 8, 8);
    unsigned all, done = 0;
    came = size;
    MUST(bundle_divide(bundle, data, size, 14) == (bundle->waiting != 0));
    all = bundle->waiting;
    while (bundle->waiting) {
        struct side *side = bundle_part(bundle, data, &size);
        bool found = false;
        for (int n = 0; n < bundle->count; n++) {
            if (bundle->members[n].side != side)
                continue;
            found = true;
            MUST(all >> n & 1 && !(done >> n & 1));
            done |= 1U << n;
        }
        MUST(found && size <= came + 8);
        if (all & (all - 1))
            check_part(data, size);
        else
            MUST(size == came);
    }
    MUST(done == all);
    free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int fds[4] = {10, -1, 12, 13};
    struct gate *gates[2] = {NULL, NULL};
    struct side_spec specs[2];
    struct input input = {data, size};
    struct side *carrier = &streams[0].sides[0];

    memset(specs, 0, sizeof specs);
    memset(streams, 0, sizeof streams);
    for (int n = 0; n < STREAMS; n++)
        stream_init(&streams[n], false, fds, gates, specs, 0);
    while (input.size > 0) {
        uint8_t step = next(&input);
        struct side *side = &streams[(step >> 3) % STREAMS].sides[0];
        struct bundled_spec spec;
        uint32_t octets;
        uint8_t *packet;
        switch (step & 7) {
        case 0:
            spec = spec_of(&input);
            bundle_ride(side, carrier, &spec);
            break;
        case 1:
            bundle_walk(side);
            break;
        case 2:
            packet = packet_of(&input, &octets, RTP_MIN_SIZE, 0);
            bundle_sent(side, packet);
            free(packet);
            break;
        case 3:
        case 4:
            packet = packet_of(&input, &octets, RTP_MIN_SIZE, 0);
            if (carrier->bundle != NULL)
                bundle_find(carrier->bundle, packet, octets);
            free(packet);
            break;
        default:
            if (carrier->bundle != NULL)
                divide(carrier->bundle, &input);
        }
        MUST(carrier->bundle == NULL || (carrier->bundle->count > 0 && carrier->bundle->count <= BUNDLE_MEMBERS));
    }
    for (int n = 0; n < STREAMS; n++)
        bundle_walk(&streams[n].sides[0]);
    MUST(carrier->bundle == NULL);
    return 0;
}
