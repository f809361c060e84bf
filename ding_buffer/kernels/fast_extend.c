/* FastExtend: the whole of an `extend` with a dict of columns for the common case, layers included, and the way to
   the Python code for every other. It stands beside a FastPush: what that may write, and when, holds for this. */
#include "batch_maker.h"
#include "fast.h"
#include "owner.h"
#include "record_plan.h"

enum { SERIALS, TEXT, N_NAMED };

static const char *const NAMED[N_NAMED] = {"_serials", "text"};

typedef struct {
    PyObject_HEAD
    OWNS(push, *slow, *text, *batch_name); /* a FastPush first */
    BatchMaker maker;
    ObjectMaker index; /* an IndexColumn of serials that are a range */
} FastExtend;

/* What one call makes: the batch and, borrowed from it, what is filled in last. */
typedef struct {
    PyObject *batch, *data, *metas;
    PyArrayObject *slots;
    long long first; /* the serial of its first item */
    npy_intp count;
} Made;

/* Making the batch, which may run the collector and with it any Python code. */

/* How many rows the first column has; 0 for what is not for here. */
static npy_intp count_rows(PyObject *batch)
{
    PyObject *key, *column;
    Py_ssize_t place = 0;
    if (!PyDict_CheckExact(batch) || !PyDict_Next(batch, &place, &key, &column) || !PyArray_CheckExact(column) ||
        PyArray_NDIM((PyArrayObject *)column) == 0) {
        return 0;
    }
    return PyArray_DIM((PyArrayObject *)column, 0);
}

static PyObject *make_range(long long first, npy_intp count)
{
    PyObject *begin = PyLong_FromLongLong(first), *end = PyLong_FromLongLong(first + count);
    PyObject *made = begin && end ? PyObject_CallFunctionObjArgs((PyObject *)&PyRange_Type, begin, end, NULL) : NULL;
    Py_XDECREF(begin);
    Py_XDECREF(end);
    return made;
}

static PyObject *make_names(FastExtend *self, const Made *made)
{
    PyObject *serials = make_range(made->first, made->count);
    PyObject *index = serials ? object_made(&self->index) : NULL;
    if (index) {
        *object_slot(&self->index, index, SERIALS) = Py_NewRef(serials);
        *object_slot(&self->index, index, TEXT) = Py_NewRef(self->text);
    }
    Py_XDECREF(serials);
    return index;
}

/* A batch whose data and slots are still to be filled in; 1, 0 where its metas are not for here, or -1. */
static int make_empty(FastExtend *self, PyObject *batch, PyObject *meta, Made *made)
{
    made->metas = push_metas_columns(&((FastPush *)self->push)->metas, batch, meta, made->count);
    if (!made->metas) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *data = PyDict_New(), *absent = PyDict_New(), *index = make_names(self, made);
    PyObject *slots = PyArray_SimpleNew(1, &made->count, NPY_INT64);
    if (data && absent && index && slots) {
        made->batch = make_batch(&self->maker, data, slots, index, made->metas, absent);
        made->data = data;
        made->slots = (PyArrayObject *)slots;
    }
    PyObject *held[] = {data, absent, index, slots, made->metas};
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
        Py_XDECREF(held[i]);
    }
    return made->batch ? 1 : -1;
}

/* Looking, and writing: from the look on nothing runs but this, and what is noted is borrowed. */

/* 1 where the tables have a row for every slot, and are none of the columns that were noted. */
static int tables_take(const RecordPlan *plan, const Made *made, long long capacity)
{
    npy_intp bytes = 0;
    for (Py_ssize_t number = 0; number < plan->n_tables; number++) {
        const Table *table = &plan->tables[number];
        if (!array_holds(table->array, NPY_UINT8, 2, capacity - 1) || PyArray_DIM(table->array, 1) != table->width) {
            return 0;
        }
    }
    for (Py_ssize_t place = 0; place < plan->n_fields; place++) {
        PyArrayObject *column = (PyArrayObject *)plan->fields[place].source;
        if (PyArray_DIM(column, 0) != made->count || overlap(plan->tables[plan->fields[place].table].array, column)) {
            return 0;
        }
        bytes += PyArray_NBYTES(column);
    }
    return plan->versions == NULL && bytes < LONG_COPY; /* a long copy lets others run: that is not for here */
}

static int fits(const FastPush *push, PyObject *batch, const Made *made)
{
    return push_is_open(push, made->count) && push->ring->next == made->first && made->count < push->ring->capacity &&
           record_plan_fits_columns(push->plan, batch) && tables_take(push->plan, made, push->ring->capacity) &&
           push_metas_columns_fit(&push->metas, made->metas, (npy_intp)push->ring->capacity);
}

/* The columns that were noted, as the data of the batch: the keys are texts, so this runs nothing. */
static int fill_data(const RecordPlan *plan, PyObject *data)
{
    for (Py_ssize_t place = 0; place < plan->n_fields; place++) {
        if (PyDict_SetItem(data, plan->fields[place].key, (PyObject *)plan->fields[place].source) < 0) {
            return -1;
        }
    }
    return 0;
}

#define COPY_CELLS(SIZE)                                                                                               \
    for (npy_intp i = 0; i < count; i++) {                                                                             \
        memcpy(rows + i * width, cells + i * (SIZE), (size_t)(SIZE));                                                  \
    }                                                                                                                  \
    break;

/* Copies a column to one field of rows that follow each other. */
static void copy_cells(char *rows, npy_intp width, const char *cells, npy_intp size, npy_intp count)
{
    if (size == width) {
        memcpy(rows, cells, (size_t)(size * count));
        return;
    }
    switch (size) {
    case 1:
        COPY_CELLS(1)
    case 2:
        COPY_CELLS(2)
    case 4:
        COPY_CELLS(4)
    case 8:
        COPY_CELLS(8)
    case 16:
        COPY_CELLS(16)
    case 32:
        COPY_CELLS(32)
    default:
        COPY_CELLS(size)
    }
}

#define TILE 64 /* rows that stay near while field after field of them is written */

/* Writes rows of what was noted, from `begin` on, to slots that follow each other. */
static void write_rows(const RecordPlan *plan, long long slot, npy_intp begin, npy_intp end)
{
    for (; begin < end; begin += TILE, slot += TILE) {
        npy_intp count = end - begin < TILE ? end - begin : TILE;
        for (Py_ssize_t place = 0; place < plan->n_fields; place++) {
            const Field *field = &plan->fields[place];
            const Table *table = &plan->tables[field->table];
            copy_cells(PyArray_BYTES(table->array) + (npy_intp)slot * table->width + field->offset, table->width,
                       PyArray_BYTES((PyArrayObject *)field->source) + begin * field->nbytes, field->nbytes, count);
        }
    }
}

/* Writes all of it: up to the last slot, then from the first on. */
static void write_all(FastPush *push, const Made *made)
{
    npy_intp rows = (npy_intp)push->ring->capacity, slot = (npy_intp)ring_next_slot(push->ring);
    npy_intp before = made->count < rows - slot ? made->count : rows - slot;
    for (npy_intp i = 0; i < made->count; i++) {
        DATA(npy_int64, made->slots)[i] = i < before ? slot + i : i - before;
    }
    write_rows(push->plan, slot, 0, before);
    push_metas_write_columns(&push->metas, made->metas, rows, slot, 0, before);
    if (before < made->count) {
        write_rows(push->plan, 0, before, made->count);
        push_metas_write_columns(&push->metas, made->metas, rows, 0, before, made->count - before);
    }
    push_take(push, made->count);
}

/* The batch; NULL without an exception: not the fast case, and nothing has changed; NULL with one. */
static PyObject *extend_fast(FastExtend *self, PyObject *batch, PyObject *meta)
{
    FastPush *push = (FastPush *)self->push;
    Made made = {.count = count_rows(batch)};
    if (made.count < 1 || made.count > LONG_LOOP || !push || !push_is_open(push, made.count)) {
        return NULL;
    }
    made.first = push->ring->next;
    if (make_empty(self, batch, meta, &made) <= 0) {
        return NULL;
    }
    if (!fits(push, batch, &made) || fill_data(push->plan, made.data) < 0) {
        Py_DECREF(made.batch);
        return NULL;
    }
    write_all(push, &made);
    return made.batch;
}

static PyObject *fast_extend_extend(PyObject *op, PyObject *const *args, Py_ssize_t n_args, PyObject *names)
{
    FastExtend *self = (FastExtend *)op;
    PyObject *batch, *meta;
    if (self->push &&
        read_item(args, n_args, names, self->batch_name, ((FastPush *)self->push)->meta_name, &batch, &meta)) {
        PyObject *made = extend_fast(self, batch, meta);
        if (made || PyErr_Occurred()) {
            return made;
        }
    }
    return call_slow(self->slow, args, n_args, names);
}

/* Making one. */

static int learn(FastExtend *self, PyObject *push, PyObject *slow, PyObject *text, PyObject *batch, PyObject *index,
                 PyObject *later)
{
    if (!((FastPush *)push)->plan) {
        PyErr_SetString(PyExc_TypeError, "FastExtend() needs a FastPush into records");
        return -1;
    }
    if (!PyCallable_Check(slow)) {
        PyErr_SetString(PyExc_TypeError, "FastExtend() needs a callable as slow");
        return -1;
    }
    self->push = Py_NewRef(push);
    self->slow = Py_NewRef(slow);
    self->text = Py_NewRef(text);
    self->batch_name = PyUnicode_InternFromString("batch");
    return !self->batch_name || batch_maker_init(&self->maker, batch, index, later) < 0
               ? -1
               : object_maker_init(&self->index, (PyTypeObject *)index, NAMED, N_NAMED);
}

static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"push", "slow", "text", "types", NULL};
    PyObject *push, *slow, *text, *batch, *index, *later, *self = NULL;
    PyObject *push_type = type_beside(type, "FastPush");
    if (push_type &&
        PyArg_ParseTupleAndKeywords(args, kwargs, "O!OO(O!O!O!):FastExtend", names, push_type, &push, &slow, &text,
                                    &PyType_Type, &batch, &PyType_Type, &index, &PyType_Type, &later) &&
        (self = new_object(type)) && learn((FastExtend *)self, push, slow, text, batch, index, later) < 0) {
        Py_CLEAR(self);
    }
    Py_XDECREF(push_type);
    return self;
}

static void clear_makers(FastExtend *self)
{
    batch_maker_clear(&self->maker);
    Py_CLEAR(self->index.type);
}

OWNER(FastExtend, clear_makers(self))

static PyObject *reduce(PyObject *Py_UNUSED(op), PyObject *Py_UNUSED(args))
{
    PyErr_SetString(PyExc_TypeError, "cannot pickle 'FastExtend' object");
    return NULL;
}

static PyMethodDef methods[] = {
    {"extend", (PyCFunction)(void (*)(void))fast_extend_extend, METH_FASTCALL | METH_KEYWORDS,
     "extend($self, /, batch, meta=None)\n--\n\nStores many items and returns them."},
    {"__reduce__", reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "FastExtend(push, slow, text, types)\n--\n\n"
                "Stores columns of items where ``push`` may write one, and calls ``slow`` for any other."},
    {Py_tp_new, make},
    {Py_tp_traverse, traverse},
    {Py_tp_clear, clear},
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    "ding_buffer.kernels.compiled.FastExtend",
    sizeof(FastExtend),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    slots,
};

int add_fast_extend(PyObject *module) { return add_type(module, &spec); }
