/* Looks for what user space must see to: a bit for each slot, no system call. */
#include "loader_relay.h"

/* From now on look after a slot, or no more. */
void relay_watch(struct relay *relay, __u32 index, int watched)
{
    const struct relay_slot *slot = &relay->slots[index];

    relay->watched[index] = (struct watched){watched, slot->strangers, slot->others, slot->unrouted, slot->policed};
}

static __u32 changed(const struct watched *then, const struct relay_slot *now)
{
    __u32 what = 0;

    if (then->strangers != now->strangers)
        what |= RELAY_STRANGERS;
    if (then->others != now->others)
        what |= RELAY_OTHERS;
    if (then->unrouted != now->unrouted)
        what |= RELAY_UNROUTED;
    if (then->policed != now->policed)
        what |= RELAY_POLICED;
    return what;
}

/* What has happened at one slot since it was looked at last. */
static __u32 look_at(struct relay *relay, __u32 index)
{
    __u32 what = relay->watched[index].on ? changed(&relay->watched[index], &relay->slots[index]) : 0;

    if (what)
        relay_watch(relay, index, 1);
    return what;
}

/* The slots (`found`) at which something has happened since the last look, and what; how many. At most `most`, which is 64
 * or more: the others are found by the next look, which begins where this one has ended. */
int relay_look(struct relay *relay, __u32 *found, __u32 *what, int most)
{
    const __u32 words = relay->room / 64 + 1;
    int count = 0;

    for (__u32 n = 0; n < words && count + 64 <= most; n++) {
        const __u32 word = relay->next;
        __u64 bits = relay->news[word] ? __atomic_exchange_n(&relay->news[word], 0, __ATOMIC_SEQ_CST) : 0;
        for (; bits; bits &= bits - 1) {
            __u32 index = word * 64 + (__u32)__builtin_ctzll(bits);
            if (index < relay->room && (what[count] = look_at(relay, index)))
                found[count++] = index;
        }
        relay->next = (word + 1) % words;
    }
    return count;
}
