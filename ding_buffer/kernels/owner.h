/* Types whose objects own references and take part in garbage collection. */

#ifndef DING_BUFFER_OWNER_H
#define DING_BUFFER_OWNER_H

#include "kernels.h"

/* A part of a struct: references under their own names (`OWNS(slow, *store, *names[3])`), and all as `owned`. */
#define OWNS(...)                                                                                                      \
    union {                                                                                                            \
        struct {                                                                                                       \
            PyObject *__VA_ARGS__;                                                                                     \
        };                                                                                                             \
        PyObject *owned[sizeof(struct { PyObject *__VA_ARGS__; }) / sizeof(PyObject *)];                               \
    }

/* The functions `traverse`, `clear` and `dealloc` of such a type; `also` lets go of what `self` holds besides. */
#define OWNER(Type, also)                                                                                              \
    static int traverse(PyObject *op, visitproc visit, void *arg)                                                      \
    {                                                                                                                  \
        Type *self = (Type *)op;                                                                                       \
        return visit_owned(op, self->owned, sizeof self->owned / sizeof(PyObject *), visit, arg);                      \
    }                                                                                                                  \
    static int clear(PyObject *op)                                                                                     \
    {                                                                                                                  \
        Type *self = (Type *)op;                                                                                       \
        clear_owned(self->owned, sizeof self->owned / sizeof(PyObject *));                                             \
        return 0;                                                                                                      \
    }                                                                                                                  \
    static void dealloc(PyObject *op)                                                                                  \
    {                                                                                                                  \
        Type *self = (Type *)op;                                                                                       \
        PyObject_GC_UnTrack(op);                                                                                       \
        clear(op);                                                                                                     \
        also;                                                                                                          \
        release_object((PyObject *)self);                                                                              \
    }

int visit_owned(PyObject *op, PyObject *const *owned, size_t count, visitproc visit, void *arg);
/* From the first to the last: a method of an object that was cleared looks at the first and tells its caller. */
void clear_owned(PyObject **owned, size_t count);

#endif
