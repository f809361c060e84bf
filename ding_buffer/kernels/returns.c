/* Returns over several steps: a tile of walks goes on step by step, and each step is fetched before it is read. */

#include "returns.h"

#define NOBODY (-1)
#define TILE 256

static int look_at_strip(Strip *strip, PyObject *argument, npy_intp capacity, const char *name)
{
    if (!PyArray_Check(argument)) {
        PyErr_Format(PyExc_TypeError, "%s must be an array, got %R", name, (PyObject *)Py_TYPE(argument));
        return -1;
    }
    PyArrayObject *array = (PyArrayObject *)argument;
    int type = PyArray_TYPE(array);
    if (!(PyTypeNum_ISINTEGER(type) || PyTypeNum_ISBOOL(type) || type == NPY_FLOAT || type == NPY_DOUBLE) ||
        !PyArray_ISNOTSWAPPED(array)) {
        PyErr_Format(PyExc_TypeError, "%s must be native bools, integers, float32 or float64, got %R", name,
                     (PyObject *)PyArray_DESCR(array));
        return -1;
    }
    if (PyArray_NDIM(array) != 1 || PyArray_DIM(array, 0) != capacity) {
        PyErr_Format(PyExc_ValueError, "%s must have one number for each of the %zd slots", name,
                     (Py_ssize_t)capacity);
        return -1;
    }
    *strip = (Strip){.array = array,
                     .first = PyArray_BYTES(array),
                     .stride = PyArray_STRIDE(array, 0),
                     .size = PyArray_ITEMSIZE(array),
                     .type = type};
    return 0;
}

/* Nobody's flag: where there is no array, all slots have this one. */
static const npy_bool NEVER = 0;

#define NUMBER(TYPE)                                                                                                   \
    {                                                                                                                  \
        TYPE value;                                                                                                    \
        memcpy(&value, place, sizeof value);                                                                           \
        return (double)value;                                                                                          \
    }

INLINE double number_at(const char *place, int type)
{
    switch (type) {
    case NPY_FLOAT:
        NUMBER(float)
    case NPY_DOUBLE:
        NUMBER(double)
    case NPY_BOOL:
        NUMBER(npy_bool)
    case NPY_BYTE:
        NUMBER(npy_byte)
    case NPY_UBYTE:
        NUMBER(npy_ubyte)
    case NPY_SHORT:
        NUMBER(npy_short)
    case NPY_USHORT:
        NUMBER(npy_ushort)
    case NPY_INT:
        NUMBER(npy_int)
    case NPY_UINT:
        NUMBER(npy_uint)
    case NPY_LONG:
        NUMBER(npy_long)
    case NPY_ULONG:
        NUMBER(npy_ulong)
    case NPY_LONGLONG:
        NUMBER(npy_longlong)
    default:
        NUMBER(npy_ulonglong)
    }
}

INLINE const char *place_of(const Strip *strip, npy_int64 slot) { return strip->first + slot * strip->stride; }

INLINE int truth_of(const Strip *flag, npy_int64 slot, int are_bytes)
{
    const char *place = place_of(flag, slot);
    return are_bytes ? *place != 0 : number_at(place, flag->type) != 0.0;
}

INLINE void fetch_step(const Returns *returns, npy_int64 slot, int beside)
{
    const char *reward = place_of(&returns->rewards, slot);
    PREFETCH(returns->following + slot);
    PREFETCH(reward);
    for (int f = 0; f < beside; f++) { /* a row may lie across two cache lines */
        PREFETCH(reward + returns->offsets[f]);
    }
    for (int f = 0; f < FLAGS && !beside; f++) {
        PREFETCH(place_of(&returns->flags[f], slot));
    }
}

/* Terminal is what says so, or else what is done and not truncated. */
INLINE int is_terminal(const Returns *returns, npy_int64 slot, int are_bytes)
{
    if (returns->flags[0].array) {
        return truth_of(&returns->flags[0], slot, are_bytes);
    }
    return truth_of(&returns->flags[2], slot, are_bytes) & !truth_of(&returns->flags[1], slot, are_bytes);
}

/* Whether a flag is set in this slot, whose reward lies here. */
INLINE int is_over(const Returns *returns, npy_int64 slot, const char *reward, int beside, int are_bytes)
{
    int over = 0;
    for (int f = 0; beside && f < beside; f++) {
        over |= reward[returns->offsets[f]];
    }
    for (int f = 0; !beside && f < FLAGS; f++) {
        over |= truth_of(&returns->flags[f], slot, are_bytes);
    }
    return over;
}

/* Makes the returns from slot number `begin` on; 0, or -1 where `following` names a slot that is none. `type` of
   the rewards, `are_bytes` of the flags, and how many of them there are, each `beside` the rewards (0: anywhere),
   are constants where they are what they mostly are. */
INLINE int make_tile(const Returns *given, npy_intp begin, npy_intp count, int type, int are_bytes, int beside)
{
    const Returns own = *given, *returns = &own; /* that nothing which is written may change */
    npy_int64 at[TILE], capacity = returns->capacity;
    int walk[TILE]; /* whose step it is */
    npy_intp going = count;
    for (npy_intp i = 0; i < count; i++) {
        at[i] = returns->slots[begin + i];
        walk[i] = (int)i;
        returns->totals[begin + i] = 0.0;
    }
    for (npy_intp k = 0; going; k++) {
        double weight = returns->powers[k];
        int last = k + 1 == returns->n;
        npy_intp left = 0;
        for (npy_intp j = 0; j < going; j++) {
            npy_int64 slot = at[j];
            npy_intp i = begin + walk[j];
            const char *reward = place_of(&returns->rewards, slot);
            int over = is_over(returns, slot, reward, beside, are_bytes);
            returns->totals[i] += weight * number_at(reward, type);
            npy_int64 to = last ? NOBODY : returns->following[slot];
            if (over || to == NOBODY) {
                returns->last[i] = slot;
                returns->steps[i] = k + 1;
                returns->discounts[i] = over && is_terminal(returns, slot, are_bytes) ? 0.0 : returns->powers[k + 1];
                continue;
            }
            if ((npy_uint64)to >= (npy_uint64)capacity) {
                return slots_fit(&to, 1, capacity);
            }
            at[left] = to;
            walk[left++] = walk[j];
            fetch_step(returns, to, beside);
        }
        going = left;
    }
    return 0;
}

static void copy_ends(const Strip *flag, const npy_int64 *last, npy_intp count, char *ends)
{
    if (flag->size == 1) {
        for (npy_intp i = 0; i < count; i++) {
            ends[i] = flag->first[last[i] * flag->stride];
        }
        return;
    }
    for (npy_intp i = 0; i < count; i++) {
        memcpy(ends + i * flag->size, flag->first + last[i] * flag->stride, (size_t)flag->size);
    }
}

int returns_make(const Returns *returns)
{
    for (npy_intp i = 0; i < returns->count && i < TILE; i++) {
        fetch_step(returns, returns->slots[i], returns->beside);
    }
    for (npy_intp begin = 0; begin < returns->count; begin += TILE) {
        npy_intp count = returns->count - begin < TILE ? returns->count - begin : TILE;
        for (npy_intp i = begin + count; i < returns->count && i < begin + 2 * TILE; i++) {
            fetch_step(returns, returns->slots[i], returns->beside);
        }
        int type = returns->rewards.type;
        int bytes = returns->are_bytes, beside = returns->beside;
        int made = beside == 1 && type == NPY_FLOAT ? make_tile(returns, begin, count, NPY_FLOAT, 1, 1)
                   : beside && type == NPY_FLOAT    ? make_tile(returns, begin, count, NPY_FLOAT, 1, beside)
                   : beside && type == NPY_DOUBLE   ? make_tile(returns, begin, count, NPY_DOUBLE, 1, beside)
                                                    : make_tile(returns, begin, count, type, bytes, 0);
        if (made < 0) {
            return -1;
        }
    }
    for (int f = 0; f < FLAGS; f++) {
        if (returns->flags[f].array) {
            copy_ends(&returns->flags[f], returns->last, returns->count, returns->ends[f]);
        }
    }
    return 0;
}

#define PARTS (4 + FLAGS)

/* New arrays for what is found, in `parts`: last, steps, totals, discounts and the flags. */
static int make_room(Returns *returns, PyObject **parts)
{
    const int types[4] = {NPY_INT64, NPY_INT64, NPY_DOUBLE, NPY_DOUBLE};
    for (int p = 0; p < PARTS; p++) {
        PyArrayObject *flag = p < 4 ? NULL : returns->flags[p - 4].array;
        if (p >= 4 && !flag) {
            Py_INCREF(Py_None);
            parts[p] = Py_None;
        } else if (!(parts[p] = PyArray_SimpleNew(1, &returns->count, flag ? PyArray_TYPE(flag) : types[p]))) {
            return -1;
        } else if (flag) {
            returns->ends[p - 4] = PyArray_BYTES((PyArrayObject *)parts[p]);
        }
    }
    returns->last = DATA(npy_int64, (PyArrayObject *)parts[0]);
    returns->steps = DATA(npy_int64, (PyArrayObject *)parts[1]);
    returns->totals = DATA(double, (PyArrayObject *)parts[2]);
    returns->discounts = DATA(double, (PyArrayObject *)parts[3]);
    return 0;
}

int returns_look_at(Returns *returns, Arguments arguments, PyArrayObject *slots)
{
    static const char *const NAMES[FLAGS] = {"terminated", "truncated", "done"};
    PyArrayObject *following = array_of(arguments[0], INT64, 1, 0, "following");
    PyArrayObject *powers = following ? array_of(arguments[2], FLOAT64, 1, 0, "powers") : NULL;
    if (!powers) {
        return -1;
    }
    if (PyArray_SIZE(powers) < 2) {
        PyErr_SetString(PyExc_ValueError, "powers must be those of gamma from 0 to at least 1");
        return -1;
    }
    *returns = (Returns){.following = DATA(npy_int64, following),
                         .slots = DATA(npy_int64, slots),
                         .capacity = PyArray_SIZE(following),
                         .count = PyArray_SIZE(slots),
                         .n = PyArray_SIZE(powers) - 1,
                         .powers = DATA(double, powers)};
    if (look_at_strip(&returns->rewards, arguments[3], returns->capacity, "rewards") < 0) {
        return -1;
    }
    int there = 0, beside = 1;
    returns->are_bytes = 1;
    for (int f = 0; f < FLAGS; f++) {
        Strip *flag = &returns->flags[f];
        *flag = (Strip){.first = (const char *)&NEVER, .size = 1, .type = NPY_BOOL};
        if (arguments[4 + f] == Py_None) {
            continue;
        }
        if (look_at_strip(flag, arguments[4 + f], returns->capacity, NAMES[f]) < 0) {
            return -1;
        }
        npy_uint64 distance = (npy_uint64)(npy_uintp)flag->first - (npy_uintp)returns->rewards.first + CACHE_LINE;
        returns->are_bytes &= flag->size == 1;
        beside &= flag->size == 1 && flag->stride == returns->rewards.stride && distance <= 2 * CACHE_LINE;
        returns->offsets[there++] = (npy_intp)((npy_uintp)flag->first - (npy_uintp)returns->rewards.first);
    }
    returns->beside = beside ? there : 0;
    return slots_fit(returns->slots, returns->count, returns->capacity);
}

PyObject *n_step(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 7, "n_step") < 0) {
        return NULL;
    }
    PyArrayObject *slots = integers_of(arguments[1], "slots");
    if (!slots) {
        return NULL;
    }
    Returns returns;
    PyObject *parts[PARTS] = {NULL}, *result = NULL;
    if (returns_look_at(&returns, arguments, slots) == 0 && make_room(&returns, parts) == 0 &&
        returns_make(&returns) == 0) {
        result = PyTuple_Pack(PARTS, parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6]);
    }
    for (int p = 0; p < PARTS; p++) {
        Py_XDECREF(parts[p]);
    }
    Py_DECREF((PyObject *)slots);
    return result;
}
