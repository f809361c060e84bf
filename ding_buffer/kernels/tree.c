/* The sum tree: blocks of 16 children under each node, level by level, and a flat top with its prefix sums.

   Every sum is numpy's add.reduce of 16 numbers, bit for bit, and every prefix sum runs from left to right, so
   that both kernels keep the same tree and draw the same leaves. The smallest positive leaf under a node is
   kept as the two's complement of its bits, `lows`: zero where there is none, and larger the smaller it is. */

#include "blocks.h"
#include "tree.h"

#define NEAR_LEAVES (1 << 15) /* of a tree that lies near anyway */
#define AHEAD 24 /* blocks that are under way from memory while one is summed */

static void hold(Tree *tree, PyArrayObject *array)
{
    Py_INCREF((PyObject *)array);
    tree->held[tree->holds++] = (PyObject *)array;
}

void let_go(Tree *tree)
{
    for (int i = 0; i < tree->holds; i++) {
        Py_DECREF(tree->held[i]);
    }
}

/* Looks at level `i` of a list or tuple of arrays; borrowed. */
static PyArrayObject *level_of(PyObject *levels, int i, Kind kind, int writable, const char *name)
{
    PyObject *level = PyList_Check(levels) ? PyList_GetItem(levels, i) : PyTuple_GetItem(levels, i);
    return level ? array_of(level, kind, 1, writable, name) : NULL;
}

/* The number of levels, or -1. */
static int count_of(PyObject *levels, const char *name)
{
    if (!PyList_Check(levels) && !PyTuple_Check(levels)) {
        PyErr_Format(PyExc_TypeError, "%s must be a list of arrays, got %R", name, (PyObject *)Py_TYPE(levels));
        return -1;
    }
    Py_ssize_t count = PyList_Check(levels) ? PyList_Size(levels) : PyTuple_Size(levels);
    if (count < 1 || count > MAX_LEVELS) {
        PyErr_Format(PyExc_ValueError, "%s must be 1 to %d arrays, got %zd", name, MAX_LEVELS, count);
        return -1;
    }
    return (int)count;
}

int look_at_levels(Tree *tree, PyObject *levels, int writable)
{
    tree->count = count_of(levels, "levels");
    for (int i = 0; i < tree->count; i++) {
        PyArrayObject *level = level_of(levels, i, FLOAT64, writable && i, "a level");
        if (!level) {
            return -1;
        }
        hold(tree, level);
        tree->width[i] = PyArray_SIZE(level);
        tree->sums[i] = DATA(double, level);
        int has_parent = i + 1 < tree->count;
        if (tree->width[i] < 1 || (has_parent && tree->width[i] % FAN_OUT) ||
            (i && tree->width[i] < tree->width[i - 1] / FAN_OUT)) {
            PyErr_SetString(PyExc_ValueError, "the widths of the levels do not fit together");
            return -1;
        }
    }
    return tree->count < 0 ? -1 : 0;
}

static int look_at_lows(Tree *tree, PyObject *lows)
{
    int count = count_of(lows, "lows");
    if (count < 0) {
        return -1;
    }
    if (count != tree->count) {
        PyErr_Format(PyExc_ValueError, "got %d lows for %d levels", count, tree->count);
        return -1;
    }
    for (int i = 1; i < count; i++) {
        PyArrayObject *level = level_of(lows, i, UINT64, 1, "a level of lows");
        if (!level) {
            return -1;
        }
        hold(tree, level);
        if (PyArray_SIZE(level) != tree->width[i]) {
            PyErr_SetString(PyExc_ValueError, "the widths of the levels and their lows differ");
            return -1;
        }
        tree->lows[i] = DATA(npy_uint64, level);
    }
    return 0;
}

double *look_at_starts(Tree *tree, PyObject *argument, int writable)
{
    PyArrayObject *starts = array_of(argument, FLOAT64, 1, writable, "starts");
    if (starts && PyArray_SIZE(starts) != tree->width[tree->count - 1] + 1) {
        PyErr_Format(PyExc_ValueError, "expected %zd starts, got %zd", (Py_ssize_t)tree->width[tree->count - 1] + 1,
                     (Py_ssize_t)PyArray_SIZE(starts));
        return NULL;
    }
    if (starts) {
        hold(tree, starts);
    }
    return starts ? DATA(double, starts) : NULL;
}

/* Sums one node above `level`. */
INLINE void sum_block(const Tree *tree, int level, npy_intp node)
{
    const double *block = tree->sums[level] + node * FAN_OUT;
    tree->sums[level + 1][node] = sum_of_block(block);
    tree->lows[level + 1][node] =
        level ? lowest_of_lows(tree->lows[level] + node * FAN_OUT) : lowest_of_leaves(block);
}

/* Begins to fetch what is read and written to sum a node above the leaves, and the node above that. */
INLINE void fetch_block(const Tree *tree, npy_intp node)
{
    npy_intp above = node & ~(npy_intp)(FAN_OUT - 1), half = CACHE_LINE / sizeof(double);
    const double *block = tree->sums[0] + node * FAN_OUT;
    PREFETCH(block);
    PREFETCH(block + half);
    PREFETCH(tree->sums[1] + above);
    PREFETCH(tree->sums[1] + above + half);
    PREFETCH(tree->lows[1] + above);
    PREFETCH(tree->lows[1] + above + half);
}

/* Neighbours share their nodes: copies all but those that are the same as the next; returns their number. */
static npy_intp copy_distinct(const npy_int64 *nodes, npy_intp count, npy_int64 *distinct)
{
    npy_intp kept = 0;
    for (npy_intp i = 0; i < count; i++) {
        distinct[kept] = nodes[i];
        kept += i + 1 == count || nodes[i + 1] != nodes[i];
    }
    return kept;
}

/* Sums the nodes just above `level` with `sum`, and leaves in `nodes` those above them; returns their number. Without
   `nodes` it sums the first `count`. */
INLINE npy_intp sum_nodes_with(void (*sum)(const Tree *, int, npy_intp), const Tree *tree, int level,
                               npy_int64 *nodes, npy_intp count)
{
    if (!nodes) {
        for (npy_intp node = 0; node < count; node++) {
            sum(tree, level, node);
        }
        return count;
    }
    int far = level == 0 && tree->width[0] >= NEAR_LEAVES;
    npy_intp distinct = 0;
    for (npy_intp i = 0; i < count; i++) {
        npy_int64 node = nodes[i];
        if (far && i + AHEAD < count) {
            fetch_block(tree, nodes[i + AHEAD]);
        }
        sum(tree, level, node);
        npy_int64 parent = node / FAN_OUT;
        nodes[distinct] = parent;
        distinct += i + 1 == count || nodes[i + 1] / FAN_OUT != parent;
    }
    return distinct;
}

#if defined(HAS_AVX2)

BY_FOUR void sum_block_by_four(const Tree *tree, int level, npy_intp node)
{
    const double *block = tree->sums[level] + node * FAN_OUT;
    tree->sums[level + 1][node] = sum_of_block_by_four(block);
    tree->lows[level + 1][node] = level ? lowest_of_lows_by_four(tree->lows[level] + node * FAN_OUT)
                                        : lowest_of_leaves_by_four(block);
}

__attribute__((target("avx2"))) static npy_intp sum_nodes_by_four(const Tree *tree, int level, npy_int64 *nodes,
                                                                  npy_intp count)
{
    return sum_nodes_with(sum_block_by_four, tree, level, nodes, count);
}

#endif

static npy_intp sum_nodes(const Tree *tree, int level, npy_int64 *nodes, npy_intp count)
{
#if defined(HAS_AVX2)
    if (use_avx2) {
        return sum_nodes_by_four(tree, level, nodes, count);
    }
#endif
    return sum_nodes_with(sum_block, tree, level, nodes, count);
}

static void sum_top(const Tree *tree, double *starts, double *total, npy_uint64 *low)
{
    int top = tree->count - 1;
    npy_intp width = tree->width[top];
    const double *sums = tree->sums[top];
    double end = sums[0]; /* not 0.0 + sums[0]: numpy keeps a negative zero */
    npy_uint64 lowest = 0;
    starts[1] = end;
    for (npy_intp i = 1; i < width; i++) {
        end += sums[i];
        starts[i + 1] = end;
    }
    for (npy_intp i = 0; i < width; i++) {
        npy_uint64 one = top ? tree->lows[top][i] : low_of(sums[i]);
        lowest = one > lowest ? one : lowest;
    }
    /* The node that first reaches the total has mass; whatever comes after it must never be found. */
    for (npy_intp i = width; i > 0 && !(starts[i] < end); i--) {
        starts[i] = INFINITY;
    }
    *total = end;
    *low = lowest;
}

PyObject *tree_sum(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 4, "tree_sum") < 0) {
        return NULL;
    }
    Tree tree = {.count = 0};
    PyArrayObject *named = NULL;
    PyObject *result = NULL;
    npy_int64 on_stack[ON_STACK], *nodes = NULL;
    if (arguments[3] != Py_None && !(named = integers_of(arguments[3], "nodes"))) {
        return NULL;
    }
    double *starts;
    if (look_at_levels(&tree, arguments[0], 1) < 0 || look_at_lows(&tree, arguments[1]) < 0 ||
        !(starts = look_at_starts(&tree, arguments[2], 1))) {
        goto done;
    }
    npy_intp count = named ? PyArray_SIZE(named) : 0;
    int everything = !named;
    if (tree.count == 1) {
        count = 0;
    }
    if (count) {
        if (slots_fit(DATA(npy_int64, named), count, tree.width[0] / FAN_OUT) < 0 ||
            !(nodes = room_for(on_stack, count, sizeof *nodes))) {
            goto done;
        }
        count = copy_distinct(DATA(npy_int64, named), count, nodes);
    }
    double total;
    npy_uint64 low;
    PyThreadState *thread = NULL;
    if (count > LONG_LOOP || (everything && tree.width[0] > FAN_OUT * LONG_LOOP)) {
        thread = PyEval_SaveThread();
    }
    for (int level = 0; level + 1 < tree.count; level++) {
        everything |= count >= tree.width[level] / FAN_OUT;
        if (everything) {
            sum_nodes(&tree, level, NULL, tree.width[level] / FAN_OUT);
        } else {
            count = sum_nodes(&tree, level, nodes, count);
        }
    }
    sum_top(&tree, starts, &total, &low);
    if (thread) {
        PyEval_RestoreThread(thread);
    }
    result = Py_BuildValue("(dd)", total, mass_of(low));
done:
    if (nodes) {
        free_room(nodes, on_stack);
    }
    let_go(&tree);
    Py_XDECREF((PyObject *)named);
    return result;
}
