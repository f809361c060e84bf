/* FastUniform: draws distinct items, every choice alike, for FastSample, without the way through Python. */

#include "distinct.h"
#include "fast.h"
#include "owner.h"
#include "push.h"

enum { RING, RNG, TAKER, N_NAMES };

static const char *const TEXTS[N_NAMES] = {"ring", "rng", "taker"};

typedef struct {
    PyObject_HEAD
    /* `storage`: whose rows are taken next, or NULL */
    OWNS(store, *slow, *storage, *ring_type, *taker_type, *names[N_NAMES]);
    BitSource source;
} FastUniform;

/* Where the oldest item lies; -1: `slow` draws so many, or finds slots for what was drawn. */
static npy_int64 beginning(const RingCounter *ring, npy_intp size)
{
    if (size < 0 || size > (ring->count - 1) / 8) { /* an eighth or more */
        return -1;
    }
    if (ring_is_plain(ring)) {
        return (ring->first - ring->base) % ring->capacity;
    }
    /* Where all slots are taken, each stands for one item. */
    return ring->dense || ring->count != ring->capacity ? -1 : 0;
}

/* Draws numbers below `count`, as slots. */
static PyArrayObject *draw(FastUniform *self, npy_int64 count, npy_intp size, Slots *slots)
{
    PyObject *rng = PyObject_GetAttr(self->store, self->names[RNG]), *taker = NULL;
    PyArrayObject *drawn = NULL;
    if (rng && (!self->storage || (taker = PyObject_GetAttr(self->storage, self->names[TAKER])))) {
        slots->taker = taker && (PyObject *)Py_TYPE(taker) == self->taker_type ? (RowTaker *)taker : NULL;
        drawn = distinct_drawn(&self->source, rng, count, size, slots);
    }
    Py_XDECREF(taker);
    Py_XDECREF(rng);
    return drawn;
}

static PyObject *choose(PyObject *op, PyObject *argument)
{
    FastUniform *self = (FastUniform *)op;
    npy_intp size = PyLong_AsSsize_t(argument);
    if (size == -1 && PyErr_Occurred()) {
        return NULL;
    }
    PyObject *ring = PyObject_GetAttr(self->store, self->names[RING]);
    if (!ring) {
        return NULL;
    }
    npy_int64 count = 0;
    Slots slots = {-1, 0, NULL};
    if (PyObject_TypeCheck(ring, (PyTypeObject *)self->ring_type)) {
        count = ((RingCounter *)ring)->count;
        slots = (Slots){beginning((RingCounter *)ring, size), ((RingCounter *)ring)->capacity, NULL};
    }
    Py_DECREF(ring);
    if (slots.first < 0) {
        return PyObject_CallFunctionObjArgs(self->slow, argument, NULL);
    }
    PyArrayObject *drawn = draw(self, count, size, &slots);
    PyObject *chosen = drawn ? PyTuple_Pack(2, (PyObject *)drawn, Py_None) : NULL;
    Py_XDECREF((PyObject *)drawn);
    return chosen;
}

static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"store", "slow", "storage", NULL};
    PyObject *store, *slow, *storage = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|O:FastUniform", names, &store, &slow, &storage)) {
        return NULL;
    }
    FastUniform *self = (FastUniform *)new_object(type);
    if (!self) {
        return NULL;
    }
    self->store = Py_NewRef(store);
    self->slow = Py_NewRef(slow);
    self->storage = storage == Py_None ? NULL : Py_NewRef(storage);
    if (!(self->ring_type = type_beside(type, "RingCounter")) ||
        !(self->taker_type = type_beside(type, "RowTaker")) || intern_names(self->names, TEXTS, N_NAMES) < 0) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    return (PyObject *)self;
}

OWNER(FastUniform, bit_source_clear(&self->source))

static PyMethodDef methods[] = {
    {"choose", choose, METH_O,
     "choose($self, size, /)\n--\n\nReturns so many distinct slots, and None; None alone where there are too few."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot type_slots[] = {
    {Py_tp_doc, "FastUniform(store, slow, storage=None)\n--\n\n"
                "Draws distinct items, few of many; ``slow`` draws where they are many. Fetches their rows ahead of\n"
                "whoever takes them where it knows their ``storage``."},
    {Py_tp_new, make},
    {Py_tp_traverse, traverse},
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    "ding_buffer.kernels.compiled.FastUniform",
    sizeof(FastUniform),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    type_slots,
};

int add_fast_uniform(PyObject *module) { return add_type(module, &spec); }
