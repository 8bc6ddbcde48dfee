/* What the fuzzers run: seals in C, of every suite. What the one writes the other reads, what was altered, replayed or made up it
   does not, no number of RTCP goes out twice over any restart, and nothing is touched beyond a packet and its room. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "packet.h"
#include "srtp.h"

#define SSRCS 8
#define PAYLOAD 64

struct bench {
    enum suite suite;
    uint32_t mki_size;
    struct seal *writer;
    struct seal *reader;
    int64_t furthest[SSRCS]; /* the last number of RTCP of each */
    uint16_t sequence[SSRCS];
    uint8_t last[256 + SRTP_ROOM]; /* the packet that was read last */
    uint32_t last_size;
    bool last_rtcp;
};

static struct seal *seal_of(const struct bench *bench, bool sends, const struct seal_use *use)
{
    static const uint8_t secret[64] = "a key that everybody knows, of as many octets as any suite wants";
    static const uint8_t mki[SEAL_MKI] = {1, 2, 3};
    struct seal *seal = seal_new(bench->suite, secret, mki, bench->mki_size, sends, use);

    MUST(seal != NULL);
    return seal;
}

/* A copy in memory of exactly its size and some room. */
static uint8_t *exact(const uint8_t *data, uint32_t size, uint32_t room)
{
    uint8_t *copy = malloc(size + room);

    MUST(copy != NULL);
    memcpy(copy, data, size);
    return copy;
}

static enum sealed opened(struct bench *bench, bool rtcp, const uint8_t *data, uint32_t size, const uint8_t *plain, uint32_t length)
{
    uint8_t *copy = exact(data, size, 0);
    enum sealed sealed = seal_open(bench->reader, rtcp, copy, &size);

    MUST(sealed != SEALED || (size == length && !memcmp(copy, plain, length)));
    free(copy);
    return sealed;
}

static int64_t number_of(const struct bench *bench, const uint8_t *data, uint32_t size)
{
    uint32_t behind = bench->suite >= SUITE_AEAD_AES_128_GCM ? 0 : 10;
    const uint8_t *at = data + size - behind - bench->mki_size - 4;

    return (int64_t)(at[0] & 0x7f) << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

/* A packet with a sound header, of one of a few sources. */
static uint32_t made(struct bench *bench, struct input *input, bool rtcp, int who, uint8_t *packet)
{
    uint32_t size = rtcp ? 8 : 12, words = next(input) % 4;
    uint8_t step = next(input);

    memset(packet, 0, size);
    packet[rtcp ? 7 : 11] = (uint8_t)who;
    packet[0] = 0x80;
    if (rtcp) {
        packet[1] = 201;
        packet[3] = (uint8_t)(1 + words);
        for (uint32_t n = 0; n < 4 * words; n++)
            packet[size++] = next(input);
        return size;
    }
    bench->sequence[who] += step < 200 ? step % 3 : (uint16_t)(1 << (step % 15));
    packet[2] = (uint8_t)(bench->sequence[who] >> 8);
    packet[3] = (uint8_t)bench->sequence[who];
    packet[0] |= (uint8_t)words; /* CSRC */
    for (uint32_t n = 0; n < 4 * words + next(input) % PAYLOAD; n++)
        packet[size++] = next(input);
    while (size < 12 + 4 * words)
        packet[size++] = 0;
    return size;
}

static void pass(struct bench *bench, struct input *input, bool rtcp)
{
    uint8_t packet[256], how = next(input);
    int who = how % SSRCS;
    uint32_t size = made(bench, input, rtcp, who, packet), length = size;
    uint8_t *room = exact(packet, size, SRTP_ROOM);
    enum sealed sealed = seal_close(bench->writer, rtcp, room, &size);

    if (sealed == SEALED) {
        MUST(size > length && size <= length + SRTP_ROOM);
        if (rtcp) {
            MUST(number_of(bench, room, size) > bench->furthest[who]);
            bench->furthest[who] = number_of(bench, room, size);
        }
        if (how & 0x80) { /* altered on its way: it is lost */
            room[how % size] ^= 1;
            MUST(opened(bench, rtcp, room, size, packet, length) != SEALED);
            room[how % size] ^= 1;
        }
        MUST(opened(bench, rtcp, room, size, packet, length) == SEALED);
        MUST(opened(bench, rtcp, room, size, packet, length) == SEAL_REPLAYED);
        memcpy(bench->last, room, size);
        bench->last_size = size;
        bench->last_rtcp = rtcp;
    }
    free(room);
}

/* What somebody has made up, from the header on. */
static void make_up(struct bench *bench, struct input *input, bool rtcp)
{
    uint8_t packet[256], *copy;
    uint32_t size = 12 + next(input);

    size = size < sizeof packet ? size : sizeof packet;
    for (uint32_t n = 0; n < size; n++)
        packet[n] = next(input);
    packet[0] = (uint8_t)(0x80 | (packet[0] & 0x1f));
    copy = exact(packet, size, 0);
    MUST(seal_open(bench->reader, rtcp, copy, &size) != SEALED);
    free(copy);
}

static struct seal *again(const struct bench *bench, struct seal *seal, bool sends, int64_t begins)
{
    struct seal_use use = {.begins = begins};

    use.count = seal_rows(seal, use.rows);
    seal_free(seal);
    return seal_of(bench, sends, &use);
}

/* Another process takes up what the last has told; of what it has not told it knows how far that can have come. */
static void restart(struct bench *bench, bool forgets)
{
    static const struct seal_use unused = {.begins = -1};
    int64_t begins = 0;

    for (int n = 0; n < SSRCS; n++)
        begins = bench->furthest[n] > begins ? bench->furthest[n] : begins;
    if (forgets) {
        struct seal_use use = {.begins = begins};
        seal_free(bench->writer);
        seal_free(bench->reader);
        bench->writer = seal_of(bench, true, &use);
        bench->reader = seal_of(bench, false, &unused);
        bench->last_size = 0;
        memset(bench->sequence, 0, sizeof bench->sequence);
        return;
    }
    bench->writer = again(bench, bench->writer, true, begins);
    bench->reader = again(bench, bench->reader, false, -1);
    if (bench->last_size)
        MUST(opened(bench, bench->last_rtcp, bench->last, bench->last_size, bench->last, 0) != SEALED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct seal_use unused = {.begins = -1};
    static const uint8_t mkis[8] = {0, 0, 0, 1, 4, 4, 127, SEAL_MKI};
    struct input input = {data, size};
    uint8_t how = next(&input);
    struct bench bench = {.suite = (enum suite)(how % SUITES), .mki_size = mkis[how / SUITES % 8]};

    if (*seal_missing())
        return 0;
    memset(bench.furthest, -1, sizeof bench.furthest);
    bench.writer = seal_of(&bench, true, &unused);
    bench.reader = seal_of(&bench, false, &unused);
    while (input.size) {
        uint8_t what = next(&input);
        if (what < 160)
            pass(&bench, &input, what & 1);
        else if (what < 224)
            make_up(&bench, &input, what & 1);
        else
            restart(&bench, what >= 248);
    }
    seal_free(bench.writer);
    seal_free(bench.reader);
    return 0;
}
