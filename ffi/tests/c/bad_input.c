/* Bad input to every function of level 1: it gets its own status and changes nothing, no session, no output. */
#include "bad.h"

static void engines(void) {
    naslane_config good, config;
    naslane_engine *none = NULL;
    GIVES(NUL, naslane_config_init(NULL));
    GIVES(NUL, naslane_engine_new(NULL, NULL));
    GIVES(NUL, naslane_engine_free(NULL));
    BAD(NUL, naslane_sessions(NULL, &place.size));
    BAD(NUL, naslane_sessions(engine, NULL));
    OK(naslane_config_init(&good));
#define WITH(status, change)                                \
    do {                                                    \
        config = good;                                      \
        config.change;                                      \
        GIVES(status, naslane_engine_new(&config, &none));  \
        CHECK(none == NULL);                                \
    } while (0)
    WITH(NASLANE_E_ARGUMENT, size = 0);
    WITH(NASLANE_E_ARGUMENT, size += 8);
    WITH(NASLANE_E_ARGUMENT, sessions = 0);
    WITH(NASLANE_E_ARGUMENT, sessions = SIZE_MAX);
    WITH(NASLANE_E_ARGUMENT, procedures = SIZE_MAX);
    WITH(NASLANE_E_ARGUMENT, remembered_keys = SIZE_MAX);
    WITH(NASLANE_E_ARGUMENT, out_of_order = 65);
    WITH(NASLANE_E_ARGUMENT, warning_count = good.urgent_count + 1);
    WITH(NASLANE_E_ARGUMENT, urgent_count = UINT32_MAX);
    WITH(NASLANE_E_ARGUMENT, nea_len = 0);
    WITH(NASLANE_E_ARGUMENT, nia_len = 5);
    WITH(NASLANE_E_ARGUMENT, nea[1] = good.nea[0]);
    WITH(NASLANE_E_ALGORITHM_NOT_SUPPORTED, nia[0] = 4);
    WITH(NASLANE_E_ARGUMENT, retransmissions = 17);
    WITH(NASLANE_E_ARGUMENT, flags = 4);
    WITH(NASLANE_E_ARGUMENT, reserved = 1);
}

/* Every call on a session, good but for the engine or the handle. */
static void every_session_call(naslane_engine *on, uint64_t session, int32_t status) {
    naslane_smc_request request;
    naslane_ue ue = self();
    OK(naslane_smc_request_init(&request));
    BAD(status, naslane_release(on, session));
    BAD(status, naslane_authenticated(on, session, key, 0, CAPABILITY, 2, 0));
    BAD(status, naslane_next_ng_ksi(on, session, 7, &place.octet));
    BAD(status, naslane_connection_released(on, session, 1));
    BAD(status, naslane_deregister(on, session, NASLANE_DEREGISTER_KEEP));
    BAD(status, naslane_key_change_begin(on, session, NASLANE_KEY_CHANGE_N2));
    BAD(status, naslane_key_change_end(on, session, NASLANE_KEY_CHANGE_N2));
    BAD(status, naslane_protect(on, session, 1, DOWNLINK, 4, out, sizeof out, &place.sent));
    memset(&place, 0, sizeof place);
    remember();
    GIVES(status, naslane_verify(on, session, 1, key, 32, out, sizeof out, &place.received));
    GIVES(status, naslane_verify_only(on, session, 1, key, 32, out, sizeof out, &place.received));
    const uint8_t complete[10] = {0x7E, 4};
    GIVES(status, naslane_smc_complete(on, session, 1, complete, sizeof complete, out, sizeof out, &place.received));
    CHECK(unchanged() && memcmp(out, canary, sizeof out) == 0);
    size_t offset, len;
    uint8_t message[8] = {0x7E};
    BAD(status, naslane_decipher_container(on, session, 1, 0, message, sizeof message, &offset, &len, &place.octet));
    BAD(status, naslane_diagnose(on, session, 1, key, 32, &place.octet));
    BAD(status, naslane_smc_command(on, session, &request, out, sizeof out, &place.sent));
    BAD(status, naslane_smc_resend(on, session, NASLANE_RESEND_T3560, out, sizeof out, &place.sent));
    BAD(status, naslane_smc_reject(on, session, 24));
    BAD(status, naslane_smc_abort(on, session, NASLANE_ABORT));
    BAD(status, naslane_k_gnb(on, session, 1, out));
    BAD(status, naslane_nh_prepare(on, session, out, &place.octet));
    BAD(status, naslane_nh_commit(on, session, key, 1));
    naslane_handover handover;
    OK(naslane_handover_init(&handover));
    BAD(status, naslane_handover_prepare(on, session, &handover, &place.container, out));
    BAD(status, naslane_handover_done(on, session));
    BAD(status, naslane_handover_failed(on, session));
    BAD(status, naslane_ue_handover(on, session, key, 7, NULL, NULL, 0, &place.octet, out));
    BAD(status, naslane_export(on, session, 0, out, sizeof out, &place.size));
    BAD(status, naslane_export_cancel(on, session));
    BAD(status, naslane_ue_answer(on, session, 1, &ue, key, 32, out, sizeof out, &place.sent));
    BAD(status, naslane_ue_initial(on, session, 1, REGISTRATION, sizeof REGISTRATION, 0, 0, out, sizeof out, &place.sent));
}

static void handles(void) {
    uint64_t stale, reused;
    OK(naslane_establish(engine, NASLANE_ROLE_AMF, &stale));
    OK(naslane_release(engine, stale));
    OK(naslane_establish(engine, NASLANE_ROLE_AMF, &reused));
    const uint64_t bad[] = {0, 1, stale, UINT64_MAX, talking.amf + 1, talking.amf | (uint64_t)1 << 63,
                            talking.amf ^ (uint64_t)1 << 28, talking.amf & 0xFFFFFFF};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (bad[i] != talking.ue && bad[i] != fresh.amf && bad[i] != fresh.ue)
            every_session_call(engine, bad[i], NASLANE_E_HANDLE);
    for (int i = 0; i < 200; i++)
        every_session_call(engine, dice(), NASLANE_E_HANDLE);
    every_session_call(NULL, talking.amf, NUL);
    OK(naslane_release(engine, reused));
}

static void sessions(void) {
    uint64_t amf = talking.amf, ue = talking.ue;
    BAD(NUL, naslane_establish(NULL, 0, &place.handle));
    BAD(NUL, naslane_establish(engine, 0, NULL));
    BAD(NASLANE_E_ARGUMENT, naslane_establish(engine, 2, &place.handle));
    BAD(NUL, naslane_authenticated(engine, amf, NULL, 0, CAPABILITY, 2, 0));
    BAD(NUL, naslane_authenticated(engine, amf, key, 0, NULL, 2, 0));
    BAD(NASLANE_E_MALFORMED_IE, naslane_authenticated(engine, amf, key, 0, NULL, 0, 0));
    BAD(NASLANE_E_MALFORMED_IE, naslane_authenticated(engine, amf, key, 0, key, 9, 0));
    BAD(NASLANE_E_NG_KSI, naslane_authenticated(engine, amf, key, 7, CAPABILITY, 2, 0));
    BAD(NASLANE_E_NG_KSI, naslane_authenticated(engine, amf, key, 8, CAPABILITY, 2, 0));
    BAD(NASLANE_E_NG_KSI, naslane_authenticated(engine, amf, key, 1, CAPABILITY, 2, 0)); /* in use */
    BAD(NASLANE_E_ARGUMENT, naslane_authenticated(engine, amf, key, 0, CAPABILITY, 2, 2));
    const uint8_t used[32] = {0x77, 2};
    BAD(NASLANE_E_KEY_REUSED, naslane_authenticated(engine, amf, used, 0, CAPABILITY, 2, 0));
    BAD(NASLANE_E_NG_KSI, naslane_next_ng_ksi(engine, amf, 16, &place.octet));
    BAD(NUL, naslane_next_ng_ksi(engine, amf, 7, NULL));
    for (int access = 0; access < 256; access = access == 0 ? 3 : access * 2) {
        uint8_t a = (uint8_t)access;
        BAD(NASLANE_E_BEARER, naslane_connection_released(engine, amf, a));
        BAD(NASLANE_E_BEARER, naslane_protect(engine, amf, a, DOWNLINK, 4, out, sizeof out, &place.sent));
        BAD(NASLANE_E_BEARER, naslane_verify(engine, amf, a, key, 32, out, sizeof out, &place.received));
        BAD(NASLANE_E_BEARER, naslane_k_gnb(engine, amf, a, out));
    }
    BAD(NASLANE_E_ARGUMENT, naslane_deregister(engine, amf, 3));
    BAD(NASLANE_E_ARGUMENT, naslane_key_change_begin(engine, amf, 0));
    BAD(NASLANE_E_ARGUMENT, naslane_key_change_end(engine, amf, 3));
    BAD(NASLANE_E_UNEXPECTED, naslane_key_change_end(engine, amf, NASLANE_KEY_CHANGE_N2));
    BAD(NUL, naslane_k_gnb(engine, amf, 1, NULL));
    BAD(NASLANE_E_NO_CONTEXT, naslane_k_gnb(engine, amf, 2, out));
    BAD(NASLANE_E_NO_CONTEXT, naslane_k_gnb(engine, fresh.amf, 1, out));
    BAD(NASLANE_E_NO_CONTEXT, naslane_nh_prepare(engine, fresh.amf, out, &place.octet));
    BAD(NUL, naslane_nh_prepare(engine, amf, NULL, &place.octet));
    BAD(NUL, naslane_nh_prepare(engine, amf, out, NULL));
    BAD(CUT, naslane_nh_prepare(engine, amf, out, out + 31));
    BAD(NUL, naslane_nh_commit(engine, amf, NULL, 2));
    BAD(NASLANE_E_ARGUMENT, naslane_export(engine, amf, 2, out, sizeof out, &place.size));
    BAD(TIGHT, naslane_export(engine, amf, 0, out, NASLANE_RECORD_MAX - 1, &place.size));
    BAD(NUL, naslane_export(engine, amf, 0, NULL, NASLANE_RECORD_MAX, &place.size));
    BAD(NUL, naslane_export(engine, amf, 0, out, sizeof out, NULL));
    BAD(CUT, naslane_export(engine, amf, 0, (uint8_t *)&place, NASLANE_RECORD_MAX, &place.size));
    BAD(NASLANE_E_UNEXPECTED, naslane_export_cancel(engine, ue));
}

static void records(void) {
    record record = look(talking.amf);
    size_t before, after;
    OK(naslane_sessions(engine, &before));
    BAD(NUL, naslane_import(NULL, record.octets, record.len, &place.handle));
    BAD(NUL, naslane_import(engine, NULL, record.len, &place.handle));
    BAD(NUL, naslane_import(engine, record.octets, record.len, NULL));
    BAD(NASLANE_E_KEY_REUSED, naslane_import(engine, record.octets, record.len, &place.handle));
    for (size_t len = 0; len < record.len; len++)
        BAD(NASLANE_E_RECORD, naslane_import(engine, record.octets, len, &place.handle));
    for (size_t i = 0; i < record.len; i++) {
        record.octets[i] ^= 0x20;
        BAD(NASLANE_E_RECORD, naslane_import(engine, record.octets, record.len, &place.handle));
        record.octets[i] ^= 0x20;
    }
    BAD(CUT, naslane_import(engine, (uint8_t *)&place, 16, &place.handle));
    OK(naslane_sessions(engine, &after));
    CHECK(before == after);
}

static void messages(void) {
    uint64_t amf = talking.amf, ue = talking.ue;
    static uint8_t pdu[70000], long_message[70000] = {0x7E, 0, 0x54};
    naslane_sent sent;
    size_t part[2];
    OK(naslane_protect(engine, ue, 1, UPLINK, sizeof UPLINK, pdu, sizeof pdu, &sent));
    BAD(NUL, naslane_protect(engine, amf, 1, NULL, 4, out, sizeof out, &place.sent));
    BAD(NUL, naslane_protect(engine, amf, 1, DOWNLINK, 4, NULL, 64, &place.sent));
    BAD(NUL, naslane_protect(engine, amf, 1, DOWNLINK, 4, out, sizeof out, NULL));
    BAD(NASLANE_E_SHORT, naslane_protect(engine, amf, 1, NULL, 0, out, sizeof out, &place.sent)); /* R32 */
    for (size_t room = 0; room < sizeof DOWNLINK + NASLANE_OVERHEAD; room++)
        BAD(TIGHT, naslane_protect(engine, amf, 1, DOWNLINK, sizeof DOWNLINK, out, room, &place.sent));
    BAD(TIGHT, naslane_protect(engine, amf, 1, out, 16, out, 8, &place.sent));
    BAD(TIGHT, naslane_protect(engine, amf, 1, out, 16, out, 22, &place.sent));
    BAD(CUT, naslane_protect(engine, amf, 1, out + 1, 16, out, 64, &place.sent));
    BAD(CUT, naslane_protect(engine, amf, 1, out + 63, 16, out, 64, &place.sent));
    BAD(CUT, naslane_protect(engine, amf, 1, DOWNLINK, 4, (uint8_t *)&place, 64, &place.sent));
    BAD(NASLANE_E_TOO_LONG, naslane_protect(engine, amf, 1, DOWNLINK, SIZE_MAX, out, sizeof out, &place.sent));
    BAD(NASLANE_E_TOO_LONG, naslane_protect(engine, amf, 1, DOWNLINK, 4, out, SIZE_MAX, &place.sent));
    const uint8_t smc[] = {0x7E, 0, 0x5D, 0x22, 1, 2, 0xF0, 0x70};
    BAD(NASLANE_E_HEADER_MISMATCH, naslane_protect(engine, amf, 1, smc, sizeof smc, out, sizeof out, &place.sent));
    BAD(NASLANE_E_NOT_SECURED, naslane_protect(engine, amf, 2, DOWNLINK, 4, out, sizeof out, &place.sent));

    BAD(NUL, naslane_verify(engine, amf, 1, NULL, sent.len, out, sizeof out, &place.received));
    BAD(NUL, naslane_verify(engine, amf, 1, pdu, sent.len, NULL, 64, &place.received));
    BAD(NUL, naslane_verify(engine, amf, 1, pdu, sent.len, out, sizeof out, NULL));
    BAD(CUT, naslane_verify(engine, amf, 1, pdu, sent.len, pdu + 1, 64, &place.received));
    BAD(CUT, naslane_verify(engine, amf, 1, pdu, sent.len, (uint8_t *)&place, 16, &place.received));
    BAD(NASLANE_E_TOO_LONG, naslane_verify(engine, amf, 1, pdu, SIZE_MAX / 2 + 1, out, sizeof out, &place.received));
    for (size_t room = 0; room < sizeof UPLINK; room++)
        REFUSED(TIGHT, naslane_verify(engine, amf, 1, pdu, sent.len, out, room, &place.received));
    BAD(TIGHT, naslane_verify(engine, amf, 1, pdu, sent.len, pdu, sizeof UPLINK - 1, &place.received));
    for (size_t len = 0; len < sent.len; len++) { /* R31 */
        remember();
        CHECK(naslane_verify(engine, amf, 1, pdu, len, out, sizeof out, &place.received) != NASLANE_OK);
        CHECK(place.received.len == 0 && unchanged() && memcmp(out, canary, sizeof out) == 0);
    }
    for (size_t i = 0; i < sent.len * 8; i++) {
        if (i / 4 == 3) /* the spare half octet beside the security header type, which nobody reads */
            continue;
        pdu[i / 8] ^= (uint8_t)(1 << i % 8);
        remember();
        CHECK(naslane_verify(engine, amf, 1, pdu, sent.len, out, sizeof out, &place.received) != NASLANE_OK);
        CHECK(place.received.len == 0 && unchanged() && memcmp(out, canary, sizeof out) == 0);
        pdu[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (int i = 0; i < 5000; i++) {
        uint8_t noise[64];
        size_t len = dice() % sizeof noise;
        scatter(noise, sizeof noise);
        if (i % 2 == 0) {
            noise[0] = 0x7E;
            noise[1] = (uint8_t)(dice() % 6);
        }
        CHECK(naslane_verify(engine, amf, 1, noise, len, noise, sizeof noise, &place.received) != NASLANE_OK);
        CHECK(naslane_diagnose(engine, amf, 1, noise, len, &place.octet) == NASLANE_OK);
    }
    BAD(CUT, naslane_verify_only(engine, amf, 1, pdu, sent.len, pdu, sizeof pdu, &place.received));
    BAD(NUL, naslane_verify_only(engine, amf, 1, NULL, 5, out, sizeof out, &place.received));
    BAD(NASLANE_E_BEARER, naslane_verify_only(engine, amf, 9, pdu, sent.len, out, sizeof out, &place.received));
    BAD(NUL, naslane_verify_only(engine, amf, 1, pdu, sent.len, out, sizeof out, NULL));
    REFUSED(NASLANE_E_MAC, naslane_verify(engine, amf, 1, (pdu[6]++, pdu), sent.len, out, sizeof out, &place.received));
    pdu[6]--;
    uint64_t file = 7;
    BAD(NUL, naslane_tap(NULL, amf, 1, &file));
    BAD(NUL, naslane_tap(engine, amf, 1, NULL));
    BAD(NASLANE_E_ARGUMENT, naslane_tap(engine, amf, 2, &file));
    BAD(NASLANE_E_HANDLE, naslane_tap(engine, 0, 1, &file));
    BAD(NASLANE_E_UNSUPPORTED, naslane_tap(engine, amf, 1, &file));
    BAD(NASLANE_E_UNSUPPORTED, naslane_tap(engine, amf, 0, &file));
    CHECK(file == 7);
    BAD(NUL, naslane_diagnose(engine, amf, 1, pdu, sent.len, NULL));
    BAD(NUL, naslane_diagnose(engine, amf, 1, NULL, 5, &place.octet));
    BAD(NASLANE_E_BEARER, naslane_diagnose(engine, amf, 0, pdu, sent.len, &place.octet));
    BAD(CUT, naslane_diagnose(engine, amf, 1, &place.octet, 1, &place.octet));
    OK(naslane_verify_only(engine, amf, 1, pdu, sent.len, out, sizeof out, &place.received));
    OK(naslane_verify(engine, amf, 1, pdu, sent.len, out, sizeof out, &place.received));
    REFUSED(NASLANE_E_REPLAY, naslane_verify(engine, amf, 1, pdu, sent.len, out, sizeof out, &place.received));

    uint8_t plain[sizeof UPLINK];
    memcpy(plain, UPLINK, sizeof plain);
    BAD(NUL, naslane_decipher_container(engine, amf, 1, 0, NULL, 5, &part[0], &part[1], &place.octet));
    BAD(NUL, naslane_decipher_container(engine, amf, 1, 0, plain, 3, NULL, &part[1], &place.octet));
    BAD(NUL, naslane_decipher_container(engine, amf, 1, 0, plain, 3, &part[0], NULL, &place.octet));
    BAD(NUL, naslane_decipher_container(engine, amf, 1, 0, plain, 3, &part[0], &part[1], NULL));
    BAD(CUT, naslane_decipher_container(engine, amf, 1, 0, plain, 3, &part[0], &part[0], &place.octet));
    BAD(NASLANE_E_BEARER, naslane_decipher_container(engine, amf, 0, 0, plain, 3, &part[0], &part[1], &place.octet));
    BAD(NASLANE_E_CONTAINER_UNVERIFIED,
        naslane_decipher_container(engine, amf, 1, sent.count + 1, plain, 3, &part[0], &part[1], &place.octet));
    BAD(NASLANE_E_CONTAINER_MISSING,
        naslane_decipher_container(engine, amf, 1, sent.count, plain, 3, &part[0], &part[1], &place.octet));

    OK(naslane_protect(engine, amf, 1, long_message, 65536, pdu, sizeof pdu, &sent)); /* R36 */
    OK(naslane_verify(engine, ue, 1, pdu, sent.len, pdu, sizeof pdu, &place.received));
    CHECK(place.received.len == 65536 && memcmp(pdu, long_message, 65536) == 0);
}

static void procedures(void) {
    uint64_t amf = fresh.amf;
    naslane_smc_request good, request;
    naslane_smc_job job;
    naslane_ue ue = self(), other;
    naslane_sent sent;
    uint8_t pdu[NASLANE_SMC_ROOM];
    GIVES(NUL, naslane_smc_request_init(NULL));
    GIVES(NUL, naslane_smc_job_init(NULL));
    GIVES(NUL, naslane_ue_init(NULL));
    OK(naslane_smc_job_init(&job));
    OK(naslane_smc_request_init(&good));
#define ASKING(status, change)                                                                  \
    do {                                                                                        \
        request = good;                                                                         \
        request.change;                                                                         \
        BAD(status, naslane_smc_command(engine, amf, &request, out, sizeof out, &place.sent));  \
    } while (0)
    ASKING(NASLANE_E_ARGUMENT, size = 0);
    ASKING(NASLANE_E_ARGUMENT, size++);
    ASKING(NASLANE_E_BEARER, access = 0);
    ASKING(NASLANE_E_ARGUMENT, target = 7);
    ASKING(NASLANE_E_ALGORITHM_NOT_SUPPORTED, nea = 4);
    ASKING(NASLANE_E_ALGORITHM_NOT_SUPPORTED, nia = 2);
    ASKING(NASLANE_E_NG_KSI, ng_ksi = 16);
    ASKING(NASLANE_E_NG_KSI, ng_ksi = 2);
    ASKING(NASLANE_E_ARGUMENT, flags = 8);
    ASKING(NASLANE_E_ARGUMENT, reserved[2] = 1);
    ASKING(NASLANE_E_OUT_OF_ORDER, target = NASLANE_TARGET_CURRENT);
    ASKING(NASLANE_E_OUT_OF_ORDER, target = NASLANE_TARGET_NON_CURRENT);
    ASKING(NUL, target = NASLANE_TARGET_MAPPED);
    ASKING(NUL, target = NASLANE_TARGET_HORIZONTAL_RECEIVED);
    ASKING(NUL, abba_len = 2);
    ASKING(NUL, ue_sec_cap_len = 2);
    ASKING(NASLANE_E_IE_COMBINATION, flags = NASLANE_SMC_EPS);
    request = good;
    request.nea = 0, request.nia = 0;
    BAD(NASLANE_E_NULL_INTEGRITY, naslane_smc_command(engine, amf, &request, out, sizeof out, &place.sent));
    request = good;
    request.ue_sec_cap = key, request.ue_sec_cap_len = 9;
    BAD(NASLANE_E_MALFORMED_IE, naslane_smc_command(engine, amf, &request, out, sizeof out, &place.sent));
    request = good;
    request.abba = out + 8, request.abba_len = 2;
    BAD(CUT, naslane_smc_command(engine, amf, &request, out, sizeof out, &place.sent));
    BAD(NUL, naslane_smc_command(engine, amf, NULL, out, sizeof out, &place.sent));
    BAD(NUL, naslane_smc_command(engine, amf, &good, NULL, sizeof out, &place.sent));
    BAD(NUL, naslane_smc_command(engine, amf, &good, out, sizeof out, NULL));
    BAD(CUT, naslane_smc_command(engine, amf, &good, (uint8_t *)&place, sizeof place, &place.sent));
    BAD(NASLANE_E_ROLE, naslane_smc_command(engine, fresh.ue, &good, out, sizeof out, &place.sent));
    for (size_t room = 0; room < 15; room++) {
        remember();
        GIVES(TIGHT, naslane_smc_command(engine, amf, &good, out, room, &place.sent));
        CHECK(unchanged() && out[room] == 0xEE);
    }
    BAD(NASLANE_E_UNEXPECTED, naslane_smc_resend(engine, amf, 0, out, sizeof out, &place.sent));
    BAD(NASLANE_E_ARGUMENT, naslane_smc_resend(engine, amf, 2, out, sizeof out, &place.sent));
    BAD(NUL, naslane_smc_resend(engine, amf, 0, NULL, 64, &place.sent));
    BAD(NUL, naslane_smc_resend(engine, amf, 0, out, sizeof out, NULL));
    BAD(NASLANE_E_UNEXPECTED, naslane_smc_abort(engine, amf, NASLANE_ABORT_COLLISION));
    BAD(NASLANE_E_ARGUMENT, naslane_smc_abort(engine, amf, 3));
    BAD(NASLANE_E_UNEXPECTED, naslane_smc_reject(engine, amf, 24));
    BAD(NASLANE_E_ROLE, naslane_smc_abort(engine, fresh.ue, NASLANE_ABORT));
    const uint8_t complete[10] = {0x7E, 4}, ciphered[10] = {0x7E, 2};
    BAD(NASLANE_E_HEADER_TYPE, naslane_smc_complete(engine, talking.amf, 1, ciphered, 10, out, sizeof out, &place.received));
    BAD(NASLANE_E_SHORT, naslane_smc_complete(engine, talking.amf, 1, complete, 6, out, sizeof out, &place.received));
    BAD(NUL, naslane_smc_complete(engine, talking.amf, 1, NULL, 6, out, sizeof out, &place.received));
    REFUSED(NASLANE_E_HEADER_TYPE, /* R05: no command is unanswered */
            naslane_smc_complete(engine, talking.amf, 1, complete, 10, out, sizeof out, &place.received));

    OK(naslane_smc_command(engine, amf, &good, pdu, sizeof pdu, &sent));
    uint64_t peer = fresh.ue;
    record before = look(peer);
    GIVES(NUL, naslane_ue_answer(engine, peer, 1, NULL, pdu, sent.len, out, sizeof out, &place.sent));
    GIVES(NUL, naslane_ue_answer(engine, peer, 1, &ue, NULL, sent.len, out, sizeof out, &place.sent));
    GIVES(NUL, naslane_ue_answer(engine, peer, 1, &ue, pdu, sent.len, NULL, 64, &place.sent));
    GIVES(NUL, naslane_ue_answer(engine, peer, 1, &ue, pdu, sent.len, out, sizeof out, NULL));
    GIVES(CUT, naslane_ue_answer(engine, peer, 1, &ue, pdu, sent.len, pdu, sizeof pdu, &place.sent));
    GIVES(NASLANE_E_BEARER, naslane_ue_answer(engine, peer, 3, &ue, pdu, sent.len, out, sizeof out, &place.sent));
    GIVES(NASLANE_E_ROLE, naslane_ue_answer(engine, talking.amf, 1, &ue, pdu, sent.len, out, sizeof out, &place.sent));
    GIVES(NASLANE_E_HEADER_TYPE, naslane_ue_answer(engine, peer, 1, &ue, ciphered, 10, out, sizeof out, &place.sent));
    other = ue, other.size--;
    GIVES(NASLANE_E_ARGUMENT, naslane_ue_answer(engine, peer, 1, &other, pdu, sent.len, out, sizeof out, &place.sent));
    other = ue, other.ue_sec_cap_len = 0;
    GIVES(NASLANE_E_MALFORMED_IE, naslane_ue_answer(engine, peer, 1, &other, pdu, sent.len, out, sizeof out, &place.sent));
    for (size_t room = 0; room < 10; room++)
        GIVES(TIGHT, naslane_ue_answer(engine, peer, 1, &ue, pdu, sent.len, out, room, &place.sent));
    record after = look(peer);
    CHECK(same(&before, &after));
    for (size_t room = 0; room < sent.len; room++)
        GIVES(TIGHT, naslane_smc_resend(engine, amf, 0, out, room, &place.sent));
    GIVES(NASLANE_E_CONFLICT, naslane_smc_command(engine, amf, &good, out, sizeof out, &place.sent));
    GIVES(NASLANE_E_CONFLICT, naslane_authenticated(engine, amf, key, 0, CAPABILITY, 2, 0));
    GIVES(NASLANE_E_CONFLICT, naslane_export(engine, amf, 0, out, sizeof out, &place.size));
    OK(naslane_smc_resend(engine, amf, 0, pdu, sizeof pdu, &sent));
    CHECK(sent.count == 1); /* the calls that failed took no COUNT */
    OK(naslane_ue_answer(engine, peer, 1, &ue, pdu, sent.len, out, sizeof out, &sent));
    OK(naslane_verify(engine, amf, 1, out, sent.len, out, sizeof out, &place.received));
    CHECK(place.received.event == NASLANE_EVENT_COMPLETED);
    talk(fresh);

    BAD(NUL, naslane_ue_initial(engine, peer, 1, NULL, 8, 0, 0, out, sizeof out, &place.sent));
    BAD(NUL, naslane_ue_initial(engine, peer, 1, REGISTRATION, sizeof REGISTRATION, 0, 0, out, sizeof out, NULL));
    BAD(CUT, naslane_ue_initial(engine, peer, 1, out, 8, 0, 0, out, sizeof out, &place.sent));
    BAD(NASLANE_E_OUT_OF_RANGE, naslane_ue_initial(engine, peer, 1, REGISTRATION, 21, SIZE_MAX, 2, out, sizeof out, &place.sent));
    BAD(NASLANE_E_OUT_OF_RANGE, naslane_ue_initial(engine, peer, 1, REGISTRATION, 21, 20, 2, out, sizeof out, &place.sent));
    BAD(NASLANE_E_BEARER, naslane_ue_initial(engine, peer, 0, REGISTRATION, 21, 0, 0, out, sizeof out, &place.sent));
    BAD(NASLANE_E_ROLE, naslane_ue_initial(engine, amf, 1, REGISTRATION, 21, 0, 0, out, sizeof out, &place.sent));
}

static void handovers(void) {
    uint64_t amf = talking.amf, ue = talking.ue;
    naslane_handover good, handover;
    GIVES(NUL, naslane_handover_init(NULL));
    OK(naslane_handover_init(&good));
#define HANDING(status, change)                                                                     \
    do {                                                                                            \
        handover = good;                                                                            \
        handover.change;                                                                            \
        BAD(status, naslane_handover_prepare(engine, amf, &handover, &place.container, out));       \
    } while (0)
    HANDING(NASLANE_E_ARGUMENT, size--);
    HANDING(NASLANE_E_ARGUMENT, reserved[1] = 1);
    HANDING(NASLANE_E_ARGUMENT, reserved2 = 1);
    HANDING(NASLANE_E_ARGUMENT, takes = 4);
    HANDING(NASLANE_E_ALGORITHM_NOT_SUPPORTED, nea = 4);
    HANDING(NASLANE_E_ALGORITHM_NOT_SUPPORTED, nia = 2); /* one without the other */
    HANDING(NUL, takes = NASLANE_HANDOVER_MAPPED);
    HANDING(NUL, takes = NASLANE_HANDOVER_HORIZONTAL_RECEIVED);
    HANDING(NUL, ue_sec_cap_len = 2);
    handover = good;
    handover.nea = 0, handover.nia = 0;
    BAD(NASLANE_E_NULL_INTEGRITY, naslane_handover_prepare(engine, amf, &handover, &place.container, out));
    handover = good;
    handover.takes = NASLANE_HANDOVER_MAPPED, handover.k_amf = key, handover.ng_ksi = 3;
    BAD(NASLANE_E_NG_KSI, naslane_handover_prepare(engine, amf, &handover, &place.container, out));
    handover.ng_ksi = 16;
    BAD(NASLANE_E_NG_KSI, naslane_handover_prepare(engine, amf, &handover, &place.container, out));
    handover.ng_ksi = 9, handover.ncc = 8;
    BAD(NASLANE_E_ARGUMENT, naslane_handover_prepare(engine, amf, &handover, &place.container, out));
    handover.ncc = 0, handover.ue_sec_cap = key, handover.ue_sec_cap_len = 9;
    BAD(NASLANE_E_MALFORMED_IE, naslane_handover_prepare(engine, amf, &handover, &place.container, out));
    handover.ue_sec_cap_len = 0, handover.k_amf = out + 8;
    BAD(CUT, naslane_handover_prepare(engine, amf, &handover, &place.container, out));
    handover.k_amf = (const uint8_t *)&place;
    BAD(CUT, naslane_handover_prepare(engine, amf, &handover, &place.container, out));
    handover = good;
    handover.takes = NASLANE_HANDOVER_HORIZONTAL_RECEIVED, handover.k_amf = key, handover.dl_count = 1 << 24;
    BAD(NASLANE_E_ARGUMENT, naslane_handover_prepare(engine, amf, &handover, &place.container, out));
    BAD(NUL, naslane_handover_prepare(engine, amf, NULL, &place.container, out));
    BAD(NUL, naslane_handover_prepare(engine, amf, &good, NULL, out));
    BAD(NUL, naslane_handover_prepare(engine, amf, &good, &place.container, NULL));
    union { naslane_container container; uint8_t octets[32]; } both;
    memset(&both, 0xEE, sizeof both);
    BAD(CUT, naslane_handover_prepare(engine, amf, &good, &both.container, both.octets));
    CHECK(memcmp(&both, canary, sizeof both) == 0);
    BAD(NASLANE_E_ROLE, naslane_handover_prepare(engine, ue, &good, &place.container, out));
    BAD(NASLANE_E_NO_CONTEXT, naslane_handover_prepare(engine, fresh.amf, &good, &place.container, out));
    BAD(NASLANE_E_UNEXPECTED, naslane_handover_done(engine, amf));
    BAD(NASLANE_E_UNEXPECTED, naslane_handover_failed(engine, amf));

    const uint8_t value[9] = {0, 0, 0, 0, 0x22, 1, 1};
    for (size_t len = 0; len < sizeof value; len++)
        if (len != 7)
            BAD(NASLANE_E_MALFORMED_IE, naslane_ue_handover(engine, ue, value, len, NULL, NULL, 0, &place.octet, out));
    BAD(NASLANE_E_MAC, naslane_ue_handover(engine, ue, value, 7, NULL, NULL, 0, &place.octet, out));
    BAD(NASLANE_E_NO_CONTEXT, naslane_ue_handover(engine, fresh.ue, value, 7, NULL, NULL, 0, &place.octet, out));
    BAD(NASLANE_E_ROLE, naslane_ue_handover(engine, amf, value, 7, NULL, NULL, 0, &place.octet, out));
    BAD(NASLANE_E_MALFORMED_IE, naslane_ue_handover(engine, ue, value, 8, key, NULL, 0, &place.octet, out));
    BAD(NASLANE_E_NG_KSI, naslane_ue_handover(engine, ue, value, 8, key, CAPABILITY, 2, &place.octet, out));
    BAD(NUL, naslane_ue_handover(engine, ue, NULL, 7, NULL, NULL, 0, &place.octet, out));
    BAD(NUL, naslane_ue_handover(engine, ue, value, 7, NULL, NULL, 2, &place.octet, out));
    BAD(NUL, naslane_ue_handover(engine, ue, value, 7, NULL, NULL, 0, NULL, out));
    BAD(NUL, naslane_ue_handover(engine, ue, value, 7, NULL, NULL, 0, &place.octet, NULL));
    BAD(CUT, naslane_ue_handover(engine, ue, out + 4, 7, NULL, NULL, 0, &place.octet, out));
    BAD(CUT, naslane_ue_handover(engine, ue, value, 7, NULL, NULL, 0, out + 31, out));
    for (int i = 0; i < 2000; i++) {
        uint8_t any[7];
        scatter(any, sizeof any);
        remember();
        CHECK(naslane_ue_handover(engine, ue, any, 7, NULL, NULL, 0, &place.octet, out) != 0);
        CHECK(unchanged() && untouched());
    }
}

int main(void) {
    begin();
    engines();
    handles();
    sessions();
    records();
    messages();
    talk(talking);
    handovers();
    procedures();
    talk(talking);
    return naslane_engine_free(engine);
}
