/* Sends ready-made frames in turn from one packet socket, at a rate, in bursts: a flood, in whoever's name.
 *
 *   junk DEVICE FRAMES RATE SECONDS
 *
 * FRAMES: a file of frames, each after its length (16 bits, the machine's order). Where a frame holds the mark "@@@@@@@@" each
 * time another eight hexadecimal digits stand there (the UDP checksum must be 0). Prints one line of JSON. */
#define _GNU_SOURCE
#include "frame.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define BATCH 64
#define SECOND 1000000000ull
#define TICK 200000ull
#define MARKS 4
#define MARK "@@@@@@@@"

struct ready {
    uint8_t *data;
    uint16_t length;
    uint16_t marks[MARKS]; /* where it differs each time; 0: nowhere */
};

static struct ready *frames;
static size_t count;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void load(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint16_t length;
    if (!file || !(frames = calloc(MOST_FLOWS, sizeof *frames)))
        die(path);
    while (count < MOST_FLOWS && fread(&length, sizeof length, 1, file) == 1) {
        struct ready *made = &frames[count++];
        uint8_t *at;
        made->length = length;
        made->data = at = malloc(length);
        if (!at || fread(at, 1, length, file) != length)
            die(path);
        for (int i = 0; i < MARKS; i++) {
            at = memmem(at, (size_t)(made->data + length - at), MARK, 8);
            if (!at)
                break;
            made->marks[i] = (uint16_t)(at - made->data);
            at += 8;
        }
    }
    fclose(file);
    if (!count)
        die("no frames");
}

int main(int words, char **word)
{
    struct sockaddr_ll place = {.sll_family = AF_PACKET};
    static struct mmsghdr messages[BATCH];
    static struct iovec parts[BATCH];
    uint64_t done = 0, failed = 0, skipped = 0;
    int yes = 1, octets = 8 << 20, out;
    if (words != 5) {
        fprintf(stderr, "usage: junk DEVICE FRAMES RATE SECONDS\n");
        return 2;
    }
    double rate = atof(word[3]);
    uint64_t length = (uint64_t)(atof(word[4]) * SECOND);
    load(word[2]);
    place.sll_ifindex = (int)if_nametoindex(word[1]);
    out = socket(AF_PACKET, SOCK_RAW, 0);
    if (out < 0 || !place.sll_ifindex || bind(out, (struct sockaddr *)&place, sizeof place))
        die(word[1]);
    setsockopt(out, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes);
    setsockopt(out, SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof octets);
    prctl(PR_SET_TIMERSLACK, 1);
    uint64_t began = nanoseconds(CLOCK_MONOTONIC), used = nanoseconds(CLOCK_PROCESS_CPUTIME_ID), next = began, now;
    uint64_t most = (uint64_t)(50 * rate * TICK / SECOND) + 1; /* who was kept waiting makes up for a hundredth of a second */
    while ((now = nanoseconds(CLOCK_MONOTONIC)) - began < length) {
        uint64_t due = (uint64_t)((double)(now - began) * rate / SECOND), owed = due > done + skipped ? due - done - skipped : 0;
        if (owed > most) {
            skipped += owed - most;
            owed = most;
        }
        while (owed) {
            unsigned int many = owed < BATCH ? (unsigned int)owed : BATCH, at = 0;
            if (many > count)
                many = (unsigned int)count;
            for (unsigned int i = 0; i < many; i++) {
                struct ready *each = &frames[(done + i) % count];
                char digits[9];
                snprintf(digits, sizeof digits, "%08x", (unsigned int)(done + i));
                for (int mark = 0; mark < MARKS && each->marks[mark]; mark++)
                    memcpy(each->data + each->marks[mark], digits, 8);
                parts[i] = (struct iovec){each->data, each->length};
                messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
            }
            while (at < many) {
                int sent = sendmmsg(out, messages + at, many - at, 0);
                if (sent > 0) {
                    at += (unsigned int)sent;
                } else if (errno != EINTR) {
                    failed++; /* the device took no more */
                    at++;
                }
            }
            done += many;
            owed -= many;
        }
        next = next + TICK < now ? now : next + TICK;
        struct timespec at = {(time_t)(next / SECOND), (long)(next % SECOND)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
    used = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - used;
    printf("{\"sent\": %llu, \"failed\": %llu, \"skipped\": %llu, \"seconds\": %.3f, \"cpu\": %.3f}\n",
           (unsigned long long)(done - failed), (unsigned long long)failed, (unsigned long long)skipped,
           (double)(nanoseconds(CLOCK_MONOTONIC) - began) / SECOND, (double)used / SECOND);
    return 0;
}
