// Products on a matrix unit (Intel AMX) that multiplies bfloat16 and adds in single precision.
//
// A number is split into two of 8 bits each, x = a + b, and xy taken as aa' + ab' + ba': what is left out is at most
// 2^-17 of xy, whichever its sign, and an error of about 2e-6 of a sum. Three products on the unit are still far
// faster than one in vectors. Factors stand in blocks of two tiles, the a of 16 rows of 64 bytes, then their b:
//   left factor:  block (i, k) holds rows 16 i..., columns 32 k...
//   right factor: block (j, k) holds columns 16 j..., rows 32 k..., two rows of a column side by side in one word.
#pragma once

typedef uint16_t Half;
constexpr int64_t BLOCK = 2 * 16 * 32;  // halves of a block
constexpr int64_t TILE = 16 * 32;

INLINE int64_t blocks(int64_t count, int64_t size) { return (count + size - 1) / size; }

// Without this the compiler may move loads and stores of vectors over those of tiles, of which it knows nothing.
INLINE void settle() { asm volatile("" ::: "memory"); }

struct __attribute__((packed)) Shape {
    uint8_t palette, start, reserved[14];
    uint16_t width[16];
    uint8_t rows[16];
};

static void begin_blocks() {
    Shape shape = {};
    shape.palette = 1;
    for (int i = 0; i < 8; ++i) shape.width[i] = 64, shape.rows[i] = 16;
    settle();
    asm volatile("ldtilecfg %0" ::"m"(shape));
}

static void end_blocks() { asm volatile("tilerelease" ::: "memory"); }

// C (32, 32) += A B over `depth` blocks; rows of C `stride` apart. `fresh`: C is not read.
// a[0], a[1]: two rows of blocks of the left factor; b[0], b[1]: two columns of blocks of the right one.
template <bool fresh>
INLINE void square_of_blocks(const Half* a0, const Half* a1, const Half* b0, const Half* b1, int64_t depth, float* c,
                             int64_t stride) {
    const int64_t bytes = stride * 4;
    settle();
    if (fresh) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    } else {
        _tile_loadd(0, c, bytes);
        _tile_loadd(1, c + 16, bytes);
        _tile_loadd(2, c + 16 * stride, bytes);
        _tile_loadd(3, c + 16 * stride + 16, bytes);
    }
    for (int64_t k = 0; k < depth * BLOCK; k += BLOCK) {
        _tile_loadd(4, a0 + k + TILE, 64);
        _tile_loadd(6, b0 + k, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, b1 + k, 64);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, a1 + k + TILE, 64);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        _tile_loadd(4, a0 + k, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, a1 + k, 64);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        _tile_loadd(6, b0 + k + TILE, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, b1 + k + TILE, 64);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, c, bytes);
    _tile_stored(1, c + 16, bytes);
    _tile_stored(2, c + 16 * stride, bytes);
    _tile_stored(3, c + 16 * stride + 16, bytes);
    settle();
}

// As above, where only those of the four tiles of C are wanted that have a bit in `which`.
INLINE void some_of_blocks(int which, const Half* a0, const Half* a1, const Half* b0, const Half* b1, int64_t depth,
                           float* c, int64_t stride) {
    const int64_t bytes = stride * 4;
    settle();
    if (which & 1) _tile_loadd(0, c, bytes);
    if (which & 2) _tile_loadd(1, c + 16, bytes);
    if (which & 4) _tile_loadd(2, c + 16 * stride, bytes);
    if (which & 8) _tile_loadd(3, c + 16 * stride + 16, bytes);
    for (int64_t k = 0; k < depth * BLOCK; k += BLOCK) {
        for (int product = 0; product < 3; ++product) {  // low high, high high, high low
            if (product < 2) {
                if (which & 3) _tile_loadd(4, a0 + k + (product == 0) * TILE, 64);
                if (which & 12) _tile_loadd(5, a1 + k + (product == 0) * TILE, 64);
            }
            if (product != 1) {
                if (which & 5) _tile_loadd(6, b0 + k + (product == 2) * TILE, 64);
                if (which & 10) _tile_loadd(7, b1 + k + (product == 2) * TILE, 64);
            }
            if (which & 1) _tile_dpbf16ps(0, 4, 6);
            if (which & 2) _tile_dpbf16ps(1, 4, 7);
            if (which & 4) _tile_dpbf16ps(2, 5, 6);
            if (which & 8) _tile_dpbf16ps(3, 5, 7);
        }
    }
    if (which & 1) _tile_stored(0, c, bytes);
    if (which & 2) _tile_stored(1, c + 16, bytes);
    if (which & 4) _tile_stored(2, c + 16 * stride, bytes);
    if (which & 8) _tile_stored(3, c + 16 * stride + 16, bytes);
    settle();
}

struct Parts {
    Vector high, low;  // each exact in 16 bits
};

INLINE Vector rounded(Vector x) { return (Vector)(((Words)x + 0x8000) & static_cast<int32_t>(0xffff0000u)); }

INLINE Parts split(Vector x) {
    const Vector high = rounded(x);
    return {high, rounded(x - high)};
}

// One word per lane: `first` in its lower half, `second` in its upper one.
INLINE void store_pairs(Half* to, Vector first, Vector second) {
    typedef uint32_t Bits __attribute__((vector_size(64)));
    *reinterpret_cast<Loose*>(to) = (Vector)(((Bits)first >> 16) | (Bits)second);
}

// 32 halves, rounded: those of `first`, then those of `second`.
INLINE Vector row_of(Vector first, Vector second) {
    return (Vector)(__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
}

INLINE void store_row(Half* to, Vector first, Vector second) {
    store(reinterpret_cast<float*>(to), row_of(first, second));
}

// Turn 16 x 16 words of a tile: quarters of rows are put in place as they are loaded, words within quarters after that.
static void turn(const Half* from, Half* to) {
    __m512i row[16];
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) {
            const Half* at = from + j * 32 + i * 8;  // quarter i of rows j, j + 4, j + 8, j + 12
            const auto quarter = [at](int k) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + k * 128)); };
            __m512i four = _mm512_castsi128_si512(quarter(0));
            four = _mm512_mask_broadcast_i32x4(four, 0x00f0, quarter(1));
            four = _mm512_mask_broadcast_i32x4(four, 0x0f00, quarter(2));
            row[4 * i + j] = _mm512_mask_broadcast_i32x4(four, 0xf000, quarter(3));
        }
    for (int i = 0; i < 16; i += 4) {
        const __m512i a = _mm512_unpacklo_epi32(row[i], row[i + 1]), b = _mm512_unpackhi_epi32(row[i], row[i + 1]);
        const __m512i c = _mm512_unpacklo_epi32(row[i + 2], row[i + 3]);
        const __m512i d = _mm512_unpackhi_epi32(row[i + 2], row[i + 3]);
        _mm512_storeu_si512(to + i * 32, _mm512_unpacklo_epi64(a, c));
        _mm512_storeu_si512(to + i * 32 + 32, _mm512_unpackhi_epi64(a, c));
        _mm512_storeu_si512(to + i * 32 + 64, _mm512_unpacklo_epi64(b, d));
        _mm512_storeu_si512(to + i * 32 + 96, _mm512_unpackhi_epi64(b, d));
    }
}

INLINE void turn_block(const Half* from, Half* to) {
    turn(from, to);
    turn(from + TILE, to + TILE);
}

// Element (i, j) of a (rows, columns) matrix as vectors of 16 columns, zero outside of it.
struct Source {
    const float* data;
    int64_t stride, rows, columns;
    const float* const* each;  // every row by itself, null for zeros; or null

    Vector at(int64_t i, int64_t j) const {
        if (i >= rows || j >= columns) return Vector{};
        const float* row = each ? each[i] : data + i * stride;
        return row ? load_some(row + j, columns - j) : Vector{};
    }
};

// A left factor from (rows, columns).
static void split_left(const Source& source, Half* to) {
    const int64_t depth = blocks(source.columns, 32);
    for (int64_t i = 0; i < up(source.rows, 32); ++i)
        for (int64_t k = 0; k < depth; ++k) {
            const Parts one = split(source.at(i, 32 * k)), two = split(source.at(i, 32 * k + 16));
            Half* row = to + ((i / 16) * depth + k) * BLOCK + (i % 16) * 32;
            store_row(row, one.high, two.high);
            store_row(row + TILE, one.low, two.low);
        }
}

// A right factor from (rows, columns).
static void split_right(const Source& source, Half* to) {
    const int64_t depth = blocks(source.rows, 32);
    for (int64_t j = 0; j < up(source.columns, 32); j += 16)
        for (int64_t k = 0; k < depth; ++k)
            for (int64_t pair = 0; pair < 16; ++pair) {
                const int64_t i = 32 * k + 2 * pair;
                const Parts one = split(source.at(i, j)), two = split(source.at(i + 1, j));
                Half* row = to + ((j / 16) * depth + k) * BLOCK + pair * 32;
                store_pairs(row, one.high, two.high);
                store_pairs(row + TILE, one.low, two.low);
            }
}

// A right factor from the transpose: the left factor's blocks with their words turned.
static void turn_blocks(Half* data, int64_t count) {
    for (int64_t i = 0; i < 2 * count; ++i) turn(data + i * TILE, data + i * TILE);
}

INLINE int64_t blocks_of(int64_t rows, int64_t depth) { return up(rows, 32) / 16 * blocks(depth, 32); }
