/* What the kernel's program reads of a frame: enough to know the flow it belongs to and whether it may be forwarded. */
#ifndef SBC_RELAY_PACKET_H
#define SBC_RELAY_PACKET_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "relay_maps.h"

#define HEADERS 154 /* octets that may be looked at: Ethernet, IPv6, a fragment's head, UDP, RTP with 15 CSRCs and an extension's head */
#define RTP_SIZE 12
#define RTCP_SIZE 8

enum { RTP = RELAY_RTP, RTCP = RELAY_RTCP };

struct packet {
    __u64 now;
    __u32 length; /* of the whole frame, where not all of it can be looked at; 0: as far as its end */
    __u32 size;   /* octets of UDP payload */
    __u32 ssrc;
    __u32 timestamp;
    __u16 sequence;
    __u16 source_port, local_port;
    __u8 family;  /* 4 or 6 */
    __u8 kind;    /* RTP, RTCP, 0: neither */
    __u8 partial; /* the UDP checksum may not have been computed yet */
    __u8 tos;     /* DSCP and ECN as it came; once it is to be forwarded, as it leaves */
    __u8 odd;     /* something about its headers is for the stack to deal with */
    __u8 part;    /* the first fragment of a datagram: its headers, of which `size` is what the whole has */
    __u16 joined; /* so many datagrams of one flow that were joined, of which this is the first; 0: it is one */
    __u32 source[4], local[4];
    const __u8 *payload;
};

static __always_inline __u32 fold(__u64 sum)
{
    sum = (sum & 0xFFFF) + (sum >> 16 & 0xFFFF) + (sum >> 32 & 0xFFFF) + (sum >> 48);
    sum = (sum & 0xFFFF) + (sum >> 16);
    return (sum & 0xFFFF) + (sum >> 16);
}

/* As 32-bit words or the 16-bit words in them, ones' complement sums come out the same (RFC 1071 section 2). */
static __always_inline __u64 sum_of(const __u32 *words, int count)
{
    __u64 sum = 0;

#pragma unroll
    for (int i = 0; i < count; i++)
        sum += words[i];
    return sum;
}

/* RTP or RTCP by RFC 5761 section 4, whole as far as their own lengths say: what classify() of sbc/media/packet.py calls so.
 * `size` is that of the payload at `at`. */
static __always_inline void classify(struct packet *packet, const __u8 *at, const void *end, __u32 size)
{
    __u32 begin;

    if (size < RTCP_SIZE || (void *)(at + RTCP_SIZE) > end || at[0] >> 6 != 2)
        return;
    if (at[1] >= 192 && at[1] <= 223) {
        if (4 + 4 * ((__u32)at[2] << 8 | at[3]) > size)
            return;
        packet->ssrc = (__u32)at[4] << 24 | (__u32)at[5] << 16 | (__u32)at[6] << 8 | at[7];
        packet->kind = RTCP;
        return;
    }
    if (size < RTP_SIZE || (void *)(at + RTP_SIZE) > end)
        return;
    begin = RTP_SIZE + 4 * (at[0] & 0x0F);
    if (at[0] & 0x10) {
        const __u8 *extension = at + begin;
        if (begin + 4 > size || (void *)(extension + 4) > end)
            return;
        begin += 4 + 4 * ((__u32)extension[2] << 8 | extension[3]);
    }
    if (begin > size)
        return;
    packet->sequence = (__u16)(at[2] << 8 | at[3]);
    packet->timestamp = (__u32)at[4] << 24 | (__u32)at[5] << 16 | (__u32)at[6] << 8 | at[7];
    packet->ssrc = (__u32)at[8] << 24 | (__u32)at[9] << 16 | (__u32)at[10] << 8 | at[11];
    packet->kind = RTP;
}

/* The UDP header and what is behind it. A sender that leaves the checksum to its device puts the sum of the pseudo header
 * there (one whole checksum in 65,536 looks the same, which costs it a detour, no more). */
static __always_inline bool parse_udp(struct packet *packet, struct udphdr *udp, void *end, __u32 room)
{
    __u32 length;
    __u64 sum;

    if ((void *)(udp + 1) > end)
        return false;
    length = bpf_ntohs(udp->len);
    if (length < sizeof(*udp) || (packet->part ? length <= room : length != room))
        return false;
    packet->size = length - sizeof(*udp);
    packet->source_port = udp->source;
    packet->local_port = udp->dest;
    sum = sum_of(packet->source, 4) + sum_of(packet->local, 4) + udp->len + bpf_htons(IPPROTO_UDP);
    packet->partial = udp->check && fold(sum) == udp->check;
    if (packet->family == 6 && !udp->check)
        packet->odd = 1; /* not allowed (RFC 8200 section 8.1) */
    packet->payload = (const __u8 *)(udp + 1);
    classify(packet, packet->payload, end, packet->size);
    return true;
}

static __always_inline bool parse4(struct packet *packet, struct iphdr *ip, void *end, __u32 room)
{
    __u32 length;

    if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl != 5 || ip->protocol != IPPROTO_UDP)
        return false; /* options are for the stack, and for user space without them */
    length = bpf_ntohs(ip->tot_len);
    if (ip->frag_off & bpf_htons(0x1FFF) || length < sizeof(*ip) || length > room || ip->ttl <= 1)
        return false;
    packet->part = !!(ip->frag_off & bpf_htons(0x2000));
    packet->family = 4;
    packet->tos = ip->tos;
    packet->source[0] = ip->saddr;
    packet->local[0] = ip->daddr;
    return parse_udp(packet, (struct udphdr *)(ip + 1), end, length - sizeof(*ip));
}

/* What says that a packet of IPv6 is a fragment (RFC 8200 section 4.5). */
struct part {
    __u8 next, reserved;
    __be16 place; /* offset in the whole, and in the last bit whether more follows */
    __be32 whole;
};

static __always_inline bool parse6(struct packet *packet, struct ipv6hdr *ip, void *end, __u32 room)
{
    struct part *part = (struct part *)(ip + 1);
    struct udphdr *udp = (struct udphdr *)part;
    __u32 length;

    if ((void *)(ip + 1) > end || ip->version != 6 || ip->hop_limit <= 1)
        return false;
    length = bpf_ntohs(ip->payload_len);
    if (length + sizeof(*ip) > room)
        return false;
    if (ip->nexthdr == IPPROTO_FRAGMENT) {
        if ((void *)(part + 1) > end || part->next != IPPROTO_UDP || (part->place & bpf_htons(0xFFF9)) != bpf_htons(1) ||
            length < sizeof(*part))
            return false;
        packet->part = 1;
        udp = (struct udphdr *)(part + 1);
        length -= sizeof(*part);
    } else if (ip->nexthdr != IPPROTO_UDP) {
        return false; /* other extension headers are for the stack */
    }
    packet->family = 6;
    packet->tos = (__u8)(ip->priority << 4 | ip->flow_lbl[0] >> 4);
    __builtin_memcpy(packet->source, &ip->saddr, 16);
    __builtin_memcpy(packet->local, &ip->daddr, 16);
    return parse_udp(packet, udp, end, length);
}

/* Read a frame; false if it is none that could be forwarded. A tagged one is not: the interface of its VLAN has a program
 * of its own. */
static __always_inline bool parse(struct packet *packet, void *data, void *end)
{
    struct ethhdr *ethernet = data;
    __u32 length = packet->length ? packet->length : (__u32)(end - data);

    if ((void *)(ethernet + 1) > end || ethernet->h_dest[0] & 1)
        return false; /* no frame is forwarded that went to many */
    length -= sizeof(*ethernet);
    if (ethernet->h_proto == bpf_htons(ETH_P_IP))
        return parse4(packet, (struct iphdr *)(ethernet + 1), end, length);
    if (ethernet->h_proto == bpf_htons(ETH_P_IPV6))
        return parse6(packet, (struct ipv6hdr *)(ethernet + 1), end, length);
    return false;
}

static __always_inline void local_address(struct relay_address *key, const struct packet *packet)
{
    __builtin_memcpy(key->host, packet->local, 16);
    key->port = packet->local_port;
    key->family = packet->family;
    key->protocol = 0;
}

static __always_inline bool same_host(const __u8 *wide, const __u32 *host)
{
    const __u32 *own = (const __u32 *)wide;

    return own[0] == host[0] && own[1] == host[1] && own[2] == host[2] && own[3] == host[3];
}

/* Whether a slot is of the flow that a packet belongs to. */
static __always_inline bool is_flow_of(const struct relay_slot *slot, const struct packet *packet)
{
    if (slot->family != packet->family || slot->ports[0] != packet->local_port)
        return false;
    return packet->family == 4 ? slot->hosts[0] == packet->local[0] : same_host(slot->wide[0], packet->local);
}

static __always_inline bool from_source(const struct relay_slot *slot, const struct packet *packet)
{
    if (packet->source_port != slot->ports[1])
        return false;
    return packet->family == 4 ? slot->hosts[1] == packet->source[0] : same_host(slot->wide[1], packet->source);
}

#endif
