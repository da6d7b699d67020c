/* A call that fails changes nothing: no session, no output. */
#ifndef BAD_H
#define BAD_H

#include "world.h"

static pair talking, fresh;     /* with a context in use, and with a partial one */
static record known[4];
static uint8_t out[1280];       /* every output buffer of a call that must fail */
static union { naslane_sent sent; naslane_received received; naslane_container container; size_t size; uint64_t handle; uint8_t octet; } place;
static uint8_t canary[sizeof out > sizeof place ? sizeof out : sizeof place];

static inline void remember(void) {
    known[0] = look(talking.amf);
    known[1] = look(talking.ue);
    known[2] = look(fresh.amf);
    known[3] = look(fresh.ue);
    memset(out, 0xEE, sizeof out);
    memset(&place, 0xEE, sizeof place);
}

static inline int unchanged(void) {
    record now[4] = {look(talking.amf), look(talking.ue), look(fresh.amf), look(fresh.ue)};
    for (int i = 0; i < 4; i++)
        if (!same(&now[i], &known[i]))
            return 0;
    return 1;
}

static inline int untouched(void) {
    return memcmp(out, canary, sizeof out) == 0 && memcmp(&place, canary, sizeof place) == 0;
}

/* The call gives this status; sessions and outputs are as before. */
#define BAD(wanted, call)           \
    do {                            \
        remember();                 \
        GIVES(wanted, call);        \
        CHECK(unchanged());         \
        CHECK(untouched());         \
    } while (0)

/* The same where the verdict is written. */
#define REFUSED(wanted, call)                           \
    do {                                                \
        remember();                                     \
        GIVES(wanted, call);                            \
        CHECK(unchanged());                             \
        CHECK(place.received.status == (wanted));       \
        CHECK(memcmp(out, canary, sizeof out) == 0);    \
    } while (0)

#define NUL NASLANE_E_NULL
#define CUT NASLANE_E_OVERLAP
#define TIGHT NASLANE_E_BUFFER_TOO_SMALL

static const uint8_t key[64] = {9};
static const char snn[] = "5G:mnc001.mcc001.3gppnetwork.org";

static inline void begin(void) {
    memset(canary, 0xEE, sizeof canary);
    OK(naslane_engine_new(NULL, &engine));
    talking = secured(1);
    fresh = authenticated(2);
}

#endif
