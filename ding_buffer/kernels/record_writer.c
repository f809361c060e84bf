/* Writing a dict of arrays and scalars into packed records. */
#include "record_plan.h"

#include <math.h>
#include <string.h>

/* Taking values. */

static int accept_array(Field *field, PyArrayObject *array)
{
    int type_num = PyArray_TYPE(array);
    if ((type_num != field->type_num && type_num != field->alias) || PyArray_NDIM(array) != field->ndim ||
        !PyArray_IS_C_CONTIGUOUS(array) || !PyArray_ISNOTSWAPPED(array)) {
        return 0;
    }
    for (int axis = 0; axis < field->ndim; axis++) {
        if (PyArray_DIM(array, axis) != field->shape[axis]) {
            return 0;
        }
    }
    field->source = PyArray_DATA(array);
    return 1;
}

static int accept_huge(Field *field, PyObject *value)
{
    field->number.huge = PyLong_AsUnsignedLongLong(value);
    if (field->number.huge == (unsigned long long)-1 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    field->source = &field->number;
    return 1;
}

static int accept_whole(Field *field, PyObject *value)
{
    int overflow;
    long long whole = PyLong_AsLongLongAndOverflow(value, &overflow), highest;
    int bits = (int)field->itemsize * 8;
    if (field->family != SIGNED && field->family != UNSIGNED) {
        return 0;
    }
    if (overflow) {
        return overflow > 0 && field->family == UNSIGNED && bits == 64 && accept_huge(field, value);
    }
    highest = field->family == SIGNED || bits == 64 ? LLONG_MAX >> (64 - bits) : (1LL << bits) - 1;
    if (whole > highest || whole < (field->family == SIGNED ? -highest - 1 : 0)) {
        return 0;
    }
    switch (field->itemsize) { /* the bits of an unsigned number are those of the signed one of that size */
    case 1:
        field->number.int8 = (npy_byte)whole;
        break;
    case 2:
        field->number.int16 = (npy_short)whole;
        break;
    case 4:
        field->number.int32 = (npy_int)whole;
        break;
    default:
        field->number.whole = whole;
    }
    field->source = &field->number;
    return 1;
}

static int accept_float(Field *field, double value)
{
    if (field->family != FLOATING || field->type_num == NPY_HALF) {
        return 0;
    }
    if (field->type_num == NPY_DOUBLE) {
        field->number.float64 = value;
    }
    else {
        field->number.float32 = (npy_float)value;
        if (isinf(field->number.float32) && !isinf(value)) {
            return 0;
        }
    }
    field->source = &field->number;
    return 1;
}

static int accept_value(Field *field, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    if (PyArray_CheckExact(value)) {
        return accept_array(field, (PyArrayObject *)value);
    }
    if (field->ndim != 0) {
        return 0;
    }
    if (type == field->scalar || type == field->namesake) {
        /* numpy/arrayscalars.h: PyObject_HEAD, then the number. */
        field->source = (const char *)value + sizeof(PyObject);
        return 1;
    }
    if (PyFloat_CheckExact(value)) {
        return accept_float(field, PyFloat_AsDouble(value));
    }
    if (PyLong_CheckExact(value)) {
        return accept_whole(field, value);
    }
    if (PyBool_Check(value) && field->family == BOOLEAN) {
        field->number.truth = value == Py_True;
        field->source = &field->number;
        return 1;
    }
    return 0;
}

/* Values that are columns: what is stored itself, many times. */
static int accept_column(Field *field, PyObject *value)
{
    PyArrayObject *array = (PyArrayObject *)value;
    if (!PyArray_CheckExact(value) || PyArray_TYPE(array) != field->type_num || !PyArray_ISNOTSWAPPED(array) ||
        PyArray_NDIM(array) != field->ndim + 1 ||
        !PyArray_CHKFLAGS(array, NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED)) {
        return 0;
    }
    for (int axis = 0; axis < field->ndim; axis++) {
        if (PyArray_DIM(array, axis + 1) != field->shape[axis]) {
            return 0;
        }
    }
    field->source = value;
    return 1;
}

typedef int Accept(Field *, PyObject *);

static int accept_in_any_order(RecordPlan *plan, PyObject *data, Accept *accept)
{
    PyObject *key, *value;
    Py_ssize_t position = 0;
    /* Looking up among exact str runs no Python code; any other key might have an __eq__ of its own. */
    while (PyDict_Next(data, &position, &key, &value)) {
        if (!PyUnicode_CheckExact(key)) {
            return 0;
        }
    }
    for (Py_ssize_t place = 0; place < plan->n_fields; place++) {
        value = PyDict_GetItemWithError(data, plan->fields[place].key);
        if (value == NULL || !accept(&plan->fields[place], value)) {
            return 0;
        }
    }
    return 1;
}

INLINE int accept_all(RecordPlan *plan, PyObject *data, Accept *accept)
{
    PyObject *key, *value;
    Py_ssize_t position = 0, place = 0;
    if (!PyDict_CheckExact(data) || PyDict_Size(data) != plan->n_fields) {
        return 0;
    }
    for (; PyDict_Next(data, &position, &key, &value); place++) {
        if (key != plan->fields[place].key) {
            return accept_in_any_order(plan, data, accept);
        }
        if (!accept(&plan->fields[place], value)) {
            return 0;
        }
    }
    return 1;
}

int record_plan_fits(RecordPlan *plan, PyObject *data) { return accept_all(plan, data, accept_value); }

int record_plan_fits_columns(RecordPlan *plan, PyObject *data) { return accept_all(plan, data, accept_column); }

int record_plan_accepts(RecordPlan *plan, PyObject *data, long long slot)
{
    for (Py_ssize_t number = 0; number < plan->n_tables; number++) {
        const Table *table = &plan->tables[number];
        if (!array_holds(table->array, NPY_UINT8, 2, slot) || PyArray_DIM(table->array, 1) != table->width) {
            return 0;
        }
    }
    if (plan->versions != NULL && !array_holds(plan->versions, NPY_INT64, 1, slot)) {
        return 0;
    }
    return accept_all(plan, data, accept_value);
}

/* Writing. */

#if defined(__GNUC__) || defined(__clang__)
#define STORE(where, what) __atomic_store_n(where, what, __ATOMIC_RELAXED)
#define FENCE() __atomic_thread_fence(__ATOMIC_RELEASE)
#else
#include <windows.h>
#define STORE(where, what) (*(volatile npy_int64 *)(where) = (what))
#define FENCE() MemoryBarrier()
#endif

static void copy(char *to, const void *from, Py_ssize_t nbytes)
{
    switch (nbytes) {
    case 1:
        *to = *(const char *)from;
        break;
    case 4:
        memcpy(to, from, 4);
        break;
    case 8:
        memcpy(to, from, 8);
        break;
    default:
        memmove(to, from, (size_t)nbytes); /* a value may be a view of this very table */
    }
}

void record_plan_copy(const RecordPlan *plan, char *const *columns, Py_ssize_t row)
{
    for (Py_ssize_t place = 0; place < plan->n_fields; place++) {
        const Field *field = &plan->fields[place];
        copy(columns[place] + row * field->nbytes, field->source, field->nbytes);
    }
}

void record_plan_write(RecordPlan *plan, long long slot)
{
    npy_int64 *version = plan->versions == NULL ? NULL : (npy_int64 *)PyArray_DATA(plan->versions) + slot;
    npy_int64 odd = 0;
    if (version != NULL) {
        /* Unsigned, so that it may wrap; an odd one is what a writer that died left. */
        odd = (npy_int64)(((npy_uint64)*version + 1) | 1);
        STORE(version, odd);
        FENCE();
    }
    for (Py_ssize_t place = 0; place < plan->n_fields; place++) {
        const Field *field = &plan->fields[place];
        const Table *table = &plan->tables[field->table];
        char *row = (char *)PyArray_DATA(table->array) + (npy_intp)slot * table->width;
        copy(row + field->offset, field->source, field->nbytes);
    }
    if (version != NULL) {
        FENCE();
        STORE(version, (npy_int64)((npy_uint64)odd + 1));
    }
}
