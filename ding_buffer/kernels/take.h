/* Rows as new columns: what a storage hands out for a batch. */

#ifndef DING_BUFFER_TAKE_H
#define DING_BUFFER_TAKE_H

#include "kernels.h"

typedef struct RowTaker RowTaker;

/* New columns, as a list or as what the taker builds of it, for slots (int64, flat, contiguous). */
PyObject *row_taker_take(const RowTaker *taker, PyArrayObject *slots);

/* Which field has this key in the dict that the taker builds; -1: none, or no dict. Sets no exception. */
Py_ssize_t row_taker_field(const RowTaker *taker, PyObject *key);
/* A new column of this dtype (stolen) in the shape that the field has in a batch of so many rows. */
PyArrayObject *row_taker_column(const RowTaker *taker, Py_ssize_t field, PyArray_Descr *dtype, npy_intp rows);
/* Room for a column of each field, NULL yet; and the end of it, and of those that are left. */
PyArrayObject **row_taker_columns(const RowTaker *taker);
void row_taker_let_go(const RowTaker *taker, PyArrayObject **columns);
/* The same as row_taker_take, but for the columns that are there already, which are taken over, and for one field
   (-1: none) that is taken from as many other slots. */
PyObject *row_taker_take_but(const RowTaker *taker, PyArrayObject *slots, PyArrayObject **columns, Py_ssize_t other,
                             npy_int64 *other_slots);

/* Fills two dicts with the columns of `values` at slots, and with which rows lack a key; 0, or -1. The column of
   `known` (NULL: there is none) is not looked at: what it gets is `column`. */
int take_meta_columns(PyObject *values, PyObject *there, PyArrayObject *slots, PyObject *columns, PyObject *absent,
                      PyObject *known, PyObject *column);

/* Borrowed: column `key` of a dict if it is a flat array of this kind and there are `rows` of it, else NULL. */
PyArrayObject *plain_column(PyObject *values, PyObject *key, Kind kind, npy_intp rows);

/* Begins to fetch rows from far memory that are to be taken soon, as many as there is room for near by. */
void row_taker_fetch(const RowTaker *taker, const npy_int64 *slots, npy_intp count);

/* What is taken soon of the rows that are drawn: each borrowed, or NULL. */
typedef struct {
    const RowTaker *taker;
    PyObject *values, *there; /* dicts, as take_meta_columns takes them */
} Wanted;

/* Begins to fetch all of that from far memory; runs no Python code. */
void fetch_wanted(const Wanted *wanted, const npy_int64 *slots, npy_intp count);

int add_row_taker(PyObject *module);

#endif
