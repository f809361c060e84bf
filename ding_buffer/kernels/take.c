/* Rows as new columns: of the tables that payloads lie in, and of the columns that metas lie in. */

#include "take.h"
#include "rows.h"

#define MOST_DIMS 32 /* of numpy 1 */
#define FAR_BYTES (1 << 20) /* what is smaller lies near anyway */
#define NEAR_LINES 512

typedef struct {
    Py_ssize_t table;
    npy_intp offset, size; /* in a row, bytes */
    PyArray_Descr *dtype;
    int dims; /* of a column: one more than the field has */
    npy_intp shape[MOST_DIMS];
} Place;

struct RowTaker {
    PyObject_HEAD
    PyObject *tables; /* a tuple of arrays, held */
    PyObject *build;  /* a tuple with a key for each field, what makes something of the list, or NULL */
    Py_ssize_t count;
    Place *places;
};

Py_ssize_t row_taker_field(const RowTaker *self, PyObject *key)
{
    for (Py_ssize_t i = 0; self->build && PyTuple_Check(self->build) && i < self->count; i++) {
        int same = PyObject_RichCompareBool(PyTuple_GetItem(self->build, i), key, Py_EQ);
        if (same < 0) {
            PyErr_Clear();
        } else if (same) {
            return i;
        }
    }
    return -1;
}

PyArrayObject *row_taker_column(const RowTaker *self, Py_ssize_t field, PyArray_Descr *dtype, npy_intp rows)
{
    const Place *place = self->places + field;
    npy_intp shape[MOST_DIMS];
    memcpy(shape, place->shape, (size_t)place->dims * sizeof *shape);
    shape[0] = rows;
    return (PyArrayObject *)PyArray_NewFromDescr(&PyArray_Type, dtype, place->dims, shape, NULL, NULL, 0, NULL);
}

/* What one call fills. */
typedef struct {
    PyArrayObject **columns;
    npy_intp count;
    Field *fields; /* room for all of them */
    char *given;   /* which columns are filled already */
} Filling;

/* The columns that nobody gave, empty yet. */
static int make_columns(const RowTaker *self, Filling *filling)
{
    for (Py_ssize_t i = 0; i < self->count; i++) {
        PyArray_Descr *dtype = self->places[i].dtype;
        filling->given[i] = filling->columns[i] != NULL;
        if (!filling->given[i]) {
            Py_INCREF((PyObject *)dtype); /* which is stolen */
            filling->columns[i] = row_taker_column(self, i, dtype, filling->count);
        }
        if (!filling->columns[i]) {
            return -1;
        }
    }
    return 0;
}

/* Fills those columns from `begin` to `end` whose fields lie in one table. */
static int fill_from(const RowTaker *self, Py_ssize_t number, npy_int64 *slots, Py_ssize_t begin, Py_ssize_t end,
                     Filling *filling)
{
    PyArrayObject *table = array_of(PyTuple_GetItem(self->tables, number), UINT8, 2, 0, "a table");
    if (!table) {
        return -1;
    }
    Copy copy = {.table = PyArray_BYTES(table),
                 .rows = PyArray_DIM(table, 0),
                 .row_size = PyArray_DIM(table, 1),
                 .slots = slots,
                 .count = filling->count,
                 .field = filling->fields};
    for (Py_ssize_t i = begin; i < end; i++) {
        const Place *place = self->places + i;
        PyArrayObject *column = filling->columns[i];
        if (place->table == number && !filling->given[i]) {
            if (place->offset + place->size > copy.row_size) { /* somebody gave the table another shape */
                PyErr_SetString(PyExc_ValueError, "a field does not lie within a row of its table");
                return -1;
            }
            copy.field[copy.fields++] =
                (Field){.offset = place->offset, .size = place->size, .column = PyArray_BYTES(column)};
            copy.bytes += PyArray_NBYTES(column);
        }
    }
    if (slots_fit(copy.slots, copy.count, copy.rows) < 0) {
        return -1;
    }
    return copy.fields ? run_copy(&copy, 0) : 0;
}

/* Takes over the references in `columns`. */
static PyObject *gathered(const RowTaker *self, PyArrayObject **columns)
{
    int has_keys = self->build && PyTuple_Check(self->build);
    PyObject *made = has_keys ? PyDict_New() : PyList_New(self->count);
    for (Py_ssize_t i = 0; i < self->count; i++) {
        PyObject *column = (PyObject *)columns[i];
        columns[i] = NULL;
        if (made && !has_keys) {
            PyList_SetItem(made, i, column);
            continue;
        }
        if (made && PyDict_SetItem(made, PyTuple_GetItem(self->build, i), column) < 0) {
            Py_CLEAR(made);
        }
        Py_DECREF(column);
    }
    if (!made || !self->build || has_keys) {
        return made;
    }
    PyObject *built = PyObject_CallFunctionObjArgs(self->build, made, NULL);
    Py_DECREF(made);
    return built;
}

PyArrayObject **row_taker_columns(const RowTaker *self)
{
    PyArrayObject **columns = PyMem_Calloc((size_t)self->count + 1, sizeof *columns);
    return columns ? columns : (PyArrayObject **)PyErr_NoMemory();
}

void row_taker_let_go(const RowTaker *self, PyArrayObject **columns)
{
    for (Py_ssize_t i = 0; columns && i < self->count; i++) {
        Py_XDECREF((PyObject *)columns[i]);
    }
    PyMem_Free(columns);
}

PyObject *row_taker_take_but(const RowTaker *self, PyArrayObject *slots, PyArrayObject **columns, Py_ssize_t other,
                             npy_int64 *other_slots)
{
    Field *fields = PyMem_Malloc(((size_t)self->count + 1) * (sizeof *fields + 1));
    Filling filling = {columns, PyArray_SIZE(slots), fields, (char *)(fields + self->count)};
    int done = -1;
    if (!fields) {
        PyErr_NoMemory();
    } else {
        done = make_columns(self, &filling);
    }
    if (done == 0 && other >= 0) {
        done = fill_from(self, self->places[other].table, other_slots, other, other + 1, &filling);
        filling.given[other] = 1;
    }
    for (Py_ssize_t number = 0; done == 0 && number < PyTuple_Size(self->tables); number++) {
        done = fill_from(self, number, DATA(npy_int64, slots), 0, self->count, &filling);
    }
    PyMem_Free(fields);
    return done == 0 ? gathered(self, columns) : NULL;
}

PyObject *row_taker_take(const RowTaker *self, PyArrayObject *slots)
{
    PyArrayObject **columns = row_taker_columns(self);
    PyObject *result = columns ? row_taker_take_but(self, slots, columns, -1, NULL) : NULL;
    row_taker_let_go(self, columns);
    return result;
}

void row_taker_fetch(const RowTaker *self, const npy_int64 *slots, npy_intp count)
{
    npy_intp room = NEAR_LINES;
    for (Py_ssize_t number = 0; number < PyTuple_Size(self->tables); number++) {
        PyArrayObject *table = (PyArrayObject *)PyTuple_GetItem(self->tables, number);
        npy_intp length = PyArray_NDIM(table) == 2 ? PyArray_DIM(table, 1) : 0;
        if (length == 0 || length > 2 * CACHE_LINE || PyArray_NBYTES(table) < FAR_BYTES) {
            continue; /* long rows are fetched as they are taken */
        }
        npy_intp lines = length > CACHE_LINE ? 3 : 2, most = room / lines < count ? room / lines : count;
        for (npy_intp i = 0; i < most; i++) {
            const char *row = PyArray_BYTES(table) + slots[i] * length;
            PREFETCH(row);
            PREFETCH(row + length - 1);
            if (lines > 2) {
                PREFETCH(row + CACHE_LINE);
            }
        }
        room -= most * lines;
    }
}

static PyObject *take(PyObject *op, PyObject *argument)
{
    PyArrayObject *slots = integers_of(argument, "slots");
    PyObject *result = slots ? row_taker_take((RowTaker *)op, slots) : NULL;
    Py_XDECREF((PyObject *)slots);
    return result;
}

/* Making one. */

static int look_at_tables(RowTaker *self, PyObject *tables)
{
    for (Py_ssize_t i = 0; i < PyTuple_Size(tables); i++) {
        if (!array_of(PyTuple_GetItem(tables, i), UINT8, 2, 0, "a table")) {
            return -1;
        }
    }
    self->tables = Py_NewRef(tables);
    return 0;
}

static int look_at_shape(Place *place, PyObject *shape)
{
    place->dims = (int)PyTuple_Size(shape) + 1;
    if (place->dims > MOST_DIMS) {
        PyErr_SetString(PyExc_ValueError, "a field has too many dimensions");
        return -1;
    }
    PyObject *itemsize = PyObject_GetAttrString((PyObject *)place->dtype, "itemsize"); /* alike in numpy 1 and 2 */
    place->size = itemsize ? PyLong_AsSsize_t(itemsize) : -1;
    Py_XDECREF(itemsize);
    if (place->size < 0) {
        return -1;
    }
    for (int i = 1; i < place->dims; i++) {
        npy_intp length = PyLong_AsSsize_t(PyTuple_GetItem(shape, i - 1));
        if (length < 0 || (length && place->size > NPY_MAX_INTP / length)) {
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_ValueError, "a field cannot have that shape");
            }
            return -1;
        }
        place->shape[i] = length;
        place->size *= length;
    }
    return 0;
}

/* One of (table, offset, dtype, shape). */
static int look_at_field(RowTaker *self, Place *place, PyObject *field)
{
    PyObject *dtype, *shape;
    Py_ssize_t offset;
    if (!PyTuple_Check(field)) {
        PyErr_SetString(PyExc_TypeError, "a field is (table, offset, dtype, shape)");
        return -1;
    }
    if (!PyArg_ParseTuple(field, "nnO!O!;a field is (table, offset, dtype, shape)", &place->table, &offset,
                          &PyArrayDescr_Type, &dtype, &PyTuple_Type, &shape)) {
        return -1;
    }
    place->dtype = (PyArray_Descr *)Py_NewRef(dtype);
    if (PyDataType_FLAGCHK(place->dtype, NPY_ITEM_REFCOUNT | NPY_NEEDS_PYAPI)) {
        PyErr_Format(PyExc_TypeError, "a field must hold plain bytes, got %R", dtype);
        return -1;
    }
    if (look_at_shape(place, shape) < 0) {
        return -1;
    }
    npy_intp width = -1;
    if (place->table >= 0 && place->table < PyTuple_Size(self->tables)) {
        width = PyArray_DIM((PyArrayObject *)PyTuple_GetItem(self->tables, place->table), 1);
    }
    if (offset < 0 || place->size > width || offset > width - place->size) {
        PyErr_SetString(PyExc_ValueError, "a field does not lie within a row of its table");
        return -1;
    }
    place->offset = offset;
    return 0;
}

static int look_at_build(RowTaker *self, PyObject *build)
{
    if (build == Py_None) {
        return 0;
    }
    if (PyTuple_Check(build) ? PyTuple_Size(build) != self->count : !PyCallable_Check(build)) {
        PyErr_SetString(PyExc_ValueError, "build must be a tuple with a key for each field, a callable, or None");
        return -1;
    }
    self->build = Py_NewRef(build);
    return 0;
}

static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"fields", "tables", "build", NULL};
    PyObject *fields, *tables, *build = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!|O:RowTaker", names, &PyTuple_Type, &fields, &PyTuple_Type,
                                     &tables, &build)) {
        return NULL;
    }
    RowTaker *self = (RowTaker *)new_object(type);
    if (!self) {
        return NULL;
    }
    Py_ssize_t count = PyTuple_Size(fields);
    self->places = PyMem_Calloc((size_t)count + 1, sizeof *self->places);
    if (!self->places) {
        PyErr_NoMemory();
    }
    int done = !self->places || look_at_tables(self, tables) < 0 ? -1 : 0;
    for (; done == 0 && self->count < count; ) {
        done = look_at_field(self, self->places + self->count, PyTuple_GetItem(fields, self->count));
        self->count++; /* also one that is refused: what it holds is let go of */
    }
    if (done < 0 || look_at_build(self, build) < 0) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    return (PyObject *)self;
}

static void dealloc(PyObject *op)
{
    RowTaker *self = (RowTaker *)op;
    for (Py_ssize_t i = 0; i < self->count; i++) {
        Py_XDECREF((PyObject *)self->places[i].dtype);
    }
    PyMem_Free(self->places);
    Py_XDECREF(self->tables);
    Py_XDECREF(self->build);
    release_object(op);
}

static PyMethodDef methods[] = {
    {"take", take, METH_O,
     "take($self, slots, /)\n--\n\n"
     "Returns the fields of the rows in these slots, stacked: a list of new arrays, or what is built of it."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot type_slots[] = {
    {Py_tp_doc, "RowTaker(fields, tables, build=None)\n--\n\nTakes rows of tables apart, into new columns."},
    {Py_tp_new, make},
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    "ding_buffer.kernels.compiled.RowTaker",
    sizeof(RowTaker),
    0,
    Py_TPFLAGS_DEFAULT,
    type_slots,
};

int add_row_taker(PyObject *module) { return add_type(module, &spec); }
