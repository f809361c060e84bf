/* Which items follow which, and which of them may begin a window. */

#include "kernels.h"

#define NOBODY (-1)

static int no_slot(npy_int64 slot, npy_intp capacity)
{
    PyErr_Format(PyExc_IndexError, "slot %lld is out of range: slots go from 0 to %lld", (long long)slot,
                 (long long)capacity - 1);
    return -1;
}

INLINE int is_slot(npy_int64 slot, npy_intp capacity) { return slot >= 0 && slot < capacity; }

/* Borrowed: the array of these values by slot, NULL with an exception unless there is one for each slot. */
static PyArrayObject *by_slot(PyObject *argument, Kind kind, int writable, npy_intp capacity, const char *name)
{
    PyArrayObject *array = array_of(argument, kind, 1, writable, name);
    if (array && PyArray_SIZE(array) != capacity) {
        PyErr_SetString(PyExc_ValueError, "all arrays must have the same length");
        return NULL;
    }
    return array;
}

static int compare(const void *one, const void *other)
{
    npy_int64 a = *(const npy_int64 *)one, b = *(const npy_int64 *)other;
    return (a > b) - (a < b);
}

/* 0, or -1 with an exception where a slot is named twice. Mostly they ascend. */
static int are_distinct(const npy_int64 *slots, npy_intp count)
{
    npy_intp i = 1;
    while (i < count && slots[i - 1] < slots[i]) {
        i++;
    }
    if (i >= count) {
        return 0;
    }
    npy_int64 on_stack[ON_STACK], *sorted = room_for(on_stack, count, sizeof *sorted);
    if (!sorted) {
        return -1;
    }
    memcpy(sorted, slots, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, compare);
    for (i = 1; i < count && sorted[i - 1] != sorted[i]; i++) {
    }
    free_room(sorted, on_stack);
    if (i < count) {
        PyErr_SetString(PyExc_ValueError, "a slot is named twice");
        return -1;
    }
    return 0;
}

typedef struct {
    npy_int64 *following, *preceding, *heads;
    npy_bool *newest;
    const npy_int64 *slots, *numbers;
    const npy_bool *ends;
    npy_intp capacity, count, streams;
} Links;

static int check_links(const Links *links)
{
    npy_intp capacity = links->capacity;
    if (slots_fit(links->slots, links->count, capacity) < 0 ||
        slots_fit(links->numbers, links->count, links->streams) < 0) {
        return -1;
    }
    for (npy_intp i = 0; i < links->streams; i++) {
        if (links->heads[i] != NOBODY && !is_slot(links->heads[i], capacity)) {
            return no_slot(links->heads[i], capacity);
        }
    }
    for (npy_intp i = 0; i < links->count; i++) {
        npy_int64 before = links->preceding[links->slots[i]], after = links->following[links->slots[i]];
        if (before != NOBODY && !is_slot(before, capacity)) {
            return no_slot(before, capacity);
        }
        if (after != NOBODY && !is_slot(after, capacity)) {
            return no_slot(after, capacity);
        }
    }
    if (are_distinct(links->slots, links->count) < 0) {
        return -1;
    }
    for (npy_intp i = 0; i < links->count; i++) {
        if (links->newest[links->slots[i]]) {
            PyErr_SetString(PyExc_ValueError, "a slot is a head");
            return -1;
        }
    }
    return 0;
}

static void cut_and_link(const Links *links)
{
    npy_int64 *following = links->following, *preceding = links->preceding;
    for (npy_intp i = 0; i < links->count; i++) {
        npy_int64 before = preceding[links->slots[i]];
        if (before != NOBODY) {
            following[before] = NOBODY;
        }
    }
    for (npy_intp i = 0; i < links->count; i++) {
        npy_int64 after = following[links->slots[i]];
        if (after != NOBODY) {
            preceding[after] = NOBODY;
        }
    }
    for (npy_intp i = 0; i < links->count; i++) {
        following[links->slots[i]] = preceding[links->slots[i]] = NOBODY;
    }
    for (npy_intp i = 0; i < links->count; i++) {
        npy_int64 slot = links->slots[i], *head = links->heads + links->numbers[i], before = *head;
        if (before != NOBODY) {
            following[before] = slot;
            preceding[slot] = before;
            links->newest[before] = 0;
        }
        *head = links->ends[i] ? NOBODY : slot;
        links->newest[slot] = !links->ends[i];
    }
}

PyObject *link_many(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 7, "link_many") < 0) {
        return NULL;
    }
    PyArrayObject *slots = integers_of(arguments[3], "slots");
    PyArrayObject *numbers = slots ? integers_of(arguments[4], "numbers") : NULL;
    PyArrayObject *following = numbers ? array_of(arguments[0], INT64, 1, 1, "following") : NULL;
    PyArrayObject *preceding = following ? array_of(arguments[1], INT64, 1, 1, "preceding") : NULL;
    PyArrayObject *newest = preceding ? array_of(arguments[2], BOOL, 1, 1, "newest") : NULL;
    PyArrayObject *heads = newest ? array_of(arguments[5], INT64, 1, 1, "heads") : NULL;
    PyArrayObject *ends = heads ? array_of(arguments[6], BOOL, 1, 0, "ends") : NULL;
    PyObject *result = NULL;
    if (!ends) {
        goto done;
    }
    Links links = {
        .following = DATA(npy_int64, following),
        .preceding = DATA(npy_int64, preceding),
        .heads = DATA(npy_int64, heads),
        .newest = DATA(npy_bool, newest),
        .slots = DATA(npy_int64, slots),
        .numbers = DATA(npy_int64, numbers),
        .ends = DATA(npy_bool, ends),
        .capacity = PyArray_SIZE(following),
        .count = PyArray_SIZE(slots),
        .streams = PyArray_SIZE(heads),
    };
    if (PyArray_SIZE(preceding) != links.capacity || PyArray_SIZE(newest) != links.capacity) {
        PyErr_SetString(PyExc_ValueError, "following, preceding and newest must have the same length");
        goto done;
    }
    if (PyArray_SIZE(numbers) != links.count || PyArray_SIZE(ends) != links.count) {
        PyErr_SetString(PyExc_ValueError, "slots, numbers and ends must have the same length");
        goto done;
    }
    PyArrayObject *written[] = {following, preceding, heads, newest};
    const char *names[] = {"following", "preceding", "heads", "newest"};
    for (int i = 0; i < 4; i++) {
        if (keep_apart(written[i], names[i], slots, "slots") < 0 ||
            keep_apart(written[i], names[i], numbers, "numbers") < 0) {
            goto done;
        }
    }
    if (keep_apart(newest, "newest", heads, "heads") < 0 || check_links(&links) < 0) {
        goto done;
    }
    cut_and_link(&links);
    Py_INCREF(Py_None);
    result = Py_None;
done:
    Py_XDECREF((PyObject *)slots);
    Py_XDECREF((PyObject *)numbers);
    return result;
}

typedef struct {
    npy_int64 *following, *preceding, *mates, *counts, *steps;
    npy_bool *newest, *held, *legal;
    npy_intp capacity;
} Runs;

/* Takes an item in; returns the item that it lets in, or NOBODY; -2 with an exception. */
INLINE npy_int64 enter(const Runs *runs, npy_int64 slot, npy_int64 need, npy_int64 stride)
{
    npy_int64 before = runs->preceding[slot];
    if (before != NOBODY && !is_slot(before, runs->capacity)) {
        return no_slot(before, runs->capacity) - 1;
    }
    runs->held[slot] = 1;
    if (stride > 1) {
        runs->steps[slot] = before == NOBODY ? 0 : (npy_int64)((npy_uint64)runs->steps[before] + 1);
    }
    npy_int64 first = slot, count = 1, passed = need == 1 ? slot : NOBODY;
    if (need > 1 && before != NOBODY) {
        first = runs->mates[before];
        count = (npy_int64)((npy_uint64)runs->counts[before] + 1);
        if (!is_slot(first, runs->capacity)) {
            return no_slot(first, runs->capacity) - 1;
        }
        runs->mates[before] = NOBODY;
        if (count == need) {
            passed = first;
            first = runs->following[passed];
            count--;
            if (!is_slot(first, runs->capacity)) {
                return no_slot(first, runs->capacity) - 1;
            }
            runs->mates[passed] = NOBODY;
        }
    }
    if (passed != NOBODY && stride > 1 && runs->steps[passed] % stride) {
        passed = NOBODY;
    }
    if (passed != NOBODY) {
        runs->legal[passed] = 1;
    }
    if (need > 1) {
        runs->mates[slot] = first;
        runs->mates[first] = slot;
        runs->counts[slot] = count;
    }
    return passed;
}

/* Takes the first item of a run out: 1, 0 where it follows another, or -1 with an exception. */
INLINE int leave(const Runs *runs, npy_int64 slot)
{
    if (runs->preceding[slot] != NOBODY) {
        return 0;
    }
    npy_int64 after = runs->following[slot], last = runs->mates[slot];
    if (after != NOBODY && !is_slot(after, runs->capacity)) {
        return no_slot(after, runs->capacity);
    }
    if (last != NOBODY && !is_slot(last, runs->capacity)) {
        return no_slot(last, runs->capacity);
    }
    if (last != NOBODY) {
        runs->mates[slot] = NOBODY;
        if (after != NOBODY) {
            runs->mates[last] = after;
            runs->mates[after] = last;
            runs->counts[last] = (npy_int64)((npy_uint64)runs->counts[last] - 1);
        }
    }
    if (after != NOBODY) {
        runs->preceding[after] = runs->following[slot] = NOBODY;
    }
    runs->held[slot] = 0;
    return 1;
}

/* Fills in what both functions need, of the arguments at these places; 0, or -1 with an exception. */
static int look_at_runs(Runs *runs, Arguments arguments, const int *places, int writable)
{
    static const char *const names[] = {"following", "preceding", "mates", "counts", "held", "legal"};
    PyArrayObject *arrays[6];
    for (int i = 0; i < 6; i++) {
        int fixed = i < 2 && !writable;
        arrays[i] = i ? by_slot(arguments[places[i]], i < 4 ? INT64 : BOOL, !fixed, runs->capacity, names[i])
                      : array_of(arguments[places[i]], INT64, 1, !fixed, names[i]);
        if (!arrays[i]) {
            return -1;
        }
        runs->capacity = PyArray_SIZE(arrays[i]);
    }
    runs->following = DATA(npy_int64, arrays[0]);
    runs->preceding = DATA(npy_int64, arrays[1]);
    runs->mates = DATA(npy_int64, arrays[2]);
    runs->counts = DATA(npy_int64, arrays[3]);
    runs->held = DATA(npy_bool, arrays[4]);
    runs->legal = DATA(npy_bool, arrays[5]);
    return 0;
}

static PyObject *copy_of(const npy_int64 *numbers, npy_intp count)
{
    PyObject *result = PyArray_SimpleNew(1, &count, NPY_INT64);
    if (result && count) {
        memcpy(PyArray_DATA((PyArrayObject *)result), numbers, (size_t)count * sizeof *numbers);
    }
    return result;
}

PyObject *enter_runs(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 10, "enter_runs") < 0) {
        return NULL;
    }
    Py_ssize_t need = PyNumber_AsSsize_t(arguments[8], NULL);
    Py_ssize_t stride = PyErr_Occurred() ? 0 : PyNumber_AsSsize_t(arguments[9], NULL);
    PyArrayObject *slots = PyErr_Occurred() ? NULL : integers_of(arguments[7], "slots"), *steps;
    PyObject *result = NULL;
    Runs runs = {.capacity = 0};
    npy_int64 on_stack[ON_STACK], *let_in = NULL;
    if (!slots || look_at_runs(&runs, arguments, (const int[]){0, 1, 2, 3, 5, 6}, 0) < 0 ||
        !(steps = array_of(arguments[4], INT64, 1, 1, "steps"))) {
        goto done;
    }
    if (need < 1 || stride < 1) {
        PyErr_Format(PyExc_ValueError, "need and stride must be at least 1, got %zd and %zd", need, stride);
        goto done;
    }
    if (stride > 1 && PyArray_SIZE(steps) != runs.capacity) {
        PyErr_SetString(PyExc_ValueError, "steps must have a number for each slot");
        goto done;
    }
    npy_intp count = PyArray_SIZE(slots), entered = 0;
    const npy_int64 *in = DATA(npy_int64, slots);
    runs.steps = DATA(npy_int64, steps);
    if (slots_fit(in, count, runs.capacity) < 0 || !(let_in = room_for(on_stack, count, sizeof *let_in))) {
        goto done;
    }
    for (npy_intp i = 0; i < count; i++) {
        /* Looked at again: nobody forbids that what is written here is the memory of the slots. */
        npy_int64 passed = slots_fit(in + i, 1, runs.capacity) < 0 ? -2 : enter(&runs, in[i], need, stride);
        if (passed < NOBODY) {
            goto done;
        }
        let_in[entered] = passed;
        entered += passed != NOBODY;
    }
    result = copy_of(let_in, entered);
done:
    if (let_in) {
        free_room(let_in, on_stack);
    }
    Py_XDECREF((PyObject *)slots);
    return result;
}

PyObject *leave_runs(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 8, "leave_runs") < 0) {
        return NULL;
    }
    PyArrayObject *slots = integers_of(arguments[7], "slots"), *newest;
    PyObject *result = NULL, *gone = NULL;
    Runs runs = {.capacity = 0};
    npy_int64 on_stack[ON_STACK], *out = NULL;
    if (!slots || look_at_runs(&runs, arguments, (const int[]){0, 1, 3, 4, 5, 6}, 1) < 0 ||
        !(newest = by_slot(arguments[2], BOOL, 1, runs.capacity, "newest"))) {
        goto done;
    }
    npy_intp count = PyArray_SIZE(slots), left = 0, were_legal = 0, were_newest = 0;
    const npy_int64 *in = DATA(npy_int64, slots);
    runs.newest = DATA(npy_bool, newest);
    if (slots_fit(in, count, runs.capacity) < 0 ||
        !(out = room_for(on_stack, 2 * count, sizeof *out))) {
        goto done;
    }
    /* Those that were legal, and from `count` on those that were newest. */
    for (; left < count; left++) {
        npy_int64 slot = in[left];
        int is_out = slots_fit(&slot, 1, runs.capacity) < 0 ? -1 : leave(&runs, slot);
        if (is_out < 0) {
            goto done;
        }
        if (!is_out) {
            break;
        }
        if (runs.legal[slot]) {
            runs.legal[slot] = 0;
            out[were_legal++] = slot;
        }
        if (runs.newest[slot]) {
            runs.newest[slot] = 0;
            out[count + were_newest++] = slot;
        }
    }
    gone = copy_of(out, were_legal);
    PyObject *ended = gone ? copy_of(out + count, were_newest) : NULL;
    result = ended ? Py_BuildValue("(NNn)", gone, ended, (Py_ssize_t)left) : NULL;
    if (ended) {
        gone = NULL; /* given away, also where there is no result */
    }
done:
    if (out) {
        free_room(out, on_stack);
    }
    Py_XDECREF(gone);
    Py_XDECREF((PyObject *)slots);
    return result;
}
