/* Whether a text holds any of some words, upper or lower case alike: one compiled alternation of literal words. */
#include "native.h"

typedef struct {
    PyObject_HEAD
    pcre2_code *code;
    pcre2_match_data *data;
} Words;

static void
words_dealloc(Words *self)
{
    pcre2_match_data_free(self->data);
    pcre2_code_free(self->code);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *
words_new(PyTypeObject *type, PyObject *arguments, PyObject *Py_UNUSED(keywords))
{
    const char *pattern;
    Py_ssize_t size;
    int error;
    PCRE2_SIZE where;
    if (!PyArg_ParseTuple(arguments, "y#", &pattern, &size))
        return NULL;
    Words *self = (Words *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->code = pcre2_compile((PCRE2_SPTR)pattern, (PCRE2_SIZE)size, PCRE2_CASELESS | PCRE2_NEVER_UTF, &error, &where,
                               NULL);
    self->data = self->code ? pcre2_match_data_create(1, NULL) : NULL;
    if (!self->data) {
        PyErr_SetString(PyExc_ValueError, "no pattern of words");
        Py_DECREF(self);
        return NULL;
    }
    pcre2_jit_compile(self->code, PCRE2_JIT_COMPLETE);
    return (PyObject *)self;
}

static PyObject *
words_in(Words *self, PyObject *text)
{
    if (!PyBytes_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "bytes wanted");
        return NULL;
    }
    int found = pcre2_match(self->code, (PCRE2_SPTR)PyBytes_AS_STRING(text), (PCRE2_SIZE)PyBytes_GET_SIZE(text), 0, 0,
                            self->data, NULL);
    return PyBool_FromLong(found >= 0);
}

static PyMethodDef words_methods[] = {
    {"stand_in", (PyCFunction)words_in, METH_O, "Whether any of the words stands in the text."},
    {NULL},
};

PyTypeObject WordsType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "whosent._native.Words",
    .tp_doc = "Words(pattern): an alternation of literal words, to be found in a text whatever their case.",
    .tp_basicsize = sizeof(Words),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = words_new,
    .tp_dealloc = (destructor)words_dealloc,
    .tp_methods = words_methods,
};
