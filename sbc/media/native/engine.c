/* The engine as Python sees it: workers, and which stream belongs to whom. Called on the reactor's thread alone. */
#include "engine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "gate.h"

#define READS 64 /* so often a stream is read anew that changes meanwhile, before its worker is asked */

#define WEIGH 100000000 /* nanoseconds between two looks at how busy the workers are */
#define BUSY 50         /* hundredths of its time: a worker that is busier gets no stream before all are */
#define LIGHT 512       /* streams: nor one that has so many; audio of so many takes about that time */

struct engine {
    bool urgent; /* its workers may have real-time priority */
    uint64_t weighed;
    int notify;
    int count;
    int next; /* of the workers, to ask for events */
    sem_t answered;
    struct stream *streams;
    struct worker workers[];
};

static bool engine_start(struct worker *worker)
{
    sigset_t all, before;
    int failed;

    /* Signals are the reactor's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&worker->thread, NULL, worker_run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        pthread_setname_np(worker->thread, "sbc-media");
    else
        errno = failed;
    return !failed;
}

static bool engine_add_worker(struct engine *engine, uint32_t longest, const char *traffic)
{
    static const struct traffic *const ways[] = {&traffic_uring, &traffic_epoll};
    struct worker *worker = &engine->workers[engine->count];

    errno = EINVAL;
    for (size_t n = 0; n < sizeof ways / sizeof *ways; n++) {
        if (*traffic && strcmp(traffic, ways[n]->name))
            continue;
        memset(worker, 0, sizeof *worker);
        if (!worker_open(worker, ways[n], engine->notify, &engine->answered, longest))
            continue;
        worker->is_urgent = engine->urgent;
        if (engine_start(worker)) {
            engine->count++;
            return true;
        }
        worker_close(worker);
        return false;
    }
    return false;
}

struct engine *engine_new(int workers, uint32_t longest, const char *traffic, bool urgent)
{
    struct engine *engine = aligned_alloc(64, sizeof *engine + (size_t)workers * sizeof(struct worker));
    int why;

    if (!engine)
        return NULL;
    memset(engine, 0, sizeof *engine);
    engine->urgent = urgent;
    engine->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (engine->notify < 0) {
        free(engine);
        return NULL;
    }
    sem_init(&engine->answered, 0, 0);
    for (int n = 0; n < workers; n++)
        if (!engine_add_worker(engine, longest, n ? engine->workers[0].traffic->name : traffic)) {
            why = errno;
            engine_free(engine);
            errno = why;
            return NULL;
        }
    return engine;
}

void engine_free(struct engine *engine)
{
    static const struct command stop = {.kind = COMMAND_STOP};

    for (int n = 0; n < engine->count; n++)
        worker_ask(&engine->workers[n], &stop);
    for (int n = 0; n < engine->count; n++) {
        pthread_join(engine->workers[n].thread, NULL);
        worker_close(&engine->workers[n]);
    }
    while (engine->streams) {
        struct stream *stream = engine->streams;
        engine->streams = stream->later;
        stream_end(stream);
        free(stream);
    }
    close(engine->notify);
    sem_destroy(&engine->answered);
    free(engine);
}

const char *engine_traffic(const struct engine *engine)
{
    return engine->workers[0].traffic->name;
}

int engine_events_fd(const struct engine *engine)
{
    return engine->notify;
}

bool engine_next_event(struct engine *engine, struct event *event)
{
    uint64_t count;

    if (!engine->next)
        while (read(engine->notify, &count, sizeof count) < 0 && errno == EINTR)
            ;
    for (; engine->next < engine->count; engine->next++) {
        struct worker *worker = &engine->workers[engine->next];
        if (ring_take(&worker->events, event))
            return true;
        if (atomic_load(&worker->late))
            worker_rouse(worker);
    }
    engine->next = 0;
    return false;
}

bool engine_next_handed(struct engine *engine, struct handed *handed)
{
    for (int n = 0; n < engine->count; n++)
        if (ring_take(&engine->workers[n].handed, handed))
            return true;
    return false;
}

/* Wait for the worker's answer to a question. */
static void engine_ask(struct engine *engine, struct worker *worker, const struct command *command)
{
    worker_ask(worker, command);
    while (sem_wait(&engine->answered) < 0 && errno == EINTR)
        ;
}

/* See how busy the workers are; not so often that it would be chance. */
static void engine_weigh(struct engine *engine)
{
    uint64_t now = clock_now(), gone = now - engine->weighed;

    if (gone < WEIGH)
        return;
    for (int n = 0; n < engine->count; n++) {
        struct worker *worker = &engine->workers[n];
        uint64_t worked = atomic_load_explicit(&worker->worked, memory_order_relaxed);
        worker->busy = (uint32_t)((worked - worker->worked_before) * 100 / gone);
        worker->worked_before = worked;
    }
    engine->weighed = now;
}

/* Whose a new stream will be: the first worker's that has little to do, for a few threads with much to do at each turn cost
   less than many with little; else that of the one with the fewest streams. */
static struct worker *engine_choose(struct engine *engine)
{
    struct worker *least = engine->workers;

    engine_weigh(engine);
    for (int n = 0; n < engine->count; n++) {
        struct worker *worker = &engine->workers[n];
        if (worker->held < LIGHT && worker->busy < BUSY)
            return worker;
        if (worker->held < least->held)
            least = worker;
    }
    return least;
}

/* Begin to receive by all ports of a stream, or by none. */
static int engine_enlist(struct engine *engine, struct worker *worker, struct stream *stream)
{
    struct command undo = {.kind = COMMAND_CLOSE, .stream = stream};
    int failed = 0;

    for (int n = 0; n < 4 && !failed && worker->traffic->enlist; n++)
        if (stream->sides[n / 2].ports[n % 2].fd >= 0)
            failed = worker->traffic->enlist(worker, &stream->sides[n / 2].ports[n % 2]);
    if (failed)
        engine_ask(engine, worker, &undo);
    return failed;
}

/* Have a worker receive by a stream's ports. Null with errno, and the stream is gone, where that cannot be. */
static struct stream *engine_begin(struct engine *engine, struct worker *worker, struct stream *stream)
{
    struct command add = {.kind = COMMAND_ADD, .stream = stream};
    int failed;

    stream->worker = worker;
    worker_ask(worker, &add);
    failed = engine_enlist(engine, worker, stream);
    if (failed) {
        stream_end(stream);
        free(stream);
        errno = failed;
        return NULL;
    }
    worker->held++;
    stream->later = engine->streams;
    if (engine->streams)
        engine->streams->earlier = stream;
    engine->streams = stream;
    return stream;
}

struct stream *engine_share(struct engine *engine, const int fds[2])
{
    struct gate *gate = gate_new(fds);

    return gate ? engine_begin(engine, &engine->workers[0], &gate->stream) : NULL;
}

struct stream *engine_open(struct engine *engine, uint64_t handle, bool t38, const int fds[4],
                           struct stream *const shared[2], const struct side_spec specs[2], struct stream *beside)
{
    struct gate *const gates[2] = {(struct gate *)shared[0], (struct gate *)shared[1]};
    struct stream *stream = calloc(1, sizeof *stream);

    if (!stream) {
        for (int n = 0; n < 2; n++) {
            seal_free(specs[n].seals.receive);
            seal_free(specs[n].seals.send);
            seal_free(specs[n].seals_rtcp.receive);
            seal_free(specs[n].seals_rtcp.send);
        }
        return NULL;
    }
    stream_init(stream, t38, fds, gates, specs, (int64_t)clock_now());
    stream->handle = handle;
    if (gates[0] || gates[1])
        return engine_begin(engine, &engine->workers[0], stream);
    return engine_begin(engine, beside ? beside->worker : engine_choose(engine), stream);
}

uint64_t engine_strays(const struct stream *shared)
{
    return atomic_load_explicit(&((const struct gate *)shared)->strays, memory_order_relaxed);
}

void engine_update(struct stream *stream, int side, const struct side_spec *spec)
{
    struct command update = {.kind = COMMAND_UPDATE, .side = (uint8_t)side, .stream = stream, .spec = *spec};

    stream->asked++;
    worker_ask(stream->worker, &update);
}

void engine_carried(struct stream *stream, int side, bool rtcp, uint32_t ssrc, int32_t sequence, uint32_t timestamp,
                    uint64_t ago)
{
    struct command carried = {.kind = COMMAND_CARRIED, .side = (uint8_t)side, .rtcp = rtcp, .stream = stream};

    carried.last.packet = (struct identity){ssrc, timestamp, (uint16_t)sequence, true, !rtcp && sequence >= 0};
    carried.last.at = (int64_t)(clock_now() - ago);
    stream->asked++;
    worker_ask(stream->worker, &carried);
}

void engine_away(struct stream *stream, int side, bool away)
{
    struct command command = {.kind = COMMAND_AWAY, .side = (uint8_t)side, .stream = stream, .away = away};

    stream->asked++;
    worker_ask(stream->worker, &command);
}

void engine_rows(struct engine *engine, struct stream *stream, struct stream_rows *rows)
{
    struct command question = {.kind = COMMAND_ROWS, .stream = stream, .rows = rows};

    engine_ask(engine, stream->worker, &question);
}

/* Read a stream without its worker's help: false if it has changed each time meanwhile, or has yet to be changed. */
static bool engine_glance(const struct stream *stream, struct stream_state *state)
{
#ifdef __SANITIZE_THREAD__
    return false; /* it knows no fences, and would call each look that is thrown away a race */
#endif
    if (atomic_load_explicit(&stream->done, memory_order_acquire) != stream->asked)
        return false;
    for (int n = 0; n < READS; n++) {
        uint32_t before = atomic_load_explicit(&stream->sequence, memory_order_acquire);
        if (before & 1)
            continue;
        stream_gather(stream, state, (int64_t)clock_now());
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&stream->sequence, memory_order_relaxed) == before)
            return true;
    }
    return false;
}

static void engine_add_drops(const struct stream *stream, struct stream_state *state)
{
    for (int n = 0; n < 4; n++) {
        const struct inlet *port = &stream->sides[n / 2].ports[n % 2];
        state->sides[n / 2].ports[n % 2].drops = port->fd < 0 ? 0 : socket_drops(port->fd);
    }
}

void engine_read(struct engine *engine, struct stream *stream, struct stream_state *state)
{
    struct command question = {.kind = COMMAND_READ, .stream = stream, .state = state};

    if (!engine_glance(stream, state))
        engine_ask(engine, stream->worker, &question);
    engine_add_drops(stream, state);
}

/* Have its worker receive by a stream's ports no more; the stream is in no list then. */
static void engine_end(struct engine *engine, struct stream *stream, struct stream_state *state)
{
    struct command last = {.kind = COMMAND_CLOSE, .stream = stream, .state = state};

    engine_ask(engine, stream->worker, &last);
    stream->worker->held--;
    if (stream->earlier)
        stream->earlier->later = stream->later;
    else
        engine->streams = stream->later;
    if (stream->later)
        stream->later->earlier = stream->earlier;
}

void engine_close(struct engine *engine, struct stream *stream, struct stream_state *state)
{
    engine_end(engine, stream, state);
    engine_add_drops(stream, state);
    stream_end(stream);
    free(stream);
}

uint64_t engine_unshare(struct engine *engine, struct stream *shared)
{
    uint64_t strays;

    engine_end(engine, shared, NULL);
    strays = engine_strays(shared); /* those of the last turn, too */
    free(shared);
    return strays;
}

int engine_fd(const struct stream *stream, int n)
{
    return stream->sides[n / 2].ports[n % 2].fd;
}

uint64_t engine_received(const struct stream *stream)
{
    uint64_t packets = 0;

    for (int n = 0; n < 4; n++) {
        const struct arrivals *count = &stream->sides[n / 2].ports[n % 2].count;
        packets += __atomic_load_n(&count->rtp.packets, __ATOMIC_RELAXED);
        packets += __atomic_load_n(&count->rtcp.packets, __ATOMIC_RELAXED);
    }
    return packets;
}

void engine_pause(struct engine *engine, bool pause)
{
    struct command command = {.kind = COMMAND_PAUSE, .side = pause};

    for (int n = 0; n < engine->count; n++)
        engine_ask(engine, &engine->workers[n], &command);
}
