/* Steps that follow one another: who comes after whom, and what they earned together. */

#include "kernels.h"

#include <math.h>

#define NOBODY (-1)

/* Takes step k of all walks; 0, or -1 where `following` names a slot that is none. */
static int take_step(const npy_int64 *following, npy_intp capacity, npy_int64 *walks, npy_intp count, npy_intp n,
                     npy_intp k)
{
    for (npy_intp i = 0; i < count; i++) {
        npy_int64 from = walks[i * n + k - 1];
        npy_int64 to = from == NOBODY ? NOBODY : following[from];
        if (to < NOBODY || to >= capacity) {
            PyErr_Format(PyExc_IndexError, "slot %lld is out of range: slots go from 0 to %lld", (long long)to,
                         (long long)capacity - 1);
            return -1;
        }
        walks[i * n + k] = to;
        if (to != NOBODY) {
            PREFETCH(following + to);
        }
    }
    return 0;
}

PyObject *walk(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 3, "walk") < 0) {
        return NULL;
    }
    Py_ssize_t n = PyNumber_AsSsize_t(arguments[2], PyExc_ValueError);
    if (n == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (n < 0) {
        return PyErr_Format(PyExc_ValueError, "a walk has no negative number of steps, got %zd", n);
    }
    PyArrayObject *slots = integers_of(arguments[1], "slots");
    PyArrayObject *following = slots ? array_of(arguments[0], INT64, 1, 0, "following") : NULL;
    PyArrayObject *result = NULL;
    if (!following) {
        goto done;
    }
    npy_intp shape[2] = {PyArray_SIZE(slots), n}, capacity = PyArray_SIZE(following);
    const npy_int64 *from = DATA(npy_int64, slots);
    for (npy_intp i = 0; i < shape[0]; i++) {
        if (from[i] != NOBODY && slots_fit(from + i, 1, capacity) < 0) {
            goto done;
        }
    }
    result = (PyArrayObject *)PyArray_SimpleNew(2, shape, NPY_INT64);
    if (!result) {
        goto done;
    }
    npy_int64 *walks = DATA(npy_int64, result);
    for (npy_intp i = 0; i < shape[0] && n; i++) {
        walks[i * n] = from[i];
        if (from[i] != NOBODY) {
            PREFETCH(DATA(npy_int64, following) + from[i]);
        }
    }
    for (npy_intp k = 1; k < n && shape[0]; k++) {
        if (take_step(DATA(npy_int64, following), capacity, walks, shape[0], n, k) < 0) {
            Py_CLEAR(result);
            break;
        }
    }
done:
    Py_XDECREF((PyObject *)slots);
    return (PyObject *)result;
}

PyObject *relink(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 6, "relink") < 0) {
        return NULL;
    }
    int newest = PyObject_IsTrue(arguments[5]);
    npy_int64 slot = newest < 0 ? -1 : PyNumber_AsSsize_t(arguments[3], PyExc_IndexError);
    npy_int64 before = PyErr_Occurred() ? -1 : PyNumber_AsSsize_t(arguments[4], PyExc_IndexError);
    if (PyErr_Occurred()) {
        return NULL;
    }
    PyArrayObject *following = array_of(arguments[0], INT64, 1, 1, "following");
    PyArrayObject *preceding = following ? array_of(arguments[1], INT64, 1, 1, "preceding") : NULL;
    PyArrayObject *are_newest = preceding ? array_of(arguments[2], BOOL, 1, 1, "newest") : NULL;
    if (!are_newest) {
        return NULL;
    }
    npy_intp capacity = PyArray_SIZE(following);
    if (PyArray_SIZE(preceding) != capacity || PyArray_SIZE(are_newest) != capacity) {
        PyErr_SetString(PyExc_ValueError, "following, preceding and newest must have the same length");
        return NULL;
    }
    npy_int64 *after_of = DATA(npy_int64, following), *before_of = DATA(npy_int64, preceding);
    if (slots_fit(&slot, 1, capacity) < 0 || (before != NOBODY && slots_fit(&before, 1, capacity) < 0)) {
        return NULL;
    }
    npy_int64 left = before_of[slot], right = after_of[slot];
    if ((left != NOBODY && slots_fit(&left, 1, capacity) < 0) ||
        (right != NOBODY && slots_fit(&right, 1, capacity) < 0)) {
        return NULL;
    }
    if (left != NOBODY) {
        after_of[left] = NOBODY;
    }
    if (right != NOBODY) {
        before_of[right] = NOBODY;
    }
    before_of[slot] = before;
    after_of[slot] = NOBODY;
    DATA(npy_bool, are_newest)[slot] = (npy_bool)newest;
    if (before != NOBODY) {
        after_of[before] = slot;
        DATA(npy_bool, are_newest)[before] = 0;
    }
    Py_INCREF(Py_None);
    return Py_None;
}

PyObject *fold_rewards(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    double gamma;
    if (count_is(given, 3, "fold_rewards") < 0 || number_of(arguments[2], &gamma) < 0) {
        return NULL;
    }
    PyArrayObject *rewards = reals_of(arguments[0], "rewards");
    PyArrayObject *valid = rewards ? array_of(arguments[1], BOOL, 2, 0, "valid") : NULL;
    PyArrayObject *result = NULL;
    double on_stack[ON_STACK], *weights = NULL;
    if (!valid) {
        goto done;
    }
    if (PyArray_NDIM(rewards) != 2 || !PyArray_SAMESHAPE(rewards, valid)) {
        PyErr_SetString(PyExc_ValueError, "rewards and valid must have the same shape (B, n)");
        goto done;
    }
    npy_intp count = PyArray_DIM(rewards, 0), n = PyArray_DIM(rewards, 1);
    if (!(weights = room_for(on_stack, n, sizeof *weights)) ||
        !(result = (PyArrayObject *)PyArray_SimpleNew(1, &count, NPY_DOUBLE))) {
        goto done;
    }
    for (npy_intp k = 0; k < n; k++) {
        weights[k] = pow(gamma, (double)k);
    }
    const double *row = DATA(double, rewards);
    const npy_bool *counts = DATA(npy_bool, valid);
    for (npy_intp i = 0; i < count; i++, row += n, counts += n) {
        double sum = 0.0;
        for (npy_intp k = 0; k < n; k++) {
            sum += counts[k] ? weights[k] * row[k] : 0.0;
        }
        DATA(double, result)[i] = sum;
    }
done:
    if (weights) {
        free_room(weights, on_stack);
    }
    Py_XDECREF((PyObject *)rewards);
    return (PyObject *)result;
}
