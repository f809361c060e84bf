/* The meta of an item that is pushed. */
#include "push_metas.h"

#include "take.h"

int push_metas_init(PushMetas *metas, PyObject *columns, PyObject *key, PyObject *intake)
{
    if (columns != Py_None && !PyTuple_CheckExact(columns)) {
        PyErr_SetString(PyExc_TypeError, "metas are a tuple of two dicts, or None");
        return -1;
    }
    PyObject *values = NULL, *there = NULL;
    if (columns != Py_None &&
        !PyArg_ParseTuple(columns, "O!O!:metas", &PyDict_Type, &values, &PyDict_Type, &there)) {
        return -1;
    }
    metas->values = Py_XNewRef(values);
    metas->there = Py_XNewRef(there);
    if (key != Py_None && !PyUnicode_CheckExact(key)) {
        PyErr_SetString(PyExc_TypeError, "key must be a str or None");
        return -1;
    }
    if (key == Py_None && intake != Py_None) {
        PyErr_SetString(PyExc_TypeError, "an intake needs a key");
        return -1;
    }
    metas->key = key == Py_None ? NULL : Py_NewRef(key);
    metas->intake = intake == Py_None ? NULL : Py_NewRef(intake);
    metas->highest = PyUnicode_InternFromString("max_priority");
    return metas->highest ? 0 : -1;
}

void push_metas_clear(PushMetas *metas)
{
    Py_CLEAR(metas->values);
    Py_CLEAR(metas->there);
    Py_CLEAR(metas->key);
    Py_CLEAR(metas->intake);
    Py_CLEAR(metas->highest);
}

/* 1 where the payload is known to have no entry of the key: no dict without it, and no other mapping; else 0, or -1. */
static int holds_no_entry(const PushMetas *metas, PyObject *data)
{
    if (PyDict_CheckExact(data)) {
        int holds = PyDict_Contains(data, metas->key);
        return holds < 0 ? -1 : !holds;
    }
    return data == Py_None || PyArray_CheckExact(data) || PyTuple_CheckExact(data) || PyList_CheckExact(data) ||
           PyLong_CheckExact(data) || PyFloat_CheckExact(data) || PyUnicode_CheckExact(data);
}

/* What the intake says; NULL without an exception where it is no float. */
static PyObject *given_number(const PushMetas *metas)
{
    PyObject *highest = PyObject_GetAttr(metas->intake, metas->highest);
    if (highest && !PyFloat_CheckExact(highest)) {
        Py_CLEAR(highest);
    }
    return highest;
}

PyObject *push_metas_made(const PushMetas *metas, PyObject *data, PyObject *given)
{
    if (metas->key && given && PyDict_Contains(given, metas->key)) {
        return NULL;
    }
    if (!metas->intake) {
        return given ? Py_NewRef(given) : PyDict_New();
    }
    if (!given && holds_no_entry(metas, data) <= 0) {
        return NULL;
    }
    PyObject *highest = given_number(metas);
    PyObject *made = !highest ? NULL : given ? PyDict_Copy(given) : PyDict_New();
    if (made && PyDict_SetItem(made, metas->key, highest) < 0) {
        Py_CLEAR(made);
    }
    Py_XDECREF(highest);
    return made;
}

static int is_column(PyArrayObject *column, npy_intp rows)
{
    return PyArray_CheckExact((PyObject *)column) && PyArray_NDIM(column) == 1 && PyArray_SIZE(column) == rows &&
           PyArray_ISCARRAY(column);
}

/* 1 where the column holds what the value is; else 0. */
static int takes(PyArrayObject *column, PyObject *value, npy_intp rows)
{
    if (!is_column(column, rows)) {
        return 0;
    }
    int type = PyArray_TYPE(column), overflow = 0;
    if (type == NPY_INT64 && PyLong_CheckExact(value)) {
        PyLong_AsLongLongAndOverflow(value, &overflow);
        return !overflow;
    }
    return (type == NPY_DOUBLE && PyFloat_CheckExact(value)) || (type == NPY_BOOL && PyBool_Check(value));
}

/* 1 where all keys are texts, so that looking one up runs nothing; else 0. */
static int keys_are_texts(PyObject *meta)
{
    PyObject *key, *value;
    for (Py_ssize_t place = 0; PyDict_Next(meta, &place, &key, &value);) {
        if (!PyUnicode_CheckExact(key)) {
            return 0;
        }
    }
    return 1;
}

typedef int Takes(PyArrayObject *, PyObject *, npy_intp);

INLINE int all_fit(const PushMetas *metas, PyObject *meta, npy_intp rows, Takes *takes_it)
{
    PyObject *key, *column;
    Py_ssize_t left = PyDict_Size(meta);
    if (!metas->values) {
        return left == 0;
    }
    if (!keys_are_texts(meta) || !keys_are_texts(metas->values)) {
        return 0;
    }
    for (Py_ssize_t place = 0; PyDict_Next(metas->values, &place, &key, &column);) {
        PyObject *value = PyDict_GetItemWithError(meta, key);
        PyObject *noted = PyDict_GetItemWithError(metas->there, key);
        if (noted && !plain_column(metas->there, key, BOOL, rows)) {
            return 0;
        }
        if (value) {
            if (!takes_it((PyArrayObject *)column, value, rows)) {
                return 0;
            }
            left -= 1;
        }
        /* It has to be noted which rows lack the key, and objects have to be let go. */
        else if (!noted || !PyArray_CheckExact(column) || PyArray_TYPE((PyArrayObject *)column) == NPY_OBJECT) {
            return 0;
        }
    }
    return left == 0;
}

int push_metas_fit(const PushMetas *metas, PyObject *meta, npy_intp rows) { return all_fit(metas, meta, rows, takes); }

static void put(PyArrayObject *column, long long slot, PyObject *value)
{
    switch (PyArray_TYPE(column)) {
    case NPY_DOUBLE:
        DATA(double, column)[slot] = PyFloat_AsDouble(value);
        break;
    case NPY_BOOL:
        DATA(npy_bool, column)[slot] = value == Py_True;
        break;
    default:
        DATA(npy_int64, column)[slot] = PyLong_AsLongLong(value);
    }
}

void push_metas_write(const PushMetas *metas, PyObject *meta, npy_intp rows, long long slot)
{
    PyObject *key, *column;
    for (Py_ssize_t place = 0; metas->values && PyDict_Next(metas->values, &place, &key, &column);) {
        PyObject *value = PyDict_GetItemWithError(meta, key);
        PyArrayObject *noted = plain_column(metas->there, key, BOOL, rows);
        if (noted) {
            DATA(npy_bool, noted)[slot] = value != NULL;
        }
        if (value) {
            put((PyArrayObject *)column, slot, value);
        }
    }
}

/* The same for many items: a column for each key. */

/* What a column of metas may be here: of so many numbers of one of the kinds that are kept as they are. */
static int is_kept_as_it_is(PyObject *value, npy_intp count)
{
    PyArrayObject *array = (PyArrayObject *)value;
    if (!PyArray_CheckExact(value) || PyArray_NDIM(array) != 1 || PyArray_SIZE(array) != count ||
        !PyArray_ISCARRAY_RO(array)) {
        return 0;
    }
    int type = PyArray_TYPE(array);
    return type == NPY_INT64 || type == NPY_DOUBLE || type == NPY_BOOL;
}

/* Copies of the given columns under the same keys; 1, 0 where one is not for here, or -1. */
static int add_copies(PyObject *made, PyObject *given, npy_intp count)
{
    PyObject *key, *value;
    int done = keys_are_texts(given);
    for (Py_ssize_t place = 0; done > 0 && PyDict_Next(given, &place, &key, &value);) {
        if (!is_kept_as_it_is(value, count)) {
            return 0;
        }
        PyObject *copy = PyArray_NewCopy((PyArrayObject *)value, NPY_CORDER);
        done = copy && PyDict_SetItem(made, key, copy) == 0 ? 1 : -1;
        Py_XDECREF(copy);
    }
    return done;
}

/* The number that the intake says, so many times; 1, 0 where it says none, or -1. */
static int add_highest(const PushMetas *metas, PyObject *made, npy_intp count)
{
    PyObject *highest = given_number(metas);
    PyObject *column = highest ? PyArray_SimpleNew(1, &count, NPY_DOUBLE) : NULL;
    for (npy_intp i = 0; column && i < count; i++) {
        DATA(double, (PyArrayObject *)column)[i] = PyFloat_AsDouble(highest);
    }
    int done = column && PyDict_SetItem(made, metas->key, column) == 0 ? 1 : PyErr_Occurred() ? -1 : 0;
    Py_XDECREF(column);
    Py_XDECREF(highest);
    return done;
}

PyObject *push_metas_columns(const PushMetas *metas, PyObject *batch, PyObject *given, npy_intp count)
{
    if ((metas->key && given && PyDict_Contains(given, metas->key)) ||
        (metas->intake && !given && holds_no_entry(metas, batch) <= 0)) {
        return NULL;
    }
    PyObject *made = PyDict_New();
    int done = !made ? -1 : given ? add_copies(made, given, count) : 1;
    if (done > 0 && metas->intake) {
        done = add_highest(metas, made, count);
    }
    if (done <= 0) {
        Py_CLEAR(made);
    }
    return made;
}

static int takes_column(PyArrayObject *column, PyObject *made, npy_intp rows)
{
    return is_column(column, rows) && PyArray_TYPE(column) == PyArray_TYPE((PyArrayObject *)made);
}

int push_metas_columns_fit(const PushMetas *metas, PyObject *made, npy_intp rows)
{
    return all_fit(metas, made, rows, takes_column);
}

void push_metas_write_columns(const PushMetas *metas, PyObject *made, npy_intp rows, long long slot, npy_intp begin,
                              npy_intp count)
{
    PyObject *key, *column;
    for (Py_ssize_t place = 0; metas->values && PyDict_Next(metas->values, &place, &key, &column);) {
        PyArrayObject *values = (PyArrayObject *)PyDict_GetItemWithError(made, key);
        PyArrayObject *noted = plain_column(metas->there, key, BOOL, rows);
        if (noted) {
            memset(DATA(npy_bool, noted) + slot, values != NULL, (size_t)count);
        }
        if (values) {
            npy_intp size = PyArray_ITEMSIZE(values);
            memcpy(PyArray_BYTES((PyArrayObject *)column) + slot * size, PyArray_BYTES(values) + begin * size,
                   (size_t)(count * size));
        }
    }
}
