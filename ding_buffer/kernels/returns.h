/* What returns over several steps are made of. */

#ifndef DING_BUFFER_RETURNS_H
#define DING_BUFFER_RETURNS_H

#include "kernels.h"

#define FLAGS 3 /* terminated, truncated, done */

/* One number for each slot, wherever it lies. */
typedef struct {
    PyArrayObject *array; /* NULL: there is none */
    const char *first;
    npy_intp stride, size;
    int type;
} Strip;

typedef struct {
    const npy_int64 *following, *slots;
    npy_intp capacity, count, n;
    const double *powers;
    Strip rewards, flags[FLAGS];
    int are_bytes; /* the flags, each of them */
    int beside;    /* how many flags there are if all of them are bytes beside the rewards, else 0 */
    npy_intp offsets[FLAGS]; /* of those, from the reward of the same slot */
    npy_int64 *last, *steps;
    double *totals, *discounts;
    char *ends[FLAGS];
} Returns;

/* Looks at the arguments of `n_step` but for its slots, which are these; 0, or -1 with an exception. */
int returns_look_at(Returns *returns, Arguments arguments, PyArrayObject *slots);
/* Fills last, steps, totals, discounts and the ends of flags that there are, which have room; 0, or -1. */
int returns_make(const Returns *returns);

#endif
