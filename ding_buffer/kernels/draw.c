/* Draws: the leaf under each point of the prefix sum. All draws go down together, level by level, so that the
   memory of the next ones is under way; within a block every prefix sum runs from left to right. */

#include "blocks.h"
#include "tree.h"

#include <float.h>

/* The number just below `end`, towards zero. */
INLINE double just_below(double end) { return end > 0.0 ? double_of(bits_of(end) - 1) : 0.0; }

/* Gives *rest and *node those of the child under *rest: the first whose end passes it. */
INLINE void find_in_block(const double *block, double *rest, npy_int64 *node)
{
    double ends[FAN_OUT];
    double end = block[0];
    ends[0] = end;
    for (int i = 1; i < FAN_OUT; i++) {
        end += block[i];
        ends[i] = end;
    }
    /* Rounding may carry a target past its block: then it is the last child with mass. */
    double point = *rest < just_below(end) ? *rest : just_below(end);
    int child = 0;
    for (int i = 0; i < FAN_OUT; i++) {
        child += ends[i] <= point;
    }
    child &= FAN_OUT - 1; /* all 16 only in a block without mass */
    *rest = child ? point - ends[child - 1] : point;
    *node = *node * FAN_OUT + child;
}

#if defined(__SSE2__)

/* find_in_block for two at once, one in each half of the registers. */
INLINE void find_in_blocks(const double *one, const double *other, double *rest, npy_int64 *nodes)
{
    __m128d point = _mm_loadu_pd(rest);
    __m128d end = _mm_setzero_pd(), before = _mm_setzero_pd();
    __m128i child = _mm_setzero_si128();
    for (int i = 0; i < FAN_OUT; i++) {
        end = _mm_add_pd(end, _mm_loadh_pd(_mm_load_sd(one + i), other + i));
        __m128d passed = _mm_cmple_pd(end, point);
        child = _mm_sub_epi64(child, _mm_castpd_si128(passed));
        before = _mm_max_pd(before, _mm_and_pd(end, passed));
    }
    if (_mm_movemask_pd(_mm_cmple_pd(end, point))) { /* past the end of its block: rare */
        find_in_block(one, rest, nodes);
        find_in_block(other, rest + 1, nodes + 1);
        return;
    }
    __m128i node = _mm_loadu_si128((const __m128i *)nodes);
    _mm_storeu_si128((__m128i *)nodes, _mm_add_epi64(_mm_slli_epi64(node, 4), child));
    _mm_storeu_pd(rest, _mm_sub_pd(point, before));
}

#else

INLINE void find_in_blocks(const double *one, const double *other, double *rest, npy_int64 *nodes)
{
    find_in_block(one, rest, nodes);
    find_in_block(other, rest + 1, nodes + 1);
}

#endif

#if defined(HAS_AVX2)

/* find_in_block for `count` / 4 times four at once; returns how many that were. */
__attribute__((target("avx2"))) static npy_intp find_by_four(const double *sums, double *rest, npy_int64 *nodes,
                                                             npy_intp count)
{
    npy_intp at = 0;
    for (; at + 4 <= count; at += 4, rest += 4, nodes += 4) {
        const double *a = sums + nodes[0] * FAN_OUT, *b = sums + nodes[1] * FAN_OUT;
        const double *c = sums + nodes[2] * FAN_OUT, *d = sums + nodes[3] * FAN_OUT;
        __m256d point = _mm256_loadu_pd(rest);
        __m256d end = _mm256_setzero_pd(), before = _mm256_setzero_pd(), passed = _mm256_setzero_pd();
        __m256i child = _mm256_setzero_si256();
        for (int i = 0; i < FAN_OUT; i += 2) {
            __m256d ac = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(a + i)), _mm_loadu_pd(c + i), 1);
            __m256d bd = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(b + i)), _mm_loadu_pd(d + i), 1);
            for (int second = 0; second < 2; second++) {
                end = _mm256_add_pd(end, second ? _mm256_unpackhi_pd(ac, bd) : _mm256_unpacklo_pd(ac, bd));
                passed = _mm256_cmp_pd(end, point, _CMP_LE_OQ);
                child = _mm256_sub_epi64(child, _mm256_castpd_si256(passed));
                before = _mm256_max_pd(before, _mm256_and_pd(end, passed));
            }
        }
        if (_mm256_movemask_pd(passed)) { /* past the end of its block: rare */
            for (int i = 0; i < 4; i++) {
                find_in_block(sums + nodes[i] * FAN_OUT, rest + i, nodes + i);
            }
            continue;
        }
        __m256i node = _mm256_loadu_si256((const __m256i *)nodes);
        _mm256_storeu_si256((__m256i *)nodes, _mm256_add_epi64(_mm256_slli_epi64(node, 4), child));
        _mm256_storeu_pd(rest, _mm256_sub_pd(point, before));
    }
    return at;
}

#endif

/* Bisects the top for all targets at once: nodes[i] becomes the first whose end passes target i, or the last.
   All take the same steps, so that no branch is guessed wrong. */
static void find_in_top(const double *ends, npy_intp width, const double *targets, npy_int64 *nodes, npy_intp count)
{
    memset(nodes, 0, (size_t)count * sizeof *nodes);
    while (width > 1) {
        npy_intp half = width / 2;
        for (npy_intp i = 0; i < count; i++) {
            nodes[i] += (ends[nodes[i] + half - 1] <= targets[i]) * half;
        }
        width -= half;
    }
}

/* Goes one level down with all: nodes[i] and what is left of target i become those of its child. */
static void descend(const Tree *tree, int level, npy_int64 *nodes, double *rest, npy_intp count)
{
    const double *sums = tree->sums[level];
    npy_int64 last = tree->width[level] / FAN_OUT - 1;
    for (npy_intp i = 0; i < count; i++) {
        nodes[i] = nodes[i] < last ? nodes[i] : last; /* only in a tree whose nodes are not the sums of its leaves */
        PREFETCH(sums + nodes[i] * FAN_OUT);
        PREFETCH(sums + nodes[i] * FAN_OUT + CACHE_LINE / sizeof(double));
    }
    npy_intp i = 0;
#if defined(HAS_AVX2)
    if (use_avx2) {
        i = find_by_four(sums, rest, nodes, count);
    }
#endif
    for (; i + 1 < count; i += 2) {
        find_in_blocks(sums + nodes[i] * FAN_OUT, sums + nodes[i + 1] * FAN_OUT, rest + i, nodes + i);
    }
    if (i < count) {
        find_in_block(sums + nodes[i] * FAN_OUT, rest + i, nodes + i);
    }
}

/* All of tree_draw that needs no Python. */
static void draw(const Tree *tree, const double *starts, const double *targets, npy_intp count, npy_int64 *found)
{
    double rest[ON_STACK];
    npy_intp width = tree->width[tree->count - 1];
    for (npy_intp begin = 0; begin < count; begin += ON_STACK) {
        npy_intp n = count - begin < ON_STACK ? count - begin : ON_STACK;
        npy_int64 *nodes = found + begin;
        for (npy_intp i = 0; i < n; i++) {
            /* Past the end is the end, also for +inf. */
            rest[i] = targets[begin + i] < DBL_MAX ? targets[begin + i] : DBL_MAX;
        }
        find_in_top(starts + 1, width, rest, nodes, n);
        for (npy_intp i = 0; i < n; i++) {
            rest[i] -= starts[nodes[i]];
        }
        for (int level = tree->count - 2; level >= 0; level--) {
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
static void aim(const double *points, npy_intp count, double total, int stratified, double *targets)
{
    double width = stratified ? total / (double)(count ? count : 1) : total;
    for (npy_intp i = 0; i < count; i++) {
        targets[i] = (stratified ? points[i] + (double)i : points[i]) * width;
    }
}

PyObject *weighed_draw(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    double total, least, exponent;
    int stratified;
    if (count_is(given, 7, "weighed_draw") < 0 || (stratified = PyObject_IsTrue(arguments[3])) < 0 ||
        number_of(arguments[4], &total) < 0 || number_of(arguments[5], &least) < 0 ||
        number_of(arguments[6], &exponent) < 0) {
        return NULL;
    }
    Tree tree = {.count = 0};
    PyArrayObject *points = reals_of(arguments[2], "points"), *targets = NULL, *found = NULL;
    PyObject *result = NULL;
    double *starts;
    if (!points || look_at_levels(&tree, arguments[0], 0) < 0 ||
        !(starts = look_at_starts(&tree, arguments[1], 0))) {
        goto done;
    }
    npy_intp count = PyArray_SIZE(points);
    targets = (PyArrayObject *)PyArray_SimpleNew(PyArray_NDIM(points), PyArray_DIMS(points), NPY_FLOAT64);
    if (!targets) {
        goto done;
    }
    double *numbers = DATA(double, targets); /* the targets, then the masses, then the weights */
    aim(DATA(double, points), count, total, stratified, numbers);
    if (!targets_are_right(targets) || !(found = drawn(&tree, starts, numbers, count))) {
        goto done;
    }
    const npy_int64 *slots = DATA(npy_int64, found);
    npy_int64 last = tree.width[0] - 1;
    for (npy_intp i = 0; i < count; i++) {
        numbers[i] = tree.sums[0][slots[i] < last ? slots[i] : last] / least;
    }
    raise_to(numbers, count, 0.0, exponent, numbers);
    result = PyTuple_Pack(2, (PyObject *)found, (PyObject *)targets);
done:
    let_go(&tree);
    Py_XDECREF((PyObject *)found);
    Py_XDECREF((PyObject *)targets);
    Py_XDECREF((PyObject *)points);
    return result;
}
