/* Mutex: a re-entrant lock that C code can look at without a call.
 *
 * The protocol and the waiting are those of threading.RLock. After a fork it is, as an RLock, still held in
 * the child by the thread that forked if that one held it, and for ever if another did; `_at_fork_reinit`
 * makes it new. */
#include "push.h"

#include <math.h>
#ifdef _WIN32
#include <windows.h>
#else
#include <time.h>
#endif

#define MICROSECONDS 1e6
#define LONGEST 9223372036.0 /* seconds, as threading.TIMEOUT_MAX */

static double monotonic(void)
{
#ifdef _WIN32
    return (double)GetTickCount64() / 1e3;
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
#endif
}

int mutex_passable(const Mutex *mutex)
{
    return mutex->depth == 0 || mutex->owner == PyThread_get_thread_ident();
}

int mutex_free(const Mutex *mutex) { return mutex->depth == 0; }

static int is_owned(const Mutex *mutex)
{
    return mutex->depth > 0 && mutex->owner == PyThread_get_thread_ident();
}

/* Waits at most `seconds` (negative: for ever): 1, 0 when time is up, -1 with the exception of a signal. */
static int wait_for(Mutex *mutex, double seconds)
{
    double end = seconds > 0 ? monotonic() + seconds : 0.0;
    if (PyThread_acquire_lock_timed(mutex->lock, 0, 0) == PY_LOCK_ACQUIRED) {
        return 1;
    }
    while (seconds != 0) {
        PyLockStatus status;
        long long microseconds = seconds < 0 ? -1 : (long long)ceil(seconds * MICROSECONDS);
        Py_BEGIN_ALLOW_THREADS
        status = PyThread_acquire_lock_timed(mutex->lock, microseconds, 1);
        Py_END_ALLOW_THREADS
        if (status != PY_LOCK_INTR) {
            return status == PY_LOCK_ACQUIRED;
        }
        if (Py_MakePendingCalls() < 0) {
            return -1;
        }
        if (seconds > 0) {
            seconds = end - monotonic();
            if (seconds <= 0) {
                return 0;
            }
        }
    }
    return 0;
}

/* 1 taken, 0 not within the time, -1 with an exception. */
static int take(Mutex *mutex, double seconds)
{
    int taken;
    if (is_owned(mutex)) {
        if (mutex->depth == PY_SSIZE_T_MAX) {
            PyErr_SetString(PyExc_OverflowError, "Internal lock count overflowed");
            return -1;
        }
        mutex->depth += 1;
        return 1;
    }
    taken = wait_for(mutex, seconds);
    if (taken == 1) {
        mutex->owner = PyThread_get_thread_ident();
        mutex->depth = 1;
    }
    return taken;
}

static int give_back(Mutex *mutex)
{
    if (!is_owned(mutex)) {
        PyErr_SetString(PyExc_RuntimeError, "cannot release un-acquired lock");
        return -1;
    }
    mutex->depth -= 1;
    if (mutex->depth == 0) {
        mutex->owner = 0;
        PyThread_release_lock(mutex->lock);
    }
    return 0;
}

static int read_timeout(int blocking, PyObject *timeout, double *seconds)
{
    *seconds = timeout == NULL ? -1.0 : PyFloat_AsDouble(timeout);
    if (*seconds == -1.0 && PyErr_Occurred()) {
        return -1;
    }
    if (!blocking && *seconds != -1.0) {
        PyErr_SetString(PyExc_ValueError, "can't specify a timeout for a non-blocking call");
        return -1;
    }
    if (isnan(*seconds) || (*seconds < 0 && *seconds != -1.0)) {
        PyErr_SetString(PyExc_ValueError, "timeout value must be a non-negative number");
        return -1;
    }
    if (*seconds > LONGEST) {
        PyErr_SetString(PyExc_OverflowError, "timeout value is too large");
        return -1;
    }
    if (!blocking) {
        *seconds = 0.0;
    }
    return 0;
}

static PyObject *mutex_acquire(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"blocking", "timeout", NULL};
    int blocking = 1, taken;
    PyObject *timeout = NULL;
    double seconds;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|pO:acquire", names, &blocking, &timeout) ||
        read_timeout(blocking, timeout, &seconds) < 0) {
        return NULL;
    }
    taken = take((Mutex *)op, seconds);
    return taken < 0 ? NULL : PyBool_FromLong(taken);
}

static PyObject *mutex_enter(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return take((Mutex *)op, -1.0) < 0 ? NULL : PyBool_FromLong(1);
}

static PyObject *mutex_release(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    if (give_back((Mutex *)op) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *mutex_exit(PyObject *op, PyObject *Py_UNUSED(args))
{
    return mutex_release(op, NULL);
}

static PyObject *mutex_is_owned(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(is_owned((Mutex *)op));
}

static PyObject *mutex_release_save(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Mutex *mutex = (Mutex *)op;
    PyObject *state;
    if (!is_owned(mutex)) {
        PyErr_SetString(PyExc_RuntimeError, "cannot release un-acquired lock");
        return NULL;
    }
    state = Py_BuildValue("(nk)", mutex->depth, mutex->owner);
    if (state != NULL) {
        mutex->depth = 1;
        give_back(mutex);
    }
    return state;
}

static PyObject *mutex_acquire_restore(PyObject *op, PyObject *state)
{
    Mutex *mutex = (Mutex *)op;
    Py_ssize_t depth;
    unsigned long owner;
    if (!PyTuple_Check(state)) {
        PyErr_SetString(PyExc_TypeError, "_acquire_restore() takes what _release_save() returned");
        return NULL;
    }
    if (!PyArg_ParseTuple(state, "nk:_acquire_restore", &depth, &owner)) {
        return NULL;
    }
    if (depth < 1) {
        PyErr_SetString(PyExc_ValueError, "a lock is held at least once");
        return NULL;
    }
    /* Not interruptible, as with an RLock: whoever called wait() must hold the lock when it returns. */
    if (!PyThread_acquire_lock(mutex->lock, 0)) {
        Py_BEGIN_ALLOW_THREADS
        PyThread_acquire_lock(mutex->lock, 1);
        Py_END_ALLOW_THREADS
    }
    mutex->owner = owner;
    mutex->depth = depth;
    Py_RETURN_NONE;
}

static PyObject *mutex_at_fork_reinit(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Mutex *mutex = (Mutex *)op;
    PyThread_type_lock lock = PyThread_allocate_lock();
    if (lock == NULL) {
        return PyErr_NoMemory();
    }
    /* The old one is left alone: threads that no longer exist may have waited on it. */
    mutex->lock = lock;
    mutex->owner = 0;
    mutex->depth = 0;
    Py_RETURN_NONE;
}

static PyObject *mutex_reduce(PyObject *op, PyObject *Py_UNUSED(args))
{
    (void)op;
    PyErr_SetString(PyExc_TypeError, "cannot pickle 'Mutex' object");
    return NULL;
}

static PyObject *mutex_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {NULL};
    Mutex *mutex;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":Mutex", names)) {
        return NULL;
    }
    mutex = (Mutex *)new_object(type);
    if (mutex != NULL) {
        mutex->lock = PyThread_allocate_lock();
        if (mutex->lock == NULL) {
            Py_DECREF(mutex);
            return PyErr_NoMemory();
        }
    }
    return (PyObject *)mutex;
}

static void mutex_dealloc(PyObject *op)
{
    Mutex *mutex = (Mutex *)op;
    if (mutex->lock != NULL) {
        if (mutex->depth > 0) {
            PyThread_release_lock(mutex->lock); /* a held lock must not be freed */
        }
        PyThread_free_lock(mutex->lock);
    }
    release_object(op);
}

static PyMethodDef methods[] = {
    {"acquire", (PyCFunction)(void (*)(void))mutex_acquire, METH_VARARGS | METH_KEYWORDS,
     "acquire($self, /, blocking=True, timeout=-1)\n--\n\nTakes the lock; its owner may take it again."},
    {"release", mutex_release, METH_NOARGS,
     "release($self, /)\n--\n\nGives back one ``acquire``; ``RuntimeError`` for all but the owner."},
    {"__enter__", mutex_enter, METH_NOARGS, NULL},
    {"__exit__", mutex_exit, METH_VARARGS, NULL},
    {"_is_owned", mutex_is_owned, METH_NOARGS, "Returns whether this thread holds it."},
    {"_release_save", mutex_release_save, METH_NOARGS, "Gives it back wholly; returns how it was held."},
    {"_acquire_restore", mutex_acquire_restore, METH_O, "Takes it as it was held."},
    {"_at_fork_reinit", mutex_at_fork_reinit, METH_NOARGS, "Makes it a new lock, in a forked child."},
    {"__reduce__", mutex_reduce, METH_NOARGS, "Refuses."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Mutex()\n--\n\nIs a re-entrant lock with the protocol of ``threading.RLock``."},
    {Py_tp_new, mutex_new},
    {Py_tp_dealloc, mutex_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    "ding_buffer.kernels.compiled.Mutex", sizeof(Mutex), 0, Py_TPFLAGS_DEFAULT, slots,
};

int add_mutex(PyObject *module) { return add_type(module, &spec); }
