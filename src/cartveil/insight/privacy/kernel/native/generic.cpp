// The kernel for one instruction set: the headers below are compiled once for each.
#include <cmath>
#include <cstring>

#include "step.h"

#define LANES 4
#define VECTORS 2
#define SQUARE 3
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

const Variant GENERIC = {"generic", prepare, work_tile, add_normals, stream};

}  // namespace cartveil
