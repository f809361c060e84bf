/* Columns of metas at some slots, and which rows lack a key. */

#include "take.h"

#define NEAR_BYTES (1 << 18) /* of a column that lies near anyway */
#define NEAR_ENTRIES 512 /* of a column, as many as there is room for near by */

static int is_flat(PyObject *object)
{
    return object && PyArray_Check(object) && PyArray_NDIM((PyArrayObject *)object) == 1 &&
           PyArray_ISCARRAY_RO((PyArrayObject *)object);
}

PyArrayObject *plain_column(PyObject *values, PyObject *key, Kind kind, npy_intp rows)
{
    PyObject *column = PyDict_GetItemWithError(values, key);
    int type = kind == FLOAT64 ? NPY_DOUBLE : kind == INT64 ? NPY_INT64 : NPY_BOOL;
    int fits = is_flat(column) && PyArray_TYPE((PyArrayObject *)column) == type &&
               PyArray_ISWRITEABLE((PyArrayObject *)column) && PyArray_SIZE((PyArrayObject *)column) == rows;
    return fits ? (PyArrayObject *)column : NULL;
}

/* The entries of a column at slots, which fit. */
static PyObject *taken(PyArrayObject *column, PyArrayObject *slots)
{
    npy_intp count = PyArray_SIZE(slots);
    const npy_int64 *where = DATA(npy_int64, slots);
    int objects = PyDataType_FLAGCHK(PyArray_DESCR(column), NPY_ITEM_REFCOUNT | NPY_NEEDS_PYAPI);
    npy_intp size = PyArray_ITEMSIZE(column);
    if (objects || (size != 8 && size != 1)) {
        return PyArray_TakeFrom(column, (PyObject *)slots, 0, NULL, NPY_CLIP);
    }
    PyArray_Descr *dtype = PyArray_DESCR(column);
    Py_INCREF((PyObject *)dtype); /* which is stolen */
    PyObject *made = PyArray_NewFromDescr(&PyArray_Type, dtype, 1, &count, NULL, NULL, 0, NULL);
    if (!made) {
        return NULL;
    }
    char *out = PyArray_BYTES((PyArrayObject *)made);
    const char *in = PyArray_BYTES(column);
    for (npy_intp i = 0; i < count; i++) {
        if (size == 8) {
            memcpy(out + 8 * i, in + 8 * where[i], 8);
        } else {
            out[i] = in[where[i]];
        }
    }
    return made;
}

/* Which of the slots have no entry: a new array, or None where all have one; *everyone tells that none has. */
static PyObject *lacking(PyArrayObject *there, PyArrayObject *slots, int *everyone)
{
    npy_intp count = PyArray_SIZE(slots), found = 0;
    const npy_int64 *where = DATA(npy_int64, slots);
    const npy_bool *has = DATA(npy_bool, there);
    for (npy_intp i = 0; i < count; i++) {
        found += has[where[i]] != 0;
    }
    *everyone = found == 0 && count > 0;
    if (found == count) {
        return Py_NewRef(Py_None);
    }
    PyObject *made = PyArray_SimpleNew(1, &count, NPY_BOOL);
    for (npy_intp i = 0; made && i < count; i++) {
        DATA(npy_bool, (PyArrayObject *)made)[i] = !has[where[i]];
    }
    return made;
}

static int take_one(PyObject *key, PyObject *column, PyObject *there, PyArrayObject *slots, PyObject *columns,
                    PyObject *absent)
{
    const npy_int64 *where = DATA(npy_int64, slots);
    npy_intp count = PyArray_SIZE(slots);
    if (!is_flat(column)) {
        PyErr_Format(PyExc_TypeError, "the column of %R must be a flat array", key);
        return -1;
    }
    if (slots_fit(where, count, PyArray_SIZE((PyArrayObject *)column)) < 0) {
        return -1;
    }
    PyObject *noted = PyDict_GetItemWithError(there, key);
    if (noted) {
        if (!is_flat(noted) || PyArray_TYPE((PyArrayObject *)noted) != NPY_BOOL ||
            PyArray_SIZE((PyArrayObject *)noted) != PyArray_SIZE((PyArrayObject *)column)) {
            PyErr_Format(PyExc_TypeError, "who has %R must be noted in as many bools as there are rows", key);
            return -1;
        }
        int everyone;
        PyObject *none = lacking((PyArrayObject *)noted, slots, &everyone);
        int done = !none ? -1 : none == Py_None || everyone ? 0 : PyDict_SetItem(absent, key, none);
        Py_XDECREF(none);
        if (done < 0 || everyone) {
            return done;
        }
    } else if (PyErr_Occurred()) {
        return -1;
    }
    PyObject *entries = taken((PyArrayObject *)column, slots);
    int done = entries ? PyDict_SetItem(columns, key, entries) : -1;
    Py_XDECREF(entries);
    return done;
}

int take_meta_columns(PyObject *values, PyObject *there, PyArrayObject *slots, PyObject *columns, PyObject *absent,
                      PyObject *known, PyObject *known_column)
{
    PyObject *key, *column;
    Py_ssize_t at = 0;
    int done = 0;
    while (done == 0 && PyDict_Next(values, &at, &key, &column)) {
        Py_INCREF(key);
        Py_INCREF(column);
        done = key == known ? PyDict_SetItem(columns, key, known_column)
                            : take_one(key, column, there, slots, columns, absent);
        Py_DECREF(column);
        Py_DECREF(key);
    }
    return done;
}

static void fetch_entries(PyObject *object, const npy_int64 *slots, npy_intp count)
{
    if (!is_flat(object) || PyArray_NBYTES((PyArrayObject *)object) < NEAR_BYTES) {
        return;
    }
    npy_intp size = PyArray_ITEMSIZE((PyArrayObject *)object);
    const char *column = PyArray_BYTES((PyArrayObject *)object);
    for (npy_intp i = 0; i < count && i < NEAR_ENTRIES; i++) {
        PREFETCH(column + slots[i] * size);
    }
}

void fetch_wanted(const Wanted *wanted, const npy_int64 *slots, npy_intp count)
{
    PyObject *key, *column;
    Py_ssize_t at = 0;
    if (wanted->taker) {
        row_taker_fetch(wanted->taker, slots, count);
    }
    while (wanted->values && PyDict_Next(wanted->values, &at, &key, &column)) {
        fetch_entries(column, slots, count);
    }
    at = 0;
    while (wanted->there && PyDict_Next(wanted->there, &at, &key, &column)) {
        fetch_entries(column, slots, count);
    }
}

PyObject *take_metas(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 3, "take_metas") < 0) {
        return NULL;
    }
    if (!PyDict_Check(arguments[0]) || !PyDict_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "values and there must be dicts");
        return NULL;
    }
    PyArrayObject *slots = integers_of(arguments[2], "slots");
    PyObject *columns = PyDict_New(), *absent = PyDict_New(), *result = NULL;
    if (slots && columns && absent && take_meta_columns(arguments[0], arguments[1], slots, columns, absent, NULL, NULL) == 0) {
        result = PyTuple_Pack(2, columns, absent);
    }
    Py_XDECREF((PyObject *)slots);
    Py_XDECREF(columns);
    Py_XDECREF(absent);
    return result;
}
