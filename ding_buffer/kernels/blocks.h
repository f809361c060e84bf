/* What is known of a block of 16 children: its sum and its smallest positive leaf.

   The order of the additions is part of the contract (see tree.c): plain C says it, SSE2 keeps it. */

#ifndef DING_BUFFER_BLOCKS_H
#define DING_BUFFER_BLOCKS_H

#include "tree.h"
#include "vectors.h"

#include <math.h>

INLINE npy_uint64 bits_of(double number)
{
    npy_uint64 bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

INLINE double double_of(npy_uint64 bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

INLINE npy_uint64 low_of(double leaf) { return 0 - bits_of(leaf); }

/* The mass whose low this is: at most the sign bit (of a negative zero) means that no leaf is above zero. */
INLINE double mass_of(npy_uint64 low) { return low >> 63 && low << 1 ? double_of(0 - low) : INFINITY; }

INLINE npy_uint64 larger(npy_uint64 one, npy_uint64 other) { return one > other ? one : other; }

INLINE npy_uint64 plain_lowest_of_leaves(const double *leaves)
{
    npy_uint64 largest = 0;
    for (int i = 0; i < FAN_OUT; i++) {
        largest = larger(low_of(leaves[i]), largest);
    }
    return largest;
}

INLINE npy_uint64 plain_lowest_of_lows(const npy_uint64 *lows)
{
    npy_uint64 largest = 0;
    for (int i = 0; i < FAN_OUT; i++) {
        largest = larger(lows[i], largest);
    }
    return largest;
}

#if defined(__SSE2__)

INLINE double sum_of_block(const double *block)
{
    __m128d a = _mm_add_pd(_mm_loadu_pd(block), _mm_loadu_pd(block + 8));
    __m128d b = _mm_add_pd(_mm_loadu_pd(block + 2), _mm_loadu_pd(block + 10));
    __m128d c = _mm_add_pd(_mm_loadu_pd(block + 4), _mm_loadu_pd(block + 12));
    __m128d d = _mm_add_pd(_mm_loadu_pd(block + 6), _mm_loadu_pd(block + 14));
    __m128d ab = _mm_add_pd(_mm_unpacklo_pd(a, b), _mm_unpackhi_pd(a, b));
    __m128d cd = _mm_add_pd(_mm_unpacklo_pd(c, d), _mm_unpackhi_pd(c, d));
    __m128d both = _mm_add_pd(_mm_unpacklo_pd(ab, cd), _mm_unpackhi_pd(ab, cd));
    return 0.0 + _mm_cvtsd_f64(_mm_add_sd(both, _mm_unpackhi_pd(both, both)));
}

/* The bits of a positive number less one, seen as a number, keep the order; those of a zero become NaN, which
   min_pd passes over when it stands first. What is left is the complement of the largest low. */
INLINE npy_uint64 lowest_of_leaves(const double *leaves)
{
    const __m128i one = _mm_set1_epi64x(1);
    const __m128d none = _mm_set1_pd(INFINITY);
    __m128d least[2] = {none, none};
    for (int i = 0; i < FAN_OUT; i += 4) {
        for (int j = 0; j < 2; j++) {
            __m128i bits = _mm_loadu_si128((const __m128i *)(leaves + i + 2 * j));
            least[j] = _mm_min_pd(_mm_castsi128_pd(_mm_sub_epi64(bits, one)), least[j]);
        }
    }
    __m128d both = _mm_min_pd(least[0], least[1]);
    double low = _mm_cvtsd_f64(_mm_min_sd(both, _mm_unpackhi_pd(both, both)));
    return low < INFINITY ? ~bits_of(low) : plain_lowest_of_leaves(leaves);
}

INLINE npy_uint64 lowest_of_lows(const npy_uint64 *lows)
{
    const __m128i ones = _mm_set1_epi64x(-1);
    const __m128d none = _mm_set1_pd(INFINITY);
    __m128d least[2] = {none, none};
    for (int i = 0; i < FAN_OUT; i += 4) {
        for (int j = 0; j < 2; j++) {
            __m128i bits = _mm_loadu_si128((const __m128i *)(lows + i + 2 * j));
            least[j] = _mm_min_pd(_mm_castsi128_pd(_mm_xor_si128(bits, ones)), least[j]);
        }
    }
    __m128d both = _mm_min_pd(least[0], least[1]);
    double low = _mm_cvtsd_f64(_mm_min_sd(both, _mm_unpackhi_pd(both, both)));
    return low < INFINITY ? ~bits_of(low) : plain_lowest_of_lows(lows);
}

#else

INLINE double sum_of_block(const double *block)
{
    double r[8];
    for (int i = 0; i < 8; i++) {
        r[i] = block[i] + block[i + 8];
    }
    return 0.0 + (((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7])));
}

INLINE npy_uint64 lowest_of_leaves(const double *leaves) { return plain_lowest_of_leaves(leaves); }

INLINE npy_uint64 lowest_of_lows(const npy_uint64 *lows) { return plain_lowest_of_lows(lows); }

#endif

#if defined(HAS_AVX2)

/* The same again, with registers of four. */
#define BY_FOUR __attribute__((target("avx2"))) static inline

BY_FOUR double sum_of_block_by_four(const double *block)
{
    __m256d r0123 = _mm256_add_pd(_mm256_loadu_pd(block), _mm256_loadu_pd(block + 8));
    __m256d r4567 = _mm256_add_pd(_mm256_loadu_pd(block + 4), _mm256_loadu_pd(block + 12));
    __m256d pairs = _mm256_hadd_pd(r0123, r4567); /* 0 + 1, 4 + 5, 2 + 3, 6 + 7 */
    __m128d both = _mm_add_pd(_mm256_castpd256_pd128(pairs), _mm256_extractf128_pd(pairs, 1));
    return 0.0 + _mm_cvtsd_f64(_mm_add_sd(both, _mm_unpackhi_pd(both, both)));
}

/* The least of what the bits become in both cases: less one, or the complement. */
BY_FOUR double least_of_block_by_four(const void *block, int of_leaves)
{
    const __m256i ones = _mm256_set1_epi64x(-1);
    __m256d least[2] = {_mm256_set1_pd(INFINITY), _mm256_set1_pd(INFINITY)};
    for (int i = 0; i < 4; i++) {
        __m256i bits = _mm256_loadu_si256((const __m256i *)block + i);
        bits = of_leaves ? _mm256_add_epi64(bits, ones) : _mm256_xor_si256(bits, ones);
        least[i % 2] = _mm256_min_pd(_mm256_castsi256_pd(bits), least[i % 2]);
    }
    __m256d four = _mm256_min_pd(least[0], least[1]);
    __m128d both = _mm_min_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_min_sd(both, _mm_unpackhi_pd(both, both)));
}

BY_FOUR npy_uint64 lowest_of_leaves_by_four(const double *leaves)
{
    double least = least_of_block_by_four(leaves, 1);
    return least < INFINITY ? ~bits_of(least) : plain_lowest_of_leaves(leaves);
}

BY_FOUR npy_uint64 lowest_of_lows_by_four(const npy_uint64 *lows)
{
    double least = least_of_block_by_four(lows, 0);
    return least < INFINITY ? ~bits_of(least) : plain_lowest_of_lows(lows);
}

#endif

#endif
