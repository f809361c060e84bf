/* TreeSums: the sums of a tree, kept in step with its leaves.

   It remembers which leaves were written, and sums the nodes above them when somebody reads a sum: all of it by
   the functions of the module, without the way through Python between them. */

#include "random_bits.h"
#include "tree.h"

#define PENDING 4096 /* nodes that wait to be summed, at the most */
#define SHIFT 4      /* FAN_OUT as a power of 2 */

typedef struct {
    PyObject_HEAD
    PyObject *levels, *lows, *starts;
    PyObject *total, *lowest; /* as of the last sum, floats */
    npy_int64 *pending;
    npy_intp count, leaves;
    BitSource source;
} TreeSums;

/* Sums the named nodes just above the leaves, and all above those; NULL: every node. */
static int sum_above(TreeSums *self, PyObject *nodes)
{
    PyObject *arguments[] = {self->levels, self->lows, self->starts, nodes ? nodes : Py_None};
    PyObject *sums = tree_sum(NULL, arguments, 4);
    if (!sums) {
        return -1;
    }
    Py_XDECREF(self->total);
    Py_XDECREF(self->lowest);
    self->total = Py_NewRef(PyTuple_GetItem(sums, 0));
    self->lowest = Py_NewRef(PyTuple_GetItem(sums, 1));
    Py_DECREF(sums);
    return 0;
}

static int settle(TreeSums *self)
{
    npy_intp count = self->count;
    if (!count) {
        return 0;
    }
    self->count = 0;
    PyObject *nodes = PyArray_SimpleNewFromData(1, &count, NPY_INT64, self->pending);
    int done = nodes ? sum_above(self, nodes) : -1;
    Py_XDECREF(nodes);
    return done;
}

/* Remembers that the leaves of these slots, which fit, were written. */
static int mark_all(TreeSums *self, const npy_int64 *slots, npy_intp count)
{
    if (count > PENDING) {
        PyObject *nodes = settle(self) < 0 ? NULL : PyArray_SimpleNew(1, &count, NPY_INT64);
        for (npy_intp i = 0; nodes && i < count; i++) {
            DATA(npy_int64, (PyArrayObject *)nodes)[i] = slots[i] >> SHIFT;
        }
        int done = nodes ? sum_above(self, nodes) : -1;
        Py_XDECREF(nodes);
        return done;
    }
    if (self->count + count > PENDING && settle(self) < 0) {
        return -1;
    }
    for (npy_intp i = 0; i < count; i++) {
        self->pending[self->count++] = slots[i] >> SHIFT;
    }
    return 0;
}

static PyObject *mark(PyObject *op, PyObject *argument)
{
    TreeSums *self = (TreeSums *)op;
    PyArrayObject *slots = integers_of(argument, "slots");
    int done = -1;
    if (slots && slots_fit(DATA(npy_int64, slots), PyArray_SIZE(slots), self->leaves) == 0) {
        done = mark_all(self, DATA(npy_int64, slots), PyArray_SIZE(slots));
    }
    Py_XDECREF((PyObject *)slots);
    return done < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *mark_one(PyObject *op, PyObject *argument)
{
    TreeSums *self = (TreeSums *)op;
    npy_int64 slot = PyLong_AsLongLong(argument);
    if ((slot == -1 && PyErr_Occurred()) || slots_fit(&slot, 1, self->leaves) < 0 || mark_all(self, &slot, 1) < 0) {
        return NULL;
    }
    return Py_NewRef(Py_None);
}

static PyObject *sum_all(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    TreeSums *self = (TreeSums *)op;
    self->count = 0;
    return sum_above(self, NULL) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *find(PyObject *op, PyObject *targets)
{
    TreeSums *self = (TreeSums *)op;
    PyObject *arguments[] = {self->levels, self->starts, targets};
    return settle(self) < 0 ? NULL : tree_draw(NULL, arguments, 3);
}

int tree_sums_has_mass(PyObject *op)
{
    TreeSums *self = (TreeSums *)op;
    return settle(self) < 0 ? -1 : PyFloat_AsDouble(self->total) > 0.0;
}

PyObject *tree_sums_draw(PyObject *op, PyObject *rng, npy_intp count, Weighing how)
{
    TreeSums *self = (TreeSums *)op;
    if (settle(self) < 0) {
        return NULL;
    }
    how.total = PyFloat_AsDouble(self->total);
    how.least = PyFloat_AsDouble(self->lowest);
    if (how.total == 0.0) {
        return Py_NewRef(Py_None);
    }
    PyArrayObject *points = (PyArrayObject *)PyArray_SimpleNew(1, &count, NPY_DOUBLE);
    Bits bits;
    int drawn = points ? bits_take(&self->source, rng, &bits) : -1;
    if (drawn == 0) {
        draw_points(&bits, DATA(double, points), count);
        drawn = bits_give(&bits);
    }
    PyObject *result = drawn == 0 ? draw_weighed(self->levels, self->starts, points, &how) : NULL;
    Py_XDECREF((PyObject *)points);
    return result;
}

static PyObject *draw(PyObject *op, PyObject *const *args, Py_ssize_t given)
{
    Weighing how = {.wanted = NULL};
    npy_intp count;
    if (count_is(given, 4, "draw") < 0 || ((count = PyLong_AsSsize_t(args[1])) == -1 && PyErr_Occurred())) {
        return NULL;
    }
    if (count < 0) {
        PyErr_Format(PyExc_ValueError, "cannot draw %zd leaves", (Py_ssize_t)count);
        return NULL;
    }
    if ((how.stratified = PyObject_IsTrue(args[2])) < 0 || number_of(args[3], &how.exponent) < 0) {
        return NULL;
    }
    return tree_sums_draw(op, args[0], count, how);
}

static PyObject *weigh(PyObject *op, PyObject *const *args, Py_ssize_t given)
{
    TreeSums *self = (TreeSums *)op;
    if (count_is(given, 7, "weigh") < 0) {
        return NULL;
    }
    PyArrayObject *slots = integers_of(args[2], "slots");
    PyObject *leaves = PySequence_GetItem(self->levels, 0), *became = NULL;
    if (slots && leaves) {
        PyObject *arguments[] = {leaves,  args[0], args[1], (PyObject *)slots,
                                 args[3], args[4], args[5], args[6]};
        became = set_priorities(NULL, arguments, 8);
    }
    if (became && mark_all(self, DATA(npy_int64, slots), PyArray_SIZE(slots)) < 0) {
        Py_CLEAR(became);
    }
    Py_XDECREF(leaves);
    Py_XDECREF((PyObject *)slots);
    return became;
}

static PyObject *get_total(PyObject *op, void *Py_UNUSED(closure))
{
    TreeSums *self = (TreeSums *)op;
    return settle(self) < 0 ? NULL : Py_NewRef(self->total);
}

static PyObject *get_lowest(PyObject *op, void *Py_UNUSED(closure))
{
    TreeSums *self = (TreeSums *)op;
    return settle(self) < 0 ? NULL : Py_NewRef(self->lowest);
}

static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"levels", "lows", "starts", NULL};
    PyObject *levels, *lows, *starts;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!O:TreeSums", names, &PyTuple_Type, &levels, &PyTuple_Type,
                                     &lows, &starts)) {
        return NULL;
    }
    TreeSums *self = (TreeSums *)new_object(type);
    if (!self) {
        return NULL;
    }
    self->levels = Py_NewRef(levels);
    self->lows = Py_NewRef(lows);
    self->starts = Py_NewRef(starts);
    self->pending = PyMem_Malloc(PENDING * sizeof *self->pending);
    if (!self->pending) {
        PyErr_NoMemory();
    }
    npy_intp none = 0;
    PyObject *nodes = self->pending ? PyArray_SimpleNew(1, &none, NPY_INT64) : NULL;
    int done = nodes ? sum_above(self, nodes) : -1;
    Py_XDECREF(nodes);
    if (done < 0) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    self->leaves = PyArray_SIZE((PyArrayObject *)PyTuple_GetItem(levels, 0)); /* an array, or nothing was summed */
    return (PyObject *)self;
}

static void dealloc(PyObject *op)
{
    TreeSums *self = (TreeSums *)op;
    Py_XDECREF(self->levels);
    Py_XDECREF(self->lows);
    Py_XDECREF(self->starts);
    Py_XDECREF(self->total);
    Py_XDECREF(self->lowest);
    bit_source_clear(&self->source);
    PyMem_Free(self->pending);
    release_object(op);
}

static PyGetSetDef properties[] = {
    {"total", get_total, NULL, "The sum of all leaves.", NULL},
    {"lowest", get_lowest, NULL, "The smallest positive leaf, +inf where there is none.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

#define METHOD(name, function, flags, doc) {name, (PyCFunction)(void (*)(void))function, flags, PyDoc_STR(doc)}

static PyMethodDef methods[] = {
    METHOD("mark", mark, METH_O, "mark($self, slots, /)\n--\n\nRemembers that the leaves of these slots were written."),
    METHOD("mark_one", mark_one, METH_O, "mark_one($self, slot, /)\n--\n\nRemembers that one leaf was written."),
    METHOD("sum_all", sum_all, METH_NOARGS, "sum_all($self, /)\n--\n\nSums every node anew."),
    METHOD("find", find, METH_O,
           "find($self, targets, /)\n--\n\nReturns the leaf under each point of the prefix sum; int64."),
    METHOD("draw", draw, METH_FASTCALL,
           "draw($self, rng, n, stratified, exponent, /)\n--\n\n"
           "Draws n leaves with rng.random(n); returns them, and (mass / lowest) ** exponent of each.\n\n"
           "None where all leaves are zero."),
    METHOD("weigh", weigh, METH_FASTCALL,
           "weigh($self, priorities, live, slots, given, epsilon, alpha, highest, /)\n--\n\n"
           "Writes masses and priorities as ``set_priorities`` does, and marks their leaves."),
    {NULL, NULL, 0, NULL},
};

static PyType_Slot type_slots[] = {
    {Py_tp_doc, "TreeSums(levels, lows, starts)\n--\n\nKeeps the sums of a tree, which are right but for the top, in step with its "
                "leaves."},
    {Py_tp_new, make},
    {Py_tp_dealloc, dealloc},
    {Py_tp_getset, properties},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    "ding_buffer.kernels.compiled.TreeSums",
    sizeof(TreeSums),
    0,
    Py_TPFLAGS_DEFAULT,
    type_slots,
};

int add_tree_sums(PyObject *module) { return add_type(module, &spec); }
