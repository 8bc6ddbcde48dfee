/* Where the kernel's program sends a packet: as the host itself would. */
#ifndef SBC_RELAY_ROUTE_H
#define SBC_RELAY_ROUTE_H

#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "relay_maps.h"
#include "relay_packet.h"
#include "relay_tables.h"

#define LOOPBACK 1 /* the interface index that stands for what the host itself sends, as user space's sockets do */
#define AF_INET 2
#define AF_INET6 10

/* Whither, and by which interface: as the host itself would send it. */
static __always_inline long route(void *ctx, struct bpf_fib_lookup *way, const struct relay_slot *slot,
                                  const struct packet *packet)
{
    way->ifindex = LOOPBACK;
    way->l4_protocol = IPPROTO_UDP;
    way->sport = slot->ports[2];
    way->dport = slot->ports[3];
    if (packet->family == 4) {
        way->family = AF_INET;
        way->tot_len = sizeof(struct iphdr) + sizeof(struct udphdr) + packet->size;
        way->tos = slot->tos;
        way->ipv4_src = slot->hosts[2];
        way->ipv4_dst = slot->hosts[3];
    } else {
        way->family = AF_INET6;
        way->tot_len = sizeof(struct ipv6hdr) + sizeof(struct udphdr) + packet->size;
        way->flowinfo = bpf_htonl((__u32)slot->tos << 20);
        __builtin_memcpy(way->ipv6_src, slot->wide[2], 16);
        __builtin_memcpy(way->ipv6_dst, slot->wide[3], 16);
    }
    return bpf_fib_lookup(ctx, way, sizeof(*way), 0);
}

/* The same for TC, which needs no neighbour of it, and so may believe for a while what it has found. Of IPv4 by hosts of
 * IPv4 alone: that is one word, which no other processor sees half written. */
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
    if (packet->family == 4 && way->family == AF_INET && (found == BPF_FIB_LKUP_RET_SUCCESS || found == BPF_FIB_LKUP_RET_NO_NEIGH)) {
        slot->hop = (__u64)way->ifindex << 32 | way->ipv4_dst;
        slot->hop_size = (__u16)packet->size;
        slot->hop_until = packet->now + RELAY_ROUTE;
    }
    return found;
}

/* Whether an interface has what `outlets` says of it. */
static __always_inline bool may(__u32 device, __u32 what)
{
    __u32 *has = bpf_map_lookup_elem(&outlets, &device);

    return has && *has & what;
}

/* Whether XDP may send to this neighbour by itself. Now and then it may not: what the stack does not use it does not ask
 * after, and a neighbour that has got another MAC would never be found again. */
static __always_inline bool sure(struct relay_slot *slot, const struct bpf_fib_lookup *way, __u64 now)
{
    struct neighbour key = {.device = way->ifindex};
    __u64 *last;

    if (!may(way->ifindex, RELAY_FRAMES))
        return false;
    if ((__u32)(now >> RELAY_LONG) - slot->confirmed < (__u32)(RELAY_CONFIRM >> RELAY_LONG))
        return true;
    __builtin_memcpy(key.mac, way->dmac, ETH_ALEN);
    last = bpf_map_lookup_elem(&confirmed, &key);
    if (!last || now - *last >= RELAY_CONFIRM) {
        bpf_map_update_elem(&confirmed, &key, &now, BPF_ANY);
        return false;
    }
    slot->confirmed = (__u32)(*last >> RELAY_LONG);
    return true;
}

/* Whom a packet goes to next, as in a packet; of IPv4 the rest is 0. */
static __always_inline void next_host(__u32 *host, const struct bpf_fib_lookup *way)
{
    bool wide = way->family == AF_INET6;

    host[0] = way->ipv6_dst[0];
    host[1] = wide ? way->ipv6_dst[1] : 0;
    host[2] = wide ? way->ipv6_dst[2] : 0;
    host[3] = wide ? way->ipv6_dst[3] : 0;
}

static __always_inline bool is_hop(const struct hop *hop, __u32 device, const __u32 *host)
{
    return hop->device == device && hop->host[0] == host[0] && hop->host[1] == host[1] && hop->host[2] == host[2] &&
           hop->host[3] == host[3];
}

/* See anew whether packets may be handed over to the next host, and by which of the link's addresses. The way may by now lead to
 * another, where its route has changed: then nothing is learned of this one. */
static __always_inline void find_near(void *ctx, struct hop *hop, const struct relay_slot *slot, const struct packet *packet)
{
    struct bpf_fib_lookup way = {};
    __u32 host[4];

    hop->near = false;
    hop->until = packet->now + RELAY_ROUTE;
    if (!may(hop->device, RELAY_PEER) || route(ctx, &way, slot, packet) != BPF_FIB_LKUP_RET_SUCCESS)
        return;
    next_host(host, &way);
    hop->near = is_hop(hop, way.ifindex, host);
    __builtin_memcpy(hop->from, way.smac, ETH_ALEN);
    __builtin_memcpy(hop->to, way.dmac, ETH_ALEN);
}

/* The next host, if TC may hand it packets at once: at the other end of a veth, without the queue and the processor's next
 * turn that sending costs there. NULL: it is for the stack to send, as is now and then one for the host at hand (see `sure`). */
static __always_inline const struct hop *near_hop(void *ctx, const struct bpf_fib_lookup *way, const struct relay_slot *slot,
                                                  const struct packet *packet)
{
    __u32 host[4], place;
    struct hop *hop;
    bool same;

    next_host(host, way);
    place = ((host[0] ^ host[1] ^ host[2] ^ host[3] ^ way->ifindex) * 2654435761u >> 24) % RELAY_HOPS;
    hop = bpf_map_lookup_elem(&hops, &place);
    if (!hop)
        return NULL;
    same = is_hop(hop, way->ifindex, host);
    if (packet->now >= hop->until) {
        if (!same) {
            __builtin_memcpy(hop->host, host, sizeof(host));
            hop->device = way->ifindex;
            hop->asked = 0;
        }
        find_near(ctx, hop, slot, packet);
        same = true;
    }
    if (!same || !hop->near) /* another's place is not taken from it while that is known */
        return NULL;
    if (packet->now - hop->asked >= RELAY_CONFIRM) {
        hop->asked = packet->now;
        return NULL;
    }
    return hop;
}

#endif
