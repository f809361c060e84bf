/* FastChoice: draws by priority for FastSample, without the way through Python.

   It does what the layer and its sampler do: the next exponent of an Annealing, random points of the store's
   generator, slots and weights of the tree. */

#include "fast.h"
#include "owner.h"
#include "push.h"
#include "tree.h"

enum { RING, RNG, SAMPLES, TAKER, N_NAMES };

static const char *const TEXTS[N_NAMES] = {"ring", "rng", "samples", "taker"};

typedef struct {
    PyObject_HEAD
    /* `storage`, `values`, `there`: whose rows and metas are taken next, or NULL */
    OWNS(store, *tree, *annealing, *storage, *values, *there, *ring_type, *taker_type, *names[N_NAMES]);
    double start, over; /* of the exponent: where it begins, and after how many batches it is 1 (0: never) */
    char stratified;
} FastChoice;

/* 1 where there is something to draw; else 0, or -1. */
static int holds_items(FastChoice *self)
{
    PyObject *ring = PyObject_GetAttr(self->store, self->names[RING]);
    int known = ring && PyObject_TypeCheck(ring, (PyTypeObject *)self->ring_type);
    int holds = !ring ? -1 : known && ((RingCounter *)ring)->count > 0;
    Py_XDECREF(ring);
    return holds;
}

/* The next exponent, counted; 0, or -1 with an exception. */
static int step(FastChoice *self, double *exponent)
{
    long long samples = whole_attribute(self->annealing, self->names[SAMPLES]);
    if (samples == -1 && PyErr_Occurred()) {
        return -1;
    }
    double beta = self->start;
    if (self->over != 0.0) {
        beta = self->start + (1.0 - self->start) * (double)samples / self->over;
        beta = beta < 1.0 ? beta : 1.0;
    }
    PyObject *next = PyLong_FromLongLong(samples + 1);
    int done = next ? PyObject_SetAttr(self->annealing, self->names[SAMPLES], next) : -1;
    Py_XDECREF(next);
    *exponent = -beta;
    return done;
}

/* Draws, while the memory of what is taken next is fetched. */
static PyObject *draw(FastChoice *self, PyObject *rng, npy_intp size)
{
    Wanted wanted = {NULL, self->values, self->there};
    Weighing how = {.stratified = self->stratified, .wanted = &wanted};
    PyObject *taker = NULL, *drawn = NULL;
    if (!self->storage || (taker = PyObject_GetAttr(self->storage, self->names[TAKER]))) {
        wanted.taker = taker && (PyObject *)Py_TYPE(taker) == self->taker_type ? (RowTaker *)taker : NULL;
        drawn = step(self, &how.exponent) == 0 ? tree_sums_draw(self->tree, rng, size, how) : NULL;
    }
    Py_XDECREF(taker);
    return drawn;
}

static PyObject *choose(PyObject *op, PyObject *argument)
{
    FastChoice *self = (FastChoice *)op;
    npy_intp size = PyLong_AsSsize_t(argument);
    if (size < 0) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_ValueError, "cannot draw %zd leaves", (Py_ssize_t)size);
    }
    int open = holds_items(self);
    open = open > 0 ? tree_sums_has_mass(self->tree) : open;
    if (open <= 0) {
        return open < 0 ? NULL : Py_NewRef(Py_None); /* what that means is for the layer to say */
    }
    PyObject *rng = PyObject_GetAttr(self->store, self->names[RNG]);
    PyObject *drawn = rng ? draw(self, rng, size) : NULL;
    Py_XDECREF(rng);
    return drawn;
}

static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"store", "tree", "stratified", "annealing", "start", "over", "storage", "metas", NULL};
    PyObject *store, *tree, *annealing, *storage = Py_None, *values = NULL, *there = NULL;
    PyObject *tree_type = type_beside(type, "TreeSums");
    double start, over;
    int stratified;
    if (!tree_type) {
        return NULL;
    }
    int read = PyArg_ParseTupleAndKeywords(args, kwargs, "OO!pOdd|O(O!O!):FastChoice", names, &store, tree_type,
                                           &tree, &stratified, &annealing, &start, &over, &storage, &PyDict_Type,
                                           &values, &PyDict_Type, &there);
    Py_DECREF(tree_type);
    FastChoice *self = read ? (FastChoice *)new_object(type) : NULL;
    if (!self) {
        return NULL;
    }
    self->store = Py_NewRef(store);
    self->tree = Py_NewRef(tree);
    self->annealing = Py_NewRef(annealing);
    self->storage = storage == Py_None ? NULL : Py_NewRef(storage);
    self->values = Py_XNewRef(values);
    self->there = Py_XNewRef(there);
    self->stratified = (char)stratified;
    self->start = start;
    self->over = over;
    if (!(self->ring_type = type_beside(type, "RingCounter")) ||
        !(self->taker_type = type_beside(type, "RowTaker")) || intern_names(self->names, TEXTS, N_NAMES) < 0) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    return (PyObject *)self;
}

OWNER(FastChoice, (void)0)

static PyMethodDef methods[] = {
    {"choose", choose, METH_O,
     "choose($self, size, /)\n--\n\nReturns slots and weights of a draw, None where there is nothing to draw."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot type_slots[] = {
    {Py_tp_doc, "FastChoice(store, tree, stratified, annealing, start, over, storage=None, metas=None)\n--\n\n"
                "Draws by priority, with weights whose exponent rises from ``start`` to 1 over so many draws. Fetches\n"
                "rows and metas ahead of whoever takes them where it knows their ``storage`` and ``metas``."},
    {Py_tp_new, make},
    {Py_tp_traverse, traverse},
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    "ding_buffer.kernels.compiled.FastChoice",
    sizeof(FastChoice),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    type_slots,
};

int add_fast_choice(PyObject *module) { return add_type(module, &spec); }
