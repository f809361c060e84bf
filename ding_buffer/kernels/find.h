/* The child under a point: of one block, or of two, four or eight at once, with vectors of that many numbers.

   Within a block every prefix sum runs from left to right, in whatever vector. */

#ifndef DING_BUFFER_FIND_H
#define DING_BUFFER_FIND_H

#include "blocks.h"

/* The number just below `end`, towards zero. */
INLINE double just_below(double end) { return end > 0.0 ? double_of(bits_of(end) - 1) : 0.0; }

/* Gives *rest and *node those of the child under *rest: the first whose end passes it. */
INLINE void find_in_block(const double *block, double *rest, npy_int64 *node)
{
    double ends[FAN_OUT];
    double end = block[0];
    ends[0] = end;
    for (int i = 1; i < FAN_OUT; i++) {
        end += block[i];
        ends[i] = end;
    }
    /* Rounding may carry a target past its block: then it is the last child with mass. */
    double point = *rest < just_below(end) ? *rest : just_below(end);
    int child = 0;
    for (int i = 0; i < FAN_OUT; i++) {
        child += ends[i] <= point;
    }
    child &= FAN_OUT - 1; /* all 16 only in a block without mass */
    *rest = child ? point - ends[child - 1] : point;
    *node = *node * FAN_OUT + child;
}

#if defined(__SSE2__)

/* find_in_block for two at once, one in each half of the registers. */
INLINE void find_in_blocks(const double *one, const double *other, double *rest, npy_int64 *nodes)
{
    __m128d point = _mm_loadu_pd(rest);
    __m128d end = _mm_setzero_pd(), before = _mm_setzero_pd();
    __m128i child = _mm_setzero_si128();
    for (int i = 0; i < FAN_OUT; i++) {
        end = _mm_add_pd(end, _mm_loadh_pd(_mm_load_sd(one + i), other + i));
        __m128d passed = _mm_cmple_pd(end, point);
        child = _mm_sub_epi64(child, _mm_castpd_si128(passed));
        before = _mm_max_pd(before, _mm_and_pd(end, passed));
    }
    if (_mm_movemask_pd(_mm_cmple_pd(end, point))) { /* past the end of its block: rare */
        find_in_block(one, rest, nodes);
        find_in_block(other, rest + 1, nodes + 1);
        return;
    }
    __m128i node = _mm_loadu_si128((const __m128i *)nodes);
    _mm_storeu_si128((__m128i *)nodes, _mm_add_epi64(_mm_slli_epi64(node, 4), child));
    _mm_storeu_pd(rest, _mm_sub_pd(point, before));
}

#else

INLINE void find_in_blocks(const double *one, const double *other, double *rest, npy_int64 *nodes)
{
    find_in_block(one, rest, nodes);
    find_in_block(other, rest + 1, nodes + 1);
}

#endif

/* Begins to fetch the block of children under nodes[i] of a level of so many blocks. */
INLINE void fetch_block(const double *sums, npy_int64 last, npy_int64 *node)
{
    *node = *node < last ? *node : last; /* only in a tree whose nodes are not the sums of its leaves */
    PREFETCH(sums + *node * FAN_OUT);
    PREFETCH(sums + *node * FAN_OUT + CACHE_LINE / sizeof(double));
}

#if defined(HAS_AVX2)

#define BLOCKS 16 /* of a top that is searched by block */

/* Whether each of 16 numbers is at most `target`: two bits for each. */
BY_FOUR unsigned at_most(__m256d a, __m256d b, __m256d c, __m256d d, __m256d target)
{
    __m256i ab = _mm256_packs_epi32(_mm256_castpd_si256(_mm256_cmp_pd(a, target, _CMP_LE_OQ)),
                                    _mm256_castpd_si256(_mm256_cmp_pd(b, target, _CMP_LE_OQ)));
    __m256i cd = _mm256_packs_epi32(_mm256_castpd_si256(_mm256_cmp_pd(c, target, _CMP_LE_OQ)),
                                    _mm256_castpd_si256(_mm256_cmp_pd(d, target, _CMP_LE_OQ)));
    return (unsigned)_mm256_movemask_epi8(_mm256_packs_epi16(ab, cd));
}

/* find_in_top for a top of 16 to 256 nodes: finds the block of 16 by its last end, then the node in it. */
__attribute__((target("avx2,popcnt"))) static inline void
find_by_block(const double *ends, npy_intp width, const double *targets, npy_int64 *nodes, npy_intp count)
{
    double last[BLOCKS];
    for (npy_intp i = 0; i < BLOCKS; i++) {
        last[i] = (i + 1) * FAN_OUT <= width ? ends[(i + 1) * FAN_OUT - 1] : INFINITY;
    }
    __m256d a = _mm256_loadu_pd(last), b = _mm256_loadu_pd(last + 4);
    __m256d c = _mm256_loadu_pd(last + 8), d = _mm256_loadu_pd(last + 12);
    for (npy_intp i = 0; i < count; i++) {
        __m256d target = _mm256_set1_pd(targets[i]);
        npy_intp begin = __builtin_popcount(at_most(a, b, c, d, target)) / 2 * FAN_OUT;
        begin = begin < width - FAN_OUT ? begin : width - FAN_OUT; /* all before it are at most the target, too */
        const double *block = ends + begin;
        npy_intp node = begin + __builtin_popcount(at_most(_mm256_loadu_pd(block), _mm256_loadu_pd(block + 4),
                                                           _mm256_loadu_pd(block + 8), _mm256_loadu_pd(block + 12),
                                                           target)) / 2;
        nodes[i] = node < width ? node : width - 1;
    }
}

/* find_in_block for `count` / 4 times four at once, whose children below are under way then; returns how many that
   were. */
BY_FOUR npy_intp find_by_four(const double *sums, double *rest, npy_int64 *nodes, npy_intp count,
                              const double *below, npy_int64 last)
{
    npy_intp at = 0;
    for (; at + 4 <= count; at += 4, rest += 4, nodes += 4) {
        const double *a = sums + nodes[0] * FAN_OUT, *b = sums + nodes[1] * FAN_OUT;
        const double *c = sums + nodes[2] * FAN_OUT, *d = sums + nodes[3] * FAN_OUT;
        __m256d point = _mm256_loadu_pd(rest);
        __m256d end = _mm256_setzero_pd(), before = _mm256_setzero_pd(), passed = _mm256_setzero_pd();
        __m256i child = _mm256_setzero_si256();
        for (int i = 0; i < FAN_OUT; i += 2) {
            __m256d ac = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(a + i)), _mm_loadu_pd(c + i), 1);
            __m256d bd = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(b + i)), _mm_loadu_pd(d + i), 1);
            for (int second = 0; second < 2; second++) {
                end = _mm256_add_pd(end, second ? _mm256_unpackhi_pd(ac, bd) : _mm256_unpacklo_pd(ac, bd));
                passed = _mm256_cmp_pd(end, point, _CMP_LE_OQ);
                child = _mm256_sub_epi64(child, _mm256_castpd_si256(passed));
                before = _mm256_blendv_pd(before, end, passed);
            }
        }
        if (_mm256_movemask_pd(passed)) { /* past the end of its block: rare */
            for (int i = 0; i < 4; i++) {
                find_in_block(sums + nodes[i] * FAN_OUT, rest + i, nodes + i);
            }
        } else {
            __m256i node = _mm256_loadu_si256((const __m256i *)nodes);
            _mm256_storeu_si256((__m256i *)nodes, _mm256_add_epi64(_mm256_slli_epi64(node, 4), child));
            _mm256_storeu_pd(rest, _mm256_sub_pd(point, before));
        }
        for (int i = 0; below && i < 4; i++) {
            fetch_block(below, last, nodes + i);
        }
    }
    return at;
}

#define BY_EIGHT __attribute__((target("avx512f,avx512dq"))) static inline

/* Turns rows of eight numbers into columns. */
BY_EIGHT void transpose(const __m512d *rows, __m512d *columns)
{
    for (int odd = 0; odd < 2; odd++) {
        __m512d pairs[4]; /* of rows: their even columns, or their odd ones */
        for (int i = 0; i < 4; i++) {
            pairs[i] = odd ? _mm512_unpackhi_pd(rows[2 * i], rows[2 * i + 1])
                           : _mm512_unpacklo_pd(rows[2 * i], rows[2 * i + 1]);
        }
        __m512d upper = _mm512_shuffle_f64x2(pairs[0], pairs[1], 0x88); /* columns 0 and 4, or 1 and 5 */
        __m512d lower = _mm512_shuffle_f64x2(pairs[2], pairs[3], 0x88);
        columns[odd] = _mm512_shuffle_f64x2(upper, lower, 0x88);
        columns[4 + odd] = _mm512_shuffle_f64x2(upper, lower, 0xDD);
        upper = _mm512_shuffle_f64x2(pairs[0], pairs[1], 0xDD); /* columns 2 and 6, or 3 and 7 */
        lower = _mm512_shuffle_f64x2(pairs[2], pairs[3], 0xDD);
        columns[2 + odd] = _mm512_shuffle_f64x2(upper, lower, 0x88);
        columns[6 + odd] = _mm512_shuffle_f64x2(upper, lower, 0xDD);
    }
}

/* find_by_four, eight at once. */
BY_EIGHT npy_intp find_by_eight(const double *sums, double *rest, npy_int64 *nodes, npy_intp count,
                                const double *below, npy_int64 last)
{
    const __m512i one = _mm512_set1_epi64(1);
    npy_intp at = 0;
    for (; at + 8 <= count; at += 8, rest += 8, nodes += 8) {
        __m512d point = _mm512_loadu_pd(rest), end = _mm512_setzero_pd(), before = _mm512_setzero_pd();
        __m512i child = _mm512_setzero_si512();
        __mmask8 passed = 0;
        for (int half = 0; half < FAN_OUT; half += 8) {
            __m512d rows[8], columns[8];
            for (int i = 0; i < 8; i++) {
                rows[i] = _mm512_loadu_pd(sums + nodes[i] * FAN_OUT + half);
            }
            transpose(rows, columns);
            for (int i = 0; i < 8; i++) {
                end = _mm512_add_pd(end, columns[i]);
                passed = _mm512_cmp_pd_mask(end, point, _CMP_LE_OQ);
                child = _mm512_mask_add_epi64(child, passed, child, one);
                before = _mm512_mask_mov_pd(before, passed, end);
            }
        }
        if (passed) { /* past the end of its block: rare */
            for (int i = 0; i < 8; i++) {
                find_in_block(sums + nodes[i] * FAN_OUT, rest + i, nodes + i);
            }
        } else {
            __m512i node = _mm512_loadu_si512(nodes);
            _mm512_storeu_si512(nodes, _mm512_add_epi64(_mm512_slli_epi64(node, 4), child));
            _mm512_storeu_pd(rest, _mm512_sub_pd(point, before));
        }
        for (int i = 0; below && i < 8; i++) {
            fetch_block(below, last, nodes + i);
        }
    }
    return at;
}

#endif

#endif
