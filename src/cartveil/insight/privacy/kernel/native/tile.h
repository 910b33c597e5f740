// One tile from ids to gradients: forward, softmax, back through time, norms, clip factors, weighted products.
#pragma once

struct Packed {
    PackedLayer layer[MAX_LAYERS];
    PackedHead head;
#if BLOCKS
    PackedBlocks blocks;
#endif
};

// Whether the head runs on the matrix unit; not where gradients are cheaper than Gram products, which is rare.
// With few items there is little to win, and small sums of products that cancel would show the smaller precision.
INLINE bool by_blocks(const Step& step, int64_t longest) {
    return BLOCKS && step.items >= 512 && (step.clipping == NONE || head_by_gram(step, longest));
}

INLINE bool layers_by_blocks(const Step& step) { return BLOCKS && step.hidden >= 32; }

// Everything a tile needs, laid out in the arena.
struct Work {
    Rows rows;
    int64_t *start, *active, *length, *first, *order;
    LayerRun layer[MAX_LAYERS];
    HeadRun head;
#if BLOCKS
    BlockRun blocks;
    GradientBlocks gradient;
#endif
    float *dh[2], *dc, *row_scale;
    float** cells;
    double *row_losses, *norms;
    float* scale;
    float *token, *meeting;  // one token's summed gradient; what the head's gradient has for it
    Spare spare;
};

static void* prepare(const Step& step, int64_t longest, Arena& arena) {
    Packed* packed = arena.take<Packed>(1);
    Packed measured;
    Packed& to = arena.base ? *packed : measured;
    for (int64_t l = 0; l < step.layers; ++l)
        prepare_layer(step.layer[l], l ? step.hidden : step.width(), step.hidden, arena, to.layer[l]);
    if (!by_blocks(step, longest)) prepare_head(step, arena, to.head);
#if BLOCKS
    else prepare_blocks(step, arena, to.blocks);
#endif
    return packed;
}

static void take_spare(const Step& step, const Tile& tile, Arena& arena, Spare& spare) {
    const int64_t widest = step.width() > step.hidden ? step.width() : step.hidden, wide = up(widest, LANES);
    const int64_t rows = tile.steps > tile.rows ? tile.steps : tile.rows;
    const int64_t deep = gram_limit(step.hidden, widest), most = deep > head_limit(step) ? deep : head_limit(step);
    const int64_t square = step.clipping == NONE ? 0 : least(step.time, most);
    spare.cells = arena.take<float>(gram_size(square));
    spare.others = arena.take<float>(gram_size(square));
    spare.full = arena.take<float>(square * square);
    spare.packed = arena.take<float>(rows * wide);
    spare.scaled = arena.take<float>(tile.rows * wide);
    spare.strip = arena.take<float>(64 * wide);
    spare.gathered = arena.take<float>(step.time * gates_stride(step.hidden));
    spare.rows = arena.take<const float*>(rows + 1);
}

static void take_work(const Step& step, const Tile& tile, Arena& arena, Work& work) {
    const int64_t wide = up(step.hidden, LANES), x_wide = up(step.width(), LANES);
    const int64_t widest = wide > x_wide ? wide : x_wide;
    work.start = arena.take<int64_t>(step.time);
    work.active = arena.take<int64_t>(step.time);
    work.length = arena.take<int64_t>(tile.count);
    work.first = arena.take<int64_t>(tile.count + 1);
    work.order = arena.take<int64_t>(step.time);
    work.layer[0].x = arena.take<float>(tile.steps * x_wide);
    for (int64_t l = 0; l < step.layers; ++l) take_layer(arena, tile.steps, step.hidden, work.layer[l]);
    take_head(arena, step, tile.rows, work.head, by_blocks(step, tile.longest));
#if BLOCKS
    if (by_blocks(step, tile.longest)) take_blocks(arena, step, tile.rows, tile.most, work.blocks);
    take_gradient_blocks(arena, step.hidden, widest, work.gradient);
#endif
    work.dh[0] = arena.take<float>(tile.steps * widest);
    work.dh[1] = arena.take<float>(tile.steps * widest);
    work.dc = arena.take<float>(tile.count * wide);
    work.row_scale = arena.take<float>(tile.rows);
    work.cells = arena.take<float*>(tile.count);
    work.row_losses = arena.take<double>(tile.rows);
    work.norms = arena.take<double>(tile.count);
    work.scale = arena.take<float>(tile.count);
    work.token = arena.take<float>(up(step.embedding, LANES));
    work.meeting = arena.take<float>(wide);
    take_spare(step, tile, arena, work.spare);
    const bool gram = step.clipping != NONE && head_by_gram(step, tile.most) && !by_blocks(step, tile.longest);
    float* cells = arena.take<float>(gram ? tile.count * gram_size(tile.most) : 0);
    if (!arena.base) return;
    for (int64_t i = 0; i < tile.count; ++i) work.cells[i] = cells + i * gram_size(tile.most);
}

static void lay_out(const Step& step, const Tile& tile, Work& work) {
    int64_t at = 0, time = step.lengths[tile.members[0]];
    for (int64_t i = 0; i < tile.count; ++i) work.length[i] = step.lengths[tile.members[i]];
    for (int64_t t = 0; t < time; ++t) {
        int64_t n = 0;
        while (n < tile.count && work.length[n] > t) ++n;
        work.start[t] = at, work.active[t] = n;
        at += n;
    }
    work.rows = {tile.count, time, at, work.start, work.active, work.length};
    work.head.first = work.first;
    int64_t row = 0;
    for (int64_t i = 0; i < tile.count; ++i) {
        work.first[i] = row;
        const int64_t begin = tile.members[i] * step.time;
        for (int64_t t = 0; t < work.length[i]; ++t)
            if (step.weights[begin + t] != 0) {
                work.head.target[row] = step.targets[begin + t];
                work.head.weight[row++] = step.weights[begin + t];
            }
    }
    work.first[tile.count] = row;
}

// x: the embedded fields and the numeric features of every real step, dropout applied.
static void embed(const Step& step, const Tile& tile, Work& work) {
    const int64_t width = step.width(), wide = up(width, LANES);
    work.layer[0].width = width, work.layer[0].wide = wide;
    float* x = const_cast<float*>(work.layer[0].x);
    for (int64_t t = 0; t < work.rows.time; ++t)
        for (int64_t i = 0; i < work.active[t]; ++i, x += wide) {
            const int64_t at = tile.members[i] * step.time + t;
            for (int64_t f = 0; f < step.fields; ++f)
                memcpy(x + f * step.embedding, step.field[f].weight + step.field[f].ids[at] * step.embedding,
                       static_cast<size_t>(step.embedding) * sizeof(float));
            if (step.numeric)
                memcpy(x + step.fields * step.embedding, step.numeric_values + at * step.numeric,
                       static_cast<size_t>(step.numeric) * sizeof(float));
            if (step.step_mask)
                for (int64_t j = 0; j < width; ++j) x[j] *= step.step_mask[at * width + j];
            for (int64_t j = width; j < wide; ++j) x[j] = 0;
        }
}

// Between the states, time by time, and the head's rows, consumer by consumer.
static void to_head(const Step& step, const Tile& tile, Work& work) {
    const int64_t wide = up(step.hidden, LANES);
    const float* h = work.layer[step.layers - 1].h;
    float* to = work.head.h;
    for (int64_t i = 0; i < tile.count; ++i)
        for (int64_t t = 0; t < work.length[i]; ++t) {
            const int64_t at = tile.members[i] * step.time + t;
            if (step.weights[at] == 0) continue;
            memcpy(to, h + (work.start[t] + i) * wide, static_cast<size_t>(wide) * sizeof(float));
            if (step.state_mask)
                for (int64_t j = 0; j < step.hidden; ++j) to[j] *= step.state_mask[at * step.hidden + j];
            to += wide;
        }
}

static void from_head(const Step& step, const Tile& tile, Work& work, float* dh) {
    const int64_t wide = up(step.hidden, LANES);
    memset(dh, 0, static_cast<size_t>(work.rows.steps * wide) * sizeof(float));
    const float* from = work.head.dh;
    for (int64_t i = 0; i < tile.count; ++i)
        for (int64_t t = 0; t < work.length[i]; ++t) {
            const int64_t at = tile.members[i] * step.time + t;
            if (step.weights[at] == 0) continue;
            float* to = dh + (work.start[t] + i) * wide;
            memcpy(to, from, static_cast<size_t>(wide) * sizeof(float));
            if (step.state_mask)
                for (int64_t j = 0; j < step.hidden; ++j) to[j] *= step.state_mask[at * step.hidden + j];
            from += wide;
        }
}

static void run_forward(const Step& step, const Packed& packed, Work& work) {
    const int64_t wide = up(step.hidden, LANES);
    for (int64_t l = 0; l < step.layers; ++l) {
        if (l) work.layer[l].x = work.layer[l - 1].h, work.layer[l].width = step.hidden, work.layer[l].wide = wide;
        forward(work.rows, packed.layer[l], step.hidden, work.layer[l]);
    }
}

// Returns the gradient of x, (steps, padded D), dropout applied.
static float* run_backward(const Step& step, const Packed& packed, const Tile& tile, Work& work) {
    float *dh = work.dh[0], *dx = work.dh[1];
    from_head(step, tile, work, dh);
    for (int64_t l = step.layers - 1; l >= 0; --l) {
        backward(work.rows, packed.layer[l], step.hidden, work.layer[l], dh, work.dc);
        to_input(work.rows, packed.layer[l], step.hidden, work.layer[l], dx);
        float* swap = dh;
        dh = dx, dx = swap;
    }
    const int64_t width = step.width(), wide = up(width, LANES);
    if (step.step_mask)
        for (int64_t t = 0; t < work.rows.time; ++t)
            for (int64_t i = 0; i < work.active[t]; ++i) {
                float* row = dh + (work.start[t] + i) * wide;
                const float* mask = step.step_mask + (tile.members[i] * step.time + t) * width;
                for (int64_t j = 0; j < width; ++j) row[j] *= mask[j];
            }
    return dh;
}

// Steps of one consumer in the order of their tokens; a shell sort, since sequences are short.
static void order_tokens(const int64_t* ids, int64_t count, int64_t* order) {
    for (int64_t t = 0; t < count; ++t) order[t] = t;
    int64_t gap = 1;
    while (gap < count / 3) gap = 3 * gap + 1;
    for (; gap > 0; gap /= 3)
        for (int64_t t = gap; t < count; ++t) {
            const int64_t moved = order[t];
            int64_t to = t;
            for (; to >= gap && ids[order[to - gap]] > ids[moved]; to -= gap) order[to] = order[to - gap];
            order[to] = moved;
        }
}

// What row r's gradient of its scores has at an item, but for the row's factor.
INLINE float slope(const Step& step, const Tile& tile, const Work& work, int64_t r, int64_t item) {
#if BLOCKS
    if (by_blocks(step, tile.longest)) return entry(work.blocks, r, item);
#endif
    (void)tile;
    return *entry(step, work.head, r, item);
}

// <what the head's gradient has in row `item`, the token's summed gradient>: where both share one matrix.
static double meeting(const Step& step, const Tile& tile, const Work& work, int64_t consumer, int64_t item) {
    const int64_t wide = up(step.hidden, LANES);
    memset(work.meeting, 0, static_cast<size_t>(wide) * sizeof(float));
    for (int64_t r = work.first[consumer]; r < work.first[consumer + 1]; ++r) {
        const Vector by = all(work.head.factor[r] * slope(step, tile, work, r, item));
        for (int64_t j = 0; j < wide; j += LANES)
            store(work.meeting + j, load(work.meeting + j) + by * load(work.head.h + r * wide + j));
    }
    return inner(work.meeting, work.token, step.hidden);
}

// Squared norm of one consumer's gradient of one field's matrix; with the cross term where the head is tied to it.
static Measure field_norm(const Step& step, const Tile& tile, const Work& work, int64_t consumer, int64_t f,
                          const float* dx) {
    const Field& field = step.field[f];
    const int64_t* ids = field.ids + tile.members[consumer] * step.time;
    const int64_t n = work.length[consumer], wide = up(step.width(), LANES), width = step.embedding;
    order_tokens(ids, n, work.order);
    double sum = 0, ways = 0;
    for (int64_t k = 0; k < n;) {
        const int64_t id = ids[work.order[k]];
        double way = 0;
        memset(work.token, 0, static_cast<size_t>(width) * sizeof(float));
        for (; k < n && ids[work.order[k]] == id; ++k) {
            const float* row = dx + (work.start[work.order[k]] + consumer) * wide + f * width;
            for (int64_t j = 0; j < width; ++j) work.token[j] += row[j];
            way += sqrt(inner(row, row, width));
        }
        if (id == field.padding) continue;
        sum += inner(work.token, work.token, width);
        ways += way * way;  // tokens have rows of their own
        if (step.tied == f) sum += 2 * meeting(step, tile, work, consumer, id);
    }
    return {sum, sqrt(ways)};
}

static Measure head_norm(const Step& step, const Tile& tile, Work& work, int64_t consumer, double& rough) {
#if BLOCKS
    if (by_blocks(step, tile.longest))
        return head_block_norm(step, work.head, work.blocks, consumer, work.spare, rough);
#endif
    (void)rough;
    if (!head_by_gram(step, tile.most)) return head_product_norm(step, work.head, consumer, work.spare);
    return head_gram_norm(step, work.head, consumer, work.cells[consumer], work.spare);
}

// How much of a squared way may be left for its norm to be told from rounding: in single precision where inner products
// of steps are added up, or where gradients themselves are squared; and with products of 16 bits.
constexpr double BY_GRAM = 2e-3, BY_PRODUCT = 1e-6, BY_BLOCKS = 2e-2, BY_BLOCK_PRODUCT = 3e-3;

// The squared norm of one consumer's whole gradient; or ALONE where too little is left of the way there.
static double squared_norm(const Step& step, const Tile& tile, Work& work, int64_t consumer, const float* dx) {
    double rough = 0, apart = 0;
    Measure head = head_norm(step, tile, work, consumer, rough);
    double sum = head.square;
    for (int64_t f = 0; f < step.fields; ++f) {
        const Measure field = field_norm(step, tile, work, consumer, f, dx);
        sum += field.square;
        if (step.tied != f) apart += BY_PRODUCT * field.way * field.way;
        else head.way += field.way, rough += rough > 0 ? field.way : 0;
    }
    const bool crossed = step.tied >= 0 || head_by_gram(step, tile.most);
    double doubt = apart + (crossed ? BY_GRAM : BY_PRODUCT) * head.way * head.way + BY_BLOCKS * rough * rough;
    for (int64_t l = 0; l < step.layers; ++l) {
        const bool gram = layer_by_gram(work.length[consumer], step.hidden, work.layer[l].width);
        const Measure layer = gram ? gram_norm(work.rows, consumer, step.hidden, work.layer[l], work.spare)
                                   : product_norm(work.rows, consumer, step.hidden, work.layer[l], work.spare);
        sum += layer.square;
        const double part = (gram ? BY_GRAM : BY_PRODUCT) + (layers_by_blocks(step) ? BY_BLOCK_PRODUCT : 0);
        doubt += part * layer.way * layer.way;
    }
    return sum < doubt ? ALONE : sum;  // a NaN stays one
}

static void find_scales(const Step& step, const Tile& tile, Work& work, const float* dx) {
    for (int64_t i = 0; i < tile.count; ++i) {
        const int64_t member = tile.members[i];
        const double squared = squared_norm(step, tile, work, i, dx);
        const bool alone = squared == ALONE;
        step.norms[member] = alone ? ALONE : sqrt(squared);
        work.scale[i] = alone ? 0 : static_cast<float>(factor_of(step, member, step.norms[member]));
        for (int64_t r = work.first[i]; r < work.first[i + 1]; ++r) work.row_scale[r] = work.scale[i];
    }
}

INLINE void scale_row(float* row, float by, int64_t wide) {
    // What is clipped to nothing may hold NaN, which times 0 would stay.
    if (by == 0) memset(row, 0, static_cast<size_t>(wide) * sizeof(float));
    else
        for (int64_t j = 0; j < wide; j += LANES) store(row + j, load(row + j) * all(by));
}

static void scale_states(const Step& step, Work& work, float* dx) {
    const int64_t four = gates_stride(step.hidden), wide = up(step.hidden, LANES), x_wide = up(step.width(), LANES);
    for (int64_t t = 0; t < work.rows.time; ++t)
        for (int64_t i = 0; i < work.active[t]; ++i) {
            const int64_t row = work.start[t] + i;
            scale_row(dx + row * x_wide, work.scale[i], x_wide);
            for (int64_t l = 0; l < step.layers; ++l) {
                scale_row(work.layer[l].gates + row * four, work.scale[i], four);
                if (work.scale[i] != 0) continue;
                memset(work.layer[l].h + row * wide, 0, static_cast<size_t>(wide) * sizeof(float));
                float* x = const_cast<float*>(work.layer[0].x) + row * x_wide;
                if (l == 0) memset(x, 0, static_cast<size_t>(x_wide) * sizeof(float));
            }
        }
}

static void silence_head(const Step& step, const Tile& tile, Work& work, int64_t consumer) {
    const int64_t wide = up(step.hidden, LANES), begin = work.first[consumer], end = work.first[consumer + 1];
    for (int64_t r = begin; r < end; ++r) {
        memset(work.head.h + r * wide, 0, static_cast<size_t>(wide) * sizeof(float));
        work.head.factor[r] = 0;
    }
#if BLOCKS
    if (by_blocks(step, tile.longest)) return silence_blocks(step, work.blocks, begin, end);
#endif
    (void)tile;
    for (int64_t first = 0; first < step.items; first += WIDE) {
        const int64_t width = panel_width(step.items, first);
        memset(work.head.e + first * work.head.rows + begin * width, 0,
               static_cast<size_t>((end - begin) * width) * sizeof(float));
    }
}

static void add_embeddings(const Step& step, const Tile& tile, const Work& work, const float* dx) {
    const int64_t wide = up(step.width(), LANES), width = step.embedding;
    for (int64_t t = 0; t < work.rows.time; ++t)
        for (int64_t i = 0; i < work.active[t]; ++i)
            for (int64_t f = 0; f < step.fields; ++f) {
                const Field& field = step.field[f];
                const int64_t id = field.ids[tile.members[i] * step.time + t];
                if (id == field.padding) continue;
                const float* row = dx + (work.start[t] + i) * wide + f * width;
                float* to = field.gradient + id * width;
                for (int64_t j = 0; j < width; ++j) to[j] += row[j];
            }
}

static void note_losses(const Step& step, const Tile& tile, const Work& work) {
    for (int64_t i = 0; i < tile.count; ++i) {
        double loss = 0;
        for (int64_t r = work.first[i]; r < work.first[i + 1]; ++r) loss += work.row_losses[r];
        step.losses[tile.members[i]] = static_cast<float>(loss);
    }
}

// Forward through the head and back to h; its Gram products on the way.
static void run_head(const Step& step, const Packed& packed, const Tile& tile, Work& work) {
#if BLOCKS
    if (by_blocks(step, tile.longest))
        return softmax_blocks(step, packed.blocks, work.head, tile.count, work.blocks, work.row_losses);
#endif
    softmax(step, packed.head, work.head, work.row_losses);
    const bool gram = step.clipping != NONE && head_by_gram(step, tile.most);
    for (int64_t i = 0; gram && i < tile.count; ++i)
        memset(work.cells[i], 0, static_cast<size_t>(gram_size(work.first[i + 1] - work.first[i])) * sizeof(float));
    head_back(step, packed.head, work.head, tile.count, gram ? work.cells : nullptr, work.spare.rows);
}

static void add_all(const Step& step, const Tile& tile, Work& work, const float* dx) {
    const float* scale = step.clipping != NONE ? work.row_scale : nullptr;
#if BLOCKS
    if (by_blocks(step, tile.longest)) add_head_blocks(step, work.head, work.blocks, scale, work.spare);
    else
#endif
        add_head(step, work.head, scale, work.spare);
    for (int64_t l = 0; l < step.layers; ++l)
#if BLOCKS
        if (layers_by_blocks(step))
            add_gradients_by_blocks(work.rows, step.layer[l], step.hidden, work.layer[l], work.spare, work.gradient);
        else
#endif
            add_gradients(work.rows, step.layer[l], step.hidden, work.layer[l], work.spare);
    add_embeddings(step, tile, work, dx);
}

static void work_tile(const Step& step, const void* weights, const Tile& tile, Arena& arena) {
    Work work;
    take_work(step, tile, arena, work);
    if (!arena.base) return;
    const Packed& packed = *static_cast<const Packed*>(weights);
    begin_blocks();
    lay_out(step, tile, work);
    embed(step, tile, work);
    run_forward(step, packed, work);
    to_head(step, tile, work);
    run_head(step, packed, tile, work);
    note_losses(step, tile, work);
    float* dx = run_backward(step, packed, tile, work);
    if (step.clipping != NONE) {
        find_scales(step, tile, work, dx);
        for (int64_t i = 0; i < tile.count; ++i)
            if (work.scale[i] == 0) silence_head(step, tile, work, i);
        scale_states(step, work, dx);
    }
    add_all(step, tile, work, dx);
    end_blocks();
}
