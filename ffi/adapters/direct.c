/* What the benchmarks of the Go adapter call, called from C: nanoseconds a message, the least of ten turns. */
#include "world.h"

#include <time.h>

#define UES 64
#define ROOM 128

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void mac(uint8_t nia) {
    uint8_t key[16] = {0}, text[64] = {0}, out[4];
    double least = 1e18;
    for (int turn = 0; turn < 10; turn++) {
        double begin = now();
        for (uint32_t i = 0; i < 5000; i++)
            OK(naslane_nia(nia, key, i, 1, 0, text, sizeof text, out));
        double spent = (now() - begin) / 5000;
        if (spent < least) least = spent;
    }
    printf("Mac64/NIA%d %.1f\n", nia, least);
}

/* DL NAS TRANSPORT of 64 octets to each of 64 UEs in one call, the batch filled anew as the adapter fills it. */
static void batch(void) {
    static uint8_t arena[UES * ROOM];
    const uint8_t plain[64] = {0x7E, 0, 0x68};
    naslane_job jobs[UES];
    uint64_t sessions[UES];
    double least = 1e18;
    OK(naslane_engine_new(NULL, &engine));
    for (uint32_t ue = 0; ue < UES; ue++)
        sessions[ue] = secured(ue).amf;
    for (int turn = 0; turn < 10; turn++) {
        double begin = now();
        for (int round = 0; round < 200; round++) {
            size_t good = 0;
            memset(jobs, 0, sizeof jobs);
            memset(arena, 0, sizeof arena);
            for (uint32_t ue = 0; ue < UES; ue++) {
                memcpy(arena + ue * ROOM, plain, sizeof plain);
                jobs[ue].op = NASLANE_JOB_PROTECT;
                jobs[ue].access = 1;
                jobs[ue].session = sessions[ue];
                jobs[ue].in_offset = jobs[ue].out_offset = ue * ROOM;
                jobs[ue].in_len = sizeof plain;
                jobs[ue].out_capacity = ROOM;
            }
            OK(naslane_batch(engine, jobs, UES, arena, sizeof arena, &good));
            CHECK(good == UES);
        }
        double spent = (now() - begin) / (200 * UES);
        if (spent < least) least = spent;
    }
    printf("Batch64 %.1f\n", least);
    OK(naslane_engine_free(engine));
}

int main(void) {
    for (uint8_t nia = 1; nia <= 3; nia++)
        mac(nia);
    batch();
    return 0;
}
