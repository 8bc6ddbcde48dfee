/* Counts the generator's frames as they arrive at a device: lost, doubled, out of order, from whom, and how long they were on
 * the way. It reads a ring that the kernel fills (packet(7)), and so costs little; the kernel stamps each packet's arrival, so
 * that the delay is not its own.
 *
 *   sink DEVICE TARGET SOURCE RUN SAMPLES
 *
 * TARGET: the address whose packets count, SOURCE the one they should come from; 0.0.0.0 for any. SAMPLES: of how many packets delays are kept. Prints
 * `ready`, and after SIGTERM one line of JSON. */
#define _GNU_SOURCE
#include "frame.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define BLOCK (1u << 20)
#define BLOCKS 32u
#define PATIENCE 8 /* ms until the kernel hands over a block that is not full */

struct seen { /* of one flow */
    uint32_t next;    /* one more than the highest number */
    uint64_t before;  /* bit i: number next-1-i has come */
    uint64_t unique;
};

static struct seen flows[MOST_FLOWS];
static uint64_t received, doubled, disordered, strange, stale, samples, most_samples;
static uint32_t *delays, run, target, source;
static volatile sig_atomic_t ended;

static void end(int number)
{
    (void)number;
    ended = 1;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void count(const struct frame *frame, uint64_t arrived)
{
    struct note note = frame->note;
    if (note.magic != MAGIC || note.flow >= MOST_FLOWS || (target && frame->ip.daddr != target))
        return;
    if (note.run != run) {
        stale++;
        return;
    }
    struct seen *flow = &flows[note.flow];
    received++;
    if (source && frame->ip.saddr != source)
        strange++;
    if (note.number >= flow->next) {
        uint32_t by = note.number - flow->next + 1;
        flow->before = by < 64 ? flow->before << by | 1 : 1;
        flow->next = note.number + 1;
        flow->unique++;
    } else {
        uint32_t back = flow->next - 1 - note.number;
        uint64_t bit = back < 64 ? 1ull << back : 0;
        if (flow->before & bit) {
            doubled++;
            return;
        }
        flow->before |= bit;
        flow->unique++;
        disordered++;
    }
    if (samples < most_samples)
        delays[samples++] = arrived > note.left ? (uint32_t)(arrived - note.left) : 0;
}

static int ascending(const void *one, const void *other)
{
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return a < b ? -1 : a > b;
}

static double part(double share)
{
    return samples ? delays[(uint64_t)(share * (double)(samples - 1))] / 1000.0 : 0;
}

static uint64_t unique(void)
{
    uint64_t total = 0;
    for (size_t i = 0; i < MOST_FLOWS; i++)
        total += flows[i].unique;
    return total;
}

static uint8_t *open_ring(const char *device, int *opened)
{
    /* UDP over IPv4 of our size alone: what else crosses the link is none of ours */
    struct sock_filter steps[] = {
        {BPF_LD | BPF_H | BPF_ABS, 0, 0, 12}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 5, ETH_P_IP},
        {BPF_LD | BPF_B | BPF_ABS, 0, 0, 23}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, IPPROTO_UDP},
        {BPF_LD | BPF_H | BPF_ABS, 0, 0, 16}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, sizeof(struct frame) - ETH_HLEN},
        {BPF_RET | BPF_K, 0, 0, 0xffff},      {BPF_RET | BPF_K, 0, 0, 0},
    };
    struct sock_fprog filter = {sizeof steps / sizeof *steps, steps};
    struct tpacket_req3 ring = {.tp_block_size = BLOCK, .tp_block_nr = BLOCKS, .tp_frame_size = 512,
                                .tp_frame_nr = BLOCK / 512 * BLOCKS, .tp_retire_blk_tov = PATIENCE};
    struct sockaddr_ll place = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
                                .sll_ifindex = (int)if_nametoindex(device)};
    int version = TPACKET_V3, yes = 1;
    uint8_t *memory;
    *opened = socket(AF_PACKET, SOCK_RAW, 0);
    if (*opened < 0 || setsockopt(*opened, SOL_PACKET, PACKET_VERSION, &version, sizeof version) ||
        setsockopt(*opened, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) ||
        setsockopt(*opened, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) ||
        setsockopt(*opened, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes))
        die("ring");
    memory = mmap(NULL, (size_t)BLOCK * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, *opened, 0);
    if (memory == MAP_FAILED || !place.sll_ifindex || bind(*opened, (struct sockaddr *)&place, sizeof place))
        die(device);
    return memory;
}

int main(int argc, char **words)
{
    int opened;
    unsigned int at = 0;
    if (argc != 6)
        return fprintf(stderr, "usage: sink DEVICE TARGET SOURCE RUN SAMPLES\n"), 2;
    target = inet_addr(words[2]);
    source = inet_addr(words[3]);
    run = (uint32_t)strtoul(words[4], NULL, 10);
    most_samples = strtoull(words[5], NULL, 10);
    delays = malloc((most_samples + 1) * sizeof *delays);
    if (!delays)
        die("memory");
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = end}, NULL); /* without SA_RESTART: it interrupts poll */
    uint8_t *memory = open_ring(words[1], &opened);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct tpacket_block_desc *block = (void *)(memory + (size_t)at * BLOCK);
        if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) {
            if (ended)
                break;
            struct pollfd asked = {.fd = opened, .events = POLLIN};
            poll(&asked, 1, 1000);
            continue;
        }
        struct tpacket3_hdr *packet = (void *)((uint8_t *)block + block->hdr.bh1.offset_to_first_pkt);
        for (uint32_t left = block->hdr.bh1.num_pkts; left; left--) {
            count((void *)((uint8_t *)packet + packet->tp_mac), (uint64_t)packet->tp_sec * 1000000000u + packet->tp_nsec);
            packet = (void *)((uint8_t *)packet + packet->tp_next_offset);
        }
        __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        at = (at + 1) % BLOCKS;
    }
    struct tpacket_stats_v3 kernel = {0};
    socklen_t length = sizeof kernel;
    getsockopt(opened, SOL_PACKET, PACKET_STATISTICS, &kernel, &length);
    qsort(delays, samples, sizeof *delays, ascending);
    printf("{\"received\": %llu, \"unique\": %llu, \"doubled\": %llu, \"disordered\": %llu, \"strange\": %llu, \"stale\": %llu, "
           "\"overrun\": %u, \"p50\": %.3f, \"p99\": %.3f, \"p999\": %.3f, \"highest\": %.3f}\n",
           (unsigned long long)received, (unsigned long long)unique(), (unsigned long long)doubled,
           (unsigned long long)disordered, (unsigned long long)strange, (unsigned long long)stale, kernel.tp_drops,
           part(0.5), part(0.99), part(0.999), part(1.0));
    return 0;
}
