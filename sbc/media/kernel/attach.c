/* Puts the programs on interfaces and takes them off again, without ever touching another's. */
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "loader_relay.h"

/* Where our filter stands among those of an interface: behind none of them is it of use, as what they take is gone. */
#define TC_PRIORITY 1
#define TC_HANDLE 0x5bc
#define MOST_MAPS 16

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

/* Whether the filter in our place is ours. -ENOENT where there is none, -EBUSY where it is another's; -ESTALE where it is
 * ours but looks into other maps than `relay` has (NULL: does not matter). */
static int our_filter(struct bpf_tc_hook *hook, const struct relay *relay)
{
    LIBBPF_OPTS(bpf_tc_opts, asked, .handle = TC_HANDLE, .priority = TC_PRIORITY);
    __u32 maps[MOST_MAPS] = {0}, flows = relay ? id_of_map(relay->flows) : 0;
    struct bpf_prog_info info = {.nr_map_ids = MOST_MAPS, .map_ids = (__u64)(size_t)maps};
    __u32 size = sizeof(info);
    int program, error;

    error = bpf_tc_query(hook, &asked);
    if (error)
        return error;
    program = bpf_prog_get_fd_by_id(asked.prog_id);
    if (program < 0)
        return -errno;
    error = bpf_obj_get_info_by_fd(program, &info, &size) ? -errno : 0;
    close(program);
    if (error)
        return error;
    if (strcmp(info.name, "sbc_tc"))
        return -EBUSY;
    for (int each = 0; each < MOST_MAPS; each++)
        if (!relay || maps[each] == flows)
            return 0;
    return -ESTALE;
}

/* Put the TC program on an interface, in place of an earlier one of ours. */
int relay_attach_tc(const struct relay *relay, int interface)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = interface, .attach_point = BPF_TC_INGRESS);
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = TC_HANDLE, .priority = TC_PRIORITY, .prog_fd = relay->tc);
    int error = bpf_tc_hook_create(&hook);

    if (error && error != -EEXIST)
        return error;
    error = our_filter(&hook, NULL);
    if (error == -EBUSY)
        return error;
    if (!error)
        options.flags = BPF_TC_F_REPLACE;
    return bpf_tc_attach(&hook, &options);
}

/* Take our TC program off. The clsact qdisc stays: it does nothing, and others may have taken it into use. */
int relay_detach_tc(int interface)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = interface, .attach_point = BPF_TC_INGRESS);
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = TC_HANDLE, .priority = TC_PRIORITY);
    int error = our_filter(&hook, NULL);

    return error ? error : bpf_tc_detach(&hook, &options);
}

/* Take off a TC program of ours whose maps nobody has any more: an earlier process's, whose pins are gone. */
int relay_sweep_tc(const struct relay *relay, int interface)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = interface, .attach_point = BPF_TC_INGRESS);

    return our_filter(&hook, relay) == -ESTALE ? relay_detach_tc(interface) : 0;
}

/* Say whether XDP may send by an interface itself. */
int relay_outlet(const struct relay *relay, int interface, int takes)
{
    __u32 key = (__u32)interface, value = 1;

    if (takes)
        return bpf_map_update_elem(relay->outlets, &key, &value, BPF_ANY) ? -errno : 0;
    return bpf_map_delete_elem(relay->outlets, &key) && errno != ENOENT ? -errno : 0;
}
