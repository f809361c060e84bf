/* Lists of objects, and the texts that name them. */

#include "kernels.h"

#include <stdint.h>

/* The objects of a list at these slots, borrowed and on their way from memory. Allocates nothing that could start
   a garbage collection, which could run code that changes the list. */
static void fetch_objects(PyObject *items, const npy_int64 *slots, npy_intp count, PyObject **objects)
{
    for (npy_intp i = 0; i < count; i++) {
        objects[i] = PyList_GetItem(items, (Py_ssize_t)(slots ? slots[i] : i));
        PREFETCH_TO_WRITE(objects[i]);
    }
}

PyObject *take_objects(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 2, "take_objects") < 0) {
        return NULL;
    }
    PyObject *items = arguments[0], *result = NULL;
    if (!PyList_Check(items)) {
        PyErr_Format(PyExc_TypeError, "items must be a list, got %R", (PyObject *)Py_TYPE(items));
        return NULL;
    }
    PyArrayObject *slots = integers_of(arguments[1], "slots");
    if (!slots) {
        return NULL;
    }
    npy_intp count = PyArray_SIZE(slots);
    PyObject *on_stack[ON_STACK], **objects = room_for(on_stack, count, sizeof *objects);
    /* Making the list may collect garbage: the slots are checked after that. */
    result = objects ? PyList_New(count) : NULL;
    if (result && slots_fit(DATA(npy_int64, slots), count, PyList_Size(items)) < 0) {
        Py_CLEAR(result);
    }
    if (result) {
        fetch_objects(items, DATA(npy_int64, slots), count, objects);
        for (npy_intp i = 0; i < count; i++) {
            Py_INCREF(objects[i]);
            PyList_SetItem(result, i, objects[i]); /* takes the reference over; cannot fail in a new list */
        }
    }
    if (objects) {
        free_room(objects, on_stack);
    }
    Py_DECREF((PyObject *)slots);
    return result;
}

#define HALF 16                     /* hex digits of the prefix and of the number */
#define FIRST ((uint64_t)1 << 60)   /* the number that stands for serial 0 */
#define EACH(byte) ((uint64_t)(byte) * 0x0101010101010101)

/* The number that 8 small hex digits stand for; *right becomes 0 if one is anything else. */
INLINE uint64_t eight_digits(const char *text, int *right)
{
    uint64_t digits = 0, number = 0;
    for (int i = 0; i < 8; i++) { /* the compiler makes one load of it, and one exchange of bytes */
        digits |= (uint64_t)(unsigned char)text[i] << (8 * i);
    }
    /* Per byte, below 128: is it in '0'..'9', is it in 'a'..'f'? Carries do not leave a byte. */
    uint64_t top = EACH(0x80), low = digits & ~top;
    uint64_t is_digit = (low + EACH(0x80 - '0')) & ~(low + EACH(0x7F - '9')) & top;
    uint64_t is_letter = (low + EACH(0x80 - 'a')) & ~(low + EACH(0x7F - 'f')) & top;
    *right &= (is_digit | is_letter) == top && !(digits & top);
    number = (digits & EACH(0x0F)) + 9 * (is_letter >> 7);
    /* Two nibbles to a byte, two bytes to 16 bits, and so on; the first digit is the highest. */
    number = ((number << 4) | (number >> 8)) & 0x00FF00FF00FF00FF;
    number = ((number << 8) | (number >> 16)) & 0x0000FFFF0000FFFF;
    return ((number << 16) | (number >> 32)) & 0xFFFFFFFF;
}

/* Writes the serial of a text; 0 where it is not a text with this prefix. */
static int read_text(PyObject *text, const char *prefix, npy_int64 *serial)
{
    Py_ssize_t size;
    if (!PyUnicode_Check(text)) {
        return 0;
    }
    const char *letters = PyUnicode_AsUTF8AndSize(text, &size);
    if (!letters) {
        PyErr_Clear(); /* a lone surrogate */
        return 0;
    }
    if (size != 2 * HALF || memcmp(letters, prefix, HALF) != 0) {
        return 0;
    }
    int right = 1;
    uint64_t high = eight_digits(letters + HALF, &right), low = eight_digits(letters + HALF + 8, &right);
    uint64_t number = high << 32 | low;
    *serial = (npy_int64)(number - FIRST);
    return right && number >> 60 == 1;
}

PyObject *read_texts(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    if (count_is(given, 2, "read_texts") < 0) {
        return NULL;
    }
    PyObject *texts = arguments[0];
    if (!PyList_Check(texts)) {
        PyErr_Format(PyExc_TypeError, "texts must be a list, got %R", (PyObject *)Py_TYPE(texts));
        return NULL;
    }
    Py_ssize_t size;
    const char *prefix = PyUnicode_Check(arguments[1]) ? PyUnicode_AsUTF8AndSize(arguments[1], &size) : NULL;
    if (!prefix || size != HALF) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyUnicode_Check(arguments[1]) ? PyExc_ValueError : PyExc_TypeError,
                            "a prefix is a text of 16 letters");
        }
        return NULL;
    }
    npy_intp count = PyList_Size(texts);
    PyObject *on_stack[ON_STACK], **objects = room_for(on_stack, count, sizeof *objects);
    PyArrayObject *serials = objects ? (PyArrayObject *)PyArray_SimpleNew(1, &count, NPY_INT64) : NULL;
    PyObject *result = (PyObject *)serials;
    if (serials) {
        fetch_objects(texts, NULL, count, objects);
        for (npy_intp i = 0; i < count; i++) {
            if (!read_text(objects[i], prefix, DATA(npy_int64, serials) + i)) {
                Py_INCREF(Py_None);
                result = Py_None;
                Py_DECREF((PyObject *)serials);
                break;
            }
        }
    }
    if (objects) {
        free_room(objects, on_stack);
    }
    return result;
}
