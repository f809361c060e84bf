/* Rows as new columns: what a storage hands out for a batch. */

#ifndef DING_BUFFER_TAKE_H
#define DING_BUFFER_TAKE_H

#include "kernels.h"

typedef struct RowTaker RowTaker;

/* New columns, as a list or as what the taker builds of it, for slots (int64, flat, contiguous). */
PyObject *row_taker_take(const RowTaker *taker, PyArrayObject *slots);

/* Fills two dicts with the columns of `values` at slots, and with which rows lack a key; 0, or -1. The column of
   `known` (NULL: there is none) is not looked at: what it gets is `column`. */
int take_meta_columns(PyObject *values, PyObject *there, PyArrayObject *slots, PyObject *columns, PyObject *absent,
                      PyObject *known, PyObject *column);

/* Borrowed: column `key` of a dict if it is a flat array of this kind and there are `rows` of it, else NULL. */
PyArrayObject *plain_column(PyObject *values, PyObject *key, Kind kind, npy_intp rows);

int add_row_taker(PyObject *module);

#endif
