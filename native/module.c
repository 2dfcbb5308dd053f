/* whosent._native: the hot path of reading and joining, for Python; optional, with a pure twin of every part. */
#include "native.h"

static PyMethodDef functions[] = {
    {"configure", configure, METH_VARARGS, "What the join needs to know of Python's classes; once."},
    {"join_rows", join_rows, METH_VARARGS, "join_rows(join, tokens, base): the rows of a chunk."},
    {"count_lines", count_lines, METH_O, "count_lines(chunk): how many lines it has."},
    {"release", release, METH_VARARGS, "release(waiting, looked, rows, wait, kinds, note, settle, actors): those that wait no more."},
    {"hand_out", hand_out, METH_VARARGS, "hand_out(rows, table): each row to those who hear of it."},
    {"plain_rows", plain_rows, METH_VARARGS, "plain_rows(rows, numbers, actors): rows as plain tuples."},
    {"whole_rows", whole_rows, METH_VARARGS,
     "whole_rows(plain, classes, with_actor, Outcome, actors, results, reasons): rows again."},
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
    if (PyType_Ready(&MatcherType) < 0 || PyType_Ready(&TokensType) < 0 || PyType_Ready(&WordsType) < 0)
        return NULL;
    PyObject *native = PyModule_Create(&module);
    if (native && (PyModule_AddObjectRef(native, "Matcher", (PyObject *)&MatcherType) < 0 ||
                   PyModule_AddObjectRef(native, "Tokens", (PyObject *)&TokensType) < 0 ||
                   PyModule_AddObjectRef(native, "Words", (PyObject *)&WordsType) < 0))
        Py_CLEAR(native);
    return native;
}
