/* Rows of a table of bytes to columns and back: random rows are fetched a tile ahead, then copied field by field. */

#include "rows.h"

#define TILE 64
#define FEW_LINES 4 /* the cache lines fetched of a long row; the processor sees the rest coming */

#define COPY_FIELDS(SIZE)                                                                                              \
    for (npy_intp i = 0; i < count; i++) {                                                                             \
        char *row = rows + slots[i] * stride, *cell = column + i * (SIZE);                                             \
        memcpy(to_table ? row : cell, to_table ? cell : row, (size_t)(SIZE));                                          \
    }                                                                                                                  \
    break;

/* Copies one field of some rows; `to_table` is a constant, so the compiler makes two functions of it. */
INLINE void copy_field(char *rows, npy_intp stride, const npy_int64 *slots, npy_intp count, char *column,
                       npy_intp size, int to_table)
{
    switch (size) {
    case 1:
        COPY_FIELDS(1)
    case 2:
        COPY_FIELDS(2)
    case 4:
        COPY_FIELDS(4)
    case 8:
        COPY_FIELDS(8)
    case 12:
        COPY_FIELDS(12)
    case 16:
        COPY_FIELDS(16)
    case 24:
        COPY_FIELDS(24)
    case 32:
        COPY_FIELDS(32)
    default:
        COPY_FIELDS(size)
    }
}

static void fetch_rows(const Copy *copy, npy_intp begin, npy_intp end)
{
    npy_intp length = copy->row_size < FEW_LINES * CACHE_LINE ? copy->row_size : FEW_LINES * CACHE_LINE;
    for (npy_intp i = begin; i < end && i < copy->count; i++) {
        const char *row = copy->table + copy->slots[i] * copy->row_size;
        for (npy_intp at = 0; at < length; at += CACHE_LINE) {
            PREFETCH(row + at);
        }
        PREFETCH(row + length - 1);
    }
}

INLINE void copy_rows(const Copy *copy, int to_table)
{
    npy_intp tile = copy->row_size <= FEW_LINES * CACHE_LINE ? TILE : 1;
    fetch_rows(copy, 0, tile);
    for (npy_intp begin = 0; begin < copy->count; begin += tile) {
        npy_intp count = copy->count - begin < tile ? copy->count - begin : tile;
        fetch_rows(copy, begin + tile, begin + 2 * tile);
        for (npy_intp f = 0; f < copy->fields; f++) {
            const Field *field = copy->field + f;
            copy_field(copy->table + field->offset, copy->row_size, copy->slots + begin, count,
                       field->column + begin * field->size, field->size, to_table);
        }
    }
}

/* Looks at column number `f`; a new reference to it is not taken. */
static PyArrayObject *column_of(const Copy *copy, PyObject *columns, Py_ssize_t f, int written)
{
    PyObject *argument = PyTuple_GetItem(columns, f);
    if (!argument || !PyArray_Check(argument)) {
        PyErr_Format(PyExc_TypeError, "column %zd must be an array", f);
        return NULL;
    }
    PyArrayObject *column = (PyArrayObject *)argument;
    if (PyDataType_FLAGCHK(PyArray_DESCR(column), NPY_ITEM_REFCOUNT | NPY_NEEDS_PYAPI) ||
        !PyArray_ISNOTSWAPPED(column)) {
        PyErr_Format(PyExc_TypeError, "column %zd must hold plain bytes in native order, got %R", f,
                     (PyObject *)PyArray_DESCR(column));
        return NULL;
    }
    if (is_dense(column, written, "a column") < 0) {
        return NULL;
    }
    if (PyArray_NDIM(column) < 1 || PyArray_DIM(column, 0) != copy->count) {
        PyErr_Format(PyExc_ValueError, "column %zd must have %zd rows", f, (Py_ssize_t)copy->count);
        return NULL;
    }
    return column;
}

/* Looks at all columns and where their fields lie in a row. */
static int look_at_fields(Copy *copy, PyArrayObject *table, PyObject *offsets, PyObject *columns, int to_table)
{
    for (Py_ssize_t f = 0; f < copy->fields; f++) {
        PyArrayObject *column = column_of(copy, columns, f, !to_table);
        if (!column) {
            return -1;
        }
        PyObject *number = PyTuple_GetItem(offsets, f);
        Py_ssize_t offset = number && PyLong_Check(number) ? PyLong_AsSsize_t(number) : -1;
        npy_intp size = copy->count ? PyArray_NBYTES(column) / copy->count : 0;
        if (offset < 0 || size > copy->row_size || offset > copy->row_size - size) {
            PyErr_Clear();
            PyErr_Format(PyExc_ValueError, "field %zd of %zd bytes does not lie within a row of %zd", f,
                         (Py_ssize_t)size, (Py_ssize_t)copy->row_size);
            return -1;
        }
        if (keep_apart(table, "table", column, "a column") < 0) {
            return -1;
        }
        for (Py_ssize_t other = 0; other < f && !to_table; other++) {
            if (keep_apart((PyArrayObject *)PyTuple_GetItem(columns, other), "a column", column, "another") < 0) {
                return -1;
            }
        }
        copy->field[f] = (Field){.offset = offset, .size = size, .column = PyArray_BYTES(column)};
        copy->bytes += PyArray_NBYTES(column);
    }
    return 0;
}

static int look_at_table(Copy *copy, PyArrayObject *table, PyArrayObject *slots, int to_table, PyObject *columns)
{
    copy->table = PyArray_BYTES(table);
    copy->rows = PyArray_DIM(table, 0);
    copy->row_size = PyArray_DIM(table, 1);
    copy->slots = DATA(npy_int64, slots);
    copy->count = PyArray_SIZE(slots);
    if (to_table && keep_apart(table, "table", slots, "slots") < 0) {
        return -1;
    }
    for (Py_ssize_t f = 0; f < copy->fields && !to_table; f++) {
        PyObject *column = PyTuple_GetItem(columns, f);
        if (column && PyArray_Check(column) && PyArray_ISCARRAY_RO((PyArrayObject *)column) &&
            keep_apart((PyArrayObject *)column, "a column", slots, "slots") < 0) {
            return -1;
        }
    }
    return slots_fit(copy->slots, copy->count, copy->rows);
}

/* Long copies go on without the GIL; then the slots are a copy, so that nobody can change what was checked. */
int run_copy(Copy *copy, int to_table)
{
    if (copy->bytes < LONG_COPY && copy->count <= LONG_LOOP) {
        if (to_table) {
            copy_rows(copy, 1);
        } else {
            copy_rows(copy, 0);
        }
        return 0;
    }
    npy_int64 on_stack[ON_STACK], *slots = room_for(on_stack, copy->count, sizeof *slots);
    if (!slots) {
        return -1;
    }
    memcpy(slots, copy->slots, (size_t)copy->count * sizeof *slots);
    copy->slots = slots;
    PyThreadState *thread = PyEval_SaveThread();
    if (to_table) {
        copy_rows(copy, 1);
    } else {
        copy_rows(copy, 0);
    }
    PyEval_RestoreThread(thread);
    free_room(slots, on_stack);
    return 0;
}

static PyObject *copy_columns(Arguments arguments, int to_table)
{
    PyObject *offsets = arguments[2], *columns = arguments[3];
    if (!PyTuple_Check(offsets) || !PyTuple_Check(columns)) {
        PyErr_SetString(PyExc_TypeError, "offsets and columns must be tuples");
        return NULL;
    }
    Field on_stack[32];
    Copy copy = {.fields = PyTuple_Size(columns), .field = on_stack};
    if (PyTuple_Size(offsets) != copy.fields) {
        PyErr_Format(PyExc_ValueError, "got %zd offsets for %zd columns", PyTuple_Size(offsets),
                     (Py_ssize_t)copy.fields);
        return NULL;
    }
    PyArrayObject *slots = integers_of(arguments[1], "slots");
    PyArrayObject *table = slots ? array_of(arguments[0], UINT8, 2, to_table, "table") : NULL;
    PyObject *result = NULL;
    if (!table) {
        Py_XDECREF((PyObject *)slots);
        return NULL;
    }
    if (copy.fields > 32 && !(copy.field = PyMem_Malloc((size_t)copy.fields * sizeof *copy.field))) {
        PyErr_NoMemory();
        copy.field = on_stack;
    } else if (look_at_table(&copy, table, slots, to_table, columns) == 0 &&
               look_at_fields(&copy, table, offsets, columns, to_table) == 0) {
        /* The caller's references keep table and tuples, which keep the columns, while the GIL is away. */
        if (run_copy(&copy, to_table) == 0) {
            Py_INCREF(Py_None);
            result = Py_None;
        }
    }
    if (copy.field != on_stack) {
        PyMem_Free(copy.field);
    }
    Py_DECREF((PyObject *)slots);
    return result;
}

PyObject *gather(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    return count_is(given, 4, "gather") < 0 ? NULL : copy_columns(arguments, 0);
}

PyObject *scatter(PyObject *module, Arguments arguments, Py_ssize_t given)
{
    (void)module;
    return count_is(given, 4, "scatter") < 0 ? NULL : copy_columns(arguments, 1);
}
