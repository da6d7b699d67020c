/* A UE and an AMF that talk, and a look at what a session is made of. */
#ifndef WORLD_H
#define WORLD_H

#include "check.h"

static const uint8_t CAPABILITY[] = {0xF0, 0x70};
static const uint8_t DOWNLINK[] = {0x7E, 0, 0x54, 0x11};
static const uint8_t UPLINK[] = {0x7E, 0, 0x55};
static const uint8_t REGISTRATION[] = {0x7E, 0, 0x41, 0x79, 0, 11, 0xF2, 0, 0xF1, 0x10, 2, 0, 0x40,
                                       0xC0, 0, 0, 1, 0x2E, 2, 0xF0, 0x70};

typedef struct {
    uint64_t amf, ue;
} pair;

typedef struct {
    uint8_t octets[NASLANE_RECORD_MAX];
    size_t len;
} record;

static naslane_engine *engine;

/* Contexts, keys, COUNTs and connections of a session. */
static inline record look(uint64_t session) {
    record record = {{0}, 0};
    OK(naslane_export(engine, session, NASLANE_RECORD_CONNECTIONS, record.octets, sizeof record.octets, &record.len));
    OK(naslane_export_cancel(engine, session));
    return record;
}

static inline int same(const record *a, const record *b) {
    return a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

static inline pair authenticated(uint32_t number) {
    pair pair;
    uint8_t k_amf[32] = {0x77};
    memcpy(k_amf + 1, &number, sizeof number);
    OK(naslane_establish(engine, NASLANE_ROLE_AMF, &pair.amf));
    OK(naslane_establish(engine, NASLANE_ROLE_UE, &pair.ue));
    OK(naslane_authenticated(engine, pair.amf, k_amf, 1, CAPABILITY, sizeof CAPABILITY, 0));
    OK(naslane_authenticated(engine, pair.ue, k_amf, 1, CAPABILITY, sizeof CAPABILITY, 0));
    return pair;
}

static inline naslane_ue self(void) {
    naslane_ue self;
    OK(naslane_ue_init(&self));
    self.ue_sec_cap = CAPABILITY;
    self.ue_sec_cap_len = sizeof CAPABILITY;
    self.whole_initial = REGISTRATION;
    self.whole_initial_len = sizeof REGISTRATION;
    return self;
}

static inline pair secured(uint32_t number) {
    pair pair = authenticated(number);
    naslane_smc_request request;
    naslane_ue ue = self();
    naslane_sent sent;
    naslane_received received;
    uint8_t command[NASLANE_SMC_ROOM], answer[NASLANE_SMC_ROOM];
    OK(naslane_smc_request_init(&request));
    OK(naslane_smc_command(engine, pair.amf, &request, command, sizeof command, &sent));
    OK(naslane_ue_answer(engine, pair.ue, 1, &ue, command, sent.len, answer, sizeof answer, &sent));
    OK(naslane_smc_complete(engine, pair.amf, 1, answer, sent.len, answer, sizeof answer, &received));
    CHECK(received.event == NASLANE_EVENT_COMPLETED && received.flags == NASLANE_FLAG_SECURED);
    return pair;
}

/* A message each way. */
static inline void talk(pair pair) {
    naslane_sent sent;
    naslane_received received;
    uint8_t pdu[64];
    OK(naslane_protect(engine, pair.amf, 1, DOWNLINK, sizeof DOWNLINK, pdu, sizeof pdu, &sent));
    OK(naslane_verify(engine, pair.ue, 1, pdu, sent.len, pdu, sizeof pdu, &received));
    CHECK(received.len == sizeof DOWNLINK && memcmp(pdu, DOWNLINK, sizeof DOWNLINK) == 0);
    OK(naslane_protect(engine, pair.ue, 1, UPLINK, sizeof UPLINK, pdu, sizeof pdu, &sent));
    OK(naslane_verify(engine, pair.amf, 1, pdu, sent.len, pdu, sizeof pdu, &received));
    CHECK(received.len == sizeof UPLINK && received.count == sent.count && received.message_type == 0x55);
}

/* xorshift: the same sequence in every run. */
static inline uint64_t dice(void) {
    static uint64_t state = 0x9E3779B97F4A7C15u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static inline void scatter(void *place, size_t len) {
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)place)[i] = (uint8_t)dice();
}

#endif
