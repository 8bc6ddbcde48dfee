/* Sends RTP frames of many flows in turn, at a rate or as fast as it can, from one packet socket: so it costs little beside
 * what is measured, and no socket, route or firewall of the sender's host takes part.
 *
 *   generator DEVICE MAC FLOWS RATE SECONDS TICK RUN FIRST
 *
 * FLOWS: a file of `struct flow`. RATE: packets a second, all flows together; 0 for flat out. TICK: microseconds between
 * bursts; 0 for one packet at a time. FIRST: the number of each flow's first packet. Prints one line of JSON. */
#define _GNU_SOURCE
#include "frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64
#define SECOND 1000000000ull

struct flow { /* all in network order */
    uint32_t source, target;
    uint16_t from, to;
};

static struct frame *frames; /* one a flow, complete but for what changes */
static uint32_t *sums;       /* of each, the UDP checksum's sum of what does not change */
static size_t flows;
static uint32_t run, first;
static int packet_socket;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint32_t sum(const void *data, size_t octets)
{
    uint32_t total = 0;
    for (const uint8_t *at = data; octets > 1; at += 2, octets -= 2) {
        uint16_t word;
        memcpy(&word, at, 2);
        total += word;
    }
    return total;
}

static uint16_t fold(uint32_t total)
{
    total = (total & 0xffff) + (total >> 16);
    total = (total & 0xffff) + (total >> 16);
    return (uint16_t)~total;
}

static void prepare(const char *path, const uint8_t *from, const uint8_t *to)
{
    FILE *file = fopen(path, "rb");
    struct flow each;
    if (!file)
        die(path);
    frames = calloc(MOST_FLOWS, sizeof *frames);
    sums = calloc(MOST_FLOWS, sizeof *sums);
    if (!frames || !sums)
        die("memory");
    for (; flows < MOST_FLOWS && fread(&each, sizeof each, 1, file) == 1; flows++) {
        struct frame *made = &frames[flows];
        uint16_t length = htons(sizeof *made - sizeof made->ethernet - sizeof made->ip);
        memcpy(made->ethernet.h_dest, to, ETH_ALEN);
        memcpy(made->ethernet.h_source, from, ETH_ALEN);
        made->ethernet.h_proto = htons(ETH_P_IP);
        made->ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .frag_off = htons(IP_DF),
                                  .tot_len = htons(sizeof *made - sizeof made->ethernet),
                                  .saddr = each.source, .daddr = each.target};
        made->ip.check = fold(sum(&made->ip, sizeof made->ip));
        made->udp = (struct udphdr){.source = each.from, .dest = each.to, .len = length};
        made->rtp = (struct rtp){.first = 0x80, .ssrc = htonl(0x5bc00000u + (uint32_t)flows)};
        made->note = (struct note){.magic = MAGIC, .run = run, .flow = (uint32_t)flows};
        memset(made->voice, 0xff, sizeof made->voice);
        sums[flows] = sum(&made->ip.saddr, 8) + htons(IPPROTO_UDP) + length +
                      sum(&made->udp, sizeof *made - offsetof(struct frame, udp));
    }
    fclose(file);
    if (!flows)
        die("no flows");
}

static void write_number(size_t at, uint32_t number)
{
    struct frame *made = &frames[at];
    uint32_t total;
    number += first;
    made->rtp.sequence = htons((uint16_t)number);
    made->rtp.timestamp = htonl(number * 160);
    made->note.number = number;
    made->note.left = nanoseconds(CLOCK_REALTIME);
    total = sums[at] + sum(&made->rtp.sequence, 6) + sum(&made->note.number, 12);
    made->udp.check = fold(total);
    if (!made->udp.check)
        made->udp.check = 0xffff;
}

static uint64_t failed;

/* Sends `count` packets of the flows whose turn it is; returns how many went. */
static uint64_t burst(uint64_t done, uint64_t count)
{
    static struct mmsghdr messages[BATCH];
    static struct iovec parts[BATCH];
    uint64_t end = done + count, begun = done;
    while (done < end) {
        unsigned int many = end - done < BATCH ? (unsigned int)(end - done) : BATCH, at = 0;
        if (many > flows)
            many = (unsigned int)flows; /* a frame is in a batch but once: it is written in place */
        for (unsigned int i = 0; i < many; i++) {
            size_t flow = (done + i) % flows;
            write_number(flow, (uint32_t)((done + i) / flows));
            parts[i] = (struct iovec){&frames[flow], sizeof frames[flow]};
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
        }
        while (at < many) {
            int sent = sendmmsg(packet_socket, messages + at, many - at, 0);
            if (sent > 0) {
                at += (unsigned int)sent;
            } else if (errno != EINTR) {
                failed++; /* ENOBUFS: the device took no more; the packet is lost, and told of */
                at++;
            }
        }
        done += many;
    }
    return done - begun;
}

static void open_socket(const char *device)
{
    struct sockaddr_ll place = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(device)};
    int yes = 1, octets = 8 << 20;
    packet_socket = socket(AF_PACKET, SOCK_RAW, 0); /* protocol 0: it receives nothing */
    if (packet_socket < 0 || !place.sll_ifindex || bind(packet_socket, (struct sockaddr *)&place, sizeof place))
        die(device);
    if (setsockopt(packet_socket, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes))
        die("PACKET_QDISC_BYPASS");
    setsockopt(packet_socket, SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof octets);
}

static void own_address(const char *device, uint8_t *into)
{
    char path[128], text[32];
    FILE *file;
    snprintf(path, sizeof path, "/sys/class/net/%s/address", device);
    file = fopen(path, "r");
    if (!file || !fgets(text, sizeof text, file) ||
        sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", into, into + 1, into + 2, into + 3, into + 4, into + 5) != 6)
        die(path);
    fclose(file);
}

/* Ticks (USER_HZ) in which the whole machine was idle so far, all processors together. */
static long long idle_ticks(void)
{
    long long idle = 0, waiting = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (!file || fscanf(file, "cpu %*d %*d %*d %lld %lld", &idle, &waiting) != 2)
        die("/proc/stat");
    fclose(file);
    return idle + waiting;
}

int main(int count, char **words)
{
    uint8_t from[ETH_ALEN], to[ETH_ALEN];
    if (count != 9 || sscanf(words[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", to, to + 1, to + 2, to + 3, to + 4, to + 5) != 6) {
        fprintf(stderr, "usage: generator DEVICE MAC FLOWS RATE SECONDS TICK RUN FIRST\n");
        return 2;
    }
    double rate = atof(words[4]), seconds = atof(words[5]);
    uint64_t tick = strtoull(words[6], NULL, 10) * 1000, done = 0, skipped = 0, now;
    run = (uint32_t)strtoul(words[7], NULL, 10);
    first = (uint32_t)strtoul(words[8], NULL, 10);
    own_address(words[1], from);
    open_socket(words[1]);
    prepare(words[3], from, to);
    prctl(PR_SET_TIMERSLACK, 1);

    long long idle = idle_ticks();
    uint64_t began = nanoseconds(CLOCK_MONOTONIC), used = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t length = (uint64_t)(seconds * SECOND), next = began;
    uint64_t period = tick ? tick : (uint64_t)(SECOND / (rate > 0 ? rate : 1));
    /* Who was kept waiting may make up for some of it, but not send all at once what no phones would. */
    uint64_t most = (uint64_t)(4 * rate * (double)period / SECOND) + 1;
    while ((now = nanoseconds(CLOCK_MONOTONIC)) - began < length) {
        if (rate <= 0) {
            done += burst(done, BATCH);
            continue;
        }
        uint64_t due = (uint64_t)((double)(now - began) * rate / SECOND);
        uint64_t owed = due > done + skipped ? due - done - skipped : 0;
        if (owed > most) {
            skipped += owed - most;
            owed = most;
        }
        if (tick)
            done += burst(done, owed);
        else
            while (owed--)
                done += burst(done, 1);
        next += period;
        if (next < now)
            next = now;
        struct timespec at = {(time_t)(next / SECOND), (long)(next % SECOND)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
    used = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - used;
    usleep(20000); /* what is on its way is part of the cost */
    now = nanoseconds(CLOCK_MONOTONIC);
    idle = idle_ticks() - idle;
    printf("{\"sent\": %llu, \"failed\": %llu, \"skipped\": %llu, \"seconds\": %.6f, \"cpu\": %.6f, \"window\": %.6f, "
           "\"idle\": %.2f}\n",
           (unsigned long long)(done - failed), (unsigned long long)failed, (unsigned long long)skipped, seconds,
           (double)used / SECOND, (double)(now - began) / SECOND, (double)idle / (double)sysconf(_SC_CLK_TCK));
    return 0;
}
