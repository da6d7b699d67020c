/* naslane beside its peers: one process, "ours, peer, ours, peer" in short rounds, minimum and median of them.
 *
 *     ffi/benches/run [--quick] [--json] [--rounds N]
 *
 * Work: a plain NAS message of 64 octets becomes a PDU of 71 octets, integrity protected and ciphered, downlink, each
 * message under the keys and the COUNT of another of 4096 UEs in random order; or K_AMF becomes K_NASenc and K_NASint.
 * Keys are expanded before the clock starts, by naslane and by the peers. COUNT, initialisation vectors and header are
 * inside the clock on both sides. Before the clock starts every UE's answers are compared; afterwards those of every
 * round are.
 */
#define _GNU_SOURCE
#include "peers.h"

#include <naslane.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 400, QUICK_ROUNDS = 8, WARM_ROUNDS = 2 * UES / MESSAGES, ROUNDS_MAX = 100000 };

typedef enum { TABLE, JSON } format;

typedef struct {
    format format;
    size_t rounds;
    char command[256];
    unsigned rows; /* written */
} report;

static uint64_t dice(void) {
    static uint64_t state = 0x9E3779B97F4A7C15u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* ---- a comparison ---- */
typedef struct {
    comparison comparison;
    contestant contestants[CONTESTANTS_MAX];
    size_t count, octets; /* contestants; octets of an answer */
    subscriber *subscribers;
    uint32_t order[UES]; /* in which the UEs come */
    const uint8_t *plain;
} contest;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Everyone once; then their answers must be the same. */
static void play(contest *contest, size_t number) {
    const contestant *first = &contest->contestants[0];
    for (size_t c = 0; c < contest->count; c++) {
        contestant *one = &contest->contestants[c];
        round_of_work work = {.ue = contest->order + number * MESSAGES % UES, .plain = contest->plain, .out = one->out};
        double begin = now();
        one->run(one->state, &work);
        one->ns[number] = (now() - begin) / MESSAGES;
    }
    for (size_t c = 1; c < contest->count; c++) {
        for (size_t i = 0; i < MESSAGES; i++) {
            const contestant *one = &contest->contestants[c];
            if (memcmp(first->out + i * SLOT + LEAD, one->out + i * SLOT + LEAD, contest->octets) == 0)
                continue;
            fprintf(stderr, "NEA%u, NIA%u, batch %u, round %zu, message %zu: %s (%s) and %s (%s) differ\n",
                    contest->comparison.algorithm, contest->comparison.algorithm, contest->comparison.batch, number, i,
                    first->library, first->way, one->library, one->way);
            exit(1);
        }
    }
}

/* Ours and peers in turn; where one side has more of them, its rest at the end. */
static size_t line_up(contest *contest) {
    contestant ours[CONTESTANTS_MAX], peers[CONTESTANTS_MAX];
    size_t our_count = naslane_contestants(&contest->comparison, ours), count = 0;
    size_t peer_count = ipsec_mb_contestants(&contest->comparison, peers);
    peer_count += openssl_contestants(&contest->comparison, peers + peer_count);
    CHECK(our_count + peer_count <= CONTESTANTS_MAX);
    for (size_t i = 0; i < our_count || i < peer_count; i++) {
        if (i < our_count)
            contest->contestants[count++] = ours[i];
        if (i < peer_count)
            contest->contestants[count++] = peers[i];
    }
    return count;
}

static void subscribe(contest *contest) {
    for (uint32_t i = 0; i < UES; i++) {
        subscriber *subscriber = &contest->subscribers[i];
        uint8_t keys[KEYS];
        for (size_t octet = 0; octet < sizeof subscriber->k_amf; octet++)
            subscriber->k_amf[octet] = (uint8_t)(dice() >> 32);
        reference_k_nas(subscriber->k_amf, contest->comparison.algorithm, keys);
        memcpy(subscriber->k_nas_enc, keys, 16);
        memcpy(subscriber->k_nas_int, keys + 16, 16);
        contest->order[i] = i;
    }
    for (uint32_t i = UES - 1; i > 0; i--) {
        uint32_t other = (uint32_t)(dice() % (i + 1)), one = contest->order[i];
        contest->order[i] = contest->order[other];
        contest->order[other] = one;
    }
}

static void messages(uint8_t *plain) {
    for (size_t i = 0; i < MESSAGES * PLAIN; i++)
        plain[i] = (uint8_t)(dice() >> 32);
    for (size_t i = 0; i < MESSAGES; i++)
        memcpy(plain + i * PLAIN, (uint8_t[3]){0x7E, 0, 0x68}, 3); /* DL NAS TRANSPORT */
}

/* ---- the report ---- */
static int by_size(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void cpu_model(char *model, size_t size) {
    char line[256];
    snprintf(model, size, "unknown");
    FILE *info = fopen("/proc/cpuinfo", "r");
    while (info != NULL && fgets(line, sizeof line, info) != NULL) {
        char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || value == NULL)
            continue;
        value[strcspn(value, "\n\"\\")] = 0;
        snprintf(model, size, "%.127s", value + 2);
        break;
    }
    if (info != NULL)
        fclose(info);
}

static void head(const report *report) {
    char model[128];
    double load[3] = {0};
    cpu_model(model, sizeof model);
    CHECK(getloadavg(load, 3) == 3);
    const char *text = "CPU       %s, %ld processors, load %.1f\nversions  naslane %s, ipsec-mb %s, %s\ncommand   %s\n"
                       "rounds    %zu of %d messages; %d UEs; ns per message, ratio = peer / naslane\n";
    if (report->format == JSON)
        text = "{\"cpu\": \"%s\", \"processors\": %ld, \"load\": %.1f, \"naslane\": \"%s\", \"ipsec_mb\": \"%s\",\n"
               " \"openssl\": \"%s\", \"command\": \"%s\", \"rounds\": %zu, \"messages\": %d, \"ues\": %d,\n \"rows\": [";
    printf(text, model, sysconf(_SC_NPROCESSORS_ONLN), load[0], naslane_version(), ipsec_mb_version(),
           openssl_version(), report->command, report->rounds, MESSAGES, UES);
    if (report->format == TABLE)
        printf("\n%-12s %5s  %-26s %7s %7s  %-9s %-31s %7s %7s  %6s %6s\n", "work", "batch", "naslane", "min", "median",
               "peer", "its way", "min", "median", "ratio", "median");
}

static void row(report *report, const contest *contest, const contestant *ours, const contestant *peer) {
    size_t middle = report->rounds / 2;
    unsigned algorithm = contest->comparison.algorithm;
    char work[16] = "K_NAS";
    if (algorithm != 0)
        snprintf(work, sizeof work, "NEA%u + NIA%u", algorithm % 10, algorithm % 10);
    const char *text = "%-12s %5u  %-26s %7.1f %7.1f  %-9s %-31s %7.1f %7.1f  %6.2f %6.2f\n";
    if (report->format == JSON) {
        printf("%s", report->rows == 0 ? "\n" : ",\n");
        text = "  {\"work\": \"%s\", \"batch\": %u, \"naslane\": \"%s\", \"min_ns\": %.1f, \"median_ns\": %.1f,\n"
               "   \"peer\": \"%s\", \"way\": \"%s\", \"peer_min_ns\": %.1f, \"peer_median_ns\": %.1f,\n"
               "   \"ratio_min\": %.3f, \"ratio_median\": %.3f}";
    }
    printf(text, work, contest->comparison.batch, ours->way, ours->ns[0], ours->ns[middle], peer->library, peer->way,
           peer->ns[0], peer->ns[middle], peer->ns[0] / ours->ns[0], peer->ns[middle] / ours->ns[middle]);
    fflush(stdout);
    report->rows++;
}

static void compare(report *report, unsigned algorithm, unsigned batch) {
    size_t plain_len = MESSAGES * PLAIN, out_len = MESSAGES * SLOT;
    contest *contest = memory(sizeof *contest);
    comparison *comparison = &contest->comparison;
    comparison->algorithm = algorithm;
    comparison->batch = batch;
    comparison->arena_len = plain_len + CONTESTANTS_MAX * out_len;
    comparison->arena = memory(comparison->arena_len);
    comparison->subscribers = contest->subscribers = memory(UES * sizeof *contest->subscribers);
    contest->octets = algorithm == 0 ? KEYS : PDU;
    contest->plain = comparison->arena;
    messages(comparison->arena);
    subscribe(contest);
    contest->count = line_up(contest);
    for (size_t c = 0; c < contest->count; c++) {
        contest->contestants[c].out = comparison->arena + plain_len + c * out_len;
        contest->contestants[c].ns = memory((report->rounds + WARM_ROUNDS) * sizeof(double));
    }

    /* Answers first: every UE twice. These rounds also fill the caches; later ones take their place in the notes. */
    for (size_t number = 0; number < WARM_ROUNDS; number++)
        play(contest, number);
    for (size_t number = 0; number < report->rounds; number++)
        play(contest, number);

    for (size_t c = 0; c < contest->count; c++)
        qsort(contest->contestants[c].ns, report->rounds, sizeof(double), by_size);
    for (size_t ours = 0; ours < contest->count; ours++)
        for (size_t peer = 0; contest->contestants[ours].side == OURS && peer < contest->count; peer++)
            if (contest->contestants[peer].side == PEER)
                row(report, contest, &contest->contestants[ours], &contest->contestants[peer]);
    for (size_t c = 0; c < contest->count; c++) {
        free(contest->contestants[c].ns);
        if (contest->contestants[c].end != NULL)
            contest->contestants[c].end(contest->contestants[c].state);
    }
    free(contest->subscribers);
    free(comparison->arena);
    free(contest);
}

int main(int argc, char **argv) {
    static const unsigned batches[] = {1, 32, 64};
    report report = {.rounds = ROUNDS, .command = "ffi/benches/run"};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            report.format = JSON;
        } else if (strcmp(argv[i], "--quick") == 0) {
            report.rounds = QUICK_ROUNDS;
        } else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) {
            report.rounds = strtoul(argv[++i], NULL, 10);
        } else {
            report.rounds = 0;
        }
    }
    if (report.rounds == 0 || report.rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: ffi/benches/run [--quick] [--json] [--rounds N]; N is 1 to %d\n", ROUNDS_MAX);
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        size_t len = strlen(report.command);
        snprintf(report.command + len, sizeof report.command - len, " %s", argv[i]);
    }
    head(&report);
    for (unsigned algorithm = 1; algorithm <= 3; algorithm++)
        for (size_t i = 0; i < sizeof batches / sizeof *batches; i++)
            compare(&report, algorithm, batches[i]);
    compare(&report, 0, 1);
    compare(&report, 0, BATCH_MAX);
    if (report.format == JSON)
        printf("\n]}\n");
    return 0;
}
