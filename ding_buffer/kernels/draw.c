/* Draws: the leaf under each point of the prefix sum. All draws go down together, level by level, so that the
   memory of the next ones is under way; within a block every prefix sum runs from left to right. */

#include "find.h"
#include "tree.h"

#include <float.h>

/* Finds for each target the first node of the top whose end passes it, or the last node. */
static void find_in_top(const double *ends, npy_intp width, const double *targets, npy_int64 *nodes, npy_intp count)
{
#if defined(HAS_AVX2)
    if (use_avx2 && width >= FAN_OUT && width <= BLOCKS * FAN_OUT) {
        find_by_block(ends, width, targets, nodes, count);
        return;
    }
#endif
    /* Bisects for all at once. All take the same steps, so that no branch is guessed wrong. */
    memset(nodes, 0, (size_t)count * sizeof *nodes);
    while (width > 1) {
        npy_intp half = width / 2;
        for (npy_intp i = 0; i < count; i++) {
            nodes[i] += half & -(npy_int64)(ends[nodes[i] + half - 1] <= targets[i]);
        }
        width -= half;
    }
}

/* Goes one level down with all: nodes[i] and what is left of target i become those of its child, whose own children
   are under way then. */
static void descend(const Tree *tree, int level, npy_int64 *nodes, double *rest, npy_intp count)
{
    const double *sums = tree->sums[level], *below = level ? tree->sums[level - 1] : NULL;
    npy_int64 last = level ? tree->width[level - 1] / FAN_OUT - 1 : 0;
    npy_intp i = 0;
#if defined(HAS_AVX2)
    if (use_avx512()) {
        i = find_by_eight(sums, rest, nodes, count, below, last);
    }
    if (use_avx2) {
        i += find_by_four(sums, rest + i, nodes + i, count - i, below, last);
    }
#endif
    npy_intp begin = i;
    for (; i + 1 < count; i += 2) {
        find_in_blocks(sums + nodes[i] * FAN_OUT, sums + nodes[i + 1] * FAN_OUT, rest + i, nodes + i);
    }
    if (i < count) {
        find_in_block(sums + nodes[i] * FAN_OUT, rest + i, nodes + i);
    }
    for (i = begin; below && i < count; i++) {
        fetch_block(below, last, nodes + i);
    }
}

/* All of tree_draw that needs no Python. */
static void draw(const Tree *tree, const double *starts, const double *targets, npy_intp count, npy_int64 *found)
{
    double rest[ON_STACK];
    int top = tree->count - 1;
    for (npy_intp begin = 0; begin < count; begin += ON_STACK) {
        npy_intp n = count - begin < ON_STACK ? count - begin : ON_STACK;
        npy_int64 *nodes = found + begin;
        for (npy_intp i = 0; i < n; i++) {
            /* Past the end is the end, also for +inf. */
            rest[i] = targets[begin + i] < DBL_MAX ? targets[begin + i] : DBL_MAX;
        }
        find_in_top(starts + 1, tree->width[top], rest, nodes, n);
        for (npy_intp i = 0; i < n; i++) {
            rest[i] -= starts[nodes[i]];
            if (top) {
                fetch_block(tree->sums[top - 1], tree->width[top - 1] / FAN_OUT - 1, nodes + i);
            }
        }
        for (int level = top - 1; level >= 0; level--) {
            descend(tree, level, nodes, rest, n);
        }
    }
}

static int targets_are_right(PyArrayObject *targets)
{
    npy_intp count = PyArray_SIZE(targets);
    const double *wanted = DATA(double, targets);
    int right = PyArray_NDIM(targets) == 1;
    for (npy_intp i = 0; i < count; i++) {
        right &= wanted[i] >= 0.0;
    }
    if (!right) {
        PyErr_SetString(PyExc_ValueError, PyArray_NDIM(targets) == 1
                                              ? "a target must be a number >= 0, got a negative one or NaN"
                                              : "targets must have 1 dimensions");
    }
    return right;
}

static PyArrayObject *drawn(const Tree *tree, const double *starts, const double *wanted, npy_intp count)
{
    PyArrayObject *found = (PyArrayObject *)PyArray_SimpleNew(1, &count, NPY_INT64);
    if (found && count > LONG_LOOP / 2) {
        PyThreadState *thread = PyEval_SaveThread();
        draw(tree, starts, wanted, count, DATA(npy_int64, found));
        PyEval_RestoreThread(thread);
    } else if (found) {
        draw(tree, starts, wanted, count, DATA(npy_int64, found));
    }
    return found;
}

PyObject *tree_draw(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 3, "tree_draw") < 0) {
        return NULL;
    }
    Tree tree = {.count = 0};
    PyArrayObject *found = NULL;
    PyArrayObject *targets = reals_of(arguments[2], "targets");
    if (!targets) {
        return NULL;
    }
    double *starts;
    if (look_at_levels(&tree, arguments[0], 0) < 0 || !(starts = look_at_starts(&tree, arguments[1], 0))) {
        goto done;
    }
    if (targets_are_right(targets)) {
        found = drawn(&tree, starts, DATA(double, targets), PyArray_SIZE(targets));
    }
done:
    let_go(&tree);
    Py_DECREF((PyObject *)targets);
    return (PyObject *)found;
}

/* Turns points of [0, 1) into targets: one in each of as many equal strata, or each anywhere. */
static void aim(double *points, npy_intp count, double total, int stratified)
{
    double width = stratified ? total / (double)(count ? count : 1) : total;
    for (npy_intp i = 0; i < count; i++) {
        points[i] = (stratified ? points[i] + (double)i : points[i]) * width;
    }
}

/* Draws for the points, which become the weights; returns the slots. */
static PyArrayObject *weighed(const Tree *tree, const double *starts, PyArrayObject *points, const Weighing *how)
{
    npy_intp count = PyArray_SIZE(points);
    double *numbers = DATA(double, points); /* the points, then the targets, then the masses, then the weights */
    aim(numbers, count, how->total, how->stratified);
    PyArrayObject *found = targets_are_right(points) ? drawn(tree, starts, numbers, count) : NULL;
    if (!found) {
        return NULL;
    }
    const npy_int64 *slots = DATA(npy_int64, found);
    if (how->wanted) {
        fetch_wanted(how->wanted, slots, count);
    }
    npy_int64 last = tree->width[0] - 1;
    for (npy_intp i = 0; i < count; i++) {
        numbers[i] = tree->sums[0][slots[i] < last ? slots[i] : last] / how->least;
    }
    raise_to(numbers, count, 0.0, how->exponent, numbers);
    return found;
}

PyObject *draw_weighed(PyObject *levels, PyObject *level_starts, PyArrayObject *points, const Weighing *how)
{
    Tree tree = {.count = 0};
    PyArrayObject *found = NULL;
    double *starts;
    if (look_at_levels(&tree, levels, 0) == 0 && (starts = look_at_starts(&tree, level_starts, 0))) {
        found = weighed(&tree, starts, points, how);
    }
    let_go(&tree);
    PyObject *result = found ? PyTuple_Pack(2, (PyObject *)found, (PyObject *)points) : NULL;
    Py_XDECREF((PyObject *)found);
    return result;
}

PyObject *weighed_draw(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    Weighing how = {.wanted = NULL};
    if (count_is(given, 7, "weighed_draw") < 0 || (how.stratified = PyObject_IsTrue(arguments[3])) < 0 ||
        number_of(arguments[4], &how.total) < 0 || number_of(arguments[5], &how.least) < 0 ||
        number_of(arguments[6], &how.exponent) < 0) {
        return NULL;
    }
    PyArrayObject *points = reals_of(arguments[2], "points"), *own = NULL;
    PyObject *result = NULL;
    if (points) {
        own = (PyArrayObject *)PyArray_SimpleNew(PyArray_NDIM(points), PyArray_DIMS(points), NPY_FLOAT64);
    }
    if (own) {
        memcpy(PyArray_DATA(own), PyArray_DATA(points), (size_t)PyArray_NBYTES(points));
        result = draw_weighed(arguments[0], arguments[1], own, &how);
    }
    Py_XDECREF((PyObject *)own);
    Py_XDECREF((PyObject *)points);
    return result;
}
