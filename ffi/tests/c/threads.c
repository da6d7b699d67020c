/* One engine, many threads: sessions of their own, and one that all of them use at once. */
#include "world.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 2000 };

static pair own[THREADS], shared;
static uint32_t counts[THREADS][ROUNDS];

static void *talks(void *argument) {
    size_t me = (size_t)argument;
    for (size_t round = 0; round < ROUNDS; round++) {
        uint8_t arena[128];
        naslane_job jobs[2];
        size_t ok;
        talk(own[me]);
        memset(jobs, 0, sizeof jobs);
        for (int i = 0; i < 2; i++) { /* the shared one first or last: no order may block */
            naslane_job *job = &jobs[i];
            job->op = NASLANE_JOB_PROTECT;
            job->access = 1;
            job->session = (i + me) % 2 == 0 ? shared.amf : own[me].amf;
            job->in_offset = job->out_offset = (uint32_t)(64 * i);
            job->in_len = sizeof DOWNLINK;
            job->out_capacity = 64;
            memcpy(arena + 64 * i, DOWNLINK, sizeof DOWNLINK);
        }
        OK(naslane_batch(engine, jobs, 2, arena, sizeof arena, &ok));
        CHECK(ok == 2);
        counts[me][round] = jobs[me % 2].count;
    }
    return NULL;
}

int main(void) {
    static uint8_t seen[THREADS * ROUNDS + 1];
    pthread_t threads[THREADS];
    OK(naslane_engine_new(NULL, &engine));
    shared = secured(100);
    for (size_t i = 0; i < THREADS; i++)
        own[i] = secured((uint32_t)i);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, talks, (void *)i) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    /* No COUNT of the shared session was used twice, and none was left out. */
    for (size_t i = 0; i < THREADS; i++)
        for (size_t round = 0; round < ROUNDS; round++) {
            uint32_t count = counts[i][round];
            CHECK(count >= 1 && count <= THREADS * ROUNDS && !seen[count]);
            seen[count] = 1;
        }
    return naslane_engine_free(engine);
}
