/* What an AMF does with a session from its first message to its last. */
#include "world.h"

static const uint8_t REQUEST_WITH_CONTAINER[] = {0x7E, 0, 0x41, 0x19, 0, 11, 0xF2, 0, 0xF1, 0x10, 2, 0, 0x40, 0xC0, 0,
                                                 0, 1, 0x2E, 2, 0xF0, 0x70, 0x71, 0, 21, /* the whole one: */
                                                 0x7E, 0, 0x41, 0x19, 0, 11, 0xF2, 0, 0xF1, 0x10, 2, 0, 0x40, 0xC0, 0,
                                                 0, 1, 0x2E, 2, 0xF0, 0x70};

/* K_gNB and the NH chain are those of the derivations. */
static void keys(void) {
    pair pair = secured(1);
    uint8_t k_amf[32] = {0x77, 1}, k_gnb[32], nh[32], expected[32], ncc;
    OK(naslane_k_gnb(engine, pair.amf, 1, k_gnb));
    OK(naslane_kdf_k_gnb(k_amf, 0, 1, expected)); /* the SECURITY MODE COMPLETE had COUNT 0 */
    CHECK(memcmp(k_gnb, expected, 32) == 0);
    OK(naslane_kdf_nh(k_amf, k_gnb, expected)); /* NCC 1 */
    for (int step = 2; step < 20; step++) {
        uint8_t again[32];
        OK(naslane_kdf_nh(k_amf, expected, expected));
        OK(naslane_nh_prepare(engine, pair.amf, nh, &ncc));
        OK(naslane_nh_prepare(engine, pair.amf, again, &ncc));
        CHECK(ncc == step % 8 && memcmp(nh, expected, 32) == 0 && memcmp(nh, again, 32) == 0);
        GIVES(NASLANE_E_CONFLICT, naslane_nh_commit(engine, pair.amf, nh, ncc ^ 1));
        nh[31] ^= 1;
        GIVES(NASLANE_E_CONFLICT, naslane_nh_commit(engine, pair.amf, nh, ncc));
        nh[31] ^= 1;
        OK(naslane_nh_commit(engine, pair.amf, nh, ncc));
        GIVES(NASLANE_E_CONFLICT, naslane_nh_commit(engine, pair.amf, nh, ncc));
    }
    talk(pair);
}

/* Handovers that take a context into use: containers, keys, COUNTs. */
static void handovers(void) {
    pair pair = secured(20);
    uint8_t k_amf[32] = {0x77, 20}, k_gnb[32], of_ue[32], expected[32], new_k_amf, ncc;
    naslane_handover handover;
    naslane_container container;
    naslane_smc_request request;
    naslane_sent sent;
    uint8_t pdu[NASLANE_SMC_ROOM];
    for (int i = 0; i < 300; i++)
        talk(pair);

    /* The same K_AMF with other algorithms: the container takes COUNT 301. */
    OK(naslane_handover_init(&handover));
    handover.nea = 1, handover.nia = 1;
    OK(naslane_handover_prepare(engine, pair.amf, &handover, &container, k_gnb));
    CHECK(container.len == 7 && container.value[4] == 0x11 && container.value[5] == 1 && container.value[6] == 301 % 256);
    CHECK(container.count == 301 && container.new_k_amf == 0 && container.nea == 1 && container.nia == 1);
    memset(expected, 0, sizeof expected);
    CHECK(memcmp(k_gnb, expected, 32) == 0);
    OK(naslane_smc_request_init(&request));
    request.target = NASLANE_TARGET_CURRENT;
    GIVES(NASLANE_E_CONFLICT, naslane_smc_command(engine, pair.amf, &request, pdu, sizeof pdu, &sent));
    GIVES(NASLANE_E_CONFLICT, naslane_handover_prepare(engine, pair.amf, &handover, &container, k_gnb));
    OK(naslane_ue_handover(engine, pair.ue, container.value, 7, NULL, NULL, 0, &new_k_amf, of_ue));
    CHECK(new_k_amf == 0);
    OK(naslane_handover_done(engine, pair.amf));
    GIVES(NASLANE_E_UNEXPECTED, naslane_handover_done(engine, pair.amf));
    OK(naslane_protect(engine, pair.amf, 1, DOWNLINK, sizeof DOWNLINK, pdu, sizeof pdu, &sent));
    CHECK(sent.count == 302);

    /* One that fails, then K_AMF' by horizontal derivation. */
    handover.takes = NASLANE_HANDOVER_HORIZONTAL;
    OK(naslane_handover_prepare(engine, pair.amf, &handover, &container, k_gnb));
    OK(naslane_handover_failed(engine, pair.amf));
    talk(pair);
    OK(naslane_handover_prepare(engine, pair.amf, &handover, &container, k_gnb));
    CHECK(container.new_k_amf == 1 && container.count == 305 && container.value[5] == 0x11);
    container.value[3] ^= 1;
    GIVES(NASLANE_E_MAC, naslane_ue_handover(engine, pair.ue, container.value, 7, NULL, NULL, 0, &new_k_amf, of_ue));
    container.value[3] ^= 1;
    OK(naslane_ue_handover(engine, pair.ue, container.value, 7, NULL, NULL, 0, &new_k_amf, of_ue));
    OK(naslane_handover_done(engine, pair.amf));
    OK(naslane_kdf_k_amf_prime(k_amf, 1, 305, k_amf));
    OK(naslane_kdf_k_gnb(k_amf, UINT32_MAX, 1, expected));
    CHECK(new_k_amf == 1 && memcmp(k_gnb, expected, 32) == 0 && memcmp(of_ue, expected, 32) == 0);
    OK(naslane_nh_prepare(engine, pair.amf, k_gnb, &ncc));
    OK(naslane_kdf_nh(k_amf, expected, expected));
    CHECK(ncc == 1 && memcmp(k_gnb, expected, 32) == 0);
    OK(naslane_protect(engine, pair.amf, 1, DOWNLINK, sizeof DOWNLINK, pdu, sizeof pdu, &sent));
    CHECK(sent.count == 0);
    talk(pair);

    /* From EPS. */
    const uint8_t mapped[32] = {0x3E, 1};
    OK(naslane_handover_init(&handover));
    handover.takes = NASLANE_HANDOVER_MAPPED;
    handover.ng_ksi = 0xA, handover.ncc = 5, handover.k_amf = mapped;
    handover.ue_sec_cap = CAPABILITY, handover.ue_sec_cap_len = sizeof CAPABILITY;
    OK(naslane_handover_prepare(engine, pair.amf, &handover, &container, k_gnb));
    CHECK(container.len == 8 && container.value[5] == 0x5A && container.count == 0);
    OK(naslane_ue_handover(engine, pair.ue, container.value, 8, mapped, CAPABILITY, sizeof CAPABILITY, &new_k_amf, of_ue));
    OK(naslane_handover_done(engine, pair.amf));
    OK(naslane_kdf_k_gnb(mapped, UINT32_MAX, 1, expected));
    CHECK(memcmp(k_gnb, expected, 32) == 0 && memcmp(of_ue, expected, 32) == 0);
    talk(pair);
    OK(naslane_release(engine, pair.amf));
    OK(naslane_release(engine, pair.ue));
}

/* A session goes to another engine and counts on there; here it is silent. */
static void transfer(void) {
    pair pair = secured(2), moved = pair;
    naslane_engine *here = engine, *there;
    naslane_sent sent;
    naslane_received received;
    uint8_t record[NASLANE_RECORD_MAX], pdu[64];
    size_t len;
    OK(naslane_export(here, pair.amf, NASLANE_RECORD_CONNECTIONS, record, sizeof record, &len));
    GIVES(NASLANE_E_CONFLICT, naslane_protect(here, pair.amf, 1, DOWNLINK, sizeof DOWNLINK, pdu, sizeof pdu, &sent));
    OK(naslane_engine_new(NULL, &there));
    OK(naslane_import(there, record, len, &moved.amf));
    GIVES(NASLANE_E_KEY_REUSED, naslane_import(there, record, len, &moved.amf));
    OK(naslane_protect(there, moved.amf, 1, DOWNLINK, sizeof DOWNLINK, pdu, sizeof pdu, &sent));
    CHECK(sent.count == 1);
    OK(naslane_verify(here, pair.ue, 1, pdu, sent.len, pdu, sizeof pdu, &received));
    OK(naslane_release(here, pair.amf));
    OK(naslane_engine_free(there));
}

/* A connection ends, the UE comes back with a protected message and a ciphered container. */
static void comes_back(void) {
    pair pair = secured(3);
    naslane_sent sent;
    naslane_received received;
    uint8_t pdu[128], plain[128], type;
    size_t offset, len;
    OK(naslane_connection_released(engine, pair.amf, 1));
    OK(naslane_connection_released(engine, pair.ue, 1));
    GIVES(NASLANE_E_NOT_SECURED, naslane_protect(engine, pair.amf, 1, DOWNLINK, 4, pdu, sizeof pdu, &sent));
    OK(naslane_ue_initial(engine, pair.ue, 1, REQUEST_WITH_CONTAINER, sizeof REQUEST_WITH_CONTAINER, 24, 21, pdu,
                          sizeof pdu, &sent));
    CHECK(sent.sht == 1 && sent.len == sizeof REQUEST_WITH_CONTAINER + NASLANE_OVERHEAD);
    CHECK(memcmp(pdu + 7 + 24, REQUEST_WITH_CONTAINER + 24, 21) != 0);
    OK(naslane_verify_only(engine, pair.amf, 1, pdu, sent.len, plain, sizeof plain, &received));
    OK(naslane_verify(engine, pair.amf, 1, pdu, sent.len, plain, sizeof plain, &received));
    CHECK(received.container_offset == 24 && received.container_len == 21 && received.message_type == 0x41);
    OK(naslane_decipher_container(engine, pair.amf, 1, received.count, plain, received.len, &offset, &len, &type));
    CHECK(offset == 24 && len == 21 && type == 0x41);
    CHECK(memcmp(plain, REQUEST_WITH_CONTAINER, sizeof REQUEST_WITH_CONTAINER) == 0);
    GIVES(NASLANE_E_CONTAINER_UNVERIFIED,
          naslane_decipher_container(engine, pair.amf, 1, received.count, plain, received.len, &offset, &len, &type));
    talk(pair);
    OK(naslane_deregister(engine, pair.amf, NASLANE_DEREGISTER_REMOVE));
    GIVES(NASLANE_E_NO_CONTEXT, naslane_protect(engine, pair.amf, 1, DOWNLINK, 4, pdu, sizeof pdu, &sent));
    OK(naslane_release(engine, pair.amf));
    GIVES(NASLANE_E_HANDLE, naslane_release(engine, pair.amf));
}

/* Everything that a command may carry, and the IMEISV in its answer. */
static void full_command(void) {
    static const uint8_t imeisv[9] = {0x35, 0x90, 0x30, 0x72, 0x10, 0x32, 0x54, 0x76, 0xF8}, abba[] = {0, 0},
                         success[] = {3, 1, 0, 4}, s1[] = {0xF0, 0xF0};
    pair pair = authenticated(4);
    naslane_smc_request request;
    naslane_ue ue = self();
    naslane_sent sent;
    naslane_received received;
    uint8_t pdu[NASLANE_SMC_ROOM], answer[NASLANE_SMC_ROOM];
    OK(naslane_smc_request_init(&request));
    request.nea = 1;
    request.nia = 3;
    request.ng_ksi = 1;
    request.ongoing = 0x41;
    request.flags = NASLANE_SMC_IMEISV | NASLANE_SMC_RINMR | NASLANE_SMC_EPS;
    request.eps_algorithms = 0x22;
    request.s1_sec_cap = s1, request.s1_sec_cap_len = sizeof s1;
    request.abba = abba, request.abba_len = sizeof abba;
    request.eap_success = success, request.eap_success_len = sizeof success;
    OK(naslane_smc_command(engine, pair.amf, &request, pdu, sizeof pdu, &sent));
    CHECK(pdu[7 + 3] == 0x13 && memcmp(pdu + 7 + 5, "\x02\xF0\x70", 3) == 0);
    ue.imeisv = imeisv, ue.imeisv_len = sizeof imeisv;
    OK(naslane_ue_answer(engine, pair.ue, 1, &ue, pdu, sent.len, answer, sizeof answer, &sent));
    CHECK(sent.cause == 0 && sent.sht == 4);
    OK(naslane_smc_complete(engine, pair.amf, 1, answer, sent.len, answer, sizeof answer, &received));
    CHECK(received.event == NASLANE_EVENT_COMPLETED && received.smc_status == NASLANE_OK);
    CHECK(received.pei_len == sizeof imeisv && memcmp(answer + received.pei_offset, imeisv, sizeof imeisv) == 0);
    CHECK(received.container_len == sizeof REGISTRATION);
    CHECK(memcmp(answer + received.container_offset, REGISTRATION, sizeof REGISTRATION) == 0);
    talk(pair);
}

/* Retransmission, its end, abort, reject: what was used before is in force. */
static void no_complete(void) {
    pair pair = authenticated(5);
    naslane_smc_request request;
    naslane_ue ue = self();
    naslane_sent sent;
    naslane_received received;
    uint8_t pdu[NASLANE_SMC_ROOM], answer[NASLANE_SMC_ROOM];
    const uint8_t other[] = {0xF0, 0xF0};
    OK(naslane_smc_request_init(&request));
    OK(naslane_smc_command(engine, pair.amf, &request, pdu, sizeof pdu, &sent));
    for (uint32_t count = 1; count <= 5; count++) { /* the one that was not delivered does not count */
        uint8_t why = count == 3 ? NASLANE_RESEND_NON_DELIVERED : NASLANE_RESEND_T3560;
        OK(naslane_smc_resend(engine, pair.amf, why, pdu, sizeof pdu, &sent));
        CHECK(sent.count == count);
    }
    GIVES(NASLANE_E_TIMEOUT, naslane_smc_resend(engine, pair.amf, NASLANE_RESEND_T3560, pdu, sizeof pdu, &sent));
    GIVES(NASLANE_E_UNEXPECTED, naslane_smc_resend(engine, pair.amf, NASLANE_RESEND_T3560, pdu, sizeof pdu, &sent));

    OK(naslane_smc_command(engine, pair.amf, &request, pdu, sizeof pdu, &sent));
    GIVES(NASLANE_E_CONFLICT, naslane_key_change_begin(engine, pair.amf, NASLANE_KEY_CHANGE_N2));
    OK(naslane_smc_abort(engine, pair.amf, NASLANE_ABORT));
    OK(naslane_key_change_begin(engine, pair.amf, NASLANE_KEY_CHANGE_N2));
    GIVES(NASLANE_E_CONFLICT, naslane_smc_command(engine, pair.amf, &request, pdu, sizeof pdu, &sent));
    OK(naslane_key_change_end(engine, pair.amf, NASLANE_KEY_CHANGE_N2));

    /* The UE sent another capability than the AMF replays: SECURITY MODE REJECT, plain, cause 23. */
    OK(naslane_smc_command(engine, pair.amf, &request, pdu, sizeof pdu, &sent));
    ue.ue_sec_cap = other;
    OK(naslane_ue_answer(engine, pair.ue, 1, &ue, pdu, sent.len, answer, sizeof answer, &sent));
    CHECK(sent.cause == 23 && sent.sht == 0);
    GIVES(NASLANE_E_PLAIN_ALLOWED,
          naslane_verify(engine, pair.amf, 1, answer, sent.len, pdu, sizeof pdu, &received));
    CHECK(received.message_type == 0x5F && received.event == NASLANE_EVENT_NONE);
    OK(naslane_smc_reject(engine, pair.amf, 23));
    GIVES(NASLANE_E_UNEXPECTED, naslane_smc_reject(engine, pair.amf, 23));
}

/* Another authentication beside a context in use: the number of the next key, then the change of context. */
static void again(void) {
    pair pair = secured(6);
    const uint8_t k_amf[32] = {0x99};
    uint8_t ng_ksi, pdu[NASLANE_SMC_ROOM], answer[NASLANE_SMC_ROOM];
    naslane_smc_request request;
    naslane_ue ue = self();
    naslane_sent sent;
    naslane_received received;
    OK(naslane_next_ng_ksi(engine, pair.amf, 2, &ng_ksi));
    CHECK(ng_ksi != 1 && ng_ksi != 2 && ng_ksi < 7);
    OK(naslane_authenticated(engine, pair.amf, k_amf, ng_ksi, CAPABILITY, sizeof CAPABILITY, 0));
    OK(naslane_authenticated(engine, pair.ue, k_amf, ng_ksi, CAPABILITY, sizeof CAPABILITY, 0));
    talk(pair); /* still the old one */
    OK(naslane_smc_request_init(&request));
    OK(naslane_smc_command(engine, pair.amf, &request, pdu, sizeof pdu, &sent));
    CHECK(sent.count == 0);
    OK(naslane_ue_answer(engine, pair.ue, 1, &ue, pdu, sent.len, answer, sizeof answer, &sent));
    OK(naslane_verify(engine, pair.amf, 1, answer, sent.len, answer, sizeof answer, &received));
    CHECK(received.event == NASLANE_EVENT_COMPLETED && received.count == 0);
    talk(pair);
}

/* A bad MAC says why when somebody asks. */
static void why(void) {
    pair pair = secured(7);
    naslane_sent sent;
    uint8_t pdu[64], diagnosis;
    OK(naslane_protect(engine, pair.ue, 1, UPLINK, sizeof UPLINK, pdu, sizeof pdu, &sent));
    OK(naslane_diagnose(engine, pair.amf, 1, pdu, sent.len, &diagnosis));
    CHECK(diagnosis == NASLANE_DIAGNOSIS_NONE);
    OK(naslane_diagnose(engine, pair.amf, 2, pdu, sent.len, &diagnosis));
    CHECK(diagnosis == NASLANE_DIAGNOSIS_WRONG_ACCESS && strcmp(naslane_diagnosis_name(diagnosis), "WRONG_ACCESS") == 0);
}

/* COUNT, and what an engine with the usual thresholds says of it. */
enum { LAST_COUNT = 0xFFFFFF, WARNING_COUNT = 0xFF0000, URGENT_COUNT = 0xFFFC00, STEP = 128 };

static uint8_t wrap_at(uint32_t count) {
    return count >= URGENT_COUNT    ? NASLANE_WRAP_URGENT
           : count >= WARNING_COUNT ? NASLANE_WRAP_WARNING
                                    : NASLANE_WRAP_NO;
}

static uint8_t flags_at(uint32_t count) {
    uint8_t warning = count >= WARNING_COUNT ? NASLANE_FLAG_COUNT_WARNING : 0;
    return warning | (count >= URGENT_COUNT ? NASLANE_FLAG_COUNT_URGENT : 0);
}

static uint8_t warned(const naslane_job *job) {
    return job->flags & (NASLANE_FLAG_COUNT_WARNING | NASLANE_FLAG_COUNT_URGENT);
}

static naslane_job job_at(uint8_t op, uint64_t session, uint32_t place, size_t len) {
    naslane_job job = {0};
    job.op = op;
    job.access = 1;
    job.session = session;
    job.in_offset = job.out_offset = place;
    job.in_len = (uint32_t)len;
    job.out_capacity = 16;
    return job;
}

/* Messages under the COUNTs from next to before, as jobs; of each STEP of them the last one arrives. */
static void jobs_until(uint64_t from, uint64_t to, uint32_t next, uint32_t before) {
    static uint8_t arena[STEP * 16];
    static naslane_job jobs[STEP];
    while (next < before) {
        uint32_t count = before - next < STEP ? before - next : STEP;
        size_t ok;
        for (uint32_t i = 0; i < count; i++) {
            memcpy(arena + i * 16, UPLINK, sizeof UPLINK);
            jobs[i] = job_at(NASLANE_JOB_PROTECT, from, i * 16, sizeof UPLINK);
        }
        OK(naslane_batch(engine, jobs, count, arena, sizeof arena, &ok));
        CHECK(ok == count);
        for (uint32_t i = 0; i < count; i++, next++)
            CHECK(jobs[i].count == next && warned(&jobs[i]) == flags_at(next));
        naslane_job last = job_at(NASLANE_JOB_VERIFY, to, (count - 1) * 16, sizeof UPLINK + NASLANE_OVERHEAD);
        OK(naslane_batch(engine, &last, 1, arena, sizeof arena, &ok));
        CHECK(ok == 1 && last.count == next - 1 && warned(&last) == flags_at(next - 1));
    }
}

/* The same, one call each, and all of them arrive. The PDU of the last one is left in pdu. */
static size_t calls_until(uint64_t from, uint64_t to, uint32_t next, uint32_t before, uint8_t pdu[64]) {
    naslane_sent sent = {0};
    naslane_received received;
    uint8_t plain[64];
    for (; next < before; next++) {
        OK(naslane_protect(engine, from, 1, UPLINK, sizeof UPLINK, pdu, 64, &sent));
        CHECK(sent.count == next && sent.near_wrap == wrap_at(next));
        OK(naslane_verify_only(engine, to, 1, pdu, sent.len, plain, sizeof plain, &received));
        CHECK(received.count == next && received.near_wrap == wrap_at(next));
        OK(naslane_verify(engine, to, 1, pdu, sent.len, plain, sizeof plain, &received));
        CHECK(received.count == next && received.near_wrap == wrap_at(next));
    }
    return sent.len;
}

static int untouched(const uint8_t *octets, size_t len) {
    while (len > 0 && octets[len - 1] == 0xC5)
        len--;
    return len == 0;
}

/* A message whose COUNT would be past the last one. */
static void comes_too_late(uint64_t to, const uint8_t *pdu, size_t len) {
    record before = look(to), after;
    naslane_received received;
    uint8_t plain[64];
    memset(plain, 0xC5, sizeof plain);
    GIVES(NASLANE_E_COUNT_EXHAUSTED, naslane_verify(engine, to, 1, pdu, len, plain, sizeof plain, &received));
    CHECK(received.len == 0 && received.event == NASLANE_EVENT_NONE && untouched(plain, sizeof plain));
    after = look(to);
    CHECK(same(&before, &after));
}

/* Nothing can be sent any more, however often somebody tries. */
static void sends_no_more(uint64_t from) {
    record before = look(from), after;
    for (int again = 0; again < 3; again++) {
        naslane_sent sent;
        naslane_job job = job_at(NASLANE_JOB_PROTECT, from, 0, sizeof UPLINK);
        uint8_t out[64];
        size_t ok;
        memset(out, 0xC5, sizeof out);
        GIVES(NASLANE_E_COUNT_EXHAUSTED,
              naslane_protect(engine, from, 1, UPLINK, sizeof UPLINK, out, sizeof out, &sent));
        CHECK(untouched(out, sizeof out));
        memcpy(out, UPLINK, sizeof UPLINK);
        job.out_offset = 16;
        OK(naslane_batch(engine, &job, 1, out, sizeof out, &ok));
        GIVES(NASLANE_E_COUNT_EXHAUSTED, job.status);
        CHECK(ok == 0 && job.out_len == 0 && untouched(out + 16, sizeof out - 16));
    }
    after = look(from);
    CHECK(same(&before, &after));
}

/* All COUNTs of one direction, message by message: no record is bent to come near the end. */
static void r07_r08_the_end_of_count(uint64_t from, uint64_t to) {
    uint8_t first[64], last[64], pdu[64];
    size_t len = calls_until(from, to, 1, 2, first);
    jobs_until(from, to, 2, WARNING_COUNT - 2);
    calls_until(from, to, WARNING_COUNT - 2, WARNING_COUNT + 2, pdu);
    jobs_until(from, to, WARNING_COUNT + 2, URGENT_COUNT - 2);
    calls_until(from, to, URGENT_COUNT - 2, URGENT_COUNT + 2, pdu);
    jobs_until(from, to, URGENT_COUNT + 2, LAST_COUNT - 2);
    /* Its sequence number would be that of a COUNT past the last one, while there are some left and afterwards. */
    comes_too_late(to, first, len);
    calls_until(from, to, LAST_COUNT - 2, LAST_COUNT + 1, last);
    sends_no_more(from);
    comes_too_late(to, first, len);
    comes_too_late(to, last, len);
}

int main(void) {
    size_t sessions;
    naslane_config config;
    OK(naslane_config_init(&config));
    config.sessions = 16;
    OK(naslane_engine_new(&config, &engine));
    keys();
    handovers();
    transfer();
    comes_back();
    full_command();
    no_complete();
    again();
    why();
    OK(naslane_sessions(engine, &sessions));
    CHECK(sessions == 12);
    for (; sessions < 16; sessions++) {
        uint64_t session;
        OK(naslane_establish(engine, NASLANE_ROLE_AMF, &session));
    }
    GIVES(NASLANE_E_TABLE_FULL, naslane_establish(engine, NASLANE_ROLE_AMF, &(uint64_t){0}));
    OK(naslane_engine_free(engine));

    OK(naslane_engine_new(NULL, &engine));
    pair far = secured(8);
    r07_r08_the_end_of_count(far.amf, far.ue);
    r07_r08_the_end_of_count(far.ue, far.amf);
    return naslane_engine_free(engine);
}
