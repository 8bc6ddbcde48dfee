/* Which interfaces take frames from XDP, and have programs of others in the way out. */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "loader.h"

/* Generic netlink, family "netdev" (Linux 6.3): linux/netdev.h of that version on, of which older headers know nothing. */
#define NETDEV_CMD_DEV_GET 1
#define NETDEV_A_DEV_IFINDEX 1
#define NETDEV_A_DEV_XDP_FEATURES 3
#define NETDEV_XDP_ACT_NDO_XMIT 4
#define BPF_TCX_EGRESS 47 /* enum bpf_attach_type, from Linux 6.6 on */

struct request {
    struct nlmsghdr head;
    struct genlmsghdr command;
    struct nlattr attribute;
    char value[16];
};

/* Ask one thing with one attribute, and find attribute `wanted` in the answer; its length, copied to `found`. */
static int ask(int sock, int family, int command, int version, int type, const void *value, size_t size, int wanted,
               void *found, size_t room)
{
    struct request request = {
        .head = {.nlmsg_type = (__u16)family, .nlmsg_flags = NLM_F_REQUEST},
        .command = {.cmd = (__u8)command, .version = (__u8)version},
        .attribute = {.nla_len = (__u16)(NLA_HDRLEN + size), .nla_type = (__u16)type},
    };
    char answer[8192];
    ssize_t got;

    memcpy(request.value, value, size);
    request.head.nlmsg_len = (__u32)(NLMSG_LENGTH(GENL_HDRLEN) + NLA_ALIGN(NLA_HDRLEN + size));
    if (send(sock, &request, request.head.nlmsg_len, 0) < 0 || (got = recv(sock, answer, sizeof(answer), 0)) < 0)
        return -errno;
    const struct nlmsghdr *head = (const struct nlmsghdr *)answer;
    if (!NLMSG_OK(head, (size_t)got) || head->nlmsg_len < NLMSG_LENGTH(GENL_HDRLEN))
        return -EBADMSG;
    if (head->nlmsg_type == NLMSG_ERROR)
        return ((const struct nlmsgerr *)NLMSG_DATA(head))->error;
    for (size_t at = NLMSG_LENGTH(GENL_HDRLEN); at + NLA_HDRLEN <= head->nlmsg_len;) {
        const struct nlattr *each = (const struct nlattr *)(answer + at);
        size_t length = each->nla_len;
        if (length < NLA_HDRLEN || at + length > head->nlmsg_len)
            return -EBADMSG;
        if ((each->nla_type & NLA_TYPE_MASK) == wanted && length - NLA_HDRLEN <= room) {
            memcpy(found, answer + at + NLA_HDRLEN, length - NLA_HDRLEN);
            return (int)(length - NLA_HDRLEN);
        }
        at += NLA_ALIGN(length);
    }
    return -ENOENT;
}

static int features(int sock, int interface, __u64 *found)
{
    __u32 index = (__u32)interface;
    __u16 family;
    int got = ask(sock, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, CTRL_ATTR_FAMILY_NAME, "netdev", 7, CTRL_ATTR_FAMILY_ID,
                  &family, sizeof(family));

    if (got < 0)
        return got;
    return ask(sock, family, NETDEV_CMD_DEV_GET, 1, NETDEV_A_DEV_IFINDEX, &index, sizeof(index), NETDEV_A_DEV_XDP_FEATURES,
               found, sizeof(*found));
}

/* Whether an interface sends frames that XDP redirects to it: 1 or 0; a negative errno where the kernel does not say, which
 * before Linux 6.3 it never does. (A veth does only while its peer has a program of its own, or GRO.) */
int interface_takes_frames(int interface)
{
    struct timeval patience = {.tv_sec = 1};
    __u64 found = 0;
    int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), error;

    if (sock < 0)
        return -errno;
    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    error = features(sock, interface, &found);
    close(sock);
    if (error < 0)
        return error;
    return !!(found & NETDEV_XDP_ACT_NDO_XMIT);
}

/* How many programs look at what leaves by an interface (tcx; those of clsact are not among them). 0 where the kernel has no
 * such places; else a negative errno where it does not say. */
int interface_programs(int interface)
{
    __u32 count = 0;

    if (bpf_prog_query(interface, BPF_TCX_EGRESS, 0, NULL, NULL, &count))
        return errno == EINVAL ? 0 : -errno;
    return (int)count;
}
