/* How the kernels look at their arguments: everything is checked here before memory is touched. */

#include "kernels.h"

static const char *const KIND_NAMES[] = {"float64", "int64", "uint64", "uint8", "bool"};

int count_is(Py_ssize_t given, Py_ssize_t right, const char *function)
{
    if (given != right) {
        PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, got %zd", function, right, given);
        return -1;
    }
    return 0;
}

int number_of(PyObject *argument, double *number)
{
    *number = PyFloat_AsDouble(argument);
    return *number == -1.0 && PyErr_Occurred() ? -1 : 0;
}

static int is_of_kind(PyArrayObject *array, Kind kind)
{
    int type = PyArray_TYPE(array);
    if (!PyArray_ISNOTSWAPPED(array)) {
        return 0;
    }
    switch (kind) {
    case FLOAT64:
        return type == NPY_DOUBLE;
    case INT64:
        return type == NPY_LONGLONG || (type == NPY_LONG && sizeof(long) == 8);
    case UINT64:
        return type == NPY_ULONGLONG || (type == NPY_ULONG && sizeof(long) == 8);
    case UINT8:
        return type == NPY_UBYTE;
    default:
        return type == NPY_BOOL;
    }
}

int is_dense(PyArrayObject *array, int writable, const char *name)
{
    if (!PyArray_CHKFLAGS(array, NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED)) {
        PyErr_Format(PyExc_ValueError, "%s must be C-contiguous and aligned", name);
        return -1;
    }
    if (writable && !PyArray_ISWRITEABLE(array)) {
        PyErr_Format(PyExc_ValueError, "%s must be writable", name);
        return -1;
    }
    return 0;
}

PyArrayObject *array_of(PyObject *argument, Kind kind, int dims, int writable, const char *name)
{
    if (!PyArray_Check(argument)) {
        PyErr_Format(PyExc_TypeError, "%s must be an array, got %R", name, (PyObject *)Py_TYPE(argument));
        return NULL;
    }
    PyArrayObject *array = (PyArrayObject *)argument;
    if (!is_of_kind(array, kind)) {
        PyErr_Format(PyExc_TypeError, "%s must be an array of native %s, got %R", name, KIND_NAMES[kind],
                     (PyObject *)PyArray_DESCR(array));
        return NULL;
    }
    if (dims >= 0 && PyArray_NDIM(array) != dims) {
        PyErr_Format(PyExc_ValueError, "%s must have %d dimensions, got %d", name, dims, PyArray_NDIM(array));
        return NULL;
    }
    return is_dense(array, writable, name) < 0 ? NULL : array;
}

/* A new reference to the argument as an array of any kind. */
static PyArrayObject *any_array(PyObject *argument)
{
    if (PyArray_Check(argument)) {
        Py_INCREF(argument);
        return (PyArrayObject *)argument;
    }
    return (PyArrayObject *)PyArray_FromAny(argument, NULL, 0, 0, 0, NULL);
}

/* Gives up `array` for a C-contiguous, aligned, native one of type `type`, itself if it is that. */
static PyArrayObject *converted(PyArrayObject *array, int type)
{
    int flags = NPY_ARRAY_CARRAY_RO | NPY_ARRAY_NOTSWAPPED | NPY_ARRAY_ENSUREARRAY | NPY_ARRAY_FORCECAST;
    PyArrayObject *right = (PyArrayObject *)PyArray_FromAny(
        (PyObject *)array, PyArray_DescrFromType(type), 0, 0, flags, NULL);
    Py_DECREF(array);
    return right;
}

PyArrayObject *integers_of(PyObject *argument, const char *name)
{
    PyArrayObject *array = any_array(argument);
    if (!array) {
        return NULL;
    }
    if (!PyTypeNum_ISINTEGER(PyArray_TYPE(array)) && PyArray_SIZE(array)) {
        PyErr_Format(PyExc_TypeError, "%s must be whole numbers, got an array of %R", name,
                     (PyObject *)PyArray_DESCR(array));
        Py_DECREF(array);
        return NULL;
    }
    if (PyArray_NDIM(array) != 1) {
        PyErr_Format(PyExc_ValueError, "%s must have 1 dimensions, got %d", name, PyArray_NDIM(array));
        Py_DECREF(array);
        return NULL;
    }
    if (is_of_kind(array, INT64) && PyArray_ISCARRAY_RO(array)) {
        return array;
    }
    if (PyArray_SIZE(array) == 0) { /* of whatever type */
        npy_intp none = 0;
        Py_DECREF(array);
        return (PyArrayObject *)PyArray_SimpleNew(1, &none, NPY_INT64);
    }
    return converted(array, NPY_INT64);
}

PyArrayObject *reals_of(PyObject *argument, const char *name)
{
    PyArrayObject *array = any_array(argument);
    if (!array) {
        return NULL;
    }
    if (is_of_kind(array, FLOAT64) && PyArray_ISCARRAY_RO(array)) {
        return array;
    }
    int type = PyArray_TYPE(array);
    if (!PyTypeNum_ISINTEGER(type) && !PyTypeNum_ISFLOAT(type) && !PyTypeNum_ISBOOL(type)) {
        PyErr_Format(PyExc_TypeError, "%s must be real numbers, got an array of %R", name,
                     (PyObject *)PyArray_DESCR(array));
        Py_DECREF(array);
        return NULL;
    }
    return converted(array, NPY_DOUBLE);
}

int slots_fit(const npy_int64 *slots, npy_intp count, npy_int64 capacity)
{
    /* The sign bit of a slot below zero, or of what is left above one that is too large. */
    npy_uint64 signs = 0;
    for (npy_intp i = 0; i < count; i++) {
        signs |= (npy_uint64)slots[i] | ((npy_uint64)(capacity - 1) - (npy_uint64)slots[i]);
    }
    if (!(signs >> 63)) {
        return 0;
    }
    for (npy_intp i = 0; i < count; i++) {
        if (slots[i] < 0 || slots[i] >= capacity) {
            PyErr_Format(PyExc_IndexError, "slot %lld is out of range: slots go from 0 to %lld",
                         (long long)slots[i], (long long)capacity - 1);
            return -1;
        }
    }
    return 0;
}

int overlap(PyArrayObject *one, PyArrayObject *other)
{
    /* Both are contiguous, so their bytes are one stretch each. */
    const char *a = PyArray_BYTES(one), *b = PyArray_BYTES(other);
    return a < b + PyArray_NBYTES(other) && b < a + PyArray_NBYTES(one);
}

int keep_apart(PyArrayObject *written, const char *name, PyArrayObject *other, const char *other_name)
{
    if (overlap(written, other)) {
        PyErr_Format(PyExc_ValueError, "%s and %s must not overlap in memory", name, other_name);
        return -1;
    }
    return 0;
}
