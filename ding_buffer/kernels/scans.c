/* Single passes over a few numbers, for which numpy needs several. */

#include "kernels.h"

#include <math.h>

PyObject *bounds(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 1, "bounds") < 0) {
        return NULL;
    }
    PyArrayObject *array = reals_of(arguments[0], "numbers");
    if (!array) {
        return NULL;
    }
    npy_intp count = PyArray_SIZE(array);
    const double *numbers = DATA(double, array);
    double low = INFINITY, high = -INFINITY;
    int sound = 1;
    for (npy_intp i = 0; i < count; i++) {
        sound &= numbers[i] == numbers[i];
        low = numbers[i] < low ? numbers[i] : low;
        high = numbers[i] > high ? numbers[i] : high;
    }
    Py_DECREF((PyObject *)array);
    return sound ? Py_BuildValue("(dd)", low, high) : Py_BuildValue("(dd)", NAN, NAN);
}

PyObject *all_below(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 2, "all_below") < 0) {
        return NULL;
    }
    npy_int64 bound = PyLong_AsLongLong(arguments[1]);
    if (bound == -1 && PyErr_Occurred()) {
        return NULL;
    }
    PyArrayObject *array = integers_of(arguments[0], "slots");
    if (!array) {
        return NULL;
    }
    npy_intp count = PyArray_SIZE(array);
    const npy_int64 *slots = DATA(npy_int64, array);
    int below = 1;
    for (npy_intp i = 0; i < count; i++) {
        below &= (slots[i] >= 0) & (slots[i] < bound);
    }
    Py_DECREF((PyObject *)array);
    return PyBool_FromLong(below);
}

PyObject *count_up(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 2, "count_up") < 0) {
        return NULL;
    }
    PyArrayObject *slots = integers_of(arguments[1], "slots"), *result = NULL;
    if (!slots) {
        return NULL;
    }
    PyArrayObject *counts = array_of(arguments[0], INT64, 1, 1, "counts");
    npy_intp count = PyArray_SIZE(slots);
    const npy_int64 *where = DATA(npy_int64, slots);
    if (counts && keep_apart(counts, "counts", slots, "slots") == 0 &&
        slots_fit(where, count, PyArray_SIZE(counts)) == 0) {
        result = (PyArrayObject *)PyArray_SimpleNew(1, &count, NPY_INT64);
    }
    if (result) {
        npy_int64 *out = DATA(npy_int64, result);
        npy_uint64 *held = DATA(npy_uint64, counts); /* unsigned: the highest number goes on with the lowest */
        for (npy_intp i = 0; i < count; i++) {
            out[i] = (npy_int64)++held[where[i]];
        }
    }
    Py_DECREF((PyObject *)slots);
    return (PyObject *)result;
}
