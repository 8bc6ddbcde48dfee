/* What the generator sends and the sink reads: an Ethernet frame with one RTP packet of 172 octets over IPv4 and UDP, whose
 * payload says to which run and flow it belongs, its number in that flow and when it left. */
#ifndef SBC_BENCH_FRAME_H
#define SBC_BENCH_FRAME_H

#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <time.h>

#define MAGIC 0x73626362u /* says that a packet is ours */
#define MOST_FLOWS 65536

struct rtp {
    uint8_t first;   /* version 2, nothing else */
    uint8_t payload; /* 0: PCMU */
    uint16_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
} __attribute__((packed));

struct note { /* in the machine's order: both ends stand on it */
    uint32_t magic;
    uint32_t run;
    uint32_t flow;
    uint32_t number;
    uint64_t left; /* CLOCK_REALTIME in ns, the clock of the kernel's receive stamps */
} __attribute__((packed));

struct frame {
    struct ethhdr ethernet;
    struct iphdr ip;
    struct udphdr udp;
    struct rtp rtp;
    struct note note;
    uint8_t voice[160 - sizeof(struct note)];
} __attribute__((packed));

_Static_assert(sizeof(struct frame) == 14 + 20 + 8 + 172, "an RTP packet of 20 ms of G.711");

static inline uint64_t nanoseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
