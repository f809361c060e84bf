/* The first of each number, and of those that are legal. */

#include "kernels.h"

/* Mixes all bits into the highest ones, so that numbers in a row are spread. */
INLINE npy_uint64 spread(npy_int64 number, int bits)
{
    npy_uint64 mixed = (npy_uint64)number;
    mixed ^= mixed >> 32;
    return mixed * 0x9E3779B97F4A7C15 >> (64 - bits);
}

/* Writes the first of each of the numbers, of the legal ones if `legal` is given, until there are `limit`.
   Returns how many, or -1 with MemoryError. */
static npy_intp keep_distinct(const npy_int64 *numbers, npy_intp count, const npy_bool *legal, npy_intp limit,
                              npy_int64 *out)
{
    npy_intp most = limit < count ? limit : count, kept = 0;
    int bits = 4; /* at least half of the places stay empty */
    while (((npy_intp)1 << bits) < 2 * most) {
        bits++;
    }
    npy_intp places = (npy_intp)1 << bits;
    /* Where in `out` a number stands, plus one; 0: nowhere yet. */
    npy_intp on_stack[2 * ON_STACK], *seen = on_stack;
    if (places > 2 * ON_STACK && !(seen = PyMem_Malloc((size_t)places * sizeof *seen))) {
        PyErr_NoMemory();
        return -1;
    }
    memset(seen, 0, (size_t)places * sizeof *seen);
    for (npy_intp i = 0; i < count && kept < limit; i++) {
        if (legal && !legal[numbers[i]]) {
            continue;
        }
        npy_intp place = (npy_intp)spread(numbers[i], bits);
        while (seen[place] && out[seen[place] - 1] != numbers[i]) {
            place = (place + 1) & (places - 1);
        }
        if (!seen[place]) {
            out[kept++] = numbers[i];
            seen[place] = kept;
        }
    }
    if (seen != on_stack) {
        PyMem_Free(seen);
    }
    return kept;
}

/* The first `kept` numbers of `first`, which is given up; NULL where `kept` is negative. */
static PyObject *shortened(PyArrayObject *first, npy_intp kept)
{
    if (kept == PyArray_SIZE(first)) {
        return (PyObject *)first;
    }
    PyArrayObject *result = kept < 0 ? NULL : (PyArrayObject *)PyArray_SimpleNew(1, &kept, NPY_INT64);
    if (result) {
        memcpy(PyArray_DATA(result), PyArray_DATA(first), (size_t)kept * sizeof(npy_int64));
    }
    Py_DECREF((PyObject *)first);
    return (PyObject *)result;
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
    npy_intp count = PyArray_SIZE(array), kept = -1;
    PyArrayObject *first = (PyArrayObject *)PyArray_SimpleNew(1, &count, NPY_INT64);
    if (first) {
        kept = keep_distinct(DATA(npy_int64, array), count, NULL, count, DATA(npy_int64, first));
    }
    Py_DECREF((PyObject *)array);
    return first ? shortened(first, kept) : NULL;
}

PyObject *draw_starts(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 4, "draw_starts") < 0) {
        return NULL;
    }
    Py_ssize_t size = PyNumber_AsSsize_t(arguments[2], NULL);
    int distinct = PyErr_Occurred() ? -1 : PyObject_IsTrue(arguments[3]);
    if (distinct < 0) {
        return NULL;
    }
    if (size < 0) {
        return PyErr_Format(PyExc_ValueError, "nobody draws a negative number of starts, got %zd", size);
    }
    PyArrayObject *numbers = integers_of(arguments[1], "numbers"), *first = NULL;
    PyArrayObject *legal = numbers ? array_of(arguments[0], BOOL, 1, 0, "legal") : NULL;
    npy_intp kept = 0;
    if (legal && slots_fit(DATA(npy_int64, numbers), PyArray_SIZE(numbers), PyArray_SIZE(legal)) == 0) {
        npy_intp count = PyArray_SIZE(numbers), most = size < count ? size : count;
        const npy_int64 *drawn = DATA(npy_int64, numbers);
        const npy_bool *are_legal = DATA(npy_bool, legal);
        first = (PyArrayObject *)PyArray_SimpleNew(1, &most, NPY_INT64);
        for (npy_intp i = 0; i < count; i++) {
            PREFETCH(are_legal + drawn[i]);
        }
        if (first && distinct) {
            kept = keep_distinct(drawn, count, are_legal, most, DATA(npy_int64, first));
        }
        for (npy_intp i = 0; i < count && kept < most && first && !distinct; i++) {
            if (are_legal[drawn[i]]) {
                DATA(npy_int64, first)[kept++] = drawn[i];
            }
        }
    }
    Py_XDECREF((PyObject *)numbers);
    return first ? shortened(first, kept) : NULL;
}
