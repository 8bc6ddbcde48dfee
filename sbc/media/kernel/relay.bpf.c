/* The kernel engine's data plane: forwards the RTP and RTCP of flows that user space has learned, and leaves everything
 * else to the stack. One source, two programs: `sbc_xdp` in front of the stack (driver or generic), `sbc_tc` behind it on the
 * same interface, which takes what XDP cannot send (a neighbour that must be asked for, an interface that takes no frames, a
 * checksum that the sender has left to its device), or all of it where there is no XDP. See relay_maps.h for the maps.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "relay_maps.h"
#include "relay_packet.h"
#include "relay_rewrite.h"

char relay_license[] SEC("license") = "Dual MIT/GPL"; /* bpf_fib_lookup is for GPL programs alone */

#define LOOPBACK 1 /* the interface index that stands for what the host itself sends, as user space's sockets do */
#define AF_INET 2
#define AF_INET6 10

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, struct relay_address);
    __type(value, __u32);
    __uint(max_entries, 65536); /* user space says how many */
} flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, struct relay_slot);
    __uint(max_entries, 65536);
    __uint(map_flags, BPF_F_MMAPABLE);
} slots SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, struct relay_bucket);
    __uint(max_entries, 65536);
    __uint(map_flags, BPF_F_MMAPABLE);
} buckets SEC(".maps");

/* A bit for each slot at which something has happened that user space must see to. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, __u64);
    __uint(max_entries, 1025);
    __uint(map_flags, BPF_F_MMAPABLE);
} news SEC(".maps");

/* Interfaces (by index) that take frames from XDP: only there XDP sends itself. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, __u32);
    __type(value, __u32);
    __uint(max_entries, 256);
} outlets SEC(".maps");

/* When each neighbour was last used by way of the stack, which so keeps asking whether it is still there. */
struct neighbour {
    __u32 device;
    __u8 mac[6];
    __u16 spare;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __type(key, struct neighbour);
    __type(value, __u64);
    __uint(max_entries, 4096);
} confirmed SEC(".maps");

/* What becomes of a packet. */
enum fate {
    UP,      /* left to the stack */
    DROPPED,
    FORWARD, /* it is counted, and has only to be rewritten and sent */
};

/* Count something that user space must see to. */
static __always_inline void ring(struct relay_slot *slot, __u64 *counter)
{
    __u32 index = slot->index / 64;
    __u64 *word = bpf_map_lookup_elem(&news, &index);

    __sync_fetch_and_add(counter, 1);
    if (word)
        __sync_fetch_and_or(word, 1ull << slot->index % 64);
}

/* Take octets out of a bucket; false if it does not hold them. */
static __always_inline bool take(struct relay_bucket *bucket, __u64 now, __u32 octets)
{
    __u64 cost = bucket->cost * octets >> 16;

    for (int tries = 0; tries < 16; tries++) {
        __u64 until = bucket->until;
        __u64 then = (until > now ? until : now) + cost;
        if (then > now + bucket->depth)
            return false;
        if (__sync_val_compare_and_swap(&bucket->until, until, then) == until)
            return true;
    }
    return true; /* other processors have taken from it 16 times meanwhile: none of them will notice one packet */
}

/* Take octets out of both buckets of a flow, or out of none. */
static __always_inline bool within(struct relay_slot *slot, __u64 now, __u32 octets)
{
    struct relay_bucket *own = NULL, *shared = NULL;
    __u32 index = slot->buckets[0];

    if (index)
        own = bpf_map_lookup_elem(&buckets, &index);
    index = slot->buckets[1];
    if (index)
        shared = bpf_map_lookup_elem(&buckets, &index);
    if (own && !take(own, now, octets))
        return false;
    if (shared && !take(shared, now, octets)) {
        if (own)
            __sync_fetch_and_sub(&own->until, own->cost * octets >> 16);
        return false;
    }
    return true;
}

/* Note what the latched source has said last, for the latch in user space. */
static __always_inline void hear(struct relay_slot *slot, const struct packet *packet)
{
    slot->seen = packet->now;
    if (packet->kind == RTP) {
        slot->ssrc = packet->ssrc;
        slot->sequence = packet->sequence;
        slot->timestamp = packet->timestamp;
        slot->rtp_seen = packet->now;
        slot->heard = RELAY_HEARD_RTP;
    } else if (packet->kind == RTCP) {
        slot->rtcp_ssrc = packet->ssrc;
        slot->heard |= RELAY_HEARD_RTCP;
    }
}

static __always_inline void count(struct relay_slot *slot, const struct packet *packet)
{
    if (packet->kind == RTP) {
        __sync_fetch_and_add(&slot->packets, 1);
        __sync_fetch_and_add(&slot->octets, packet->size);
    } else {
        __sync_fetch_and_add(&slot->rtcp_packets, 1);
        __sync_fetch_and_add(&slot->rtcp_octets, packet->size);
    }
}

/* Note how it arrives. `end` is the frame's. */
static __always_inline void measure(struct relay_slot *slot, const struct packet *packet, const void *end)
{
    const __u8 *payload = packet->payload;
    struct relay_slot *other;
    __u8 head[METER_HEAD] = {};

    if (packet->kind == RTP) {
        if ((const void *)(payload + METER_HEADER) <= end)
            meter_packet(&slot->meter, payload, slot->clock, packet->now);
        return;
    }
    other = bpf_map_lookup_elem(&slots, &slot->other);
    if (!other)
        return;
    if ((const void *)(payload + METER_HEAD) <= end)
        __builtin_memcpy(head, payload, METER_HEAD);
    else if ((const void *)(payload + RTCP_SIZE + 24) <= end)
        __builtin_memcpy(head, payload, RTCP_SIZE + 24); /* a receiver report with one block */
    else
        return;
    meter_report(&slot->reports, &other->reports, head, packet->size, packet->now);
}

/* Whither, and by which interface: as the host itself would send it. */
static __always_inline long route(void *ctx, struct bpf_fib_lookup *way, const struct relay_slot *slot,
                                  const struct packet *packet)
{
    way->ifindex = LOOPBACK;
    way->l4_protocol = IPPROTO_UDP;
    way->sport = slot->from.port;
    way->dport = slot->to.port;
    if (packet->family == 4) {
        way->family = AF_INET;
        way->tot_len = sizeof(struct iphdr) + sizeof(struct udphdr) + packet->size;
        way->tos = slot->tos;
        __builtin_memcpy(&way->ipv4_src, slot->from.host, 4);
        __builtin_memcpy(&way->ipv4_dst, slot->to.host, 4);
    } else {
        way->family = AF_INET6;
        way->tot_len = sizeof(struct ipv6hdr) + sizeof(struct udphdr) + packet->size;
        way->flowinfo = bpf_htonl((__u32)slot->tos << 20);
        __builtin_memcpy(way->ipv6_src, slot->from.host, 16);
        __builtin_memcpy(way->ipv6_dst, slot->to.host, 16);
    }
    return bpf_fib_lookup(ctx, way, sizeof(*way), 0);
}

/* The same for TC, which needs no neighbour of it, and so may believe for a while what it has found. Of IPv4 alone: that is
 * one word, which no other processor sees half written. */
static __always_inline long route_anew(void *ctx, struct bpf_fib_lookup *way, struct relay_slot *slot,
                                       const struct packet *packet)
{
    __u64 hop = slot->hop;
    long found;

    if (packet->family == 4 && packet->now < slot->hop_until && packet->size <= slot->hop_size) {
        way->family = AF_INET;
        way->ifindex = hop >> 32;
        way->ipv4_dst = (__u32)hop;
        return BPF_FIB_LKUP_RET_SUCCESS;
    }
    found = route(ctx, way, slot, packet);
    if (packet->family == 4 && (found == BPF_FIB_LKUP_RET_SUCCESS || found == BPF_FIB_LKUP_RET_NO_NEIGH)) {
        slot->hop = (__u64)way->ifindex << 32 | way->ipv4_dst;
        slot->hop_size = packet->size;
        slot->hop_until = packet->now + RELAY_ROUTE;
    }
    return found;
}

/* Whether XDP may send to this neighbour by itself. Now and then it may not: what the stack does not use it does not ask
 * after, and a neighbour that has got another MAC would never be found again. */
static __always_inline bool sure(struct relay_slot *slot, const struct bpf_fib_lookup *way, __u64 now)
{
    struct neighbour key = {.device = way->ifindex};
    __u64 *last;

    if (!bpf_map_lookup_elem(&outlets, &key.device))
        return false;
    if (now - slot->confirmed < RELAY_CONFIRM)
        return true;
    __builtin_memcpy(key.mac, way->dmac, ETH_ALEN);
    last = bpf_map_lookup_elem(&confirmed, &key);
    if (!last || now - *last >= RELAY_CONFIRM) {
        bpf_map_update_elem(&confirmed, &key, &now, BPF_ANY);
        return false;
    }
    slot->confirmed = *last;
    return true;
}

/* Judge a packet that came to one of our flows. In front of the stack (`xdp`) only what can be sent from there is
 * forwarded; what goes up comes by here again, behind it, and is counted there. */
static __always_inline enum fate judge(void *ctx, struct relay_slot *slot, struct packet *packet,
                                       struct bpf_fib_lookup *way, const void *end, bool xdp)
{
    long found;

    if (!from_source(slot, packet)) {
        if ((__s64)(packet->now - slot->seen) >= (__s64)RELAY_SILENCE) {
            if (!xdp)
                ring(slot, &slot->strangers);
            return UP;
        }
        __sync_fetch_and_add(&slot->wrong_source, 1);
        return DROPPED;
    }
    hear(slot, packet);
    if (packet->odd || !(slot->takes & packet->kind) || packet->size > slot->longest) {
        if (!xdp)
            ring(slot, &slot->others);
        return UP;
    }
    found = xdp ? route(ctx, way, slot, packet) : route_anew(ctx, way, slot, packet);
    if (xdp) {
        if (found != BPF_FIB_LKUP_RET_SUCCESS || packet->partial || !sure(slot, way, packet->now))
            return UP;
    } else if (found != BPF_FIB_LKUP_RET_SUCCESS && found != BPF_FIB_LKUP_RET_NO_NEIGH) {
        ring(slot, found == BPF_FIB_LKUP_RET_FRAG_NEEDED ? &slot->others : &slot->unrouted);
        return UP;
    }
    measure(slot, packet, end);
    if (!within(slot, packet->now, packet->size)) {
        ring(slot, &slot->policed);
        return DROPPED;
    }
    count(slot, packet);
    return FORWARD;
}

/* The slot of the flow a packet belongs to, entered; NULL if there is none. Who has entered leaves again. */
static __always_inline struct relay_slot *enter(const struct packet *packet)
{
    struct relay_address key;
    struct relay_slot *slot;
    __u32 *index;

    local_address(&key, packet);
    index = bpf_map_lookup_elem(&flows, &key);
    if (!index)
        return NULL;
    slot = bpf_map_lookup_elem(&slots, index);
    if (!slot)
        return NULL;
    if (__sync_fetch_and_add(&slot->gate, 1) & RELAY_SHUT || !same_address(&slot->local, &key)) {
        __sync_fetch_and_sub(&slot->gate, 1); /* the flow is being taken out, or the entry has become another's */
        return NULL;
    }
    return slot;
}

static __always_inline void leave(struct relay_slot *slot)
{
    __sync_fetch_and_sub(&slot->gate, 1);
}

SEC("xdp")
int sbc_xdp(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    struct bpf_fib_lookup way = {};
    struct packet packet = {};
    struct relay_slot *slot;
    enum fate fate;
    int action = XDP_PASS;

    if (!parse(&packet, data, end))
        return XDP_PASS;
    slot = enter(&packet);
    if (!slot)
        return XDP_PASS;
    packet.now = bpf_ktime_get_ns();
    fate = judge(ctx, slot, &packet, &way, end, true);
    if (fate == DROPPED) {
        action = XDP_DROP;
    } else if (fate == FORWARD) {
        rewrite_checksums(data, end, slot, &packet);
        rewrite_headers(data, end, slot, &packet);
        rewrite_ethernet(data, end, way.smac, way.dmac);
        action = way.ifindex == ctx->ingress_ifindex ? XDP_TX : bpf_redirect(way.ifindex, 0);
    }
    leave(slot);
    return action;
}

/* Send a packet on by the stack's own neighbours: it asks for those it does not know, and holds the packet meanwhile. */
static __always_inline int send(const struct bpf_fib_lookup *way)
{
    struct bpf_redir_neigh next = {.nh_family = way->family};

    if (way->family == AF_INET)
        next.ipv4_nh = way->ipv4_dst;
    else
        __builtin_memcpy(next.ipv6_nh, way->ipv6_dst, 16);
    return bpf_redirect_neigh(way->ifindex, &next, sizeof(next), 0);
}

SEC("tc")
int sbc_tc(struct __sk_buff *ctx)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    struct bpf_fib_lookup way = {};
    struct packet packet = {};
    struct relay_slot *slot;
    enum fate fate;
    int action = TC_ACT_UNSPEC; /* on to the filters of others, and to the stack */

    /* Not to this host; of another VLAN, whose own interface has its own filter; several datagrams that were joined. */
    if (ctx->pkt_type != 0 || ctx->vlan_present || ctx->gso_size)
        return TC_ACT_UNSPEC;
    if (data + HEADERS > end && ctx->len > (__u32)(end - data)) {
        if (bpf_skb_pull_data(ctx, ctx->len < HEADERS ? ctx->len : HEADERS))
            return TC_ACT_UNSPEC;
        data = (void *)(long)ctx->data;
        end = (void *)(long)ctx->data_end;
    }
    packet.length = ctx->len;
    if (!parse(&packet, data, end))
        return TC_ACT_UNSPEC;
    slot = enter(&packet);
    if (!slot)
        return TC_ACT_UNSPEC;
    packet.now = bpf_ktime_get_ns();
    fate = judge(ctx, slot, &packet, &way, end, false);
    if (fate == DROPPED) {
        action = TC_ACT_SHOT;
    } else if (fate == FORWARD) {
        replace_checksums(ctx, slot, &packet); /* the stack knows whether they are whole, or left to a device */
        data = (void *)(long)ctx->data;
        end = (void *)(long)ctx->data_end;
        rewrite_headers(data, end, slot, &packet);
        action = send(&way);
    }
    leave(slot);
    return action;
}
