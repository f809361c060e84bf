/* Where each field of a record lies, and what was last found fit to be written there. */
#ifndef DING_BUFFER_RECORD_PLAN_H
#define DING_BUFFER_RECORD_PLAN_H

#include "push.h"

typedef enum { BOOLEAN, SIGNED, UNSIGNED, FLOATING } Family;

typedef struct {
    PyObject *key;
    int type_num, alias;             /* `alias`: the other name C has for these very numbers, or the same */
    PyTypeObject *scalar, *namesake; /* numpy's types of one such number */
    Family family;
    Py_ssize_t itemsize, nbytes, offset, table;
    int ndim;
    npy_intp *shape;
    const void *source; /* of the value accepted last; of a column the array itself */
    union {
        npy_double float64;
        npy_float float32;
        long long whole;
        unsigned long long huge;
        npy_bool truth;
        npy_byte int8;
        npy_short int16;
        npy_int int32;
    } number; /* where `source` points for a Python number */
} Field;

typedef struct {
    PyArrayObject *array;
    npy_intp width;
} Table;

struct RecordPlan {
    Py_ssize_t n_fields, n_tables;
    Field *fields;
    Table *tables;
    PyArrayObject *versions; /* or NULL */
};

/* 1 for an array of this type and number of dimensions that memory may be written to, and that has the slot. */
int array_holds(PyArrayObject *array, int type_num, int ndim, long long slot);

#endif
