// The header is C++17 too: every function can be called, every structure is an aggregate.
#include <naslane.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>

namespace {
struct Free {
    void operator()(naslane_engine *engine) const { naslane_engine_free(engine); }
};
static_assert(sizeof(naslane_job) == 64);
static_assert(NASLANE_OK == 0 && NASLANE_E_POISONED == 100);
} // namespace

int main() {
    naslane_engine *raw = nullptr;
    naslane_config config;
    if (naslane_config_init(&config) != NASLANE_OK)
        return 1;
    config.sessions = 16;
    if (naslane_engine_new(&config, &raw) != NASLANE_OK)
        return 1;
    std::unique_ptr<naslane_engine, Free> engine(raw);
    std::array<std::uint8_t, 32> k_amf{};
    const std::array<std::uint8_t, 2> capability{0xF0, 0x70};
    std::uint64_t session = 0;
    if (naslane_establish(engine.get(), NASLANE_ROLE_AMF, &session) != NASLANE_OK ||
        naslane_authenticated(engine.get(), session, k_amf.data(), 0, capability.data(), capability.size(), 0) != NASLANE_OK)
        return 1;
    naslane_smc_request request;
    naslane_sent sent{};
    std::array<std::uint8_t, NASLANE_SMC_ROOM> pdu{};
    if (naslane_smc_request_init(&request) != NASLANE_OK ||
        naslane_smc_command(engine.get(), session, &request, pdu.data(), pdu.size(), &sent) != NASLANE_OK)
        return 1;
    if (sent.sht != 3 || pdu[0] != 0x7E || std::strcmp(naslane_version(), NASLANE_VERSION) != 0)
        return 1;
    naslane_job job{};
    std::size_t ok = 1;
    if (naslane_batch(engine.get(), &job, 1, pdu.data(), pdu.size(), &ok) != NASLANE_OK || ok != 0 || job.status == NASLANE_OK)
        return 1;
    naslane_workers workers;
    naslane_queue *queue = nullptr;
    std::uint8_t *arena = nullptr, ready = 0;
    std::size_t len = 0, taken = 0, reaped = 0;
    std::int32_t fd = -1;
    if (naslane_workers_init(&workers) != NASLANE_OK ||
        naslane_queue_open(engine.get(), 8, 4096, &queue) != NASLANE_OK ||
        naslane_queue_arena(queue, &arena, &len) != NASLANE_OK || naslane_queue_eventfd(queue, &fd) != NASLANE_OK ||
        naslane_queue_submit(queue, &job, 1, &taken) != NASLANE_OK || naslane_queue_arm(queue, &ready) != NASLANE_OK ||
        naslane_queue_wait(queue, NASLANE_FOREVER, &ready) != NASLANE_OK ||
        naslane_queue_reap(queue, &job, 1, &reaped) != NASLANE_OK || naslane_queue_close(queue) != NASLANE_OK)
        return 1;
    if (arena == nullptr || len != 4096 || fd < 0 || ready != 1 || taken != 1 || reaped != 1 || job.status == NASLANE_OK)
        return 1;
    return naslane_release(engine.get(), session);
}
