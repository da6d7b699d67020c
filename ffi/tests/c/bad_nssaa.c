/* Network slice-specific authentication gets what it must refuse: wrong pointers, fields, order and halves. */
#include "bad.h"

static const uint8_t gpsi[] = "msisdn-491701234567";
static const naslane_s_nssai one = {.sst = 1};
static uint8_t big[NASLANE_NSSAA_ROOM];
static uint8_t good[3 + 2 + 2 + 5] = {0x7E, 0, 0x50, 1, 1, 0, 5, 1, 1, 0, 5, 1};

static void settings(void) {
    naslane_nssaa_settings settings;
    BAD(NUL, naslane_nssaa_settings_init(NULL));
    BAD(NUL, naslane_nssaa_configure(NULL, &settings));
    BAD(NUL, naslane_nssaa_configure(engine, NULL));
#define SETTINGS(wanted, change)                                 \
    do {                                                         \
        OK(naslane_nssaa_settings_init(&settings));              \
        change;                                                  \
        BAD(wanted, naslane_nssaa_configure(engine, &settings)); \
    } while (0)
    SETTINGS(NASLANE_E_ARGUMENT, settings.size--);
    SETTINGS(NASLANE_E_ARGUMENT, settings.t3575_seconds = 0);
    SETTINGS(NASLANE_E_ARGUMENT, settings.retry_seconds = 0);
    SETTINGS(NASLANE_E_ARGUMENT, settings.retransmissions = 17);
    SETTINGS(NASLANE_E_ARGUMENT, settings.run_after_success = 2);
    SETTINGS(NASLANE_E_ARGUMENT, settings.run_after_failure = 2);
    SETTINGS(NASLANE_E_ARGUMENT, settings.page = 2);
    SETTINGS(NASLANE_E_ARGUMENT, settings.keep_allowed = 2);
    SETTINGS(NASLANE_E_ARGUMENT, settings.register_again = 2);
    SETTINGS(NASLANE_E_BEARER, settings.prefer_access = 0);
    SETTINGS(NASLANE_E_BEARER, settings.prefer_access = 3);
    OK(naslane_nssaa_settings_init(&settings));
    OK(naslane_nssaa_configure(engine, &settings));
}

/* The calls that work with a session: `session` is a stale handle, a UE half or one that did not start. */
static void refused(int32_t wanted, uint64_t session) {
    naslane_nssaa_action *action = (naslane_nssaa_action *)(void *)big;
    naslane_nssaa_admission *admission = (naslane_nssaa_admission *)(void *)(big + 512);
    memset(big, 0, sizeof big);
    BAD(wanted, naslane_nssaa_register(engine, session, 1, 0, NULL, 0, out, sizeof out, admission));
    BAD(wanted, naslane_nssaa_access(engine, session, 1, NASLANE_ACCESS_REGISTERED));
    BAD(wanted, naslane_nssaa_timer(engine, session, NASLANE_TIMER_RETRY));
    BAD(wanted, naslane_nssaa_notice(engine, session, NASLANE_NOTICE_REVOCATION, 0, &one));
    BAD(wanted, naslane_nssaa_answer(engine, session, 0, NASLANE_ANSWER_REFUSED, NULL, 0));
    BAD(wanted, naslane_nssaa_status(engine, session, &one, &place.octet));
    uint8_t room[NASLANE_NSSAA_ROOM];
    BAD(wanted, naslane_nssaa_poll(engine, session, room, sizeof room, action));
}

static void starts(void) {
    naslane_slice slices[17], slice;
    memset(slices, 0, sizeof slices);
    for (uint8_t i = 0; i < 17; i++)
        slices[i].s_nssai.sst = i;
    BAD(NUL, naslane_nssaa_start(NULL, talking.amf, gpsi, sizeof gpsi - 1, slices, 1));
    BAD(NUL, naslane_nssaa_start(engine, talking.amf, NULL, 3, slices, 1));
    BAD(NUL, naslane_nssaa_start(engine, talking.amf, gpsi, sizeof gpsi - 1, NULL, 1));
    BAD(NASLANE_E_TOO_LONG, naslane_nssaa_start(engine, talking.amf, gpsi, sizeof gpsi - 1, slices, 17));
    BAD(NASLANE_E_TOO_LONG, naslane_nssaa_start(engine, talking.amf, gpsi, sizeof gpsi - 1, slices, SIZE_MAX / 2));
    BAD(NASLANE_E_GPSI, naslane_nssaa_start(engine, talking.amf, big, 273, slices, 1));
    BAD(NASLANE_E_ARGUMENT, naslane_nssaa_start(engine, talking.amf, (const uint8_t *)"\xFF", 1, slices, 1));
    BAD(NASLANE_E_ROLE, naslane_nssaa_start(engine, talking.ue, gpsi, sizeof gpsi - 1, slices, 1));
    BAD(NASLANE_E_HANDLE, naslane_nssaa_start(engine, 77, gpsi, sizeof gpsi - 1, slices, 1));
#define SLICE(wanted, change)                                                                         \
    do {                                                                                              \
        memset(&slice, 0, sizeof slice);                                                              \
        change;                                                                                       \
        BAD(wanted, naslane_nssaa_start(engine, talking.amf, gpsi, sizeof gpsi - 1, &slice, 1));      \
    } while (0)
    SLICE(NASLANE_E_ARGUMENT, slice.flags = 8);
    SLICE(NASLANE_E_ARGUMENT, slice.reserved[6] = 1);
    SLICE(NASLANE_E_ARGUMENT, slice.s_nssai.reserved[0] = 1);
    SLICE(NASLANE_E_ARGUMENT, slice.s_nssai.has_sd = 2);
    SLICE(NASLANE_E_ARGUMENT, slice.s_nssai.sd[1] = 2);
    SLICE(NASLANE_E_ARGUMENT, slice.mapped.sst = 2);
    slices[1] = slices[0];
    BAD(NASLANE_E_ARGUMENT, naslane_nssaa_start(engine, talking.amf, gpsi, sizeof gpsi - 1, slices, 2));
    slices[1].s_nssai.sst = 1;
    slices[1].flags = NASLANE_SLICE_NSSAA;
    BAD(NASLANE_E_GPSI, naslane_nssaa_start(engine, talking.amf, NULL, 0, slices, 2));
    refused(NASLANE_E_OUT_OF_ORDER, talking.amf);
    refused(NASLANE_E_HANDLE, 77);
    OK(naslane_nssaa_start(engine, talking.amf, gpsi, sizeof gpsi - 1, slices, 2));
}

static void registers(void) {
    naslane_slice slices[9];
    naslane_nssaa_admission admission, before;
    memset(slices, 0, sizeof slices);
    memset(&before, 0xEE, sizeof before);
    admission = before;
#define REGISTER(wanted, ...)                                          \
    do {                                                               \
        BAD(wanted, naslane_nssaa_register(__VA_ARGS__));              \
        CHECK(memcmp(&admission, &before, sizeof before) == 0);        \
    } while (0)
    REGISTER(NUL, NULL, talking.amf, 1, 0, slices, 1, out, sizeof out, &admission);
    REGISTER(NUL, engine, talking.amf, 1, 0, NULL, 1, out, sizeof out, &admission);
    REGISTER(NUL, engine, talking.amf, 1, 0, slices, 1, NULL, 5, &admission);
    REGISTER(NUL, engine, talking.amf, 1, 0, slices, 1, out, sizeof out, NULL);
    REGISTER(NASLANE_E_BEARER, engine, talking.amf, 0, 0, slices, 1, out, sizeof out, &admission);
    REGISTER(NASLANE_E_ARGUMENT, engine, talking.amf, 1, 4, slices, 1, out, sizeof out, &admission);
    REGISTER(NASLANE_E_TOO_LONG, engine, talking.amf, 1, 0, slices, 9, out, sizeof out, &admission);
    REGISTER(CUT, engine, talking.amf, 1, 0, slices, 1, (uint8_t *)slices, sizeof slices, &admission);
    slices[0].flags = NASLANE_SLICE_NSSAA; /* of a subscription only */
    REGISTER(NASLANE_E_ARGUMENT, engine, talking.amf, 1, 0, slices, 1, out, sizeof out, &admission);
    slices[0].flags = 0;
    slices[0].s_nssai.sst = 99;
    REGISTER(NASLANE_E_SLICE, engine, talking.amf, 1, 0, slices, 1, out, sizeof out, &admission);
    slices[0].s_nssai.sst = 0;
    GIVES(TIGHT, naslane_nssaa_register(engine, talking.amf, 1, 0, slices, 1, out, 3, &admission));
    CHECK(memcmp(&admission, &before, sizeof before) == 0);
    slices[1].s_nssai.sst = 1;
    OK(naslane_nssaa_register(engine, talking.amf, 1, NASLANE_UE_NSSAA, slices, 2, out, sizeof out, &admission));
    CHECK(admission.allowed == 1 && admission.pending == 1 && admission.registration_result == 0);
    OK(naslane_nssaa_access(engine, talking.amf, 1, NASLANE_ACCESS_REGISTERED));
}

static void events(void) {
    naslane_s_nssai wrong = one;
    BAD(NUL, naslane_nssaa_access(NULL, talking.amf, 1, 0));
    BAD(NASLANE_E_BEARER, naslane_nssaa_access(engine, talking.amf, 0, 0));
    BAD(NASLANE_E_ARGUMENT, naslane_nssaa_access(engine, talking.amf, 1, 7));
    BAD(NUL, naslane_nssaa_timer(NULL, talking.amf, 0));
    BAD(NASLANE_E_ARGUMENT, naslane_nssaa_timer(engine, talking.amf, 3));
    BAD(NASLANE_E_UNEXPECTED, naslane_nssaa_timer(engine, talking.amf, NASLANE_TIMER_T3575));
    BAD(NASLANE_E_UNEXPECTED, naslane_nssaa_timer(engine, talking.amf, NASLANE_TIMER_RETRY));
    BAD(NUL, naslane_nssaa_notice(NULL, talking.amf, 0, 0, &one));
    BAD(NUL, naslane_nssaa_notice(engine, talking.amf, 0, 0, NULL));
    BAD(NASLANE_E_ARGUMENT, naslane_nssaa_notice(engine, talking.amf, 5, 0, &one));
    BAD(NASLANE_E_ARGUMENT, naslane_nssaa_notice(engine, talking.amf, 0, 1, &one));
    BAD(NASLANE_E_BEARER, naslane_nssaa_notice(engine, talking.amf, NASLANE_NOTICE_ADMISSION_FREE, 0, &one));
    wrong.reserved[2] = 1;
    BAD(NASLANE_E_ARGUMENT, naslane_nssaa_notice(engine, talking.amf, 0, 0, &wrong));
    BAD(NUL, naslane_nssaa_status(NULL, talking.amf, &one, &place.octet));
    BAD(NUL, naslane_nssaa_status(engine, talking.amf, NULL, &place.octet));
    BAD(NUL, naslane_nssaa_status(engine, talking.amf, &one, NULL));
    BAD(NASLANE_E_ARGUMENT, naslane_nssaa_status(engine, talking.amf, &wrong, &place.octet));
    BAD(CUT, naslane_nssaa_status(engine, talking.amf, &one, (uint8_t *)(uintptr_t)&one));
    uint8_t answer[8] = {3, 1, 0, 4};
    BAD(NUL, naslane_nssaa_answer(NULL, talking.amf, 1, 1, answer, 4));
    BAD(NUL, naslane_nssaa_answer(engine, talking.amf, 1, 1, NULL, 4));
    BAD(NASLANE_E_MALFORMED_IE, naslane_nssaa_answer(engine, talking.amf, 1, 0, answer, 3));
    BAD(NASLANE_E_ARGUMENT, naslane_nssaa_answer(engine, talking.amf, 1, 6, NULL, 0));
    BAD(NASLANE_E_ARGUMENT, naslane_nssaa_answer(engine, talking.amf, 1, NASLANE_ANSWER_REFUSED, answer, 4));
    BAD(NASLANE_E_UNEXPECTED, naslane_nssaa_answer(engine, talking.amf, 1, NASLANE_ANSWER_SUCCESS, answer, 4));
}

static void messages(void) {
    naslane_nssaa_action action;
    naslane_received received;
    int32_t procedure = 55;
    uint8_t pdu[64] = {0x7E, 2};
    BAD(NUL, naslane_nssaa_poll(NULL, talking.amf, out, sizeof out, &action));
    BAD(NUL, naslane_nssaa_poll(engine, talking.amf, NULL, 9, &action));
    BAD(NUL, naslane_nssaa_poll(engine, talking.amf, out, sizeof out, NULL));
    BAD(TIGHT, naslane_nssaa_poll(engine, talking.amf, out, sizeof out, &action));
    BAD(CUT, naslane_nssaa_poll(engine, talking.amf, big, sizeof big, (naslane_nssaa_action *)(void *)big));
    BAD(NUL, naslane_nssaa_uplink(NULL, talking.amf, 1, pdu, 20, out, 64, &received, &procedure));
    BAD(NUL, naslane_nssaa_uplink(engine, talking.amf, 1, NULL, 20, out, 64, &received, &procedure));
    BAD(NUL, naslane_nssaa_uplink(engine, talking.amf, 1, pdu, 20, NULL, 64, &received, &procedure));
    BAD(NUL, naslane_nssaa_uplink(engine, talking.amf, 1, pdu, 20, out, 64, NULL, &procedure));
    BAD(NUL, naslane_nssaa_uplink(engine, talking.amf, 1, pdu, 20, out, 64, &received, NULL));
    BAD(CUT, naslane_nssaa_uplink(engine, talking.amf, 1, pdu, 20, pdu, 64, &received, &procedure));
    BAD(NASLANE_E_BEARER, naslane_nssaa_uplink(engine, talking.amf, 3, pdu, 20, out, 64, &received, &procedure));
    CHECK(procedure == 55);
    REFUSED(NASLANE_E_MAC, naslane_nssaa_uplink(engine, talking.amf, 1, pdu, 20, out, 64, &place.received, &procedure));
    CHECK(procedure == NASLANE_NSSAA_OTHER);
}

static void ue_half(void) {
    naslane_nssaa_ue ue;
    naslane_s_nssai slice;
    uint8_t status, response[5] = {2, 1, 0, 5, 1};
    size_t len;
    BAD(NUL, naslane_nssaa_ue_command(NULL, talking.ue, 1, good, sizeof good, big, sizeof big, &ue));
    BAD(NUL, naslane_nssaa_ue_command(engine, talking.ue, 1, NULL, sizeof good, big, sizeof big, &ue));
    BAD(NUL, naslane_nssaa_ue_command(engine, talking.ue, 1, good, sizeof good, big, sizeof big, NULL));
    BAD(TIGHT, naslane_nssaa_ue_command(engine, talking.ue, 1, good, sizeof good, out, sizeof out, &ue));
    BAD(CUT, naslane_nssaa_ue_command(engine, talking.ue, 1, big, sizeof good, big, sizeof big, &ue));
    BAD(NASLANE_E_BEARER, naslane_nssaa_ue_command(engine, talking.ue, 0, good, sizeof good, big, sizeof big, &ue));
    BAD(NASLANE_E_MALFORMED_IE, naslane_nssaa_ue_command(engine, talking.ue, 1, good, 9, big, sizeof big, &ue));
    BAD(NASLANE_E_UNEXPECTED, naslane_nssaa_ue_command(engine, talking.ue, 1, UPLINK, sizeof UPLINK, big, sizeof big, &ue));
    BAD(NASLANE_E_ROLE, naslane_nssaa_ue_command(engine, talking.amf, 1, good, sizeof good, big, sizeof big, &ue));
    BAD(NUL, naslane_nssaa_ue_answer(NULL, talking.ue, &one, response, 5, big, sizeof big, &len));
    BAD(NUL, naslane_nssaa_ue_answer(engine, talking.ue, NULL, response, 5, big, sizeof big, &len));
    BAD(NUL, naslane_nssaa_ue_answer(engine, talking.ue, &one, response, 5, big, sizeof big, NULL));
    BAD(TIGHT, naslane_nssaa_ue_answer(engine, talking.ue, &one, response, 5, out, sizeof out, &len));
    BAD(CUT, naslane_nssaa_ue_answer(engine, talking.ue, &one, big, 5, big, sizeof big, &len));
    BAD(NASLANE_E_UNEXPECTED, naslane_nssaa_ue_answer(engine, talking.ue, &one, response, 5, big, sizeof big, &len));
    OK(naslane_nssaa_ue_command(engine, talking.ue, 1, good, sizeof good, big, sizeof big, &ue));
    CHECK(ue.kind == NASLANE_NSSAA_UE_PEER && ue.eap_offset == 7 && ue.eap_len == 5);
    slice = one;
    slice.sst = 2;
    BAD(NASLANE_E_SLICE, naslane_nssaa_ue_answer(engine, talking.ue, &slice, response, 5, big, sizeof big, &len));
    response[1] = 2;
    BAD(NASLANE_E_MALFORMED_IE, naslane_nssaa_ue_answer(engine, talking.ue, &one, response, 5, big, sizeof big, &len));
    BAD(NUL, naslane_nssaa_ue_result(NULL, talking.ue, good, sizeof good, &slice, &status));
    BAD(NUL, naslane_nssaa_ue_result(engine, talking.ue, good, sizeof good, NULL, &status));
    BAD(NUL, naslane_nssaa_ue_result(engine, talking.ue, good, sizeof good, &slice, NULL));
    BAD(CUT, naslane_nssaa_ue_result(engine, talking.ue, good, sizeof good, &slice, good));
    BAD(NASLANE_E_UNEXPECTED, naslane_nssaa_ue_result(engine, talking.ue, good, sizeof good, &slice, &status));
    BAD(NASLANE_E_ROLE, naslane_nssaa_ue_result(engine, talking.amf, good, sizeof good, &slice, &status));
}

/* Nobody but the caller asks the NSSAAF here. */
static void hosted(void) {
    uint64_t sessions[2];
    uint8_t answer = 7;
    size_t count = 7;
    int32_t fd = 7;
    BAD(NUL, naslane_nssaa_hosted(NULL, &answer));
    BAD(NUL, naslane_nssaa_hosted(engine, NULL));
    OK(naslane_nssaa_hosted(engine, &answer));
    CHECK(answer == 0);
    BAD(NUL, naslane_nssaa_eventfd(NULL, &fd));
    BAD(NUL, naslane_nssaa_eventfd(engine, NULL));
    BAD(NASLANE_E_UNSUPPORTED, naslane_nssaa_eventfd(engine, &fd));
    BAD(NUL, naslane_nssaa_ready(NULL, sessions, 2, &count));
    BAD(NUL, naslane_nssaa_ready(engine, NULL, 2, &count));
    BAD(NUL, naslane_nssaa_ready(engine, sessions, 2, NULL));
    BAD(NASLANE_E_OVERLAP, naslane_nssaa_ready(engine, sessions, 2, (size_t *)&sessions[1]));
    BAD(NASLANE_E_UNSUPPORTED, naslane_nssaa_ready(engine, sessions, 2, &count));
    CHECK(count == 7 && fd == 7);
}

int main(void) {
    begin();
    hosted();
    settings();
    starts();
    registers();
    events();
    messages();
    ue_half();
    refused(NASLANE_E_ROLE, talking.ue);
    talk(talking);
    return naslane_engine_free(engine);
}
