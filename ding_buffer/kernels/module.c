/* The module ding_buffer.kernels.compiled: its table of functions and its start. */

#define IMPORTS_ARRAY_API
#include "kernels.h"
#include "fast.h"
#include "take.h"
#include "tree.h"
#include "vectors.h"

#define METHOD(name, doc) {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, PyDoc_STR(doc)}

static PyObject *use_widest_vectors(PyObject *module, PyObject *argument);

static PyMethodDef methods[] = {
    METHOD(tree_sum,
           "tree_sum(levels, lows, starts, nodes, /)\n--\n\n"
           "Sums anew the named nodes above the leaves (None: all), those above them and the top.\n\n"
           "Returns the total and the smallest positive leaf, +inf where there is none."),
    METHOD(tree_draw,
           "tree_draw(levels, starts, targets, /)\n--\n\n"
           "Returns for each target the leaf under that point of the prefix sum of the leaves; int64."),
    METHOD(weighed_draw,
           "weighed_draw(levels, starts, points, stratified, total, least, exponent, /)\n--\n\n"
           "Draws a leaf for each point of [0, 1), one in each of as many equal strata or each anywhere.\n\n"
           "Returns the leaves, int64, and their weights (mass / least) ** exponent."),
    METHOD(bounds, "bounds(numbers, /)\n--\n\nReturns the least and the greatest; NaN, NaN where one is NaN."),
    METHOD(all_below, "all_below(slots, bound, /)\n--\n\nTells whether all slots lie in range(bound)."),
    METHOD(count_up,
           "count_up(counts, slots, /)\n--\n\n"
           "Counts every slot up by one; returns what each counting came to, int64."),
    METHOD(set_priorities,
           "set_priorities(leaves, priorities, live, slots, given, epsilon, alpha, highest, /)\n--\n\n"
           "Writes masses (given + epsilon) ** alpha and priorities, and makes the slots live.\n\n"
           "Returns how many were not live before. The last one of a slot named twice stays. Raises\n"
           "ValueError for a priority that is NaN, negative or above `highest`, and IndexError for a slot\n"
           "out of range; nothing has changed then."),
    METHOD(power, "power(base, addend, exponent, /)\n--\n\nReturns (base + addend) ** exponent; float64, a new array."),
    METHOD(first_distinct,
           "first_distinct(numbers, /)\n--\n\nReturns the numbers without later repeats, in their order; int64."),
    METHOD(draw_starts,
           "draw_starts(legal, numbers, size, distinct, /)\n--\n\n"
           "Returns the first `size` of the numbers that are legal, or fewer, in their order; int64."),
    METHOD(draw_distinct,
           "draw_distinct(rng, n, size, /)\n--\n\n"
           "Returns the first `size` distinct numbers of an endless row of rng.integers(n); int64."),
    METHOD(gather,
           "gather(table, slots, offsets, outs, /)\n--\n\n"
           "Copies the fields at these offsets of the rows out of the table, a column for each field."),
    METHOD(scatter,
           "scatter(table, slots, offsets, ins, /)\n--\n\n"
           "Copies a column for each field into the rows of the table; the last one of a slot named twice stays."),
    METHOD(take_metas,
           "take_metas(values, there, slots, /)\n--\n\n"
           "Returns the columns at slots, copied, and for keys that some of them lack: which ones do."),
    METHOD(take_objects, "take_objects(items, slots, /)\n--\n\nReturns [items[slot] for slot in slots]."),
    METHOD(read_texts,
           "read_texts(texts, prefix, /)\n--\n\n"
           "Returns the serials of index texts with this prefix; int64, or None if a text is anything else."),
    METHOD(walk,
           "walk(following, slots, n, /)\n--\n\n"
           "Returns the n slots from each slot on, one following the other, -1 after the last; int64, (B, n)."),
    METHOD(relink,
           "relink(following, preceding, newest, slot, before, is_newest, /)\n--\n\n"
           "Cuts the links of a slot, lets it follow `before` unless that is -1, and writes is_newest."),
    METHOD(link_many,
           "link_many(following, preceding, newest, slots, numbers, heads, ends, /)\n--\n\n"
           "Lets each slot follow the one before it of the same number, and the first one its head."),
    METHOD(enter_runs,
           "enter_runs(following, preceding, mates, counts, steps, held, legal, slots, need, stride, /)\n--\n\n"
           "Takes in items that are the last of their runs; returns those that become legal, int64."),
    METHOD(leave_runs,
           "leave_runs(following, preceding, newest, mates, counts, held, legal, slots, /)\n--\n\n"
           "Takes out items that are the first of their runs, up to one that is not.\n\n"
           "Returns those that were legal, those that were newest, and how many were taken out."),
    METHOD(n_step,
           "n_step(following, slots, powers, rewards, terminated, truncated, done, /)\n--\n\n"
           "Goes on from each slot until a flag is set, nothing follows, or n steps are taken.\n\n"
           "Returns the last slots, how many steps, their discounted rewards, the discounts of what comes\n"
           "after, and the three flags of the last slots."),
    METHOD(fold_rewards,
           "fold_rewards(rewards, valid, gamma, /)\n--\n\n"
           "Returns the sum of gamma ** k * rewards[:, k] over what is valid; float64, (B,)."),
    {"use_widest_vectors", use_widest_vectors, METH_O,
     PyDoc_STR("use_widest_vectors(yes, /)\n--\n\nUses the widest vectors of this processor, or does without (for "
               "tests). Returns their name.")},
    {NULL, NULL, 0, NULL},
};

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif
#ifndef BUILT_WITH_NUMPY
#define BUILT_WITH_NUMPY "unknown"
#endif

#if defined(HAS_AVX2)
int use_avx2 = 0;
#endif

/* Uses the widest vectors there are, or not; returns their name. */
static const char *choose_vectors(int widest)
{
    (void)widest;
#if defined(HAS_AVX2)
    __builtin_cpu_init();
    use_avx2 = widest && __builtin_cpu_supports("avx2");
    return use_avx512() ? "AVX-512" : use_avx2 ? "AVX2" : "SSE2";
#else
    return "plain C";
#endif
}

static PyObject *use_widest_vectors(PyObject *module, PyObject *argument)
{
    (void)module;
    int widest = PyObject_IsTrue(argument);
    return widest < 0 ? NULL : PyUnicode_FromString(choose_vectors(widest));
}

static int start(PyObject *module)
{
    import_array1(-1);
    if (add_push_types(module) < 0 || add_row_taker(module) < 0 || add_fast_sample(module) < 0 ||
        add_fast_update(module) < 0 || add_tree_sums(module) < 0 || add_fast_choice(module) < 0 ||
        add_fast_uniform(module) < 0 || add_fast_steps(module) < 0 || add_crc32(module) < 0 ||
        PyModule_AddStringConstant(module, "COMPILER", COMPILER) < 0 ||
        PyModule_AddStringConstant(module, "VECTORS", choose_vectors(1)) < 0 ||
        PyModule_AddStringConstant(module, "BUILT_WITH_PYTHON", PY_VERSION) < 0 ||
        PyModule_AddStringConstant(module, "BUILT_WITH_NUMPY", BUILT_WITH_NUMPY) < 0 ||
        PyModule_AddIntConstant(module, "LIMITED_API", Py_LIMITED_API) < 0) {
        return -1;
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)start},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "ding_buffer.kernels.compiled",
    .m_doc = PyDoc_STR("The hot loops in C. Each function has a numpy twin of the same name, which specifies it."),
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit_compiled(void) { return PyModuleDef_Init(&definition); }
