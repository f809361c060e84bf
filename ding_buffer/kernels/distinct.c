/* The first of each number. */

#include "kernels.h"

/* Mixes all bits into the highest ones, so that numbers in a row are spread. */
INLINE npy_uint64 spread(npy_int64 number, int bits)
{
    npy_uint64 mixed = (npy_uint64)number;
    mixed ^= mixed >> 32;
    return mixed * 0x9E3779B97F4A7C15 >> (64 - bits);
}

PyObject *first_distinct(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 1, "first_distinct") < 0) {
        return NULL;
    }
    PyArrayObject *array = integers_of(arguments[0], "numbers");
    if (!array) {
        return NULL;
    }
    npy_intp count = PyArray_SIZE(array), kept = 0;
    const npy_int64 *numbers = DATA(npy_int64, array);
    int bits = 4; /* at least half of the places stay empty */
    while (((npy_intp)1 << bits) < 2 * count) {
        bits++;
    }
    npy_intp places = (npy_intp)1 << bits;
    /* Where in `first` a number stands, plus one; 0: nowhere yet. */
    npy_intp on_stack[2 * ON_STACK], *seen = on_stack;
    if (places > 2 * ON_STACK && !(seen = PyMem_Malloc((size_t)places * sizeof *seen))) {
        Py_DECREF((PyObject *)array);
        return PyErr_NoMemory();
    }
    PyArrayObject *first = (PyArrayObject *)PyArray_SimpleNew(1, &count, NPY_INT64);
    if (first) {
        npy_int64 *out = DATA(npy_int64, first);
        memset(seen, 0, (size_t)places * sizeof *seen);
        for (npy_intp i = 0; i < count; i++) {
            npy_intp place = (npy_intp)spread(numbers[i], bits);
            while (seen[place] && out[seen[place] - 1] != numbers[i]) {
                place = (place + 1) & (places - 1);
            }
            if (!seen[place]) {
                out[kept++] = numbers[i];
                seen[place] = kept;
            }
        }
    }
    if (seen != on_stack) {
        PyMem_Free(seen);
    }
    Py_DECREF((PyObject *)array);
    if (!first || kept == count) {
        return (PyObject *)first;
    }
    PyArrayObject *result = (PyArrayObject *)PyArray_SimpleNew(1, &kept, NPY_INT64);
    if (result) {
        memcpy(PyArray_DATA(result), PyArray_DATA(first), (size_t)kept * sizeof(npy_int64));
    }
    Py_DECREF((PyObject *)first);
    return (PyObject *)result;
}
