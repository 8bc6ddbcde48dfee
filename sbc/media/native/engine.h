/* The engine as Python sees it: streams are opened, changed and closed, workers relay. All but the workers' own is called on
   one thread, the reactor's. */
#ifndef SBC_ENGINE_H
#define SBC_ENGINE_H

#include "worker.h"

/* cffi: from here, what Python may call */
struct engine;

/* With so many workers (at least one), that relay datagrams of at most `longest` octets; `traffic` names how they come and
   go ("epoll", "io_uring"), "" for the best there is; `urgent`: they have real-time priority while they need little. Null
   with errno where that cannot be had. */
struct engine *engine_new(int workers, uint32_t longest, const char *traffic, bool urgent);

/* Close all streams, end the threads, give back everything. */
void engine_free(struct engine *engine);

/* How packets come and go. */
const char *engine_traffic(const struct engine *engine);

/* Readable when there are events. */
int engine_events_fd(const struct engine *engine);

/* The next event; false if there is none. Ask until then, and the descriptor is quiet. */
bool engine_next_event(struct engine *engine, struct event *event);

/* The next check or part of a handshake; the same. */
bool engine_next_handed(struct engine *engine, struct handed *handed);

/* Two bound sockets, RTP's and RTCP's, that streams are to share; closed with engine_unshare(), after the last of these. Null
   with errno where that cannot be had. */
struct stream *engine_share(struct engine *engine, const int fds[2]);

/* Relay between four bound sockets: side 0's RTP and RTCP, side 1's RTP and RTCP (-1: none). Null with errno where that
   cannot be had. The sockets are the caller's to close, after engine_close(). `handle` is what events call it; `shared` are
   those that each side shares with others, null: none. Seals in the
   specs are the stream's then; where there is none, they are gone. `beside` is one whose worker it is to have, if that can be: of
   the same call; null: any. */
struct stream *engine_open(struct engine *engine, uint64_t handle, bool t38, const int fds[4],
                           struct stream *const shared[2], const struct side_spec specs[2], struct stream *beside);

/* Packets that have come to shared sockets, and were nobody's. */
uint64_t engine_strays(const struct stream *shared);

/* Share them no more; all that were nobody's. They are gone then. */
uint64_t engine_unshare(struct engine *engine, struct stream *shared);

/* The peer of a side has signalled anew. */
void engine_update(struct stream *stream, int side, const struct side_spec *spec);

/* Read and write a side's media with other keys; send it to where checks or a handshake have shown that the peer is; and tell how
   far the keys have been used. */
void engine_key(struct stream *stream, int side, bool rtcp, const struct new_seals *seals);
void engine_aim(struct stream *stream, int side, const struct address to[2]);
void engine_rows(struct engine *engine, struct stream *stream, struct stream_rows *rows);

/* Let a side's media go by the transport of the same side of `carrier`, with that of others, and be known by `spec`; null: by its
   own alone. False where they have not one worker. */
bool engine_ride(struct stream *stream, int side, struct stream *carrier, const struct bundled_spec *spec);

/* Note what somebody else has forwarded last of a side's flow, `ago` nanoseconds; `sequence` -1: RTCP, which has none. */
void engine_carried(struct stream *stream, int side, bool rtcp, uint32_t ssrc, int32_t sequence, uint32_t timestamp,
                    uint64_t ago);

/* The RTP that comes from a side is somebody else's from now on; or it comes here again: see meter_pause(). */
void engine_away(struct stream *stream, int side, bool away);

/* Packets accepted so far from both sides; may be asked at any time. */
uint64_t engine_received(const struct stream *stream);

/* Socket `n` of those that engine_open() was given; -1: none. */
int engine_fd(const struct stream *stream, int n);

/* How a stream stands. Does not stop its worker, unless that is so busy with the stream that it must be asked. */
void engine_read(struct engine *engine, struct stream *stream, struct stream_state *state);

/* Relay no more, and tell how the stream stood last. It is gone then. */
void engine_close(struct engine *engine, struct stream *stream, struct stream_state *state);

/* A realm, without a limit at first; it must outlive the engine's streams. */
void realm_limit(struct realm *realm, bool limited, uint64_t rate, uint64_t burst, uint64_t wait);

/* Let a realm's packets be taken out of the ``struct bucket`` at an address, whose clock is CLOCK_MONOTONIC; 0: of none. It
   must outlive the engine. */
void realm_share(struct realm *realm, uint64_t bucket);

/* Let what comes from a side be taken out of the ``struct bucket`` at an address, whose clock is CLOCK_MONOTONIC (see
   stream_lend); 0: of its own again. It must be there until this is told otherwise, or the stream is closed. */
void engine_lend(struct stream *stream, int side, uint64_t bucket);

/* Datagrams the kernel had no room for in a socket's queue. */
uint32_t socket_drops(int fd);

/* For tests: let the workers leave packets where they are, or go on. */
void engine_pause(struct engine *engine, bool pause);
/* cffi: to here */

#endif
