// The door of the library: plain C functions for ctypes. Chooses the instruction set, shares out tiles, owns memory.
#include <sys/mman.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cstring>
#include <exception>
#include <mutex>
#include <numeric>
#include <system_error>
#include <thread>
#include <vector>

#include "step.h"

namespace cartveil {
namespace {

constexpr int64_t CONSUMERS = 32;            // in a tile, at most
constexpr int64_t SOFTMAX = 16 << 20;        // bytes of a tile's softmax, so that it stays in the last cache
constexpr size_t HUGE_PAGE = size_t{2} << 20;

// Memory that stays from step to step: fresh pages cost a quarter of a step.
class Workspace {
  public:
    Workspace() = default;
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
    ~Workspace() { drop(); }

    bool hold(size_t bytes) {
        if (bytes <= size_) return true;
        drop();
        const size_t size = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
        void* found = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (found == MAP_FAILED) return false;
#if defined(MADV_HUGEPAGE)
        madvise(found, size, MADV_HUGEPAGE);
#endif
        base_ = static_cast<char*>(found), size_ = size;
        return true;
    }

    void drop() {
        if (base_) munmap(base_, size_);
        base_ = nullptr, size_ = 0;
    }

    Arena arena() const { return {base_, 0}; }

  private:
    char* base_ = nullptr;
    size_t size_ = 0;
};

std::mutex one_step;
Workspace shared_space, space_alone;
std::vector<Workspace> spaces;

#if defined(__x86_64__)
// GCC 12 cannot be asked for it. The system saves the unit's registers only for a process that has said it uses them.
bool matrix_unit() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (1u << 22)) == 0 || (d & (1u << 24)) == 0) return false;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || (a & (1u << 5)) == 0) return false;
#if defined(__linux__)
    return syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18 /* tile data */) == 0;
#else
    return false;
#endif
}
#endif

const Variant* variant_of(int64_t number) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    const bool half = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    static const bool unit = matrix_unit();
    const Variant* known[] = {&GENERIC, half ? &AVX2 : nullptr, wide && half ? &AVX512 : nullptr,
                              wide && half && unit ? &AMX : nullptr};
    for (int64_t best = 3; number < 0; --best)
        if (known[best]) return known[best];
    return number < 4 ? known[number] : nullptr;
#else
    return number <= 0 ? &GENERIC : nullptr;
#endif
}

struct Plan {
    std::vector<int64_t> order;
    std::vector<Tile> tiles;
    int64_t longest = 0;  // rows of the head of any consumer
};

int64_t head_rows(const Step& step, int64_t consumer) {
    const float* weight = step.weights + consumer * step.time;
    return std::count_if(weight, weight + step.lengths[consumer], [](float w) { return w != 0; });
}

// Consumers of like length side by side, so that a tile has little padding; who asks nothing adds nothing.
Plan plan_of(const Step& step) {
    Plan plan;
    std::vector<int64_t> rows(static_cast<size_t>(step.consumers));
    for (int64_t i = 0; i < step.consumers; ++i) {
        rows[i] = head_rows(step, i);
        if (rows[i]) plan.order.push_back(i);
    }
    std::stable_sort(plan.order.begin(), plan.order.end(),
                     [&](int64_t a, int64_t b) { return step.lengths[a] > step.lengths[b]; });
    const int64_t longest = plan.longest = rows.empty() ? 0 : *std::max_element(rows.begin(), rows.end());
    const int64_t most = std::max<int64_t>(1, SOFTMAX / (4 * step.items));
    for (size_t at = 0; at < plan.order.size();) {
        Tile tile = {plan.order.data() + at, 0, 0, 0, 0, longest};
        for (; at < plan.order.size() && tile.count < CONSUMERS; ++at, ++tile.count) {
            const int64_t member = plan.order[at];
            if (tile.count && tile.rows + rows[member] > most) break;
            tile.rows += rows[member], tile.steps += step.lengths[member];
            tile.most = std::max(tile.most, rows[member]);
        }
        plan.tiles.push_back(tile);
    }
    return plan;
}

// Everything that becomes an address later: lengths, ids of real steps, targets that are asked for.
int refusal(const Step& step) {
    const auto inside = [](int64_t value, int64_t count) { return value >= 0 && value < count; };
    for (int64_t i = 0; i < step.consumers; ++i) {
        if (step.lengths[i] < 1 || step.lengths[i] > step.time) return 3;
        for (int64_t t = 0, at = i * step.time; t < step.time; ++t, ++at) {
            const bool asked = step.weights[at] != 0;
            if (t >= step.lengths[i] && asked) return 4;
            if (asked && !inside(step.targets[at], step.items)) return 3;
            for (int64_t f = 0; f < step.fields && t < step.lengths[i]; ++f)
                if (!inside(step.field[f].ids[at], step.field[f].rows)) return 3;
        }
    }
    return 0;
}

size_t measure(const Variant& variant, const Step& step, const Plan& plan) {
    size_t most = 0;
    for (const Tile& tile : plan.tiles) {
        Arena arena = {nullptr, 0};
        variant.work(step, nullptr, tile, arena);
        most = std::max(most, arena.used);
    }
    return most;
}

uint32_t word_of(const uint8_t* bytes) {
    return uint32_t(bytes[0]) | uint32_t(bytes[1]) << 8 | uint32_t(bytes[2]) << 16 | uint32_t(bytes[3]) << 24;
}

Stream stream_of(const uint8_t* key, const uint8_t* nonce) {
    Stream stream;
    for (int i = 0; i < 8; ++i) stream.key[i] = word_of(key + 4 * i);
    for (int i = 0; i < 3; ++i) stream.nonce[i] = word_of(nonce + 4 * i);
    return stream;
}

// Each gradient once, with its size; the head's is the field's where tied.
template <typename Act>
void each_gradient(Step& step, Act act) {
    for (int64_t f = 0; f < step.fields; ++f) act(step.field[f].gradient, step.field[f].rows * step.embedding);
    for (int64_t l = 0; l < step.layers; ++l) {
        Layer& layer = step.layer[l];
        act(layer.input_gradient, 4 * step.hidden * (l ? step.hidden : step.width()));
        act(layer.recurrent_gradient, 4 * step.hidden * step.hidden);
        act(layer.bias_gradient, 4 * step.hidden);
    }
    if (step.tied < 0) act(step.head_gradient, step.items * step.hidden);
    else step.head_gradient = step.field[step.tied].gradient;
    if (step.head_bias_gradient) act(step.head_bias_gradient, step.items);
}

void give_own_gradients(Step& step, Arena& arena) {
    each_gradient(step, [&](float*& gradient, int64_t count) {
        float* own = arena.take<float>(count);
        if (own) std::memset(own, 0, static_cast<size_t>(count) * sizeof(float));
        gradient = own;
    });
}

void add_gradients(Step& from, Step& to, float factor) {
    std::vector<const float*> parts;
    each_gradient(from, [&](float*& gradient, int64_t) { parts.push_back(gradient); });
    size_t at = 0;
    each_gradient(to, [&](float*& gradient, int64_t count) {
        const float* part = parts[at++];
        for (int64_t k = 0; k < count; ++k) gradient[k] += factor * part[k];
    });
}

void work_share(const Variant& variant, const Step& step, const void* packed, const Plan& plan, size_t share,
                size_t shares, Arena memory) {
    for (size_t i = share; i < plan.tiles.size(); i += shares) {
        Arena arena = memory;
        variant.work(step, packed, plan.tiles[i], arena);
    }
}

// Threads other than the first add to gradients of their own, which are added up in their order at the end.
void run_shares(const Variant& variant, const Step& step, const void* packed, const Plan& plan) {
    const size_t shares = spaces.size();
    std::vector<Step> steps(shares, step);
    std::vector<Arena> arenas(shares);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < shares; ++i) arenas[i] = spaces[i].arena();
    for (size_t i = 1; i < shares; ++i) give_own_gradients(steps[i], arenas[i]);
    threads.reserve(shares);
    for (size_t i = 1; i < shares; ++i) {
        const auto work = [&, i] { work_share(variant, steps[i], packed, plan, i, shares, arenas[i]); };
        try {
            threads.emplace_back(work);
        } catch (const std::system_error&) {  // no more threads: this one does it
            work();
        }
    }
    work_share(variant, steps[0], packed, plan, 0, shares, arenas[0]);
    for (std::thread& thread : threads) thread.join();
    for (size_t i = 1; i < shares; ++i) add_gradients(steps[i], steps[0], 1);
}

// What consumers whose steps cancel need, one after another.
struct Alone {
    Step step;  // without clipping, its gradients one consumer's own
    Arena arena;
    size_t gradients;  // bytes, at the arena's beginning
    const void* packed;
};

Alone lay_out_alone(const Variant& variant, const Step& step, int64_t longest, Arena arena) {
    Alone alone = {step, arena, 0, nullptr};
    alone.step.clipping = NONE;
    give_own_gradients(alone.step, alone.arena);
    alone.gradients = alone.arena.used;
    alone.packed = variant.prepare(alone.step, longest, alone.arena);
    return alone;
}

double norm_of(Step& step) {
    double sums[8] = {};
    each_gradient(step, [&](float*& gradient, int64_t count) {
        for (int64_t k = 0; k < count; k += 8)
            for (int64_t j = 0; j < std::min<int64_t>(8, count - k); ++j)
                sums[j] += static_cast<double>(gradient[k + j]) * static_cast<double>(gradient[k + j]);
    });
    return std::sqrt(std::accumulate(sums, sums + 8, 0.0));
}

void add_alone(const Variant& variant, Step& step, Alone& alone, const Tile& tile) {
    std::memset(alone.arena.base, 0, alone.gradients);
    Arena arena = alone.arena;
    variant.work(alone.step, alone.packed, tile, arena);
    const int64_t member = *tile.members;
    const double norm = step.norms[member] = norm_of(alone.step);
    const auto factor = static_cast<float>(factor_of(step, member, norm));
    if (factor != 0) add_gradients(alone.step, step, factor);  // 0: what is no number would stay none
}

// Whoever the tiles have left out: the gradient that is added is itself measured, so that rounding cannot hide any of
// it. In vectors: the matrix unit would leave more rounding than gradient.
bool run_alone(const Variant& variant, Step step, const Plan& plan) {
    std::vector<Tile> tiles;
    size_t work = 0;
    for (const int64_t& member : plan.order) {
        if (step.norms[member] != ALONE) continue;
        const int64_t rows = head_rows(step, member);
        tiles.push_back({&member, 1, step.lengths[member], rows, rows, plan.longest});
        Arena arena = {nullptr, 0};
        Step plain = step;
        plain.clipping = NONE;
        variant.work(plain, nullptr, tiles.back(), arena);
        work = std::max(work, arena.used);
    }
    if (tiles.empty()) return true;
    if (!space_alone.hold(lay_out_alone(variant, step, plan.longest, {nullptr, 0}).arena.used + work)) return false;
    Alone alone = lay_out_alone(variant, step, plan.longest, space_alone.arena());
    for (const Tile& tile : tiles) add_alone(variant, step, alone, tile);
    return true;
}

const Variant& in_vectors(const Variant& variant) {
#if defined(__x86_64__)
    if (&variant == &AMX) return AVX512;
#endif
    return variant;
}

int run(const Variant& variant, const Step& step) {
    if (const int code = refusal(step)) return code;
    const Plan plan = plan_of(step);
    if (plan.tiles.empty()) return 0;
    Arena weights = {nullptr, 0}, own = {nullptr, 0};
    variant.prepare(step, plan.longest, weights);
    Step copy = step;
    give_own_gradients(copy, own);
    const size_t work = measure(variant, step, plan);
    const auto shares = std::min(static_cast<size_t>(std::max<int64_t>(1, step.threads)), plan.tiles.size());
    if (spaces.size() != shares) spaces = std::vector<Workspace>(shares);
    bool held = shared_space.hold(weights.used);
    for (size_t i = 0; i < shares && held; ++i) held = spaces[i].hold(work + (i ? own.used : 0));
    if (!held) return 2;
    weights = shared_space.arena();
    run_shares(variant, step, variant.prepare(step, plan.longest, weights), plan);
    return step.clipping == NONE || run_alone(in_vectors(variant), step, plan) ? 0 : 2;
}

}  // namespace
}  // namespace cartveil

extern "C" {

#define CARTVEIL __attribute__((visibility("default")))

// The name of an instruction set (-1: the best this processor has), or null where the processor lacks it.
CARTVEIL const char* cartveil_instruction_set(int64_t number) {
    const cartveil::Variant* variant = cartveil::variant_of(number);
    return variant ? variant->name : nullptr;
}

CARTVEIL int64_t cartveil_step_size() { return sizeof(cartveil::Step); }

// 0: done; 1: no such instruction set; 2: no memory; 3: out of range; 4: padding has a weight.
CARTVEIL int cartveil_step(const cartveil::Step* step, int64_t number) {
    const cartveil::Variant* variant = cartveil::variant_of(number);
    if (!variant) return 1;
    const std::lock_guard<std::mutex> alone(cartveil::one_step);
    try {
        return cartveil::run(*variant, *step);
    } catch (const std::exception&) {  // no memory, or no more threads
        return 2;
    }
}

// Zero memory that was just allocated, in pages as large as there are: a step writes to all of it at once.
CARTVEIL void cartveil_clear(float* data, int64_t count) {
    char *first = reinterpret_cast<char*>(data), *last = first + count * 4;
#if defined(MADV_HUGEPAGE)
    const auto page = static_cast<uintptr_t>(cartveil::HUGE_PAGE);
    const uintptr_t begin = (reinterpret_cast<uintptr_t>(first) + page - 1) / page * page;
    const uintptr_t end = reinterpret_cast<uintptr_t>(last) / page * page;
    if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
    std::memset(first, 0, static_cast<size_t>(last - first));
}

// 0: done; 1: no such instruction set. `stream` numbers the tensors that share a key; it is never used twice.
CARTVEIL int cartveil_add_normals(const uint8_t* key, uint64_t stream, float* values, int64_t count, double scale,
                                  double grid, int64_t number) {
    const cartveil::Variant* variant = cartveil::variant_of(number);
    if (!variant) return 1;
    const uint8_t nonce[12] = {0, 0, 0, 0, uint8_t(stream), uint8_t(stream >> 8), uint8_t(stream >> 16),
                               uint8_t(stream >> 24), uint8_t(stream >> 32), uint8_t(stream >> 40),
                               uint8_t(stream >> 48), uint8_t(stream >> 56)};
    variant->add_normals(cartveil::stream_of(key, nonce), values, count, scale, grid);
    return 0;
}

// The stream itself, 16 blocks of 64 bytes from `counter` on, as RFC 8439 has it.
CARTVEIL int cartveil_stream(const uint8_t* key, const uint8_t* nonce, uint32_t counter, uint8_t* to, int64_t number) {
    const cartveil::Variant* variant = cartveil::variant_of(number);
    if (!variant) return 1;
    uint32_t words[256];
    variant->stream(cartveil::stream_of(key, nonce), counter, words);
    for (int i = 0; i < 16; ++i)
        for (int j = 0; j < 16; ++j)
            for (int byte = 0; byte < 4; ++byte) to[64 * j + 4 * i + byte] = uint8_t(words[16 * i + j] >> (8 * byte));
    return 0;
}

CARTVEIL void cartveil_release() {
    const std::lock_guard<std::mutex> alone(cartveil::one_step);
    cartveil::shared_space.drop();
    cartveil::space_alone.drop();
    cartveil::spaces.clear();
}
}
