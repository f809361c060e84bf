/* Making objects without a call of Python code: memory from their type, then a word for each slot. */
#include "object_maker.h"

/* Finds where in an object a slot lies: the only word that becomes `mark` when the slot is set to it. */
static int find_slot(ObjectMaker *maker, const char *name, int which, PyObject *mark, Py_ssize_t size)
{
    PyObject *descriptor = PyObject_GetAttrString((PyObject *)maker->type, name);
    PyObject *object = NULL;
    Py_ssize_t found = 0;
    if (descriptor != NULL && Py_TYPE(descriptor) == &PyMemberDescr_Type) {
        descrsetfunc set = (descrsetfunc)PyType_GetSlot(&PyMemberDescr_Type, Py_tp_descr_set);
        object = maker->alloc(maker->type, 0);
        if (object != NULL && set(descriptor, object, mark) == 0) {
            for (Py_ssize_t place = sizeof(PyObject); place + (Py_ssize_t)sizeof mark <= size; place += sizeof mark) {
                if (memcmp((char *)object + place, &mark, sizeof mark) == 0) {
                    maker->slots[which] = place;
                    found += 1;
                }
            }
        }
    }
    Py_XDECREF(object);
    Py_XDECREF(descriptor);
    if (found != 1) {
        PyErr_Format(PyExc_TypeError, "%R has no slot %s", (PyObject *)maker->type, name);
        return -1;
    }
    return 0;
}

int object_maker_init(ObjectMaker *maker, PyTypeObject *type, const char *const *names, int count)
{
    PyObject *size = PyObject_GetAttrString((PyObject *)type, "__basicsize__");
    PyObject *mark = PyList_New(0);
    int done = size == NULL || mark == NULL ? -1 : 0;
    maker->type = (PyTypeObject *)Py_NewRef((PyObject *)type);
    maker->alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    for (int which = 0; done == 0 && which < count; which++) {
        done = find_slot(maker, names[which], which, mark, PyLong_AsSsize_t(size));
    }
    Py_XDECREF(size);
    Py_XDECREF(mark);
    return done;
}
