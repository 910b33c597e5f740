// The softmax head on the matrix unit, transposed: a tile's scores stand items by rows, so that sums over items are
// sums of vectors and the gradient of W comes out as W lies in memory.
//
// A row's own target is left out of e and joins every result in single precision: nothing is lost where the target's
// probability is near 1. e (items, rows) is kept as a left factor for the gradient of W; as a right factor, for the
// gradient of h and the Gram product, it lives for a visit of VISIT items only.
#pragma once

constexpr int64_t VISIT = 256;
constexpr int64_t DEPTH = VISIT / 32;
constexpr float NEVER = -1e30f;
constexpr float LOG2_E = 1.44269504f;

struct PackedBlocks {
    Half *scores, *back;  // W, and its transpose visit by visit, as left factors
    float* bias;
};

struct BlockRun {
    int64_t rows, wide;       // rows of the head, and rounded up to 32
    Half *h, *e, *visit, *turned, *scaled;
    float *scores, *dh;       // one square of scores; (H, wide)
    float *sums, *highest, *top;
    int32_t* target;
    float* own;               // minus the sum over all other items: what e would be at the target
    float* gram;              // (pairs, 32, 32)
    int64_t* pair;            // (pairs, 3) blocks of 32 rows that some consumer has in common, and which halves
    int64_t pairs;
};

static void prepare_blocks(const Step& step, Arena& arena, PackedBlocks& packed) {
    const int64_t items = up(step.items, 32);
    packed.scores = arena.take<Half>(blocks_of(step.items, step.hidden) * BLOCK);
    packed.back = arena.take<Half>(blocks_of(step.hidden, step.items) * BLOCK);
    packed.bias = arena.take<float>(items);
    if (!arena.base) return;
    const Source w = {step.head, step.hidden, step.items, step.hidden, nullptr};
    split_left(w, packed.scores);
    // W as a right factor has in each block what its transpose has as a left one, but turned.
    split_right(w, packed.back);
    turn_blocks(packed.back, blocks_of(step.hidden, step.items));
    for (int64_t v = 0; v < items; ++v)
        packed.bias[v] = v >= step.items ? NEVER : step.head_bias ? step.head_bias[v] : 0;
}

static int64_t most_pairs(const Step& step, int64_t rows, int64_t most) {
    if (step.clipping == NONE) return 0;
    return up(rows, 32) / 32 * (blocks(most, 32) + 1);
}

static void take_blocks(Arena& arena, const Step& step, int64_t rows, int64_t most, BlockRun& run) {
    const int64_t wide = up(rows, 32), pairs = most_pairs(step, rows, most);
    run.rows = rows, run.wide = wide;
    run.h = arena.take<Half>(blocks_of(rows, step.hidden) * BLOCK);
    run.e = arena.take<Half>(blocks_of(step.items, rows) * BLOCK);
    run.visit = arena.take<Half>(blocks_of(rows, VISIT) * BLOCK);
    run.turned = arena.take<Half>(pairs ? blocks_of(32, VISIT) * BLOCK : 0);
    run.scaled = arena.take<Half>(blocks_of(step.hidden, rows) * BLOCK);
    run.scores = arena.take<float>(32 * 32);
    run.dh = arena.take<float>(up(step.hidden, 32) * wide);
    run.sums = arena.take<float>(wide);
    run.highest = arena.take<float>(wide);
    run.top = arena.take<float>(wide);
    run.target = arena.take<int32_t>(wide);
    run.own = arena.take<float>(wide);
    run.gram = arena.take<float>(pairs * 32 * 32);
    run.pair = arena.take<int64_t>(3 * pairs);
}

// Blocks of rows that meet in some consumer, and which of the four pairs of their halves do.
static void find_pairs(const HeadRun& head, int64_t consumers, BlockRun& run) {
    run.pairs = 0;
    for (int64_t i = 0; i < consumers; ++i) {
        if (head.first[i] == head.first[i + 1]) continue;
        const int64_t low = head.first[i] / 16, high = (head.first[i + 1] - 1) / 16;
        for (int64_t a = low; a <= high; ++a)
            for (int64_t b = low; b <= a; ++b) {
                int64_t p = run.pairs;  // a consumer may begin in the block in which the one before ends
                while (p > 0 && run.pair[3 * p - 3] >= low / 2) {
                    if (run.pair[3 * p - 3] == a / 2 && run.pair[3 * p - 2] == b / 2) break;
                    --p;
                }
                const bool known = p > 0 && run.pair[3 * p - 3] == a / 2 && run.pair[3 * p - 2] == b / 2;
                int64_t* to = run.pair + 3 * (known ? p - 1 : run.pairs);
                if (!known) to[0] = a / 2, to[1] = b / 2, to[2] = 0, ++run.pairs;
                to[2] |= int64_t{1} << (a % 2 * 2 + b % 2);
            }
    }
}

// Scores of 32 items for 32 rows.
INLINE void score_square(const Step& step, const PackedBlocks& packed, const BlockRun& run, int64_t item, int64_t row) {
    const int64_t depth = blocks(step.hidden, 32);
    const Half* a = packed.scores + item / 16 * depth * BLOCK;
    const Half* b = run.h + row / 16 * depth * BLOCK;
    square_of_blocks<true>(a, a + depth * BLOCK, b, b + depth * BLOCK, depth, run.scores, 32);
}

// Leave each row's own target out: its score becomes one that never counts.
INLINE void leave_out(const BlockRun& run, int64_t item, int64_t row) {
    for (int64_t half = 0; half < 32; half += 16) {
        __m512i place = _mm512_loadu_si512(run.target + row + half);
        place = _mm512_sub_epi32(place, _mm512_set1_epi32(static_cast<int>(item)));
        uint32_t here = _mm512_cmplt_epu32_mask(place, _mm512_set1_epi32(32));
        for (; here; here &= here - 1) {
            const int64_t r = half + __builtin_ctz(here);
            run.scores[(run.target[row + r] - item) * 32 + r] = NEVER;
        }
    }
}

// 2^x, as `exponential` but with what this processor has for it: nothing overflows on the way, NaN stays NaN.
INLINE Vector power(Vector x) {
    const __m512 n = _mm512_roundscale_ps((__m512)x, 8);
    const Vector r = x - (Vector)n;
    Vector p = r * 1.327647152e-3f + 9.675541331e-3f;  // least largest relative error, 7.5e-8
    p = p * r + 5.550713275e-2f;
    p = p * r + 2.402211972e-1f;
    p = p * r + 6.931469671e-1f;
    p = p * r + 1.000000072f;
    return (Vector)_mm512_scalef_ps((__m512)p, n);
}

// Scores become exponentials, summed, and split for both uses. `visited` counts blocks of 32 items in this visit.
INLINE void exponential_square(const PackedBlocks& packed, const BlockRun& run, int64_t item, int64_t row,
                               int64_t visited) {
    const int64_t depth = run.wide / 32;
    Half* left = run.e + (item / 16 * depth + row / 32) * BLOCK;
    Half* right = run.visit + (row / 16 * DEPTH + visited) * BLOCK;
    const Order across = {0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15};  // quarters of 16 bytes, in halves
    Vector top[2], sum[2], high[2];
    for (int h = 0; h < 2; ++h) {
        top[h] = load(run.top + row + 16 * h) * LOG2_E;
        sum[h] = load(run.sums + row + 16 * h), high[h] = load(run.highest + row + 16 * h);
    }
    for (int64_t v = 0; v < 32; v += 2) {
        Vector rows[2][2];  // of each item: the upper and the lower halves of 32 numbers
        for (int one = 0; one < 2; ++one) {
            const Vector bias = all(packed.bias[item + v + one]);
            Vector upper[2], lower[2];
            for (int h = 0; h < 2; ++h) {
                const Vector score = load(run.scores + (v + one) * 32 + 16 * h) + bias;
                high[h] = (Vector)_mm512_max_ps((__m512)score, (__m512)high[h]);
                const Vector e = power(score * LOG2_E - top[h]);
                sum[h] += e;
                upper[h] = rounded(e), lower[h] = e - upper[h];
            }
            Half* to = left + (v + one) / 16 * depth * BLOCK + (v + one) % 16 * 32;
            rows[one][0] = row_of(upper[0], upper[1]), rows[one][1] = row_of(lower[0], lower[1]);
            store(reinterpret_cast<float*>(to), rows[one][0]);
            store(reinterpret_cast<float*>(to + TILE), rows[one][1]);
        }
        for (int part = 0; part < 2; ++part) {
            const Vector first = pick(rows[0][part], rows[0][part], across);
            const Vector second = pick(rows[1][part], rows[1][part], across);
            float* to = reinterpret_cast<float*>(right + v / 2 * 32 + part * TILE);
            store(to, (Vector)_mm512_unpacklo_epi16((__m512i)first, (__m512i)second));
            store(to + DEPTH * BLOCK / 2, (Vector)_mm512_unpackhi_epi16((__m512i)first, (__m512i)second));
        }
    }
    for (int h = 0; h < 2; ++h) store(run.sums + row + 16 * h, sum[h]), store(run.highest + row + 16 * h, high[h]);
}

static void first_tops(const Step& step, const PackedBlocks& packed, BlockRun& run) {
    for (int64_t row = 0; row < run.wide; row += 32) {
        score_square(step, packed, run, 0, row);
        leave_out(run, 0, row);
        for (int64_t h = 0; h < 32; h += 16) {
            Vector high = all(NEVER);
            for (int64_t v = 0; v < least(32, step.items); ++v) {
                const Vector score = load(run.scores + v * 32 + h) + all(packed.bias[v]);
                high = score > high ? score : high;
            }
            // Nothing but targets among the first items: any finite number will do.
            store(run.top + row + h, high > -1e20f ? high : Vector{});
        }
    }
}

// dh += W^T e, and the Gram product of e, of one visit of `depth` blocks of items.
static void use_visit(const Step& step, const PackedBlocks& packed, BlockRun& run, int64_t item, int64_t depth) {
    const int64_t all_items = blocks(step.items, 32);
    for (int64_t h = 0; h < step.hidden; h += 32) {
        const Half* a = packed.back + (h / 16 * all_items + item / 32) * BLOCK;
        for (int64_t row = 0; row < run.wide; row += 32) {
            const Half* b = run.visit + row / 16 * DEPTH * BLOCK;
            square_of_blocks<false>(a, a + all_items * BLOCK, b, b + DEPTH * BLOCK, depth, run.dh + h * run.wide + row,
                                    run.wide);
        }
    }
    // Pairs stand in the order of their first block, which is turned only now: it stays in the cache for all of them.
    for (int64_t p = 0; p < run.pairs; ++p) {
        const Half *a = run.turned, *from = run.visit + 2 * run.pair[3 * p] * DEPTH * BLOCK;
        for (int64_t k = 0; k < 2 * DEPTH && (p == 0 || run.pair[3 * p] != run.pair[3 * p - 3]); ++k)
            if (k % DEPTH < depth) turn_block(from + k * BLOCK, run.turned + k * BLOCK);
        const Half* b = run.visit + 2 * run.pair[3 * p + 1] * DEPTH * BLOCK;
        some_of_blocks(static_cast<int>(run.pair[3 * p + 2]), a, a + DEPTH * BLOCK, b, b + DEPTH * BLOCK, depth,
                       run.gram + p * 1024, 32);
    }
}

static void sweep_blocks(const Step& step, const PackedBlocks& packed, BlockRun& run) {
    memset(run.dh, 0, static_cast<size_t>(up(step.hidden, 32) * run.wide) * sizeof(float));
    memset(run.gram, 0, static_cast<size_t>(run.pairs * 1024) * sizeof(float));
    for (int64_t r = 0; r < run.wide; ++r) run.sums[r] = 0, run.highest[r] = NEVER;
    for (int64_t item = 0; item < step.items; item += VISIT) {
        const int64_t depth = least(DEPTH, blocks(step.items - item, 32));
        for (int64_t k = 0; k < depth; ++k)
            for (int64_t row = 0; row < run.wide; row += 32) {
                score_square(step, packed, run, item + 32 * k, row);
                leave_out(run, item + 32 * k, row);
                exponential_square(packed, run, item + 32 * k, row, k);
            }
        use_visit(step, packed, run, item, depth);
    }
}

static bool too_far(BlockRun& run) {
    bool far = false;
    for (int64_t r = 0; r < run.wide; ++r) far = far || run.highest[r] > run.top[r] + FAR;
    if (far)
        for (int64_t r = 0; r < run.wide; ++r) run.top[r] = run.highest[r] > -1e20f ? run.highest[r] : 0;
    return far;
}

// Losses, factors and dh (rows, H), from h in `head`.
static void softmax_blocks(const Step& step, const PackedBlocks& packed, HeadRun& head, int64_t consumers,
                           BlockRun& run, double* losses) {
    const int64_t wide = up(step.hidden, LANES);
    for (int64_t r = 0; r < run.wide; ++r) run.target[r] = r < run.rows ? static_cast<int32_t>(head.target[r]) : -1;
    split_left({head.h, wide, run.rows, step.hidden, nullptr}, run.h);
    turn_blocks(run.h, blocks_of(run.rows, step.hidden));
    run.pairs = 0;
    if (step.clipping != NONE) find_pairs(head, consumers, run);
    first_tops(step, packed, run);
    sweep_blocks(step, packed, run);
    if (too_far(run)) sweep_blocks(step, packed, run);
    for (int64_t r = 0; r < run.rows; ++r) {
        const float* w = step.head + head.target[r] * step.hidden;
        const double own = inner(head.h + r * wide, w, step.hidden) +
                           (step.head_bias ? static_cast<double>(step.head_bias[head.target[r]]) : 0);
        const double others = static_cast<double>(run.sums[r]), top = static_cast<double>(run.top[r]);
        // Whichever of both is larger stays out of the exponential.
        const double sum = others + exp(own - top), weight = static_cast<double>(head.weight[r]);
        losses[r] = weight * (own - top > 600 ? 0 : log(sum) + top - own);
        head.factor[r] = static_cast<float>(weight / sum);
        run.own[r] = -run.sums[r];
        for (int64_t j = 0; j < step.hidden; ++j)
            head.dh[r * wide + j] = head.factor[r] * (run.dh[j * run.wide + r] + run.own[r] * w[j]);
        for (int64_t j = step.hidden; j < wide; ++j) head.dh[r * wide + j] = 0;
    }
}

INLINE float whole(Half high, Half low) {
    const uint32_t bits[2] = {static_cast<uint32_t>(high) << 16, static_cast<uint32_t>(low) << 16};
    float parts[2];
    memcpy(parts, bits, 8);
    return parts[0] + parts[1];
}

INLINE float other(const BlockRun& run, int64_t r, int64_t item) {
    const Half* at = run.e + (item / 16 * (run.wide / 32) + r / 32) * BLOCK + item % 16 * 32 + r % 32;
    return whole(at[0], at[TILE]);
}

// What row r's gradient of its scores has at an item, but for the row's factor.
INLINE float entry(const BlockRun& run, int64_t r, int64_t item) {
    return run.target[r] == item ? run.own[r] : other(run, r, item);
}

// As `head_gram_norm`, where <e_t, e_s> is the sum over other items and what both targets add to it.
// `rough` is the way through other items, where products of 16 bits were added up.
static Measure head_block_norm(const Step& step, const HeadRun& head, const BlockRun& run, int64_t consumer,
                               const Spare& spare, double& rough) {
    const int64_t begin = head.first[consumer], end = head.first[consumer + 1];
    const int64_t n = gram_of_states(step, head, consumer, spare);
    const double bias = step.head_bias ? 1 : 0;
    double sum = 0, way = 0;
    for (int64_t p = 0; p < run.pairs; ++p) {
        const int64_t a = 32 * run.pair[3 * p], b = 32 * run.pair[3 * p + 1];
        for (int64_t t = a > begin ? a : begin; t < least(a + 32, end); ++t) {
            const float* product = run.gram + p * 1024 + (t - a) * 32 - b;
            const float* states = spare.full + (t - begin) * n - begin;
            double row = 0;
            for (int64_t s = b > begin ? b : begin; s < least(b + 32, t + 1); ++s)
                row += (s < t ? 2 : 1) * static_cast<double>(product[s]) * (static_cast<double>(states[s]) + bias) *
                       static_cast<double>(head.factor[s]);
            sum += row * static_cast<double>(head.factor[t]);
            if (a != b) continue;
            const double others = static_cast<double>(product[t]), own = static_cast<double>(run.own[t]);
            const double size = static_cast<double>(states[t]) + bias, factor = fabs(static_cast<double>(head.factor[t]));
            way += factor * sqrt((others + own * own) * size);
            rough += factor * sqrt(others * size);
        }
    }
    for (int64_t s = begin; s < end; ++s)  // far apart in memory: ask for all before the first is needed
        for (int64_t t = begin / 32; t <= (end - 1) / 32; ++t) {
            const Half* at = run.e + (run.target[s] / 16 * (run.wide / 32) + t) * BLOCK + run.target[s] % 16 * 32;
            __builtin_prefetch(at);
            __builtin_prefetch(at + TILE);
        }
    for (int64_t s = begin; s < end; ++s) {
        const int64_t item = run.target[s];
        const float* states = spare.full + (s - begin) * n - begin;
        double row = 0;
        for (int64_t t = begin; t < end; ++t) {
            const double own = run.target[t] == item ? static_cast<double>(run.own[t])
                                                     : 2 * static_cast<double>(other(run, t, item));
            row += own * (static_cast<double>(states[t]) + bias) * static_cast<double>(head.factor[t]);
        }
        sum += row * static_cast<double>(run.own[s]) * static_cast<double>(head.factor[s]);
    }
    return {sum, way};
}

static void silence_blocks(const Step& step, BlockRun& run, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
        run.own[r] = 0;
        for (int64_t item = 0; item < up(step.items, 32); ++item) {
            Half* at = run.e + (item / 16 * (run.wide / 32) + r / 32) * BLOCK + item % 16 * 32 + r % 32;
            at[0] = at[TILE] = 0;
        }
    }
}

// One square of W's gradient; at the edges through a square of our own.
INLINE void add_square(const Step& step, const BlockRun& run, int64_t item, int64_t column) {
    const int64_t depth = run.wide / 32;
    const Half *a = run.e + item / 16 * depth * BLOCK, *b = run.scaled + column / 16 * depth * BLOCK;
    float* to = step.head_gradient + item * step.hidden + column;
    if (item + 32 <= step.items && column + 32 <= step.hidden) {
        square_of_blocks<false>(a, a + depth * BLOCK, b, b + depth * BLOCK, depth, to, step.hidden);
        return;
    }
    square_of_blocks<true>(a, a + depth * BLOCK, b, b + depth * BLOCK, depth, run.scores, 32);
    for (int64_t i = 0; i < least(32, step.items - item); ++i)
        for (int64_t j = 0; j < least(32, step.hidden - column); ++j) to[i * step.hidden + j] += run.scores[i * 32 + j];
}

INLINE void add_bias(const Step& step, const BlockRun& run, const Half* by, int64_t item) {
    const int64_t depth = run.wide / 32;
    for (int64_t v = item; v < least(item + 32, step.items); ++v) {
        __m512 sum = _mm512_setzero_ps();
        const Half* e = run.e + v / 16 * depth * BLOCK + v % 16 * 32;
        for (int64_t k = 0; k < depth; ++k, e += BLOCK) {
            __m512bh high, low, by_high, by_low;
            memcpy(&high, e, 64), memcpy(&low, e + TILE, 64);
            memcpy(&by_high, by + 64 * k, 64), memcpy(&by_low, by + 64 * k + 32, 64);
            sum = _mm512_dpbf16_ps(sum, high, by_high);
            sum = _mm512_dpbf16_ps(sum, high, by_low);
            sum = _mm512_dpbf16_ps(sum, low, by_high);
        }
        step.head_bias_gradient[v] += _mm512_reduce_add_ps(sum);
    }
}

static void add_head_blocks(const Step& step, const HeadRun& head, BlockRun& run, const float* scale,
                            const Spare& spare) {
    const int64_t wide = up(step.hidden, LANES);
    float* by = run.sums;
    for (int64_t r = 0; r < run.wide; ++r) by[r] = r < run.rows ? head.factor[r] * (scale ? scale[r] : 1) : 0;
    for (int64_t r = 0; r < run.rows; ++r)
        for (int64_t j = 0; j < wide; j += LANES)
            store(spare.scaled + r * wide + j, all(by[r]) * load(head.h + r * wide + j));
    split_right({spare.scaled, wide, run.rows, step.hidden, nullptr}, run.scaled);
    Half* factors = run.visit;
    for (int64_t r = 0; r < run.wide; r += 32) {
        const Parts one = split(load(by + r)), two = split(load(by + r + 16));
        store_row(factors + 2 * r, one.high, two.high);
        store_row(factors + 2 * r + 32, one.low, two.low);
    }
    for (int64_t visit = 0; visit < step.items; visit += VISIT) {
        const int64_t last = least(visit + VISIT, step.items);
        for (int64_t column = 0; column < step.hidden; column += 32)
            for (int64_t item = visit; item < last; item += 32) add_square(step, run, item, column);
        if (step.head_bias_gradient)
            for (int64_t item = visit; item < last; item += 32) add_bias(step, run, factors, item);
    }
    for (int64_t r = 0; r < run.rows; ++r) {
        float* to = step.head_gradient + head.target[r] * step.hidden;
        for (int64_t j = 0; j < step.hidden; ++j) to[j] += run.own[r] * spare.scaled[r * wide + j];
        if (step.head_bias_gradient) step.head_bias_gradient[head.target[r]] += run.own[r] * by[r];
    }
}
