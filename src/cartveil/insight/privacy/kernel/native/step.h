// What Python hands over, and what the parts of the kernel hand each other. Plain data; every pointer is borrowed.
//
// B consumers, T steps, D numbers per step (the embedded fields, then the numeric features), H hidden units, V items.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace cartveil {

constexpr int64_t MAX_FIELDS = 16;
constexpr int64_t MAX_LAYERS = 4;

// One embedded field: weight (rows, E), ids (B, T). Gradients are added to what stands there.
struct Field {
    const float* weight;
    float* gradient;
    const int64_t* ids;
    int64_t rows;
    int64_t padding;  // the row that gets no gradient from the input, or -1
};

// One LSTM layer, gates in the order i, f, c~, o: input (4H, D or H), recurrent (4H, H), biases (4H,).
struct Layer {
    const float* input;
    const float* recurrent;
    const float* input_bias;
    const float* recurrent_bias;
    float* input_gradient;
    float* recurrent_gradient;
    float* bias_gradient;
};

enum Clipping : int64_t { NONE = 0, FLAT = 1, AUTOMATIC = 2 };

struct Step {
    int64_t consumers, time, embedding, numeric, hidden, items;
    int64_t fields, layers;
    int64_t tied;      // the field whose weight is the head's too, or -1
    int64_t clipping;  // a Clipping
    int64_t threads;
    double clip;
    const int64_t* lengths;         // (B,)
    const float* numeric_values;    // (B, T, F) or null
    const float* step_mask;         // (B, T, D) or null: dropout of the input, already divided
    const float* state_mask;        // (B, T, H) or null: dropout of the output
    const int64_t* targets;         // (B, T)
    const float* weights;           // (B, T)
    const float* shares;            // (B,) or null: each consumer's share of the clip
    const float* head;              // (V, H)
    const float* head_bias;         // (V,) or null
    float* head_gradient;           // (V, H); the tied field's gradient where tied
    float* head_bias_gradient;      // (V,) or null
    float* losses;                  // (B,)
    double* norms;                  // (B,) before clipping, or ALONE for now; untouched without clipping
    Field field[MAX_FIELDS];
    Layer layer[MAX_LAYERS];

    int64_t width() const { return fields * embedding + numeric; }
};

// In place of a norm: the steps of this consumer cancel so far that rounding hides it. Its tile leaves it out.
constexpr double ALONE = -1;

// The factor that brings a gradient of this norm to the clip; 0 for a norm that is no number.
static inline double factor_of(const Step& step, int64_t consumer, double norm) {
    const double clip = step.clip * (step.shares ? static_cast<double>(step.shares[consumer]) : 1);
    if (!(norm < HUGE_VAL)) return 0;
    if (step.clipping == AUTOMATIC) return clip / (norm + 0.01);
    return norm > clip ? clip / norm : 1;
}

// Consumers that are worked on together, longest first. The head's rows are the steps that have a weight.
struct Tile {
    const int64_t* members;  // (count,) places in the batch
    int64_t count, steps, rows;  // consumers; real steps; rows of the head
    int64_t most, longest;       // rows of the head of any one, here and in all tiles
};

// Memory that is handed out front to back and taken back all at once. Measured first, then allocated.
struct Arena {
    char* base;
    size_t used;

    template <typename T>
    T* take(int64_t count) {
        T* found = base ? reinterpret_cast<T*>(base + used) : nullptr;
        used += (static_cast<size_t>(count) * sizeof(T) + 127) / 64 * 64;  // a vector may be read past the end
        return found;
    }
};

// A key and nonce of ChaCha20, as words of little-endian bytes.
struct Stream {
    uint32_t key[8], nonce[3];
};

// What one instruction set offers.
struct Variant {
    const char* name;
    void* (*prepare)(const Step&, int64_t longest, Arena&);       // pack the weights
    void (*work)(const Step&, const void*, const Tile&, Arena&);  // one tile, gradients added
    void (*add_normals)(const Stream&, float* values, int64_t count, double scale, double grid);
    void (*stream)(const Stream&, uint32_t counter, uint32_t* words);  // 16 blocks, word by word
};

extern const Variant GENERIC;
#if defined(__x86_64__)
extern const Variant AVX2;
extern const Variant AVX512;
extern const Variant AMX;
#endif

}  // namespace cartveil
