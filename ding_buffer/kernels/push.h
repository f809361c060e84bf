/* What the parts of the fast push know of each other. */
#ifndef DING_BUFFER_PUSH_H
#define DING_BUFFER_PUSH_H

#include "kernels.h"
#include "object_maker.h"
#include "push_metas.h"

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
    long long unheard, displaced; /* of the newest items; of these, those that took the place of an older one */
    char dense;
} RingCounter;

/* Where a dict of arrays and scalars goes; opaque, see record_writer.c. */
typedef struct RecordPlan RecordPlan;

enum { DATA_SLOT, INDEX_SLOT, META_SLOT, N_SLOTS };
#define PREFIX_DIGITS 16
#define SERIAL_DIGITS 16
#define TEXT_DIGITS (PREFIX_DIGITS + SERIAL_DIGITS)

typedef struct {
    PyObject_HEAD
    RingCounter *ring;
    Mutex *mutex;
    ObjectMaker maker;
    PyObject *slow;
    PyObject *items;  /* a list, or NULL where there is */
    RecordPlan *plan; /* a plan */
    PushMetas metas;
    PyObject *data_name, *meta_name;
    char alone, late, prefixed;
    long long page;           /* that `text` was last written for, -1: none */
    char text[TEXT_DIGITS];
} FastPush;

/* 1 where so many new items concern nobody but the storage now, and slots are arithmetic; else 0. Runs nothing. */
int push_is_open(const FastPush *push, long long count);
/* Lets the ring go on by what was just written. */
void push_take(FastPush *push, long long count);
/* 1 where the arguments of a call are one, under this name or the first, and a meta: a dict, or NULL for none. */
int read_item(PyObject *const *args, Py_ssize_t n_args, PyObject *names, PyObject *name, PyObject *meta_name,
              PyObject **item, PyObject **meta);

int add_fast_extend(PyObject *module);
int add_mutex(PyObject *module);
int add_ring_counter(PyObject *module);
int add_stacker(PyObject *module);

/* 1 where no other thread holds it. */
int mutex_passable(const Mutex *mutex);
/* 1 where nobody holds it. */
int mutex_free(const Mutex *mutex);

/* 1 where the next slots are plain arithmetic and a serial still fits an index text; 1 where so many do. */
int ring_is_plain(const RingCounter *ring);
int ring_has_texts(const RingCounter *ring, long long count);
/* The slot advance() would return, and the taking of so many. Both only after ring_is_plain. */
long long ring_next_slot(const RingCounter *ring);
void ring_take(RingCounter *ring, long long count);
/* The same for items that some have not heard of yet; only while there are fewer of them than room for. */
int ring_hears_later(const RingCounter *ring, long long count);
void ring_take_unheard(RingCounter *ring, long long count);

/* A plan of (fields, tables) and versions (int64 array or None); NULL with an exception. */
RecordPlan *record_plan_new(PyObject *target, PyObject *versions);
/* A plan of a tuple of fields that lie nowhere yet. */
RecordPlan *record_plan_of(PyObject *fields);
void record_plan_free(RecordPlan *plan);
/* Notes the values of `data` where it fits the plan and the slot: 1, else 0. Runs no Python code, sets no
 * exception, writes nothing. The notes are borrowed: write before anything else runs. */
int record_plan_accepts(RecordPlan *plan, PyObject *data, long long slot);
/* Notes the values of `data` where it fits the fields, wherever they lie; otherwise the same. */
int record_plan_fits(RecordPlan *plan, PyObject *data);
/* The same for a dict of columns: each value has any number of rows of its field. The notes are the arrays. */
int record_plan_fits_columns(RecordPlan *plan, PyObject *data);
/* Copies what was just accepted into row `row` of columns, one for each field. */
void record_plan_copy(const RecordPlan *plan, char *const *columns, Py_ssize_t row);
/* Writes what was just accepted. */
void record_plan_write(RecordPlan *plan, long long slot);

#endif
