/* What the short ways through a chain share. */

#include "fast.h"

int intern_names(PyObject **made, const char *const *texts, int count)
{
    for (int i = 0; i < count; i++) {
        made[i] = PyUnicode_InternFromString(texts[i]);
        if (!made[i]) {
            return -1;
        }
    }
    return 0;
}

PyObject *call_slow(PyObject *slow, PyObject *const *args, Py_ssize_t n_args, PyObject *names)
{
    Py_ssize_t n_names = names ? PyTuple_Size(names) : 0;
    if (!slow) {
        PyErr_SetString(PyExc_ReferenceError, "the buffer of this call is gone");
        return NULL;
    }
    PyObject *result = NULL, *keywords = NULL, *positional = PyTuple_New(n_args);
    for (Py_ssize_t i = 0; positional && i < n_args; i++) {
        PyTuple_SetItem(positional, i, Py_NewRef(args[i]));
    }
    if (positional && (keywords = PyDict_New())) {
        Py_ssize_t i = 0;
        while (i < n_names && PyDict_SetItem(keywords, PyTuple_GetItem(names, i), args[n_args + i]) == 0) {
            i++;
        }
        if (i == n_names) {
            Py_INCREF(slow);
            result = PyObject_Call(slow, positional, keywords);
            Py_DECREF(slow);
        }
    }
    Py_XDECREF(keywords);
    Py_XDECREF(positional);
    return result;
}

long long whole_attribute(PyObject *object, PyObject *name)
{
    PyObject *number = PyObject_GetAttr(object, name);
    long long whole = number ? PyLong_AsLongLong(number) : -1;
    Py_XDECREF(number);
    return whole;
}
