/* The meta of an item that is pushed: what it is given, and its row in the columns of metas. */
#ifndef DING_BUFFER_PUSH_METAS_H
#define DING_BUFFER_PUSH_METAS_H

#include "kernels.h"

typedef struct {
    PyObject *values, *there; /* columns by key, and which rows have them where not all do; NULL: no such columns */
    PyObject *key;            /* a meta or payload that holds it is not for here; NULL: there is no such key */
    PyObject *intake;         /* whose max_priority every item is given under the key; NULL: it is given none */
    PyObject *highest;        /* that name */
} PushMetas;

/* Learns from `columns`, None or (values, there), `key`, None or a str, and `intake`; 0, or -1 with an exception. */
int push_metas_init(PushMetas *metas, PyObject *columns, PyObject *key, PyObject *intake);
void push_metas_clear(PushMetas *metas);

/* The meta of a new item, a new reference; NULL without an exception: not for here. May run Python code. */
PyObject *push_metas_made(const PushMetas *metas, PyObject *data, PyObject *given);

/* 1 where a meta can be written to a row of the columns as they are: each key has one of the very kind of its value,
   and it can be noted that the row lacks all others; else 0. Runs no Python code. */
int push_metas_fit(const PushMetas *metas, PyObject *meta, npy_intp rows);
/* Writes it. */
void push_metas_write(const PushMetas *metas, PyObject *meta, npy_intp rows, long long slot);

/* The same for many items at once. The columns of their metas, new and under the same keys; what is made fits only
   if it is asked for after them. */
PyObject *push_metas_columns(const PushMetas *metas, PyObject *batch, PyObject *given, npy_intp count);
int push_metas_columns_fit(const PushMetas *metas, PyObject *made, npy_intp rows);
/* Writes `count` of them from `begin` on to the rows from `slot` on. */
void push_metas_write_columns(const PushMetas *metas, PyObject *made, npy_intp rows, long long slot, npy_intp begin,
                              npy_intp count);

#endif
