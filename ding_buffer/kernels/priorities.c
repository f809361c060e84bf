/* New priorities: checked, weighed and written in one go. */

#include "kernels.h"

#define NEAR_BYTES (1 << 18) /* of a column that lies near anyway */
#define AHEAD 256 /* slots whose memory is under way while the masses are computed and one is written */

typedef struct {
    double *leaves, *priorities;
    npy_bool *live;
    npy_intp capacity;
    int far;
} Written;

/* Looks at the arrays that are written, and keeps them apart from each other and from what is read. */
static int look_at(Written *written, Arguments arguments, PyArrayObject *slots, PyArrayObject *given)
{
    static const char *const names[] = {"leaves", "priorities", "live"};
    PyArrayObject *arrays[3];
    for (int i = 0; i < 3; i++) {
        arrays[i] = array_of(arguments[i], i < 2 ? FLOAT64 : BOOL, 1, 1, names[i]);
        if (!arrays[i]) {
            return -1;
        }
    }
    written->capacity = PyArray_SIZE(arrays[1]);
    if (PyArray_SIZE(arrays[2]) != written->capacity || PyArray_SIZE(arrays[0]) < written->capacity) {
        PyErr_Format(PyExc_ValueError, "got %zd leaves, %zd priorities and %zd live flags",
                     (Py_ssize_t)PyArray_SIZE(arrays[0]), (Py_ssize_t)written->capacity,
                     (Py_ssize_t)PyArray_SIZE(arrays[2]));
        return -1;
    }
    for (int i = 0; i < 3; i++) {
        int next = (i + 1) % 3;
        if (keep_apart(arrays[i], names[i], arrays[next], names[next]) < 0 ||
            keep_apart(arrays[i], names[i], slots, "slots") < 0 ||
            keep_apart(arrays[i], names[i], given, "given") < 0) {
            return -1;
        }
    }
    written->leaves = DATA(double, arrays[0]);
    written->priorities = DATA(double, arrays[1]);
    written->live = DATA(npy_bool, arrays[2]);
    written->far = PyArray_NBYTES(arrays[1]) >= NEAR_BYTES;
    return 0;
}

static int priorities_fit(const double *given, npy_intp count, double highest)
{
    double wrong = 0.0; /* of the type of what is compared, so that it becomes vectors */
    for (npy_intp i = 0; i < count; i++) {
        wrong = given[i] >= 0.0 && given[i] <= highest ? wrong : 1.0; /* false for NaN */
    }
    if (wrong != 0.0) {
        PyErr_SetString(PyExc_ValueError, "a priority is NaN, negative or too large");
        return -1;
    }
    return 0;
}

INLINE void fetch(const Written *written, npy_int64 slot)
{
    PREFETCH_TO_WRITE(written->leaves + slot);
    PREFETCH_TO_WRITE(written->priorities + slot);
    PREFETCH_TO_WRITE(written->live + slot);
}

/* Writes one mass and priority for each slot, or the same for all (`step` 0); in order, so the last one stays. */
static npy_intp write_all(const Written *written, const npy_int64 *slots, npy_intp count, const double *masses,
                          const double *given, npy_intp step)
{
    npy_intp became = 0;
    for (npy_intp i = 0; i < count; i++) {
        if (written->far && i + AHEAD < count) {
            fetch(written, slots[i + AHEAD]);
        }
        npy_int64 slot = slots[i];
        written->leaves[slot] = masses[i * step];
        written->priorities[slot] = given[i * step];
        became += !written->live[slot];
        written->live[slot] = 1;
    }
    return became;
}

PyObject *set_priorities(PyObject *module, Arguments arguments, Py_ssize_t given_count)
{
    (void)module;
    double epsilon, alpha, highest;
    if (count_is(given_count, 8, "set_priorities") < 0 || number_of(arguments[5], &epsilon) < 0 ||
        number_of(arguments[6], &alpha) < 0 || number_of(arguments[7], &highest) < 0) {
        return NULL;
    }
    PyArrayObject *slots = integers_of(arguments[3], "slots");
    PyArrayObject *given = slots ? reals_of(arguments[4], "given") : NULL;
    PyObject *result = NULL;
    double on_stack[ON_STACK], *masses = NULL;
    Written written;
    if (!given || look_at(&written, arguments, slots, given) < 0) {
        goto done;
    }
    npy_intp count = PyArray_SIZE(slots), priorities = PyArray_SIZE(given), step = PyArray_NDIM(given);
    if (step > 1 || (step && priorities != count)) {
        PyErr_Format(PyExc_ValueError, "got %zd priorities for %zd slots", (Py_ssize_t)priorities, (Py_ssize_t)count);
        goto done;
    }
    if (slots_fit(DATA(npy_int64, slots), count, written.capacity) < 0 ||
        priorities_fit(DATA(double, given), priorities, highest) < 0 ||
        !(masses = room_for(on_stack, priorities, sizeof *masses))) {
        goto done;
    }
    for (npy_intp i = 0; written.far && i < count && i < AHEAD; i++) {
        fetch(&written, DATA(npy_int64, slots)[i]);
    }
    /* The GIL stays: half-written, the arrays would disagree for whoever looks at them. */
    raise_to(DATA(double, given), priorities, epsilon, alpha, masses);
    result = PyLong_FromSsize_t(
        write_all(&written, DATA(npy_int64, slots), count, masses, DATA(double, given), step));
done:
    if (masses) {
        free_room(masses, on_stack);
    }
    Py_XDECREF((PyObject *)given);
    Py_XDECREF((PyObject *)slots);
    return result;
}
