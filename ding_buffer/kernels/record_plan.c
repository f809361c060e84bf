/* Making the plan of a record: everything is checked here, once. */
#include "record_plan.h"

/* The kinds of numbers a record may hold. */
static const struct {
    int type_num;
    Family family;
    Py_ssize_t itemsize;
} KINDS[] = {
    {NPY_BOOL, BOOLEAN, sizeof(npy_bool)},
    {NPY_BYTE, SIGNED, sizeof(npy_byte)},
    {NPY_SHORT, SIGNED, sizeof(npy_short)},
    {NPY_INT, SIGNED, sizeof(npy_int)},
    {NPY_LONG, SIGNED, sizeof(npy_long)},
    {NPY_LONGLONG, SIGNED, sizeof(npy_longlong)},
    {NPY_UBYTE, UNSIGNED, sizeof(npy_ubyte)},
    {NPY_USHORT, UNSIGNED, sizeof(npy_ushort)},
    {NPY_UINT, UNSIGNED, sizeof(npy_uint)},
    {NPY_ULONG, UNSIGNED, sizeof(npy_ulong)},
    {NPY_ULONGLONG, UNSIGNED, sizeof(npy_ulonglong)},
    {NPY_HALF, FLOATING, sizeof(npy_half)},
    {NPY_FLOAT, FLOATING, sizeof(npy_float)},
    {NPY_DOUBLE, FLOATING, sizeof(npy_double)},
};
#define N_KINDS ((int)(sizeof KINDS / sizeof KINDS[0]))

int array_holds(PyArrayObject *array, int type_num, int ndim, long long slot)
{
    const int asked = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_WRITEABLE | NPY_ARRAY_ALIGNED;
    int given = PyArray_TYPE(array);
    if (given == NPY_LONGLONG && sizeof(npy_longlong) == sizeof(npy_int64)) {
        given = NPY_INT64; /* two names for one thing */
    }
    return given == type_num && (PyArray_FLAGS(array) & asked) == asked &&
           PyArray_ISNOTSWAPPED(array) && PyArray_NDIM(array) == ndim && slot < PyArray_DIM(array, 0);
}

static int read_kind(Field *field, PyObject *dtype)
{
    long number = -1;
    PyArray_Descr *descr;
    int place;
    if (PyUnicode_Check(dtype) && PyUnicode_GetLength(dtype) == 1) {
        number = (long)PyUnicode_ReadChar(dtype, 0);
    }
    descr = number < 1 || number > 127 ? NULL : PyArray_DescrFromType((int)number);
    if (descr != NULL) {
        field->type_num = field->alias = descr->type_num;
        Py_DECREF(descr);
        for (place = 0; place < N_KINDS; place++) {
            if (KINDS[place].type_num == field->type_num) {
                field->family = KINDS[place].family;
                field->itemsize = KINDS[place].itemsize;
                break;
            }
        }
        if (place < N_KINDS) {
            for (place = 0; place < N_KINDS; place++) {
                if (KINDS[place].family == field->family && KINDS[place].itemsize == field->itemsize &&
                    KINDS[place].type_num != field->type_num) {
                    field->alias = KINDS[place].type_num;
                }
            }
            field->scalar = (PyTypeObject *)PyArray_TypeObjectFromType(field->type_num);
            field->namesake = (PyTypeObject *)PyArray_TypeObjectFromType(field->alias);
            return field->scalar != NULL && field->namesake != NULL ? 0 : -1;
        }
    }
    PyErr_Format(PyExc_ValueError, "field %R: %R is not a kind of number that is written here", field->key, dtype);
    return -1;
}

static int read_shape(Field *field, PyObject *shape, Py_ssize_t count)
{
    Py_ssize_t product = 1, ndim = PyTuple_Size(shape);
    field->ndim = (int)ndim;
    field->shape = PyMem_Calloc(ndim + 1, sizeof(npy_intp));
    if (field->shape == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t axis = 0; axis < ndim; axis++) {
        Py_ssize_t length = PyLong_AsSsize_t(PyTuple_GetItem(shape, axis));
        if (length == -1 && PyErr_Occurred()) {
            return -1;
        }
        if (length < 0 || (length > 0 && product > PY_SSIZE_T_MAX / length)) {
            product = -1;
            break;
        }
        product *= length;
        field->shape[axis] = length;
    }
    if (product < 0 || product != count || ndim > 32) {
        PyErr_Format(PyExc_ValueError, "field %R: shape %R does not have %zd elements", field->key, shape, count);
        return -1;
    }
    return 0;
}

static int check_place(const RecordPlan *plan, const Field *field)
{
    npy_intp width;
    if (field->table < 0 || field->table >= plan->n_tables) {
        PyErr_Format(PyExc_ValueError, "field %R: there is no table %zd", field->key, field->table);
        return -1;
    }
    width = plan->tables[field->table].width;
    if (field->offset < 0 || field->offset > width || field->nbytes > width - field->offset) {
        PyErr_Format(PyExc_ValueError, "field %R reaches beyond the %zd bytes of a row", field->key,
                     (Py_ssize_t)width);
        return -1;
    }
    return 0;
}

/* Without tables a field has no place: its tuple ends with the shape. */
static int read_field(RecordPlan *plan, Field *field, PyObject *given)
{
    PyObject *key, *dtype, *shape;
    Py_ssize_t itemsize, count;
    if (!PyTuple_Check(given)) {
        PyErr_Format(PyExc_TypeError, "a field is a tuple (key, dtype, itemsize, count, shape%s)",
                     plan->tables == NULL ? "" : ", offset, table");
        return -1;
    }
    if (!PyArg_ParseTuple(given, plan->tables == NULL ? "UOnnO!:field" : "UOnnO!nn:field", &key, &dtype, &itemsize,
                          &count, &PyTuple_Type, &shape, &field->offset, &field->table)) {
        return -1;
    }
    if (!PyUnicode_CheckExact(key)) {
        PyErr_SetString(PyExc_TypeError, "the key of a field is a str");
        return -1;
    }
    field->key = Py_NewRef(key);
    PyUnicode_InternInPlace(&field->key);
    if (read_kind(field, dtype) < 0 || read_shape(field, shape, count) < 0) {
        return -1;
    }
    if (itemsize != field->itemsize) {
        PyErr_Format(PyExc_ValueError, "field %R: its items have %zd bytes, not %zd", key, field->itemsize, itemsize);
        return -1;
    }
    if (count > PY_SSIZE_T_MAX / itemsize) {
        PyErr_Format(PyExc_ValueError, "field %R reaches beyond any row", key);
        return -1;
    }
    field->nbytes = count * itemsize;
    return plan->tables == NULL ? 0 : check_place(plan, field);
}

static int read_table(Table *table, PyObject *given)
{
    if (!PyArray_CheckExact(given)) {
        PyErr_SetString(PyExc_TypeError, "a table is a numpy array");
        return -1;
    }
    if (!array_holds((PyArrayObject *)given, NPY_UINT8, 2, -1)) {
        PyErr_SetString(PyExc_ValueError, "a table is uint8, of shape (rows, bytes), C-contiguous and writeable");
        return -1;
    }
    table->array = (PyArrayObject *)Py_NewRef(given);
    table->width = PyArray_DIM(table->array, 1);
    return 0;
}

static int read_versions(RecordPlan *plan, PyObject *versions)
{
    if (versions == Py_None) {
        return 0;
    }
    if (!PyArray_CheckExact(versions)) {
        PyErr_SetString(PyExc_TypeError, "versions are a numpy array or None");
        return -1;
    }
    if (!array_holds((PyArrayObject *)versions, NPY_INT64, 1, -1)) {
        PyErr_SetString(PyExc_ValueError, "versions are int64, of one dimension, C-contiguous and writeable");
        return -1;
    }
    plan->versions = (PyArrayObject *)Py_NewRef(versions);
    return 0;
}

static int read_tables(RecordPlan *plan, PyObject *tables)
{
    int done = 0;
    plan->tables = PyMem_Calloc(PyTuple_Size(tables) + 1, sizeof(Table));
    if (plan->tables == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t place = 0; done == 0 && place < PyTuple_Size(tables); place++) {
        done = read_table(&plan->tables[place], PyTuple_GetItem(tables, place));
        plan->n_tables += 1;
    }
    return done;
}

static int read_fields(RecordPlan *plan, PyObject *fields)
{
    PyObject *keys = PySet_New(NULL);
    int done = keys == NULL ? -1 : 0;
    plan->fields = PyMem_Calloc(PyTuple_Size(fields) + 1, sizeof(Field));
    if (done == 0 && plan->fields == NULL) {
        PyErr_NoMemory();
        done = -1;
    }
    for (Py_ssize_t place = 0; done == 0 && place < PyTuple_Size(fields); place++) {
        plan->n_fields += 1;
        done = read_field(plan, &plan->fields[place], PyTuple_GetItem(fields, place));
        if (done == 0) {
            done = PySet_Add(keys, plan->fields[place].key);
        }
    }
    if (done == 0 && PySet_Size(keys) != plan->n_fields) {
        PyErr_SetString(PyExc_ValueError, "two fields have the same key");
        done = -1;
    }
    Py_XDECREF(keys);
    return done;
}

/* `tables` and `versions` may both be NULL. */
static RecordPlan *make_plan(PyObject *fields, PyObject *tables, PyObject *versions)
{
    RecordPlan *plan = PyMem_Calloc(1, sizeof(RecordPlan));
    if (plan == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if ((tables != NULL && read_tables(plan, tables) < 0) || read_fields(plan, fields) < 0 ||
        (versions != NULL && read_versions(plan, versions) < 0)) {
        record_plan_free(plan);
        return NULL;
    }
    return plan;
}

RecordPlan *record_plan_new(PyObject *target, PyObject *versions)
{
    PyObject *fields, *tables;
    if (!PyArg_ParseTuple(target, "O!O!:target", &PyTuple_Type, &fields, &PyTuple_Type, &tables)) {
        return NULL;
    }
    return make_plan(fields, tables, versions);
}

RecordPlan *record_plan_of(PyObject *fields) { return make_plan(fields, NULL, NULL); }

void record_plan_free(RecordPlan *plan)
{
    for (Py_ssize_t place = 0; place < plan->n_fields; place++) {
        Py_XDECREF(plan->fields[place].key);
        Py_XDECREF(plan->fields[place].scalar);
        Py_XDECREF(plan->fields[place].namesake);
        PyMem_Free(plan->fields[place].shape);
    }
    for (Py_ssize_t place = 0; place < plan->n_tables; place++) {
        Py_XDECREF(plan->tables[place].array);
    }
    Py_XDECREF(plan->versions);
    PyMem_Free(plan->fields);
    PyMem_Free(plan->tables);
    PyMem_Free(plan);
}
