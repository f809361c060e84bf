/* Making objects of a Python class without a call of Python code. */

#ifndef DING_BUFFER_OBJECT_MAKER_H
#define DING_BUFFER_OBJECT_MAKER_H

#include "kernels.h"

#define MOST_SLOTS 8

typedef struct {
    PyTypeObject *type;
    allocfunc alloc;
    Py_ssize_t slots[MOST_SLOTS]; /* where in an object they lie, in bytes */
} ObjectMaker;

/* Learns how objects of a type with these slots are laid out; 0, or -1 with an exception. Owns the type then. */
int object_maker_init(ObjectMaker *maker, PyTypeObject *type, const char *const *names, int count);

/* A new object whose slots are all empty yet. */
INLINE PyObject *object_made(const ObjectMaker *maker) { return maker->alloc(maker->type, 0); }

INLINE PyObject **object_slot(const ObjectMaker *maker, PyObject *object, int which)
{
    return (PyObject **)((char *)object + maker->slots[which]);
}

#endif
