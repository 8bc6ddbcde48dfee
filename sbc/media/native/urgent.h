/* A worker's claim to run as soon as packets come, before whatever else the machine does: real-time priority (sched(7)), as
   long as it takes but a part of a processor. What needs more is no more urgent than signalling, which would starve. */
#ifndef SBC_URGENT_H
#define SBC_URGENT_H

#include <stdbool.h>
#include <stdint.h>

#define URGENT_WINDOW 20000000ull /* ns from one look to the next: so long may a worker that is flooded keep others waiting */

/* cffi: from here, what Python may call */
/* Whether threads that the caller's makes may have real-time priority and give it back, and it has not been given another
   policy on purpose. It stays as it is. */
bool urgent_may(void);

/* Whether a thread is to have it that has used so much of the time passed (nanoseconds), and `has` it now. */
bool urgent_deserves(bool has, uint64_t used, uint64_t passed);

struct urgent {
    bool has;
    uint64_t seen; /* at the last look: the time, */
    uint64_t used; /* and that of the processor which the thread had used */
};

/* On the worker's own thread: first, if the priority may be had, and in each turn. `now` in nanoseconds. */
void urgent_begin(struct urgent *urgent, uint64_t now);
void urgent_see(struct urgent *urgent, uint64_t now);
/* cffi: to here */

#endif
