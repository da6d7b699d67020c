/* What the contestants in C share with src/native.rs: the structures are laid out alike on both sides. */
#ifndef PEERS_H
#define PEERS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEAD = 9,   /* where a PDU begins in its slot: the ciphered message is aligned, and there is room in front */
    BODY = 7,   /* where the ciphered message begins in the PDU: 7E, security header type, MAC, sequence number */
    KEYS = 32,  /* K_NASenc, K_NASint */
    BATCH_MAX = 256,
    LENGTHS = 2048, /* a message is shorter */
};

enum { INTEGRITY_AND_CIPHERING = 2, ACCESS_3GPP = 1 };

typedef enum { PROTECT, VERIFY, DERIVE } work;

/* What the network knows of a UE before the clock starts. */
typedef struct {
    uint8_t k_amf[32], k_nas_enc[16], k_nas_int[16];
} subscriber;

/* What is measured: this algorithm for both NEA and NIA, so many messages in a call. */
typedef struct {
    uint32_t work, algorithm;
    uint32_t fresh;      /* 1: a key is expanded for every message, inside the clock */
    uint32_t batch, slot; /* messages in a call; octets from one message to the next, in and out */
    uint32_t restricted; /* 1: as on a processor without GFNI, VAES and SHA extensions */
    uint32_t mixed;      /* 1: lengths differ within a batch */
    uint32_t ues;
    const subscriber *subscribers; /* read by the constructors only */
} task;

/* Message i of a round. Protect: a plain message of `len` octets at in + i * slot; its PDU goes to
 * out + i * slot + LEAD. Verify: the PDU stands at in + i * slot + LEAD; out[i * slot] becomes 1 when its MAC is right
 * and the plain message goes to out + i * slot + LEAD + BODY. Derive: K_NASenc and K_NASint go to
 * out + i * slot + LEAD. */
typedef struct {
    uint32_t ue, count, len;
} message;

typedef struct {
    const message *messages;
    size_t count;
    const uint8_t *in;
    uint8_t *out;
} round_of_work;

#define CHECK(condition)                                                                   \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);        \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

/* Each library: its ways for a task (NULL behind the last), a contestant of one way, a round, the end. */
const char *ipsec_mb_way(const task *task, size_t way);
void *ipsec_mb_new(const task *task, size_t way);
void ipsec_mb_run(void *state, const round_of_work *round);
void ipsec_mb_free(void *state);
const char *ipsec_mb_version(void);
void ipsec_mb_instructions(uint32_t restricted, char *to, size_t size);

const char *openssl_way(const task *task, size_t way);
void *openssl_new(const task *task, size_t way);
void openssl_run(void *state, const round_of_work *round);
void openssl_free(void *state);
const char *openssl_version(void);
const char *openssl_instructions(void);

static inline void *memory(size_t size) {
    void *place = aligned_alloc(64, (size + 63) / 64 * 64);
    CHECK(place != NULL);
    return memset(place, 0, size);
}

static inline void big_endian(uint8_t to[4], uint32_t number) {
    uint32_t swapped = __builtin_bswap32(number);
    memcpy(to, &swapped, sizeof swapped);
}

/* COUNT, BEARER, DIRECTION and 26 zero bits. Protect is downlink, verify uplink: the AMF's half. */
static inline void input_head(uint8_t head[8], uint32_t count, uint32_t direction) {
    big_endian(head, count);
    memset(head + 4, 0, 4);
    head[4] = (uint8_t)(ACCESS_3GPP << 3 | direction << 2);
}

/* The first two octets of the header. */
static inline void header_type(uint8_t *pdu) {
    pdu[0] = 0x7E;
    pdu[1] = INTEGRITY_AND_CIPHERING;
}

/* S of TS 33.501 A.8; type 1: K_NASenc, 2: K_NASint. */
static inline void k_nas_input(uint8_t s[7], unsigned type, unsigned algorithm) {
    memcpy(s, (uint8_t[7]){0x69, (uint8_t)type, 0, 1, (uint8_t)algorithm, 0, 1}, 7);
}

#endif
