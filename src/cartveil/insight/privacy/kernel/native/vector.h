// Vectors of floats and the functions over them, for whatever instruction set the including file has chosen.
// Errors are about 1e-7 relative; NaN comes out as NaN.
#pragma once

typedef float Vector __attribute__((vector_size(LANES * 4)));
typedef int32_t Words __attribute__((vector_size(LANES * 4)));
typedef float Loose __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE Vector load(const float* from) { return *reinterpret_cast<const Loose*>(from); }
INLINE void store(float* to, Vector value) { *reinterpret_cast<Loose*>(to) = value; }
INLINE Vector all(float value) { return value - Vector{}; }
INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b * b; }

// The first `count` of a vector's lanes; the others are 0, or stay as they are.
INLINE Vector load_some(const float* from, int64_t count) {
    if (count >= LANES) return load(from);
    float lanes[LANES] = {};
    for (int64_t j = 0; j < count; ++j) lanes[j] = from[j];
    return load(lanes);
}

INLINE void store_some(float* to, Vector value, int64_t count) {
    if (count >= LANES) return store(to, value);
    for (int64_t j = 0; j < count; ++j) to[j] = value[j];
}

INLINE double total(Vector value) {
    double sum = 0;
    for (int j = 0; j < LANES; ++j) sum += static_cast<double>(value[j]);
    return sum;
}

INLINE double inner(const float* a, const float* b, int64_t count) {
    Vector sum = {};
    for (int64_t j = 0; j < count; j += LANES) sum += load_some(a + j, count - j) * load_some(b + j, count - j);
    return total(sum);
}

typedef int32_t Order __attribute__((vector_size(LANES * 4)));

// Lanes of the first and the second, by number; the second's begin at LANES.
INLINE Vector pick(Vector first, Vector second, Order lanes) {
#if defined(__clang__)
    Vector picked;
    for (int j = 0; j < LANES; ++j) picked[j] = lanes[j] < LANES ? first[lanes[j]] : second[lanes[j] - LANES];
    return picked;
#else
    return __builtin_shuffle(first, second, lanes);
#endif
}

// One level of a tree of sums: `count` vectors of sums in progress become half as many.
template <int count>
INLINE void fold(Vector* part) {
    constexpr int run = count / 2;
    Order low = {}, high = {};
#pragma GCC unroll 16
    for (int j = 0; j < LANES; ++j) {
        low[j] = j / run / 2 * count + j % run + j / run % 2 * LANES;
        high[j] = low[j] + run;
    }
#pragma GCC unroll 16
    for (int i = 0; i < run; ++i) {
        const Vector a = part[i], b = part[i + run];
        part[i] = pick(a, b, low) + pick(a, b, high);
    }
    if constexpr (run > 1) fold<run>(part);
}

// The sum of each of LANES vectors that stand one after another.
INLINE Vector totals(const float* from) {
    Vector part[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; ++i) part[i] = load(from + i * LANES);
    fold<LANES>(part);
    return part[0];
}

// Cephes' expf: 2^n times a polynomial on half a binary order. Comparisons let NaN through.
INLINE Vector exponential(Vector x) {
    x = x > 88.3f ? all(88.3f) : x;
    x = x < -87.3f ? all(-87.3f) : x;
    const Vector shifted = x * 1.44269504088896341f + 12582912.0f;
    const Vector n = shifted - 12582912.0f;
    const Vector r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    Vector p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    const Words order = ((Words)shifted) << 23;  // the low bits of the shifted number are n
    return (Vector)((Words)p + order);
}

INLINE Vector logistic(Vector x) { return 1.0f / (1.0f + exponential(-x)); }

// Cephes' tanhf: a polynomial near 0, where 1 - 2 / (e^2x + 1) would lose its digits.
INLINE Vector hyperbolic(Vector x) {
    const Words sign = (Words)x & static_cast<int32_t>(0x80000000u);
    const Vector size = (Vector)((Words)x & 0x7fffffff);
    const Vector far = 1.0f - 2.0f / (exponential(size + size) + 1.0f);
    const Vector z = x * x;
    Vector p = z * -5.70498872745e-3f + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    const Vector near = p * z * size + size;
    const Vector either = size < 0.625f ? near : far;
    return (Vector)((Words)either | sign);
}
