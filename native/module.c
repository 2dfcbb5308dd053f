/* whosent._native: the hot path of reading and joining, for Python; optional, with a pure twin of every part. */
#include "native.h"

static PyMethodDef functions[] = {
    {"configure", configure, METH_VARARGS, "What the join needs to know of Python's classes; once."},
    {"join_rows", join_rows, METH_VARARGS, "join_rows(join, tokens, base): the rows of a chunk."},
    {"count_lines", count_lines, METH_O, "count_lines(chunk): how many lines it has."},
    {"release", release, METH_VARARGS, "release(waiting, looked, rows, wait, kinds, note, settle, actors): those that wait no more."},
    {"hand_out", hand_out, METH_VARARGS, "hand_out(rows, table): each row to those who hear of it."},
    {NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "whosent._native",
    .m_doc = "The hot path of reading and joining, compiled.",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC
PyInit__native(void)
{
    static const struct {
        const char *name;
        PyTypeObject *type;
    } types[] = {
        {"Matcher", &MatcherType}, {"Tokens", &TokensType},     {"Words", &WordsType},
        {"Packer", &PackerType},   {"Unpacker", &UnpackerType},
    };
    PyObject *native = PyModule_Create(&module);
    for (size_t number = 0; native && number < sizeof types / sizeof *types; number++)
        if (PyType_Ready(types[number].type) < 0 ||
            PyModule_AddObjectRef(native, types[number].name, (PyObject *)types[number].type) < 0)
            Py_CLEAR(native);
    return native;
}
