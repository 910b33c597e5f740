// The LSTM over one tile: forward keeping gates, back through time to the pre-activation gradients, norms, products.
//
// Rows are steps: row start[t] + i is step t of the tile's i-th consumer. Consumers stand longest first, so that those
// who still have a step t are the first active[t], and padding costs nothing.
#pragma once

// Numbers between two rows of gates. Not a power of two, or the rows of a product by columns would meet in the cache.
INLINE int64_t gates_stride(int64_t hidden) { return up(4 * hidden, LANES) + LANES; }

struct Rows {
    int64_t count, time, steps;  // consumers, longest length, all rows
    const int64_t* start;        // (time,)
    const int64_t* active;       // (time,)
    const int64_t* length;       // (count,)
};

struct PackedLayer {
    int64_t width;
    float *input, *recurrent;            // transposed, for the forward pass
    float *input_back, *recurrent_back;  // as they are, for the way back
    float* bias;
};

struct LayerRun {
    const float* x;       // (steps, padded width)
    int64_t width, wide;  // numbers per step, and between two rows
    float *gates, *c, *shown, *h;  // (steps, 4H), (steps, H): gates, later deltas; cell; tanh(cell); hidden
};

static void prepare_layer(const Layer& layer, int64_t width, int64_t hidden, Arena& arena, PackedLayer& packed) {
    const int64_t four = 4 * hidden;
    packed.width = width;
    packed.input = arena.take<float>(packed_size(width, four));
    packed.recurrent = arena.take<float>(packed_size(hidden, four));
    packed.input_back = arena.take<float>(packed_size(four, width));
    packed.recurrent_back = arena.take<float>(packed_size(four, hidden));
    packed.bias = arena.take<float>(up(four, LANES));
    if (!arena.base) return;
    pack_transposed(packed.input, layer.input, width, four);
    pack_transposed(packed.recurrent, layer.recurrent, hidden, four);
    pack_rows(packed.input_back, layer.input, width, nullptr, four, width);
    pack_rows(packed.recurrent_back, layer.recurrent, hidden, nullptr, four, hidden);
    for (int64_t j = 0; j < up(four, LANES); ++j)
        packed.bias[j] = j < four ? layer.input_bias[j] + layer.recurrent_bias[j] : 0;
}

// One row of f, i, c~, o -> c, h. `before` is the cell state of the step before, or null.
INLINE void show(float* gates, const float* before, float* c, float* shown, float* h, int64_t hidden) {
    for (int64_t j = 0; j < hidden; j += LANES) {
        const int64_t some = hidden - j;
        const Vector i = logistic(load_some(gates + j, some));
        const Vector f = logistic(load_some(gates + hidden + j, some));
        const Vector g = hyperbolic(load_some(gates + 2 * hidden + j, some));
        const Vector o = logistic(load_some(gates + 3 * hidden + j, some));
        const Vector cell = before ? f * load(before + j) + i * g : i * g;
        const Vector t = hyperbolic(cell);
        store_some(gates + j, i, some);
        store_some(gates + hidden + j, f, some);
        store_some(gates + 2 * hidden + j, g, some);
        store_some(gates + 3 * hidden + j, o, some);
        // Lanes past H hold what 0 turns into: h and c stay finite there and meet only zeros.
        store(c + j, cell);
        store(shown + j, t);
        store(h + j, o * t);
    }
}

// Turn gates into deltas. `dh` arrives complete; `dc` comes from the step after and leaves for the step before.
INLINE void unshow(float* gates, const float* before, const float* shown, const float* dh, float* dc, int64_t hidden) {
    for (int64_t j = 0; j < hidden; j += LANES) {
        const int64_t some = hidden - j;
        const Vector i = load_some(gates + j, some), f = load_some(gates + hidden + j, some);
        const Vector g = load_some(gates + 2 * hidden + j, some), o = load_some(gates + 3 * hidden + j, some);
        const Vector t = load(shown + j), d = load(dh + j);
        const Vector cell = d * o * (1.0f - t * t) + load(dc + j);
        const Vector previous = before ? load(before + j) : Vector{};
        store_some(gates + j, cell * g * i * (1.0f - i), some);
        store_some(gates + hidden + j, cell * previous * f * (1.0f - f), some);
        store_some(gates + 2 * hidden + j, cell * i * (1.0f - g * g), some);
        store_some(gates + 3 * hidden + j, d * t * o * (1.0f - o), some);
        store(dc + j, cell * f);
    }
}

static void take_layer(Arena& arena, int64_t steps, int64_t hidden, LayerRun& run) {
    const int64_t wide = up(hidden, LANES);
    run.gates = arena.take<float>(steps * gates_stride(hidden));
    run.c = arena.take<float>(steps * wide);
    run.shown = arena.take<float>(steps * wide);
    run.h = arena.take<float>(steps * wide);
}

static void forward(const Rows& rows, const PackedLayer& packed, int64_t hidden, LayerRun& run) {
    const int64_t four = gates_stride(hidden), wide = up(hidden, LANES);
    multiply<BIAS>(rows.steps, 4 * hidden, run.width, {run.x, run.wide, 1, 0}, packed.input, run.gates, four,
                   packed.bias);
    for (int64_t t = 0; t < rows.time; ++t) {
        const int64_t at = rows.start[t], last = t ? rows.start[t - 1] : 0, n = rows.active[t];
        if (t)
            multiply<KEEP>(n, 4 * hidden, hidden, {run.h + last * wide, wide, 1, 0}, packed.recurrent,
                           run.gates + at * four, four, nullptr);
        for (int64_t i = 0; i < n; ++i) {
            const int64_t row = (at + i) * wide;
            show(run.gates + (at + i) * four, t ? run.c + (last + i) * wide : nullptr, run.c + row, run.shown + row,
                 run.h + row, hidden);
        }
    }
}

// `dh` (steps, H) holds what comes from above and gathers what comes through time; gates become deltas.
static void backward(const Rows& rows, const PackedLayer& packed, int64_t hidden, LayerRun& run, float* dh, float* dc) {
    const int64_t four = gates_stride(hidden), wide = up(hidden, LANES);
    memset(dc, 0, static_cast<size_t>(rows.count * wide) * sizeof(float));
    for (int64_t t = rows.time - 1; t >= 0; --t) {
        const int64_t at = rows.start[t], last = t ? rows.start[t - 1] : 0, n = rows.active[t];
        for (int64_t i = 0; i < n; ++i)
            unshow(run.gates + (at + i) * four, t ? run.c + (last + i) * wide : nullptr, run.shown + (at + i) * wide,
                   dh + (at + i) * wide, dc + i * wide, hidden);
        if (t)
            multiply<KEEP>(n, hidden, 4 * hidden, {run.gates + at * four, four, 1, 0}, packed.recurrent_back,
                           dh + last * wide, wide, nullptr);
    }
}

static void to_input(const Rows& rows, const PackedLayer& packed, int64_t hidden, const LayerRun& run, float* dx) {
    const int64_t four = gates_stride(hidden);
    multiply<ZERO>(rows.steps, packed.width, 4 * hidden, {run.gates, four, 1, 0}, packed.input_back, dx,
                   up(packed.width, LANES), nullptr);
}

struct Spare {
    float *cells, *others;  // Gram cells of one consumer
    float* full;            // a Gram matrix
    float *packed, *strip;  // a packed right factor; a strip of a product
    float *gathered;        // rows of one consumer, one after another
    float* scaled;          // the rows of the head, scaled
    const float** rows;
};

// A squared norm, and the way that steps go to get there: the sum over t of |g_t| |x_t|. Rounding grows with the way;
// where steps cancel, little of it is left.
struct Measure {
    double square, way;
};

// sum over t, s of <delta_t, delta_s> (<x_t, x_s> + <h_t-1, h_s-1> + 1): both weights and the bias at once.
static Measure gram_norm(const Rows& rows, int64_t consumer, int64_t hidden, const LayerRun& run, const Spare& spare) {
    const int64_t four = gates_stride(hidden), wide = up(hidden, LANES), n = rows.length[consumer];
    memset(spare.cells, 0, static_cast<size_t>(gram_size(n)) * sizeof(float));
    memset(spare.others, 0, static_cast<size_t>(gram_size(n)) * sizeof(float));
    for (int64_t t = 0; t < n; ++t) spare.rows[t] = run.gates + (rows.start[t] + consumer) * four;
    gram(spare.rows, n, 1, 0, up(4 * hidden, LANES), spare.cells);
    for (int64_t t = 0; t < n; ++t) spare.rows[t] = run.x + (rows.start[t] + consumer) * run.wide;
    gram(spare.rows, n, 1, 0, run.wide, spare.others);
    for (int64_t t = 0; t + 1 < n; ++t) spare.rows[t + 1] = run.h + (rows.start[t] + consumer) * wide;
    spare.rows[0] = spare.strip;
    memset(spare.strip, 0, static_cast<size_t>(wide) * sizeof(float));
    gram(spare.rows, n, 1, 0, wide, spare.others);
    sum_gram(spare.cells, n);
    sum_gram(spare.others, n);
    // Of blocks on the diagonal, what lies above it counts for nothing and the diagonal itself by half.
    double way = 0;
    for (int64_t i = 0, at = 0; i < n; at += SQUARE * SQUARE, i += SQUARE) {
        at += i / SQUARE * SQUARE * SQUARE;
        for (int64_t k = 0; k < SQUARE; ++k) {
            float* row = spare.cells + at + k * SQUARE;
            way += sqrt(static_cast<double>(row[k]) * (static_cast<double>(spare.others[at + k * SQUARE + k]) + 1));
            for (int64_t l = k; l < SQUARE; ++l) row[l] *= l == k ? 0.5f : 0;
        }
    }
    double sums[LANES] = {};
    for (int64_t k = 0; k < gram_size(n) / LANES; k += LANES)
        for (int64_t l = k; l < k + LANES; ++l)
            sums[l - k] += static_cast<double>(spare.cells[l]) * (static_cast<double>(spare.others[l]) + 1);
    double sum = 0;
    for (int l = 0; l < LANES; ++l) sum += sums[l];
    return {2 * sum, way};
}

// Squared entries of A^T B, strip by strip; A is (depth, m) with rows `left.column` apart, B packed.
static double squared_product(int64_t m, int64_t columns, int64_t depth, Left left, const float* packed, float* strip) {
    const int64_t wide = up(columns, LANES);
    double sum = 0;
    for (int64_t i = 0; i < m; i += 64) {
        const int64_t some = least(64, m - i);
        multiply<ZERO>(some, columns, depth, {left.data + i * left.row, left.row, left.column, 0}, packed, strip, wide,
                       nullptr);
        for (int64_t r = 0; r < some; ++r) {
            Vector squares = {};
            for (int64_t j = 0; j < wide; j += LANES) {
                const Vector value = load(strip + r * wide + j);
                squares += value * value;
            }
            sum += total(squares);
        }
    }
    return sum;
}

// The same from the gradients themselves, cheaper where T^2 exceeds about twice their size over a row.
static Measure product_norm(const Rows& rows, int64_t consumer, int64_t hidden, const LayerRun& run,
                            const Spare& spare) {
    const int64_t four = gates_stride(hidden), wide = up(hidden, LANES), n = rows.length[consumer];
    for (int64_t t = 0; t < n; ++t)
        memcpy(spare.gathered + t * four, run.gates + (rows.start[t] + consumer) * four,
               static_cast<size_t>(up(4 * hidden, LANES)) * sizeof(float));
    const Left delta = {spare.gathered, 1, four, 0};
    for (int64_t t = 0; t < n; ++t) spare.rows[t] = run.x + (rows.start[t] + consumer) * run.wide;
    pack_rows(spare.packed, nullptr, 0, spare.rows, n, run.width);
    double sum = squared_product(4 * hidden, run.width, n, delta, spare.packed, spare.strip);
    for (int64_t t = 0; t + 1 < n; ++t) spare.rows[t] = run.h + (rows.start[t] + consumer) * wide;
    pack_rows(spare.packed, nullptr, 0, spare.rows, n - 1, hidden);
    const Left later = {spare.gathered + four, 1, four, 0};
    if (n > 1) sum += squared_product(4 * hidden, hidden, n - 1, later, spare.packed, spare.strip);
    for (int64_t j = 0; j < 4 * hidden; ++j) {
        double bias = 0;
        for (int64_t t = 0; t < n; ++t) bias += static_cast<double>(spare.gathered[t * four + j]);
        sum += bias * bias;
    }
    double way = 0;
    for (int64_t t = 0; t < n; ++t) {
        const float *d = spare.gathered + t * four, *x = run.x + (rows.start[t] + consumer) * run.wide;
        const float* h = t ? spare.rows[t - 1] : nullptr;
        way += sqrt(inner(d, d, 4 * hidden) * (inner(x, x, run.width) + (h ? inner(h, h, hidden) : 0) + 1));
    }
    return {sum, way};
}

// Steps from which on a layer's gradients themselves are cheaper than its Gram products.
INLINE int64_t gram_limit(int64_t hidden, int64_t width) {
    return 8 * hidden * (hidden + width) / (5 * hidden + width);
}

INLINE bool layer_by_gram(int64_t steps, int64_t hidden, int64_t width) { return steps < gram_limit(hidden, width); }

static void add_bias_gradient(const Rows& rows, const Layer& layer, int64_t hidden, const LayerRun& run) {
    for (int64_t row = 0; row < rows.steps; ++row)
        for (int64_t j = 0; j < 4 * hidden; ++j) layer.bias_gradient[j] += run.gates[row * gates_stride(hidden) + j];
}

// Add delta^T x, delta^T h of the step before, and delta's column sums to the gradients.
static void add_gradients(const Rows& rows, const Layer& layer, int64_t hidden, const LayerRun& run,
                          const Spare& spare) {
    const int64_t four = gates_stride(hidden), wide = up(hidden, LANES), first = rows.active[0];
    pack_rows(spare.packed, run.x, run.wide, nullptr, rows.steps, run.width);
    multiply_into(4 * hidden, run.width, rows.steps, {run.gates, 1, four, 0}, spare.packed, layer.input_gradient,
                  run.width, spare.strip);
    for (int64_t t = 1; t < rows.time; ++t)
        for (int64_t i = 0; i < rows.active[t]; ++i)
            spare.rows[rows.start[t] - first + i] = run.h + (rows.start[t - 1] + i) * wide;
    pack_rows(spare.packed, nullptr, 0, spare.rows, rows.steps - first, hidden);
    multiply_into(4 * hidden, hidden, rows.steps - first, {run.gates + first * four, 1, four, 0}, spare.packed,
                  layer.recurrent_gradient, hidden, spare.strip);
    add_bias_gradient(rows, layer, hidden, run);
}
