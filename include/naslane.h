/*
 * naslane: 5G NAS security for many UEs at a time.
 *
 * Four levels, each usable alone:
 *
 *   level 0  algorithms and key derivations with a key in the call   naslane_nea, naslane_nia, naslane_kdf_...
 *   level 1  sessions: COUNT, replay, contexts, security mode        naslane_protect, naslane_verify, naslane_smc_...
 *   level 2  batches of 64-byte jobs over one arena                  naslane_batch
 *   level 3  workers, a sidecar, and jobs without waiting            naslane_workers_new, naslane_connect,
 *                                                                    naslane_queue_...
 *
 * A message in ten lines:
 *
 *     naslane_engine *engine;
 *     uint64_t ue;
 *     naslane_received in;
 *     naslane_sent out;
 *     uint8_t buffer[256];
 *
 *     naslane_engine_new(NULL, &engine);
 *     naslane_establish(engine, NASLANE_ROLE_AMF, &ue);
 *     naslane_authenticated(engine, ue, k_amf, 0, capability, capability_len, 0);
 *     ... the security mode procedure: naslane_smc_command(), then naslane_verify() takes the answer ...
 *     naslane_verify(engine, ue, 1, pdu, pdu_len, buffer, sizeof buffer, &in);
 *     naslane_protect(engine, ue, 1, plain, plain_len, buffer, sizeof buffer, &out);
 *
 * Conventions, the same for every function:
 *
 *   Status      0 (NASLANE_OK) or a naslane_status. A call that fails changes nothing: no COUNT, no key, no output.
 *               Where a function is an exception, its text says so.
 *   Pointers    Inputs first, outputs last, the length beside the pointer. NULL is a status (NASLANE_E_NULL), and is
 *               legal with length 0. Any alignment. An output buffer is either the very place of the input or has
 *               nothing in common with it, else NASLANE_E_OVERLAP. All of the room that a call was told of must be
 *               there. Nobody else may use an output, or write to an input, before the call returns.
 *   Structs     Those that the caller fills begin with their size and have an init function, so that they can grow.
 *   Sessions    64-bit handles. The handle of a released session is a status, never another UE's session.
 *   access      1 = 3GPP, 2 = non-3GPP access.
 *   Lengths     Octets. A protected message is NASLANE_OVERHEAD octets longer than the plain one.
 *   Threads     Everything may be called from any thread at any time, but for naslane_engine_free() and
 *               naslane_queue_close(). Calls on one session wait for each other; a queue has one thread at a time.
 *   Secrets     Keys are copied, and wiped when their session ends. What the caller gave or got it wipes itself.
 *   Defects     A defect inside the library is NASLANE_E_POISONED: it closes that session for good and no other one.
 */

#ifndef NASLANE_H
#define NASLANE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header. */
#define NASLANE_VERSION "0.1.0"
#define NASLANE_VERSION_MAJOR 0
#define NASLANE_VERSION_MINOR 1
#define NASLANE_VERSION_PATCH 0

/* ====================================================================== *
 * Statuses
 *
 * Every function that can fail returns one of these as int32_t. A number is never used again for another
 * meaning; new ones may come. 1 to 31 say what a message turned out to be, 32 to 63 concern procedures and
 * contexts, 64 to 95 the arguments of a call, 96 to 127 limits and the engine itself.
 */


/** Numbers and what to do about them. */
typedef enum naslane_status {
    /** done */
    NASLANE_OK = 0,
    /** plain message that may be acted on before secure exchange */
    NASLANE_E_PLAIN_ALLOWED = 1,
    /** plain message where protection is required; discard it */
    NASLANE_E_PLAIN_REFUSED = 2,
    /** message is cut short; discard it */
    NASLANE_E_SHORT = 3,
    /** security header type is reserved or not allowed here; discard the message */
    NASLANE_E_HEADER_TYPE = 4,
    /** no security context for this message; authenticate first */
    NASLANE_E_NO_CONTEXT = 5,
    /** message authentication code does not verify; discard or follow TS 24.501 4.4.4.3 */
    NASLANE_E_MAC = 6,
    /** message was accepted before; discard it */
    NASLANE_E_REPLAY = 7,
    /** NAS COUNT is used up; authenticate again for a new K_AMF */
    NASLANE_E_COUNT_EXHAUSTED = 8,
    /** null integrity is only for emergency sessions; set the emergency flag or select another NIA */
    NASLANE_E_NULL_INTEGRITY = 9,
    /** MAC verifies but the content is garbage; compare K_NASenc and the ciphering algorithm of both sides */
    NASLANE_E_CIPHER_SKEW = 10,
    /** protected message inside a protected message; discard it */
    NASLANE_E_NESTED = 11,
    /** security header type does not fit the inner message; discard it */
    NASLANE_E_HEADER_MISMATCH = 12,
    /** message must be ciphered on this access; discard it */
    NASLANE_E_UNCIPHERED = 13,
    /** secure exchange is not established on this access; run the security mode procedure first */
    NASLANE_E_NOT_SECURED = 14,
    /** not a 5GMM message (0x7E expected) */
    NASLANE_E_DISCRIMINATOR = 15,
    /** an information element is missing or malformed */
    NASLANE_E_MALFORMED_IE = 16,
    /** NAS message container is missing */
    NASLANE_E_CONTAINER_MISSING = 17,
    /** NAS message container does not fit the ongoing procedure */
    NASLANE_E_CONTAINER_MISMATCH = 18,
    /** decipher a container right after its message was verified, with that message's COUNT */
    NASLANE_E_CONTAINER_UNVERIFIED = 19,
    /** the lease of downlink COUNTs is used up; try again when the store has renewed it */
    NASLANE_E_LEASE_EXHAUSTED = 20,
    /** another key-changing procedure is running for this UE; wait for its end */
    NASLANE_E_CONFLICT = 32,
    /** no procedure waits for this message */
    NASLANE_E_UNEXPECTED = 33,
    /** no authenticated context for this ngKSI; finish authentication first */
    NASLANE_E_OUT_OF_ORDER = 34,
    /** UE and operator share no integrity algorithm; reject with cause 23 */
    NASLANE_E_NO_COMMON_INTEGRITY = 35,
    /** UE and operator share no ciphering algorithm; reject with cause 23 */
    NASLANE_E_NO_COMMON_CIPHERING = 36,
    /** algorithm is not in the UE security capability or not built in */
    NASLANE_E_ALGORITHM_NOT_SUPPORTED = 37,
    /** replayed UE security capability differs from the one sent; reject with cause 23 */
    NASLANE_E_CAPABILITY_MISMATCH = 38,
    /** ngKSI is not usable here; choose 0..=6 that differs from those in use */
    NASLANE_E_NG_KSI = 39,
    /** retransmissions are used up; the procedure was aborted */
    NASLANE_E_TIMEOUT = 40,
    /** K_AMF is in use or was used at a higher COUNT; authenticate again */
    NASLANE_E_KEY_REUSED = 41,
    /** information elements of the SECURITY MODE COMMAND do not go together */
    NASLANE_E_IE_COMBINATION = 42,
    /** the UE rejected the security mode command; the context used before is in force again */
    NASLANE_E_REJECTED = 43,
    /** horizontal derivation needs K_AMF' derived by this engine for this procedure */
    NASLANE_E_HORIZONTAL = 44,
    /** another node owns this session; send its messages there */
    NASLANE_E_FENCED = 45,
    /** the COUNTs of this session are not known any more; release it and authenticate again */
    NASLANE_E_REKEY_REQUIRED = 46,
    /** not the S-NSSAI that was asked, or none of the UE's subscription */
    NASLANE_E_SLICE = 47,
    /** a subscription with slices that need authentication must have a GPSI (at most 272 octets) */
    NASLANE_E_GPSI = 48,
    /** a required pointer is NULL */
    NASLANE_E_NULL = 64,
    /** output buffer is too small; nothing was written */
    NASLANE_E_BUFFER_TOO_SMALL = 65,
    /** input and output overlap without being the same place */
    NASLANE_E_OVERLAP = 66,
    /** offset and length leave the arena */
    NASLANE_E_OUT_OF_RANGE = 67,
    /** session handle is unknown or was released */
    NASLANE_E_HANDLE = 68,
    /** access must be 1 (3GPP) or 2 (non-3GPP); a stateless BEARER must be below 32 */
    NASLANE_E_BEARER = 69,
    /** direction must be 0 (uplink) or 1 (downlink) */
    NASLANE_E_DIRECTION = 70,
    /** unknown operation or a reserved field that is not zero */
    NASLANE_E_OPERATION = 71,
    /** argument is outside its documented domain */
    NASLANE_E_ARGUMENT = 72,
    /** session record is damaged or of another version */
    NASLANE_E_RECORD = 73,
    /** length is more than the message or algorithm allows */
    NASLANE_E_TOO_LONG = 74,
    /** call belongs to the other role (AMF or UE) than this session's */
    NASLANE_E_ROLE = 75,
    /** session table is full; raise sessions or release some */
    NASLANE_E_TABLE_FULL = 96,
    /** too many procedures at once; raise procedures or finish some */
    NASLANE_E_SIDE_FULL = 97,
    /** session is in use by another thread; try again */
    NASLANE_E_BUSY = 98,
    /** no backend passed its known-answer test; this processor or build is not usable */
    NASLANE_E_SELF_TEST = 99,
    /** an internal defect closed this session; release it and report the defect */
    NASLANE_E_POISONED = 100,
    /** the platform refused a resource */
    NASLANE_E_SYSTEM = 101,
    /** the worker was stopped before this job ran; nothing changed */
    NASLANE_E_STOPPED = 102,
    /** the sidecar is gone; connect again, what was under way is unknown */
    NASLANE_E_DISCONNECTED = 112,
    /** this client's share of the sidecar is used up; release some of it */
    NASLANE_E_QUOTA = 113,
    /** no common version of the control protocol; update the older side */
    NASLANE_E_VERSION = 114,
    /** the sidecar does not serve this user; see clients in its settings */
    NASLANE_E_DENIED = 115,
    /** the engine behind this door does not offer this call; no K_AMF leaves a sidecar */
    NASLANE_E_UNSUPPORTED = 116,
    /** the sidecar itself asks the NSSAAF and keeps the timers ([nssaa] in its settings); run none beside it */
    NASLANE_E_HOSTED = 117,
} naslane_status;

/** What happened and what to do about it, in one sentence. Never NULL; any number may be asked. */
const char *naslane_status_text(int32_t status);

/** Name of a naslane_diagnosis in capitals, for logs and counters: "KEY_OR_COUNT". Never NULL. */
const char *naslane_diagnosis_name(uint8_t diagnosis);

/** The version of the library that is running, as "MAJOR.MINOR.PATCH"; compare with NASLANE_VERSION. */
const char *naslane_version(void);

/* ====================================================================== *
 * Level 0: the algorithms
 *
 * Stateless: key, COUNT, BEARER and DIRECTION come with every call. For code that keeps its own COUNTs, 5GS or
 * EPS. Whoever uses a (key, COUNT, BEARER, DIRECTION) twice gives both messages away: level 1 cannot.
 *
 * The algorithms are numbered as on the wire: 0 null, 1 SNOW 3G, 2 AES, 3 ZUC.
 */

/** Octets that one message may have at most: the algorithms count up to 2^32 - 1 bits. */
#define NASLANE_MESSAGE_MAX 536870911

/**
 * Ciphers or deciphers len octets (TS 33.501 D.2).
 *
 * count is the whole 32 bits that the algorithm gets: for NAS 0x00 and the 24-bit NAS COUNT. bearer is
 * below 32; in 5GS NAS it is 1 (3GPP) or 2 (non-3GPP access), in EPS NAS 0. direction is 0 uplink,
 * 1 downlink. out has room for len octets and may be in.
 *
 * Errors: ALGORITHM_NOT_SUPPORTED, BEARER, DIRECTION, NULL, OVERLAP, TOO_LONG, SELF_TEST.
 */
int32_t naslane_nea(uint8_t nea,
                    const uint8_t key[16],
                    uint32_t count,
                    uint8_t bearer,
                    uint8_t direction,
                    const uint8_t *in,
                    size_t len,
                    uint8_t *out);

/**
 * Computes the message authentication code of len octets (TS 33.501 D.3). Arguments as for naslane_nea().
 * NIA0 gives zeros. Compare codes in constant time, or let naslane_verify() do it.
 *
 * Errors: as for naslane_nea().
 */
int32_t naslane_nia(uint8_t nia,
                    const uint8_t key[16],
                    uint32_t count,
                    uint8_t bearer,
                    uint8_t direction,
                    const uint8_t *msg,
                    size_t len,
                    uint8_t mac[4]);

/* ====================================================================== *
 * Level 0: the key derivations
 *
 * TS 33.501 Annex A, one function per key, named after the key. Keys have 32 octets where nothing else is said.
 * An output may be one of the inputs. Texts are NUL-terminated ASCII. The caller wipes what it no longer needs.
 *
 * Errors of all of them: NULL, OVERLAP (the output cuts an input), TOO_LONG, SELF_TEST, and ARGUMENT for a text or
 * number outside its domain.
 */

/** Octets of the longest serving network name, with its NUL. */
#define NASLANE_SNN_SIZE 45

/**
 * Writes the serving network name of a PLMN or, with nid, of an SNPN (TS 24.501 9.12.1), with a NUL.
 *
 * mcc has three digits, mnc two or three, nid is NULL or 11 hexadecimal digits, kept in their case:
 * 5G:mnc001.mcc001.3gppnetwork.org.
 */
int32_t naslane_kdf_serving_network_name(const char *mcc,
                                         const char *mnc,
                                         const char *nid,
                                         char snn[45]);

/** K_AUSF of 5G AKA (A.2). sqn_xor_ak is the first six octets of AUTN. */
int32_t naslane_kdf_k_ausf(const uint8_t ck[16],
                           const uint8_t ik[16],
                           const char *snn,
                           const uint8_t sqn_xor_ak[6],
                           uint8_t k_ausf[32]);

/** K_AUSF of EAP-AKA': the first half of EMSK (6.1.3.1). */
int32_t naslane_kdf_k_ausf_from_emsk(const uint8_t emsk[64], uint8_t k_ausf[32]);

/** CK' and IK' of EAP-AKA' (A.3), 16 octets each. */
int32_t naslane_kdf_ck_ik_prime(const uint8_t ck[16],
                                const uint8_t ik[16],
                                const char *snn,
                                const uint8_t sqn_xor_ak[6],
                                uint8_t ck_prime[16],
                                uint8_t ik_prime[16]);

/** RES* or XRES* (A.4). res has 4 to 16 octets. */
int32_t naslane_kdf_res_star(const uint8_t ck[16],
                             const uint8_t ik[16],
                             const char *snn,
                             const uint8_t rand[16],
                             const uint8_t *res,
                             size_t res_len,
                             uint8_t res_star[16]);

/** HRES* or HXRES* (A.5), 16 octets. */
int32_t naslane_kdf_hres_star(const uint8_t rand[16],
                              const uint8_t res_star[16],
                              uint8_t hres_star[16]);

/** K_SEAF (A.6). */
int32_t naslane_kdf_k_seaf(const uint8_t k_ausf[32], const char *snn, uint8_t k_seaf[32]);

/**
 * K_AMF (A.7). supi is imsi-<digits>, the bare digits of an IMSI, or nai-, gci-, gli- with their text.
 * abba has 2 to 255 octets, 00 00 today.
 */
int32_t naslane_kdf_k_amf(const uint8_t k_seaf[32],
                          const char *supi,
                          const uint8_t *abba,
                          size_t abba_len,
                          uint8_t k_amf[32]);

/** K_NASenc and K_NASint (A.8), 16 octets each, for the algorithms nea and nia, each below 16. */
int32_t naslane_kdf_k_nas(const uint8_t k_amf[32],
                          uint8_t nea,
                          uint8_t nia,
                          uint8_t k_nas_enc[16],
                          uint8_t k_nas_int[16]);

/**
 * The 16-octet key of one algorithm (A.8). key is K_AMF for the types 1 NAS ciphering and 2 NAS integrity,
 * K_gNB for 3 and 4 (RRC) and 5 and 6 (user plane); odd types cipher. algorithm is below 16.
 */
int32_t naslane_kdf_algorithm_key(const uint8_t key[32],
                                  uint8_t type,
                                  uint8_t algorithm,
                                  uint8_t out[16]);

/* ====================================================================== *
 * Level 0: keys of the access network and of a move
 *
 * TS 33.501 A.9 to A.15 and A.21. Keys have 32 octets; COUNTs are whole NAS COUNTs as 32 bits. Errors as for the
 * other derivations, and BEARER for an access that is neither 1 nor 2.
 */

/**
 * K_gNB for access 1, K_N3IWF, K_TNGF, K_WAGF or K_TWIF for access 2 (A.9). ul_nas_count is 2^32 - 1 after a
 * horizontal derivation or a mapping in a handover.
 */
int32_t naslane_kdf_k_gnb(const uint8_t k_amf[32],
                          uint32_t ul_nas_count,
                          uint8_t access,
                          uint8_t k_gnb[32]);

/** NH (A.10). sync is K_gNB for the first NH and the NH before for every other. */
int32_t naslane_kdf_nh(const uint8_t k_amf[32], const uint8_t sync[32], uint8_t nh[32]);

/**
 * K_NG-RAN* for a gNB (A.11), from the current K_gNB or from NH. pci is the physical cell identity, arfcn_dl
 * is below 2^24.
 */
int32_t naslane_kdf_k_ng_ran_star_gnb(const uint8_t key[32],
                                      uint16_t pci,
                                      uint32_t arfcn_dl,
                                      uint8_t k_star[32]);

/** K_NG-RAN* for an ng-eNB (A.12). earfcn_dl is below 2^24. */
int32_t naslane_kdf_k_ng_ran_star_ng_enb(const uint8_t key[32],
                                         uint16_t pci,
                                         uint32_t earfcn_dl,
                                         uint8_t k_star[32]);

/**
 * K_AMF' by horizontal derivation (A.13). direction 0: mobility registration, with the uplink COUNT of that
 * REGISTRATION REQUEST over 3GPP access; 1: handover, with the downlink COUNT of 3GPP access.
 *
 * Errors: also DIRECTION.
 */
int32_t naslane_kdf_k_amf_prime(const uint8_t k_amf[32],
                                uint8_t direction,
                                uint32_t count,
                                uint8_t k_amf_prime[32]);

/** K_ASME' for a move to EPS in idle mode (A.14.1). */
int32_t naslane_kdf_k_asme_idle(const uint8_t k_amf[32], uint32_t ul_nas_count, uint8_t k_asme[32]);

/** K_ASME' for a handover to EPS (A.14.2). The source counts dl_nas_count as used. */
int32_t naslane_kdf_k_asme_handover(const uint8_t k_amf[32],
                                    uint32_t dl_nas_count,
                                    uint8_t k_asme[32]);

/** K_ASME_SRVCC (A.21). */
int32_t naslane_kdf_k_asme_srvcc(const uint8_t k_amf[32],
                                 uint32_t dl_nas_count,
                                 uint8_t k_asme[32]);

/** K_AMF' mapped from EPS in idle mode (A.15.1), with the EPS uplink COUNT of the TRACKING AREA UPDATE REQUEST. */
int32_t naslane_kdf_k_amf_from_eps_idle(const uint8_t k_asme[32],
                                        uint32_t eps_ul_nas_count,
                                        uint8_t k_amf[32]);

/** K_AMF' mapped from EPS in a handover (A.15.2). */
int32_t naslane_kdf_k_amf_from_eps_handover(const uint8_t k_asme[32],
                                            const uint8_t nh[32],
                                            uint8_t k_amf[32]);

/* ====================================================================== *
 * Level 1: the engine
 *
 * An engine holds the sessions of many UEs and the operator's policy. Most processes have one. It runs where the call
 * that opened it says: naslane_engine_new() on the caller's thread, naslane_workers_new() on threads of their own,
 * naslane_connect() in a sidecar. All other functions are the same.
 */

/** Bit of flags in naslane_config: the NAS message container may be missing in an answer. */
#define NASLANE_CONFIG_CONTAINER_OPTIONAL 1

/** Bit of flags in naslane_config: the IMEISV (or another PEI) must be in an answer when it was asked for. */
#define NASLANE_CONFIG_IMEISV_REQUIRED 2

/** Sessions, policy and keys. Opaque. */
typedef struct naslane_engine naslane_engine;

/** What an engine is started with. Fill it with naslane_config_init(), then change what differs. */
typedef struct naslane_config {
    /** Octets of this structure. */
    size_t size;
    /**
     * Sessions that there is room for, 1 to 2^28; default 65536. Their memory, at most 640 octets each, is taken
     * at the start.
     */
    size_t sessions;
    /** UEs that may have a security mode procedure or a second context at the same time; default sessions. */
    size_t procedures;
    /** Keys of released sessions that stay known, so that none starts again at COUNT 0; default sessions. */
    size_t remembered_keys;
    /** COUNT from which on messages carry NASLANE_WRAP_WARNING; default 2^24 - 2^16. */
    uint32_t warning_count;
    /** COUNT from which on messages carry NASLANE_WRAP_URGENT; default 2^24 - 2^10. */
    uint32_t urgent_count;
    /** The operator's ciphering algorithms, best first (TS 33.501 6.7.1); default 2, 1, 3, 0. */
    uint8_t nea[4];
    /**
     * The operator's integrity algorithms, best first; default 2, 1, 3. NIA0 among them permits unauthenticated
     * emergency sessions and nothing else.
     */
    uint8_t nia[4];
    /** How many of nea count, 1 to 4. */
    uint8_t nea_len;
    /** How many of nia count, 1 to 4. */
    uint8_t nia_len;
    /** Width of the window for late messages, 0 (off, the default) to 64. */
    uint8_t out_of_order;
    /** Retransmissions of a SECURITY MODE COMMAND before the procedure ends, 0 to 16; default 4. */
    uint8_t retransmissions;
    /** Commands for one ngKSI without a verified answer before a loop is reported; default 5. */
    uint8_t commands_before_loop;
    /** Top 8 bits of every handle, for processes with several engines; default 0. */
    uint8_t worker;
    /** NASLANE_CONFIG_... bits; default 0. */
    uint8_t flags;
    /** 0. */
    uint8_t reserved;
} naslane_config;

/**
 * Fills a configuration with the defaults.
 *
 * Errors: NULL.
 */
int32_t naslane_config_init(naslane_config *config);

/**
 * Starts an engine whose calls run on the caller's thread: every algorithm passes its self-test, the memory of the
 * sessions is taken. NULL as config takes the defaults. naslane_engine_free() ends it.
 *
 * Errors: NULL, ARGUMENT (a field outside its bounds, another size), ALGORITHM_NOT_SUPPORTED, SELF_TEST, SYSTEM.
 */
int32_t naslane_engine_new(const naslane_config *config,
                           naslane_engine **engine);

/**
 * Ends an engine and wipes its sessions; workers finish what was submitted, a sidecar goes on without this client. No
 * other call may run on it, and none may follow. Its queues may still be reaped and closed.
 *
 * Errors: NULL.
 */
int32_t naslane_engine_free(naslane_engine *engine);

/**
 * Where the engine runs and how it waits, as one line for a log: "workers: 2 workers on cpu 2 cpu 3; wait: Block; 4
 * processors usable of 4 allowed". The text lives as long as the engine.
 *
 * Errors: NULL.
 */
int32_t naslane_plan(const naslane_engine *engine,
                     const char **text);

/**
 * How many sessions are established; through a sidecar, those of this client.
 *
 * Errors: NULL, DISCONNECTED.
 */
int32_t naslane_sessions(const naslane_engine *engine, size_t *sessions);

/* ====================================================================== *
 * Level 1: sessions
 *
 * A session is the security of one UE in one role: its contexts, keys and COUNTs. It begins without any context
 * and refuses every protected message until an authentication and a security mode procedure gave it one.
 *
 * Errors of every function with a session, beside those it names: NULL, HANDLE (unknown or released), POISONED;
 * through a sidecar also DISCONNECTED, and HANDLE for a session of another client.
 */

/** Role: sends downlink, receives uplink. */
#define NASLANE_ROLE_AMF 0

/** Role: sends uplink, receives downlink. For simulators, load generators and tests. */
#define NASLANE_ROLE_UE 1

/** Flag of naslane_authenticated(): unauthenticated emergency session, the only one that may use NIA0. */
#define NASLANE_EMERGENCY 1

/** Deregistration by switch-off: only the current native context is kept. */
#define NASLANE_DEREGISTER_SWITCH_OFF 0

/** Deregistration of another kind: native contexts are kept. */
#define NASLANE_DEREGISTER_KEEP 1

/** Subscription withdrawn or registration rejected: everything is wiped. */
#define NASLANE_DEREGISTER_REMOVE 2

/** N2 procedure that installs keys at the NG-RAN: path switch, handover inside the AMF, initial context setup. */
#define NASLANE_KEY_CHANGE_N2 1

/** Handover to another AMF or system: until it fails or is cancelled, nothing is sent. */
#define NASLANE_KEY_CHANGE_INTER_AMF 2

/**
 * A new session without any context.
 *
 * Errors: ARGUMENT (role), TABLE_FULL, NULL; through a sidecar QUOTA, ROLE (it has no UE half), DISCONNECTED.
 */
int32_t naslane_establish(const naslane_engine *engine,
                          uint8_t role,
                          uint64_t *session);

/** Ends a session, a poisoned one too: its keys are wiped, its handle is stale. */
int32_t naslane_release(const naslane_engine *engine, uint64_t session);

/**
 * Primary authentication succeeded: K_AMF, ngKSI and the UE's capability become a partial native context, which a
 * security mode command takes into use (TS 33.501 6.1.3).
 *
 * ng_ksi is 0 to 6, see naslane_next_ng_ksi(). ue_sec_cap is the value of the UE security capability as the
 * UE sent it, 2 to 8 octets; it is replayed octet for octet. flags is 0 or NASLANE_EMERGENCY.
 *
 * Errors: NG_KSI (not 0 to 6, or in use), MALFORMED_IE (capability), CONFLICT (a key-changing procedure runs),
 * KEY_REUSED, SIDE_FULL, ARGUMENT (flags).
 */
int32_t naslane_authenticated(const naslane_engine *engine,
                              uint64_t session,
                              const uint8_t k_amf[32],
                              uint8_t ng_ksi,
                              const uint8_t *ue_sec_cap,
                              size_t ue_sec_cap_len,
                              uint8_t flags);

/**
 * A native ngKSI, 0 to 6, that is neither in use nor cited by the UE (0 to 7; 7: none), for the next
 * authentication.
 *
 * Errors: NG_KSI (cited above 15, or none is free).
 */
int32_t naslane_next_ng_ksi(const naslane_engine *engine,
                            uint64_t session,
                            uint8_t cited,
                            uint8_t *ng_ksi);

/**
 * The NAS signalling connection of access was released: secure exchange ends there, contexts and COUNTs stay. A
 * security mode procedure on it ends.
 *
 * Errors: BEARER.
 */
int32_t naslane_connection_released(const naslane_engine *engine,
                                    uint64_t session,
                                    uint8_t access);

/**
 * The UE left (TS 33.501 6.8.1.1); kind is NASLANE_DEREGISTER_... . The session stays until it is released.
 *
 * Errors: ARGUMENT.
 */
int32_t naslane_deregister(const naslane_engine *engine,
                           uint64_t session,
                           uint8_t kind);

/**
 * Begins a procedure that changes keys or moves the UE; no security mode command until it ends (TS 33.501 6.9.5).
 * kind is NASLANE_KEY_CHANGE_... .
 *
 * Errors: ARGUMENT, CONFLICT (one runs already).
 */
int32_t naslane_key_change_begin(const naslane_engine *engine,
                                 uint64_t session,
                                 uint8_t kind);

/**
 * Ends it.
 *
 * Errors: ARGUMENT, UNEXPECTED (it does not run).
 */
int32_t naslane_key_change_end(const naslane_engine *engine, uint64_t session, uint8_t kind);

/* ====================================================================== *
 * Level 1: messages
 *
 * A received message gives a verdict, not just success: an AMF acts on some messages that do not verify
 * (TS 24.501 4.4.4.3), and follow_up says how.
 *
 * Errors of every function with a session: as for sessions.
 */

/** Why something failed. */
typedef enum naslane_diagnosis {
    /** Nothing failed. */
    NASLANE_DIAGNOSIS_NONE = 0,
    /** The UE said cause 23: the replayed capability is not the one it sent. */
    NASLANE_DIAGNOSIS_CAPS_MISMATCH = 1,
    /** The UE said cause 24: it could not verify the command, or an algorithm is not acceptable to it. */
    NASLANE_DIAGNOSIS_KEY_OR_COUNT = 2,
    /** The selected algorithm is not in the UE's capability; nothing was sent. */
    NASLANE_DIAGNOSIS_ALG_NOT_IN_CAPS = 3,
    /** NIA0 outside an emergency session; nothing was sent. */
    NASLANE_DIAGNOSIS_NULL_INTEGRITY_FORBIDDEN = 4,
    /** No answer to the command and its retransmissions. */
    NASLANE_DIAGNOSIS_SMC_TIMEOUT = 5,
    /** Uplink messages after the procedure do not verify, and no trial explains it. */
    NASLANE_DIAGNOSIS_CONTEXT_SKEW = 6,
    /** The message verifies under the context used before. */
    NASLANE_DIAGNOSIS_OLD_CONTEXT_STILL_USED = 7,
    /** The message verifies with the BEARER of the other access. */
    NASLANE_DIAGNOSIS_WRONG_ACCESS = 8,
    /** The message verifies 256 or 512 COUNTs away. */
    NASLANE_DIAGNOSIS_COUNT_DESYNC = 9,
    /** The MAC verifies, the content is garbage. */
    NASLANE_DIAGNOSIS_CIPHER_SKEW = 10,
    /** The message was accepted before: COUNTs were reset at one side, or somebody replays. */
    NASLANE_DIAGNOSIS_COUNT_RESET_AT_ONE_SIDE = 11,
    /** Plain or not ciphered where ciphering is in force. */
    NASLANE_DIAGNOSIS_UNPROTECTED_AFTER_SECURE = 12,
    /** No uplink message after SECURITY MODE COMPLETE. */
    NASLANE_DIAGNOSIS_STALL_AFTER_COMPLETE = 13,
    /** A downlink message after SECURITY MODE COMPLETE was not ciphered. */
    NASLANE_DIAGNOSIS_DL_CIPHER_NOT_STARTED = 14,
    /** The NAS message container holds another message than the procedure's. */
    NASLANE_DIAGNOSIS_CONTAINER_MISMATCH = 15,
    /** The NAS message container is missing although it was asked for. */
    NASLANE_DIAGNOSIS_CONTAINER_MISSING = 16,
    /** A security mode command before authentication is finished. */
    NASLANE_DIAGNOSIS_OUT_OF_ORDER = 17,
    /** SECURITY MODE COMPLETE without a command. */
    NASLANE_DIAGNOSIS_UNEXPECTED_COMPLETE = 18,
    /** The ngKSI of the command is not that of the last authentication. */
    NASLANE_DIAGNOSIS_NGKSI_MISMATCH = 19,
    /** The command was sent many times without a good answer. */
    NASLANE_DIAGNOSIS_SMC_LOOP = 20,
    /** Two contexts alternate for one UE. */
    NASLANE_DIAGNOSIS_CONTEXT_PINGPONG = 21,
    /** SERVICE REQUESTs of this UE do not verify. */
    NASLANE_DIAGNOSIS_SERVICE_UNVERIFIED = 22,
    /** Downlink COUNT runs ahead without uplink messages. */
    NASLANE_DIAGNOSIS_RETRANSMISSION_STORM = 23,
    /** COUNT passed a warning threshold. */
    NASLANE_DIAGNOSIS_COUNT_NEAR_WRAP = 24,
    /** COUNT is used up. */
    NASLANE_DIAGNOSIS_COUNT_EXHAUSTED = 25,
    /** A procedure collided with this one (TS 24.501 5.4.2.7). */
    NASLANE_DIAGNOSIS_COLLISION = 26,
} naslane_diagnosis;

/** Octets that protection adds in front of the plain message. */
#define NASLANE_OVERHEAD 7

/** near_wrap: far from the end of COUNT. */
#define NASLANE_WRAP_NO 0

/** near_wrap: plan a new authentication. */
#define NASLANE_WRAP_WARNING 1

/** near_wrap: authenticate now. */
#define NASLANE_WRAP_URGENT 2

/** follow_up: nothing special; the message belongs to a procedure that runs without integrity. */
#define NASLANE_FOLLOW_UP_NONE 0

/** follow_up: authenticate, then send a SECURITY MODE COMMAND that asks for the whole message (RINMR). */
#define NASLANE_FOLLOW_UP_AUTHENTICATE 1

/** follow_up: with an EPS NAS message container that the MME verified a mapped context; else authenticate. */
#define NASLANE_FOLLOW_UP_MAPPED_OR_AUTHENTICATE 2

/** follow_up: emergency registration; authentication may be skipped. */
#define NASLANE_FOLLOW_UP_EMERGENCY 3

/** follow_up: de-registration; authenticate, or ignore when that is impossible. */
#define NASLANE_FOLLOW_UP_AUTHENTICATE_OR_IGNORE 4

/** follow_up: SERVICE REJECT with cause 9, plain; state and context stay. */
#define NASLANE_FOLLOW_UP_SERVICE_REJECT 5

/** follow_up: discard and count; nothing changes. */
#define NASLANE_FOLLOW_UP_DISCARD 6

/** event: no security mode procedure ended. */
#define NASLANE_EVENT_NONE 0

/** event: SECURITY MODE COMPLETE; the context is in use. Stop T3560. */
#define NASLANE_EVENT_COMPLETED 1

/** event: SECURITY MODE REJECT, cause says why; what was used before is in force. Stop T3560. */
#define NASLANE_EVENT_REJECTED 2

/** event: an initial message of the UE goes first (TS 24.501 5.4.2.7). Stop T3560. */
#define NASLANE_EVENT_COLLISION 3

/** event: no answer to the command and its retransmissions. */
#define NASLANE_EVENT_TIMED_OUT 4

/** event: the AMF gave up. */
#define NASLANE_EVENT_ABORTED 5

/** event: lower layers failed. */
#define NASLANE_EVENT_LOWER_LAYER_FAILURE 6

/**
 * event: SECURITY MODE COMPLETE and the context is in use, but smc_status says what is wrong with the content:
 * reject the procedure that caused the command.
 */
#define NASLANE_EVENT_COMPLETED_BADLY 7

/** Flag of a result: secure exchange of NAS messages is established on this access. */
#define NASLANE_FLAG_SECURED 1

/** A message that was written. */
typedef struct naslane_sent {
    /** Octets of the PDU. */
    size_t len;
    /** Its COUNT; 0 for a plain one. */
    uint32_t count;
    /** Its security header type; 0: plain. */
    uint8_t sht;
    /** NASLANE_WRAP_... . */
    uint8_t near_wrap;
    /** A naslane_diagnosis: NASLANE_DIAGNOSIS_SMC_LOOP after too many commands without an answer. */
    uint8_t diagnosis;
    /** 5GMM cause of a SECURITY MODE REJECT that a UE half wrote; else 0. */
    uint8_t cause;
} naslane_sent;

/**
 * What became of a received message. All offsets are into the plain message; a length of 0 says that there is no
 * such part.
 */
typedef struct naslane_received {
    /** What the call returned. */
    int32_t status;
    /** COUNT under which the MAC verified, also for REPLAY; else 0. */
    uint32_t count;
    /** Octets of the plain message in the output; 0 unless status is OK. */
    size_t len;
    /**
     * The value of the NAS message container. Still ciphered, unless event is COMPLETED: see
     * naslane_decipher_container().
     */
    size_t container_offset;
    /** Its octets. */
    size_t container_len;
    /** The value of the IMEISV, or another PEI, in a SECURITY MODE COMPLETE. */
    size_t pei_offset;
    /** Its octets. */
    size_t pei_len;
    /** What is wrong with the content of a SECURITY MODE COMPLETE that verified: a naslane_status. */
    int32_t smc_status;
    /** Type of the inner message, where it can be read; else 0. */
    uint8_t message_type;
    /** Security header type, where it can be read; else 0. */
    uint8_t sht;
    /** NASLANE_FOLLOW_UP_... . */
    uint8_t follow_up;
    /** NASLANE_EVENT_...: how the message ended a security mode procedure. */
    uint8_t event;
    /** 5GMM cause of a SECURITY MODE REJECT; else 0. */
    uint8_t cause;
    /** The likely cause of a failure, as far as the message alone tells: a naslane_diagnosis. */
    uint8_t diagnosis;
    /** NASLANE_WRAP_... . */
    uint8_t near_wrap;
    /** NASLANE_FLAG_... bits. */
    uint8_t flags;
    /** 0. */
    uint8_t reserved[4];
} naslane_received;

/**
 * Protects a plain message as the state of the access demands, and takes its COUNT. The PDU, len +
 * NASLANE_OVERHEAD octets, goes to out, which may be plain.
 *
 * Errors: BEARER, BUFFER_TOO_SMALL, OVERLAP, SHORT and DISCRIMINATOR (not a plain 5GMM message), HEADER_MISMATCH
 * (SECURITY MODE COMMAND and COMPLETE have their own functions), NO_CONTEXT, NOT_SECURED, CONFLICT,
 * COUNT_EXHAUSTED.
 */
int32_t naslane_protect(const naslane_engine *engine,
                        uint64_t session,
                        uint8_t access,
                        const uint8_t *plain,
                        size_t len,
                        uint8_t *out,
                        size_t capacity,
                        naslane_sent *sent);

/**
 * Verifies a whole PDU as it came from NGAP and commits its COUNT; the plain message, NASLANE_OVERHEAD octets
 * shorter, goes to out, which may be pdu. While a security mode command is unanswered this takes the answer
 * too, see event. received is written whatever the verdict is, unless an argument is wrong; out is not
 * written to unless the MAC verifies.
 *
 * A message that fails changes nothing. Of header types 1 and 3 the inner octets are readable in pdu itself.
 *
 * Errors: PLAIN_ALLOWED (plain and may be acted on: it is its own content), PLAIN_REFUSED, SHORT, HEADER_TYPE,
 * NO_CONTEXT, MAC, REPLAY, COUNT_EXHAUSTED, CIPHER_SKEW, NESTED, HEADER_MISMATCH, UNCIPHERED, DISCRIMINATOR,
 * MALFORMED_IE; BEARER, BUFFER_TOO_SMALL, OVERLAP.
 */
int32_t naslane_verify(const naslane_engine *engine,
                       uint64_t session,
                       uint8_t access,
                       const uint8_t *pdu,
                       size_t len,
                       uint8_t *out,
                       size_t capacity,
                       naslane_received *received);

/**
 * As naslane_verify() without a commit: nothing changes, the same message verifies again. For finding the UE of a
 * GUTI, or a second decoder. out must be apart from pdu.
 *
 * Errors: as for naslane_verify().
 */
int32_t naslane_verify_only(const naslane_engine *engine,
                            uint64_t session,
                            uint8_t access,
                            const uint8_t *pdu,
                            size_t len,
                            uint8_t *out,
                            size_t capacity,
                            naslane_received *received);

/**
 * Deciphers, in place, the NAS message container of the initial message that was verified last on access, under
 * count, its COUNT (TS 24.501 4.4.6). message is its plain content. Good for one message once. The container in
 * a SECURITY MODE COMPLETE is not ciphered on its own.
 *
 * Errors: CONTAINER_UNVERIFIED (not the message verified last), CONTAINER_MISSING, CONTAINER_MISMATCH (not a
 * message of the same procedure: ask for the whole one with RINMR; the message is as before), MALFORMED_IE, BEARER,
 * OVERLAP.
 */
int32_t naslane_decipher_container(const naslane_engine *engine,
                                   uint64_t session,
                                   uint8_t access,
                                   uint32_t count,
                                   uint8_t *message,
                                   size_t len,
                                   size_t *container_offset,
                                   size_t *container_len,
                                   uint8_t *message_type);

/**
 * Why a PDU does not verify: tries what an engineer tries by hand (other contexts, the other access, COUNT 256
 * away), up to 20 MACs, and changes nothing. For failures that somebody looks at.
 *
 * Errors: BEARER.
 */
int32_t naslane_diagnose(const naslane_engine *engine,
                         uint64_t session,
                         uint8_t access,
                         const uint8_t *pdu,
                         size_t len,
                         uint8_t *diagnosis);

/* ====================================================================== *
 * Level 1: the security mode procedure
 *
 * The AMF sends naslane_smc_command() and starts T3560. The answer comes through naslane_verify(), whose event says
 * how the procedure ended; naslane_smc_resend() when T3560 expires. The timer is the caller's.
 *
 * Errors of every function with a session: as for sessions, and ROLE (a UE half).
 */

/** Octets that a SECURITY MODE COMMAND takes at most as a PDU, without an EAP message and an AUN3 key. */
#define NASLANE_SMC_ROOM 400

/** target: the partial context of the latest authentication; COUNTs start at 0. */
#define NASLANE_TARGET_PARTIAL 0

/** target: the current context as it is: for the second access, a fresh uplink COUNT, EPS algorithms. */
#define NASLANE_TARGET_CURRENT 1

/** target: the current K_AMF with other algorithms; COUNTs go on. */
#define NASLANE_TARGET_NEW_ALGORITHMS 2

/** target: the full native non-current context; its COUNTs go on. */
#define NASLANE_TARGET_NON_CURRENT 3

/** target: K_AMF' derived here from the current K_AMF and ul_count (HDP). */
#define NASLANE_TARGET_HORIZONTAL 4

/** target: K_AMF' in k_amf that the source AMF derived (HDP). */
#define NASLANE_TARGET_HORIZONTAL_RECEIVED 5

/** target: K_AMF' in k_amf that was mapped from EPS. */
#define NASLANE_TARGET_MAPPED 6

/** Flag of a request: ask for the IMEISV. */
#define NASLANE_SMC_IMEISV 1

/** Flag of a request: ask for the whole initial message (RINMR). */
#define NASLANE_SMC_RINMR 2

/** Flag of a request: eps_algorithms is set. */
#define NASLANE_SMC_EPS 4

/** An algorithm or ngKSI in a request: chosen by the engine, not checked. */
#define NASLANE_ANY 255

/** Why a command is sent again: T3560 expired. Counts; when the retransmissions are used up the procedure ends. */
#define NASLANE_RESEND_T3560 0

/** Why a command is sent again: a handover kept lower layers from delivering it. Does not count. */
#define NASLANE_RESEND_NON_DELIVERED 1

/** Why a procedure ends without an answer: the AMF gives up. */
#define NASLANE_ABORT 0

/** Why a procedure ends without an answer: lower layers failed. */
#define NASLANE_ABORT_LOWER_LAYER 1

/** Why a procedure ends without an answer: the AMF acts on an initial message that came without valid integrity. */
#define NASLANE_ABORT_COLLISION 2

/**
 * A SECURITY MODE COMMAND to be. Fill it with naslane_smc_request_init(), then change what differs. NULL with
 * length 0: without that element.
 */
typedef struct naslane_smc_request {
    /** Octets of this structure. */
    size_t size;
    /** 1 = 3GPP (default), 2 = non-3GPP access. */
    uint8_t access;
    /** NASLANE_TARGET_...: the context it takes into use; default PARTIAL. */
    uint8_t target;
    /** Ciphering algorithm, 0 to 3; NASLANE_ANY (default) in both: by the operator's lists. */
    uint8_t nea;
    /** Integrity algorithm. */
    uint8_t nia;
    /** The ngKSI that the caller believes to take into use; NASLANE_ANY (default): not checked. */
    uint8_t ng_ksi;
    /**
     * Type of the initial message whose procedure is going on (0x41 REGISTRATION REQUEST, ...): the only one that
     * the NAS message container of the answer may hold. 0 (default): none.
     */
    uint8_t ongoing;
    /** NASLANE_SMC_... bits; default 0. */
    uint8_t flags;
    /** Selected EPS NAS security algorithms: bits 7 to 5 ciphering, 3 to 1 integrity. */
    uint8_t eps_algorithms;
    /** TARGET_HORIZONTAL: uplink COUNT of the verified REGISTRATION REQUEST. */
    uint32_t ul_count;
    /** TARGET_HORIZONTAL_RECEIVED and TARGET_MAPPED: ngKSI of k_amf, bit 4 set for a mapped one. */
    uint8_t k_amf_ng_ksi;
    /** 0. */
    uint8_t reserved[3];
    /** TARGET_HORIZONTAL_RECEIVED and TARGET_MAPPED: 32 octets. */
    const uint8_t *k_amf;
    /** UE security capability when a verified message brought another one than the context's, 2 to 8 octets. */
    const uint8_t *ue_sec_cap;
    /** Its octets. */
    size_t ue_sec_cap_len;
    /** Replayed S1 UE security capability, 2 to 5 octets. */
    const uint8_t *s1_sec_cap;
    /** Its octets. */
    size_t s1_sec_cap_len;
    /** EAP-Success; with it goes abba. */
    const uint8_t *eap_success;
    /** Its octets. */
    size_t eap_success_len;
    /** ABBA. */
    const uint8_t *abba;
    /** Its octets. */
    size_t abba_len;
    /** AUN3 device security key. */
    const uint8_t *aun3_key;
    /** Its octets. */
    size_t aun3_key_len;
} naslane_smc_request;

/**
 * Fills a request with the defaults.
 *
 * Errors: NULL.
 */
int32_t naslane_smc_request_init(naslane_smc_request *request);

/**
 * Sends a SECURITY MODE COMMAND (TS 24.501 5.4.2.2): chooses the algorithms, derives the keys, writes the PDU to
 * out. Start T3560. After an error nothing changed, but out may have been zeroed.
 *
 * Errors: ARGUMENT, BEARER, MALFORMED_IE, BUFFER_TOO_SMALL, TOO_LONG, OVERLAP, CONFLICT (a key-changing procedure
 * runs), OUT_OF_ORDER (no such context), NG_KSI, NO_COMMON_INTEGRITY, NO_COMMON_CIPHERING,
 * ALGORITHM_NOT_SUPPORTED, NULL_INTEGRITY, IE_COMBINATION, HORIZONTAL, KEY_REUSED, COUNT_EXHAUSTED, SIDE_FULL.
 */
int32_t naslane_smc_command(const naslane_engine *engine,
                            uint64_t session,
                            const naslane_smc_request *request,
                            uint8_t *out,
                            size_t capacity,
                            naslane_sent *sent);

/**
 * Sends the unanswered command again, under a fresh COUNT; why is NASLANE_RESEND_... . Restart T3560.
 *
 * Errors: TIMEOUT (the retransmissions are used up: the procedure has ended, what was used before is in force; this
 * is the one error after which something changed), UNEXPECTED (no command is unanswered), ARGUMENT,
 * BUFFER_TOO_SMALL, COUNT_EXHAUSTED, OVERLAP.
 */
int32_t naslane_smc_resend(const naslane_engine *engine,
                           uint64_t session,
                           uint8_t why,
                           uint8_t *out,
                           size_t capacity,
                           naslane_sent *sent);

/**
 * As naslane_verify() for an AMF that knows it holds a SECURITY MODE COMPLETE: anything but security header type 4
 * is HEADER_TYPE and changes nothing.
 *
 * Errors: as for naslane_verify().
 */
int32_t naslane_smc_complete(const naslane_engine *engine,
                             uint64_t session,
                             uint8_t access,
                             const uint8_t *pdu,
                             size_t len,
                             uint8_t *out,
                             size_t capacity,
                             naslane_received *received);

/**
 * The AMF acts on a SECURITY MODE REJECT that came without valid integrity (verdict PLAIN_ALLOWED), as TS 24.501
 * 4.4.4.3 lets it before secure exchange is established: what was used before is in force. A protected one needs no
 * call but naslane_verify(). cause is its 5GMM cause.
 *
 * Errors: UNEXPECTED (no command is unanswered), PLAIN_REFUSED (secure exchange is established).
 */
int32_t naslane_smc_reject(const naslane_engine *engine,
                           uint64_t session,
                           uint8_t cause);

/**
 * Ends the procedure without an answer; why is NASLANE_ABORT... . What was used before is in force. Stop T3560.
 *
 * Errors: UNEXPECTED (no command is unanswered), ARGUMENT.
 */
int32_t naslane_smc_abort(const naslane_engine *engine,
                          uint64_t session,
                          uint8_t why);

/* ====================================================================== *
 * Level 1: keys for the access network
 *
 * Errors of every function with a session: as for sessions.
 */

/**
 * K_gNB for access 1, K_N3IWF and its siblings for access 2, from the uplink COUNT of the latest SECURITY MODE
 * COMPLETE or initial message (TS 33.501 A.9). Over 3GPP access it begins the NH chain anew, at NCC 1.
 *
 * Errors: BEARER, NO_CONTEXT (no such message was verified), OVERLAP.
 */
int32_t naslane_k_gnb(const naslane_engine *engine,
                      uint64_t session,
                      uint8_t access,
                      uint8_t k_gnb[32]);

/**
 * The next NH and its NCC (0 to 7) for a handover or path switch. Changes nothing: naslane_nh_commit() takes the
 * step once the message that asked for it was accepted.
 *
 * Errors: NO_CONTEXT (no chain: derive K_gNB first), OVERLAP.
 */
int32_t naslane_nh_prepare(const naslane_engine *engine,
                           uint64_t session,
                           uint8_t nh[32],
                           uint8_t *ncc);

/**
 * Takes the step to nh and ncc, which naslane_nh_prepare() gave.
 *
 * Errors: CONFLICT (the chain has moved since, or these are another UE's), NO_CONTEXT.
 */
int32_t naslane_nh_commit(const naslane_engine *engine,
                          uint64_t session,
                          const uint8_t nh[32],
                          uint8_t ncc);

/* ====================================================================== *
 * Level 1: handovers that take a context into use
 *
 * Other algorithms, a new K_AMF or a context mapped from EPS come into use at N2 handover without a security mode
 * command, by a NAS container in HANDOVER REQUEST (TS 33.501 6.9.2.3.3, 8.4). The AMF that the UE comes to calls
 * naslane_handover_prepare(), then naslane_handover_done() at HANDOVER NOTIFY, or naslane_handover_failed(). In
 * between no other procedure changes keys; messages go on under the context in use.
 *
 * A handover that changes neither key nor algorithms needs a container only from another AMF: see
 * naslane_key_change_begin() and naslane_nh_prepare().
 *
 * Errors of every function with a session: as for sessions, and ROLE.
 */

/**
 * takes: the current K_AMF (K_AMF_change_flag 0). COUNTs go on, the container takes one of the downlink's. Without
 * algorithms those in use stay.
 */
#define NASLANE_HANDOVER_CURRENT 0

/** takes: K_AMF' derived here from the next downlink COUNT (K_AMF_change_flag 1); COUNTs start at 0. */
#define NASLANE_HANDOVER_HORIZONTAL 1

/** takes: K_AMF' in k_amf that the source AMF derived from dl_count (K_AMF_change_flag 1); COUNTs start at 0. */
#define NASLANE_HANDOVER_HORIZONTAL_RECEIVED 2

/** takes: K_AMF' in k_amf that was mapped from EPS; COUNTs start at 0. */
#define NASLANE_HANDOVER_MAPPED 3

/** A handover to be. Fill it with naslane_handover_init(), then change what differs. */
typedef struct naslane_handover {
    /** Octets of this structure. */
    size_t size;
    /** NASLANE_HANDOVER_...; default CURRENT. */
    uint8_t takes;
    /** Ciphering algorithm, 0 to 3; NASLANE_ANY (default) in both: by the operator's lists, or those in use. */
    uint8_t nea;
    /** Integrity algorithm. */
    uint8_t nia;
    /** ngKSI of k_amf, bit 4 set for a mapped one. */
    uint8_t ng_ksi;
    /** HANDOVER_MAPPED: NCC of the NH that k_amf came from, 0 to 7. */
    uint8_t ncc;
    /** 0. */
    uint8_t reserved[3];
    /** HANDOVER_HORIZONTAL_RECEIVED: the downlink COUNT that k_amf came from. */
    uint32_t dl_count;
    /** 0. */
    uint32_t reserved2;
    /** HANDOVER_HORIZONTAL_RECEIVED and HANDOVER_MAPPED: 32 octets. */
    const uint8_t *k_amf;
    /** The UE security capability that came with k_amf, 2 to 8 octets; NULL: algorithms 0, 1 and 2 are assumed. */
    const uint8_t *ue_sec_cap;
    /** Its octets. */
    size_t ue_sec_cap_len;
} naslane_handover;

/** A container that was written. */
typedef struct naslane_container {
    /**
     * Its value: intra N1 mode NAS transparent container (TS 24.501 9.11.2.6) of 7 octets, or S1 mode to N1 mode NAS
     * transparent container (9.11.2.9) of 8.
     */
    uint8_t value[8];
    /** Octets of value. */
    uint8_t len;
    /** 1: K_AMF is new, and k_gnb was written. */
    uint8_t new_k_amf;
    /** NASLANE_WRAP_...: whether the COUNTs of the current context run out. */
    uint8_t near_wrap;
    /** Selected ciphering algorithm. */
    uint8_t nea;
    /** Selected integrity algorithm. */
    uint8_t nia;
    /** 0. */
    uint8_t reserved[3];
    /** The downlink COUNT whose low eight bits the container has; 0 for one from EPS. */
    uint32_t count;
} naslane_container;

/**
 * Fills a handover with the defaults.
 *
 * Errors: NULL.
 */
int32_t naslane_handover_init(naslane_handover *handover);

/**
 * Prepares a handover and writes its container. With a new K_AMF (container->new_k_amf 1) k_gnb takes the K_gNB that
 * goes to the target as NH with NCC 0; without one the target gets the next step of the NH chain, and k_gnb zeros.
 *
 * Errors: ARGUMENT, OVERLAP, CONFLICT (a key-changing procedure runs, or the second access waits for its security mode
 * command), NO_CONTEXT, NG_KSI, MALFORMED_IE (capability), HORIZONTAL (null integrity), NO_COMMON_INTEGRITY,
 * NO_COMMON_CIPHERING, ALGORITHM_NOT_SUPPORTED, NULL_INTEGRITY, KEY_REUSED, COUNT_EXHAUSTED, SIDE_FULL; UNSUPPORTED
 * through an older sidecar.
 */
int32_t naslane_handover_prepare(const naslane_engine *engine,
                                 uint64_t session,
                                 const naslane_handover *handover,
                                 naslane_container *container,
                                 uint8_t k_gnb[32]);

/**
 * The UE arrived (HANDOVER NOTIFY): the context that was prepared is current, secure exchange of NAS messages is
 * established over 3GPP access. With a new K_AMF the NH chain begins at the container's K_gNB.
 *
 * Errors: UNEXPECTED (none was prepared).
 */
int32_t naslane_handover_done(const naslane_engine *engine,
                              uint64_t session);

/**
 * The handover failed or was cancelled: what was prepared is wiped, the context in use stays.
 *
 * Errors: UNEXPECTED (none was prepared).
 */
int32_t naslane_handover_failed(const naslane_engine *engine, uint64_t session);

/**
 * The UE half obeys the container of a handover command: its context is current afterwards. new_k_amf is 1 when K_AMF
 * is new, and k_gnb takes the K_gNB of NCC 0 then, else zeros. From EPS container has 8 octets and k_amf is K_AMF'
 * from the NH with its NCC (bits 7 to 5 of octet 6), ue_sec_cap the UE's capability; within 5GS it has 7, and both are
 * NULL.
 *
 * Errors: MALFORMED_IE, MAC (nothing changed, the handover fails), NG_KSI (another context than the current one),
 * ALGORITHM_NOT_SUPPORTED, NULL_INTEGRITY, NO_COMMON_CIPHERING (less than what is in use), HORIZONTAL, NO_CONTEXT,
 * CONFLICT, COUNT_EXHAUSTED, KEY_REUSED, SIDE_FULL, OVERLAP; UNSUPPORTED through a sidecar.
 */
int32_t naslane_ue_handover(const naslane_engine *engine,
                            uint64_t session,
                            const uint8_t *container,
                            size_t len,
                            const uint8_t *k_amf,
                            const uint8_t *ue_sec_cap,
                            size_t ue_sec_cap_len,
                            uint8_t *new_k_amf,
                            uint8_t k_gnb[32]);

/* ====================================================================== *
 * Level 1: sessions that travel
 *
 * A record is a session as octets: for the context transfer to another AMF (TS 33.501 6.9.3) and for storage. It
 * holds K_AMF and is not encrypted: seal it, and wipe every copy. No K_AMF leaves a sidecar: through one, all of
 * this is UNSUPPORTED.
 */

/** Octets of the longest record. */
#define NASLANE_RECORD_MAX 1240

/** Extent: what another AMF needs, contexts with their COUNTs and the NH chain. */
#define NASLANE_RECORD_CONTEXTS 0

/** Extent: also the state of the NAS connections, for the same AMF after a restart. */
#define NASLANE_RECORD_CONNECTIONS 1

/**
 * Writes a session down. From then on the record counts: the session sends and accepts nothing (CONFLICT) until it
 * is released or naslane_export_cancel() takes it back. capacity is at least NASLANE_RECORD_MAX.
 *
 * Errors: CONFLICT (a key-changing procedure runs, or it was exported before), NO_CONTEXT (nothing to write),
 * BUFFER_TOO_SMALL, OVERLAP, ARGUMENT (extent), HANDLE, POISONED, NULL.
 */
int32_t naslane_export(const naslane_engine *engine,
                       uint64_t session,
                       uint8_t extent,
                       uint8_t *out,
                       size_t capacity,
                       size_t *len);

/**
 * The transfer failed and nobody took the record up: the session sends again. Cancelling although the record was
 * taken up uses COUNTs twice.
 *
 * Errors: UNEXPECTED (nothing was exported), HANDLE, POISONED, NULL.
 */
int32_t naslane_export_cancel(const naslane_engine *engine,
                              uint64_t session);

/**
 * Takes up a session from its record, under a new handle.
 *
 * Errors: RECORD (cut short, damaged, another version), KEY_REUSED (a session here holds the key, or held it at a
 * higher COUNT), TABLE_FULL, SIDE_FULL, OVERLAP, NULL.
 */
int32_t naslane_import(const naslane_engine *engine,
                       const uint8_t *record,
                       size_t len,
                       uint64_t *session);

/* ====================================================================== *
 * Level 1: the UE half
 *
 * For simulators, load generators and tests: what a UE does in the security mode procedure. Beyond that a session
 * of role UE protects and verifies like one of role AMF.
 *
 * Errors of every function: as for sessions, ROLE (an AMF half), and UNSUPPORTED through a sidecar, which has no UE
 * half.
 */

/** What a UE knows of itself. Fill it with naslane_ue_init(), then set what it has. NULL with length 0: nothing. */
typedef struct naslane_ue {
    /** Octets of this structure. */
    size_t size;
    /** The UE security capability that it sent last, 2 to 8 octets; also what it supports. */
    const uint8_t *ue_sec_cap;
    /** Its octets. */
    size_t ue_sec_cap_len;
    /** IMEISV as the value of a 5GS mobile identity, 9 octets; sent when it is asked for. */
    const uint8_t *imeisv;
    /** Its octets. */
    size_t imeisv_len;
    /** The whole initial message, for the NAS message container. */
    const uint8_t *whole_initial;
    /** Its octets. */
    size_t whole_initial_len;
    /** K_AMF' that it mapped from EPS, 32 octets. */
    const uint8_t *mapped_k_amf;
    /** K_AMF of its own for an emergency session without authentication, 32 octets: permits null algorithms. */
    const uint8_t *emergency_k_amf;
    /** ngKSI of mapped_k_amf, bit 4 set. */
    uint8_t mapped_ng_ksi;
    /** 0. */
    uint8_t reserved[7];
} naslane_ue;

/**
 * Fills what a UE knows of itself with nothing.
 *
 * Errors: NULL.
 */
int32_t naslane_ue_init(naslane_ue *ue);

/**
 * Answers a SECURITY MODE COMMAND (TS 24.501 5.4.2.3, 5.4.2.5). OK: the answer lies in out, SECURITY MODE COMPLETE
 * with the context in use when sent->cause is 0, else SECURITY MODE REJECT with that cause and nothing changed. out
 * is apart from pdu and has room for the longer of command and answer.
 *
 * Errors: HEADER_TYPE, REPLAY and the like: no answer, discard the command; ARGUMENT (the container is asked for and
 * whole_initial is not there), BEARER, MALFORMED_IE (capability), BUFFER_TOO_SMALL, OVERLAP, COUNT_EXHAUSTED,
 * SIDE_FULL.
 */
int32_t naslane_ue_answer(const naslane_engine *engine,
                          uint64_t session,
                          uint8_t access,
                          const naslane_ue *ue,
                          const uint8_t *pdu,
                          size_t len,
                          uint8_t *out,
                          size_t capacity,
                          naslane_sent *sent);

/**
 * Sends an initial message (TS 24.501 4.4.6): protected with the current context, plain without one. message holds
 * cleartext elements and, with a context, the NAS message container, whose value lies at container_offset and
 * will be ciphered; container_len 0: none. out is apart from message.
 *
 * Errors: BEARER, ARGUMENT (elements in the open that must not be), OUT_OF_RANGE, those of the message's decoder,
 * BUFFER_TOO_SMALL, OVERLAP, COUNT_EXHAUSTED.
 */
int32_t naslane_ue_initial(const naslane_engine *engine,
                           uint64_t session,
                           uint8_t access,
                           const uint8_t *message,
                           size_t len,
                           size_t container_offset,
                           size_t container_len,
                           uint8_t *out,
                           size_t capacity,
                           naslane_sent *sent);

/* ====================================================================== *
 * Level 1: network slice-specific authentication
 *
 * The AMF's part of TS 23.502 4.2.9 for one UE. Tell what happens, then call naslane_nssaa_poll() until it says that
 * nothing is to be done: messages to the UE come protected, each with a COUNT of its own, questions to the NSSAAF as
 * the EAP message to send (Nnssaaf_NSSAA, TS 29.526). Timers are the caller's.
 *
 *     naslane_nssaa_start()        what the subscription says of slices; again when it changes
 *     naslane_nssaa_register()     a REGISTRATION REQUEST: the elements of the REGISTRATION ACCEPT
 *     naslane_nssaa_access()       REGISTERED once it is complete: runs begin
 *     naslane_nssaa_uplink()       in place of naslane_verify(): takes the UE's answers
 *     naslane_nssaa_answer()       what the NSSAAF answered
 *
 * Errors of every function with a session: as for sessions, ROLE (the other half), OUT_OF_ORDER (before
 * naslane_nssaa_start()). Through a sidecar these functions do the same; its UEs are this client's own, and so are
 * their settings.
 */

/** Octets that naslane_nssaa_poll() and the UE half need for their output. */
#define NASLANE_NSSAA_ROOM 1517

/** Flag of a slice: mapped is set. */
#define NASLANE_SLICE_MAPPED 1

/** Flag of a subscribed slice: it is subject to network slice-specific authentication. */
#define NASLANE_SLICE_NSSAA 2

/** Flag of a subscribed slice: it is a default one. */
#define NASLANE_SLICE_DEFAULT 4

/** Flag of a registration: the UE supports network slice-specific authentication. */
#define NASLANE_UE_NSSAA 1

/** Flag of a registration: the UE supports the Extended rejected NSSAI. */
#define NASLANE_UE_EXTENDED_REJECTED 2

/** Status of a slice: absent. */
#define NASLANE_NSSAA_ABSENT 0

/** Status of a slice: a run is due or under way. */
#define NASLANE_NSSAA_PENDING 1

/** Status of a slice: authenticated. */
#define NASLANE_NSSAA_EAP_SUCCESS 2

/** Status of a slice: refused. */
#define NASLANE_NSSAA_EAP_FAILURE 3

/** The operator's settings. Fill them with naslane_nssaa_settings_init(), then change what differs. */
typedef struct naslane_nssaa_settings {
    /** Octets of this structure. */
    size_t size;
    /** T3575 in seconds; default 15. */
    uint32_t t3575_seconds;
    /** Seconds before an AAA server that did not answer is asked again; default 30. */
    uint32_t retry_seconds;
    /** Retransmissions of a COMMAND, 0 to 16; default 4. */
    uint8_t retransmissions;
    /** How often an AAA server is asked again before the slice waits for the next registration; default 20. */
    uint8_t retries;
    /** 1: a success on one access does not count on the other; default 0. */
    uint8_t run_after_success;
    /** 1: a failure on one access does not count on the other; default 0. */
    uint8_t run_after_failure;
    /** The access for a run when both are connected: 1 (default) or 2. */
    uint8_t prefer_access;
    /** 1 (default): ask for a network triggered service request when the UE is CM-IDLE on 3GPP access. */
    uint8_t page;
    /** 1 (default): an allowed slice stays allowed while policy or subscription demand a run. */
    uint8_t keep_allowed;
    /** 1: CONFIGURATION UPDATE COMMAND asks the UE to register again; default 0. */
    uint8_t register_again;
} naslane_nssaa_settings;

/** An S-NSSAI. */
typedef struct naslane_s_nssai {
    /** Slice/service type. */
    uint8_t sst;
    /** 1: sd is set; else 0. */
    uint8_t has_sd;
    /** Slice differentiator; FFFFFF is none. */
    uint8_t sd[3];
    /** 0. */
    uint8_t reserved[3];
} naslane_s_nssai;

/** An S-NSSAI of the serving PLMN, and the one of the HPLMN that it stands for when the UE roams. */
typedef struct naslane_slice {
    /** In the serving PLMN. */
    naslane_s_nssai s_nssai;
    /** In the HPLMN, with NASLANE_SLICE_MAPPED. */
    naslane_s_nssai mapped;
    /** NASLANE_SLICE_... bits. */
    uint8_t flags;
    /** 0. */
    uint8_t reserved[7];
} naslane_slice;

/** What a REGISTRATION ACCEPT says of slices. */
typedef struct naslane_nssaa_admission {
    /** Octets of the elements. */
    size_t len;
    /** Entries of the Allowed NSSAI. */
    uint8_t allowed;
    /** Entries of the Pending NSSAI. */
    uint8_t pending;
    /**
     * Entries of the Rejected or Extended rejected NSSAI. With nothing allowed or pending: REGISTRATION REJECT,
     * cause 62.
     */
    uint8_t rejected;
    /** Set in the 5GS registration result: "NSSAA to be performed", 0x10 or 0. */
    uint8_t registration_result;
    /** 0. */
    uint8_t reserved[4];
} naslane_nssaa_admission;

/**
 * Fills settings with the defaults.
 *
 * Errors: NULL.
 */
int32_t naslane_nssaa_settings_init(naslane_nssaa_settings *settings);

/**
 * Changes the settings for every UE of the engine, from the next call on; through a sidecar for every UE of this
 * client.
 *
 * Errors: NULL, ARGUMENT, BEARER; UNSUPPORTED by a sidecar that is too old.
 */
int32_t naslane_nssaa_configure(const naslane_engine *engine,
                                const naslane_nssaa_settings *settings);

/**
 * Tells what the subscription of the UE says of slices: the first time, or after a change. gpsi is what the NSSAAF is
 * told, "msisdn-..." or "extid-...", at most 272 octets of UTF-8; with several any of them. slices: the Subscribed
 * S-NSSAIs, at most 16.
 *
 * Errors: GPSI (a slice needs one), TOO_LONG, ARGUMENT (a field outside its domain, a slice twice), NULL.
 */
int32_t naslane_nssaa_start(const naslane_engine *engine,
                            uint64_t session,
                            const uint8_t *gpsi,
                            size_t gpsi_len,
                            const naslane_slice *slices,
                            size_t count);

/**
 * A REGISTRATION REQUEST is accepted for these slices, at most 8 (the Requested NSSAI, less what the AMF rejects for
 * other reasons): writes the elements of the REGISTRATION ACCEPT, Allowed, Rejected, Pending and Extended rejected
 * NSSAI. flags: NASLANE_UE_... bits. 256 octets are enough for the output. When it is too small the registration
 * counts all the same; call again.
 *
 * Errors: SLICE (none of the subscription), TOO_LONG, ARGUMENT, BEARER, BUFFER_TOO_SMALL, OVERLAP, NULL.
 */
int32_t naslane_nssaa_register(const naslane_engine *engine,
                               uint64_t session,
                               uint8_t access,
                               uint8_t flags,
                               const naslane_slice *slices,
                               size_t count,
                               uint8_t *out,
                               size_t capacity,
                               naslane_nssaa_admission *admission);

/* ====================================================================== *
 * Level 1: runs of network slice-specific authentication
 *
 * What happens while the slices of a UE are authenticated.
 */

/** change: RM-DEREGISTERED on this access. */
#define NASLANE_ACCESS_DEREGISTERED 0

/** change: CM-IDLE. */
#define NASLANE_ACCESS_IDLE 1

/** change: CM-CONNECTED, secure exchange established. */
#define NASLANE_ACCESS_CONNECTED 2

/** change: the registration is complete, secure exchange established. */
#define NASLANE_ACCESS_REGISTERED 3

/** change: the network triggered service request did not reach the UE. */
#define NASLANE_ACCESS_UNREACHABLE 4

/** change: the UE sent something that verified. */
#define NASLANE_ACCESS_UPLINK 5

/** change: the CONFIGURATION UPDATE COMMAND got lost (T3555). */
#define NASLANE_ACCESS_UPDATE_LOST 6

/** timer: T3575 expired. */
#define NASLANE_TIMER_T3575 0

/** timer: the wait for an AAA server that did not answer is over. */
#define NASLANE_TIMER_RETRY 1

/**
 * timer: both are lost, and the question to the NSSAAF too, with the process that had them: a run under way begins
 * anew. For an AMF that comes back to a sidecar which kept its sessions.
 */
#define NASLANE_TIMER_LOST 2

/** notice: the AAA server asks for a re-authentication. */
#define NASLANE_NOTICE_REAUTHENTICATION 0

/** notice: the AAA server revokes its authorisation. */
#define NASLANE_NOTICE_REVOCATION 1

/** notice: the operator's policy asks for a new run. */
#define NASLANE_NOTICE_POLICY 2

/** notice: slice admission control refuses the slice on access. */
#define NASLANE_NOTICE_ADMISSION_REFUSED 3

/** notice: slice admission control has room again on access. */
#define NASLANE_NOTICE_ADMISSION_FREE 4

/** answer: another round; the EAP-Request. */
#define NASLANE_ANSWER_CONTINUE 0

/** answer: authResult EAP_SUCCESS; the EAP-Success. */
#define NASLANE_ANSWER_SUCCESS 1

/** answer: authResult EAP_FAILURE; the EAP-Failure. */
#define NASLANE_ANSWER_FAILURE 2

/** answer: 403, or 404 USER_NOT_FOUND; no EAP message. */
#define NASLANE_ANSWER_REFUSED 3

/** answer: 404 CONTEXT_NOT_FOUND; no EAP message. The run begins anew. */
#define NASLANE_ANSWER_CONTEXT_LOST 4

/** answer: 504 or no answer; no EAP message. The slice stays pending and is tried again. */
#define NASLANE_ANSWER_UNREACHABLE 5

/** kind: nothing is to be done. */
#define NASLANE_NSSAA_NOTHING 0

/** kind: send the PDU, a COMMAND. */
#define NASLANE_NSSAA_COMMAND 1

/** kind: send the PDU, a RESULT. */
#define NASLANE_NSSAA_RESULT 2

/** kind: send the PDU, a CONFIGURATION UPDATE COMMAND with the new lists; start T3555. */
#define NASLANE_NSSAA_UPDATE 3

/** kind: send the PDU, a DEREGISTRATION REQUEST with cause 62; start T3522. */
#define NASLANE_NSSAA_DEREGISTRATION 4

/** kind: POST to the NSSAAF: a new run, with the EAP message. */
#define NASLANE_NSSAA_ASK 5

/** kind: PUT to the NSSAAF: the next EAP message of the run. */
#define NASLANE_NSSAA_ASK_ON 6

/** kind: start T3575. */
#define NASLANE_NSSAA_START_T3575 7

/** kind: stop T3575. */
#define NASLANE_NSSAA_STOP_T3575 8

/** kind: start the timer of NASLANE_TIMER_RETRY. */
#define NASLANE_NSSAA_START_RETRY 9

/** kind: stop it. */
#define NASLANE_NSSAA_STOP_RETRY 10

/** kind: release the PDU sessions of the slice. */
#define NASLANE_NSSAA_RELEASE_SESSIONS 11

/** kind: bring the UE to CM-CONNECTED by a network triggered service request. */
#define NASLANE_NSSAA_REACH 12

/** procedure: the message was none of the procedure's. */
#define NASLANE_NSSAA_OTHER -1

/** What is to be done. */
typedef struct naslane_nssaa_action {
    /** Octets of the PDU or EAP message in the output. */
    size_t len;
    /** ASK: to be told with the answer. */
    uint32_t transaction;
    /** START: of the timer. */
    uint32_t seconds;
    /** NASLANE_NSSAA_... . */
    uint8_t kind;
    /** Messages and REACH: the access. */
    uint8_t access;
    /** 0. */
    uint8_t reserved[6];
    /** COMMAND, RESULT, ASK: the slice of the HPLMN; RELEASE_SESSIONS: the slice, with mapped when roaming. */
    naslane_slice slice;
} naslane_nssaa_action;

/**
 * An access changed; change is NASLANE_ACCESS_... . naslane_connection_released() tells IDLE by itself,
 * naslane_deregister() DEREGISTERED on both.
 *
 * Errors: BEARER, ARGUMENT.
 */
int32_t naslane_nssaa_access(const naslane_engine *engine,
                             uint64_t session,
                             uint8_t access,
                             uint8_t change);

/**
 * A timer expired; timer is NASLANE_TIMER_... .
 *
 * Errors: UNEXPECTED (it does not run), ARGUMENT.
 */
int32_t naslane_nssaa_timer(const naslane_engine *engine, uint64_t session, uint8_t timer);

/**
 * A notification of the AAA server, of the operator's policy or of slice admission control about a slice of the HPLMN;
 * notice is NASLANE_NOTICE_..., access counts for the last kind only, and is 0 else. A slice that is not known is
 * no error.
 *
 * Errors: ARGUMENT, BEARER, NULL.
 */
int32_t naslane_nssaa_notice(const naslane_engine *engine,
                             uint64_t session,
                             uint8_t notice,
                             uint8_t access,
                             const naslane_s_nssai *s_nssai);

/**
 * As naslane_verify_only(), with a commit, and what verified goes to the procedure: NETWORK SLICE-SPECIFIC
 * AUTHENTICATION COMPLETE, CONFIGURATION UPDATE COMPLETE, DEREGISTRATION ACCEPT, and that the UE is there. procedure
 * says whether one of these was taken: NASLANE_OK, NASLANE_NSSAA_OTHER, or SLICE (not the slice of the COMMAND),
 * UNEXPECTED (no COMMAND is unanswered), MALFORMED_IE; after those nothing changed but the COUNT.
 *
 * Errors: as for naslane_verify(); out must be apart from pdu.
 */
int32_t naslane_nssaa_uplink(const naslane_engine *engine,
                             uint64_t session,
                             uint8_t access,
                             const uint8_t *pdu,
                             size_t len,
                             uint8_t *out,
                             size_t capacity,
                             naslane_received *received,
                             int32_t *procedure);

/**
 * What is to be done now; call again until kind is NASLANE_NSSAA_NOTHING. The PDU or EAP message lies in out, whose
 * capacity is at least NASLANE_NSSAA_ROOM.
 *
 * Errors: BUFFER_TOO_SMALL, OVERLAP; for a message to the UE those of naslane_protect(): NOT_SECURED, NO_CONTEXT (the
 * connection is gone: tell naslane_nssaa_access()), CONFLICT, COUNT_EXHAUSTED. The action comes again then.
 */
int32_t naslane_nssaa_poll(const naslane_engine *engine,
                           uint64_t session,
                           uint8_t *out,
                           size_t capacity,
                           naslane_nssaa_action *action);

/**
 * What the NSSAAF answered to the question with this transaction number; answer is NASLANE_ANSWER_..., eap the EAP
 * message of the first three. Every question needs an answer in the end.
 *
 * Errors: UNEXPECTED (that question is not open), MALFORMED_IE (the EAP message is malformed or not one for this
 * answer: tell NASLANE_ANSWER_UNREACHABLE instead), ARGUMENT, NULL.
 */
int32_t naslane_nssaa_answer(const naslane_engine *engine,
                             uint64_t session,
                             uint32_t transaction,
                             uint8_t answer,
                             const uint8_t *eap,
                             size_t eap_len);

/**
 * The status of a slice of the HPLMN, NASLANE_NSSAA_ABSENT to NASLANE_NSSAA_EAP_FAILURE.
 *
 * Errors: ARGUMENT, NULL.
 */
int32_t naslane_nssaa_status(const naslane_engine *engine,
                             uint64_t session,
                             const naslane_s_nssai *s_nssai,
                             uint8_t *status);

/* ====================================================================== *
 * Level 1: slice authentication that a sidecar drives
 *
 * A sidecar with [nssaa] in its settings asks the NSSAAF itself, keeps T3575 and the retry timer, and takes the
 * notifications. Its client gets only what an AMF must do: naslane_nssaa_poll() has the kinds COMMAND, RESULT, UPDATE,
 * DEREGISTRATION, RELEASE_SESSIONS and REACH, never one to ask or to time. naslane_nssaa_answer() and
 * naslane_nssaa_timer() are HOSTED there. What comes by itself, an answer or a notification, makes an eventfd readable:
 *
 *     naslane_nssaa_hosted(engine, &hosted);          ... once: who asks the NSSAAF? ...
 *     naslane_nssaa_eventfd(engine, &fd);             ... once, to epoll ...
 *     naslane_nssaa_ready(engine, sessions, 64, &n);  ... when it is readable: which sessions ...
 *     naslane_nssaa_poll(...)                         ... each of them, until NASLANE_NSSAA_NOTHING
 *
 * Nothing gets lost when nobody looks: what is owed stays in the session until it is polled.
 */

/**
 * Whether the sidecar behind this engine itself asks the NSSAAF: hosted is 1, else 0. An engine of this process never
 * does.
 *
 * Errors: DISCONNECTED.
 */
int32_t naslane_nssaa_hosted(const naslane_engine *engine,
                             uint8_t *hosted);

/**
 * An eventfd for poll and epoll: readable when naslane_nssaa_ready() has something to tell, or the sidecar is gone. It
 * is the engine's: do not read or close it.
 *
 * Errors: UNSUPPORTED (nobody but the caller asks the NSSAAF), DISCONNECTED.
 */
int32_t naslane_nssaa_eventfd(const naslane_engine *engine,
                              int32_t *fd);

/**
 * Sessions that want something done, up to capacity and at most 1024, and how many. Poll each; it is not named again
 * until it wants more. Never waits. Empties the eventfd, which is readable again when more sessions are left.
 *
 * Errors: UNSUPPORTED, DISCONNECTED, OVERLAP, NULL.
 */
int32_t naslane_nssaa_ready(const naslane_engine *engine,
                            uint64_t *sessions,
                            size_t capacity,
                            size_t *count);

/* ====================================================================== *
 * Level 1: the UE half of network slice-specific authentication
 *
 * For simulators, load generators and tests: between the messages and an EAP peer of the caller.
 *
 * Errors of every function: as for sessions, ROLE (an AMF half), and UNSUPPORTED through a sidecar.
 */

/** kind: hand the EAP-Request to the peer, then naslane_nssaa_ue_answer(). */
#define NASLANE_NSSAA_UE_PEER 0

/** kind: the COMMAND came again; the same answer, protected anew, is in the output. */
#define NASLANE_NSSAA_UE_AGAIN 1

/** kind: the COMMAND came again while the peer still works. */
#define NASLANE_NSSAA_UE_WORKING 2

/** What a COMMAND makes a UE do. */
typedef struct naslane_nssaa_ue {
    /** AGAIN: octets of the PDU in the output. */
    size_t len;
    /** PEER: where the EAP-Request lies in the COMMAND. */
    size_t eap_offset;
    /** Its octets. */
    size_t eap_len;
    /** PEER: the slice of the HPLMN. */
    naslane_s_nssai s_nssai;
    /** NASLANE_NSSAA_UE_... . */
    uint8_t kind;
    /** 0. */
    uint8_t reserved[7];
} naslane_nssaa_ue;

/**
 * Takes a verified COMMAND, plain. out is apart from it and has NASLANE_NSSAA_ROOM.
 *
 * Errors: UNEXPECTED (another message), MALFORMED_IE, BEARER, BUFFER_TOO_SMALL, OVERLAP, those of naslane_protect().
 */
int32_t naslane_nssaa_ue_command(const naslane_engine *engine,
                                 uint64_t session,
                                 uint8_t access,
                                 const uint8_t *command,
                                 size_t len,
                                 uint8_t *out,
                                 size_t capacity,
                                 naslane_nssaa_ue *ue);

/**
 * What the EAP peer answered. The protected COMPLETE lies in out, to be sent on the access of the COMMAND.
 *
 * Errors: UNEXPECTED (no COMMAND waits), SLICE (another slice's), MALFORMED_IE (no response to that request), ARGUMENT,
 * BUFFER_TOO_SMALL, OVERLAP, NULL, those of naslane_protect().
 */
int32_t naslane_nssaa_ue_answer(const naslane_engine *engine,
                                uint64_t session,
                                const naslane_s_nssai *s_nssai,
                                const uint8_t *eap,
                                size_t eap_len,
                                uint8_t *out,
                                size_t capacity,
                                size_t *len);

/**
 * Takes a verified RESULT, plain; status becomes NASLANE_NSSAA_EAP_SUCCESS or NASLANE_NSSAA_EAP_FAILURE.
 *
 * Errors: UNEXPECTED (another message), MALFORMED_IE, OVERLAP, NULL.
 */
int32_t naslane_nssaa_ue_result(const naslane_engine *engine,
                                uint64_t session,
                                const uint8_t *result,
                                size_t len,
                                naslane_s_nssai *s_nssai,
                                uint8_t *status);

/* ====================================================================== *
 * Level 2: batches
 *
 * Many operations in one call, side by side in the lanes of the processor. A job is 64 octets without a pointer;
 * what it reads and writes are offsets into one arena.
 */

/**
 * op: protect the plain message in as the state of the access demands; the PDU goes to out, whose capacity is
 * at least in_len + NASLANE_OVERHEAD.
 */
#define NASLANE_JOB_PROTECT 1

/**
 * op: verify the PDU in and commit its COUNT; the plain message goes to out, whose capacity is at least
 * in_len. Takes the answer to a security mode command too.
 */
#define NASLANE_JOB_VERIFY 2

/** op: as VERIFY without a commit. */
#define NASLANE_JOB_VERIFY_ONLY 3

/** op: send a SECURITY MODE COMMAND; in is a naslane_smc_job. */
#define NASLANE_JOB_SMC_COMMAND 4

/** op: T3560 expired, send the command again. TIMEOUT when the retransmissions are used up. */
#define NASLANE_JOB_SMC_RESEND 5

/**
 * op: decipher, in place in out, the NAS message container of the message verified last; count is its COUNT
 * and out_len the length of the plain message.
 */
#define NASLANE_JOB_CONTAINER 6

/** form of PROTECT: as the state of the access demands. */
#define NASLANE_FORM_AUTO 0

/** form of PROTECT, UE half: initial message, integrity only; part_* is its container value, to be ciphered. */
#define NASLANE_FORM_INITIAL 1

/** form of PROTECT, UE half: integrity only (SECURITY MODE REJECT). */
#define NASLANE_FORM_INTEGRITY 2

/** Flag of a finished job: COUNT passed the first threshold. */
#define NASLANE_FLAG_COUNT_WARNING 2

/** Flag of a finished job: COUNT passed the second threshold. */
#define NASLANE_FLAG_COUNT_URGENT 4

/** Flag of a finished job: the plain message carries a NAS message container, part_* is its value. */
#define NASLANE_FLAG_CONTAINER 8

/**
 * The input of a NASLANE_JOB_SMC_COMMAND: 128 octets without a pointer, in the machine's byte order. As
 * naslane_smc_request; longer elements and keys from outside need naslane_smc_command().
 */
typedef struct naslane_smc_job {
    /** 128. */
    uint32_t size;
    /** TARGET_HORIZONTAL: uplink COUNT of the verified REGISTRATION REQUEST. */
    uint32_t ul_count;
    /** NASLANE_TARGET_..., up to HORIZONTAL. */
    uint8_t target;
    /** Ciphering algorithm; NASLANE_ANY in both: by the operator's lists. */
    uint8_t nea;
    /** Integrity algorithm. */
    uint8_t nia;
    /** The ngKSI that the caller believes to take into use; NASLANE_ANY: not checked. */
    uint8_t ng_ksi;
    /** Type of the initial message whose procedure is going on; 0: none. */
    uint8_t ongoing;
    /** NASLANE_SMC_... bits. */
    uint8_t flags;
    /** Selected EPS NAS security algorithms: bits 7 to 5 ciphering, 3 to 1 integrity. */
    uint8_t eps_algorithms;
    /** Octets of s1_sec_cap; 0: none. */
    uint8_t s1_sec_cap_len;
    /** Replayed S1 UE security capability. */
    uint8_t s1_sec_cap[5];
    /** Octets of abba; 0: none. */
    uint8_t abba_len;
    /** Octets of eap_success; 0: none. */
    uint8_t eap_success_len;
    /** 0. */
    uint8_t reserved;
    /** ABBA. */
    uint8_t abba[32];
    /** EAP-Success. */
    uint8_t eap_success[72];
} naslane_smc_job;

/**
 * One operation on one message: 64 octets, no padding. Offsets and lengths are octets from the arena's start.
 * in and out are the same place or have nothing in common; an out has nothing in common with the other jobs
 * of the batch. "Out" fields are 0 unless the text says more.
 */
typedef struct naslane_job {
    /** In: NASLANE_JOB_... . */
    uint8_t op;
    /** In: 1 = 3GPP, 2 = non-3GPP access. */
    uint8_t access;
    /** In: NASLANE_FORM_... for PROTECT, else 0. */
    uint8_t form;
    /** In: 0. */
    uint8_t reserved;
    /** Out: a naslane_status. */
    int32_t status;
    /** In: the session. */
    uint64_t session;
    /** In: the caller's own; comes back untouched. */
    uint64_t user_data;
    /** In: where the input starts. */
    uint32_t in_offset;
    /** In: its octets. */
    uint32_t in_len;
    /** In: where the output may start. */
    uint32_t out_offset;
    /** In: its room. */
    uint32_t out_capacity;
    /** Out: octets written at out_offset. In for CONTAINER. */
    uint32_t out_len;
    /** Out: COUNT of the message. In for CONTAINER. */
    uint32_t count;
    /** In for FORM_INITIAL, else out: where the value of the NAS message container lies in the plain message. */
    uint32_t part_offset;
    /** Its octets; 0: none. */
    uint32_t part_len;
    /** Out: type of the inner message. */
    uint8_t message_type;
    /** Out: security header type. */
    uint8_t sht;
    /** Out: NASLANE_FOLLOW_UP_... . */
    uint8_t follow_up;
    /** Out: NASLANE_EVENT_... . */
    uint8_t event;
    /** Out: a naslane_diagnosis. */
    uint8_t diagnosis;
    /** Out: NASLANE_FLAG_... bits. */
    uint8_t flags;
    /** Out: 5GMM cause of a SECURITY MODE REJECT. */
    uint8_t cause;
    /** In: 0. */
    uint8_t reserved2;
} naslane_job;

/**
 * Fills the input of a NASLANE_JOB_SMC_COMMAND with the defaults: the partial context, algorithms by the operator's
 * lists.
 *
 * Errors: NULL.
 */
int32_t naslane_smc_job_init(naslane_smc_job *job);

/**
 * Runs a batch. OK: every job has its own status, and ok says how many of them are OK. Messages of one session
 * keep their order. With workers or a sidecar they run there while this call waits; see also level 3.
 *
 * Errors, for the call as a whole: NULL, OVERLAP (jobs, arena and ok share memory), TOO_LONG, ARGUMENT (jobs are not
 * aligned to 8 octets). Errors of a job: those of the single call, OPERATION (unknown op or form, or a reserved
 * field that is not 0), OUT_OF_RANGE, OVERLAP; with workers or a sidecar TOO_LONG (an input of more than 2^18 octets),
 * STOPPED, DISCONNECTED.
 */
int32_t naslane_batch(const naslane_engine *engine,
                      naslane_job *jobs,
                      size_t count,
                      uint8_t *arena,
                      size_t arena_len,
                      size_t *ok);

#if defined(__cplusplus)
static_assert(sizeof(naslane_job) == 64, "naslane_job has 64 octets");
static_assert(sizeof(naslane_smc_job) == 128, "naslane_smc_job has 128 octets");
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(naslane_job) == 64, "naslane_job has 64 octets");
_Static_assert(sizeof(naslane_smc_job) == 128, "naslane_smc_job has 128 octets");
#endif

/* ====================================================================== *
 * Level 3: workers and the sidecar
 *
 * The same engine elsewhere, on Linux. Workers are threads of this process, each with its share of the sessions. A
 * sidecar is another process, naslane serve, which alone holds the keys. Calls about one session run on the caller's
 * thread with workers, and take a round trip of microseconds through a sidecar; naslane_batch() and queues run there.
 */

/** wait: a worker without jobs looks again at once. Least latency; takes a whole processor. */
#define NASLANE_WAIT_SPIN 0

/** wait: looks for spin_us, then sleeps. */
#define NASLANE_WAIT_ADAPTIVE 1

/** wait: sleeps at once. */
#define NASLANE_WAIT_BLOCK 2

/** cores: the last processors that this process may use, one each; unpinned when that leaves none to the callers. */
#define NASLANE_CORES_AUTO 0

/** cores: wherever the system puts them. */
#define NASLANE_CORES_UNPINNED 1

/** cores: those in core_list. */
#define NASLANE_CORES_LIST 2

/** Octets of the longest path of a socket, without the NUL. */
#define NASLANE_PATH_MAX 107

/** Octets of the longest name of a client, without the NUL. */
#define NASLANE_NAME_MAX 32

/** How workers are started. Fill it with naslane_workers_init(), then change what differs. */
typedef struct naslane_workers {
    /** Octets of this structure. */
    size_t size;
    /** Workers, at most 256; 0 (default): one for each processor but one. */
    size_t workers;
    /**
     * Microseconds that an adaptive worker spins before it sleeps, and a caller in naslane_queue_wait(); default 50.
     */
    uint32_t spin_us;
    /** NASLANE_WAIT_...; default ADAPTIVE. With one processor always BLOCK: see naslane_plan(). */
    uint8_t wait;
    /** NASLANE_CORES_...; default AUTO. */
    uint8_t cores;
    /** 0. */
    uint8_t reserved[2];
    /** NASLANE_CORES_LIST: numbers of processors, worker 0 on the first, and so on. */
    const uint32_t *core_list;
    /** How many; at least as many as workers. */
    size_t core_list_len;
} naslane_workers;

/**
 * Fills how workers are started with the defaults.
 *
 * Errors: NULL.
 */
int32_t naslane_workers_init(naslane_workers *workers);

/**
 * Starts an engine whose batches and queues run on workers, among whom the sessions of config are shared out. NULL as
 * config or workers takes the defaults. naslane_engine_free() ends it.
 *
 * Errors: as for naslane_engine_new(); ARGUMENT also for processors that are not there or too few.
 */
int32_t naslane_workers_new(const naslane_config *config,
                            const naslane_workers *workers,
                            naslane_engine **engine);

/**
 * Connects to the sidecar whose socket is at path. Its configuration is its own; it has AMF halves only, and no K_AMF
 * leaves it (UNSUPPORTED). naslane_engine_free() disconnects.
 *
 * name may be NULL. With a name (letters, digits, -, _, .) the client takes over the sessions that a client of
 * this name and user left behind, when the sidecar keeps them: their handles are valid as before.
 *
 * When the sidecar goes away every call is DISCONNECTED, and so are the jobs of its queues; connect again.
 *
 * Errors: NULL, DISCONNECTED (nobody listens there), DENIED, VERSION, BUSY (a client of this name is connected),
 * ARGUMENT (name or path), TOO_LONG, OVERLAP, SYSTEM.
 */
int32_t naslane_connect(const char *path,
                        const char *name,
                        naslane_engine **engine);

/**
 * Has the messages of a session in a sidecar written down from now on, deciphered (on 1), or no longer (0): in a file
 * that Wireshark opens, in the directory that the sidecar's settings name. file takes the number of the file, which
 * its name and the sidecar's log have. A tap ends by itself with the session, at a size and after a time.
 *
 * The file holds what a subscriber sends: the operator decides who may ask for it. It never holds a key.
 *
 * Errors: NULL, HANDLE, ARGUMENT (on), UNSUPPORTED (no sidecar, or one that taps nothing), DENIED (not this user),
 * QUOTA (too many at a time, or all files used), CONFLICT (it is tapped, or not), SYSTEM, DISCONNECTED.
 */
int32_t naslane_tap(const naslane_engine *engine,
                    uint64_t session,
                    uint8_t on,
                    uint64_t *file);

/* ====================================================================== *
 * Level 3: queues
 *
 * Jobs without waiting, on Linux: submit, do something else, reap. A queue belongs to one thread at a time; open one
 * for each. It is the same wherever the engine runs: with naslane_engine_new() the jobs run on this thread, when
 * completions are asked for.
 *
 * An event loop:
 *
 *     naslane_queue_open(engine, 256, 1 << 20, &queue);
 *     naslane_queue_arena(queue, &arena, &arena_len);
 *     naslane_queue_eventfd(queue, &fd);              ... once, to epoll ...
 *     for (;;) {
 *         naslane_queue_submit(queue, jobs, count, &taken);
 *         naslane_queue_reap(queue, done, 64, &reaped);
 *         ... what the reaped jobs say; new jobs ...
 *         naslane_queue_arm(queue, &ready);
 *         if (!ready)
 *             epoll_wait(...);
 *     }
 *
 * Inputs are written to the arena before their job is submitted; until it is reaped nobody touches the octets of a
 * job. Outputs are read from there. Other than in naslane_batch() the octets of different jobs are not compared with
 * each other.
 *
 * Every job that was taken comes back once, whatever becomes of workers and sidecar: with STOPPED when it did not run,
 * with DISCONNECTED when that is not known. Jobs of one session come back in their order.
 *
 * Errors of every function: NULL, and BUSY (another thread is in a call on this queue: nothing happened).
 */

/** For naslane_queue_wait(): without a limit. */
#define NASLANE_FOREVER UINT64_MAX

/** Jobs on their way. Opaque. */
typedef struct naslane_queue naslane_queue;

/**
 * Opens a queue with room for entries jobs (a power of two from 8 to 4096) for each worker, and an arena of
 * arena_len octets. A sidecar may grant less of both. naslane_queue_close() ends it.
 *
 * Errors: ARGUMENT (sizes), SYSTEM, STOPPED, QUOTA, DISCONNECTED.
 */
int32_t naslane_queue_open(const naslane_engine *engine,
                           uint32_t entries,
                           size_t arena_len,
                           naslane_queue **queue);

/**
 * Closes a queue; its arena and eventfd are gone. Jobs that were submitted run or do not; nobody hears of them. No
 * other call may run on it, and none may follow.
 */
int32_t naslane_queue_close(naslane_queue *queue);

/**
 * Where the arena lies and how long it is, until the queue is closed. Through a sidecar it is memory that both share.
 */
int32_t naslane_queue_arena(const naslane_queue *queue,
                            uint8_t **arena,
                            size_t *len);

/**
 * Hands jobs over, up to the first that has no room, and says how many. They are copied: jobs is the caller's again.
 *
 * Errors: STOPPED, DISCONNECTED (no job was taken, nor will be), OVERLAP, TOO_LONG, ARGUMENT (jobs are not aligned to 8
 * octets).
 */
int32_t naslane_queue_submit(const naslane_queue *queue,
                             const naslane_job *jobs,
                             size_t count,
                             size_t *taken);

/**
 * Takes completed jobs, up to capacity, and says how many. Never waits. Empties the eventfd.
 *
 * Errors: OVERLAP, TOO_LONG, ARGUMENT (jobs are not aligned to 8 octets).
 */
int32_t naslane_queue_reap(const naslane_queue *queue,
                           naslane_job *jobs,
                           size_t capacity,
                           size_t *count);

/**
 * Waits until there is something to reap: ready is 1; for at most timeout_us microseconds (NASLANE_FOREVER: as long
 * as it takes): ready is 0. 0 at once when nothing is under way. Empties the eventfd.
 *
 * Errors: SYSTEM.
 */
int32_t naslane_queue_wait(const naslane_queue *queue,
                           uint64_t timeout_us,
                           uint8_t *ready);

/**
 * The queue's eventfd, for poll and epoll: readable when a job was completed after naslane_queue_arm(), until the next
 * reap or wait. It is the queue's: do not read or close it.
 */
int32_t naslane_queue_eventfd(const naslane_queue *queue,
                              int32_t *fd);

/**
 * Before sleeping at the eventfd. ready 0: the next completion will make it readable. 1: there is something to reap
 * already, do not sleep. A queue that is not armed makes no system call for completions.
 */
int32_t naslane_queue_arm(const naslane_queue *queue,
                          uint8_t *ready);

/* ====================================================================== *
 * Level 3: sessions that outlive a crash
 *
 * With a directory, preferably in memory (/run, /dev/shm), sessions outlive a crash of their process: every COUNT
 * is there before the message that uses it is computed, and keys are there sealed (AES-256-GCM-SIV). The process
 * that comes after opens the same directory with the same numbers of sessions, remembered keys and workers, asks
 * for the handles, and goes on. A session whose COUNTs cannot be vouched for is REKEY_REQUIRED: release it and
 * authenticate again. A directory belongs to one engine at a time, and covers a crash of the process, not the loss
 * of the machine.
 */

/** Octets of the longest path of a directory, and of the longest place of keys, without the NUL. */
#define NASLANE_FOLDER_MAX 1023

/**
 * As naslane_engine_new(), with the directory dir, which is made when it is not there. kek says where its
 * key-encryption keys are: "file:PATH", "credential:NAME" (of systemd) or "env:NAME"; one key a line, its identity as 8
 * and the key as 64 hexadecimal digits. The first one seals, all of them open.
 *
 * Errors: as there; BUSY (another engine has the directory), RECORD (it was made for other numbers, by another version,
 * or sealed under another key), SYSTEM (a file cannot be read or written).
 */
int32_t naslane_engine_open(const naslane_config *config,
                            const char *dir,
                            const char *kek,
                            naslane_engine **engine);

/**
 * As naslane_workers_new(), with a directory as in naslane_engine_open().
 *
 * Errors: as of both.
 */
int32_t naslane_workers_open(const naslane_config *config,
                             const naslane_workers *workers,
                             const char *dir,
                             const char *kek,
                             naslane_engine **engine);

/**
 * Writes the handles above after to sessions, lowest first, as many as there are and fit in room; 0 as after
 * begins. For the sessions that a process before this one left behind; through a sidecar those of this client.
 *
 * Errors: NULL, OVERLAP, ARGUMENT (unaligned), DISCONNECTED.
 */
int32_t naslane_sessions_after(const naslane_engine *engine,
                               uint64_t after,
                               uint64_t *sessions,
                               size_t room,
                               size_t *count);

/* ====================================================================== *
 * Sessions that move between the sidecars of a set.
 */

/**
 * Gives a session the name, of 1 to 64 octets, under which another sidecar of the set can take it over. To be
 * called before naslane_authenticated(). Names are those of this client's user and name.
 *
 * Errors: UNSUPPORTED (no sidecar, or one without a store), ARGUMENT (length; a client without a name),
 * OUT_OF_ORDER (it has keys), CONFLICT (it has another name, or another session has this one), HANDLE, FENCED,
 * NULL.
 */
int32_t naslane_session_name(const naslane_engine *engine,
                             uint64_t session,
                             const uint8_t *name,
                             size_t len);

/**
 * Takes over the session of this name, which another sidecar of the set had; one that is here is found. tag is
 * the caller's own number for it. Does not wait: while the answer is BUSY, call again in some milliseconds.
 *
 * Errors: BUSY (the store was asked), FENCED (its owner is present), NO_CONTEXT (the store does not know it),
 * REKEY_REQUIRED (nobody can vouch for its COUNTs: establish a new session and authenticate), LEASE_EXHAUSTED (the
 * store does not answer), RECORD, KEY_REUSED, QUOTA, TABLE_FULL, UNSUPPORTED, ARGUMENT, NULL, OVERLAP.
 */
int32_t naslane_session_take(const naslane_engine *engine,
                             const uint8_t *name,
                             size_t len,
                             uint64_t tag,
                             uint64_t *session);

/**
 * Gives a session back to the store with its exact COUNTs: another sidecar can take it at once. It is released
 * when this is OK. Does not wait: while the answer is BUSY, call again in some milliseconds; the session sends
 * and accepts nothing until then, and answers CONFLICT.
 *
 * Errors: BUSY, CONFLICT (a procedure changes its keys), NO_CONTEXT (it has no keys), ARGUMENT (it has no name),
 * FENCED, HANDLE, UNSUPPORTED, NULL.
 */
int32_t naslane_session_give(const naslane_engine *engine,
                             uint64_t session);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* NASLANE_H */
