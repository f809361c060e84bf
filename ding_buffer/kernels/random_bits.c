/* Random numbers straight from the bits of a numpy Generator. */

#include "random_bits.h"

void bit_source_clear(BitSource *source)
{
    Py_CLEAR(source->rng);
    Py_CLEAR(source->acquire);
    Py_CLEAR(source->release);
    source->bits = NULL;
}

static int look_at(BitSource *found, PyObject *rng)
{
    PyObject *generator = PyObject_GetAttrString(rng, "bit_generator");
    PyObject *source = generator ? PyObject_GetAttrString(generator, "capsule") : NULL;
    PyObject *lock = source ? PyObject_GetAttrString(generator, "lock") : NULL;
    found->acquire = lock ? PyObject_GetAttrString(lock, "acquire") : NULL;
    found->release = found->acquire ? PyObject_GetAttrString(lock, "release") : NULL;
    /* It lies in the bit generator, which the Generator never changes for another. */
    found->bits = found->release ? PyCapsule_GetPointer(source, "BitGenerator") : NULL;
    found->rng = Py_NewRef(rng);
    Py_XDECREF(lock);
    Py_XDECREF(source);
    Py_XDECREF(generator);
    return found->bits ? 0 : -1;
}

int bits_take(BitSource *source, PyObject *rng, Bits *bits)
{
    if (rng != source->rng) {
        BitSource found = {NULL, NULL, NULL, NULL}, before = *source;
        if (look_at(&found, rng) < 0) {
            bit_source_clear(&found);
            return -1;
        }
        *source = found;
        bit_source_clear(&before);
    }
    /* Held here: while another thread has the GIL, the source may turn to another Generator. */
    PyObject *acquire = Py_NewRef(source->acquire);
    *bits = (Bits){Py_NewRef(source->rng), Py_NewRef(source->release), source->bits};
    PyObject *taken = PyObject_CallNoArgs(acquire);
    Py_DECREF(acquire);
    if (!taken) {
        Py_CLEAR(bits->rng);
        Py_CLEAR(bits->release);
        return -1;
    }
    Py_DECREF(taken);
    return 0;
}

int bits_give(Bits *bits)
{
    PyObject *given = PyObject_CallNoArgs(bits->release);
    Py_XDECREF(given);
    Py_CLEAR(bits->release);
    Py_CLEAR(bits->rng);
    return given ? 0 : -1;
}

void draw_points(const Bits *bits, double *points, npy_intp count)
{
    bitgen_t own = *bits->bits;
    for (npy_intp i = 0; i < count; i++) {
        points[i] = own.next_double(own.state);
    }
}

/* Lemire's method: of bits * end the upper half is the number, unless the lower half is one of the few that would
   make some numbers likelier than others. */
static void draw_below_32(bitgen_t bits, npy_uint32 end, npy_int64 *numbers, npy_intp count)
{
    npy_uint32 refused = (npy_uint32)(0 - end) % end;
    for (npy_intp i = 0; i < count; i++) {
        npy_uint64 product;
        do {
            product = (npy_uint64)bits.next_uint32(bits.state) * end;
        } while ((npy_uint32)product < refused);
        numbers[i] = (npy_int64)(product >> 32);
    }
}

/* one * other, in two halves; returns the upper one */
static npy_uint64 multiply(npy_uint64 one, npy_uint64 other, npy_uint64 *lower)
{
    npy_uint64 low = one & 0xFFFFFFFF, high = one >> 32, other_low = other & 0xFFFFFFFF, other_high = other >> 32;
    npy_uint64 middle = high * other_low + (low * other_low >> 32), carried = low * other_high + (middle & 0xFFFFFFFF);
    *lower = one * other;
    return high * other_high + (middle >> 32) + (carried >> 32);
}

static void draw_below_64(bitgen_t bits, npy_uint64 end, npy_int64 *numbers, npy_intp count)
{
    npy_uint64 refused = (0 - end) % end, lower;
    for (npy_intp i = 0; i < count; i++) {
        do {
            numbers[i] = (npy_int64)multiply(bits.next_uint64(bits.state), end, &lower);
        } while (lower < refused);
    }
}

void draw_below(const Bits *bits, npy_int64 end, npy_int64 *numbers, npy_intp count)
{
    bitgen_t own = *bits->bits;
    if (end == 1) {
        memset(numbers, 0, (size_t)count * sizeof *numbers);
    } else if (end < (npy_int64)1 << 32) {
        draw_below_32(own, (npy_uint32)end, numbers, count);
    } else if (end > (npy_int64)1 << 32) {
        draw_below_64(own, (npy_uint64)end, numbers, count);
    } else {
        for (npy_intp i = 0; i < count; i++) {
            numbers[i] = own.next_uint32(own.state);
        }
    }
}
