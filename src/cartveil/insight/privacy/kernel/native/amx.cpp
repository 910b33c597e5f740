// The kernel for one instruction set: the headers below are compiled once for each.
#include <cmath>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "step.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,avx512bf16,amx-tile,amx-bf16"))), apply_to = function)
#else
// GCC 12 warns of its own header (its bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,avx512bf16,amx-tile,amx-bf16")
#endif

#define LANES 16
#define VECTORS 4
#define SQUARE 5
#define BLOCKS 1

namespace cartveil {
namespace {
#include "vector.h"

#include "product.h"

#include "lstm.h"

#include "head.h"

#include "blocks.h"

#include "head_blocks.h"

#include "lstm_blocks.h"

#include "tile.h"

#include "normals.h"
}  // namespace

const Variant AMX = {"amx", prepare, work_tile, add_normals, stream};

}  // namespace cartveil
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
