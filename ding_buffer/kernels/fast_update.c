/* FastUpdate: new priorities for the items of a batch in one call, and the way to the layers for any other update.

   It does what the layer that keeps priorities and the store do when all items are still there and nobody else
   wants to know: looks at the priorities, writes them into their meta, and tells whoever follows (`follow`). */

#include "fast.h"
#include "owner.h"
#include "push.h"
#include "take.h"

enum { DATA_NAME, META_NAME, QUIET, RING, TEXT, SERIALS, SLOTS, FIRST, BASE, HIGHEST, N_NAMES };

static const char *const TEXTS[N_NAMES] = {"data",     "meta",  "quiet_updates", "ring", "text",
                                           "_serials", "slots", "first",         "base", "max_priority"};

typedef struct {
    PyObject_HEAD
    /* `values`, `there`: the columns of metas by key, and who has them where not all do
       `key`: of the meta that is written
       `intake`: remembers the highest priority so far
       `quiet`: a dict: while it holds anything, others want to know */
    OWNS(slow, *store, *follow, *values, *there, *key, *intake, *quiet, *index_type, *later_type, *ring_type,
         *names[N_NAMES]);
    double most; /* no priority may be above this */
} FastUpdate;

/* What one call holds while it runs. */
typedef struct {
    PyObject *ring, *later, *slots, *told;
    PyArrayObject *given;
    npy_intp count, rows;
} Change;

static void let_go_of(Change *change)
{
    Py_XDECREF(change->ring);
    Py_XDECREF(change->later);
    Py_XDECREF(change->slots);
    Py_XDECREF(change->told);
    Py_XDECREF((PyObject *)change->given);
}

/* 1 where the attribute of the store is this very object; else 0, or -1. */
static int store_has(FastUpdate *self, int name, PyObject *expected)
{
    PyObject *held = PyObject_GetAttr(self->store, self->names[name]);
    Py_XDECREF(held); /* the store holds it on */
    return held ? held == expected : -1;
}

/* 1 where all that the index names lies where it lay, and *slots are these places; else 0, or -1. */
static int find_slots(FastUpdate *self, PyObject *index, Change *change)
{
    if ((PyObject *)Py_TYPE(index) != self->index_type) {
        return 0;
    }
    PyObject *text = PyObject_GetAttr(index, self->names[TEXT]);
    int own = text ? store_has(self, TEXT, text) : -1;
    Py_XDECREF(text);
    if (own <= 0 || !(change->later = PyObject_GetAttr(index, self->names[SERIALS]))) {
        return own <= 0 ? own : -1;
    }
    if ((PyObject *)Py_TYPE(change->later) != self->later_type) {
        return 0;
    }
    change->ring = PyObject_GetAttr(self->store, self->names[RING]);
    change->slots = PyObject_GetAttr(change->later, self->names[SLOTS]);
    if (!change->ring || !change->slots || !PyObject_TypeCheck(change->ring, (PyTypeObject *)self->ring_type)) {
        return change->ring && change->slots ? 0 : -1;
    }
    const RingCounter *ring = (RingCounter *)change->ring;
    if (!ring->dense || whole_attribute(change->later, self->names[FIRST]) != ring->first ||
        whole_attribute(change->later, self->names[BASE]) != ring->base) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyArrayObject *slots = (PyArrayObject *)change->slots;
    if (!PyArray_Check(change->slots) || PyArray_NDIM(slots) != 1 || PyArray_TYPE(slots) != NPY_INT64 ||
        !PyArray_ISCARRAY_RO(slots) || !PyArray_SIZE(slots)) {
        return 0;
    }
    change->count = PyArray_SIZE(slots);
    change->rows = (npy_intp)ring->capacity;
    return slots_fit(DATA(npy_int64, slots), change->count, change->rows) < 0 ? -1 : 1;
}

/* 1 where `meta` is {key: as many sound priorities}; else 0, or -1. */
static int read_priorities(FastUpdate *self, PyObject *meta, Change *change)
{
    PyObject *given = PyDict_CheckExact(meta) && PyDict_Size(meta) == 1 ? PyDict_GetItemWithError(meta, self->key) : NULL;
    if (!given || !PyArray_CheckExact(given)) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyArrayObject *array = (PyArrayObject *)given;
    int type = PyArray_TYPE(array);
    if (PyArray_NDIM(array) != 1 || PyArray_SIZE(array) != change->count ||
        !(PyTypeNum_ISINTEGER(type) || PyTypeNum_ISFLOAT(type))) {
        return 0;
    }
    change->given = reals_of(given, "priorities");
    if (!change->given) {
        return -1;
    }
    const double *priorities = DATA(double, change->given);
    double wrong = 0.0; /* of the type of what is compared, so that it becomes vectors */
    for (npy_intp i = 0; i < change->count; i++) {
        wrong = priorities[i] >= 0.0 && priorities[i] <= self->most ? wrong : 1.0; /* false for NaN */
    }
    return wrong == 0.0;
}

/* Writes the meta, and reads back what stands there: of a slot named twice the last one. */
static int write_metas(FastUpdate *self, Change *change, PyArrayObject *column)
{
    change->told = PyArray_SimpleNew(1, &change->count, NPY_DOUBLE);
    if (!change->told) {
        return -1;
    }
    const npy_int64 *slots = DATA(npy_int64, (PyArrayObject *)change->slots);
    const double *given = DATA(double, change->given);
    double *held = DATA(double, column), *told = DATA(double, (PyArrayObject *)change->told);
    PyArrayObject *there = plain_column(self->there, self->key, BOOL, change->rows);
    for (npy_intp i = 0; i < change->count; i++) {
        held[slots[i]] = given[i];
        if (there) {
            DATA(npy_bool, there)[slots[i]] = 1;
        }
    }
    for (npy_intp i = 0; i < change->count; i++) {
        told[i] = held[slots[i]];
    }
    return 0;
}

/* The largest of many numbers and `least`. */
static double largest(const double *numbers, npy_intp count, double least)
{
    double lanes[4] = {least, least, least, least};
    npy_intp i = 0;
    for (; i + 4 <= count; i += 4) {
        for (int lane = 0; lane < 4; lane++) {
            lanes[lane] = numbers[i + lane] > lanes[lane] ? numbers[i + lane] : lanes[lane];
        }
    }
    for (; i < count; i++) {
        lanes[0] = numbers[i] > lanes[0] ? numbers[i] : lanes[0];
    }
    for (int lane = 0; lane < 4; lane++) {
        least = lanes[lane] > least ? lanes[lane] : least;
    }
    return least;
}

static int raise_highest(FastUpdate *self, Change *change)
{
    PyObject *highest = PyObject_GetAttr(self->intake, self->names[HIGHEST]);
    double before = highest ? PyFloat_AsDouble(highest) : 0.0;
    Py_XDECREF(highest);
    double after = largest(DATA(double, (PyArrayObject *)change->told), change->count, before);
    if (PyErr_Occurred() || after == before) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *raised = PyFloat_FromDouble(after);
    int done = raised ? PyObject_SetAttr(self->intake, self->names[HIGHEST], raised) : -1;
    Py_XDECREF(raised);
    return done;
}

/* Which were there: all; NULL without an exception: it is a case for the layers, and nothing has changed. */
static PyObject *update_fast(FastUpdate *self, PyObject *index, PyObject *meta, Change *change)
{
    if (PyDict_Size(self->quiet) || store_has(self, QUIET, Py_True) <= 0 || find_slots(self, index, change) <= 0 ||
        read_priorities(self, meta, change) <= 0) {
        return NULL;
    }
    PyArrayObject *column = plain_column(self->values, self->key, FLOAT64, change->rows);
    PyObject *all = column ? PyArray_SimpleNew(1, &change->count, NPY_BOOL) : NULL;
    if (!all) {
        return NULL;
    }
    memset(PyArray_DATA((PyArrayObject *)all), 1, (size_t)change->count);
    PyObject *followed = NULL;
    if (write_metas(self, change, column) == 0 && raise_highest(self, change) == 0) {
        followed = PyObject_CallFunctionObjArgs(self->follow, change->slots, change->told, NULL);
    }
    if (!followed) {
        Py_CLEAR(all);
    }
    Py_XDECREF(followed);
    return all;
}

static PyObject *update(PyObject *op, PyObject *const *args, Py_ssize_t n_args, PyObject *names)
{
    FastUpdate *self = (FastUpdate *)op;
    if (self->slow && n_args == 1 && names && PyTuple_Size(names) == 2 &&
        PyTuple_GetItem(names, 0) == self->names[DATA_NAME] && PyTuple_GetItem(names, 1) == self->names[META_NAME] &&
        args[1] == Py_None) {
        Change change = {0};
        PyObject *all = update_fast(self, args[0], args[2], &change);
        let_go_of(&change);
        if (all || PyErr_Occurred()) {
            return all;
        }
    }
    return call_slow(self->slow, args, n_args, names);
}

/* Making one. */

static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"slow", "store", "follow", "metas", "types", "key", "intake", "most", "quiet", NULL};
    PyObject *slow, *store, *follow, *values, *there, *index, *later, *key, *intake, *quiet;
    double most;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO(O!O!)(O!O!)UOdO!:FastUpdate", names, &slow, &store, &follow,
                                     &PyDict_Type, &values, &PyDict_Type, &there, &PyType_Type, &index, &PyType_Type,
                                     &later, &key, &intake, &most, &PyDict_Type, &quiet)) {
        return NULL;
    }
    FastUpdate *self = (FastUpdate *)new_object(type);
    if (!self) {
        return NULL;
    }
    self->slow = Py_NewRef(slow);
    self->store = Py_NewRef(store);
    self->follow = Py_NewRef(follow);
    self->values = Py_NewRef(values);
    self->there = Py_NewRef(there);
    self->key = Py_NewRef(key);
    self->intake = Py_NewRef(intake);
    self->quiet = Py_NewRef(quiet);
    self->index_type = Py_NewRef(index);
    self->later_type = Py_NewRef(later);
    self->most = most;
    if (!(self->ring_type = type_beside(type, "RingCounter")) || intern_names(self->names, TEXTS, N_NAMES) < 0) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    return (PyObject *)self;
}

OWNER(FastUpdate, (void)0)

static PyMethodDef methods[] = {
    {"update", (PyCFunction)(void (*)(void))update, METH_FASTCALL | METH_KEYWORDS,
     "update($self, index, /, data=None, meta=None)\n--\n\nChanges items; returns which were there."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot type_slots[] = {
    {Py_tp_doc, "FastUpdate(slow, store, follow, metas, types, key, intake, most, quiet)\n--\n\n"
                "Gives the items of a batch new priorities in one call, and calls ``slow`` for any other update."},
    {Py_tp_new, make},
    {Py_tp_traverse, traverse},
    {Py_tp_clear, clear},
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    "ding_buffer.kernels.compiled.FastUpdate",
    sizeof(FastUpdate),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    type_slots,
};

int add_fast_update(PyObject *module) { return add_type(module, &spec); }
