// The gradients of an LSTM's weights on the matrix unit, some rows at a time: what was split stays in the cache.
#pragma once

constexpr int64_t SOME = 256;  // rows

struct GradientBlocks {
    Half *left, *right;
    float* square;
};

static void take_gradient_blocks(Arena& arena, int64_t hidden, int64_t widest, GradientBlocks& to) {
    to.left = arena.take<Half>(blocks_of(4 * hidden, SOME) * BLOCK);
    to.right = arena.take<Half>(blocks_of(widest, SOME) * BLOCK);
    to.square = arena.take<float>(32 * 32);
}

// C (m, columns) += A B; C is not ours to write past its edges.
static void add_blocks(const GradientBlocks& from, int64_t depth, float* c, int64_t m, int64_t columns) {
    for (int64_t j = 0; j < columns; j += 32)
        for (int64_t i = 0; i < m; i += 32) {
            const Half *a = from.left + i / 16 * depth * BLOCK, *b = from.right + j / 16 * depth * BLOCK;
            const Half *a1 = a + depth * BLOCK, *b1 = b + depth * BLOCK;
            float* to = c + i * columns + j;
            if (i + 32 <= m && j + 32 <= columns) {
                square_of_blocks<false>(a, a1, b, b1, depth, to, columns);
                continue;
            }
            square_of_blocks<true>(a, a1, b, b1, depth, from.square, 32);
            for (int64_t k = 0; k < least(32, m - i); ++k)
                for (int64_t l = 0; l < least(32, columns - j); ++l) to[k * columns + l] += from.square[k * 32 + l];
        }
}

// As `add_gradients`.
static void add_gradients_by_blocks(const Rows& rows, const Layer& layer, int64_t hidden, const LayerRun& run,
                                    const Spare& spare, const GradientBlocks& to) {
    const int64_t four = gates_stride(hidden), wide = up(hidden, LANES);
    for (int64_t i = 0; i < rows.active[0]; ++i) spare.rows[i] = nullptr;  // before the first step h is 0
    for (int64_t t = 1; t < rows.time; ++t)
        for (int64_t i = 0; i < rows.active[t]; ++i)
            spare.rows[rows.start[t] + i] = run.h + (rows.start[t - 1] + i) * wide;
    for (int64_t row = 0; row < rows.steps; row += SOME) {
        const int64_t some = least(SOME, rows.steps - row), depth = blocks(some, 32);
        split_right({run.gates + row * four, four, some, 4 * hidden, nullptr}, to.left);
        turn_blocks(to.left, blocks_of(4 * hidden, some));
        split_right({run.x + row * run.wide, run.wide, some, run.width, nullptr}, to.right);
        add_blocks(to, depth, layer.input_gradient, 4 * hidden, run.width);
        split_right({nullptr, 0, some, hidden, spare.rows + row}, to.right);
        add_blocks(to, depth, layer.recurrent_gradient, 4 * hidden, hidden);
    }
    add_bias_gradient(rows, layer, hidden, run);
}
