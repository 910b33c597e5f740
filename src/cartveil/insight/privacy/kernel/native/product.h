// Products of matrices in single precision: C = A B with B packed into panels of up to WIDE columns, and Gram products.
//
// A panel holds its columns of all K rows one after another, so that the inner loop reads B from front to back.
#pragma once

constexpr int ROWS = 6;                 // rows of C held in registers
constexpr int64_t WIDE = LANES * VECTORS;  // columns of C held in registers
constexpr int64_t DEEP = 128;           // rows of a panel that stay in the first cache

enum Start { ZERO, BIAS, KEEP };

// The left factor: element (i, k) of segment s stands at data[i * row + k * column + s * segment].
struct Left {
    const float* data;
    int64_t row, column, segment;
};

INLINE int64_t panel_width(int64_t columns, int64_t first) { return least(WIDE, up(columns - first, LANES)); }
INLINE int64_t packed_size(int64_t depth, int64_t columns) { return depth * up(columns, LANES); }

// Pack (depth, columns) row by row; row k is rows[k] or source + k * stride.
static void pack_rows(float* to, const float* source, int64_t stride, const float* const* rows, int64_t depth,
                      int64_t columns) {
    for (int64_t first = 0; first < columns; first += WIDE) {
        const int64_t width = panel_width(columns, first);
        for (int64_t k = 0; k < depth; ++k, to += width) {
            const float* from = (rows ? rows[k] : source + k * stride) + first;
            for (int64_t j = 0; j < width; j += LANES) store(to + j, load_some(from + j, columns - first - j));
        }
    }
}

// Pack the transpose of a (columns, depth) matrix.
static void pack_transposed(float* to, const float* source, int64_t depth, int64_t columns) {
    for (int64_t first = 0; first < columns; first += WIDE) {
        const int64_t width = panel_width(columns, first);
        for (int64_t k = 0; k < depth; k += 16) {
            for (int64_t j = 0; j < width; ++j) {
                const float* from = source + (first + j) * depth;
                for (int64_t d = k; d < least(depth, k + 16); ++d)
                    to[d * width + j] = first + j < columns ? from[d] : 0;
            }
        }
        to += depth * width;
    }
}

template <int M, int N, Start start>
INLINE void block(int64_t segments, int64_t depth, const float* a, Left left, const float* b, float* c, int64_t stride,
                  const float* bias) {
    Vector sum[M][N];
    for (int i = 0; i < M; ++i)
        for (int j = 0; j < N; ++j)
            sum[i][j] = start == ZERO   ? Vector{}
                        : start == BIAS ? load(bias + j * LANES)
                                        : load(c + i * stride + j * LANES);
    for (int64_t s = 0; s < segments; ++s) {
        const float* at = a + s * left.segment;
        for (int64_t k = 0; k < depth; ++k) {
            Vector right[N];
            for (int j = 0; j < N; ++j) right[j] = load(b + j * LANES);
            for (int i = 0; i < M; ++i) {
                const Vector one = all(at[i * left.row]);
                for (int j = 0; j < N; ++j) sum[i][j] += one * right[j];
            }
            at += left.column;
            b += N * LANES;
        }
    }
    for (int i = 0; i < M; ++i)
        for (int j = 0; j < N; ++j) store(c + i * stride + j * LANES, sum[i][j]);
}

template <int N, Start start>
static void strip(int64_t m, int64_t segments, int64_t depth, const float* a, Left left, const float* b, float* c,
                  int64_t stride, const float* bias) {
    switch (m) {
        case 1: return block<1, N, start>(segments, depth, a, left, b, c, stride, bias);
        case 2: return block<2, N, start>(segments, depth, a, left, b, c, stride, bias);
        case 3: return block<3, N, start>(segments, depth, a, left, b, c, stride, bias);
        case 4: return block<4, N, start>(segments, depth, a, left, b, c, stride, bias);
        case 5: return block<5, N, start>(segments, depth, a, left, b, c, stride, bias);
        default: return block<6, N, start>(segments, depth, a, left, b, c, stride, bias);
    }
}

// All rows of C against one panel; rows are shared out evenly, so that no small block is left at the end.
template <int N, Start start>
static void panel(int64_t m, int64_t segments, int64_t depth, Left left, const float* b, float* c, int64_t stride,
                  const float* bias) {
    const int64_t blocks = (m + ROWS - 1) / ROWS;
    for (int64_t part = 0, i = 0; part < blocks; ++part) {
        const int64_t rows = m / blocks + (part < m % blocks);
        strip<N, start>(rows, segments, depth, left.data + i * left.row, left, b, c + i * stride, stride, bias);
        i += rows;
    }
}

template <Start start>
static void panel_of(int64_t width, int64_t m, int64_t segments, int64_t depth, Left left, const float* b, float* c,
                     int64_t stride, const float* bias) {
    switch (width / LANES) {
        case 1: return panel<1, start>(m, segments, depth, left, b, c, stride, bias);
        case 2: return panel<2, start>(m, segments, depth, left, b, c, stride, bias);
#if VECTORS > 2
        case 3: return panel<3, start>(m, segments, depth, left, b, c, stride, bias);
        default: return panel<4, start>(m, segments, depth, left, b, c, stride, bias);
#else
        default: return;
#endif
    }
}

// One panel's columns of C = [C +] A B [+ bias], a few rows of the panel at a time.
template <Start start>
static void panel_product(int64_t width, int64_t m, int64_t depth, Left left, const float* b, float* c, int64_t stride,
                          const float* bias) {
    for (int64_t k = 0; k < depth; k += DEEP) {
        const int64_t some = least(DEEP, depth - k);
        const Left from = {left.data + k * left.column, left.row, left.column, 0};
        if (k == 0) panel_of<start>(width, m, 1, some, from, b, c, stride, bias);
        else panel_of<KEEP>(width, m, 1, some, from, b + k * width, c, stride, nullptr);
    }
}

// C (m, columns) = [C +] A B [+ bias], rows of C `stride` apart. C is written up to whole vectors.
template <Start start>
static void multiply(int64_t m, int64_t columns, int64_t depth, Left left, const float* packed, float* c,
                     int64_t stride, const float* bias) {
    for (int64_t first = 0; first < columns; first += WIDE)
        panel_product<start>(panel_width(columns, first), m, depth, left, packed + first * depth, c + first, stride,
                             bias ? bias + first : nullptr);
}

// C (m, columns) += A B where C is not ours to write past its columns; `spare` holds one strip of rows.
static void multiply_into(int64_t m, int64_t columns, int64_t depth, Left left, const float* packed, float* c,
                          int64_t stride, float* spare) {
    if (depth == 0) return;  // a product of nothing would leave the strip as it was
    if (columns % LANES == 0) return multiply<KEEP>(m, columns, depth, left, packed, c, stride, nullptr);
    for (int64_t i = 0; i < m; i += 64) {
        const int64_t rows = least(64, m - i);
        const Left from = {left.data + i * left.row, left.row, left.column, 0};
        multiply<ZERO>(rows, columns, depth, from, packed, spare, up(columns, LANES), nullptr);
        for (int64_t r = 0; r < rows; ++r) {
            float* to = c + (i + r) * stride;
            const float* of = spare + r * up(columns, LANES);
            for (int64_t j = 0; j < columns; ++j) to[j] += of[j];
        }
    }
}

// ---- Gram products: inner products of rows, kept as vectors until all columns are in.

INLINE int64_t gram_blocks(int64_t count) { const int64_t n = (count + SQUARE - 1) / SQUARE; return n * (n + 1) / 2; }
INLINE int64_t gram_size(int64_t count) { return up(gram_blocks(count) * SQUARE * SQUARE, LANES) * LANES; }

template <int M, int N>
INLINE void square(const float* const* a, const float* const* b, int64_t segments, int64_t segment, int64_t width,
                   float* cells) {
    Vector sum[M][N];
    for (int i = 0; i < M; ++i)
        for (int j = 0; j < N; ++j) sum[i][j] = load(cells + (i * SQUARE + j) * LANES);
    for (int64_t s = 0; s < segments; ++s)
        for (int64_t k = s * segment; k < s * segment + width; k += LANES) {
            Vector right[N];
            for (int j = 0; j < N; ++j) right[j] = load(b[j] + k);
            for (int i = 0; i < M; ++i) {
                const Vector one = load(a[i] + k);
                for (int j = 0; j < N; ++j) sum[i][j] += one * right[j];
            }
        }
    for (int i = 0; i < M; ++i)
        for (int j = 0; j < N; ++j) store(cells + (i * SQUARE + j) * LANES, sum[i][j]);
}

template <int M>
static void squares(const float* const* rows, int64_t i, int64_t segments, int64_t segment, int64_t width,
                    float* cells) {
    for (int64_t j = 0; j < i; j += SQUARE, cells += SQUARE * SQUARE * LANES)
        square<M, SQUARE>(rows + i, rows + j, segments, segment, width, cells);
    square<M, M>(rows + i, rows + i, segments, segment, width, cells);
}

// Add the inner products of all pairs of rows; a row's columns stand in segments of `width`, a multiple of LANES.
static void gram(const float* const* rows, int64_t count, int64_t segments, int64_t segment, int64_t width,
                 float* cells) {
    for (int64_t i = 0; i < count; i += SQUARE) {
        switch (count - i) {
            case 1: squares<1>(rows, i, segments, segment, width, cells); break;
            case 2: squares<2>(rows, i, segments, segment, width, cells); break;
#if SQUARE > 3
            case 3: squares<3>(rows, i, segments, segment, width, cells); break;
            case 4: squares<4>(rows, i, segments, segment, width, cells); break;
#endif
            default: squares<SQUARE>(rows, i, segments, segment, width, cells);
        }
        cells += (i / SQUARE + 1) * SQUARE * SQUARE * LANES;
    }
}

// Sum the vectors, in place: from here on one number stands for each inner product.
static void sum_gram(float* cells, int64_t count) {
    const int64_t numbers = gram_size(count) / LANES;
    for (int64_t i = 0; i < numbers; i += LANES) store(cells + i, totals(cells + i * LANES));
}

// Once summed: spread the inner products over a full matrix, rows `stride` apart.
static void spread_gram(const float* cells, int64_t count, float* to, int64_t stride) {
    for (int64_t i = 0; i < count; i += SQUARE)
        for (int64_t j = 0; j <= i; j += SQUARE, cells += SQUARE * SQUARE)
            for (int64_t k = 0; k < least(SQUARE, count - i); ++k)
                for (int64_t l = 0; l < least(SQUARE, count - j); ++l) {
                    const float product = cells[k * SQUARE + l];
                    if (i == j && l > k) continue;
                    to[(i + k) * stride + j + l] = to[(j + l) * stride + i + k] = product;
                }
}
