/* An AMF event loop that waits for nobody: sockets, a timer's place and the queue of an engine in one epoll.
 *
 *     cc queue_loop.c $(pkg-config --cflags --libs naslane) -lpthread
 *     ./a.out [inline | workers | sidecar=PATH] [UEs]
 *
 * Where the engine runs is decided once, in open_engine(); nothing else differs. A thread plays the UEs behind a socket
 * (in the place of NGAP): REGISTRATION REQUEST, security mode procedure, REGISTRATION ACCEPT, REGISTRATION COMPLETE.
 * Every uplink message becomes a job as soon as it comes; what its completion says becomes the next job. Exit status 0:
 * every UE came through, every job came back once.
 */
#define _GNU_SOURCE
#include <naslane.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    ENTRIES = 256,     /* jobs under way with each worker */
    PLACES = 256,      /* jobs under way at all */
    SLOT = 512,        /* octets of the arena for each */
    WINDOW = 128,      /* UEs under way at a time */
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

/* The one place that knows where the engine runs. */
static naslane_engine *open_engine(const char *where, const naslane_config *config) {
    naslane_engine *engine;
    naslane_workers workers;
    if (strcmp(where, "workers") == 0) {
        TRY(naslane_workers_init(&workers));
        workers.workers = 2;
        TRY(naslane_workers_new(config, &workers, &engine));
    } else if (strncmp(where, "sidecar=", 8) == 0) {
        TRY(naslane_connect(where + 8, NULL, &engine)); /* its configuration is its own */
    } else {
        need(strcmp(where, "inline") == 0, "inline, workers or sidecar=PATH");
        TRY(naslane_engine_new(config, &engine));
    }
    return engine;
}

/* In the place of the authentication: both sides know this key. A sidecar lives longer than one run, and no K_AMF starts
 * twice. */
static uint64_t run_number;

static void k_amf_of(uint32_t ue, uint8_t k_amf[32]) {
    memset(k_amf, 0x5A, 32);
    memcpy(k_amf, &ue, sizeof ue);
    memcpy(k_amf + 8, &run_number, sizeof run_number);
}

/* ---- the wire: a UE's number, then a NAS PDU ---- */
typedef struct { uint32_t ue; uint8_t pdu[SLOT]; } frame;

static void post(int socket, uint32_t ue, const uint8_t *pdu, size_t len) {
    frame out = {.ue = ue};
    memcpy(out.pdu, pdu, len);
    ssize_t size = (ssize_t)(sizeof out.ue + len);
    need(send(socket, &out, (size_t)size, 0) == size, "send");
}

/* ---- the UEs: an engine of their own, on their own thread ---- */
typedef struct { int socket; uint32_t ues; } world;

static void ue_takes(naslane_engine *engine, const world *world, uint64_t session, uint32_t ue, const uint8_t *pdu,
                     size_t len) {
    naslane_sent sent;
    naslane_received received;
    uint8_t out[SLOT];
    if (pdu[1] == 3) { /* integrity protected with a new context: SECURITY MODE COMMAND */
        naslane_ue self;
        TRY(naslane_ue_init(&self));
        self.ue_sec_cap = capability;
        self.ue_sec_cap_len = sizeof capability;
        self.whole_initial = registration;
        self.whole_initial_len = sizeof registration;
        TRY(naslane_ue_answer(engine, session, 1, &self, pdu, len, out, sizeof out, &sent));
        need(sent.cause == 0, "the UE accepts the command");
    } else {
        TRY(naslane_verify(engine, session, 1, pdu, len, out, sizeof out, &received));
        need(received.message_type == REGISTRATION_ACCEPT && received.len == sizeof accept_message, "REGISTRATION ACCEPT");
        TRY(naslane_protect(engine, session, 1, complete_message, sizeof complete_message, out, sizeof out, &sent));
    }
    post(world->socket, ue, out, sent.len);
}

static void *ue_side(void *argument) {
    const world *world = argument;
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
        ue_takes(engine, world, sessions[in.ue], in.ue, in.pdu, (size_t)size - sizeof in.ue);
    }
    TRY(naslane_engine_free(engine));
    free(sessions);
    return NULL;
}

/* ---- the AMF ---- */
typedef enum { NEW, AUTHENTICATED, SECURE, REGISTERED } stage;
typedef struct { uint64_t session; stage stage; } subscriber;
typedef struct {
    naslane_engine *engine;
    naslane_queue *queue;
    uint8_t *arena;
    int socket;
    subscriber *ue;
    uint32_t ues, registered;
    uint32_t free_places[PLACES]; /* slots of the arena that no job has */
    size_t free_count;
    naslane_job waiting[PLACES]; /* prepared, not yet taken by the queue */
    size_t waiting_count;
    unsigned long submitted, reaped, sleeps;
} amf;

/* A job whose input and output lie in a slot of its own. */
static naslane_job *job(amf *amf, uint8_t op, uint32_t ue, const void *input, size_t len) {
    need(amf->free_count > 0, "a free place");
    uint32_t slot = amf->free_places[--amf->free_count] * SLOT;
    naslane_job *job = &amf->waiting[amf->waiting_count++];
    memcpy(amf->arena + slot, input, len);
    *job = (naslane_job){.op = op, .access = 1, .session = amf->ue[ue].session, .user_data = ue, .in_offset = slot,
                         .in_len = (uint32_t)len, .out_offset = slot, .out_capacity = SLOT};
    return job;
}

static void submit(amf *amf) {
    size_t taken;
    if (amf->waiting_count == 0)
        return;
    TRY(naslane_queue_submit(amf->queue, amf->waiting, amf->waiting_count, &taken));
    amf->waiting_count -= taken;
    amf->submitted += taken;
    memmove(amf->waiting, amf->waiting + taken, amf->waiting_count * sizeof *amf->waiting);
}

static void command(amf *amf, uint32_t ue) {
    naslane_smc_job request;
    TRY(naslane_smc_job_init(&request));
    request.ongoing = REGISTRATION_REQUEST;
    naslane_job *next = job(amf, NASLANE_JOB_SMC_COMMAND, ue, &request, sizeof request);
    next->out_offset += sizeof request; /* apart from the request */
    next->out_capacity -= sizeof request;
}

/* What a finished job leads to. */
static void finished(amf *amf, const naslane_job *done) {
    uint32_t ue = (uint32_t)done->user_data;
    subscriber *subscriber = &amf->ue[ue];
    amf->free_places[amf->free_count++] = done->in_offset / SLOT;
    if (done->op != NASLANE_JOB_VERIFY) {
        TRY(done->status);
        post(amf->socket, ue, amf->arena + done->out_offset, done->out_len);
    } else if (done->status == NASLANE_E_PLAIN_ALLOWED && done->message_type == REGISTRATION_REQUEST) {
        uint8_t k_amf[32];
        k_amf_of(ue, k_amf);
        TRY(naslane_authenticated(amf->engine, subscriber->session, k_amf, 0, capability, sizeof capability, 0));
        subscriber->stage = AUTHENTICATED;
        command(amf, ue);
    } else if (done->event == NASLANE_EVENT_COMPLETED) {
        uint8_t k_gnb[32];
        need(done->part_len == sizeof registration && subscriber->stage == AUTHENTICATED, "the whole REGISTRATION REQUEST");
        TRY(naslane_k_gnb(amf->engine, subscriber->session, 1, k_gnb));
        subscriber->stage = SECURE;
        job(amf, NASLANE_JOB_PROTECT, ue, accept_message, sizeof accept_message);
    } else {
        TRY(done->status);
        need(done->message_type == REGISTRATION_COMPLETE && subscriber->stage == SECURE, "REGISTRATION COMPLETE");
        subscriber->stage = REGISTERED;
        amf->registered++;
    }
}

static void reap(amf *amf) {
    naslane_job done[64];
    size_t count;
    do {
        TRY(naslane_queue_reap(amf->queue, done, 64, &count));
        amf->reaped += count;
        for (size_t i = 0; i < count; i++)
            finished(amf, &done[i]);
        submit(amf);
    } while (count == 64);
}

/* Takes the frames that wait, as many as there are places for. */
static void readable(amf *amf) {
    while (amf->free_count > 0) {
        frame in;
        ssize_t size = recv(amf->socket, &in, sizeof in, MSG_DONTWAIT);
        if (size < 0 && errno == EAGAIN)
            break;
        need(size > (ssize_t)sizeof in.ue && in.ue < amf->ues, "a frame");
        if (amf->ue[in.ue].session == 0)
            TRY(naslane_establish(amf->engine, NASLANE_ROLE_AMF, &amf->ue[in.ue].session));
        job(amf, NASLANE_JOB_VERIFY, in.ue, in.pdu, (size_t)size - sizeof in.ue);
    }
    submit(amf);
}

static void loop(amf *amf) {
    int poller = epoll_create1(0), eventfd;
    TRY(naslane_queue_eventfd(amf->queue, &eventfd));
    need(poller >= 0, "epoll");
    int fds[] = {amf->socket, eventfd};
    for (int i = 0; i < 2; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
        need(epoll_ctl(poller, EPOLL_CTL_ADD, fds[i], &event) == 0, "epoll_ctl");
    }
    while (amf->registered < amf->ues) {
        struct epoll_event events[2];
        uint8_t ready;
        /* The jobs first; sleep only when there is nothing to reap, and then the next completion wakes us. */
        reap(amf);
        if (amf->registered == amf->ues)
            break;
        TRY(naslane_queue_arm(amf->queue, &ready));
        int count = epoll_wait(poller, events, 2, ready ? 0 : PATIENCE_MS);
        need(count > 0 || ready || errno == EINTR, "nothing happens any more");
        amf->sleeps += !ready;
        for (int i = 0; i < count; i++)
            if (events[i].data.fd == amf->socket)
                readable(amf);
    }
    close(poller);
}

int main(int argc, char **argv) {
    static amf amf;
    int sockets[2];
    pthread_t thread;
    naslane_config config;
    struct timespec begin, end;
    size_t sessions, arena_len;
    const char *plan;

    amf.ues = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000;
    need(amf.ues > 0 && amf.ues <= 1000000, "1 to 1000000 UEs");
    amf.ue = calloc(amf.ues, sizeof *amf.ue);
    need(amf.ue != NULL && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) == 0, "memory and sockets");
    amf.socket = sockets[0];
    clock_gettime(CLOCK_REALTIME, &begin);
    run_number = (uint64_t)begin.tv_sec * 1000000000u + (uint64_t)begin.tv_nsec;

    TRY(naslane_config_init(&config));
    config.sessions = config.procedures = config.remembered_keys = amf.ues;
    amf.engine = open_engine(argc > 1 ? argv[1] : "inline", &config);
    TRY(naslane_plan(amf.engine, &plan));
    printf("%s\n", plan);
    TRY(naslane_queue_open(amf.engine, ENTRIES, (size_t)PLACES * SLOT, &amf.queue));
    TRY(naslane_queue_arena(amf.queue, &amf.arena, &arena_len));
    need(arena_len >= (size_t)PLACES * SLOT, "an arena of the size that was asked for");
    for (uint32_t place = 0; place < PLACES; place++)
        amf.free_places[amf.free_count++] = place;

    world world = {.socket = sockets[1], .ues = amf.ues};
    clock_gettime(CLOCK_MONOTONIC, &begin);
    need(pthread_create(&thread, NULL, ue_side, &world) == 0, "thread");
    loop(&amf);
    need(pthread_join(thread, NULL) == 0, "thread");
    clock_gettime(CLOCK_MONOTONIC, &end);

    double seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    printf("%u UEs in %.3f s: %lu jobs, %lu sleeps\n", amf.ues, seconds, amf.submitted, amf.sleeps);
    need(amf.reaped == amf.submitted && amf.waiting_count == 0 && amf.free_count == PLACES, "every job came back once");
    need(amf.submitted == 5ul * amf.ues, "three uplink messages and two downlink ones of each UE");
    TRY(naslane_queue_close(amf.queue));
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
