// The kernel for one instruction set: the headers below are compiled once for each.
#include <cmath>
#include <cstring>

#include "step.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#endif

#define LANES 16
#define VECTORS 4
#define SQUARE 5
#define BLOCKS 0

namespace cartveil {
namespace {
#include "vector.h"

#include "product.h"

#include "lstm.h"

#include "head.h"

INLINE void begin_blocks() {}
INLINE void end_blocks() {}

#include "tile.h"

#include "normals.h"
}  // namespace

const Variant AVX512 = {"avx512", prepare, work_tile, add_normals, stream};

}  // namespace cartveil
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
