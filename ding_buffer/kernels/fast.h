/* What the short ways through a chain, FastSample and FastUpdate, share. */

#ifndef DING_BUFFER_FAST_H
#define DING_BUFFER_FAST_H

#include "kernels.h"

/* Interned names; 0, or -1 with an exception. Whoever made some clears all `count`. */
int intern_names(PyObject **made, const char *const *texts, int count);

/* Calls `slow` with what a METH_FASTCALL | METH_KEYWORDS function was given. */
PyObject *call_slow(PyObject *slow, PyObject *const *args, Py_ssize_t n_args, PyObject *names);

/* The attribute as a long long, or -1 with an exception. */
long long whole_attribute(PyObject *object, PyObject *name);

int add_fast_choice(PyObject *module);
int add_fast_steps(PyObject *module);
int add_fast_sample(PyObject *module);
int add_fast_uniform(PyObject *module);
int add_fast_update(PyObject *module);

#endif
