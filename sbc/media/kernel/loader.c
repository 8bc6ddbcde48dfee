/* Loads the kernel's programs and maps with libbpf, keeps them pinned, and puts flows in and out. See relay_maps.h. */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "loader_relay.h"

static const char *const MAPS[] = {"flows", "slots", "buckets", "news", "outlets", "confirmed", "lease", "marks"}; /* that are pinned */
#define LONGEST_WAIT 1000000000ull /* ns to wait for a program to leave a slot; it takes microseconds */

__u64 relay_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (__u64)now.tv_sec * 1000000000u + (__u64)now.tv_nsec;
}

/* libbpf's words on why a program is refused; the last of them say it. */
static __thread char last_words[512];

static int listen_to_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
    if (level == LIBBPF_WARN)
        vsnprintf(last_words, sizeof(last_words), format, arguments);
    return 0;
}

static void say(char *why, size_t size, const char *what, int error)
{
    size_t end = strcspn(last_words, "\n");

    snprintf(why, size, "%s: %s%s%.*s", what, strerror(error < 0 ? -error : error), end ? "; " : "", (int)end, last_words);
}

static int prepare_maps(struct relay *relay, const char *directory)
{
    char path[256];

    for (size_t each = 0; each < sizeof(MAPS) / sizeof(*MAPS); each++) {
        struct bpf_map *map = bpf_object__find_map_by_name(relay->object, MAPS[each]);
        if (!map || (size_t)snprintf(path, sizeof(path), "%s/%s", directory ? directory : "", MAPS[each]) >= sizeof(path))
            return -ENAMETOOLONG;
        if (each < 2)
            bpf_map__set_max_entries(map, relay->room);
        else if (each == 2)
            bpf_map__set_max_entries(map, relay->room + RELAY_REALMS);
        else if (each == 3)
            bpf_map__set_max_entries(map, relay->room / 64 + 1);
        if (directory && bpf_map__set_pin_path(map, path))
            return -errno;
    }
    return 0;
}

static void *share(int map, size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);

    return at == MAP_FAILED ? NULL : at;
}

static int find_maps(struct relay *relay)
{
    relay->flows = bpf_object__find_map_fd_by_name(relay->object, "flows");
    relay->outlets = bpf_object__find_map_fd_by_name(relay->object, "outlets");
    relay->bans = bpf_object__find_map_fd_by_name(relay->object, "bans");
    relay->doors = bpf_object__find_map_fd_by_name(relay->object, "doors");
    relay->slots = share(bpf_object__find_map_fd_by_name(relay->object, "slots"), relay->room * sizeof(*relay->slots));
    relay->buckets = share(bpf_object__find_map_fd_by_name(relay->object, "buckets"),
                           (relay->room + RELAY_REALMS) * sizeof(*relay->buckets));
    relay->news = share(bpf_object__find_map_fd_by_name(relay->object, "news"), (relay->room / 64 + 1) * sizeof(__u64));
    relay->lease = share(bpf_object__find_map_fd_by_name(relay->object, "lease"), sizeof(*relay->lease));
    relay->marks = share(bpf_object__find_map_fd_by_name(relay->object, "marks"), RELAY_TABLES * sizeof(*relay->marks));
    relay->barrier = share(bpf_object__find_map_fd_by_name(relay->object, "barrier"), sizeof(*relay->barrier));
    relay->watched = calloc(relay->room, sizeof(*relay->watched));
    return relay->slots && relay->buckets && relay->news && relay->lease && relay->marks && relay->barrier &&
                   relay->watched
               ? 0 : -ENOMEM;
}

/* Load the programs, with the maps that are pinned in `directory` or with new ones that are pinned there; NULL with `why`
 * if that cannot be. NULL for `directory`: nothing is pinned. `room`: flows there can be, slot 0 not counted, which serves nobody. */
struct relay *relay_load(const char *directory, __u32 room, char *why, size_t size)
{
    LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "sbc_relay");
    struct relay *relay = calloc(1, sizeof(*relay));
    int error;

    last_words[0] = 0;
    if (!relay) {
        say(why, size, "no memory", ENOMEM);
        return NULL;
    }
    libbpf_set_print(listen_to_libbpf);
    relay->room = room + 1;
    relay->object = bpf_object__open_mem(relay_object, relay_object_size, &options);
    if (!relay->object) {
        say(why, size, "cannot read the program", errno);
        free(relay);
        return NULL;
    }
    relay->directory = directory ? strdup(directory) : NULL;
    error = directory && !relay->directory ? -ENOMEM : prepare_maps(relay, directory);
    if (!error)
        error = bpf_object__load(relay->object);
    if (!error)
        error = find_maps(relay);
    if (error) {
        say(why, size, "cannot load the program", error);
        relay_free(relay);
        return NULL;
    }
    relay->xdp = bpf_program__fd(bpf_object__find_program_by_name(relay->object, "sbc_xdp"));
    relay->tc = bpf_program__fd(bpf_object__find_program_by_name(relay->object, "sbc_tc"));
    return relay;
}

/* Let go of it all; what is pinned or attached stays. */
void relay_free(struct relay *relay)
{
    if (relay->slots)
        munmap(relay->slots, relay->room * sizeof(*relay->slots));
    if (relay->buckets)
        munmap(relay->buckets, (relay->room + RELAY_REALMS) * sizeof(*relay->buckets));
    if (relay->news)
        munmap(relay->news, (relay->room / 64 + 1) * sizeof(__u64));
    if (relay->lease)
        munmap(relay->lease, sizeof(*relay->lease));
    if (relay->marks)
        munmap(relay->marks, RELAY_TABLES * sizeof(*relay->marks));
    if (relay->barrier)
        munmap(relay->barrier, sizeof(*relay->barrier));
    free(relay->watched);
    free(relay->directory);
    bpf_object__close(relay->object);
    free(relay);
}

struct relay_slot *relay_slots(struct relay *relay)
{
    return relay->slots;
}

struct bucket *relay_buckets(struct relay *relay)
{
    return relay->buckets;
}

struct relay_marks *relay_marks(struct relay *relay)
{
    return relay->marks;
}

struct relay_lease *relay_lease(struct relay *relay)
{
    return relay->lease;
}

/* Whether a bucket holds so much, and take it out. The programs draw from it meanwhile: at worst a packet is given away. */
int relay_has(struct relay *relay, __u32 bucket, __u64 octets)
{
    return bucket_has(&relay->buckets[bucket], octets, relay_now());
}

void relay_take(struct relay *relay, __u32 bucket, __u64 octets)
{
    bucket_take(&relay->buckets[bucket], octets, relay_now());
}

/* Let a bucket be filled by a rate from now on; see bucket_change(). */
void relay_fill(struct relay *relay, __u32 bucket, __u64 octets, __u64 burst)
{
    bucket_change(&relay->buckets[bucket], octets, burst, relay_now());
}

/* Let the kernel forward the flow that has been written into a slot. */
int relay_enter(struct relay *relay, __u32 index)
{
    struct relay_slot *slot = &relay->slots[index];

    __atomic_store_n(&slot->gate, 0, __ATOMIC_SEQ_CST);
    return bpf_map_update_elem(relay->flows, &slot->local, &index, BPF_NOEXIST) ? -errno : 0;
}

/* Let it forward it no more. When this returns the slot's counters are final. */
int relay_shut(struct relay *relay, __u32 index)
{
    struct relay_slot *slot = &relay->slots[index];
    __u64 begun = relay_now();

    __atomic_fetch_or(&slot->gate, RELAY_SHUT, __ATOMIC_SEQ_CST);
    if (relay_find(relay, &slot->local) == (int)index)
        bpf_map_delete_elem(relay->flows, &slot->local);
    while (__atomic_load_n(&slot->gate, __ATOMIC_SEQ_CST) != RELAY_SHUT) {
        if (relay_now() - begun > LONGEST_WAIT)
            return -EBUSY;
        sched_yield();
    }
    return 0;
}

/* The slot of the flow that comes to `local`. */
int relay_find(const struct relay *relay, const struct relay_address *local)
{
    __u32 index;

    return bpf_map_lookup_elem(relay->flows, local, &index) ? -errno : (int)index;
}

/* The address of ours that comes after one (NULL: the first) in no particular order. */
int relay_next(const struct relay *relay, const struct relay_address *after, struct relay_address *next)
{
    return bpf_map_get_next_key(relay->flows, after, next) ? -errno : 0;
}

/* Run one of the programs on a frame, as if it had come to the interface, for the tests. */
int relay_run(const struct relay *relay, int tc, int interface, const char *frame, __u32 size, char *out, __u32 *out_size,
              __u32 *action)
{
    struct xdp_md xdp = {.data_end = size, .ingress_ifindex = (__u32)interface};
    struct __sk_buff skb = {.ifindex = (__u32)interface};
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = size, .data_out = out,
                .data_size_out = *out_size, .repeat = 1);

    run.ctx_in = tc ? (void *)&skb : (void *)&xdp;
    run.ctx_size_in = tc ? sizeof(skb) : sizeof(xdp);
    if (bpf_prog_test_run_opts(tc ? relay->tc : relay->xdp, &run))
        return -errno;
    *out_size = run.data_size_out;
    *action = run.retval;
    return 0;
}
