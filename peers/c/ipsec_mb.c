/* Intel's Multi-Buffer library at its best: calls without checks, inputs built in place, and where it has several ways,
 * each of them; the frame keeps the fastest for each row.
 *
 * Traps: snow3g_f8_n_buffer_multikey does nothing beyond 16 buffers. EIA3 of 1.3 in 16 lanes gives wrong MACs where the
 * shortest of 16 messages has a multiple of 64 octets and another is longer.
 */
#include "ipsec_mb.h"

enum { F8_MAX = 16, EIA3_LANES = 16, EIA3_BLOCK = 512 /* bits */ };

/* ---- direct calls ---- */
static void f8_n(library *self, uint32_t count) {
    buffers *at = &self->at;
    for (uint32_t from = 0; from < count; from += F8_MAX) {
        uint32_t some = count - from < F8_MAX ? count - from : F8_MAX;
        IMB_SNOW3G_F8_N_BUFFER_MULTIKEY(self->mgr, (const snow3g_key_schedule_t *const *)&at->enc[from],
                                        &at->nea_iv[from], &at->src[from], &at->dst[from], &at->octets[from], some);
    }
}

static void f8_singly(library *self, uint32_t count) {
    buffers *at = &self->at;
    for (uint32_t j = 0; j < count; j++)
        IMB_SNOW3G_F8_1_BUFFER(self->mgr, at->enc[j], at->nea_iv[j], at->src[j], at->dst[j], at->octets[j]);
}

static void f9_singly(library *self, uint32_t count) {
    buffers *at = &self->at;
    for (uint32_t j = 0; j < count; j++)
        IMB_SNOW3G_F9_1_BUFFER(self->mgr, at->mac[j], at->nia_iv[j], at->hashed[j], at->bits[j], at->tag[j]);
}

static void eea3_n(library *self, uint32_t count) {
    buffers *at = &self->at;
    IMB_ZUC_EEA3_N_BUFFER(self->mgr, at->enc, at->nea_iv, at->src, at->dst, at->octets, count);
}

static void eia3_some(library *self, uint32_t from, uint32_t count) {
    buffers *at = &self->at;
    IMB_ZUC_EIA3_N_BUFFER(self->mgr, at->mac + from, at->nia_iv + from, at->hashed + from, at->bits + from,
                          at->tag + from, count);
}

static void eia3_n(library *self, uint32_t count) { eia3_some(self, 0, count); }

/* Lengths differ: 16 messages at a time, so that the library's groups are seen, and around the trap. */
static void eia3_mixed(library *self, uint32_t count) {
    buffers *at = &self->at;
    for (uint32_t from = 0, some; from < count; from += some) {
        uint32_t least = UINT32_MAX, most = 0, alike = 0;
        some = count - from < EIA3_LANES ? count - from : EIA3_LANES;
        for (uint32_t j = from; j < from + some; j++) {
            least = at->bits[j] < least ? at->bits[j] : least;
            most = at->bits[j] > most ? at->bits[j] : most;
        }
        if (least % EIA3_BLOCK != 0 || least == most) {
            eia3_some(self, from, some);
            continue;
        }
        while (alike < some && at->bits[from + alike] == least)
            alike++;
        if (alike != 0) {
            some = alike;
            eia3_some(self, from, some);
            continue;
        }
        for (uint32_t j = from; j < from + some; j++)
            IMB_ZUC_EIA3_1_BUFFER(self->mgr, at->mac[j], at->nia_iv[j], at->hashed[j], at->bits[j], at->tag[j]);
    }
}

static void eea3_singly(library *self, uint32_t count) {
    buffers *at = &self->at;
    for (uint32_t j = 0; j < count; j++)
        IMB_ZUC_EEA3_1_BUFFER(self->mgr, at->enc[j], at->nea_iv[j], at->src[j], at->dst[j], at->octets[j]);
}

static void eia3_singly(library *self, uint32_t count) {
    buffers *at = &self->at;
    for (uint32_t j = 0; j < count; j++)
        IMB_ZUC_EIA3_1_BUFFER(self->mgr, at->mac[j], at->nia_iv[j], at->hashed[j], at->bits[j], at->tag[j]);
}

/* ---- which ways there are ---- */
enum { BOTH = 1 << PROTECT | 1 << VERIFY, KDF = 1 << DERIVE, NEA1 = 2, NEA2 = 4, NEA3 = 8, MANY = BATCH_MAX };

static const way WAYS[] = {
    {"f8 n-buffer calls, UIA2 jobs", BOTH, NEA1, 2, MANY, .cipher = f8_n, .mac = mac_jobs},
    {"f8 n-buffer calls, UIA2 jobs, sorted", BOTH, NEA1, 2, MANY, 1, .cipher = f8_n, .mac = mac_jobs},
    {"f8 n-buffer, f9 1-buffer calls", BOTH, NEA1, 2, 8, .cipher = f8_n, .mac = f9_singly},
    {"f8, f9 1-buffer calls", BOTH, NEA1, 1, 4, .cipher = f8_singly, .mac = f9_singly},
    {"f8 1-buffer calls, UIA2 jobs", BOTH, NEA1, 1, 16, .cipher = f8_singly, .mac = mac_jobs},
    {"UEA2 jobs, UIA2 jobs", BOTH, NEA1, 1, MANY, .cipher = cipher_jobs, .mac = mac_jobs},
    {"chained SNOW 3G jobs", BOTH, NEA1, 1, MANY, .both = chained_jobs},
    {"f8 n-buffer calls, UIA2 jobs, AVX2", BOTH, NEA1, 2, MANY, .avx2 = 1, .cipher = f8_n, .mac = mac_jobs},
    {"cipher burst, CMAC jobs", BOTH, NEA2, 1, MANY, .cipher = cipher_burst, .mac = mac_jobs},
    {"cipher burst, CMAC jobs, sorted", BOTH, NEA2, 2, MANY, 1, .cipher = cipher_burst, .mac = mac_jobs},
    {"CTR jobs, CMAC jobs", BOTH, NEA2, 1, MANY, .cipher = cipher_jobs, .mac = mac_jobs},
    {"chained AES jobs", BOTH, NEA2, 1, MANY, .both = chained_jobs},
    {"cipher burst, CMAC jobs, AVX2", BOTH, NEA2, 1, MANY, .avx2 = 1, .cipher = cipher_burst, .mac = mac_jobs},
    {"EEA3, EIA3 n-buffer calls", BOTH, NEA3, 2, MANY, .alike = 1, .cipher = eea3_n, .mac = eia3_n},
    {"EEA3, EIA3 n-buffer calls by 16", BOTH, NEA3, 2, MANY, .mixed = 1, .cipher = eea3_n, .mac = eia3_mixed},
    {"EEA3, EIA3 n-buffer calls by 16, sorted", BOTH, NEA3, 2, MANY, 1, .cipher = eea3_n, .mac = eia3_mixed},
    {"EEA3, EIA3 1-buffer calls", BOTH, NEA3, 1, 4, .cipher = eea3_singly, .mac = eia3_singly},
    {"EEA3 n-buffer calls, EIA3 jobs", BOTH, NEA3, 2, MANY, .cipher = eea3_n, .mac = mac_jobs},
    {"EEA3 jobs, EIA3 jobs", BOTH, NEA3, 1, MANY, .cipher = cipher_jobs, .mac = mac_jobs},
    {"chained ZUC jobs", BOTH, NEA3, 1, MANY, .both = chained_jobs},
    {"EEA3, EIA3 n-buffer calls, AVX2", BOTH, NEA3, 2, MANY, .avx2 = 1, .cipher = eea3_n, .mac = eia3_n},
    {"HMAC-SHA-256 jobs", KDF, 0, 1, MANY, .derive = derive_hmac_jobs},
    {"HMAC-SHA-256 hash burst", KDF, 0, 1, MANY, .derive = derive_hmac_burst},
    {"SHA-256 jobs", KDF, 0, 1, MANY, .derive = derive_sha_jobs},
    {"SHA-256 calls", KDF, 0, 1, 4, .derive = derive_sha_direct},
    {"SHA-256 calls, AVX2", KDF, 0, 1, 4, .avx2 = 1, .derive = derive_sha_direct},
    {"HMAC-SHA-256 jobs, AVX-512 lanes", KDF, 0, 2, MANY, .flags = IMB_FLAG_SHANI_OFF, .derive = derive_hmac_jobs},
    {"HMAC-SHA-256 hash burst, AVX-512 lanes", KDF, 0, 2, MANY, .flags = IMB_FLAG_SHANI_OFF, .derive = derive_hmac_burst},
    {"SHA-256 jobs, AVX-512 lanes", KDF, 0, 2, MANY, .flags = IMB_FLAG_SHANI_OFF, .derive = derive_sha_jobs},
};

static int fits(const way *way, const task *task) {
    if (!(way->works >> task->work & 1) || task->batch < way->batch_least || task->batch > way->batch_most)
        return 0;
    if (task->work != DERIVE && !(way->algorithms >> task->algorithm & 1))
        return 0;
    if (task->mixed ? way->alike : way->sorted || way->mixed)
        return 0;
    return !(task->restricted && way->flags != 0);
}

static const way *find(const task *task, size_t number) {
    for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++)
        if (fits(&WAYS[i], task) && number-- == 0)
            return &WAYS[i];
    return NULL;
}

const char *ipsec_mb_way(const task *task, size_t number) {
    const way *way = find(task, number);
    return way == NULL ? NULL : way->name;
}

/* ---- the library ---- */
static IMB_MGR *manager(uint64_t flags, uint32_t restricted, uint32_t avx2) {
    IMB_ARCH arch;
    IMB_MGR *mgr = alloc_mb_mgr(flags | (restricted ? IMB_FLAG_GFNI_OFF | IMB_FLAG_SHANI_OFF : 0));
    CHECK(mgr != NULL);
    if (avx2)
        init_mb_mgr_avx2(mgr);
    else
        init_mb_mgr_auto(mgr, &arch);
    CHECK(imb_get_errno(mgr) == 0);
    return mgr;
}

const char *ipsec_mb_version(void) { return imb_get_version_str(); }

/* What it chooses for this processor. */
void ipsec_mb_instructions(uint32_t restricted, char *to, size_t size) {
    static const char *const names[] = {[IMB_ARCH_NOAESNI] = "no AES-NI", [IMB_ARCH_SSE] = "SSE", [IMB_ARCH_AVX] = "AVX",
                                        [IMB_ARCH_AVX2] = "AVX2", [IMB_ARCH_AVX512] = "AVX-512"};
    IMB_MGR *mgr = manager(0, restricted, 0);
    uint32_t arch = mgr->used_arch;
    uint64_t has = mgr->features;
    const char *name = arch < sizeof names / sizeof *names && names[arch] != NULL ? names[arch] : "another";
    const char *second = (has & IMB_CPUFLAGS_AVX512_T2) == IMB_CPUFLAGS_AVX512_T2
                             ? " type 2 (VAES, VPCLMULQDQ, GFNI, SHA)"
                             : " type 1 (without GFNI and SHA)";
    snprintf(to, size, "%s%s", name, arch == IMB_ARCH_AVX512 ? second : "");
    free_mb_mgr(mgr);
}

static void expand(library *self, aes_ue *to, const uint8_t *enc, const uint8_t *mac) {
    if (self->mgr->used_arch == IMB_ARCH_AVX512 || self->mgr->used_arch == IMB_ARCH_AVX2) {
        aes_keyexp_128_enc_avx2(enc, to->enc);
        aes_keyexp_128_enc_avx2(mac, to->mac);
    } else {
        aes_keyexp_128_enc_sse(enc, to->enc);
        aes_keyexp_128_enc_sse(mac, to->mac);
    }
    IMB_AES_CMAC_SUBKEY_GEN_128(self->mgr, to->mac, to->subkey[0], to->subkey[1]);
}

void *ipsec_mb_new(const task *task, size_t number) {
    library *self = memory(sizeof *self);
    self->way = find(task, number);
    CHECK(self->way != NULL && task->batch <= BATCH_MAX);
    self->mgr = manager(self->way->flags, task->restricted, self->way->avx2);
    self->work = task->work;
    self->algorithm = task->algorithm;
    self->fresh = task->fresh;
    self->batch = task->batch;
    self->slot = task->slot;
    self->aes = memory((task->algorithm != 2 ? 1 : task->fresh ? BATCH_MAX : task->ues) * sizeof *self->aes);
    self->raw = memory(task->ues * sizeof *self->raw);
    self->k_amf = memory(task->ues * sizeof *self->k_amf);
    for (size_t i = 0; i < task->ues; i++) {
        const subscriber *subscriber = &task->subscribers[i];
        memcpy(self->k_amf[i], subscriber->k_amf, 32);
        if (task->algorithm == 1) {
            CHECK(IMB_SNOW3G_KEY_SCHED_SIZE(self->mgr) == sizeof self->raw->enc);
            IMB_SNOW3G_INIT_KEY_SCHED(self->mgr, subscriber->k_nas_enc, (snow3g_key_schedule_t *)self->raw[i].enc);
            IMB_SNOW3G_INIT_KEY_SCHED(self->mgr, subscriber->k_nas_int, (snow3g_key_schedule_t *)self->raw[i].mac);
        } else {
            memcpy(self->raw[i].enc, subscriber->k_nas_enc, 16);
            memcpy(self->raw[i].mac, subscriber->k_nas_int, 16);
        }
        if (task->algorithm == 2 && !task->fresh)
            expand(self, &self->aes[i], subscriber->k_nas_enc, subscriber->k_nas_int);
    }
    for (uint32_t j = 0; j < BATCH_MAX; j++) {
        self->at.nea_iv[j] = self->nea_iv[j];
        self->at.nia_iv[j] = self->nia_iv[j];
        self->place[j] = j;
    }
    if (self->way->cipher == cipher_burst)
        burst_prepare(self);
    return self;
}

void ipsec_mb_free(void *state) {
    library *self = state;
    free_mb_mgr(self->mgr);
    free(self->aes);
    free(self->raw);
    free(self->k_amf);
    free(self);
}

/* ---- a call ---- */
/* Initialisation vectors, TS 33.501 D.2 and D.3 by way of TS 35.215, 33.401 and 35.221. */
static void inputs(library *self, uint32_t j, uint32_t count) {
    uint32_t direction = self->work == PROTECT;
    uint8_t *nea = self->nea_iv[j], *nia = self->nia_iv[j];
    input_head(nea, count, direction);
    if (self->algorithm == 2) {
        memset(nea + 8, 0, 8);
        return;
    }
    memcpy(nea + 8, nea, 8);
    memcpy(nia, nea, 8);
    nia[4] = ACCESS_3GPP << 3;
    memcpy(nia + 8, nia, 8);
    nia[8] ^= (uint8_t)(direction << 7);
    nia[14] ^= (uint8_t)(direction << 7);
}

static void keys(library *self, uint32_t j, uint32_t ue) {
    buffers *at = &self->at;
    if (self->algorithm == 2) {
        aes_ue *aes = &self->aes[self->fresh ? j : ue];
        if (self->fresh)
            expand(self, aes, self->raw[ue].enc, self->raw[ue].mac);
        at->enc[j] = aes->enc;
        at->mac[j] = aes;
    } else {
        at->enc[j] = self->raw[ue].enc;
        at->mac[j] = self->raw[ue].mac;
    }
}

/* Message i becomes buffer j. */
static void gather(library *self, const round_of_work *round, size_t i, uint32_t j) {
    const message *message = &round->messages[i];
    buffers *at = &self->at;
    const uint8_t *in = round->in + i * self->slot;
    uint8_t *pdu = round->out + i * self->slot + LEAD;
    inputs(self, j, message->count);
    keys(self, j, message->ue);
    at->octets[j] = message->len;
    at->dst[j] = pdu + BODY;
    if (self->work == PROTECT) {
        at->src[j] = in;
        at->tag[j] = (uint32_t *)(void *)(pdu + 2);
        header_type(pdu);
        pdu[6] = (uint8_t)message->count;
    } else {
        memcpy(pdu, in + LEAD, BODY + message->len);
        memcpy(&at->received[j], pdu + 2, 4);
        at->src[j] = pdu + BODY;
        at->tag[j] = &at->tags[j];
        at->verdict[j] = round->out + i * self->slot;
    }
    at->hashed[j] = pdu + 6;
    at->bits[j] = (1 + message->len) * 8;
    if (self->algorithm == 2) {
        /* What CMAC takes in front of the message stands in the room of the header until the MAC is there. */
        memcpy(pdu - 2, self->nea_iv[j], 8);
        at->hashed[j] = pdu - 2;
        at->bits[j] += 64;
    }
}

/* By length, short ones first; equal lengths keep their order. */
static void sort(library *self, const message *messages) {
    uint16_t begins[LENGTHS + 1] = {0};
    uint32_t most = 0;
    for (uint32_t j = 0; j < self->batch; j++) {
        begins[messages[j].len + 1]++;
        most = messages[j].len > most ? messages[j].len : most;
    }
    for (uint32_t len = 1; len <= most; len++)
        begins[len] = (uint16_t)(begins[len] + begins[len - 1]);
    for (uint32_t j = 0; j < self->batch; j++)
        self->place[begins[messages[j].len]++] = j;
}

static void protect(library *self, uint32_t count) {
    if (self->way->both != NULL) {
        self->way->both(self, count);
    } else {
        self->way->cipher(self, count);
        self->way->mac(self, count);
    }
    if (self->algorithm == 2)
        for (uint32_t j = 0; j < count; j++)
            header_type((uint8_t *)self->at.dst[j] - BODY);
}

/* Only what is authentic is deciphered; a chained job cannot wait for that, so that what it should not have deciphered
 * is wiped. */
static void verify(library *self, uint32_t count) {
    buffers *at = &self->at;
    uint32_t right = 0;
    (self->way->both != NULL ? self->way->both : self->way->mac)(self, count);
    for (uint32_t j = 0; j < count; j++) {
        uint32_t same = at->tags[j] == at->received[j];
        *at->verdict[j] = (uint8_t)same;
        if (!same && self->way->both != NULL)
            memset(at->dst[j], 0, at->octets[j]);
        if (right != j) {
            at->enc[right] = at->enc[j];
            at->src[right] = at->src[j];
            at->dst[right] = at->dst[j];
            at->octets[right] = at->octets[j];
            memcpy(self->nea_iv[right], self->nea_iv[j], 16);
        }
        right += same;
    }
    if (self->way->both == NULL && right != 0)
        self->way->cipher(self, right);
}

void ipsec_mb_run(void *state, const round_of_work *round) {
    library *self = state;
    if (self->work == DERIVE) {
        self->way->derive(self, round);
        return;
    }
    for (size_t first = 0; first < round->count; first += self->batch) {
        if (self->way->sorted)
            sort(self, round->messages + first);
        for (uint32_t j = 0; j < self->batch; j++)
            gather(self, round, first + self->place[j], j);
        if (self->work == PROTECT)
            protect(self, self->batch);
        else
            verify(self, self->batch);
    }
}
