/* Vectors of the processor, for what is written for them by hand. */

#ifndef DING_BUFFER_VECTORS_H
#define DING_BUFFER_VECTORS_H

#include "kernels.h"

#if defined(HAS_AVX2)
#include <immintrin.h>

/* Vectors of eight numbers, where those of four are used; not on the first processors that had them, which run
   slower for a while after each use: these have no VBMI2. */
INLINE int use_avx512(void)
{
    return use_avx2 && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vbmi2");
}

#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

#endif
