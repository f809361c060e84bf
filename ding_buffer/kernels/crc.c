/* CRC-32 as zlib computes it, by carry-less multiplication; after Gopal et al., "Fast CRC Computation for Generic
   Polynomials Using PCLMULQDQ Instruction" (Intel, 2009).

   Bytes are a polynomial over GF(2), the lowest bit of the first byte its highest power, and their CRC is what is
   left of it, times x^32, when P divides it. As much is left when the first 128 bits are taken away and, multiplied
   by x^d mod P, added d bits further on. So long data shrink to one stride of vectors, which a table then divides.
   All numbers are computed from P when the module starts.

   Where processor or compiler have no such multiplication the function is missing, and zlib does it. */

#include "kernels.h"

#if defined(HAS_AVX2) && defined(__has_include)
#if __has_include(<vpclmulqdqintrin.h>)
#define HAS_CARRYLESS
#endif
#endif

#if defined(HAS_CARRYLESS)

#include <immintrin.h>

#define POLYNOMIAL 0xEDB88320u /* P less x^32; the highest bit is x^0 */
#define ONE 0x80000000u
#define VECTORS 4 /* in a stride: one is multiplied while the others wait for their products */
#define STRIDE (VECTORS * 16)
#define WIDE_STRIDE (VECTORS * 64)

static npy_uint32 of_byte[256]; /* a byte, times x^32, mod P */
static npy_uint64 over_stride[2], over_wide_stride[2];
static int has_wide;

static npy_uint32 times_x(npy_uint32 rest, int exponent)
{
    while (exponent--) {
        rest = (rest >> 1) ^ (rest & 1 ? POLYNOMIAL : 0);
    }
    return rest;
}

/* By what the halves of 128 bits are multiplied to go so many bytes further on. The first one stands 64 bits before
   the other, and the product of two halves comes out with one x more than they have. */
static void find_factors(npy_uint64 *factors, int bytes)
{
    factors[0] = (npy_uint64)times_x(ONE, 8 * bytes + 64 - 1) << 32;
    factors[1] = (npy_uint64)times_x(ONE, 8 * bytes - 1) << 32;
}

static npy_uint32 divide(npy_uint32 rest, const unsigned char *data, npy_intp size)
{
    for (npy_intp i = 0; i < size; i++) {
        rest = (rest >> 8) ^ of_byte[(rest ^ data[i]) & 255];
    }
    return rest;
}

__attribute__((target("pclmul"))) static npy_uint32 fold(npy_uint32 rest, const unsigned char *data, npy_intp size)
{
    if (size < STRIDE) {
        return divide(rest, data, size);
    }
    const unsigned char *end = data + size;
    const __m128i factors = _mm_loadu_si128((const __m128i *)over_stride);
    __m128i vectors[VECTORS];
    memcpy(vectors, data, STRIDE);
    vectors[0] = _mm_xor_si128(vectors[0], _mm_cvtsi32_si128((int)rest));
    for (data += STRIDE; end - data >= STRIDE; data += STRIDE) {
        for (int i = 0; i < VECTORS; i++) {
            __m128i first = _mm_clmulepi64_si128(vectors[i], factors, 0x00);
            __m128i second = _mm_clmulepi64_si128(vectors[i], factors, 0x11);
            __m128i there = _mm_loadu_si128((const __m128i *)data + i);
            vectors[i] = _mm_xor_si128(_mm_xor_si128(first, second), there);
        }
    }
    return divide(divide(0, (const unsigned char *)vectors, STRIDE), data, end - data);
}

/* The same with vectors of four times 128 bits. */
__attribute__((target("avx512f,vpclmulqdq"))) static npy_uint32 fold_wide(npy_uint32 rest,
                                                                         const unsigned char *data, npy_intp size)
{
    if (size < WIDE_STRIDE) {
        return fold(rest, data, size);
    }
    const unsigned char *end = data + size;
    const __m512i factors = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)over_wide_stride));
    __m512i vectors[VECTORS];
    memcpy(vectors, data, WIDE_STRIDE);
    vectors[0] = _mm512_xor_si512(vectors[0], _mm512_maskz_set1_epi32(1, (int)rest));
    for (data += WIDE_STRIDE; end - data >= WIDE_STRIDE; data += WIDE_STRIDE) {
        for (int i = 0; i < VECTORS; i++) {
            __m512i first = _mm512_clmulepi64_epi128(vectors[i], factors, 0x00);
            __m512i second = _mm512_clmulepi64_epi128(vectors[i], factors, 0x11);
            __m512i there = _mm512_loadu_si512((const __m512i *)data + i);
            vectors[i] = _mm512_xor_si512(_mm512_xor_si512(first, second), there);
        }
    }
    return fold(fold(0, (const unsigned char *)vectors, WIDE_STRIDE), data, end - data);
}

static npy_uint32 checksum(npy_uint32 value, const unsigned char *data, npy_intp size)
{
    int wide = has_wide && use_avx2; /* tests may do without */
    return ~(wide ? fold_wide(~value, data, size) : fold(~value, data, size));
}

static PyObject *crc32(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (given != 1 && count_is(given, 2, "crc32") < 0) {
        return NULL;
    }
    unsigned long value = given == 2 ? PyLong_AsUnsignedLongMask(arguments[1]) : 0;
    if (value == (unsigned long)-1 && PyErr_Occurred()) {
        return NULL;
    }
    PyArrayObject *array = array_of(arguments[0], UINT8, 1, 0, "data");
    if (!array) {
        return NULL;
    }
    const unsigned char *data = DATA(unsigned char, array);
    npy_intp size = PyArray_SIZE(array);
    npy_uint32 made;
    if (size < LONG_COPY) {
        made = checksum((npy_uint32)value, data, size);
    } else {
        PyThreadState *thread = PyEval_SaveThread();
        made = checksum((npy_uint32)value, data, size);
        PyEval_RestoreThread(thread);
    }
    return PyLong_FromUnsignedLong(made);
}

static PyMethodDef functions[] = {
    {"crc32", (PyCFunction)(void (*)(void))crc32, METH_FASTCALL,
     PyDoc_STR("crc32(data, value=0, /)\n--\n\n"
               "Returns the CRC-32 of uint8 data, going on from the CRC-32 `value` of what is before them.")},
    {NULL, NULL, 0, NULL},
};

int add_crc32(PyObject *module)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("pclmul")) {
        return 0;
    }
    has_wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq");
    for (npy_uint32 byte = 0; byte < 256; byte++) {
        of_byte[byte] = times_x(byte, 8);
    }
    find_factors(over_stride, STRIDE);
    find_factors(over_wide_stride, WIDE_STRIDE);
    return PyModule_AddFunctions(module, functions);
}

#else

int add_crc32(PyObject *module)
{
    (void)module;
    return 0;
}

#endif
