/* Powers of many numbers: (base + addend) ** exponent, each within 1e-14 of the right result.

   x = 2^k m with m in [sqrt(1/2), sqrt(2)), so x^y = 2^(yk + y log2 m). The product yk is split so that its
   whole part is exact, and the polynomials are good to 4e-18; with y from -4 to 4 the error stays below 2e-15.
   All else (zero, denormal, huge, NaN, other exponents) is left to the C library's pow. What becomes of a number
   does not depend on the numbers beside it. */

#include "vectors.h"

#include <math.h>

#define LARGEST_EXPONENT 4.0
#define LARGEST_NUMBER 0x1p1000 /* and its inverse the smallest */
#define LARGEST_POWER 1000.0    /* of two, and likewise */
/* Added and taken away again, it rounds to a whole number, which then stands in the lowest bits. */
#define ROUNDER 0x1.8p52

typedef struct {
    double exponent, head, tail; /* head + tail == exponent, and head has 26 bits */
} Exponent;

#if defined(__GNUC__)

#define LANES 2
#define OF(name) name##_by_two
#include "powers.h"

#if defined(HAS_AVX2)
#pragma GCC push_options
#pragma GCC target("avx2")
#define LANES 4
#define OF(name) name##_by_four
#include "powers.h"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq")
#define LANES 8
#define OF(name) name##_by_eight
#include "powers.h"
#pragma GCC pop_options
#endif

static void raise_by_polynomial(const double *base, npy_intp count, double addend, double exponent, double *out)
{
    npy_uint64 bits;
    Exponent y = {.exponent = exponent};
    memcpy(&bits, &exponent, sizeof bits);
    bits &= ~(npy_uint64)0x7FFFFFF;
    memcpy(&y.head, &bits, sizeof bits);
    y.tail = exponent - y.head;
#if defined(HAS_AVX2)
    if (use_avx512()) {
        raise_by_eight(base, count, addend, y, out);
        return;
    }
    if (use_avx2) {
        raise_by_four(base, count, addend, y, out);
        return;
    }
#endif
    raise_by_two(base, count, addend, y, out);
}

#else

static void raise_by_polynomial(const double *base, npy_intp count, double addend, double exponent, double *out)
{
    for (npy_intp i = 0; i < count; i++) {
        out[i] = pow(base[i] + addend, exponent);
    }
}

#endif

void raise_to(const double *base, npy_intp count, double addend, double exponent, double *out)
{
    if (exponent == 1.0) {
        for (npy_intp i = 0; i < count; i++) {
            out[i] = base[i] + addend;
        }
    } else if (exponent == -1.0) {
        for (npy_intp i = 0; i < count; i++) {
            out[i] = 1.0 / (base[i] + addend);
        }
    } else if (exponent != 0.0 && fabs(exponent) <= LARGEST_EXPONENT) {
        raise_by_polynomial(base, count, addend, exponent, out);
    } else {
        for (npy_intp i = 0; i < count; i++) {
            out[i] = pow(base[i] + addend, exponent);
        }
    }
}

PyObject *power(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    double addend, exponent;
    if (count_is(given, 3, "power") < 0 || number_of(arguments[1], &addend) < 0 ||
        number_of(arguments[2], &exponent) < 0) {
        return NULL;
    }
    PyArrayObject *base = reals_of(arguments[0], "base");
    if (!base) {
        return NULL;
    }
    PyArrayObject *result = (PyArrayObject *)PyArray_SimpleNew(PyArray_NDIM(base), PyArray_DIMS(base), NPY_DOUBLE);
    npy_intp count = PyArray_SIZE(base);
    if (result && count > LONG_LOOP) {
        PyThreadState *thread = PyEval_SaveThread();
        raise_to(DATA(double, base), count, addend, exponent, DATA(double, result));
        PyEval_RestoreThread(thread);
    } else if (result) {
        raise_to(DATA(double, base), count, addend, exponent, DATA(double, result));
    }
    Py_DECREF((PyObject *)base);
    return (PyObject *)result;
}
