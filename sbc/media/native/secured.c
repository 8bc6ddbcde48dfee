/* Secured sides: their keys, where checks have shown that the peer is, and by whose transport their media goes. The first half is
   called on the reactor's thread, the second on the worker's. */
#include "engine.h"

void engine_key(struct stream *stream, int side, bool rtcp, const struct new_seals *seals)
{
    struct command key = {.kind = COMMAND_KEY, .side = (uint8_t)side, .rtcp = rtcp, .stream = stream, .seals = *seals};

    stream->asked++;
    worker_ask(stream->worker, &key);
}

void engine_aim(struct stream *stream, int side, const struct address to[2])
{
    struct command aim = {.kind = COMMAND_AIM, .side = (uint8_t)side, .stream = stream, .to = {to[0], to[1]}};

    stream->asked++;
    worker_ask(stream->worker, &aim);
}

bool engine_ride(struct stream *stream, int side, struct stream *carrier, const struct bundled_spec *spec)
{
    struct command ride = {.kind = COMMAND_RIDE, .side = (uint8_t)side, .stream = stream};

    if (carrier && carrier->worker != stream->worker)
        return false;
    if (carrier) {
        ride.ride.carrier = carrier;
        ride.ride.spec = *spec;
    }
    stream->asked++;
    worker_ask(stream->worker, &ride);
    return true;
}

void worker_touch_all(struct worker *worker, struct stream *stream)
{
    worker_touch(worker, stream);
    for (int n = 0; n < 2; n++) {
        const struct bundle *bundle = stream->sides[n].bundle;
        for (int member = 0; bundle && member < bundle->count; member++)
            worker_touch(worker, bundle->members[member].side->ports[0].stream);
    }
}

void worker_ride(struct worker *worker, const struct command *command)
{
    struct stream *stream = command->stream, *carrier = command->ride.carrier;
    struct side *side = &stream->sides[command->side];

    worker_touch(worker, stream);
    pacer_flush(&worker->pacer, stream);
    if (!carrier) {
        bundle_walk(side);
        return;
    }
    worker_touch_all(worker, carrier);
    bundle_ride(side, &carrier->sides[command->side], &command->ride.spec);
}
