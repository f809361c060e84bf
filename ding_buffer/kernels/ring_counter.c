/* RingCounter: the numbers of a ring whose slots are arithmetic. */
#include "push.h"

#define PAST_TEXTS (1LL << 60) /* the first serial that an index text cannot hold */

int ring_is_plain(const RingCounter *ring)
{
    return ring->dense && ring->capacity > 0 && 0 <= ring->base && ring->base <= ring->first &&
           ring->first <= ring->next && ring->next < PAST_TEXTS && 0 <= ring->count &&
           ring->count <= ring->capacity;
}

int ring_has_texts(const RingCounter *ring, long long count) { return ring->next <= PAST_TEXTS - count; }

long long ring_next_slot(const RingCounter *ring)
{
    return (ring->next - ring->base) % ring->capacity;
}

/* How many of so many new items there is no room for. */
static long long surplus(const RingCounter *ring, long long count)
{
    long long room = ring->capacity - ring->count;
    return count > room ? count - room : 0;
}

void ring_take(RingCounter *ring, long long count)
{
    long long gone = surplus(ring, count);
    ring->next += count;
    ring->count += count - gone;
    ring->first += gone;
}

#define MOST_UNHEARD 1024 /* so that nobody waits long for what others must hear first */

int ring_hears_later(const RingCounter *ring, long long count)
{
    return 0 <= ring->unheard && ring->unheard < ring->capacity - count && ring->unheard <= MOST_UNHEARD - count;
}

void ring_take_unheard(RingCounter *ring, long long count)
{
    ring->unheard += count;
    ring->displaced += surplus(ring, count);
    ring_take(ring, count);
}

static PyObject *ring_advance(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    RingCounter *ring = (RingCounter *)op;
    PyObject *slot;
    if (!ring_is_plain(ring)) {
        PyErr_SetString(PyExc_ValueError, "this ring cannot advance: its next slot is not arithmetic");
        return NULL;
    }
    slot = PyLong_FromLongLong(ring_next_slot(ring));
    if (slot != NULL) {
        ring_take(ring, 1);
    }
    return slot;
}

static int ring_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"capacity", NULL};
    RingCounter *ring = (RingCounter *)op;
    long long capacity;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "L:RingCounter", names, &capacity)) {
        return -1;
    }
    if (capacity < 1) {
        PyErr_SetString(PyExc_ValueError, "capacity must be at least 1");
        return -1;
    }
    ring->capacity = capacity;
    ring->next = ring->count = ring->first = ring->base = ring->unheard = ring->displaced = 0;
    ring->dense = 1;
    return 0;
}

/* (type, (capacity,), (attributes of a subclass or None, numbers)): pickle and copy set the latter one by one. */
static PyObject *ring_reduce(PyObject *op, PyObject *Py_UNUSED(args))
{
    RingCounter *ring = (RingCounter *)op;
    PyObject *reduced, *attributes = PyObject_GetAttrString(op, "__dict__");
    if (attributes == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
            return NULL;
        }
        PyErr_Clear();
        attributes = Py_NewRef(Py_None);
    }
    reduced = Py_BuildValue("(O(L)(O{sLsLsLsLsN}))", (PyObject *)Py_TYPE(op), ring->capacity, attributes, "next",
                            ring->next, "count", ring->count, "first", ring->first, "base", ring->base, "dense",
                            PyBool_FromLong(ring->dense));
    Py_DECREF(attributes);
    return reduced;
}

/* Not T_LONGLONG members: those become -1 where a number is refused. */
static PyObject *get_number(PyObject *op, void *offset)
{
    return PyLong_FromLongLong(*(long long *)((char *)op + (Py_ssize_t)offset));
}

static int set_number(PyObject *op, PyObject *value, void *offset)
{
    long long number;
    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "a number of a ring cannot be deleted");
        return -1;
    }
    number = PyLong_AsLongLong(value);
    if (number == -1 && PyErr_Occurred()) {
        return -1;
    }
    *(long long *)((char *)op + (Py_ssize_t)offset) = number;
    return 0;
}

#define NUMBER(name, doc) {#name, get_number, set_number, doc, (void *)offsetof(RingCounter, name)}

static PyGetSetDef numbers[] = {
    NUMBER(capacity, "How many slots there are."),
    NUMBER(next, "Serial of the next item."),
    NUMBER(count, "How many items are held."),
    NUMBER(first, "Where dense: the oldest serial held."),
    NUMBER(base, "Where dense: the serial that lies in slot 0."),
    NUMBER(unheard, "How many of the newest items layers have not heard of yet."),
    NUMBER(displaced, "How many of those took the place of an older item."),
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"dense", T_BOOL, offsetof(RingCounter, dense), 0, "Whether slots are arithmetic."},
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef methods[] = {
    {"advance", ring_advance, METH_NOARGS,
     "advance($self, /)\n--\n\n"
     "Returns the slot for the next item; without room that of the oldest, which is forgotten.\n\n"
     "Raises ``ValueError`` where slots are not arithmetic."},
    {"__reduce__", ring_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "RingCounter(capacity)\n--\n\nCounts what goes into the slots of a ring, in turn."},
    {Py_tp_init, ring_init},
    {Py_tp_getset, numbers},
    {Py_tp_members, members},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    "ding_buffer.kernels.compiled.RingCounter",
    sizeof(RingCounter),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    slots,
};

int add_ring_counter(PyObject *module) { return add_type(module, &spec); }
