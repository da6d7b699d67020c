/* One message: a UE and an AMF agree on a security context, then the AMF protects a message and the UE verifies it.
 *
 *     cc one_message.c $(pkg-config --cflags --libs naslane) && ./a.out
 */
#include <naslane.h>
#include <stdio.h>
#include <string.h>

#define TRY(call)                                                                     \
    do {                                                                              \
        int32_t status = (call);                                                      \
        if (status != NASLANE_OK) {                                                   \
            fprintf(stderr, "%s: %s\n", #call, naslane_status_text(status));          \
            return 1;                                                                 \
        }                                                                             \
    } while (0)

int main(void) {
    const uint8_t k_amf[32] = {1, 2, 3};             /* from the authentication, see naslane_kdf_k_amf() */
    const uint8_t capability[] = {0xF0, 0x70};       /* NEA0 to NEA3, NIA1 to NIA3, as the UE sent it */
    const uint8_t accept[] = {0x7E, 0, 0x54, 0x11};   /* CONFIGURATION UPDATE COMMAND */
    naslane_engine *engine;
    naslane_smc_request request;
    naslane_ue self;
    naslane_sent sent;
    naslane_received received;
    uint64_t amf, ue;
    uint8_t pdu[NASLANE_SMC_ROOM], answer[NASLANE_SMC_ROOM];

    TRY(naslane_engine_new(NULL, &engine));
    TRY(naslane_establish(engine, NASLANE_ROLE_AMF, &amf));
    TRY(naslane_establish(engine, NASLANE_ROLE_UE, &ue));
    TRY(naslane_authenticated(engine, amf, k_amf, 0, capability, sizeof capability, 0));
    TRY(naslane_authenticated(engine, ue, k_amf, 0, capability, sizeof capability, 0));

    /* SECURITY MODE COMMAND, and SECURITY MODE COMPLETE from the UE's half. */
    TRY(naslane_smc_request_init(&request));
    TRY(naslane_smc_command(engine, amf, &request, pdu, sizeof pdu, &sent));
    TRY(naslane_ue_init(&self));
    self.ue_sec_cap = capability;
    self.ue_sec_cap_len = sizeof capability;
    TRY(naslane_ue_answer(engine, ue, 1, &self, pdu, sent.len, answer, sizeof answer, &sent));
    TRY(naslane_verify(engine, amf, 1, answer, sent.len, answer, sizeof answer, &received));
    if (received.event != NASLANE_EVENT_COMPLETED)
        return 1;

    /* The message. */
    TRY(naslane_protect(engine, amf, 1, accept, sizeof accept, pdu, sizeof pdu, &sent));
    TRY(naslane_verify(engine, ue, 1, pdu, sent.len, pdu, sizeof pdu, &received));
    if (received.len != sizeof accept || memcmp(pdu, accept, sizeof accept) != 0)
        return 1;
    printf("%zu octets, COUNT %u, security header type %u\n", received.len, (unsigned)received.count, received.sht);

    /* One bit changed on the way. */
    TRY(naslane_protect(engine, amf, 1, accept, sizeof accept, pdu, sizeof pdu, &sent));
    pdu[sent.len - 1] ^= 1;
    if (naslane_verify(engine, ue, 1, pdu, sent.len, pdu, sizeof pdu, &received) != NASLANE_E_MAC)
        return 1;
    return naslane_engine_free(engine);
}
