/* FastPush: the whole of a push for the common case, and the way to the Python code for every other. */
#include "fast.h"
#include "push.h"

#define FIRST (1LL << 60) /* serial 0 is written as this number: structures/index_text.py */
#define PAGE_BITS 12      /* so many consecutive serials share all digits but the last three */

static const char *const SLOT_NAMES[N_SLOTS] = {"data", "index", "meta"};

/* Index texts. */

static PyObject *write_text(FastPush *self, long long serial)
{
    static const char DIGITS[] = "0123456789abcdef";
    unsigned long long number = (unsigned long long)serial + FIRST;
    int changed = PAGE_BITS / 4;
    if (serial >> PAGE_BITS != self->page) {
        self->page = serial >> PAGE_BITS;
        changed = SERIAL_DIGITS;
    }
    for (int place = TEXT_DIGITS - 1; place >= TEXT_DIGITS - changed; place--) {
        self->text[place] = DIGITS[number & 15];
        number >>= 4;
    }
    return PyUnicode_DecodeLatin1(self->text, TEXT_DIGITS, NULL);
}

static PyObject *get_prefix(PyObject *op, void *Py_UNUSED(closure))
{
    FastPush *self = (FastPush *)op;
    return PyUnicode_FromStringAndSize(self->text, self->prefixed ? PREFIX_DIGITS : 0);
}

static int set_prefix(PyObject *op, PyObject *value, void *Py_UNUSED(closure))
{
    FastPush *self = (FastPush *)op;
    Py_ssize_t length;
    const char *digits;
    if (value == NULL || !PyUnicode_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "prefix must be a str");
        return -1;
    }
    digits = PyUnicode_AsUTF8AndSize(value, &length);
    if (digits == NULL) {
        return -1;
    }
    if ((length != 0 && length != PREFIX_DIGITS) || strspn(digits, "0123456789abcdef") != (size_t)length) {
        PyErr_SetString(PyExc_ValueError, "prefix must be 16 hex digits, or empty");
        return -1;
    }
    memcpy(self->text, digits, (size_t)length);
    self->prefixed = length > 0;
    self->page = -1;
    return 0;
}

/* The fast case. */

int push_is_open(const FastPush *push, long long count)
{
    return push->alone && push->prefixed && push->ring != NULL && ring_is_plain(push->ring) &&
           ring_has_texts(push->ring, count) &&
           (push->late ? mutex_free(push->mutex) && ring_hears_later(push->ring, count) : mutex_passable(push->mutex));
}

void push_take(FastPush *push, long long count)
{
    (push->late ? ring_take_unheard : ring_take)(push->ring, count);
}

/* The slot to write, or -1 where the fast case does not apply. Runs no Python code. */
static long long slot_for(FastPush *self, PyObject *data, PyObject *meta)
{
    long long slot;
    if (!push_is_open(self, 1)) {
        return -1;
    }
    slot = ring_next_slot(self->ring);
    if (self->plan == NULL) {
        return slot <= PyList_Size(self->items) ? slot : -1;
    }
    return push_metas_fit(&self->metas, meta, (npy_intp)self->ring->capacity) &&
                   record_plan_accepts(self->plan, data, slot)
               ? slot
               : -1;
}

/* Puts the item into the list; *old gets what lay there. */
static int keep(FastPush *self, long long slot, PyObject *item, PyObject **old)
{
    if (slot == PyList_Size(self->items)) {
        return PyList_Append(self->items, item);
    }
    *old = Py_NewRef(PyList_GetItem(self->items, (Py_ssize_t)slot));
    return PyList_SetItem(self->items, (Py_ssize_t)slot, Py_NewRef(item));
}

/* The stored item; NULL without an exception: not the fast case, and nothing has changed; NULL with one. */
static PyObject *push_fast(FastPush *self, PyObject *data, PyObject *meta)
{
    PyObject *item, *text, *old = NULL;
    long long slot;
    if (!push_is_open(self, 1)) {
        return NULL;
    }
    /* Making what the collector knows may run it, and with it any Python code: so that comes first, and what
     * was looked at is looked at again. From there on nothing runs but this, as nothing lets the GIL go and
     * what is overwritten dies last: the lock need not be taken. */
    item = object_made(&self->maker);
    if (item == NULL) {
        return NULL;
    }
    *object_slot(&self->maker, item, META_SLOT) = meta = push_metas_made(&self->metas, data, meta);
    if (meta == NULL) {
        Py_DECREF(item);
        return NULL;
    }
    slot = slot_for(self, data, meta);
    if (slot < 0) {
        Py_DECREF(item);
        return NULL;
    }
    text = write_text(self, self->ring->next);
    if (text == NULL || (self->plan == NULL && keep(self, slot, item, &old) < 0)) {
        Py_XDECREF(text);
        Py_DECREF(item);
        return NULL;
    }
    if (self->plan != NULL) {
        record_plan_write(self->plan, slot);
        push_metas_write(&self->metas, meta, (npy_intp)self->ring->capacity, slot);
    }
    *object_slot(&self->maker, item, DATA_SLOT) = Py_NewRef(data);
    *object_slot(&self->maker, item, INDEX_SLOT) = text;
    push_take(self, 1);
    Py_XDECREF(old);
    return item;
}

/* Calling it. */

int read_item(PyObject *const *args, Py_ssize_t n_args, PyObject *names, PyObject *name, PyObject *meta_name,
              PyObject **item, PyObject **meta)
{
    Py_ssize_t n_names = names == NULL ? 0 : PyTuple_Size(names);
    *item = n_args > 0 ? args[0] : NULL;
    *meta = n_args > 1 ? args[1] : NULL;
    if (n_args > 2) {
        return 0;
    }
    for (Py_ssize_t place = 0; place < n_names; place++) {
        PyObject *given = PyTuple_GetItem(names, place);
        PyObject **argument = given == meta_name ? meta : given == name ? item : NULL;
        if (argument == NULL || *argument != NULL) {
            return 0;
        }
        *argument = args[n_args + place];
    }
    if (*meta == Py_None) {
        *meta = NULL;
    }
    return *item != NULL && (*meta == NULL || PyDict_CheckExact(*meta));
}

static PyObject *fast_push_push(PyObject *op, PyObject *const *args, Py_ssize_t n_args, PyObject *names)
{
    FastPush *self = (FastPush *)op;
    PyObject *data, *meta, *item;
    if (read_item(args, n_args, names, self->data_name, self->meta_name, &data, &meta)) {
        item = push_fast(self, data, meta);
        if (item != NULL || PyErr_Occurred()) {
            return item;
        }
    }
    return call_slow(self->slow, args, n_args, names);
}

/* Making one. */

static int is_one_of(PyTypeObject *type, PyObject *object, const char *name)
{
    PyObject *asked = type_beside(type, name);
    int is = asked == NULL ? -1 : PyObject_IsInstance(object, asked);
    if (is == 0) {
        PyErr_Format(PyExc_TypeError, "FastPush() needs a %s, got %R", name, (PyObject *)Py_TYPE(object));
    }
    Py_XDECREF(asked);
    return is == 1 ? 0 : -1;
}

/* The mutex itself or that of a lock around it. */
static Mutex *mutex_of(PyTypeObject *type, PyObject *lock)
{
    PyObject *mutex = PyObject_GetAttrString(lock, "mutex");
    if (mutex == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        mutex = Py_NewRef(lock);
    }
    if (mutex != NULL && is_one_of(type, mutex, "Mutex") < 0) {
        Py_CLEAR(mutex);
    }
    return (Mutex *)mutex;
}

static int learn(FastPush *self, PyTypeObject *type, PyObject *ring, PyObject *lock, PyObject *item_type,
                 PyObject *slow, PyObject *target, PyObject *versions)
{
    if (is_one_of(type, ring, "RingCounter") < 0) {
        return -1;
    }
    if (!PyCallable_Check(slow)) {
        PyErr_SetString(PyExc_TypeError, "FastPush() needs a callable as slow");
        return -1;
    }
    self->ring = (RingCounter *)Py_NewRef(ring);
    self->slow = Py_NewRef(slow);
    self->page = -1;
    self->mutex = mutex_of(type, lock);
    self->data_name = PyUnicode_InternFromString("data");
    self->meta_name = PyUnicode_InternFromString("meta");
    if (self->mutex == NULL || self->data_name == NULL || self->meta_name == NULL ||
        object_maker_init(&self->maker, (PyTypeObject *)item_type, SLOT_NAMES, N_SLOTS) < 0) {
        return -1;
    }
    if (PyTuple_Check(target)) {
        self->plan = record_plan_new(target, versions);
        return self->plan == NULL ? -1 : 0;
    }
    if (!PyList_CheckExact(target) || versions != Py_None) {
        PyErr_SetString(PyExc_TypeError, "the target is a list, without versions, or a tuple (fields, tables)");
        return -1;
    }
    self->items = Py_NewRef(target);
    return 0;
}

static PyObject *fast_push_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"ring",     "mutex", "item_type", "slow",   "target",
                            "versions", "metas", "key",       "intake", NULL};
    PyObject *ring, *lock, *item_type, *slow, *target, *self;
    PyObject *versions = Py_None, *metas = Py_None, *key = Py_None, *intake = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO!OO|OOOO:FastPush", names, &ring, &lock, &PyType_Type,
                                     &item_type, &slow, &target, &versions, &metas, &key, &intake)) {
        return NULL;
    }
    self = new_object(type);
    if (self != NULL && (learn((FastPush *)self, type, ring, lock, item_type, slow, target, versions) < 0 ||
                         push_metas_init(&((FastPush *)self)->metas, metas, key, intake) < 0)) {
        Py_CLEAR(self);
    }
    return self;
}

static int fast_push_traverse(PyObject *op, visitproc visit, void *arg)
{
    FastPush *self = (FastPush *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->ring);
    Py_VISIT(self->mutex);
    Py_VISIT(self->maker.type);
    Py_VISIT(self->slow);
    Py_VISIT(self->items);
    Py_VISIT(self->metas.values);
    Py_VISIT(self->metas.there);
    Py_VISIT(self->metas.intake);
    return 0;
}

static int fast_push_clear(PyObject *op)
{
    FastPush *self = (FastPush *)op;
    self->alone = 0; /* whoever still calls it goes the slow way */
    Py_CLEAR(self->ring);
    Py_CLEAR(self->slow);
    Py_CLEAR(self->items);
    push_metas_clear(&self->metas);
    return 0;
}

static void fast_push_dealloc(PyObject *op)
{
    FastPush *self = (FastPush *)op;
    PyObject_GC_UnTrack(op);
    fast_push_clear(op);
    Py_CLEAR(self->mutex);
    Py_CLEAR(self->maker.type);
    Py_CLEAR(self->data_name);
    Py_CLEAR(self->meta_name);
    if (self->plan != NULL) {
        record_plan_free(self->plan);
    }
    release_object(op);
}

static PyObject *fast_push_call(PyObject *op, PyObject *args, PyObject *kwargs)
{
    PyObject *push = PyObject_GetAttrString(op, "push");
    PyObject *result = push == NULL ? NULL : PyObject_Call(push, args, kwargs);
    Py_XDECREF(push);
    return result;
}

static PyObject *fast_push_reduce(PyObject *Py_UNUSED(op), PyObject *Py_UNUSED(args))
{
    PyErr_SetString(PyExc_TypeError, "cannot pickle 'FastPush' object");
    return NULL;
}

static PyMemberDef members[] = {
    {"alone", T_BOOL, offsetof(FastPush, alone), 0, "Whether a push concerns nobody but the storage at once."},
    {"late", T_BOOL, offsetof(FastPush, late), 0, "Whether others hear of it later: it is counted in the ring."},
    {"slow", T_OBJECT_EX, offsetof(FastPush, slow), READONLY, "What does every other push."},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"prefix", get_prefix, set_prefix, "First half of new index texts; empty: none are written here.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef methods[] = {
    {"push", (PyCFunction)(void (*)(void))fast_push_push, METH_FASTCALL | METH_KEYWORDS,
     "push($self, /, data, meta=None)\n--\n\nStores one item and returns it."},
    {"__reduce__", fast_push_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "FastPush(ring, mutex, item_type, slow, target, versions=None, metas=None, key=None, intake=None)\n"
                "--\n\nDoes a push that concerns nobody but the storage, and calls ``slow`` for any other."},
    {Py_tp_new, fast_push_new},
    {Py_tp_call, fast_push_call},
    {Py_tp_traverse, fast_push_traverse},
    {Py_tp_clear, fast_push_clear},
    {Py_tp_dealloc, fast_push_dealloc},
    {Py_tp_members, members},
    {Py_tp_getset, properties},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    "ding_buffer.kernels.compiled.FastPush",
    sizeof(FastPush),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    slots,
};

int add_push_types(PyObject *module)
{
    return add_mutex(module) < 0 || add_ring_counter(module) < 0 || add_stacker(module) < 0 ||
                   add_type(module, &spec) < 0
               ? -1
               : add_fast_extend(module);
}
