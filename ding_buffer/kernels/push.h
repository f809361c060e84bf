/* What the parts of the fast push know of each other. */
#ifndef DING_BUFFER_PUSH_H
#define DING_BUFFER_PUSH_H

#include "kernels.h"

#include <pythread.h>
#include <structmember.h>

/* A re-entrant lock. `owner` is set and cleared under the interpreter lock only. */
typedef struct {
    PyObject_HEAD
    PyThread_type_lock lock;
    unsigned long owner;
    Py_ssize_t depth; /* 0: free, and `owner` means nothing */
} Mutex;

/* Which serial comes next and where it goes. Attributes are writable: check them before trusting them. */
typedef struct {
    PyObject_HEAD
    long long capacity, next, count, first, base;
    char dense;
} RingCounter;

/* Where a dict of arrays and scalars goes; opaque, see record_writer.c. */
typedef struct RecordPlan RecordPlan;

enum { DATA_SLOT, INDEX_SLOT, META_SLOT, N_SLOTS };

typedef struct {
    PyTypeObject *type;
    allocfunc alloc;
    Py_ssize_t slots[N_SLOTS]; /* where in an item they lie, in bytes */
} ItemMaker;

/* Learns how items of a type with these slots are laid out; 0, or -1 with an exception. Owns the type then. */
int item_maker_init(ItemMaker *maker, PyTypeObject *type);

INLINE PyObject **item_slot(const ItemMaker *maker, PyObject *item, int which)
{
    return (PyObject **)((char *)item + maker->slots[which]);
}

int add_mutex(PyObject *module);
int add_ring_counter(PyObject *module);

/* 1 where no other thread holds it. */
int mutex_passable(const Mutex *mutex);

/* 1 where the next slot is plain arithmetic and the serial still fits an index text. */
int ring_is_plain(const RingCounter *ring);
/* The slot advance() would return, and its taking. Both only after ring_is_plain. */
long long ring_next_slot(const RingCounter *ring);
void ring_take(RingCounter *ring);

/* A plan of (fields, tables) and versions (int64 array or None); NULL with an exception. */
RecordPlan *record_plan_new(PyObject *target, PyObject *versions);
void record_plan_free(RecordPlan *plan);
/* Notes the values of `data` where it fits the plan and the slot: 1, else 0. Runs no Python code, sets no
 * exception, writes nothing. The notes are borrowed: write before anything else runs. */
int record_plan_accepts(RecordPlan *plan, PyObject *data, long long slot);
/* Writes what was just accepted. */
void record_plan_write(RecordPlan *plan, long long slot);

#endif
