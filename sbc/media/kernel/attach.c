/* Puts the programs on interfaces and takes them off again, without ever touching another's. */
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "loader_relay.h"

/* Where our filter stands among those of an interface: behind none of them is it of use, as what they take is gone. */
#define TC_PRIORITY 1
#define TC_HANDLE 0x5bc            /* of the usual directory; of another it is made from its name, so that */
#define USUAL "/sys/fs/bpf/sbc" /* several SBCs may have theirs side by side, and each knows its own */
#define MOST_MAPS 16
#define LONGEST_PATH 256

/* Put the XDP program on an interface by a link that is pinned: it stays when the process ends, and nobody replaces it
 * unasked. In the driver, or (`generic`) in front of the stack. -EBUSY where there is another's program. */
int relay_attach_xdp(const struct relay *relay, int interface, int generic, const char *pin)
{
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
    int link = bpf_link_create(relay->xdp, interface, BPF_XDP, &options), error = 0;

    if (link < 0)
        return errno == EEXIST ? -EBUSY : -errno;
    if (bpf_obj_pin(link, pin))
        error = -errno; /* and with the link the program is gone */
    close(link);
    return error;
}

/* Let a link that another process has pinned run our program. The interface it is on; -ENODEV if that is gone. */
int relay_renew_xdp(const struct relay *relay, const char *pin)
{
    struct bpf_link_info info = {0};
    __u32 size = sizeof(info);
    int link = bpf_obj_get(pin), error = 0;

    if (link < 0)
        return -errno;
    if (bpf_link_update(link, relay->xdp, NULL) || bpf_obj_get_info_by_fd(link, &info, &size))
        error = -errno;
    close(link);
    if (error)
        return error;
    return info.xdp.ifindex ? (int)info.xdp.ifindex : -ENODEV;
}

/* Where the XDP program of an interface runs: 1 in the driver, 2 in front of the stack, 0: there is none. */
int relay_xdp_mode(int interface)
{
    LIBBPF_OPTS(bpf_xdp_query_opts, found);

    if (bpf_xdp_query(interface, 0, &found))
        return 0;
    return found.attach_mode == XDP_ATTACHED_DRV || found.attach_mode == XDP_ATTACHED_HW ? 1 : found.attach_mode ? 2 : 0;
}

int relay_detach_xdp(const char *pin)
{
    int link = bpf_obj_get(pin), error = 0;

    if (link < 0)
        return -errno;
    if (bpf_link_detach(link))
        error = -errno;
    close(link);
    if (unlink(pin))
        error = -errno;
    return error;
}

static __u32 id_of_map(int map)
{
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);

    return bpf_obj_get_info_by_fd(map, &info, &size) ? 0 : info.id;
}

/* The number of our TC program, by which filters know it. */
__u32 relay_tc_id(const struct relay *relay)
{
    struct bpf_prog_info info = {0};
    __u32 size = sizeof(info);

    return bpf_obj_get_info_by_fd(relay->tc, &info, &size) ? 0 : info.id;
}

/* A TC program that runs as a filter is pinned by its number: by that the next process knows it. To open any program by its
 * number CAP_SYS_ADMIN is needed. */
static int tc_pin(const struct relay *relay, __u32 id, char *path, size_t size)
{
    int length = relay->directory ? snprintf(path, size, "%s/tc-%u", relay->directory, id) : -1;

    return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

static int pin_tc(const struct relay *relay)
{
    char path[LONGEST_PATH];
    __u32 id = relay_tc_id(relay);
    int error = id ? tc_pin(relay, id, path, sizeof(path)) : -ENOENT;

    if (error)
        return error;
    return bpf_obj_pin(relay->tc, path) && errno != EEXIST ? -errno : 0;
}

/* A TC program by its number; -EBUSY where it has no pin of ours and cannot be looked at. */
static int find_tc(const struct relay *relay, __u32 id)
{
    char path[LONGEST_PATH];
    int program = tc_pin(relay, id, path, sizeof(path));

    if (!program)
        program = bpf_obj_get(path);
    if (program >= 0)
        return program;
    program = bpf_prog_get_fd_by_id(id);
    return program >= 0 ? program : errno == EPERM ? -EBUSY : -errno;
}

/* FNV-1a of the directory, of 31 bits. */
static __u32 tc_handle(const char *directory)
{
    __u32 hash = 2166136261u;

    if (!directory || !strcmp(directory, USUAL))
        return TC_HANDLE;
    for (; *directory; directory++)
        hash = (hash ^ (unsigned char)*directory) * 16777619u;
    return (hash & 0x7FFFFFFF) | 1;
}

/* Whether there is a filter in the place of an SBC that uses the directory. For this no capability is needed. */
int relay_seen_tc(const char *directory, int interface)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = interface, .attach_point = BPF_TC_INGRESS);
    LIBBPF_OPTS(bpf_tc_opts, asked, .handle = tc_handle(directory), .priority = TC_PRIORITY);

    return !bpf_tc_query(&hook, &asked);
}

/* Whether the filter in our place is ours: 1 where it runs this very program, 0 one with the same maps. -ENOENT where there is none, -EINVAL
 * where there is none of anybody's, -EBUSY where it is another's; -ESTALE where it is ours but looks into other maps than `relay` has. */
static int our_filter(const struct bpf_tc_hook *hook, const struct relay *relay)
{
    LIBBPF_OPTS(bpf_tc_opts, asked, .handle = tc_handle(relay->directory), .priority = TC_PRIORITY);
    __u32 maps[MOST_MAPS] = {0}, flows = id_of_map(relay->flows);
    struct bpf_prog_info info = {.nr_map_ids = MOST_MAPS, .map_ids = (__u64)(size_t)maps};
    __u32 size = sizeof(info);
    int program, error;

    error = bpf_tc_query(hook, &asked);
    if (error)
        return error;
    if (asked.prog_id && asked.prog_id == relay_tc_id(relay))
        return 1;
    program = find_tc(relay, asked.prog_id);
    if (program < 0)
        return program;
    error = bpf_obj_get_info_by_fd(program, &info, &size) ? -errno : 0;
    close(program);
    if (error)
        return error;
    if (info.id != asked.prog_id || strcmp(info.name, "sbc_tc"))
        return -EBUSY; /* whatever it is that stands where our pin should */
    for (int each = 0; each < MOST_MAPS; each++)
        if (maps[each] == flows)
            return 0;
    return -ESTALE;
}

/* Put the TC program on an interface, in place of an earlier one of ours; 1: it is there now, 0: it was. */
int relay_attach_tc(const struct relay *relay, int interface)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = interface, .attach_point = BPF_TC_INGRESS);
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = tc_handle(relay->directory), .priority = TC_PRIORITY, .prog_fd = relay->tc);
    int error = bpf_tc_hook_create(&hook);

    if (error && error != -EEXIST)
        return error;
    error = our_filter(&hook, relay);
    if (error > 0)
        return 0;
    if (error == -EBUSY)
        return error;
    if (!error || error == -ESTALE)
        options.flags = BPF_TC_F_REPLACE;
    else if (error == -ENOENT || error == -EINVAL)
        __atomic_store_n(&relay->lease->anew, relay_now(), __ATOMIC_SEQ_CST); /* none was there: what came meanwhile has passed by */
    error = pin_tc(relay); /* first: a filter that nobody knows would stay for ever */
    if (!error)
        error = bpf_tc_attach(&hook, &options);
    return error ? error : 1;
}

/* Take our TC program off. The clsact qdisc stays: it does nothing, and others may have taken it into use. */
int relay_detach_tc(const struct relay *relay, int interface)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = interface, .attach_point = BPF_TC_INGRESS);
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = tc_handle(relay->directory), .priority = TC_PRIORITY);
    int error = our_filter(&hook, relay);

    return error < 0 && error != -ESTALE ? error : bpf_tc_detach(&hook, &options);
}

/* Take off a TC program of ours whose maps nobody has any more: an earlier process's, whose pins are gone. */
int relay_sweep_tc(const struct relay *relay, int interface)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = interface, .attach_point = BPF_TC_INGRESS);

    return our_filter(&hook, relay) == -ESTALE ? relay_detach_tc(relay, interface) : 0;
}

/* Say what the programs may do at an interface: RELAY_FRAMES, RELAY_PEER. */
int relay_outlet(const struct relay *relay, int interface, __u32 may)
{
    __u32 key = (__u32)interface;

    if (may)
        return bpf_map_update_elem(relay->outlets, &key, &may, BPF_ANY) ? -errno : 0;
    return bpf_map_delete_elem(relay->outlets, &key) && errno != ENOENT ? -errno : 0;
}
