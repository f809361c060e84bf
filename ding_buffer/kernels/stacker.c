/* Stacker: from what `extend` is given, a column for each field, where that takes no more than copying. */
#include "record_plan.h"

#define MOST_DIMS 33

typedef struct {
    PyObject_HEAD
    RecordPlan *plan;
} Stacker;

/* A dict of columns. Runs no Python code once the dict was looked at. */
static PyObject *take_columns(RecordPlan *plan, PyObject *batch)
{
    PyObject *made = PyTuple_New(plan->n_fields);
    npy_intp rows = -1;
    int fits = made != NULL && record_plan_fits_columns(plan, batch);
    for (Py_ssize_t place = 0; fits && place < plan->n_fields; place++) {
        PyObject *column = (PyObject *)plan->fields[place].source;
        npy_intp length = PyArray_DIM((PyArrayObject *)column, 0);
        fits = place == 0 || length == rows;
        rows = length;
        PyTuple_SetItem(made, place, Py_NewRef(column));
    }
    if (made != NULL && !fits) {
        Py_DECREF(made);
        made = Py_NewRef(Py_None);
    }
    return made;
}

/* New columns of so many rows, and where each begins. */
static PyObject *make_columns(const RecordPlan *plan, Py_ssize_t rows, char **begins)
{
    PyObject *made = PyTuple_New(plan->n_fields);
    for (Py_ssize_t place = 0; made != NULL && place < plan->n_fields; place++) {
        const Field *field = &plan->fields[place];
        npy_intp dims[MOST_DIMS] = {rows};
        PyObject *column;
        memcpy(dims + 1, field->shape, (size_t)field->ndim * sizeof *dims);
        column = PyArray_New(&PyArray_Type, field->ndim + 1, dims, field->type_num, NULL, NULL, 0, 0, NULL);
        if (column == NULL) {
            Py_CLEAR(made);
            break;
        }
        begins[place] = PyArray_BYTES((PyArrayObject *)column);
        PyTuple_SetItem(made, place, column);
    }
    return made;
}

/* A list of payloads. */
static PyObject *stack_rows(RecordPlan *plan, PyObject *batch)
{
    char *local[ON_STACK], **begins = room_for(local, plan->n_fields, sizeof *begins);
    Py_ssize_t rows = PyList_Size(batch), row = 0;
    /* Making what the collector knows may run it, and with it any Python code: so that comes first. */
    PyObject *made = begins == NULL ? NULL : make_columns(plan, rows, begins);
    if (made != NULL) {
        if (PyList_Size(batch) == rows) {
            while (row < rows && record_plan_fits(plan, PyList_GetItem(batch, row))) {
                record_plan_copy(plan, begins, row);
                row += 1;
            }
        }
        if (row < rows || PyList_Size(batch) != rows) {
            Py_DECREF(made);
            made = Py_NewRef(Py_None);
        }
    }
    free_room(begins, local);
    return made;
}

static PyObject *stacker_columns(PyObject *op, PyObject *batch)
{
    RecordPlan *plan = ((Stacker *)op)->plan;
    if (PyDict_CheckExact(batch)) {
        return take_columns(plan, batch);
    }
    return PyList_CheckExact(batch) ? stack_rows(plan, batch) : Py_NewRef(Py_None);
}

static PyObject *stacker_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"fields", NULL};
    PyObject *fields, *self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!:Stacker", names, &PyTuple_Type, &fields)) {
        return NULL;
    }
    if (PyTuple_Size(fields) == 0) {
        PyErr_SetString(PyExc_ValueError, "a payload without fields has no columns");
        return NULL;
    }
    self = new_object(type);
    if (self != NULL && (((Stacker *)self)->plan = record_plan_of(fields)) == NULL) {
        Py_CLEAR(self);
    }
    return self;
}

static void stacker_dealloc(PyObject *op)
{
    if (((Stacker *)op)->plan != NULL) {
        record_plan_free(((Stacker *)op)->plan);
    }
    release_object(op);
}

static PyObject *stacker_reduce(PyObject *Py_UNUSED(op), PyObject *Py_UNUSED(args))
{
    PyErr_SetString(PyExc_TypeError, "cannot pickle 'Stacker' object");
    return NULL;
}

static PyMethodDef methods[] = {
    {"columns", stacker_columns, METH_O,
     "columns($self, batch, /)\n--\n\n"
     "Returns the columns of a dict of them as they are, or of a list of payloads, stacked; None for what\n"
     "does not fit as it is."},
    {"__reduce__", stacker_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Stacker(fields)\n--\n\nMakes columns of payloads that are flat dicts of numbers and arrays."},
    {Py_tp_new, stacker_new},
    {Py_tp_dealloc, stacker_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    "ding_buffer.kernels.compiled.Stacker",
    sizeof(Stacker),
    0,
    Py_TPFLAGS_DEFAULT,
    slots,
};

int add_stacker(PyObject *module) { return add_type(module, &spec); }
