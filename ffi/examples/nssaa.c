/* Network slice-specific authentication: an AMF, a UE and, in the place of the NSSAAF and the AAA server behind it, a
 * function that asks for a token (EAP-GTC).
 *
 *     cc nssaa.c $(pkg-config --cflags --libs naslane) -lpthread && ./a.out
 *     ./a.out workers                             the AMF half on workers of this process
 *     ./a.out sidecar=/run/naslane/naslane.sock   in a sidecar
 *
 * Behind a sidecar with [nssaa] in its settings the sidecar asks a real NSSAAF, keeps the timers and takes the
 * notifications: the AMF's part is hosted() below, and the loop over ASK, START_T3575 and so on is not needed.
 *
 * The UE asks for three slices; two need authentication. It knows the token of one of them. The first COMMAND gets lost,
 * so that T3575 has something to do; at the end the AAA server revokes what it granted. Exit status 0: every slice ended
 * where it should.
 */
#include <naslane.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GPP = 1, REGISTRATION_REQUEST = 0x41 };
enum { EAP_REQUEST = 1, EAP_RESPONSE = 2, EAP_SUCCESS = 3, EAP_FAILURE = 4, IDENTITY = 1, TOKEN_CARD = 6 };
enum { COMMAND = 0x50, RESULT = 0x52, UPDATE = 0x54 };

static const uint8_t capability[] = {0xF0, 0x70};
static const char gpsi[] = "msisdn-491701234567";
static const naslane_s_nssai camera = {.sst = 1, .has_sd = 1, .sd = {0, 0, 0x0A}};
static const naslane_s_nssai factory = {.sst = 2};
static const naslane_s_nssai internet = {.sst = 9};

#define TRY(call)                                                                                        \
    do {                                                                                                 \
        int32_t status_ = (call);                                                                        \
        if (status_ != NASLANE_OK) {                                                                     \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, naslane_status_text(status_)); \
            exit(1);                                                                                     \
        }                                                                                                \
    } while (0)

static void need(int condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "failed: %s\n", what);
        exit(1);
    }
}

static int same(naslane_s_nssai a, naslane_s_nssai b) {
    return a.sst == b.sst && a.has_sd == b.has_sd && memcmp(a.sd, b.sd, 3) == 0;
}

static size_t eap(uint8_t out[64], uint8_t code, uint8_t identifier, uint8_t type, const char *data) {
    size_t len = type == 0 ? 4 : 5 + strlen(data);
    out[0] = code;
    out[1] = identifier;
    out[2] = 0;
    out[3] = (uint8_t)len;
    if (type != 0) {
        out[4] = type;
        memcpy(out + 5, data, len - 5);
    }
    return len;
}

/* ---- in the place of the NSSAAF and the AAA server ---- */
static uint8_t authenticate(const naslane_nssaa_action *asked, const uint8_t *message, uint8_t out[64], size_t *len) {
    uint8_t next = (uint8_t)(message[1] + 1);
    if (asked->kind == NASLANE_NSSAA_ASK) { /* POST: the identity */
        need(message[4] == IDENTITY && memcmp(message + 5, "user@slice", 10) == 0, "the identity");
        *len = eap(out, EAP_REQUEST, next, TOKEN_CARD, "token?");
        return NASLANE_ANSWER_CONTINUE;
    }
    need(message[4] == TOKEN_CARD, "PUT: the token");
    int right = asked->len == 5 + 6 && memcmp(message + 5, "secret", 6) == 0;
    *len = eap(out, right ? EAP_SUCCESS : EAP_FAILURE, message[1], 0, "");
    return right ? NASLANE_ANSWER_SUCCESS : NASLANE_ANSWER_FAILURE;
}

/* ---- the UE ---- */
typedef struct {
    naslane_engine *engine;
    uint64_t session;
    unsigned commands, lost, updates, succeeded, failed;
} ue;

/* Takes a PDU; the answer, if there is one, lies in `answer`. */
static size_t ue_takes(ue *ue, const uint8_t *pdu, size_t len, uint8_t answer[NASLANE_NSSAA_ROOM]) {
    uint8_t plain[NASLANE_NSSAA_ROOM], response[64], status;
    naslane_received received;
    naslane_nssaa_ue told;
    naslane_s_nssai slice;
    size_t written = 0;
    TRY(naslane_verify(ue->engine, ue->session, GPP, pdu, len, plain, sizeof plain, &received));
    switch (received.message_type) {
    case COMMAND:
        if (ue->commands++ == 0) { /* the radio loses it */
            ue->lost++;
            return 0;
        }
        TRY(naslane_nssaa_ue_command(ue->engine, ue->session, GPP, plain, received.len, answer, NASLANE_NSSAA_ROOM, &told));
        need(told.kind == NASLANE_NSSAA_UE_PEER, "a new request");
        const uint8_t *request = plain + told.eap_offset;
        const char *token = same(told.s_nssai, camera) ? "secret" : "guess!";
        size_t octets = request[4] == IDENTITY ? eap(response, EAP_RESPONSE, request[1], IDENTITY, "user@slice")
                                               : eap(response, EAP_RESPONSE, request[1], TOKEN_CARD, token);
        TRY(naslane_nssaa_ue_answer(ue->engine, ue->session, &told.s_nssai, response, octets, answer,
                                    NASLANE_NSSAA_ROOM, &written));
        return written;
    case RESULT:
        TRY(naslane_nssaa_ue_result(ue->engine, ue->session, plain, received.len, &slice, &status));
        need((status == NASLANE_NSSAA_EAP_SUCCESS) == same(slice, camera), "the result of the slice");
        *(status == NASLANE_NSSAA_EAP_SUCCESS ? &ue->succeeded : &ue->failed) += 1;
        return 0;
    default:
        need(received.message_type == UPDATE, "CONFIGURATION UPDATE COMMAND");
        ue->updates++;
        naslane_sent sent;
        static const uint8_t complete[] = {0x7E, 0, 0x55};
        TRY(naslane_protect(ue->engine, ue->session, GPP, complete, sizeof complete, answer, NASLANE_NSSAA_ROOM, &sent));
        return sent.len;
    }
}

/* ---- the AMF ---- */
typedef struct {
    naslane_engine *engine;
    uint64_t session;
    ue *ue;
    int t3575;
    unsigned rounds, released;
} amf;

/* What is to be done, until there is nothing. */
static void run(amf *amf) {
    uint8_t out[NASLANE_NSSAA_ROOM], back[NASLANE_NSSAA_ROOM], plain[NASLANE_NSSAA_ROOM];
    naslane_nssaa_action action;
    naslane_received received;
    int32_t procedure;
    size_t len;
    for (;;) {
        TRY(naslane_nssaa_poll(amf->engine, amf->session, out, sizeof out, &action));
        switch (action.kind) {
        case NASLANE_NSSAA_NOTHING:
            return;
        case NASLANE_NSSAA_COMMAND:
        case NASLANE_NSSAA_RESULT:
        case NASLANE_NSSAA_UPDATE:
            len = ue_takes(amf->ue, out, action.len, back);
            if (len == 0)
                break;
            TRY(naslane_nssaa_uplink(amf->engine, amf->session, GPP, back, len, plain, sizeof plain, &received, &procedure));
            TRY(procedure);
            break;
        case NASLANE_NSSAA_ASK:
        case NASLANE_NSSAA_ASK_ON:
            amf->rounds++;
            uint8_t answer = authenticate(&action, out, back, &len);
            TRY(naslane_nssaa_answer(amf->engine, amf->session, action.transaction, answer, back, len));
            break;
        case NASLANE_NSSAA_START_T3575:
            need(action.seconds == 15, "T3575");
            amf->t3575 = 1;
            break;
        case NASLANE_NSSAA_STOP_T3575:
            amf->t3575 = 0;
            break;
        case NASLANE_NSSAA_RELEASE_SESSIONS:
            need(same(action.slice.s_nssai, camera), "the revoked slice");
            amf->released++;
            break;
        default:
            need(0, "an action that this exchange does not have");
        }
    }
}

static uint8_t status_of(const amf *amf, naslane_s_nssai slice) {
    uint8_t status;
    TRY(naslane_nssaa_status(amf->engine, amf->session, &slice, &status));
    return status;
}

/* The AMF's part behind a sidecar that asks the NSSAAF itself. An AMF adds the eventfd to its epoll; what run() is given to
 * do here are messages to the UE and sessions to release, nothing else. The AAA server must ask for a token (EAP-GTC), as
 * the function above does. */
static void hosted(amf *amf) {
    uint64_t sessions[64];
    size_t count;
    struct pollfd wait = {.events = POLLIN};
    TRY(naslane_nssaa_eventfd(amf->engine, &wait.fd));
    do {
        need(poll(&wait, 1, 60000) == 1, "the sidecar names a session within a minute");
        TRY(naslane_nssaa_ready(amf->engine, sessions, 64, &count));
        for (size_t i = 0; i < count; i++) {
            need(sessions[i] == amf->session, "a session of this AMF");
            run(amf);
        }
    } while (status_of(amf, camera) == NASLANE_NSSAA_PENDING || status_of(amf, factory) == NASLANE_NSSAA_PENDING);
    printf("%u commands (%u lost), %u slice succeeded, %u failed, %u updates\n", amf->ue->commands, amf->ue->lost,
           amf->ue->succeeded, amf->ue->failed, amf->ue->updates);
}

static void security(naslane_engine *engine, uint64_t amf, naslane_engine *ues, uint64_t ue) {
    static const uint8_t registration[] = {0x7E, 0, REGISTRATION_REQUEST, 0x79, 0, 11, 0xF2, 0, 0xF1, 0x10, 2, 0,
                                           0x40, 0xC0, 0, 0, 1, 0x2E, 2, 0xF0, 0x70};
    /* From an authentication; a sidecar that has seen a key does not let it begin again. */
    uint8_t k_amf[32] = {0x5A};
    struct timespec now;
    uint8_t command[NASLANE_SMC_ROOM], answer[NASLANE_SMC_ROOM];
    naslane_smc_request request;
    naslane_ue self;
    naslane_sent sent;
    naslane_received received;
    need(timespec_get(&now, TIME_UTC) == TIME_UTC, "the time");
    memcpy(k_amf + 8, &now.tv_sec, sizeof now.tv_sec);
    memcpy(k_amf + 16, &now.tv_nsec, sizeof now.tv_nsec);
    TRY(naslane_authenticated(engine, amf, k_amf, 0, capability, sizeof capability, 0));
    TRY(naslane_authenticated(ues, ue, k_amf, 0, capability, sizeof capability, 0));
    TRY(naslane_smc_request_init(&request));
    TRY(naslane_smc_command(engine, amf, &request, command, sizeof command, &sent));
    TRY(naslane_ue_init(&self));
    self.ue_sec_cap = capability;
    self.ue_sec_cap_len = sizeof capability;
    self.whole_initial = registration;
    self.whole_initial_len = sizeof registration;
    TRY(naslane_ue_answer(ues, ue, GPP, &self, command, sent.len, answer, sizeof answer, &sent));
    TRY(naslane_verify(engine, amf, GPP, answer, sent.len, answer, sizeof answer, &received));
    need(received.event == NASLANE_EVENT_COMPLETED, "security mode procedure");
}

/* The door to the AMF half. */
static naslane_engine *open_engine(const char *where) {
    naslane_engine *engine = NULL;
    if (strcmp(where, "workers") == 0)
        TRY(naslane_workers_new(NULL, NULL, &engine));
    else if (strncmp(where, "sidecar=", 8) == 0)
        TRY(naslane_connect(where + 8, NULL, &engine));
    else
        TRY(naslane_engine_new(NULL, &engine));
    return engine;
}

int main(int argc, char **argv) {
    ue ue = {0};
    amf amf = {.ue = &ue};
    naslane_slice slices[3] = {{.s_nssai = camera}, {.s_nssai = factory}, {.s_nssai = internet}};
    uint8_t elements[256];
    naslane_nssaa_admission admission;

    amf.engine = open_engine(argc > 1 ? argv[1] : "inline");
    TRY(naslane_engine_new(NULL, &ue.engine)); /* UE halves have an engine of their own */
    TRY(naslane_establish(amf.engine, NASLANE_ROLE_AMF, &amf.session));
    TRY(naslane_establish(ue.engine, NASLANE_ROLE_UE, &ue.session));
    security(amf.engine, amf.session, ue.engine, ue.session);

    /* The registration: one slice is allowed, two are pending. */
    slices[0].flags = slices[1].flags = NASLANE_SLICE_NSSAA;
    TRY(naslane_nssaa_start(amf.engine, amf.session, (const uint8_t *)gpsi, sizeof gpsi - 1, slices, 3));
    slices[0].flags = slices[1].flags = 0;
    TRY(naslane_nssaa_register(amf.engine, amf.session, GPP, NASLANE_UE_NSSAA, slices, 3, elements, sizeof elements,
                               &admission));
    need(admission.allowed == 1 && admission.pending == 2 && admission.rejected == 0, "REGISTRATION ACCEPT");
    need(elements[0] == 0x15 && elements[1] == 2 && elements[4] == 0x39, "Allowed and Pending NSSAI");
    TRY(naslane_nssaa_access(amf.engine, amf.session, GPP, NASLANE_ACCESS_REGISTERED));

    uint8_t is_hosted;
    TRY(naslane_nssaa_hosted(amf.engine, &is_hosted));
    if (is_hosted) {
        hosted(&amf);
        goto end;
    }

    /* The runs. The first COMMAND was lost: T3575 expires. */
    run(&amf);
    need(amf.t3575 && status_of(&amf, camera) == NASLANE_NSSAA_PENDING, "T3575 runs");
    amf.t3575 = 0;
    TRY(naslane_nssaa_timer(amf.engine, amf.session, NASLANE_TIMER_T3575));
    run(&amf);
    need(status_of(&amf, camera) == NASLANE_NSSAA_EAP_SUCCESS, "the right token");
    need(status_of(&amf, factory) == NASLANE_NSSAA_EAP_FAILURE, "the wrong token");
    need(status_of(&amf, internet) == NASLANE_NSSAA_ABSENT, "no token asked");

    /* The AAA server takes back what it granted. */
    TRY(naslane_nssaa_notice(amf.engine, amf.session, NASLANE_NOTICE_REVOCATION, 0, &camera));
    run(&amf);
    need(amf.released == 1 && status_of(&amf, camera) == NASLANE_NSSAA_ABSENT, "revoked");

    printf("%u commands (%u lost), %u questions to the NSSAAF, %u slice succeeded, %u failed, %u updates, %u revoked\n",
           ue.commands, ue.lost, amf.rounds, ue.succeeded, ue.failed, ue.updates, amf.released);
    need(ue.commands == 5 && ue.lost == 1 && amf.rounds == 4 && ue.updates >= 2, "the whole exchange");
end:
    TRY(naslane_release(amf.engine, amf.session));
    TRY(naslane_engine_free(ue.engine));
    TRY(naslane_engine_free(amf.engine));
    return 0;
}
