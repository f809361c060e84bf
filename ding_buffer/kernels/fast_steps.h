/* FastSteps, as FastSample uses it. */

#ifndef DING_BUFFER_FAST_STEPS_H
#define DING_BUFFER_FAST_STEPS_H

#include "take.h"

/* What is found besides the columns of the rows, new references. */
typedef struct {
    PyObject *discounts, *steps; /* float64 and int64 */
    PyObject *field;             /* the discounts in the form of the reward */
} Followed;

/* 1 where this is one; else 0, with an exception. */
int is_steps(PyObject *object);
/* 1 where it can follow from the rows of this taker, else 0, or -1. May call Python. */
int steps_open(PyObject *steps, PyObject *taker);
/* The columns of rows, of the last steps where that is due, as a dict; NULL with an exception. Only after
   steps_open said 1 of this taker. `followed_clear` in any case. */
PyObject *steps_take(PyObject *steps, PyObject *taker, PyArrayObject *slots, Followed *followed);
void followed_clear(Followed *followed);

#endif
