/* naslane: the stateless level, single messages of sessions, batches of sessions. */
#include "peers.h"

#include <naslane.h>

#define TRY(call)                                                                                        \
    do {                                                                                                 \
        int32_t status_ = (call);                                                                        \
        if (status_ != NASLANE_OK) {                                                                     \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, naslane_status_text(status_)); \
            exit(1);                                                                                     \
        }                                                                                                \
    } while (0)

/* ---- level 0: the caller keeps keys and COUNTs ---- */
typedef struct {
    uint8_t k_nas_enc[16], k_nas_int[16];
    uint32_t count;
} stateless_ue;

typedef struct {
    uint8_t algorithm;
    stateless_ue *ue;
} stateless;

static void *stateless_new(const comparison *comparison) {
    stateless *self = memory(sizeof *self);
    self->algorithm = (uint8_t)comparison->algorithm;
    self->ue = memory(UES * sizeof *self->ue);
    for (size_t i = 0; i < UES; i++) {
        memcpy(self->ue[i].k_nas_enc, comparison->subscribers[i].k_nas_enc, 16);
        memcpy(self->ue[i].k_nas_int, comparison->subscribers[i].k_nas_int, 16);
        self->ue[i].count = FIRST_COUNT;
    }
    return self;
}

static void stateless_run(void *state, const round_of_work *work) {
    stateless *self = state;
    for (size_t i = 0; i < MESSAGES; i++) {
        stateless_ue *ue = &self->ue[work->ue[i]];
        uint8_t *pdu = work->out + i * SLOT + LEAD;
        uint32_t count = ue->count++;
        header(pdu, count);
        TRY(naslane_nea(self->algorithm, ue->k_nas_enc, count, ACCESS_3GPP, DOWNLINK, work->plain + i * PLAIN, PLAIN,
                        pdu + 7));
        TRY(naslane_nia(self->algorithm, ue->k_nas_int, count, ACCESS_3GPP, DOWNLINK, pdu + 6, PLAIN + 1, pdu + 2));
    }
}

static void stateless_end(void *state) {
    stateless *self = state;
    free(self->ue);
    free(self);
}

/* ---- levels 1 and 2: sessions ---- */
typedef struct {
    naslane_engine *engine;
    uint64_t session[UES];
    const comparison *comparison;
    naslane_job jobs[BATCH_MAX];
} sessions;

/* Both halves of the security mode procedure, so that the session is in use as in a network. */
static void secure(sessions *self, naslane_engine *ue_side, size_t number) {
    static const uint8_t capability[] = {0xF0, 0x70};
    static const uint8_t registration[] = {0x7E, 0, 0x41, 0x79, 0, 11, 0xF2, 0, 0xF1, 0x10, 2, 0, 0x40,
                                           0xC0, 0, 0, 1, 0x2E, 2, 0xF0, 0x70};
    const uint8_t *k_amf = self->comparison->subscribers[number].k_amf;
    uint64_t ue, *amf = &self->session[number];
    naslane_smc_request request;
    naslane_ue answer;
    naslane_sent sent;
    naslane_received received;
    uint8_t command[NASLANE_SMC_ROOM], complete[NASLANE_SMC_ROOM];

    TRY(naslane_establish(self->engine, NASLANE_ROLE_AMF, amf));
    TRY(naslane_establish(ue_side, NASLANE_ROLE_UE, &ue));
    TRY(naslane_authenticated(self->engine, *amf, k_amf, 0, capability, sizeof capability, 0));
    TRY(naslane_authenticated(ue_side, ue, k_amf, 0, capability, sizeof capability, 0));
    TRY(naslane_smc_request_init(&request));
    request.nea = request.nia = (uint8_t)self->comparison->algorithm;
    TRY(naslane_smc_command(self->engine, *amf, &request, command, sizeof command, &sent));
    TRY(naslane_ue_init(&answer));
    answer.ue_sec_cap = capability;
    answer.ue_sec_cap_len = sizeof capability;
    answer.whole_initial = registration;
    answer.whole_initial_len = sizeof registration;
    TRY(naslane_ue_answer(ue_side, ue, 1, &answer, command, sent.len, complete, sizeof complete, &sent));
    TRY(naslane_smc_complete(self->engine, *amf, 1, complete, sent.len, complete, sizeof complete, &received));
    CHECK(received.event == NASLANE_EVENT_COMPLETED);
}

static void *sessions_new(const comparison *comparison) {
    sessions *self = memory(sizeof *self);
    naslane_engine *ue_side;
    naslane_config config;
    self->comparison = comparison;
    TRY(naslane_config_init(&config));
    config.sessions = config.procedures = config.remembered_keys = UES;
    TRY(naslane_engine_new(&config, &self->engine));
    TRY(naslane_engine_new(&config, &ue_side));
    for (size_t i = 0; i < UES; i++)
        secure(self, ue_side, i);
    TRY(naslane_engine_free(ue_side));
    return self;
}

static void single_run(void *state, const round_of_work *work) {
    sessions *self = state;
    naslane_sent sent;
    for (size_t i = 0; i < MESSAGES; i++)
        TRY(naslane_protect(self->engine, self->session[work->ue[i]], ACCESS_3GPP, work->plain + i * PLAIN, PLAIN,
                            work->out + i * SLOT + LEAD, PDU, &sent));
}

static void batch_run(void *state, const round_of_work *work) {
    sessions *self = state;
    size_t batch = self->comparison->batch, ok;
    uint8_t *arena = self->comparison->arena;
    uint32_t plain = (uint32_t)(work->plain - arena), out = (uint32_t)(work->out - arena) + LEAD;
    for (size_t first = 0; first < MESSAGES; first += batch) {
        for (size_t j = 0; j < batch; j++) {
            uint32_t i = (uint32_t)(first + j);
            self->jobs[j] = (naslane_job){.op = NASLANE_JOB_PROTECT, .access = ACCESS_3GPP,
                                          .session = self->session[work->ue[i]],
                                          .in_offset = plain + i * PLAIN, .in_len = PLAIN,
                                          .out_offset = out + i * SLOT, .out_capacity = PDU};
        }
        TRY(naslane_batch(self->engine, self->jobs, batch, arena, self->comparison->arena_len, &ok));
        CHECK(ok == batch);
    }
}

static void sessions_end(void *state) {
    sessions *self = state;
    TRY(naslane_engine_free(self->engine));
    free(self);
}

/* ---- derivation ---- */
static void k_nas_run(void *state, const round_of_work *work) {
    const comparison *comparison = state;
    for (size_t i = 0; i < MESSAGES; i++) {
        uint8_t *keys = work->out + i * SLOT + LEAD;
        TRY(naslane_kdf_k_nas(comparison->subscribers[work->ue[i]].k_amf, 2, 2, keys, keys + 16));
    }
}

size_t naslane_contestants(const comparison *comparison, contestant *to) {
    contestant base = {.side = OURS, .library = "naslane"};
    size_t count = 0;
    if (comparison->algorithm == 0) {
        to[count] = base;
        to[count].way = "naslane_kdf_k_nas";
        to[count].state = (void *)comparison;
        to[count++].run = k_nas_run;
    } else if (comparison->batch == 1) {
        to[count] = base;
        to[count].way = "naslane_nea + naslane_nia";
        to[count].state = stateless_new(comparison);
        to[count].run = stateless_run;
        to[count++].end = stateless_end;
        to[count] = base;
        to[count].way = "naslane_protect";
        to[count].state = sessions_new(comparison);
        to[count].run = single_run;
        to[count++].end = sessions_end;
    } else {
        to[count] = base;
        to[count].way = "naslane_batch";
        to[count].state = sessions_new(comparison);
        to[count].run = batch_run;
        to[count++].end = sessions_end;
    }
    return count;
}
