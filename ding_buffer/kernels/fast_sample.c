/* FastSample: a plain sample of columns, layers included, in one call, and the way to the layers for any other.

   It does what the layers it stands for do, in the same order of events, with the same random numbers: whoever
   draws (`choose`) is asked, then rows and metas are taken, uses counted, weights added, and the batch made. */

#include "batch_maker.h"
#include "fast.h"
#include "fast_steps.h"
#include "owner.h"

#include <math.h>

enum { SIZE, TAKER, RING, TEXT, COUNTS, SAMPLED, USE_COUNT, WEIGHT, NAMES, DISCOUNT, STEPS, N_NAMES };

static const char *const TEXTS[N_NAMES] = {"size", "taker", "ring", "text", "counts",
                                           "sampled", "use_count", "priority_IS", "names",
                                           "discount", "n_step"};

typedef struct {
    PyObject_HEAD
    /* `values`, `there`: the columns of metas by key, and who has them where not all do
       `uses`: how often each slot was drawn, int64, or NULL: nobody counts
       `worn`: called with slots and counts when one has reached `limit`, or NULL
       `steps`: a FastSteps that follows from what was drawn, or NULL */
    OWNS(slow, *store, *storage, *choose, *values, *there, *uses, *worn, *steps, *taker_type, *ring_type,
         *names[N_NAMES]);
    double limit;
    char weighs, steps_last; /* the layer of the steps stands around the one that weighs */
    BatchMaker maker;
} FastSample;

/* What one call holds while it runs. */
typedef struct {
    PyObject *taker, *chosen, *data, *columns, *absent, *counts, *index, *where;
    PyArrayObject *slots; /* borrowed from `chosen` */
    PyObject *weights;    /* borrowed from `chosen`, or NULL */
    Followed followed;
} Batch;

static void let_go_of(Batch *batch)
{
    PyObject *held[] = {batch->taker, batch->chosen, batch->data,  batch->columns,
                        batch->absent, batch->counts, batch->index, batch->where};
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
        Py_XDECREF(held[i]);
    }
    followed_clear(&batch->followed);
}

/* 1 where the storage can be read directly and every meta is where it will be written; else 0, or -1. */
static int is_open(FastSample *self, Batch *batch)
{
    batch->taker = PyObject_GetAttr(self->storage, self->names[TAKER]);
    if (!batch->taker) {
        return -1;
    }
    if ((PyObject *)Py_TYPE(batch->taker) != self->taker_type) {
        return 0;
    }
    npy_intp rows = self->uses ? PyArray_SIZE((PyArrayObject *)self->uses) : 0;
    if (self->uses && !plain_column(self->values, self->names[USE_COUNT], INT64, rows)) {
        return 0;
    }
    return self->steps ? steps_open(self->steps, batch->taker) : 1;
}

static int is_flat(PyObject *object, int type)
{
    return PyArray_Check(object) && PyArray_TYPE((PyArrayObject *)object) == type &&
           PyArray_NDIM((PyArrayObject *)object) == 1 && PyArray_ISCARRAY_RO((PyArrayObject *)object);
}

/* Asks who draws; 1, 0 where he leaves it to the layers, or -1. */
static int draw(FastSample *self, PyObject *size, Batch *batch)
{
    batch->chosen = PyObject_CallFunctionObjArgs(self->choose, size, NULL);
    if (!batch->chosen || batch->chosen == Py_None) {
        return batch->chosen ? 0 : -1;
    }
    if (PyTuple_Check(batch->chosen) && PyTuple_Size(batch->chosen) == 2) {
        PyObject *slots = PyTuple_GetItem(batch->chosen, 0), *weights = PyTuple_GetItem(batch->chosen, 1);
        int weighed = weights != Py_None;
        if (is_flat(slots, NPY_INT64) && (!weighed || is_flat(weights, NPY_DOUBLE)) &&
            (!weighed ||
             PyArray_SIZE((PyArrayObject *)weights) == PyArray_SIZE((PyArrayObject *)slots))) {
            batch->slots = (PyArrayObject *)slots;
            batch->weights = weighed && self->weighs ? weights : NULL;
            return 1;
        }
    }
    PyErr_SetString(PyExc_TypeError, "choose(size) must return (slots, weights), flat int64 and float64 or None");
    return -1;
}

/* Writes a column of the batch; all rows have it then. */
static int note(Batch *batch, PyObject *key, PyObject *column)
{
    if (PyDict_SetItem(batch->columns, key, column) < 0) {
        return -1;
    }
    int lacking = PyDict_Contains(batch->absent, key);
    return lacking > 0 ? PyDict_DelItem(batch->absent, key) : lacking;
}

/* Counts the uses, also in what is stored. */
static int count(FastSample *self, Batch *batch)
{
    PyObject *arguments[] = {self->uses, (PyObject *)batch->slots};
    npy_intp rows = PyArray_SIZE((PyArrayObject *)self->uses), drawn = PyArray_SIZE(batch->slots);
    const npy_int64 *slots = DATA(npy_int64, batch->slots);
    if (!(batch->counts = count_up(NULL, arguments, 2))) {
        return -1;
    }
    PyArrayObject *held = plain_column(self->values, self->names[USE_COUNT], INT64, rows);
    PyArrayObject *there = plain_column(self->there, self->names[USE_COUNT], BOOL, rows);
    for (npy_intp i = 0; held && i < drawn; i++) {
        DATA(npy_int64, held)[slots[i]] = DATA(npy_int64, (PyArrayObject *)batch->counts)[i];
        if (there) {
            DATA(npy_bool, there)[slots[i]] = 1;
        }
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* Adds the weights, to the payload as float32 of shape (n, 1). */
static int weigh(FastSample *self, Batch *batch)
{
    if (note(batch, self->names[WEIGHT], batch->weights) < 0) {
        return -1;
    }
    if (!PyDict_Check(batch->data)) {
        return 0;
    }
    npy_intp shape[2] = {PyArray_SIZE(batch->slots), 1};
    PyObject *entry = PyArray_SimpleNew(2, shape, NPY_FLOAT32);
    if (!entry) {
        return -1;
    }
    const double *weights = DATA(double, (PyArrayObject *)batch->weights);
    for (npy_intp i = 0; i < shape[0]; i++) {
        DATA(float, (PyArrayObject *)entry)[i] = (float)weights[i];
    }
    int done = PyDict_SetItem(batch->data, self->names[WEIGHT], entry);
    Py_DECREF(entry);
    return done;
}

/* The columns of the rows, and of the steps that follow where somebody follows. */
static int take_rows(FastSample *self, Batch *batch)
{
    batch->data = self->steps ? steps_take(self->steps, batch->taker, batch->slots, &batch->followed)
                              : row_taker_take((RowTaker *)batch->taker, batch->slots);
    return batch->data ? 0 : -1;
}

/* Adds what was found about the steps that follow. */
static int tell_steps(FastSample *self, Batch *batch)
{
    int told = note(batch, self->names[DISCOUNT], batch->followed.discounts);
    told = told < 0 ? told : note(batch, self->names[STEPS], batch->followed.steps);
    return told < 0 ? told : PyDict_SetItem(batch->data, self->names[DISCOUNT], batch->followed.field);
}

/* Names the items: by arithmetic when somebody looks, where slots are that, else at once. */
static PyObject *index_of(FastSample *self, Batch *batch)
{
    PyObject *ring = PyObject_GetAttr(self->store, self->names[RING]), *slots = (PyObject *)batch->slots, *made = NULL;
    if (ring && PyObject_TypeCheck(ring, (PyTypeObject *)self->ring_type) && ((RingCounter *)ring)->dense) {
        PyObject *text = PyObject_GetAttr(self->store, self->names[TEXT]);
        made = text ? make_index(&self->maker, (RingCounter *)ring, slots, text) : NULL;
        Py_XDECREF(text);
    } else if (ring) {
        made = PyObject_CallMethodObjArgs(self->store, self->names[NAMES], slots, NULL);
    }
    Py_XDECREF(ring);
    return made;
}

/* The slots for whoever gets the batch; those that name the items stay as they are. */
static PyObject *copy_of(PyArrayObject *slots)
{
    npy_intp count = PyArray_SIZE(slots);
    PyObject *made = PyArray_SimpleNew(1, &count, NPY_INT64);
    if (made) {
        memcpy(PyArray_DATA((PyArrayObject *)made), PyArray_DATA(slots), (size_t)count * sizeof(npy_int64));
    }
    return made;
}

static int add_to_sampled(FastSample *self, npy_intp drawn)
{
    PyObject *counts = PyObject_GetAttr(self->store, self->names[COUNTS]);
    PyObject *before = counts ? PyDict_GetItemWithError(counts, self->names[SAMPLED]) : NULL;
    long long sampled = before ? PyLong_AsLongLong(before) : 0;
    PyObject *after = PyErr_Occurred() ? NULL : PyLong_FromLongLong(sampled + drawn);
    int done = after ? PyDict_SetItem(counts, self->names[SAMPLED], after) : -1;
    Py_XDECREF(after);
    Py_XDECREF(counts);
    return done;
}

/* Tells whoever lets go of items that were used often enough. */
static int wear(FastSample *self, Batch *batch)
{
    if (!self->worn || !batch->counts || self->limit == INFINITY) {
        return 0;
    }
    const npy_int64 *counts = DATA(npy_int64, (PyArrayObject *)batch->counts);
    int reached = 0;
    for (npy_intp i = 0; i < PyArray_SIZE(batch->slots); i++) {
        reached |= (double)counts[i] >= self->limit;
    }
    if (!reached) {
        return 0;
    }
    PyObject *result = PyObject_CallFunctionObjArgs(self->worn, (PyObject *)batch->slots, batch->counts, NULL);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* The batch; NULL without an exception: it is a case for the layers, and nothing has changed; NULL with one. */
static PyObject *sample_fast(FastSample *self, PyObject *size, Batch *batch)
{
    if (is_open(self, batch) <= 0 || draw(self, size, batch) <= 0 ||
        take_rows(self, batch) < 0 ||
        !(batch->columns = PyDict_New()) || !(batch->absent = PyDict_New()) ||
        (self->uses && count(self, batch) < 0) ||
        take_meta_columns(self->values, self->there, batch->slots, batch->columns, batch->absent,
                          batch->counts ? self->names[USE_COUNT] : NULL, batch->counts) < 0 ||
        (batch->counts && note(batch, self->names[USE_COUNT], batch->counts) < 0) ||
        (self->steps && !self->steps_last && tell_steps(self, batch) < 0) ||
        (batch->weights && weigh(self, batch) < 0) ||
        (self->steps_last && tell_steps(self, batch) < 0) ||
        !(batch->index = index_of(self, batch)) ||
        !(batch->where = copy_of(batch->slots)) ||
        add_to_sampled(self, PyArray_SIZE(batch->slots)) < 0) {
        return NULL;
    }
    PyObject *made = make_batch(&self->maker, batch->data, batch->where, batch->index, batch->columns, batch->absent);
    if (made && wear(self, batch) < 0) {
        Py_CLEAR(made);
    }
    return made;
}

static PyObject *sample(PyObject *op, PyObject *const *args, Py_ssize_t n_args, PyObject *names)
{
    FastSample *self = (FastSample *)op;
    if (self->slow && n_args == 0 && names && PyTuple_Size(names) == 1 &&
        PyTuple_GetItem(names, 0) == self->names[SIZE] && PyLong_CheckExact(args[0])) {
        long long size = PyLong_AsLongLong(args[0]);
        Batch batch = {0};
        PyObject *made = size > 0 ? sample_fast(self, args[0], &batch) : NULL;
        let_go_of(&batch);
        if (made || PyErr_Occurred()) {
            return made;
        }
    }
    return call_slow(self->slow, args, n_args, names);
}

/* Making one. */

static int is_array_or_none(PyObject *uses)
{
    return uses == Py_None || array_of(uses, INT64, 1, 1, "uses") != NULL;
}

static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"slow",  "store", "storage", "choose", "metas", "types",
                            "uses",  "limit", "worn",    "weighs", "steps", "steps_last", NULL};
    PyObject *slow, *store, *storage, *choose, *values, *there, *batch, *index, *later, *uses = Py_None,
                                                                                       *worn = Py_None,
                                                                                       *steps = Py_None;
    double limit = INFINITY;
    int weighs = 0, steps_last = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOO(O!O!)(O!O!O!)|OdOpOp:FastSample", names, &slow, &store, &storage,
                                     &choose, &PyDict_Type, &values, &PyDict_Type, &there,
                                     &PyType_Type, &batch, &PyType_Type, &index, &PyType_Type, &later,
                                     &uses, &limit, &worn, &weighs, &steps, &steps_last) ||
        !is_array_or_none(uses) || (steps != Py_None && !is_steps(steps))) {
        return NULL;
    }
    FastSample *self = (FastSample *)new_object(type);
    if (!self) {
        return NULL;
    }
    self->slow = Py_NewRef(slow);
    self->store = Py_NewRef(store);
    self->storage = Py_NewRef(storage);
    self->choose = Py_NewRef(choose);
    self->values = Py_NewRef(values);
    self->there = Py_NewRef(there);
    self->uses = uses == Py_None ? NULL : Py_NewRef(uses);
    self->worn = worn == Py_None ? NULL : Py_NewRef(worn);
    self->limit = limit;
    self->weighs = (char)weighs;
    self->steps = steps == Py_None ? NULL : Py_NewRef(steps);
    self->steps_last = (char)(steps_last && self->steps);
    if (batch_maker_init(&self->maker, batch, index, later) < 0 ||
        !(self->taker_type = type_beside(type, "RowTaker")) ||
        !(self->ring_type = type_beside(type, "RingCounter")) || intern_names(self->names, TEXTS, N_NAMES) < 0) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    return (PyObject *)self;
}

OWNER(FastSample, batch_maker_clear(&self->maker))

static PyMethodDef methods[] = {
    {"sample", (PyCFunction)(void (*)(void))sample, METH_FASTCALL | METH_KEYWORDS,
     "sample($self, /, size=None, **query)\n--\n\nDraws a batch."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot type_slots[] = {
    {Py_tp_doc, "FastSample(slow, store, storage, choose, metas, types, uses=None, limit=inf, worn=None, "
                "weighs=False, steps=None, steps_last=False)\n--\n\n"
                "Does a plain sample of columns in one call, and calls ``slow`` for any other."},
    {Py_tp_new, make},
    {Py_tp_traverse, traverse},
    {Py_tp_clear, clear},
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    "ding_buffer.kernels.compiled.FastSample",
    sizeof(FastSample),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    type_slots,
};

int add_fast_sample(PyObject *module) { return add_type(module, &spec); }
