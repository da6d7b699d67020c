/* An AMF event loop: epoll, the security mode procedure for many UEs, one naslane_batch() per wake-up.
 *
 *     cc amf_loop.c $(pkg-config --cflags --libs naslane) -lpthread && ./a.out [UEs]
 *
 * A thread plays the UEs behind a socket (in the place of NGAP) and loses every tenth SECURITY MODE COMMAND, so that
 * T3560 has something to do. Per UE: REGISTRATION REQUEST, command and answer, REGISTRATION ACCEPT, REGISTRATION
 * COMPLETE. Exit status 0: every UE came through, and every loss was made good.
 */
#define _GNU_SOURCE
#include <naslane.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 256,       /* jobs per call */
    SLOT = 512,        /* octets of the arena for each */
    WINDOW = 128,      /* UEs under way at a time */
    TICK_MS = 50,      /* T3560 is 6 s in a network; here two ticks */
    PATIENCE_MS = 20000,
};

enum { REGISTRATION_REQUEST = 0x41, REGISTRATION_ACCEPT = 0x42, REGISTRATION_COMPLETE = 0x43 };

static const uint8_t capability[] = {0xF0, 0x70};
static const uint8_t registration[] = {0x7E, 0, REGISTRATION_REQUEST, 0x79, 0, 11, 0xF2, 0, 0xF1, 0x10, 2, 0, 0x40,
                                       0xC0, 0, 0, 1, 0x2E, 2, 0xF0, 0x70};
static const uint8_t accept_message[] = {0x7E, 0, REGISTRATION_ACCEPT, 1, 1};
static const uint8_t complete_message[] = {0x7E, 0, REGISTRATION_COMPLETE};

#define TRY(call)                                                                                        \
    do {                                                                                                 \
        int32_t status_ = (call);                                                                        \
        if (status_ != NASLANE_OK) {                                                                     \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, naslane_status_text(status_)); \
            exit(1);                                                                                     \
        }                                                                                                \
    } while (0)

static void need(int condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "failed: %s\n", what);
        exit(1);
    }
}

/* In the place of the authentication: both sides know this key. */
static void k_amf_of(uint32_t ue, uint8_t k_amf[32]) {
    memset(k_amf, 0x5A, 32);
    memcpy(k_amf, &ue, sizeof ue);
}

/* ---- the wire: a UE's number, then a NAS PDU ---- */
typedef struct { uint32_t ue; uint8_t pdu[SLOT]; } frame;

static void post(int socket, uint32_t ue, const uint8_t *pdu, size_t len) {
    frame out = {.ue = ue};
    memcpy(out.pdu, pdu, len);
    ssize_t size = (ssize_t)(sizeof out.ue + len);
    need(send(socket, &out, (size_t)size, 0) == size, "send");
}

/* ---- the UEs ---- */
typedef struct { int socket; uint32_t ues; atomic_uint lost; } world;

static void ue_takes(naslane_engine *engine, world *world, uint64_t session, uint32_t ue, const frame *in, size_t len) {
    naslane_sent sent;
    naslane_received received;
    uint8_t out[SLOT];
    if (in->pdu[1] == 3) { /* integrity protected with a new context: SECURITY MODE COMMAND */
        if (ue % 10 == 0 && in->pdu[6] == 0) { /* its first */
            atomic_fetch_add(&world->lost, 1);
            return;
        }
        naslane_ue self;
        TRY(naslane_ue_init(&self));
        self.ue_sec_cap = capability;
        self.ue_sec_cap_len = sizeof capability;
        self.whole_initial = registration;
        self.whole_initial_len = sizeof registration;
        TRY(naslane_ue_answer(engine, session, 1, &self, in->pdu, len, out, sizeof out, &sent));
        need(sent.cause == 0, "the UE accepts the command");
    } else {
        TRY(naslane_verify(engine, session, 1, in->pdu, len, out, sizeof out, &received));
        need(received.message_type == REGISTRATION_ACCEPT && received.len == sizeof accept_message, "REGISTRATION ACCEPT");
        TRY(naslane_protect(engine, session, 1, complete_message, sizeof complete_message, out, sizeof out, &sent));
    }
    post(world->socket, ue, out, sent.len);
}

static void *ue_side(void *argument) {
    world *world = argument;
    naslane_config config;
    naslane_engine *engine;
    uint64_t *sessions = calloc(world->ues, sizeof *sessions);
    uint32_t begun = 0, done = 0;
    need(sessions != NULL, "memory");
    TRY(naslane_config_init(&config));
    config.sessions = config.procedures = config.remembered_keys = world->ues;
    TRY(naslane_engine_new(&config, &engine));
    while (done < world->ues) {
        for (; begun < world->ues && begun - done < WINDOW; begun++) {
            uint8_t k_amf[32], out[SLOT];
            naslane_sent sent;
            k_amf_of(begun, k_amf);
            TRY(naslane_establish(engine, NASLANE_ROLE_UE, &sessions[begun]));
            TRY(naslane_ue_initial(engine, sessions[begun], 1, registration, sizeof registration, 0, 0, out, sizeof out,
                                   &sent));
            post(world->socket, begun, out, sent.len);
            TRY(naslane_authenticated(engine, sessions[begun], k_amf, 0, capability, sizeof capability, 0));
        }
        struct pollfd ready = {.fd = world->socket, .events = POLLIN};
        need(poll(&ready, 1, PATIENCE_MS) == 1, "a UE waits in vain");
        frame in;
        ssize_t size = recv(world->socket, &in, sizeof in, 0);
        need(size > (ssize_t)sizeof in.ue + NASLANE_OVERHEAD && in.ue < begun, "a frame");
        done += in.pdu[1] == 2; /* the REGISTRATION ACCEPT is the last one down */
        ue_takes(engine, world, sessions[in.ue], in.ue, &in, (size_t)size - sizeof in.ue);
    }
    TRY(naslane_engine_free(engine));
    free(sessions);
    return NULL;
}

/* ---- the AMF ---- */
typedef enum { NEW, AUTHENTICATED, SECURE, REGISTERED } stage;
typedef struct { uint64_t session; stage stage; uint32_t since; } subscriber;
typedef struct {
    naslane_engine *engine;
    int socket;
    subscriber *ue;
    uint32_t ues, registered, tick, resent;
    naslane_job jobs[BATCH];
    uint8_t arena[SLOT * (BATCH + 1)]; /* the last slot: the request that all commands share */
    size_t count;
    unsigned long total, batches;
} amf;

/* A job whose input and output lie in its own slot. */
static naslane_job *job(amf *amf, uint8_t op, uint32_t ue, size_t in_len) {
    uint32_t slot = (uint32_t)(amf->count * SLOT);
    naslane_job *job = &amf->jobs[amf->count++];
    *job = (naslane_job){.op = op, .access = 1, .session = amf->ue[ue].session, .user_data = ue, .in_offset = slot,
                         .in_len = (uint32_t)in_len, .out_offset = slot, .out_capacity = SLOT};
    return job;
}

static void command(amf *amf, uint32_t ue) {
    job(amf, NASLANE_JOB_SMC_COMMAND, ue, sizeof(naslane_smc_job))->in_offset = BATCH * SLOT;
    amf->ue[ue].since = amf->tick;
}

static size_t run(amf *amf) {
    size_t ok, count = amf->count;
    TRY(naslane_batch(amf->engine, amf->jobs, count, amf->arena, sizeof amf->arena, &ok));
    amf->total += count;
    amf->batches += count != 0;
    amf->count = 0;
    return count;
}

/* Sends what the jobs of a batch wrote. */
static void send_all(amf *amf) {
    size_t count = run(amf);
    for (size_t i = 0; i < count; i++) {
        const naslane_job *job = &amf->jobs[i];
        TRY(job->status);
        post(amf->socket, (uint32_t)job->user_data, amf->arena + job->out_offset, job->out_len);
    }
}

/* What one verified (or plain) uplink message leads to; the downlink becomes a job of the next batch. */
static void uplink(amf *amf, const naslane_job *done) {
    uint32_t ue = (uint32_t)done->user_data;
    subscriber *subscriber = &amf->ue[ue];
    if (done->status == NASLANE_E_PLAIN_ALLOWED && done->message_type == REGISTRATION_REQUEST && subscriber->stage == NEW) {
        uint8_t k_amf[32];
        k_amf_of(ue, k_amf);
        TRY(naslane_authenticated(amf->engine, subscriber->session, k_amf, 0, capability, sizeof capability, 0));
        subscriber->stage = AUTHENTICATED;
        command(amf, ue);
    } else if (done->event == NASLANE_EVENT_COMPLETED) {
        uint8_t k_gnb[32];
        need(done->part_len == sizeof registration, "the whole REGISTRATION REQUEST is in the answer");
        TRY(naslane_k_gnb(amf->engine, subscriber->session, 1, k_gnb));
        subscriber->stage = SECURE;
        naslane_job *next = job(amf, NASLANE_JOB_PROTECT, ue, sizeof accept_message);
        memcpy(amf->arena + next->in_offset, accept_message, sizeof accept_message);
    } else if (done->diagnosis == NASLANE_DIAGNOSIS_UNEXPECTED_COMPLETE) {
        /* The UE was slow, not deaf: it answered both the command and its retransmission. */
    } else {
        TRY(done->status);
        need(done->message_type == REGISTRATION_COMPLETE && subscriber->stage == SECURE, "REGISTRATION COMPLETE");
        subscriber->stage = REGISTERED;
        amf->registered++;
    }
}

/* Takes every frame that waits, up to a batch; answers in a second batch. */
static void readable(amf *amf) {
    while (amf->count < BATCH) {
        frame in;
        ssize_t size = recv(amf->socket, &in, sizeof in, MSG_DONTWAIT);
        if (size < 0 && errno == EAGAIN)
            break;
        need(size > (ssize_t)sizeof in.ue && in.ue < amf->ues, "a frame");
        if (amf->ue[in.ue].session == 0)
            TRY(naslane_establish(amf->engine, NASLANE_ROLE_AMF, &amf->ue[in.ue].session));
        size_t len = (size_t)size - sizeof in.ue;
        naslane_job *next = job(amf, NASLANE_JOB_VERIFY, in.ue, len);
        memcpy(amf->arena + next->in_offset, in.pdu, len);
    }
    static naslane_job done[BATCH];
    size_t count = run(amf);
    memcpy(done, amf->jobs, count * sizeof *done);
    for (size_t i = 0; i < count; i++)
        uplink(amf, &done[i]);
    send_all(amf);
}

/* T3560: every command that is two ticks old goes out again. */
static void expired(amf *amf) {
    amf->tick++;
    for (uint32_t ue = 0; ue < amf->ues && amf->count < BATCH; ue++) {
        if (amf->ue[ue].stage != AUTHENTICATED || amf->tick - amf->ue[ue].since < 2)
            continue;
        job(amf, NASLANE_JOB_SMC_RESEND, ue, 0);
        amf->ue[ue].since = amf->tick;
        amf->resent++;
    }
    send_all(amf);
}

static void watch(int poller, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    need(epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void loop(amf *amf) {
    int poller = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec period = {.it_interval.tv_nsec = TICK_MS * 1000000L, .it_value.tv_nsec = TICK_MS * 1000000L};
    need(poller >= 0 && timer >= 0 && timerfd_settime(timer, 0, &period, NULL) == 0, "epoll and timer");
    watch(poller, amf->socket);
    watch(poller, timer);
    while (amf->registered < amf->ues) {
        struct epoll_event events[2];
        int count = epoll_wait(poller, events, 2, PATIENCE_MS);
        need(count > 0 || errno == EINTR, "epoll_wait");
        need(amf->tick < PATIENCE_MS / TICK_MS * 10, "it takes too long");
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == timer) {
                uint64_t ticks;
                need(read(timer, &ticks, sizeof ticks) == sizeof ticks, "timer");
                expired(amf);
            } else {
                readable(amf);
            }
        }
    }
    close(timer);
    close(poller);
}

int main(int argc, char **argv) {
    static amf amf;
    int sockets[2];
    pthread_t thread;
    naslane_config config;
    struct timespec begin, end;
    size_t sessions;

    amf.ues = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000;
    need(amf.ues > 0 && amf.ues <= 1000000, "1 to 1000000 UEs");
    amf.ue = calloc(amf.ues, sizeof *amf.ue);
    need(amf.ue != NULL && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) == 0, "memory and sockets");
    amf.socket = sockets[0];
    TRY(naslane_config_init(&config));
    config.sessions = config.procedures = config.remembered_keys = amf.ues;
    TRY(naslane_engine_new(&config, &amf.engine));

    naslane_smc_job request; /* what all commands share: the partial context, the operator's algorithms */
    TRY(naslane_smc_job_init(&request));
    request.ongoing = REGISTRATION_REQUEST;
    memcpy(amf.arena + BATCH * SLOT, &request, sizeof request);

    world world = {.socket = sockets[1], .ues = amf.ues};
    clock_gettime(CLOCK_MONOTONIC, &begin);
    need(pthread_create(&thread, NULL, ue_side, &world) == 0, "thread");
    loop(&amf);
    need(pthread_join(thread, NULL) == 0, "thread");
    clock_gettime(CLOCK_MONOTONIC, &end);

    double seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    printf("%u UEs in %.3f s: %lu jobs in %lu batches, %u commands lost, %u sent again\n", amf.ues, seconds, amf.total,
           amf.batches, atomic_load(&world.lost), amf.resent);
    need(amf.resent >= atomic_load(&world.lost), "every lost command was sent again");
    for (uint32_t ue = 0; ue < amf.ues; ue++)
        TRY(naslane_release(amf.engine, amf.ue[ue].session));
    TRY(naslane_sessions(amf.engine, &sessions));
    need(sessions == 0, "no session is left");
    TRY(naslane_engine_free(amf.engine));
    free(amf.ue);
    close(sockets[0]);
    close(sockets[1]);
    return 0;
}
