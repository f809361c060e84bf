/* What all files of the extension share: the ABI they are built for and how they look at arguments.

   The order in every function: first turn the arguments into arrays and numbers (which may run Python code of
   the caller), then check and look at memory, then compute. No Python code runs once a pointer was taken, and
   the GIL is let go only around loops that read nothing but memory that we hold a reference to. */

#ifndef DING_BUFFER_KERNELS_H
#define DING_BUFFER_KERNELS_H

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030A0000 /* one build for CPython 3.10 and all later ones */
#endif
#include <Python.h>

#define NPY_NO_DEPRECATED_API NPY_1_23_API_VERSION
#define NPY_TARGET_VERSION NPY_1_23_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL ding_buffer_kernels_array_api
#ifndef IMPORTS_ARRAY_API /* module.c alone */
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#include <string.h>

#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch((address), 0, 3)
#define PREFETCH_TO_WRITE(address) __builtin_prefetch((address), 1, 3)
#define INLINE static inline __attribute__((always_inline))
#else
#define PREFETCH(address) ((void)(address))
#define PREFETCH_TO_WRITE(address) ((void)(address))
#define INLINE static inline
#endif

/* Wider vectors where the processor has them, which is found out when the module starts. They add, multiply and
   round like the others: no result depends on them. */
#if defined(__x86_64__) && defined(__GNUC__) && defined(__SSE2__)
#define HAS_AVX2
extern int use_avx2; /* module.c */
#endif

#define CACHE_LINE 64
/* Rows, nodes or draws: a loop over more of them lets the GIL go (about 50 us). */
#define LONG_LOOP 4096
#define LONG_COPY (512 * 1024) /* the same for a copy, in bytes */
/* Temporary arrays up to this length live on the stack. */
#define ON_STACK 512

typedef PyObject *const *Arguments;

/* What a strict array must be. INT64 and UINT64 name the size, not the C type: long and long long both do. */
typedef enum { FLOAT64, INT64, UINT64, UINT8, BOOL } Kind;

/* arrays.c: each sets an exception and returns -1 or NULL where the argument is not what it must be. */
int count_is(Py_ssize_t given, Py_ssize_t right, const char *function);
int number_of(PyObject *argument, double *number);
/* Borrowed: a C-contiguous, aligned, native array of this kind; `dims` < 0 allows any number of dimensions. */
PyArrayObject *array_of(PyObject *argument, Kind kind, int dims, int writable, const char *name);
int is_dense(PyArrayObject *array, int writable, const char *name);
/* New references: whole numbers as flat int64, real numbers as float64 of any shape; converted where needed. */
PyArrayObject *integers_of(PyObject *argument, const char *name);
PyArrayObject *reals_of(PyObject *argument, const char *name);
int slots_fit(const npy_int64 *slots, npy_intp count, npy_int64 capacity);
int overlap(PyArrayObject *one, PyArrayObject *other);
int keep_apart(PyArrayObject *written, const char *name, PyArrayObject *other, const char *other_name);

#define DATA(type, array) ((type *)PyArray_DATA(array))

/* A temporary array of `count` things: `local` where they fit in, else from the heap; NULL: MemoryError is set. */
INLINE void *room_for(void *local, npy_intp count, size_t size)
{
    if (count <= ON_STACK) {
        return local;
    }
    void *heap = (size_t)count > (size_t)PY_SSIZE_T_MAX / size ? NULL : PyMem_Malloc((size_t)count * size);
    return heap ? heap : (void *)PyErr_NoMemory();
}

INLINE void free_room(void *room, const void *local)
{
    if (room != local) {
        PyMem_Free(room);
    }
}

/* powers.c: out[i] = (base[i] + addend) ** exponent; `out` may be `base`. Needs no GIL. */
void raise_to(const double *base, npy_intp count, double addend, double exponent, double *out);

/* The functions of the module. */
PyObject *tree_sum(PyObject *, Arguments, Py_ssize_t);
PyObject *tree_draw(PyObject *, Arguments, Py_ssize_t);
PyObject *weighed_draw(PyObject *, Arguments, Py_ssize_t);
PyObject *bounds(PyObject *, Arguments, Py_ssize_t);
PyObject *all_below(PyObject *, Arguments, Py_ssize_t);
PyObject *count_up(PyObject *, Arguments, Py_ssize_t);
PyObject *set_priorities(PyObject *, Arguments, Py_ssize_t);
PyObject *power(PyObject *, Arguments, Py_ssize_t);
PyObject *first_distinct(PyObject *, Arguments, Py_ssize_t);
PyObject *draw_starts(PyObject *, Arguments, Py_ssize_t);
PyObject *draw_distinct(PyObject *, Arguments, Py_ssize_t);
PyObject *gather(PyObject *, Arguments, Py_ssize_t);
PyObject *scatter(PyObject *, Arguments, Py_ssize_t);
PyObject *take_metas(PyObject *, Arguments, Py_ssize_t);
PyObject *take_objects(PyObject *, Arguments, Py_ssize_t);
PyObject *read_texts(PyObject *, Arguments, Py_ssize_t);
PyObject *walk(PyObject *, Arguments, Py_ssize_t);
PyObject *fold_rewards(PyObject *, Arguments, Py_ssize_t);
PyObject *n_step(PyObject *, Arguments, Py_ssize_t);
PyObject *relink(PyObject *, Arguments, Py_ssize_t);
PyObject *link_many(PyObject *, Arguments, Py_ssize_t);
PyObject *enter_runs(PyObject *, Arguments, Py_ssize_t);
PyObject *leave_runs(PyObject *, Arguments, Py_ssize_t);

/* types.c: adds a type to the module; 0, or -1 with an exception. */
int add_type(PyObject *module, PyType_Spec *spec);
/* A new object, all zero, of a type of the module, and its end. */
PyObject *new_object(PyTypeObject *type);
void release_object(PyObject *op);
/* A new reference to the type of this name in the module of `type`; NULL with an exception. */
PyObject *type_beside(PyTypeObject *type, const char *name);

/* crc.c: adds crc32 where the processor has what it takes; 0, or -1 with an exception. */
int add_crc32(PyObject *module);

/* push.c: adds its types to the module; 0, or -1 with an exception. */
int add_push_types(PyObject *module);

#endif
