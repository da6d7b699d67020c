/* Sessions that outlive a crash: what must be refused, then a process that is killed and the one after it. */
#define _GNU_SOURCE
#include "bad.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/naslane-c-XXXXXX";
static char dir[64];
static const char kek[] = "env:NASLANE_C_KEK";

static void refused(void) {
    naslane_engine *other = (naslane_engine *)&place; /* nobody follows it */
    uint64_t few[2] = {7, 7};
    size_t count = 9;
    BAD(NUL, naslane_engine_open(NULL, NULL, kek, &other));
    BAD(NUL, naslane_engine_open(NULL, dir, NULL, &other));
    BAD(NUL, naslane_engine_open(NULL, dir, kek, NULL));
    BAD(NASLANE_E_ARGUMENT, naslane_engine_open(NULL, "", kek, &other));
    BAD(NASLANE_E_ARGUMENT, naslane_engine_open(NULL, dir, "somewhere", &other));
    BAD(NASLANE_E_SYSTEM, naslane_engine_open(NULL, dir, "env:NASLANE_C_NOTHING", &other));
    BAD(NASLANE_E_SYSTEM, naslane_engine_open(NULL, dir, "file:/nowhere", &other));
    BAD(NASLANE_E_ARGUMENT, naslane_engine_open(NULL, dir, "credential:../x", &other));
    BAD(CUT, naslane_engine_open(NULL, dir, kek, (naslane_engine **)(void *)dir));
    char path[NASLANE_FOLDER_MAX + 2];
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = 0;
    BAD(NASLANE_E_TOO_LONG, naslane_engine_open(NULL, path, kek, &other));
    BAD(NASLANE_E_TOO_LONG, naslane_engine_open(NULL, dir, path, &other));
    BAD(NUL, naslane_workers_open(NULL, NULL, NULL, kek, &other));
    BAD(NUL, naslane_workers_open(NULL, NULL, dir, kek, NULL));
    BAD(NASLANE_E_ARGUMENT, naslane_workers_open(NULL, NULL, dir, "x", &other));
    BAD(CUT, naslane_workers_open(NULL, NULL, dir, kek, (naslane_engine **)(void *)dir));
    CHECK(other == (naslane_engine *)&place);
    BAD(NUL, naslane_sessions_after(NULL, 0, few, 2, &count));
    BAD(NUL, naslane_sessions_after(engine, 0, few, 2, NULL));
    BAD(NUL, naslane_sessions_after(engine, 0, NULL, 2, &count));
    BAD(CUT, naslane_sessions_after(engine, 0, few, 2, (size_t *)(void *)few));
    BAD(NASLANE_E_ARGUMENT, naslane_sessions_after(engine, 0, (uint64_t *)((uintptr_t)few + 1), 1, &count));
    CHECK(few[0] == 7 && few[1] == 7 && count == 9);
    /* Sessions move between sidecars only. */
    static const uint8_t name[] = "one";
    BAD(NUL, naslane_session_name(NULL, 1, name, 3));
    BAD(NUL, naslane_session_name(engine, 1, NULL, 3));
    BAD(NASLANE_E_HANDLE, naslane_session_name(engine, 0, name, 3));
    BAD(NUL, naslane_session_take(NULL, name, 3, 0, few));
    BAD(NUL, naslane_session_take(engine, NULL, 3, 0, few));
    BAD(NUL, naslane_session_take(engine, name, 3, 0, NULL));
    BAD(CUT, naslane_session_take(engine, (uint8_t *)few, 3, 0, few));
    BAD(NASLANE_E_UNSUPPORTED, naslane_session_take(engine, name, 3, 0, few));
    BAD(NUL, naslane_session_give(NULL, 1));
    BAD(NASLANE_E_HANDLE, naslane_session_give(engine, 0));
    CHECK(few[0] == 7);
}

/* Handles in order, a few at a time. */
static size_t handles(uint64_t *all, size_t room) {
    size_t found = 0, count;
    do {
        OK(naslane_sessions_after(engine, found ? all[found - 1] : 0, all + found, room - found < 3 ? room - found : 3, &count));
        found += count;
    } while (count);
    return found;
}

/* A life of a process: sessions talk, one more comes, and nobody closes anything. */
static void life(int number) {
    naslane_config config;
    uint64_t all[64];
    OK(naslane_config_init(&config));
    config.sessions = config.procedures = config.remembered_keys = 64;
    OK(naslane_engine_open(&config, dir, kek, &engine));
    size_t count = handles(all, 64);
    CHECK(count == (size_t)number * 2);
    for (size_t i = 0; i < count; i++)
        CHECK(look(all[i]).len > 0); /* its record is whole */
    talk(secured(100 + (uint32_t)number));
    naslane_engine *second;
    GIVES(NASLANE_E_BUSY, naslane_engine_open(&config, dir, kek, &second));
    kill(getpid(), SIGKILL);
}

int main(void) {
    CHECK(mkdtemp(folder) != NULL);
    snprintf(dir, sizeof dir, "%s/state", folder);
    CHECK(setenv("NASLANE_C_KEK", "00000001 1111111111111111111111111111111111111111111111111111111111111111", 1) == 0);
    begin();
    refused();
    OK(naslane_engine_free(engine));
    for (int number = 0; number < 3; number++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            life(number);
            _exit(1);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    /* Workers are another number of tables than one engine is, unless there is one. */
    naslane_config config;
    naslane_workers workers;
    OK(naslane_config_init(&config));
    OK(naslane_workers_init(&workers));
    config.sessions = config.procedures = config.remembered_keys = 64;
    workers.workers = 2;
    workers.cores = NASLANE_CORES_UNPINNED;
    workers.wait = NASLANE_WAIT_BLOCK;
    GIVES(NASLANE_E_RECORD, naslane_workers_open(&config, &workers, dir, kek, &engine));
    workers.workers = 1;
    OK(naslane_workers_open(&config, &workers, dir, kek, &engine));
    uint64_t all[64];
    CHECK(handles(all, 64) == 6);
    for (int i = 0; i < 6; i++)
        OK(naslane_release(engine, all[i]));
    CHECK(handles(all, 64) == 0);
    OK(naslane_engine_free(engine));
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(system(command) == 0);
    return 0;
}
