/* What the files of Intel's Multi-Buffer library share. */
#ifndef PEERS_IPSEC_MB_H
#define PEERS_IPSEC_MB_H

#include "peers.h"

#include <intel-ipsec-mb.h>

/* AES keys of a UE, expanded. */
typedef struct {
    _Alignas(16) uint8_t enc[176];
    _Alignas(16) uint8_t mac[176];
    _Alignas(16) uint8_t subkey[2][16];
} aes_ue;

/* SNOW 3G and ZUC keys of a UE, and raw AES keys: they have no schedule, or it is made inside the clock. */
typedef struct {
    _Alignas(16) uint8_t enc[16]; /* SNOW 3G: a snow3g_key_schedule_t */
    _Alignas(16) uint8_t mac[16];
} raw_ue;

/* The messages of a call, as the n-buffer calls take them. */
typedef struct {
    const void *enc[BATCH_MAX], *mac[BATCH_MAX], *nea_iv[BATCH_MAX], *nia_iv[BATCH_MAX];
    const void *src[BATCH_MAX], *hashed[BATCH_MAX];
    void *dst[BATCH_MAX]; /* the message in the PDU */
    uint32_t octets[BATCH_MAX], bits[BATCH_MAX], *tag[BATCH_MAX], tags[BATCH_MAX], received[BATCH_MAX];
    uint8_t *verdict[BATCH_MAX];
} buffers;

typedef struct library library;

/* A way: how it ciphers, how it computes MACs, or how it does both at a time. */
typedef struct {
    const char *name;
    uint32_t works;      /* bit PROTECT, VERIFY, DERIVE */
    uint32_t algorithms; /* bit 1 to 3 */
    uint32_t batch_least, batch_most;
    uint32_t sorted;     /* the caller sorts each batch by length, inside the clock */
    uint32_t mixed;      /* only where lengths differ */
    uint32_t alike;      /* only where they do not */
    uint64_t flags;      /* of the manager */
    uint32_t avx2;       /* the manager's AVX2 code */
    void (*cipher)(library *, uint32_t count);
    void (*mac)(library *, uint32_t count);
    void (*both)(library *, uint32_t count);
    void (*derive)(library *, const round_of_work *);
} way;

struct library {
    IMB_MGR *mgr;
    const way *way;
    uint32_t work, algorithm, fresh, batch, slot;
    aes_ue *aes; /* of every UE, or with a key per message of every lane */
    raw_ue *raw;
    uint8_t (*k_amf)[32];
    buffers at;
    _Alignas(16) uint8_t nea_iv[BATCH_MAX][16];
    _Alignas(16) uint8_t nia_iv[BATCH_MAX][16];
    IMB_JOB burst[BATCH_MAX];
    uint32_t place[BATCH_MAX]; /* order in which the messages of a batch are taken */
};

/* ---- jobs (jobs.c) ---- */
/* Fills in, submits and takes back `count` jobs; nothing is flushed before the last is in. */
void jobs_run(library *self, uint32_t count, void (*fill)(library *, IMB_JOB *, uint32_t));
void burst_prepare(library *self);

void cipher_burst(library *self, uint32_t count);
void cipher_jobs(library *self, uint32_t count);
void mac_jobs(library *self, uint32_t count);
void chained_jobs(library *self, uint32_t count);

/* ---- derivation (derive.c) ---- */
void derive_hmac_jobs(library *self, const round_of_work *round);
void derive_hmac_burst(library *self, const round_of_work *round);
void derive_sha_jobs(library *self, const round_of_work *round);
void derive_sha_direct(library *self, const round_of_work *round);

#endif
