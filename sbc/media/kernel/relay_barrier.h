/* How the kernel's program keeps those who are banned from the ports that we signal at. */
#ifndef SBC_RELAY_BARRIER_H
#define SBC_RELAY_BARRIER_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "relay_maps.h"
#include "relay_route.h"
#include "relay_tables.h"

/* Where a packet of TCP or UDP goes, and where it comes from, as a ban names it. */
struct ends {
    struct relay_address to;
    struct relay_banned from;
};

/* The ports stand first in both. */
static __always_inline bool find_ports(struct ends *ends, const __u16 *ports, const void *end, __u8 protocol)
{
    if ((protocol != IPPROTO_UDP && protocol != IPPROTO_TCP) || (const void *)(ports + 2) > end)
        return false;
    ends->from.source.port = ports[0];
    ends->to.port = ports[1];
    ends->to.protocol = protocol;
    return true;
}

/* Options, too: they are no way past. Of a datagram in fragments the first one has the ports, and without it the others are
 * nothing. */
static __always_inline bool find_ends4(struct ends *ends, const struct iphdr *ip, const void *end)
{
    if ((const void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5 || ip->frag_off & bpf_htons(0x1FFF))
        return false;
    ends->from.source.family = ends->to.family = 4;
    __builtin_memcpy(ends->from.source.host, &ip->saddr, 4);
    __builtin_memcpy(ends->to.host, &ip->daddr, 4);
    return find_ports(ends, (const void *)ip + 4 * ip->ihl, end, ip->protocol);
}

/* What has extension headers user space sees to. */
static __always_inline bool find_ends6(struct ends *ends, const struct ipv6hdr *ip, const void *end)
{
    if ((const void *)(ip + 1) > end || ip->version != 6)
        return false;
    ends->from.source.family = ends->to.family = 6;
    __builtin_memcpy(ends->from.source.host, &ip->saddr, 16);
    __builtin_memcpy(ends->to.host, &ip->daddr, 16);
    return find_ports(ends, (const void *)(ip + 1), end, ip->nexthdr);
}

static __always_inline bool find_ends(struct ends *ends, const void *data, const void *end)
{
    const struct ethhdr *ethernet = data;

    if ((const void *)(ethernet + 1) > end)
        return false;
    if (ethernet->h_proto == bpf_htons(ETH_P_IP))
        return find_ends4(ends, (const void *)(ethernet + 1), end);
    if (ethernet->h_proto == bpf_htons(ETH_P_IPV6))
        return find_ends6(ends, (const void *)(ethernet + 1), end);
    return false;
}

/* The number of the realm that we signal in there, at that address or (`any`) at all of ours; 0: we do not. */
static __always_inline __u32 realm_at(struct relay_address to, bool *any)
{
    __u32 *realm = bpf_map_lookup_elem(&doors, &to);

    *any = !realm;
    if (!realm) {
        __builtin_memset(to.host, 0, sizeof(to.host));
        realm = bpf_map_lookup_elem(&doors, &to);
    }
    return realm ? *realm : 0;
}

/* Whether an address is this host's own, and not one of those it is only on the way to. */
static __always_inline bool is_ours(void *ctx, const struct ends *ends)
{
    struct bpf_fib_lookup way = {.ifindex = LOOPBACK};
    long found;

    if (ends->to.family == 4) {
        way.family = AF_INET;
        __builtin_memcpy(&way.ipv4_src, ends->from.source.host, 4);
        __builtin_memcpy(&way.ipv4_dst, ends->to.host, 4);
    } else {
        way.family = AF_INET6;
        __builtin_memcpy(way.ipv6_src, ends->from.source.host, 16);
        __builtin_memcpy(way.ipv6_dst, ends->to.host, 16);
    }
    found = bpf_fib_lookup(ctx, &way, sizeof(way), 0);
    return found == BPF_FIB_LKUP_RET_NOT_FWDED || found == BPF_FIB_LKUP_RET_FWD_DISABLED;
}

/* The ban of a source, while it lasts: of that port, or of all. The port is lost where it is not found at once. */
static __always_inline struct relay_ban *find_ban(struct relay_banned *from, __u64 now)
{
    struct relay_ban *ban = bpf_map_lookup_elem(&bans, from);

    if (ban && now < ban->until)
        return ban;
    from->source.port = 0;
    ban = bpf_map_lookup_elem(&bans, from);
    return ban && now < ban->until ? ban : NULL;
}

/* Whether a frame is to be dropped, and counted, because its sender is banned from where it goes. Of a process that has ended
 * no ban outlives the lease. */
static __always_inline bool barred(void *ctx, const void *data, const void *end)
{
    __u32 index = 0;
    struct relay_barrier *all = bpf_map_lookup_elem(&barrier, &index);
    struct relay_lease *held = bpf_map_lookup_elem(&lease, &index);
    __u64 now;
    struct ends ends = {};
    struct relay_ban *ban;
    bool any;

    if (!all || !held || !all->bans || !find_ends(&ends, data, end))
        return false;
    ends.from.realm = realm_at(ends.to, &any);
    if (!ends.from.realm)
        return false;
    now = bpf_ktime_get_ns();
    ban = find_ban(&ends.from, now);
    if (!ban || now >= held->until || (any && !is_ours(ctx, &ends)))
        return false;
    __sync_fetch_and_add(&ban->dropped, 1);
    __sync_fetch_and_add(&all->dropped, 1);
    return true;
}

#endif
