/* A worker: one thread, the streams that belong to it, and the rings by which the reactor's thread and it talk.

   Each turn: receive a batch, whatever sockets it came from; carry out what the reactor has asked meanwhile (so what was
   asked before a packet came counts for that packet); judge the batch; send it; publish what was counted. */
#ifndef SBC_WORKER_H
#define SBC_WORKER_H

#include <pthread.h>
#include <semaphore.h>

#include "bundle.h"
#include "pacer.h"
#include "ring.h"
#include "urgent.h"

#define BATCH 256        /* packets in a turn, at the most */
#define DATAGRAM 65536   /* octets of the longest there can be, and one */
#define PAGE 4096
#define SLOT (DATAGRAM + 2 * PAGE) /* and what stands before and behind it; whole pages, so that short ones touch but one */
#define COLOURS 16       /* places in a page at which datagrams begin: by turns, for at one and the same they would all want the */
#define COLOUR 256       /* same few lines of the processor's caches. A short one still ends within its page */

_Static_assert(SRTP_ROOM <= 2048 && METER_HEAD <= 2048, "there is room behind a packet");
_Static_assert(COLOURS * COLOUR <= PAGE, "and before it");
#define PACE 200000      /* nanoseconds from turn to turn, at the least, */
#define CROWD 32         /* unless so many packets came in the last */
#define SLACK 5000       /* nanoseconds that the kernel may let a thread rest longer */
#define COMMANDS 128     /* places in the ring of commands, */
#define EVENTS 1024      /* and in that of events, */
#define HANDFUL 128      /* and of what is handed to Python */

/* cffi: from here, what Python may see */
enum event_kind { EVENT_LATCHED, EVENT_POLICED, EVENT_RTCP_LATCHED, EVENT_EXPIRED, EVENT_USED };

#define HANDED 2048 /* octets of a check or handshake, at the most */

/* A check or a part of a handshake, which is for Python. */
struct handed {
    uint64_t handle;
    struct address source;
    uint16_t size;
    uint8_t side;
    bool rtcp;
    uint8_t data[HANDED];
};

/* Something that Python is to be told of a stream. */
struct event {
    uint64_t handle;
    struct address address; /* where the media, or RTCP, goes now; of media also why */
    uint8_t kind;
    uint8_t side;
    uint8_t reason;
};
/* cffi: to here */

enum command_kind {
    COMMAND_ADD,
    COMMAND_UPDATE,
    COMMAND_KEY,
    COMMAND_AIM,
    COMMAND_LEND,
    COMMAND_AWAY,
    COMMAND_CARRIED,
    COMMAND_RIDE,
    COMMAND_READ,
    COMMAND_ROWS,
    COMMAND_CLOSE,
    COMMAND_PAUSE,
    COMMAND_STOP
};

struct command {
    enum command_kind kind;
    uint8_t side;
    bool rtcp;
    struct stream *stream;
    union {
        struct side_spec spec;
        struct last last;
        struct new_seals seals;
        struct {
            struct stream *carrier; /* null: its own transport alone */
            struct bundled_spec spec;
        } ride;
        struct address to[2];
        struct bucket *bucket;
        bool away;
        struct stream_rows *rows;   /* of ROWS, and */
        struct stream_state *state; /* of READ and CLOSE: filled when they are answered */
    };
};

/* A packet of the batch. `outlet` is null once it was dropped; `aim` is its aim when the packet was judged, for what is judged
   behind it may turn the outlet. */
struct packet {
    struct inlet *inlet;
    struct outlet *outlet;
    struct aim aim;
    uint8_t *data;
    uint32_t size;
    int32_t tos; /* the octet of the IP header that it came with; -1: not known */
    union endpoint source;
};

/* How packets come and go. */
struct traffic {
    const char *name;
    /* False where the system does not have it; then nothing is left open. */
    bool (*open)(struct worker *worker);
    void (*close)(struct worker *worker);
    /* Called first on the worker's own thread. May be null. */
    void (*start)(struct worker *worker);
    /* Begin to receive by a port: on the reactor's thread, before the worker has heard of it. 0 or an errno. May be null. */
    int (*enlist)(struct worker *worker, struct inlet *inlet);
    /* The same, on the worker's thread. */
    void (*add)(struct worker *worker, struct inlet *inlet);
    /* Receive no more by a port; it is done when `armed` is false. */
    void (*remove)(struct worker *worker, struct inlet *inlet);
    /* Let packets gather for `rest` nanoseconds or until they are CROWD; then, if there are none, wait for one or for somebody
       who wakes the worker, as long as its patience lasts; fill the batch. */
    void (*receive)(struct worker *worker, uint64_t rest);
    /* Send all that has an outlet, and count it. */
    void (*send)(struct worker *worker);
    /* The batch's places are free again. May be null. */
    void (*done)(struct worker *worker);
};

extern const struct traffic traffic_epoll;
extern const struct traffic traffic_uring;

struct worker {
    const struct traffic *traffic;
    void *state; /* the traffic's */
    pthread_t thread;
    int wake;    /* an eventfd: there are commands */
    int notify;  /* the engine's: there are events */
    uint32_t longest;
    bool is_urgent; /* it may have real-time priority */
    struct urgent urgent;
    bool stopping;
    bool paused;
    bool said;     /* events were put in this turn */
    _Atomic bool late; /* some did not fit */
    bool answering; /* the reactor's thread waits for `answered`, */
    sem_t *answered;
    struct stream *question; /* how this stream stands is to be written there */
    struct stream_state *reply;
    bool leaving;            /* and it is to have been closed */
    struct stream *streams;
    _Atomic uint64_t worked; /* nanoseconds, waiting and resting left out */
    /* The reactor's alone. */
    uint64_t worked_before; /* at the last look, */
    uint32_t busy;          /* and how much of the time since the look before, in hundredths */
    uint32_t held;          /* how many streams */
    struct ring commands;
    struct ring events;
    struct ring handed;
    struct pacer pacer; /* what is held back */
    uint64_t began; /* when the last turn had received */
    int count;
    int touched_count;
    struct packet batch[BATCH];
    struct stream *touched[(2 * BUNDLE_MEMBERS + 3) * BATCH + 2 * COMMANDS];
};

#define EVER UINT64_MAX

/* For how many nanoseconds a worker may wait for packets: until the next of those that are held back is due, no longer than a
   part of a second; EVER where there is none. */
uint64_t worker_patience(const struct worker *worker);

/* Where the `number`th of many slots begins, from the first's. */
static inline size_t slot_at(uint32_t number)
{
    return (size_t)number * SLOT + number % COLOURS * COLOUR;
}

/* False where there is no memory or no way to receive. */
bool worker_open(struct worker *worker, const struct traffic *traffic, int notify, sem_t *answered, uint32_t longest);
void worker_close(struct worker *worker);

/* The thread. */
void *worker_run(void *worker);

/* What a worker is about to change or has just counted is not to be read until the end of the turn. */
void worker_touch(struct worker *worker, struct stream *stream);
void worker_touch_all(struct worker *worker, struct stream *stream); /* and what shares its transport */

/* Let a side go by another's transport, or by its own again. What waits leaves by the socket that it was to leave by. */
void worker_ride(struct worker *worker, const struct command *command);

/* Tell what Python has not been told of a stream; what does not fit remains, for the end of a later turn, when all streams are
   looked at. */
void worker_say(struct worker *worker, struct stream *stream);
void worker_say_late(struct worker *worker);

/* Hand a packet to Python; where there is no room it is dropped and counted. */
void worker_hand(struct worker *worker, const struct packet *packet, struct inlet *inlet);

/* Empty the eventfd that has woken the worker. */
void worker_woken(struct worker *worker);

/* On the reactor's thread: let it have a turn; and have a command carried out in the worker's next turn. */
void worker_rouse(struct worker *worker);
void worker_ask(struct worker *worker, const struct command *command);

#endif
