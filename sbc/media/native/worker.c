/* A worker's thread: turns of receiving, carrying out, judging, sending, telling. */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "gate.h"

#define LONGEST_WAIT 500000000 /* nanoseconds that a worker with something to send waits for packets at the most */

static bool ring_open(struct ring *ring, uint32_t slots, uint32_t size)
{
    ring->slots = slots;
    ring->size = size;
    ring->places = calloc(slots, size);
    return ring->places != NULL;
}

bool worker_open(struct worker *worker, const struct traffic *traffic, int notify, sem_t *answered, uint32_t longest)
{
    worker->traffic = traffic;
    worker->notify = notify;
    worker->answered = answered;
    worker->longest = longest;
    worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->wake >= 0 && ring_open(&worker->commands, COMMANDS, sizeof(struct command)) &&
        ring_open(&worker->events, EVENTS, sizeof(struct event)) &&
        ring_open(&worker->handed, HANDFUL, sizeof(struct handed)) && traffic->open(worker))
        return true;
    worker->traffic = NULL;
    worker_close(worker);
    return false;
}

void worker_close(struct worker *worker)
{
    if (worker->traffic)
        worker->traffic->close(worker);
    if (worker->wake >= 0)
        close(worker->wake);
    pacer_close(&worker->pacer);
    free(worker->commands.places);
    free(worker->events.places);
    free(worker->handed.places);
}

void worker_touch(struct worker *worker, struct stream *stream)
{
    uint32_t sequence = atomic_load_explicit(&stream->sequence, memory_order_relaxed);

    if (sequence & 1)
        return;
    atomic_store_explicit(&stream->sequence, sequence + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    worker->touched[worker->touched_count++] = stream;
}

void worker_woken(struct worker *worker)
{
    uint64_t count;

    while (read(worker->wake, &count, sizeof count) < 0 && errno == EINTR)
        ;
}

void worker_rouse(struct worker *worker)
{
    static const uint64_t one = 1;

    while (write(worker->wake, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void worker_ask(struct worker *worker, const struct command *command)
{
    static const struct timespec moment = {0, 50000};

    while (!ring_put(&worker->commands, command))
        nanosleep(&moment, NULL); /* the worker is in the middle of a turn */
    worker_rouse(worker);
}

static void worker_add(struct worker *worker, struct stream *stream)
{
    stream->next = worker->streams;
    stream->previous = NULL;
    if (worker->streams)
        worker->streams->previous = stream;
    worker->streams = stream;
    gate_enter(stream);
    if (worker->traffic->add)
        for (int n = 0; n < 4; n++)
            if (stream->sides[n / 2].ports[n % 2].fd >= 0)
                worker->traffic->add(worker, &stream->sides[n / 2].ports[n % 2]);
}

static void worker_remove(struct worker *worker, struct stream *stream)
{
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        worker->streams = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    gate_leave(stream);
    for (int n = 0; n < 4; n++)
        if (stream->sides[n / 2].ports[n % 2].fd >= 0)
            worker->traffic->remove(worker, &stream->sides[n / 2].ports[n % 2]);
}

static bool stream_armed(const struct stream *stream)
{
    for (int n = 0; n < 4; n++)
        if (stream->sides[n / 2].ports[n % 2].armed)
            return true;
    return false;
}

static void worker_question(struct worker *worker, const struct command *command, bool leaving)
{
    worker->question = command->stream;
    worker->reply = command->kind == COMMAND_PAUSE || command->kind == COMMAND_ROWS ? NULL : command->state;
    worker->leaving = leaving;
    worker->answering = true;
}

static void worker_carry_out(struct worker *worker, const struct command *command, int64_t now)
{
    struct stream *stream = command->stream;

    switch (command->kind) {
    case COMMAND_ADD:
        worker_add(worker, stream);
        break;
    case COMMAND_UPDATE:
        worker_touch_all(worker, stream);
        if (command->spec.secured)
            pacer_flush(&worker->pacer, stream); /* what waits was not written by keys, and leaves before they count */
        stream_update(stream, command->side, &command->spec, now);
        atomic_fetch_add_explicit(&stream->done, 1, memory_order_release);
        break;
    case COMMAND_KEY:
        worker_touch_all(worker, stream);
        stream_key(stream, command->side, command->rtcp, &command->seals, now);
        atomic_fetch_add_explicit(&stream->done, 1, memory_order_release);
        break;
    case COMMAND_AIM:
        worker_touch_all(worker, stream);
        stream_aim(stream, command->side, command->to, now);
        atomic_fetch_add_explicit(&stream->done, 1, memory_order_release);
        if (stream->unsaid)
            worker_say(worker, stream);
        break;
    case COMMAND_ROWS:
        stream_rows(stream, command->rows);
        worker_question(worker, command, false);
        break;
    case COMMAND_LEND:
        stream_lend(stream, command->side, command->bucket, now);
        break;
    case COMMAND_AWAY:
        worker_touch(worker, stream);
        stream_away(stream, command->side, command->away);
        atomic_fetch_add_explicit(&stream->done, 1, memory_order_release);
        break;
    case COMMAND_CARRIED:
        worker_touch(worker, stream);
        stream_carried(stream, command->side, command->rtcp, &command->last);
        atomic_fetch_add_explicit(&stream->done, 1, memory_order_release);
        break;
    case COMMAND_RIDE:
        worker_ride(worker, command);
        atomic_fetch_add_explicit(&stream->done, 1, memory_order_release);
        break;
    case COMMAND_CLOSE:
        worker_remove(worker, stream);
        worker_question(worker, command, true);
        break;
    case COMMAND_READ:
        worker_question(worker, command, false);
        break;
    case COMMAND_PAUSE:
        worker->paused = command->side;
        worker_question(worker, command, false);
        break;
    case COMMAND_STOP:
        worker->stopping = true;
        break;
    }
}

static void worker_obey(struct worker *worker)
{
    struct command command;

    while (!worker->answering && worker->touched_count < BATCH + COMMANDS && ring_take(&worker->commands, &command))
        worker_carry_out(worker, &command, (int64_t)clock_now());
}

/* Let a packet leave marked by what it came with, where the side that it came from wants that. */
static void worker_mark(struct packet *packet, const struct side *from)
{
    uint8_t dscp;

    if (!from->marked || packet->tos < 0)
        return;
    dscp = from->marks[packet->tos >> 2 & 63];
    if (dscp == MARK_OWN)
        return;
    packet->aim.marked = true;
    packet->aim.tos = (uint8_t)(dscp << 2);
}

/* Send what is due of what was held back; if that is much, the rest in the next turn. */
static void worker_release(struct worker *worker)
{
    int64_t now = (int64_t)clock_now();
    struct stream *stream;

    for (int n = 0; n < BATCH && (stream = pacer_due(&worker->pacer, now)); n++) {
        worker_touch(worker, stream);
        pacer_send(&worker->pacer);
    }
}

uint64_t worker_patience(const struct worker *worker)
{
    int64_t next = pacer_next(&worker->pacer), now;

    if (next == INT64_MAX)
        return EVER;
    now = (int64_t)clock_now();
    if (next <= now)
        return 0;
    return next - now < LONGEST_WAIT ? (uint64_t)(next - now) : LONGEST_WAIT;
}

/* Let a packet that was judged leave as its outlet says: now with the batch, or when its time has come; `held`: not before. */
static void worker_aim(struct worker *worker, struct packet *packet, struct inlet *inlet, bool held, int64_t now)
{
    packet->aim = packet->outlet->aim;
    worker_mark(packet, inlet->side);
    if (packet->aim.prefixed)
        gate_mark(&packet->aim, &packet->data, &packet->size);
    if (held || inlet->side->earliest > now || inlet->side->waiting) {
        pacer_hold(&worker->pacer, packet, inlet);
        packet->outlet = NULL;
    }
}

/* What of RTCP is for further streams that share a transport. It leaves in the next turn: the batch has no room for it. */
static void worker_divide(struct worker *worker, const struct packet *packet, const struct inlet *carrier, int64_t now)
{
    static _Thread_local uint8_t room[NUMBER + DATAGRAM + SRTP_ROOM + METER_HEAD];
    struct packet part = *packet;
    struct inlet *inlet;

    while (part.data = room + NUMBER, (part.outlet = inlet_more(carrier, &inlet, part.data, &part.size, now)))
        worker_aim(worker, &part, inlet, true, now);
}

static void worker_judge(struct worker *worker)
{
    int64_t now = (int64_t)clock_now();

    for (int n = 0; n < worker->count; n++) {
        struct packet *packet = &worker->batch[n];
        bool shared = packet->inlet->kind == PORT_SHARED;
        struct inlet *inlet = shared ? gate_find(packet->inlet, &packet->data, &packet->size) : packet->inlet, *taker = inlet;
        packet->outlet = NULL;
        if (!inlet)
            continue;
        worker_touch_all(worker, inlet->stream);
        packet->outlet = inlet_arrive(&taker, packet->data, &packet->size, &packet->source, shared, now, worker->longest);
        if (packet->outlet)
            worker_aim(worker, packet, taker, false, now);
        if (inlet->side->bundle && inlet->side->bundle->waiting)
            worker_divide(worker, packet, inlet, now);
        if (inlet->stream->unsaid)
            worker_say(worker, inlet->stream);
        if (taker->stream->unsaid)
            worker_say(worker, taker->stream);
        if (taker->onward->side->carrier && taker->onward->side->carrier->ports[0].stream->unsaid)
            worker_say(worker, taker->onward->side->carrier->ports[0].stream);
        if (inlet->stream->handed)
            worker_hand(worker, packet, inlet);
    }
}

/* Wake the reactor if there are events for it; before what was counted is published, so that nobody who has seen a packet
   counted has to wait for what was found by it. */
static void worker_notify(struct worker *worker)
{
    static const uint64_t one = 1;

    if (atomic_load(&worker->late))
        worker_say_late(worker);
    if (!worker->said && !atomic_load(&worker->late))
        return;
    worker->said = false;
    while (write(worker->notify, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static void worker_publish(struct worker *worker)
{
    for (int n = 0; n < worker->touched_count; n++) {
        struct stream *stream = worker->touched[n];
        uint32_t sequence = atomic_load_explicit(&stream->sequence, memory_order_relaxed);
        atomic_store_explicit(&stream->sequence, sequence + 1, memory_order_release);
    }
    worker->touched_count = 0;
}

static void worker_answer(struct worker *worker)
{
    if (!worker->answering || (worker->leaving && stream_armed(worker->question)))
        return;
    if (worker->leaving)
        pacer_flush(&worker->pacer, worker->question);
    if (worker->reply)
        stream_gather(worker->question, worker->reply, (int64_t)clock_now());
    worker->answering = false;
    sem_post(worker->answered);
}

/* Wait for a command, and leave packets where they are. */
static void worker_stand_still(struct worker *worker)
{
    struct pollfd woken = {.fd = worker->wake, .events = POLLIN};

    if (poll(&woken, 1, -1) > 0)
        worker_woken(worker);
}

/* How long packets may gather: where turns follow each other closely, the next begins no sooner than PACE after the one
   before, for a thread that is woken by each packet costs half as much again. Who comes alone is not kept waiting,
   nor is the reactor. */
static uint64_t worker_rest(const struct worker *worker)
{
    uint64_t gone = clock_now() - worker->began;

    if (worker->answering || !ring_empty(&worker->commands))
        return 0;
    return gone >= PACE || worker->count >= CROWD ? 0 : PACE - gone;
}

void *worker_run(void *argument)
{
    struct worker *worker = argument;

    prctl(PR_SET_TIMERSLACK, SLACK);
    if (worker->is_urgent)
        urgent_begin(&worker->urgent, clock_now());
    if (worker->traffic->start)
        worker->traffic->start(worker);
    while (!worker->stopping) {
        uint64_t rest = worker_rest(worker);
        worker->count = 0;
        if (worker->paused)
            worker_stand_still(worker);
        else
            worker->traffic->receive(worker, rest);
        worker->began = clock_now();
        worker_obey(worker);
        worker_release(worker);
        worker_judge(worker);
        worker->traffic->send(worker);
        worker_notify(worker);
        worker_publish(worker);
        if (worker->traffic->done)
            worker->traffic->done(worker);
        worker_answer(worker);
        if (worker->is_urgent)
            urgent_see(&worker->urgent, worker->began);
        atomic_fetch_add_explicit(&worker->worked, clock_now() - worker->began, memory_order_relaxed);
    }
    return NULL;
}
