/* The first of each number, and of those that are legal. */

#include "distinct.h"

/* Mixes all bits into the highest ones, so that numbers in a row are spread. */
INLINE npy_uint64 spread(npy_int64 number, int bits)
{
    npy_uint64 mixed = (npy_uint64)number;
    mixed ^= mixed >> 32;
    return mixed * 0x9E3779B97F4A7C15 >> (64 - bits);
}

/* The numbers met so far, found by their bits. */
typedef struct {
    npy_uint32 *places; /* where in `out` a number stands, plus one; 0: nowhere yet */
    int bits;           /* of how many places there are */
    npy_int64 *out;     /* they themselves, in their order */
    npy_intp kept, room;
    npy_uint32 on_stack[4 * ON_STACK];
} Seen;

/* 0, or -1 with MemoryError; `forget` in any case. */
static int begin(Seen *seen, npy_intp room, npy_int64 *out)
{
    seen->out = out;
    seen->kept = 0;
    seen->room = room;
    seen->bits = 4; /* at least three quarters stay empty: few meet another on their way */
    while (((npy_intp)1 << seen->bits) / 4 < room) {
        seen->bits++;
    }
    size_t size = ((size_t)1 << seen->bits) * sizeof *seen->places;
    seen->places = size <= sizeof seen->on_stack ? seen->on_stack : NULL;
    if (!seen->places && room < (npy_intp)1 << 31) {
        seen->places = PyMem_Malloc(size);
    }
    if (!seen->places) {
        PyErr_NoMemory();
        return -1;
    }
    memset(seen->places, 0, size);
    return 0;
}

static void forget(Seen *seen)
{
    if (seen->places != seen->on_stack) {
        PyMem_Free(seen->places);
    }
}

/* Keeps what is new, of the legal ones if `legal` is given, as long as there is room. */
INLINE void keep_new(Seen *seen, const npy_int64 *numbers, npy_intp count, const npy_bool *legal)
{
    npy_uint32 *places = seen->places;
    npy_int64 *out = seen->out;
    npy_intp kept = seen->kept, last = ((npy_intp)1 << seen->bits) - 1;
    for (npy_intp i = 0; i < count && kept < seen->room; i++) {
        if (legal && !legal[numbers[i]]) {
            continue;
        }
        npy_intp place = (npy_intp)spread(numbers[i], seen->bits);
        while (places[place] && out[places[place] - 1] != numbers[i]) {
            place = (place + 1) & last;
        }
        if (!places[place]) {
            out[kept++] = numbers[i];
            places[place] = (npy_uint32)kept;
        }
    }
    seen->kept = kept;
}

/* Writes the first of each of the numbers, of the legal ones if `legal` is given, until there are `limit`.
   Returns how many, or -1 with MemoryError. */
static npy_intp keep_distinct(const npy_int64 *numbers, npy_intp count, const npy_bool *legal, npy_intp limit,
                              npy_int64 *out)
{
    Seen seen;
    int done = begin(&seen, limit < count ? limit : count, out);
    if (done == 0) {
        keep_new(&seen, numbers, count, legal);
    }
    forget(&seen);
    return done < 0 ? -1 : seen.kept;
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

/* Makes slots of numbers. */
static void place(const Slots *slots, npy_int64 *numbers, npy_intp count)
{
    npy_int64 first = slots->first, capacity = slots->capacity;
    for (npy_intp i = 0; first && i < count; i++) {
        npy_int64 slot = numbers[i] + first;
        numbers[i] = slot < capacity ? slot : slot - capacity;
    }
    if (slots->taker) {
        row_taker_fetch(slots->taker, numbers, count);
    }
}

PyArrayObject *distinct_drawn(BitSource *source, PyObject *rng, npy_int64 end, npy_intp size, const Slots *slots)
{
    if (size < 0 || size > end) {
        PyErr_Format(PyExc_ValueError, "there are no %zd distinct numbers in range(%lld)", (Py_ssize_t)size,
                     (long long)end);
        return NULL;
    }
    PyArrayObject *drawn = (PyArrayObject *)PyArray_SimpleNew(1, &size, NPY_INT64);
    if (!drawn || !size) {
        return drawn;
    }
    Seen seen;
    Bits bits;
    npy_int64 on_stack[ON_STACK], *numbers = NULL;
    int done = begin(&seen, size, DATA(npy_int64, drawn));
    /* About size * size / 2 end of them are repeats: the first draw mostly is enough. */
    npy_intp count = done < 0 ? 0 : size + (npy_intp)((npy_int64)size * size / end);
    if (done == 0 && (!(numbers = room_for(on_stack, count, sizeof *numbers)) || bits_take(source, rng, &bits) < 0)) {
        done = -1;
    }
    if (done == 0) {
        for (; count; count = seen.room - seen.kept) {
            draw_below(&bits, end, numbers, count);
            if (slots) { /* before it is known which are distinct: mostly all of them */
                place(slots, numbers, count);
            }
            keep_new(&seen, numbers, count, NULL);
        }
        done = bits_give(&bits);
    }
    if (numbers) {
        free_room(numbers, on_stack);
    }
    forget(&seen);
    if (done < 0) {
        Py_CLEAR(drawn);
    }
    return drawn;
}

PyObject *draw_distinct(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 3, "draw_distinct") < 0) {
        return NULL;
    }
    npy_int64 end = PyNumber_AsSsize_t(arguments[1], PyExc_ValueError);
    Py_ssize_t size = PyErr_Occurred() ? -1 : PyNumber_AsSsize_t(arguments[2], PyExc_ValueError);
    if (PyErr_Occurred()) {
        return NULL;
    }
    BitSource source = {NULL, NULL, NULL, NULL};
    PyArrayObject *drawn = distinct_drawn(&source, arguments[0], end, size, NULL);
    bit_source_clear(&source);
    return (PyObject *)drawn;
}
