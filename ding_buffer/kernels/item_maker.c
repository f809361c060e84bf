/* Making items without a call of Python code: memory from their type, then three words. */
#include "push.h"

static const char *const SLOT_NAMES[N_SLOTS] = {"data", "index", "meta"};

/* Finds where in an item a slot lies: the only word that becomes `mark` when the slot is set to it. */
static int find_slot(ItemMaker *maker, int which, PyObject *mark, Py_ssize_t size)
{
    PyObject *descriptor = PyObject_GetAttrString((PyObject *)maker->type, SLOT_NAMES[which]);
    PyObject *item = NULL;
    Py_ssize_t found = 0;
    if (descriptor != NULL && Py_TYPE(descriptor) == &PyMemberDescr_Type) {
        descrsetfunc set = (descrsetfunc)PyType_GetSlot(&PyMemberDescr_Type, Py_tp_descr_set);
        item = maker->alloc(maker->type, 0);
        if (item != NULL && set(descriptor, item, mark) == 0) {
            for (Py_ssize_t place = sizeof(PyObject); place + (Py_ssize_t)sizeof mark <= size; place += sizeof mark) {
                if (memcmp((char *)item + place, &mark, sizeof mark) == 0) {
                    maker->slots[which] = place;
                    found += 1;
                }
            }
        }
    }
    Py_XDECREF(item);
    Py_XDECREF(descriptor);
    if (found != 1) {
        PyErr_Format(PyExc_TypeError, "FastPush() needs a type of items with a slot %s", SLOT_NAMES[which]);
        return -1;
    }
    return 0;
}

int item_maker_init(ItemMaker *maker, PyTypeObject *type)
{
    PyObject *size = PyObject_GetAttrString((PyObject *)type, "__basicsize__");
    PyObject *mark = PyList_New(0);
    int done = size == NULL || mark == NULL ? -1 : 0;
    maker->type = (PyTypeObject *)Py_NewRef((PyObject *)type);
    maker->alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    for (int which = 0; done == 0 && which < N_SLOTS; which++) {
        done = find_slot(maker, which, mark, PyLong_AsSsize_t(size));
    }
    Py_XDECREF(size);
    Py_XDECREF(mark);
    return done;
}
