/* Level 3 gets what it must refuse: wrong pointers, sizes, processors, paths, threads. */
#include "bad.h"

#include <pthread.h>

static void doors(void) {
    naslane_engine *other = (naslane_engine *)&place; /* nobody follows it */
    naslane_workers workers;
    naslane_config config;
    const char *text;
    uint32_t twice[2] = {0, 0};
    BAD(NUL, naslane_workers_init(NULL));
    BAD(NUL, naslane_workers_new(NULL, NULL, NULL));
    BAD(NUL, naslane_connect(NULL, NULL, &other));
    BAD(NUL, naslane_connect("/nowhere", NULL, NULL));
    BAD(NUL, naslane_plan(NULL, &text));
    BAD(NUL, naslane_plan(engine, NULL));
    OK(naslane_plan(engine, &text));
    CHECK(strncmp(text, "inline", 6) == 0);
#define WORKERS(wanted, change)                                       \
    do {                                                              \
        OK(naslane_workers_init(&workers));                           \
        change;                                                       \
        BAD(wanted, naslane_workers_new(NULL, &workers, &other));     \
        CHECK(other == (naslane_engine *)&place);                     \
    } while (0)
    WORKERS(NASLANE_E_ARGUMENT, workers.size = 8);
    WORKERS(NASLANE_E_ARGUMENT, workers.wait = 3);
    WORKERS(NASLANE_E_ARGUMENT, workers.cores = 3);
    WORKERS(NASLANE_E_ARGUMENT, workers.reserved[1] = 1);
    WORKERS(NASLANE_E_ARGUMENT, workers.workers = 257);
    WORKERS(NASLANE_E_ARGUMENT, workers.cores = NASLANE_CORES_LIST);
    WORKERS(NUL, (workers.cores = NASLANE_CORES_LIST, workers.core_list_len = 1));
    WORKERS(NASLANE_E_ARGUMENT, (workers.cores = NASLANE_CORES_LIST, workers.workers = 2, workers.core_list = twice,
                                 workers.core_list_len = 2));
    WORKERS(NASLANE_E_TOO_LONG, (workers.core_list = twice, workers.core_list_len = SIZE_MAX / 2));
    OK(naslane_workers_init(&workers));
    OK(naslane_config_init(&config));
    config.sessions = 0;
    BAD(NASLANE_E_ARGUMENT, naslane_workers_new(&config, &workers, &other));
    BAD(CUT, naslane_workers_new(NULL, &workers, (naslane_engine **)(void *)&workers));
    BAD(CUT, naslane_workers_new(&config, NULL, (naslane_engine **)(void *)&config));
    char path[200];
    memset(path, 'x', sizeof path);
    BAD(NASLANE_E_TOO_LONG, naslane_connect(path, NULL, &other));
    path[NASLANE_PATH_MAX] = 0;
    BAD(NASLANE_E_DISCONNECTED, naslane_connect(path, NULL, &other));
    BAD(CUT, naslane_connect(path, NULL, (naslane_engine **)(void *)path));
    BAD(NASLANE_E_TOO_LONG, naslane_connect("/nowhere", path, &other));
    path[5] = 0;
    BAD(NASLANE_E_DISCONNECTED, naslane_connect("/nowhere", path, &other));
    BAD(CUT, naslane_connect("/nowhere", path, (naslane_engine **)(void *)path));
    path[0] = (char)0xFF;
    BAD(NASLANE_E_ARGUMENT, naslane_connect("/nowhere", path, &other));
    CHECK(other == (naslane_engine *)&place);
}

static naslane_queue *queue;

static naslane_job protects(uint64_t session) {
    naslane_job job = {0};
    job.op = NASLANE_JOB_PROTECT;
    job.access = 1;
    job.session = session;
    job.in_len = sizeof DOWNLINK;
    job.out_capacity = 64;
    return job;
}

static void queues(void) {
    naslane_queue *other = NULL;
    naslane_job jobs[2] = {protects(talking.amf), protects(talking.amf)};
    uint8_t *arena, *same_arena;
    size_t len, number = 77;
    uint8_t ready = 77;
    int32_t fd = 77;
    BAD(NUL, naslane_queue_open(NULL, 8, 4096, &other));
    BAD(NUL, naslane_queue_open(engine, 8, 4096, NULL));
    BAD(NASLANE_E_ARGUMENT, naslane_queue_open(engine, 7, 4096, &other));
    BAD(NASLANE_E_ARGUMENT, naslane_queue_open(engine, 8192, 4096, &other));
    BAD(NASLANE_E_ARGUMENT, naslane_queue_open(engine, 8, 0, &other));
    BAD(NASLANE_E_ARGUMENT, naslane_queue_open(engine, 8, (size_t)1 << 32, &other));
    CHECK(other == NULL);
    OK(naslane_queue_open(engine, 8, 4096, &queue));
    OK(naslane_queue_arena(queue, &arena, &len));
    CHECK(len == 4096 && (uintptr_t)arena % 8 == 0);
    BAD(NUL, naslane_queue_arena(NULL, &same_arena, &number));
    BAD(NUL, naslane_queue_arena(queue, NULL, &number));
    BAD(NUL, naslane_queue_arena(queue, &same_arena, NULL));
    BAD(CUT, naslane_queue_arena(queue, &same_arena, (size_t *)(void *)&same_arena));
    BAD(NUL, naslane_queue_submit(NULL, jobs, 1, &number));
    BAD(NUL, naslane_queue_submit(queue, NULL, 1, &number));
    BAD(NUL, naslane_queue_submit(queue, jobs, 1, NULL));
    BAD(CUT, naslane_queue_submit(queue, jobs, 2, (size_t *)&jobs[1]));
    BAD(CUT, naslane_queue_submit(queue, (naslane_job *)(void *)(arena + 4032), 2, &number));
    BAD(CUT, naslane_queue_submit(queue, jobs, 2, (size_t *)(void *)arena));
    BAD(NASLANE_E_TOO_LONG, naslane_queue_submit(queue, jobs, SIZE_MAX / 64 + 2, &number));
    BAD(NASLANE_E_ARGUMENT, naslane_queue_submit(queue, (naslane_job *)((uintptr_t)jobs + 1), 1, &number));
    BAD(NUL, naslane_queue_reap(NULL, jobs, 1, &number));
    BAD(NUL, naslane_queue_reap(queue, NULL, 1, &number));
    BAD(NUL, naslane_queue_reap(queue, jobs, 1, NULL));
    BAD(CUT, naslane_queue_reap(queue, jobs, 2, (size_t *)&jobs[1]));
    BAD(CUT, naslane_queue_reap(queue, (naslane_job *)(void *)arena, 1, &number));
    BAD(NASLANE_E_TOO_LONG, naslane_queue_reap(queue, jobs, SIZE_MAX / 64 + 2, &number));
    BAD(NASLANE_E_ARGUMENT, naslane_queue_reap(queue, (naslane_job *)((uintptr_t)jobs + 1), 1, &number));
    BAD(NUL, naslane_queue_wait(NULL, 0, &ready));
    BAD(NUL, naslane_queue_wait(queue, 0, NULL));
    BAD(NUL, naslane_queue_arm(NULL, &ready));
    BAD(NUL, naslane_queue_arm(queue, NULL));
    BAD(NUL, naslane_queue_eventfd(NULL, &fd));
    BAD(NUL, naslane_queue_eventfd(queue, NULL));
    BAD(NUL, naslane_queue_close(NULL));
    CHECK(number == 77 && ready == 77 && fd == 77);
    OK(naslane_queue_submit(queue, NULL, 0, &number));
    CHECK(number == 0);
    OK(naslane_queue_reap(queue, NULL, 0, &number));
    CHECK(number == 0);
    OK(naslane_queue_wait(queue, NASLANE_FOREVER, &ready));
    CHECK(ready == 0); /* nothing is under way */
}

/* Random jobs, refused or not, come back once; what lies around the arena is untouched. */
static void random_jobs(void) {
    uint8_t *arena;
    size_t len;
    unsigned long submitted = 0, reaped = 0;
    OK(naslane_queue_arena(queue, &arena, &len));
    for (int i = 0; i < 20000; i++) {
        naslane_job jobs[4], done[8];
        size_t taken, count = dice() % 5;
        scatter(jobs, sizeof jobs);
        for (size_t j = 0; j < count; j++) {
            if (dice() % 4 == 0)
                continue; /* as wild as it is */
            jobs[j].op %= 8;
            jobs[j].access = 1;
            jobs[j].form = jobs[j].reserved = jobs[j].reserved2 = 0;
            jobs[j].session = talking.amf;
            jobs[j].in_offset %= 5000;
            jobs[j].in_len %= 200;
            jobs[j].out_offset = jobs[j].in_offset;
            jobs[j].out_capacity %= 400;
            jobs[j].out_len %= 5000;
        }
        scatter(arena + dice() % (len - 64), 64);
        OK(naslane_queue_submit(queue, jobs, count, &taken));
        CHECK(taken <= count);
        submitted += taken;
        OK(naslane_queue_reap(queue, done, 8, &count));
        reaped += count;
        for (size_t j = 0; j < count; j++)
            CHECK(done[j].status >= 0);
    }
    while (reaped < submitted) {
        naslane_job done[8];
        size_t count;
        uint8_t ready;
        OK(naslane_queue_wait(queue, 10000000, &ready));
        CHECK(ready == 1);
        OK(naslane_queue_reap(queue, done, 8, &count));
        reaped += count;
    }
    CHECK(reaped == submitted && submitted > 10000);
    naslane_smc_abort(engine, talking.amf, NASLANE_ABORT); /* if one of them was a command */
}

static void *uses(void *argument) {
    unsigned long *seen = argument;
    for (int i = 0; i < 20000; i++) {
        naslane_job done[8];
        size_t count;
        int32_t status = naslane_queue_reap(queue, done, 8, &count);
        CHECK(status == NASLANE_OK || status == NASLANE_E_BUSY);
        seen[status == NASLANE_E_BUSY]++;
    }
    return NULL;
}

/* A queue has one thread at a time: another one is told. */
static void threads(void) {
    pthread_t thread[2];
    unsigned long seen[2][2] = {{0}};
    for (size_t i = 0; i < 2; i++)
        CHECK(pthread_create(&thread[i], NULL, uses, seen[i]) == 0);
    for (size_t i = 0; i < 2; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    for (size_t i = 0; i < 2; i++)
        CHECK(seen[i][0] + seen[i][1] == 20000);
    CHECK(seen[0][0] + seen[1][0] > 0); /* one may find the other in a call every time, when it sleeps there */
}

static void end(void) {
    OK(naslane_queue_close(queue));
    talk(talking);
    OK(naslane_engine_free(engine));
}

int main(void) {
    begin();
    doors();
    queues();
    random_jobs();
    threads();
    end();
    /* The same with workers behind it. */
    naslane_workers workers;
    OK(naslane_workers_init(&workers));
    workers.workers = 2;
    workers.wait = NASLANE_WAIT_BLOCK;
    workers.cores = NASLANE_CORES_UNPINNED;
    OK(naslane_workers_new(NULL, &workers, &engine));
    talking = secured(1);
    fresh = authenticated(2);
    queues();
    random_jobs();
    threads();
    /* An engine that ends before its queue: the jobs come back all the same, and no more are taken. */
    naslane_job job = protects(talking.amf);
    size_t taken, count;
    OK(naslane_queue_submit(queue, &job, 1, &taken));
    CHECK(taken == 1);
    OK(naslane_engine_free(engine));
    OK(naslane_queue_reap(queue, &job, 1, &count));
    CHECK(count == 1);
    GIVES(NASLANE_E_STOPPED, naslane_queue_submit(queue, &job, 1, &taken));
    return naslane_queue_close(queue);
}
