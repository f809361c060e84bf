/* FastSteps: the columns of a batch with returns over several steps, for FastSample.

   It does what the layer does around the sample, but reads each field once: rewards and flags are those of the
   walk, next observations are those of the last steps from the start. */

#include "fast_steps.h"
#include "fast.h"
#include "owner.h"
#include "returns.h"

#define PLAN (1 + FLAGS) /* the reward and the flags */

typedef struct {
    PyObject_HEAD
    /* `taker`: what was looked at last; `numbers`, of its rows: a tuple of PLAN arrays or None, NULL: they cannot be
       followed; `following`: a name */
    OWNS(chains, *powers, *look, *taker, *numbers, *following);
    Py_ssize_t field[PLAN], next; /* in the taker; -1: there is none */
} FastSteps;

void followed_clear(Followed *followed)
{
    Py_CLEAR(followed->discounts);
    Py_CLEAR(followed->steps);
    Py_CLEAR(followed->field);
}

/* The number of a field; -1 for None, -2 where the taker has no such field. */
static Py_ssize_t number_of_field(PyObject *taker, PyObject *key)
{
    Py_ssize_t number = key == Py_None ? -1 : row_taker_field((RowTaker *)taker, key);
    return number < 0 && key != Py_None ? -2 : number;
}

/* Takes in (numbers, names of the same, name of the next observation); 0, or -1 with an exception. */
static int take_in(FastSteps *self, PyObject *taker, PyObject *plan)
{
    PyObject *numbers, *names, *next;
    if (!PyTuple_Check(plan) || !PyArg_ParseTuple(plan, "O!O!O;a plan is (numbers, names, next)", &PyTuple_Type,
                                                  &numbers, &PyTuple_Type, &names, &next) ||
        PyTuple_Size(numbers) != PLAN || PyTuple_Size(names) != PLAN) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "look() must return None or (4 arrays, 4 names, a name)");
        }
        return -1;
    }
    int known = (self->next = number_of_field(taker, next)) != -2;
    for (int i = 0; i < PLAN; i++) {
        self->field[i] = number_of_field(taker, PyTuple_GetItem(names, i));
        known &= self->field[i] != -2 && (self->field[i] < 0) == (PyTuple_GetItem(numbers, i) == Py_None);
    }
    self->numbers = known && self->field[0] >= 0 ? Py_NewRef(numbers) : NULL;
    return 0;
}

int steps_open(PyObject *op, PyObject *taker)
{
    FastSteps *self = (FastSteps *)op;
    if (taker != self->taker) {
        Py_CLEAR(self->taker);
        Py_CLEAR(self->numbers);
        PyObject *plan = PyObject_CallFunctionObjArgs(self->look, NULL);
        int done = !plan ? -1 : plan == Py_None ? 0 : take_in(self, taker, plan);
        Py_XDECREF(plan);
        if (done < 0) {
            return -1;
        }
        self->taker = Py_NewRef(taker);
    }
    return self->numbers != NULL;
}

/* Numbers as a new column of the reward, in its form. */
static PyArrayObject *in_form(FastSteps *self, const double *numbers, npy_intp count, int type)
{
    PyArray_Descr *dtype = PyArray_DescrFromType(type);
    PyArrayObject *column = row_taker_column((RowTaker *)self->taker, self->field[0], dtype, count);
    if (column && type == NPY_DOUBLE) {
        memcpy(PyArray_DATA(column), numbers, (size_t)count * sizeof *numbers);
    }
    for (npy_intp i = 0; column && type == NPY_FLOAT && i < count; i++) {
        DATA(float, column)[i] = (float)numbers[i];
    }
    return column;
}

/* New arrays for what is found; the flags go to `columns` at once. 0, or -1 with an exception. */
static int make_room(FastSteps *self, Returns *returns, PyArrayObject **columns, Followed *followed)
{
    followed->discounts = PyArray_SimpleNew(1, &returns->count, NPY_DOUBLE);
    followed->steps = PyArray_SimpleNew(1, &returns->count, NPY_INT64);
    if (!followed->discounts || !followed->steps) {
        return -1;
    }
    returns->discounts = DATA(double, (PyArrayObject *)followed->discounts);
    returns->steps = DATA(npy_int64, (PyArrayObject *)followed->steps);
    for (int f = 0; f < FLAGS; f++) {
        if (returns->flags[f].array) {
            PyArray_Descr *dtype = PyArray_DescrFromType(returns->flags[f].type);
            Py_ssize_t field = self->field[1 + f];
            columns[field] = row_taker_column((RowTaker *)self->taker, field, dtype, returns->count);
            if (!columns[field]) {
                return -1;
            }
            returns->ends[f] = PyArray_BYTES(columns[field]);
        }
    }
    return 0;
}

/* Follows from all slots: fills the columns of reward and flags, `last` and `followed`. */
static int follow(FastSteps *self, Returns *returns, PyArrayObject **columns, Followed *followed)
{
    double on_stack[ON_STACK];
    int type = returns->rewards.type == NPY_FLOAT ? NPY_FLOAT : NPY_DOUBLE;
    if (make_room(self, returns, columns, followed) < 0 ||
        !(returns->totals = room_for(on_stack, returns->count, sizeof *on_stack))) {
        return -1;
    }
    int done = returns_make(returns);
    if (done == 0) {
        columns[self->field[0]] = in_form(self, returns->totals, returns->count, type);
        followed->field = (PyObject *)in_form(self, returns->discounts, returns->count, type);
        done = columns[self->field[0]] && followed->field ? 0 : -1;
    }
    free_room(returns->totals, on_stack);
    return done;
}

PyObject *steps_take(PyObject *op, PyObject *op_taker, PyArrayObject *slots, Followed *followed)
{
    FastSteps *self = (FastSteps *)op;
    RowTaker *taker = (RowTaker *)op_taker;
    PyObject *following = PyObject_GetAttr(self->chains, self->following), *made = NULL;
    if (following && op_taker != self->taker) { /* by somebody who called without the lock of the store */
        PyErr_SetString(PyExc_RuntimeError, "the rows were exchanged while they were sampled");
        Py_CLEAR(following);
    }
    Returns returns;
    npy_int64 on_stack[ON_STACK];
    PyObject *arguments[3 + PLAN] = {following, NULL, self->powers};
    for (int i = 0; i < PLAN && following; i++) {
        arguments[3 + i] = PyTuple_GetItem(self->numbers, i);
    }
    if (following && returns_look_at(&returns, arguments, slots) == 0 &&
        (returns.last = room_for(on_stack, returns.count, sizeof *on_stack))) {
        PyArrayObject **columns = row_taker_columns(taker);
        if (columns && follow(self, &returns, columns, followed) == 0) {
            made = row_taker_take_but(taker, slots, columns, self->next, returns.last);
        }
        row_taker_let_go(taker, columns);
        free_room(returns.last, on_stack);
    }
    Py_XDECREF(following);
    return made;
}

/* Making one. */

static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"chains", "powers", "look", NULL};
    PyObject *chains, *powers, *look;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO:FastSteps", names, &chains, &powers, &look)) {
        return NULL;
    }
    FastSteps *self = (FastSteps *)new_object(type);
    if (!self) {
        return NULL;
    }
    self->chains = Py_NewRef(chains);
    self->powers = Py_NewRef(powers);
    self->look = Py_NewRef(look);
    if (!(self->following = PyUnicode_InternFromString("following"))) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    return (PyObject *)self;
}

int is_steps(PyObject *object)
{
    if ((newfunc)PyType_GetSlot(Py_TYPE(object), Py_tp_new) == make) {
        return 1;
    }
    PyErr_Format(PyExc_TypeError, "steps must be a FastSteps or None, got %R", (PyObject *)Py_TYPE(object));
    return 0;
}

OWNER(FastSteps, (void)0)

static PyType_Slot type_slots[] = {
    {Py_tp_doc, "FastSteps(chains, powers, look)\n--\n\n"
                "Follows what was drawn along ``chains.following``, for FastSample.\n\n"
                "``look()`` says what there is to read while the storage has the memory it has: (arrays by slot\n"
                "of reward, terminated, truncated, done; their names; that of the next observation), with None\n"
                "for what there is not. None in place of it: that is for the layer."},
    {Py_tp_new, make},
    {Py_tp_traverse, traverse},
    {Py_tp_dealloc, dealloc},
    {0, NULL},
};

static PyType_Spec spec = {
    "ding_buffer.kernels.compiled.FastSteps",
    sizeof(FastSteps),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    type_slots,
};

int add_fast_steps(PyObject *module) { return add_type(module, &spec); }
