/* Making a BufferedBatch and the names of its items, as their constructors in Python do. */

#include "batch_maker.h"

enum { ABSENT, DATA_OF, INDEX_OF, LENGTHS, MASK, META_OF, SLOTS_OF, WRAP, N_BATCH };
enum { SERIALS, TEXT, N_INDEX };
enum { LATER_SLOTS, FIRST, BASE, CAPACITY, N_LATER };

static const char *const BATCH[N_BATCH] = {"absent", "data", "index", "lengths", "mask", "meta", "slots", "_wrap"};
static const char *const INDEX[N_INDEX] = {"_serials", "text"};
static const char *const LATER[N_LATER] = {"slots", "first", "base", "capacity"};

int batch_maker_init(BatchMaker *maker, PyObject *batch, PyObject *index, PyObject *later)
{
    return object_maker_init(&maker->batch, (PyTypeObject *)batch, BATCH, N_BATCH) < 0 ||
                   object_maker_init(&maker->index, (PyTypeObject *)index, INDEX, N_INDEX) < 0 ||
                   object_maker_init(&maker->later, (PyTypeObject *)later, LATER, N_LATER) < 0
               ? -1
               : 0;
}

void batch_maker_clear(BatchMaker *maker)
{
    Py_CLEAR(maker->batch.type);
    Py_CLEAR(maker->index.type);
    Py_CLEAR(maker->later.type);
}

/* What computes the serials of the slots when somebody asks. */
static PyObject *make_later(const BatchMaker *maker, const RingCounter *ring, PyObject *slots)
{
    PyObject *made = object_made(&maker->later);
    if (made) {
        *object_slot(&maker->later, made, LATER_SLOTS) = Py_NewRef(slots);
        *object_slot(&maker->later, made, FIRST) = PyLong_FromLongLong(ring->first);
        *object_slot(&maker->later, made, BASE) = PyLong_FromLongLong(ring->base);
        *object_slot(&maker->later, made, CAPACITY) = PyLong_FromLongLong(ring->capacity);
    }
    if (PyErr_Occurred()) {
        Py_CLEAR(made);
    }
    return made;
}

PyObject *make_index(const BatchMaker *maker, const RingCounter *ring, PyObject *slots, PyObject *text)
{
    PyObject *later = make_later(maker, ring, slots);
    PyObject *made = later ? object_made(&maker->index) : NULL;
    if (made) {
        *object_slot(&maker->index, made, SERIALS) = Py_NewRef(later);
        *object_slot(&maker->index, made, TEXT) = Py_NewRef(text);
    }
    Py_XDECREF(later);
    return made;
}

PyObject *make_batch(const BatchMaker *maker, PyObject *data, PyObject *slots, PyObject *index, PyObject *meta,
                     PyObject *absent)
{
    PyObject *made = object_made(&maker->batch);
    PyObject *values[N_BATCH] = {absent, data, index, Py_None, Py_None, meta, slots, Py_None};
    for (int i = 0; made && i < N_BATCH; i++) {
        *object_slot(&maker->batch, made, i) = Py_NewRef(values[i]);
    }
    return made;
}
