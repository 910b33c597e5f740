// Normal numbers from ChaCha20: whoever does not hold the key cannot tell them from independent draws.
//
// A group is 16 blocks of the stream, 128 numbers. Number 32 p + 16 s + j of a group comes from words 4 p to 4 p + 3 of
// its block j: 52 bits for the radius, 52 for the angle; s is 0 for the cosine, 1 for the sine. The same on every
// instruction set but for the last bit.
#pragma once

typedef uint32_t Quarter __attribute__((vector_size(LANES * 4)));
typedef double Wide __attribute__((vector_size(LANES * 4)));
typedef int64_t WideNumbers __attribute__((vector_size(LANES * 4)));
typedef uint64_t WideWords __attribute__((vector_size(LANES * 4)));
typedef uint32_t HalfWords __attribute__((vector_size(LANES * 2), aligned(4), may_alias));
typedef double LooseWide __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

INLINE Quarter turn_left(Quarter x, int by) { return (x << by) | (x >> (32 - by)); }

INLINE void quarter_round(Quarter& a, Quarter& b, Quarter& c, Quarter& d) {
    a += b, d = turn_left(d ^ a, 16);
    c += d, b = turn_left(b ^ c, 12);
    a += b, d = turn_left(d ^ a, 8);
    c += d, b = turn_left(b ^ c, 7);
}

// Words of 16 blocks from `counter` on: word i of block j at words[16 i + j]. RFC 8439, section 2.3.
static void stream(const Stream& from, uint32_t counter, uint32_t* words) {
    const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (uint32_t first = 0; first < 16; first += LANES) {
        Quarter start[16], x[16];
        for (int i = 0; i < 16; ++i) {
            const uint32_t word = i < 4 ? constants[i] : i < 12 ? from.key[i - 4] : i > 12 ? from.nonce[i - 13] : 0;
            start[i] = word - Quarter{};
        }
        uint32_t counts[LANES];
        for (uint32_t j = 0; j < LANES; ++j) counts[j] = counter + first + j;
        memcpy(&start[12], counts, sizeof counts);
        for (int i = 0; i < 16; ++i) x[i] = start[i];
        for (int round = 0; round < 10; ++round) {
            quarter_round(x[0], x[4], x[8], x[12]);
            quarter_round(x[1], x[5], x[9], x[13]);
            quarter_round(x[2], x[6], x[10], x[14]);
            quarter_round(x[3], x[7], x[11], x[15]);
            quarter_round(x[0], x[5], x[10], x[15]);
            quarter_round(x[1], x[6], x[11], x[12]);
            quarter_round(x[2], x[7], x[8], x[13]);
            quarter_round(x[3], x[4], x[9], x[14]);
        }
        for (int i = 0; i < 16; ++i) {
            const Quarter sum = x[i] + start[i];
            memcpy(words + 16 * i + first, &sum, sizeof sum);
        }
    }
}

// Uniform on (0, 1], a multiple of 2^-52.
INLINE Wide uniform(const uint32_t* high, const uint32_t* low) {
    const auto upper = __builtin_convertvector(*reinterpret_cast<const HalfWords*>(high), WideWords);
    const auto lower = __builtin_convertvector(*reinterpret_cast<const HalfWords*>(low), WideWords);
    return 2.0 - (Wide)((((upper << 32) | lower) >> 12) | 0x3ff0000000000000ull);
}

// Natural logarithm of (0, 1]: 2 artanh((m - 1) / (m + 1)) of what lies within a factor of sqrt(2) of 1.
INLINE Wide logarithm(Wide x) {
    const WideWords bits = (WideWords)x;
    const WideWords shifted = bits - 0x3fe6a09e667f3bcdull;  // sqrt(1/2)
    const auto exponent = (WideWords)((WideNumbers)shifted >> 52);
    const Wide m = (Wide)(bits - (exponent << 52));
    const Wide n = (Wide)((exponent + 0x4338000000000000ull)) - 6755399441055744.0;
    const Wide s = (m - 1.0) / (m + 1.0), z = s * s;
    Wide p = z * (1.0 / 21) + 1.0 / 19;
    p = p * z + 1.0 / 17;
    p = p * z + 1.0 / 15;
    p = p * z + 1.0 / 13;
    p = p * z + 1.0 / 11;
    p = p * z + 1.0 / 9;
    p = p * z + 1.0 / 7;
    p = p * z + 1.0 / 5;
    p = p * z + 1.0 / 3;
    return n * 0.6931471805599453 + 2.0 * (s + s * z * p);
}

// Cosine and sine of 2 pi x for x in (0, 1]: the nearest quarter taken off, Taylor's series on an eighth.
INLINE void circle(Wide x, Wide& cosine, Wide& sine) {
    const Wide shifted = x * 4.0 + 6755399441055744.0;
    const WideWords quarter = (WideWords)shifted;  // in the low bits
    const Wide a = (x - (shifted - 6755399441055744.0) * 0.25) * 6.283185307179586, z = a * a;
    Wide s = z * (-1.0 / 1307674368000.0) + 1.0 / 6227020800.0;
    s = s * z - 1.0 / 39916800.0;
    s = s * z + 1.0 / 362880.0;
    s = s * z - 1.0 / 5040.0;
    s = s * z + 1.0 / 120.0;
    s = s * z - 1.0 / 6.0;
    s = a + a * z * s;
    Wide c = z * (1.0 / 20922789888000.0) - 1.0 / 87178291200.0;
    c = c * z + 1.0 / 479001600.0;
    c = c * z - 1.0 / 3628800.0;
    c = c * z + 1.0 / 40320.0;
    c = c * z - 1.0 / 720.0;
    c = c * z + 1.0 / 24.0;
    c = 1.0 - 0.5 * z + z * z * c;
    const WideWords swap = 0 - (quarter & 1);  // all bits where the quarter is odd
    const WideWords first = ((WideWords)c & ~swap) | ((WideWords)s & swap);
    const WideWords second = ((WideWords)s & ~swap) | ((WideWords)c & swap);
    cosine = (Wide)(first ^ (((quarter + 1) & 2) << 62));
    sine = (Wide)(second ^ ((quarter & 2) << 62));
}

// Box and Muller (1958): 128 normals of one group.
static void normals(const uint32_t* words, double* to) {
    constexpr int half = LANES / 2;
    for (int p = 0; p < 4; ++p)
        for (int j = 0; j < 16; j += half) {
            const uint32_t* w = words + 64 * p + j;
            const Wide square = -2.0 * logarithm(uniform(w, w + 16));
            double radius[half];
            memcpy(radius, &square, sizeof radius);
            for (int k = 0; k < half; ++k) radius[k] = __builtin_sqrt(radius[k]);
            Wide length, cosine, sine;
            memcpy(&length, radius, sizeof radius);
            circle(uniform(w + 32, w + 48), cosine, sine);
            *reinterpret_cast<LooseWide*>(to + 32 * p + j) = length * cosine;
            *reinterpret_cast<LooseWide*>(to + 32 * p + 16 + j) = length * sine;
        }
}

// values += scale * normals, rounded to multiples of `grid` where that is above 0; in double until then.
static void add_normals(const Stream& from, float* values, int64_t count, double scale, double grid) {
    uint32_t words[256];
    double drawn[128];
    uint32_t counter = 0;
    const double per_grid = grid > 0 ? 1 / grid : 0;  // exact: a grid is a power of two
    for (int64_t at = 0; at < count; at += 128, counter += 16) {
        stream(from, counter, words);
        normals(words, drawn);
        const int64_t some = least(128, count - at);
        for (int64_t k = 0; k < some; ++k) drawn[k] = drawn[k] * scale + static_cast<double>(values[at + k]);
        if (grid > 0)
            for (int64_t k = 0; k < some; ++k) drawn[k] = __builtin_rint(drawn[k] * per_grid) * grid;
        for (int64_t k = 0; k < some; ++k) values[at + k] = static_cast<float>(drawn[k]);
    }
}
