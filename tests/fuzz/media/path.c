/* What the fuzzers run: a stream of the native engine, from the datagram that arrives to the way it leaves by, with its
   books looked over after each step. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "gate.h"

#define LONGEST 200
#define NUMBER_OF_SIDE 0x00000403 /* by which side 0 is found at its shared ports */

static const struct address PLACES[8] = {
    {.family = FAMILY_NONE},
    {.family = FAMILY_IPV4, .host = {192, 168, 1, 10}, .port = 4000},
    {.family = FAMILY_IPV4, .host = {203, 0, 113, 11}, .port = 40000},
    {.family = FAMILY_IPV4, .host = {198, 51, 100, 66}, .port = 6666},
    {.family = FAMILY_IPV6, .host = {0x20, 1, 0xd, 0xb8, [15] = 9}, .port = 5000},
    {.family = FAMILY_IPV4, .host = {239, 1, 1, 1}, .port = 4000}, /* nobody sends there */
    {.family = FAMILY_IPV4, .port = 4000},                         /* on hold */
    {.family = FAMILY_NAME, .host = {'x'}, .port = 4000},
};
static struct realm realm;

struct bench {
    struct stream *stream;
    struct gate *gate; /* side 0's shared ports, or null */
    struct seal *peers[2]; /* what packets of a secured side are written with, that are to be good */
    uint64_t strays;
    uint64_t handed[2][2];
    int64_t now;
    uint64_t arrived[2][2];
    uint64_t left[2]; /* by the outlets of each side */
};

static struct seal *seal_of(bool sends)
{
    static const uint8_t secret[30] = "a key that everybody knows, ha";
    static const struct seal_use unused = {.begins = -1};

    return seal_new(SUITE_AES_CM_128_HMAC_SHA1_80, secret, secret, 2, sends, &unused);
}

/* Have a side be secured, or not; without libsrtp2 there are no keys, and nothing passes. */
static void secure(struct side_spec *spec, uint8_t how)
{
    spec->secured = (how & 7) == 7;
    spec->ports[0].secured = spec->ports[1].secured = spec->secured;
    spec->ports[0].ice = spec->ports[1].ice = spec->secured && how & 8;
    if (!spec->secured)
        return;
    spec->seals.receive = how & 16 ? seal_of(false) : NULL;
    spec->seals.send = how & 32 ? seal_of(true) : NULL;
    spec->seals.hears = how >> 6 & 1;
}

static struct side_spec spec_of(struct input *input, int side)
{
    uint8_t how = next(input), who = next(input), more = next(input);
    struct side_spec spec = {
        .realm = more & 1 ? &realm : NULL,
        .limited = more >> 1 & 1,
        .rate = 1000,
        .burst = 500,
        .clock = more & 4 ? 8000 : 0,
        .muxes = more >> 3 & 1,
        .told = more >> 4 & 1,
        .number = side ? 0 : NUMBER_OF_SIDE,
        .prefixed = {more >> 5 & 1, more >> 6 & 1},
        .prefixes = {more, UINT32_MAX},
    };
    for (int n = 0; n < 2; n++) {
        spec.local[n] = side ? PLACES[4] : (struct address){.family = FAMILY_IPV4, .host = {203, 0, 113, 1}};
        spec.local[n].port = (uint16_t)(20000 + n);
        spec.shared[n] = spec.local[n];
        spec.shared[n].port = (uint16_t)(2776 + n);
        spec.ports[n] = (struct latch_spec){
            .signalled = PLACES[who >> 3 * n & 7],
            .seen = PLACES[how >> 5],
            .window = PAUSES[how & 7],
            .clock = spec.clock,
            .mode = (enum latch_mode)((how >> 3 & 3) % 3),
            .behind_nat = who >> 6 & 1,
        };
    }
    secure(&spec, next(input));
    return spec;
}

static union endpoint endpoint_of(uint8_t which)
{
    const struct address *place = &PLACES[1 + which % 4];
    union endpoint made = {0};
    if (place->family == FAMILY_IPV6) {
        made.v6.sin6_family = AF_INET6;
        made.v6.sin6_port = htons(place->port);
        memcpy(&made.v6.sin6_addr, place->host, 16);
    } else {
        made.v4.sin_family = AF_INET;
        made.v4.sin_port = htons(place->port);
        memcpy(&made.v4.sin_addr, place->host, 4);
    }
    return made;
}

/* Where a packet may leave for: by the other side, to somebody it may be sent to. */
static void check_way(const struct bench *bench, int side, const struct outlet *outlet)
{
    const struct side *far = &bench->stream->sides[1 - side];
    MUST(outlet == &far->outlets[0] || outlet == &far->outlets[1]);
    MUST(outlet->aim.to_size == sizeof outlet->aim.to.v4 || outlet->aim.to_size == sizeof outlet->aim.to.v6);
    MUST(outlet->aim.to.any.sa_family == (far->local[0].family == FAMILY_IPV4 ? AF_INET : AF_INET6));
    MUST(outlet->aim.to.any.sa_family != AF_INET || (ntohl(outlet->aim.to.v4.sin_addr.s_addr) >> 28 != 14 && outlet->aim.to.v4.sin_port));
    MUST(outlet->aim.fd >= 0);
    MUST(outlet->aim.fd < 20 || far->gate);
}

/* A datagram, in memory of exactly its size, but for the room that it may need for a number. */
static void arrive(struct bench *bench, int side, int port, struct input *input)
{
    uint8_t who = next(input);
    bool shared = bench->gate && side == 0 && who & 0x80;
    union endpoint source = endpoint_of(who);
    uint32_t size = next(input);
    if (size > input->size)
        size = (uint32_t)input->size;
    uint32_t room = bench->stream->sides[0].secured || bench->stream->sides[1].secured ? SRTP_ROOM : 0;
    uint8_t *memory = malloc(NUMBER + size + room), *data = memory + NUMBER;
    MUST(memory != NULL);
    memcpy(data, input->data, size);
    input->data += size;
    input->size -= size;
    struct inlet *inlet = &bench->stream->sides[side].ports[port];
    if (shared) {
        struct inlet *found = gate_find(&bench->gate->stream.sides[0].ports[port], &data, &size);
        MUST(found == NULL || found == inlet);
        if (found == NULL) {
            bench->strays++;
            MUST(atomic_load(&bench->gate->strays) == bench->strays);
            free(memory);
            return;
        }
    }
    bool rtcp = size >= 2 && rtcp_is_type(data[1]);
    if (bench->stream->sides[side].secured && bench->peers[side] && who & 0x40 && size >= 12 && size <= LONGEST && data[0] >> 6 == 2)
        seal_close(bench->peers[side], rtcp, data, &size);
    struct outlet *outlet = inlet_arrive(&inlet, data, &size, &source, shared, bench->now, LONGEST);
    bench->arrived[side][port]++;
    bench->handed[side][port] += bench->stream->handed;
    MUST(!bench->stream->handed || bench->stream->sides[side].seals->hears);
    bench->stream->handed = false;
    if (outlet != NULL) {
        check_way(bench, side, outlet);
        bench->left[1 - side]++;
        if (outlet->aim.prefixed) {
            uint32_t before = size;
            gate_mark(&outlet->aim, &data, &size);
            MUST(size == before + NUMBER && aim_octets(&outlet->aim, size) == before);
        }
    }
    free(memory);
}

/* Each datagram is in the books once: dropped for one reason or accepted, and what was accepted has left or had nowhere to. */
static void check_books(const struct bench *bench)
{
    for (int side = 0; side < 2; side++) {
        const struct side *here = &bench->stream->sides[side], *far = &bench->stream->sides[1 - side];
        uint64_t accepted = 0;
        for (int port = 0; port < 2; port++) {
            const struct arrivals *count = &here->ports[port].count;
            uint64_t dropped = count->too_short + count->too_long + count->not_rtp + count->policed + bench->handed[side][port];
            for (int sealed = 0; sealed < UNSEALED; sealed++)
                dropped += count->unsealed[sealed];
            for (int reason = 0; reason < REASONS; reason++)
                dropped += count->refused[reason];
            MUST(dropped + count->rtp.packets + count->rtcp.packets == bench->arrived[side][port]);
            accepted += count->rtp.packets + count->rtcp.packets;
        }
        uint64_t nowhere = far->outlets[0].count.no_destination + far->outlets[1].count.no_destination;
        MUST(accepted == bench->left[1 - side] + nowhere + far->outlets[0].count.failed + far->outlets[1].count.failed);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int both[4] = {10, 11, 12, 13}, shared[4] = {10, -1, 12, 13}, of_gate[2] = {20, 21};
    struct input input = {data, size};
    uint8_t kind = next(&input);
    struct bench bench = {.now = INT64_C(1000000000000), .stream = calloc(1, sizeof *bench.stream)};
    struct side_spec specs[2] = {spec_of(&input, 0), spec_of(&input, 1)};
    struct gate *gates[2] = {kind & 4 ? gate_new(of_gate) : NULL, NULL};
    struct stream_state state;
    MUST(bench.stream != NULL);
    bench.gate = gates[0];
    for (int side = 0; side < 2; side++)
        bench.peers[side] = specs[side].secured ? seal_of(true) : NULL;
    memset(&realm, 0, sizeof realm);
    stream_init(bench.stream, kind & 1, kind & 2 ? shared : both, gates, specs, bench.now);
    gate_enter(bench.stream);

    while (input.size > 0) {
        uint8_t step = next(&input);
        int side = step >> 3 & 1, port = step >> 4 & 1;
        bench.now += PAUSES[step & 7];
        if (kind & 2 && side == 0)
            port = 0;
        if (step < 0xD0) {
            arrive(&bench, side, port, &input);
        } else if (step < 0xE0) {
            specs[side] = spec_of(&input, side);
            stream_update(bench.stream, side, &specs[side], bench.now);
        } else if (step < 0xE8) {
            struct address to[2] = {PLACES[next(&input) & 7], PLACES[next(&input) & 7]};
            stream_aim(bench.stream, side, to, bench.now);
        } else if (step < 0xF0) {
            struct last last = {bench.now, {next(&input), next(&input), next(&input), true, port == 0}};
            stream_carried(bench.stream, side, port, &last);
        } else {
            realm.limited = step & 1;
            bucket_change(&realm.bucket, next(&input), next(&input) * 8u, (uint64_t)bench.now);
        }
        check_books(&bench);
        stream_gather(bench.stream, &state, bench.now);
    }
    gate_leave(bench.stream);
    for (int port = 0; bench.gate && port < 2; port++)
        for (int n = 0; n < GATE_PLACES; n++)
            MUST(bench.gate->places[port][n] == NULL);
    stream_end(bench.stream);
    seal_free(bench.peers[0]);
    seal_free(bench.peers[1]);
    free(bench.gate);
    free(bench.stream);
    return 0;
}
