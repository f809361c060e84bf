/* Random numbers straight from the bits of a numpy Generator: the same as its methods return, and as many used. */

#ifndef DING_BUFFER_RANDOM_BITS_H
#define DING_BUFFER_RANDOM_BITS_H

#include "kernels.h"

#include <numpy/random/bitgen.h>

/* What was found out about the Generator that was asked last; all zero at first. */
typedef struct {
    PyObject *rng, *acquire, *release; /* the methods of the lock of its bits */
    bitgen_t *bits;
} BitSource;

/* Bits that nobody else takes meanwhile. */
typedef struct {
    PyObject *rng, *release;
    bitgen_t *bits;
} Bits;

/* Takes the lock of the bits, as every method of a Generator does: with it some of them go on without the GIL.
   May let the GIL go. 0, or -1 with an exception; then there is nothing to give back. */
int bits_take(BitSource *source, PyObject *rng, Bits *bits);
/* Gives it back; not with an exception set. 0, or -1 with one. */
int bits_give(Bits *bits);
void bit_source_clear(BitSource *source);

/* rng.random(count) */
void draw_points(const Bits *bits, double *points, npy_intp count);
/* rng.integers(end, size=count), for `end` from 1 on */
void draw_below(const Bits *bits, npy_int64 end, npy_int64 *numbers, npy_intp count);

#endif
