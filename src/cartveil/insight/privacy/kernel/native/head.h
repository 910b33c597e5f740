// The softmax over V items for one tile's rows, its gradient kept in place, its norms and its products.
//
// e = exp(score - top) stands in panels of WIDE items, each (rows, width): what the right factor of a product looks
// like. A row's gradient of its scores is factor * (e - sum at the target), so that nothing is divided row by row.
// `top` is the best score of the first panel; where a later score lies far above it, the sweep is done once more.
#pragma once

constexpr float FAR = 20.0f;   // e^20 squared and summed stays far inside single precision
constexpr int64_t GROUP = 4;   // panels per visit

struct PackedHead {
    float *scores, *back, *bias;  // W transposed; W; b, far below everything for columns past V
};

struct HeadRun {
    int64_t rows;
    const int64_t* first;  // (count + 1,) each consumer's rows
    int64_t* target;
    float* weight;
    float *h, *e, *dh, *top, *factor;
    float *sums, *highest;  // (rows, LANES)
};

static void prepare_head(const Step& step, Arena& arena, PackedHead& packed) {
    const int64_t items = up(step.items, LANES);
    packed.scores = arena.take<float>(packed_size(step.hidden, step.items));
    packed.back = arena.take<float>(packed_size(step.items, step.hidden));
    packed.bias = arena.take<float>(items);
    if (!arena.base) return;
    pack_transposed(packed.scores, step.head, step.hidden, step.items);
    pack_rows(packed.back, step.head, step.hidden, nullptr, step.items, step.hidden);
    for (int64_t v = 0; v < items; ++v)
        packed.bias[v] = v >= step.items ? -1e30f : step.head_bias ? step.head_bias[v] : 0;
}

static void take_head(Arena& arena, const Step& step, int64_t rows, HeadRun& run, bool elsewhere) {
    const int64_t wide = up(step.hidden, LANES);
    run.rows = rows;
    run.target = arena.take<int64_t>(rows);
    run.weight = arena.take<float>(rows);
    run.h = arena.take<float>(rows * wide);
    run.e = arena.take<float>(elsewhere ? 0 : rows * up(step.items, LANES));
    run.dh = arena.take<float>(rows * wide);
    run.top = arena.take<float>(rows);
    run.factor = arena.take<float>(rows);
    run.sums = arena.take<float>(rows * LANES);
    run.highest = arena.take<float>(rows * LANES);
}

INLINE float highest_of(Vector value) {
    float high = value[0];
    for (int j = 1; j < LANES; ++j) high = value[j] > high ? value[j] : high;
    return high;
}

static void exponentials(HeadRun& run, float* panel, int64_t width) {
    for (int64_t r = 0; r < run.rows; ++r, panel += width) {
        const Vector top = all(run.top[r]);
        Vector sum = load(run.sums + r * LANES), high = load(run.highest + r * LANES);
        for (int64_t j = 0; j < width; j += LANES) {
            const Vector score = load(panel + j);
            high = score > high ? score : high;
            const Vector e = exponential(score - top);
            sum += e;
            store(panel + j, e);
        }
        store(run.sums + r * LANES, sum);
        store(run.highest + r * LANES, high);
    }
}

// Fill e; `known` says that `top` is the best score already.
static void sweep(const Step& step, const PackedHead& packed, HeadRun& run, bool known) {
    const int64_t wide = up(step.hidden, LANES);
    for (int64_t i = 0; i < run.rows * LANES; ++i) run.sums[i] = 0, run.highest[i] = -1e30f;
    for (int64_t first = 0; first < step.items; first += WIDE) {
        const int64_t width = panel_width(step.items, first);
        float* panel = run.e + first * run.rows;
        panel_product<BIAS>(width, run.rows, step.hidden, {run.h, wide, 1, 0}, packed.scores + first * step.hidden,
                            panel, width, packed.bias + first);
        if (first == 0 && !known)
            for (int64_t r = 0; r < run.rows; ++r) {
                Vector high = load(panel + r * width);
                for (int64_t j = LANES; j < width; j += LANES) {
                    const Vector score = load(panel + r * width + j);
                    high = score > high ? score : high;
                }
                run.top[r] = highest_of(high);
            }
        exponentials(run, panel, width);
    }
}

static bool too_far(HeadRun& run) {
    bool far = false;
    for (int64_t r = 0; r < run.rows; ++r) {
        const float high = highest_of(load(run.highest + r * LANES));
        far = far || high > run.top[r] + FAR;
    }
    if (far)
        for (int64_t r = 0; r < run.rows; ++r) run.top[r] = highest_of(load(run.highest + r * LANES));
    return far;
}

// Where row r's e for item v stands.
INLINE float* entry(const Step& step, const HeadRun& run, int64_t r, int64_t v) {
    const int64_t first = v / WIDE * WIDE;
    return run.e + first * run.rows + r * panel_width(step.items, first) + (v - first);
}

// Scores, exponentials, losses; e becomes the gradient of the scores but for each row's factor.
static void softmax(const Step& step, const PackedHead& packed, HeadRun& run, double* losses) {
    const int64_t wide = up(step.hidden, LANES);
    sweep(step, packed, run, false);
    if (too_far(run)) sweep(step, packed, run, true);
    for (int64_t r = 0; r < run.rows; ++r) {
        const int64_t target = run.target[r];
        const double sum = total(load(run.sums + r * LANES));
        const double own = inner(run.h + r * wide, step.head + target * step.hidden, step.hidden) +
                           (step.head_bias ? static_cast<double>(step.head_bias[target]) : 0);
        losses[r] = static_cast<double>(run.weight[r]) * (log(sum) + static_cast<double>(run.top[r]) - own);
        *entry(step, run, r, target) -= static_cast<float>(sum);
        run.factor[r] = static_cast<float>(static_cast<double>(run.weight[r]) / sum);
    }
}

// dh = factor * e W, and the Gram cells of e for the consumers in `cells` (null where none is wanted).
static void head_back(const Step& step, const PackedHead& packed, HeadRun& run, int64_t count, float* const* cells,
                      const float** pointers) {
    const int64_t wide = up(step.hidden, LANES), whole = step.items / WIDE * WIDE;
    memset(run.dh, 0, static_cast<size_t>(run.rows * wide) * sizeof(float));
    for (int64_t item = 0; item < step.items;) {
        const int64_t width = panel_width(step.items, item);
        const int64_t panels = item < whole ? least(GROUP, (whole - item) / WIDE) : 1;
        const float* e = run.e + item * run.rows;
        for (int64_t column = 0; column < step.hidden; column += WIDE) {
            const int64_t some = panel_width(step.hidden, column);
            const float* b = packed.back + column * step.items + item * some;
            const int64_t depth = least(width, step.items - item);
            for (int64_t p = 0; p < panels; p += 2)
                panel_of<KEEP>(some, run.rows, least(2, panels - p), depth,
                               {e + p * WIDE * run.rows, width, 1, WIDE * run.rows}, b + p * WIDE * some,
                               run.dh + column, wide, nullptr);
        }
        for (int64_t i = 0; i < count; ++i) {
            if (!cells || !cells[i]) continue;
            const int64_t begin = run.first[i], n = run.first[i + 1] - begin;
            for (int64_t r = 0; r < n; ++r) pointers[r] = e + (begin + r) * width;
            gram(pointers, n, panels, WIDE * run.rows, width, cells[i]);
        }
        item += panels * WIDE;
    }
    for (int64_t r = 0; r < run.rows; ++r)
        for (int64_t j = 0; j < wide; ++j) run.dh[r * wide + j] *= run.factor[r];
}

// Rows from which on the head's gradient itself is cheaper than its Gram product.
INLINE int64_t head_limit(const Step& step) { return 2 * step.items * step.hidden / (step.items + step.hidden); }

INLINE bool head_by_gram(const Step& step, int64_t rows) { return rows < head_limit(step); }

// <h_t, h_s> of one consumer's rows, in full.
static int64_t gram_of_states(const Step& step, const HeadRun& run, int64_t consumer, const Spare& spare) {
    const int64_t begin = run.first[consumer], n = run.first[consumer + 1] - begin, wide = up(step.hidden, LANES);
    memset(spare.others, 0, static_cast<size_t>(gram_size(n)) * sizeof(float));
    for (int64_t r = 0; r < n; ++r) spare.rows[r] = run.h + (begin + r) * wide;
    gram(spare.rows, n, 1, 0, wide, spare.others);
    sum_gram(spare.others, n);
    spread_gram(spare.others, n, spare.full, n);
    return n;
}

// sum over t, s of factor_t factor_s <e_t, e_s> (<h_t, h_s> + 1), the 1 for the bias.
static Measure head_gram_norm(const Step& step, const HeadRun& run, int64_t consumer, float* cells, const Spare& spare) {
    const int64_t n = gram_of_states(step, run, consumer, spare);
    const float* factor = run.factor + run.first[consumer];
    const double bias = step.head_bias ? 1 : 0;
    sum_gram(cells, n);
    double sum = 0, way = 0;
    for (int64_t i = 0; i < n; i += SQUARE)
        for (int64_t j = 0; j <= i; j += SQUARE, cells += SQUARE * SQUARE)
            for (int64_t r = i; r < least(i + SQUARE, n); ++r) {
                const double own = static_cast<double>(cells[(r - i) * (SQUARE + 1)]);
                if (i == j) way += fabs(static_cast<double>(factor[r])) * sqrt(own * (spare.full[r * n + r] + bias));
                for (int64_t s = j; s < least(j + SQUARE, r + 1); ++s)
                    sum += (s < r ? 2 : 1) * static_cast<double>(cells[(r - i) * SQUARE + s - j]) *
                           (static_cast<double>(spare.full[r * n + s]) + bias) * static_cast<double>(factor[r]) *
                           static_cast<double>(factor[s]);
            }
    return {sum, way};
}

// Pack each row's h times its factor times its consumer's.
static void pack_scaled(const Step& step, HeadRun& run, int64_t begin, int64_t rows, const float* scale, float* to,
                        const Spare& spare) {
    const int64_t wide = up(step.hidden, LANES);
    for (int64_t r = 0; r < rows; ++r) {
        spare.rows[r] = spare.scaled + r * wide;
        const Vector by = all(run.factor[begin + r] * (scale ? scale[begin + r] : 1));
        for (int64_t j = 0; j < wide; j += LANES)
            store(spare.scaled + r * wide + j, by * load(run.h + (begin + r) * wide + j));
    }
    pack_rows(to, nullptr, 0, spare.rows, rows, step.hidden);
}

// How far a consumer's rows go, |e| row by row.
static double way_of_head(const Step& step, const HeadRun& run, int64_t consumer) {
    const int64_t wide = up(step.hidden, LANES);
    double way = 0;
    for (int64_t r = run.first[consumer]; r < run.first[consumer + 1]; ++r) {
        double e = 0;
        for (int64_t v = 0; v < step.items; v += WIDE) {
            const float* panel = entry(step, run, r, v);
            e += inner(panel, panel, least(WIDE, step.items - v));
        }
        const float* h = run.h + r * wide;
        way += fabs(static_cast<double>(run.factor[r])) * sqrt(e * (inner(h, h, wide) + (step.head_bias ? 1 : 0)));
    }
    return way;
}

static Measure head_product_norm(const Step& step, HeadRun& run, int64_t consumer, const Spare& spare) {
    const int64_t begin = run.first[consumer], n = run.first[consumer + 1] - begin;
    pack_scaled(step, run, begin, n, nullptr, spare.packed, spare);
    double sum = 0;
    for (int64_t first = 0; first < step.items; first += WIDE) {
        const int64_t width = panel_width(step.items, first), m = least(width, step.items - first);
        const float* e = run.e + first * run.rows + begin * width;
        sum += squared_product(m, step.hidden, n, {e, 1, width, 0}, spare.packed, spare.strip);
        if (!step.head_bias) continue;
        for (int64_t j = 0; j < m; ++j) {
            double column = 0;
            for (int64_t r = 0; r < n; ++r)
                column += static_cast<double>(e[r * width + j]) * static_cast<double>(run.factor[begin + r]);
            sum += column * column;
        }
    }
    return {sum, way_of_head(step, run, consumer)};
}

// Add (scale factor e)^T h to the head's gradient; `scale` (rows,) is each consumer's clip factor, or null.
static void add_head(const Step& step, HeadRun& run, const float* scale, const Spare& spare) {
    pack_scaled(step, run, 0, run.rows, scale, spare.packed, spare);
    for (int64_t first = 0; first < step.items; first += WIDE) {
        const int64_t width = panel_width(step.items, first), m = least(width, step.items - first);
        const float* e = run.e + first * run.rows;
        if (step.head_bias_gradient)
            for (int64_t j = 0; j < width; j += LANES) {
                Vector sum = {};
                for (int64_t r = 0; r < run.rows; ++r)
                    sum += load(e + r * width + j) * all(run.factor[r] * (scale ? scale[r] : 1));
                float* to = step.head_bias_gradient + first + j;
                store_some(to, load_some(to, m - j) + sum, m - j);
            }
        multiply_into(m, step.hidden, run.rows, {e, 1, width, 0}, spare.packed,
                      step.head_gradient + first * step.hidden, step.hidden, spare.strip);
    }
}
