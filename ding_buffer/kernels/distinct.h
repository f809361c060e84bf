/* Numbers without repeats. */

#ifndef DING_BUFFER_DISTINCT_H
#define DING_BUFFER_DISTINCT_H

#include "random_bits.h"
#include "take.h"

/* Which slot a number stands for: the one so far behind the first, where slots begin anew after `capacity`. */
typedef struct {
    npy_int64 first, capacity;
    const RowTaker *taker; /* of the rows that are to be taken, NULL: not known */
} Slots;

/* `size` distinct numbers of range(end), as `draw_distinct` of the module draws, or their slots where these are
   given: a new array, or NULL with an exception. */
PyArrayObject *distinct_drawn(BitSource *source, PyObject *rng, npy_int64 end, npy_intp size, const Slots *slots);

#endif
