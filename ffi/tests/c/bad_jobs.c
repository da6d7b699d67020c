/* Random and wrong descriptors: every job gets a status of its own, a failed one changes nothing. */
#include "world.h"

enum { ARENA = 4096 };

static naslane_job good_job(uint64_t session) {
    naslane_job job = {0};
    job.op = NASLANE_JOB_PROTECT;
    job.access = 1;
    job.session = session;
    job.in_len = sizeof DOWNLINK;
    job.out_offset = 64;
    job.out_capacity = 64;
    return job;
}

static void calls(pair pair) {
    static uint8_t arena[ARENA];
    naslane_job jobs[2] = {good_job(pair.amf), good_job(pair.amf)};
    record before = look(pair.amf);
    size_t ok = 77;
    GIVES(NASLANE_E_NULL, naslane_batch(NULL, jobs, 1, arena, sizeof arena, &ok));
    GIVES(NASLANE_E_NULL, naslane_batch(engine, NULL, 1, arena, sizeof arena, &ok));
    GIVES(NASLANE_E_NULL, naslane_batch(engine, jobs, 1, NULL, sizeof arena, &ok));
    GIVES(NASLANE_E_NULL, naslane_batch(engine, jobs, 1, arena, sizeof arena, NULL));
    GIVES(NASLANE_E_OVERLAP, naslane_batch(engine, jobs, 2, (uint8_t *)&jobs[1], 64, &ok));
    GIVES(NASLANE_E_OVERLAP, naslane_batch(engine, jobs, 2, arena, sizeof arena, (size_t *)&jobs[1]));
    GIVES(NASLANE_E_OVERLAP, naslane_batch(engine, jobs, 2, arena, sizeof arena, (size_t *)(void *)arena));
    GIVES(NASLANE_E_TOO_LONG, naslane_batch(engine, jobs, SIZE_MAX / 64 + 2, arena, sizeof arena, &ok));
    GIVES(NASLANE_E_TOO_LONG, naslane_batch(engine, jobs, 1, arena, SIZE_MAX, &ok));
    GIVES(NASLANE_E_ARGUMENT, naslane_batch(engine, (naslane_job *)((uintptr_t)jobs + 1), 1, arena, sizeof arena, &ok));
    record after = look(pair.amf);
    CHECK(same(&before, &after) && ok == 77);
    OK(naslane_batch(engine, NULL, 0, NULL, 0, &ok));
    CHECK(ok == 0);
}

static void fields(pair pair) {
    static uint8_t arena[ARENA];
    memcpy(arena, DOWNLINK, sizeof DOWNLINK);
#define JOB(wanted, change)                                                     \
    do {                                                                        \
        naslane_job job = good_job(pair.amf);                                   \
        size_t ok = 9;                                                          \
        record before = look(pair.amf);                                         \
        job.change;                                                             \
        job.user_data = 5;                                                      \
        OK(naslane_batch(engine, &job, 1, arena, sizeof arena, &ok));           \
        record after = look(pair.amf);                                          \
        GIVES(wanted, job.status);                                              \
        CHECK(ok == 0 && same(&before, &after) && job.user_data == 5);          \
    } while (0)
    JOB(NASLANE_E_OPERATION, op = 0);
    JOB(NASLANE_E_OPERATION, op = 200);
    JOB(NASLANE_E_OPERATION, form = 9);
    JOB(NASLANE_E_OPERATION, reserved = 1);
    JOB(NASLANE_E_OPERATION, reserved2 = 1);
    JOB(NASLANE_E_BEARER, access = 0);
    JOB(NASLANE_E_BEARER, access = 3);
    JOB(NASLANE_E_HANDLE, session = 0);
    JOB(NASLANE_E_HANDLE, session = pair.amf + ((uint64_t)1 << 28));
    JOB(NASLANE_E_OUT_OF_RANGE, in_offset = UINT32_MAX);
    JOB(NASLANE_E_OUT_OF_RANGE, in_len = UINT32_MAX);
    JOB(NASLANE_E_OUT_OF_RANGE, out_offset = ARENA - 63);
    JOB(NASLANE_E_OUT_OF_RANGE, out_capacity = UINT32_MAX);
    JOB(NASLANE_E_OVERLAP, out_offset = 1);
    JOB(NASLANE_E_BUFFER_TOO_SMALL, out_capacity = sizeof DOWNLINK + NASLANE_OVERHEAD - 1);
    JOB(NASLANE_E_SHORT, in_len = 0);
    JOB(NASLANE_E_ARGUMENT, op = NASLANE_JOB_SMC_COMMAND);
    JOB(NASLANE_E_UNEXPECTED, op = NASLANE_JOB_SMC_RESEND);
    talk(pair);
}

/* Mostly plausible, so that the later checks are reached too. */
static naslane_job random_job(uint64_t session) {
    naslane_job job;
    scatter(&job, sizeof job);
    job.op %= 8;
    if (dice() % 8 != 0) {
        job.access = 1 + job.access % 2;
        job.form %= 3;
        job.reserved = job.reserved2 = 0;
        job.session = session;
    }
    if (job.op != NASLANE_JOB_PROTECT && dice() % 4 != 0)
        job.form = 0;
    if (dice() % 4 != 0) {
        job.in_offset %= ARENA;
        if (dice() % 2 == 0)
            job.in_offset -= job.in_offset % 200;
        job.in_len = dice() % 4 == 0 ? 128 : job.in_len % 200;
        job.out_offset = dice() % 4 == 0 ? job.in_offset : job.out_offset % ARENA;
        job.out_capacity %= 400;
        job.out_len %= 200;
        job.part_offset %= 64;
        job.part_len %= 64;
        job.count %= 16;
    }
    return job;
}

static void fill(uint8_t *arena) {
    naslane_smc_job request;
    scatter(arena, ARENA);
    for (size_t at = 0; at + 200 < ARENA; at += 200) {
        arena[at] = 0x7E;
        arena[at + 1] = dice() % 2 == 0 ? 0 : arena[at + 1] & 7;
    }
    if (dice() % 2 == 0) {
        OK(naslane_smc_job_init(&request));
        ((uint8_t *)&request)[8 + dice() % 16] = (uint8_t)dice();
        memcpy(arena + dice() % (ARENA - 128), &request, sizeof request);
    }
}

/* One job at a time: what fails leaves contexts, keys and COUNTs as they were. */
static void single(pair pair) {
    static uint8_t arena[ARENA + 64];
    unsigned long succeeded = 0;
    memset(arena + ARENA, 0xEE, 64);
    for (int i = 0; i < 20000; i++) {
        uint64_t session = i % 2 == 0 ? pair.amf : pair.ue;
        naslane_job job = random_job(session);
        uint64_t user_data = job.user_data;
        size_t ok;
        fill(arena);
        record before[2] = {look(pair.amf), look(pair.ue)};
        OK(naslane_batch(engine, &job, 1, arena, ARENA, &ok));
        CHECK(job.user_data == user_data && (job.status == NASLANE_OK) == (ok == 1) && job.status >= 0);
        CHECK(arena[ARENA] == 0xEE && memcmp(arena + ARENA, arena + ARENA + 1, 63) == 0);
        if (ok == 1) {
            succeeded++;
            naslane_smc_abort(engine, pair.amf, NASLANE_ABORT); /* if it was a command */
            continue;
        }
        CHECK(job.out_len == 0 || job.op == NASLANE_JOB_CONTAINER);
        record after[2] = {look(pair.amf), look(pair.ue)};
        CHECK(same(&before[0], &after[0]) && same(&before[1], &after[1]));
    }
    CHECK(succeeded > 0);
}

/* Many at a time, over each other. */
static void storm(pair pair) {
    static uint8_t arena[ARENA + 64];
    static naslane_job jobs[200];
    memset(arena + ARENA, 0xEE, 64);
    for (int i = 0; i < 300; i++) {
        size_t ok, counted = 0, count = dice() % 201;
        fill(arena);
        for (size_t j = 0; j < count; j++)
            jobs[j] = random_job(j % 2 == 0 ? pair.amf : pair.ue);
        OK(naslane_batch(engine, jobs, count, arena, ARENA, &ok));
        for (size_t j = 0; j < count; j++) {
            CHECK(jobs[j].status >= 0);
            counted += jobs[j].status == NASLANE_OK;
        }
        CHECK(ok == counted && memcmp(arena + ARENA, arena + ARENA + 1, 63) == 0);
        naslane_smc_abort(engine, pair.amf, NASLANE_ABORT);
    }
}

int main(void) {
    OK(naslane_engine_new(NULL, &engine));
    pair talking = secured(1), victim = secured(2);
    calls(talking);
    fields(talking);
    single(victim);
    storm(victim);
    talk(talking);
    return naslane_engine_free(engine);
}
