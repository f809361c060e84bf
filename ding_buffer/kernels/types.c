/* What all types have in common. */

#include "owner.h"

int add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    int done = type ? PyModule_AddType(module, (PyTypeObject *)type) : -1;
    Py_XDECREF(type);
    return done;
}

PyObject *new_object(PyTypeObject *type)
{
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return alloc(type, 0);
}

void release_object(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(op);
    Py_DECREF(type);
}

PyObject *type_beside(PyTypeObject *type, const char *name)
{
    PyObject *module = PyType_GetModule(type);
    return module ? PyObject_GetAttrString(module, name) : NULL;
}

int visit_owned(PyObject *op, PyObject *const *owned, size_t count, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    for (size_t i = 0; i < count; i++) {
        Py_VISIT(owned[i]);
    }
    return 0;
}

void clear_owned(PyObject **owned, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        Py_CLEAR(owned[i]);
    }
}
