/* Rows as bytes and back, for another process: whosent/frames.py's twin, which is the reference.
 *
 * What one Packer packs, one Unpacker unpacks, frame by frame: an object that came before (an actor, a relay, a sender)
 * is named by its place in a table that both keep alike, and is one object on the other side, too.
 */
#include "native.h"

#include <string.h>

enum { PLACES = 1 << 13, DEEPEST = 4, LARGEST = 255 };
enum tag {
    NONE, TRUE, FALSE, FLOAT, SAME_TIME, NUMBER, LARGE, TEXT, NO_TEXT, BYTES, NO_BYTES, TUPLE, INSTANCE, MEMBER, AGAIN, KEEP
};

/* ------------------------------------------------------------------ packing */

enum { CLASSES = 64 };            /* of them few are met: rows, actors, members of enums */

typedef struct {
    PyObject_HEAD
    PyObject *numbers;            /* class -> its number */
    PyObject *known[PLACES];      /* what the other side knows, at the same place */
    PyObject *time;               /* of the row before */
    struct {
        PyTypeObject *type;
        unsigned char number;
    } met[CLASSES];               /* the numbers of classes that were looked up */
    unsigned char *out, *at, *end; /* the frame, where it goes on, and what there is room for */
} Packer;

static int
grow(Packer *self, Py_ssize_t size)
{
    Py_ssize_t used = self->at - self->out, room = 2 * (used + size) + 4096;
    unsigned char *more = PyMem_Realloc(self->out, (size_t)room);
    if (!more) {
        PyErr_NoMemory();
        return -1;
    }
    self->out = more;
    self->at = more + used;
    self->end = more + room;
    return 0;
}

/* Room for so many bytes more. */
static inline int
reserve(Packer *self, Py_ssize_t size)
{
    return self->end - self->at >= size ? 0 : grow(self, size);
}

static inline int
put_tag(Packer *self, enum tag tag)
{
    if (reserve(self, 1) < 0)
        return -1;
    *self->at++ = (unsigned char)tag;
    return 0;
}

/* A tag and eight bytes behind it. */
static inline int
put_eight(Packer *self, enum tag tag, const void *bytes)
{
    if (reserve(self, 9) < 0)
        return -1;
    *self->at = (unsigned char)tag;
    memcpy(self->at + 1, bytes, 8);
    self->at += 9;
    return 0;
}

static int
put_sized(Packer *self, enum tag tag, const char *text, Py_ssize_t size)
{
    uint32_t told = (uint32_t)size;
    if (size != (Py_ssize_t)told) {
        PyErr_SetString(PyExc_OverflowError, "too long for a frame");
        return -1;
    }
    if (reserve(self, 5 + size) < 0)
        return -1;
    *self->at = (unsigned char)tag;
    memcpy(self->at + 1, &told, sizeof told);
    memcpy(self->at + 5, text, (size_t)size);
    self->at += 5 + size;
    return 0;
}

static int put_value(Packer *self, PyObject *value, int depth);

static int
put_members(Packer *self, PyObject *tuple, int depth)
{
    Py_ssize_t count = PyTuple_GET_SIZE(tuple);
    if (count > LARGEST || depth > DEEPEST) {
        PyErr_SetString(PyExc_OverflowError, "too large for a frame");
        return -1;
    }
    int failed = reserve(self, 1);
    if (!failed)
        *self->at++ = (unsigned char)count;
    for (Py_ssize_t field = 0; !failed && field < count; field++)
        failed = put_value(self, PyTuple_GET_ITEM(tuple, field), depth + 1);
    return failed;
}

/* The number of a value's class; -1 with an error set if it has none. */
static int
number_of(Packer *self, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    size_t place = ((uintptr_t)type >> 5) % CLASSES;
    if (self->met[place].type == type) /* `numbers` keeps it alive */
        return self->met[place].number;
    PyObject *number = PyDict_GetItemWithError(self->numbers, (PyObject *)type);
    if (!number) {
        if (!PyErr_Occurred())
            PyErr_SetObject(PyExc_KeyError, (PyObject *)type);
        return -1;
    }
    self->met[place].type = type;
    self->met[place].number = (unsigned char)PyLong_AsLong(number);
    return self->met[place].number;
}

static inline int
put_class(Packer *self, enum tag tag, PyObject *value)
{
    int number = number_of(self, value);
    if (number < 0 || reserve(self, 2) < 0)
        return -1;
    self->at[0] = (unsigned char)tag;
    self->at[1] = (unsigned char)number;
    self->at += 2;
    return 0;
}

/* A number that no table or line should hold, but some do: in hexadecimal digits. */
static int
put_large(Packer *self, PyObject *value)
{
    Py_ssize_t size;
    PyObject *digits = PyNumber_ToBase(value, 16);
    const char *text = digits ? PyUnicode_AsUTF8AndSize(digits, &size) : NULL;
    int failed = text ? put_sized(self, LARGE, text, size) : -1;
    Py_XDECREF(digits);
    return failed;
}

static int
put_number(Packer *self, PyObject *value)
{
    int overflow;
    int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow);
    return overflow ? put_large(self, value) : put_eight(self, NUMBER, &number);
}

/* A member of an enum. */
static int
put_member(Packer *self, PyObject *value)
{
    int overflow;
    long member = PyLong_AsLongAndOverflow(value, &overflow);
    if (put_class(self, MEMBER, value) < 0 || reserve(self, 1) < 0)
        return -1;
    *self->at++ = (unsigned char)member;
    return 0;
}

/* A value that need not be told by its place. */
static int
put_whole(Packer *self, PyObject *value, int depth)
{
    if (PyBytes_CheckExact(value))
        return put_sized(self, BYTES, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value));
    if (PyUnicode_CheckExact(value)) {
        if (PyUnicode_IS_COMPACT_ASCII(value))
            return put_sized(self, TEXT, PyUnicode_DATA(value), PyUnicode_GET_LENGTH(value));
        Py_ssize_t size;
        const char *text = PyUnicode_AsUTF8AndSize(value, &size);
        return text ? put_sized(self, TEXT, text, size) : -1;
    }
    if (PyTuple_CheckExact(value))
        return put_tag(self, TUPLE) < 0 ? -1 : put_members(self, value, depth);
    if (PyTuple_Check(value))
        return put_class(self, INSTANCE, value) < 0 ? -1 : put_members(self, value, depth);
    PyErr_SetObject(PyExc_TypeError, (PyObject *)Py_TYPE(value));
    return -1;
}

/* A value that may well come again: both sides keep it at a place, once all of it is told. */
static int
put_shared(Packer *self, PyObject *value, int depth)
{
    uint16_t place = (uint16_t)(((uintptr_t)value >> 4) * 2654435761u >> 8) % PLACES;
    int known = self->known[place] == value;
    if (reserve(self, 3) < 0)
        return -1;
    *self->at = known ? AGAIN : KEEP;
    memcpy(self->at + 1, &place, sizeof place);
    self->at += 3;
    if (known)
        return 0;
    if (put_whole(self, value, depth) < 0)
        return -1;
    Py_XSETREF(self->known[place], Py_NewRef(value));
    return 0;
}

/* The commonest first. */
static int
put_value(Packer *self, PyObject *value, int depth)
{
    if (PyBytes_CheckExact(value)) {
        if (!PyBytes_GET_SIZE(value))
            return put_tag(self, NO_BYTES);
    } else if (PyUnicode_CheckExact(value)) {
        if (!PyUnicode_GET_LENGTH(value))
            return put_tag(self, NO_TEXT);
    } else if (PyLong_CheckExact(value)) {
        return put_number(self, value);
    } else if (PyFloat_CheckExact(value)) {
        if (value == self->time)
            return put_tag(self, SAME_TIME);
        double number = PyFloat_AS_DOUBLE(value);
        return put_eight(self, FLOAT, &number);
    } else if (value == Py_None || value == Py_True || value == Py_False) {
        return put_tag(self, value == Py_None ? NONE : value == Py_True ? TRUE : FALSE);
    } else if (PyLong_Check(value)) {
        return put_member(self, value);
    }
    int shared = Py_REFCNT(value) > 1 && !PyTuple_CheckExact(value); /* somebody else holds it, too */
    return shared ? put_shared(self, value, depth) : put_whole(self, value, depth);
}

/* What both sides know is forgotten: a frame that failed is not told. */
static void
forget(PyObject **known)
{
    for (int place = 0; place < PLACES; place++)
        Py_CLEAR(known[place]);
}

static PyObject *
packer_pack(Packer *self, PyObject *rows)
{
    if (!PyList_Check(rows)) {
        PyErr_SetString(PyExc_TypeError, "a list of rows is wanted");
        return NULL;
    }
    self->at = self->out;
    Py_CLEAR(self->time);
    for (Py_ssize_t number = 0; number < PyList_GET_SIZE(rows); number++) {
        PyObject *row = PyList_GET_ITEM(rows, number);
        if (!PyTuple_Check(row) || put_class(self, INSTANCE, row) < 0 || put_members(self, row, 0) < 0) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_TypeError, "a row is a tuple");
            forget(self->known);
            return NULL;
        }
        PyObject *time = PyTuple_GET_SIZE(row) ? PyTuple_GET_ITEM(row, 0) : NULL;
        Py_XSETREF(self->time, Py_XNewRef(time));
    }
    return PyBytes_FromStringAndSize((const char *)self->out, self->at - self->out);
}

static PyObject *
packer_new(PyTypeObject *type, PyObject *arguments, PyObject *Py_UNUSED(keywords))
{
    PyObject *numbers;
    if (!PyArg_ParseTuple(arguments, "O!", &PyDict_Type, &numbers))
        return NULL;
    Packer *self = (Packer *)type->tp_alloc(type, 0);
    if (self)
        self->numbers = Py_NewRef(numbers);
    return (PyObject *)self;
}

static void
packer_dealloc(Packer *self)
{
    forget(self->known);
    Py_XDECREF(self->time);
    Py_XDECREF(self->numbers);
    PyMem_Free(self->out);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef packer_methods[] = {
    {"pack", (PyCFunction)packer_pack, METH_O, "Rows as the body of the next frame."},
    {NULL},
};

PyTypeObject PackerType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "whosent._native.Packer",
    .tp_doc = "Packer(numbers): frames of rows whose classes have these numbers.",
    .tp_basicsize = sizeof(Packer),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = packer_new,
    .tp_dealloc = (destructor)packer_dealloc,
    .tp_methods = packer_methods,
};

/* ------------------------------------------------------------------ unpacking */

typedef struct {
    PyObject_HEAD
    PyObject *classes;       /* by number: a class of tuples, or the list of an enum's members */
    PyObject *known[PLACES];
    PyObject *time;
    const unsigned char *at, *end;
} Unpacker;

/* The next so many bytes; NULL with an error set if there are fewer. */
static inline const unsigned char *
take(Unpacker *self, size_t size)
{
    const unsigned char *here = self->at;
    if ((size_t)(self->end - here) < size) {
        PyErr_SetString(PyExc_ValueError, "no whole frame");
        return NULL;
    }
    self->at = here + size;
    return here;
}

static PyObject *value_of(Unpacker *self, int depth);

/* The class or the members that are told by the next byte, borrowed. */
static PyObject *
class_of(Unpacker *self)
{
    const unsigned char *number = take(self, 1);
    if (number && *number < PyTuple_GET_SIZE(self->classes))
        return PyTuple_GET_ITEM(self->classes, *number);
    if (number)
        PyErr_SetString(PyExc_ValueError, "no such class");
    return NULL;
}

static PyObject *
tuple_of(Unpacker *self, PyTypeObject *type, int depth)
{
    const unsigned char *told = depth > DEEPEST ? NULL : take(self, 1);
    if (!told) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "too deep a frame");
        return NULL;
    }
    Py_ssize_t count = *told;
    PyObject *made = type == &PyTuple_Type ? PyTuple_New(count) : type->tp_alloc(type, count);
    for (Py_ssize_t field = 0; made && field < count; field++) {
        PyObject *value = value_of(self, depth + 1);
        if (value)
            PyTuple_SET_ITEM(made, field, value);
        else
            Py_CLEAR(made);
    }
    return made;
}

static PyObject *
instance_of(Unpacker *self, int depth)
{
    PyObject *type = class_of(self);
    if (type && PyType_Check(type) && PyType_IsSubtype((PyTypeObject *)type, &PyTuple_Type))
        return tuple_of(self, (PyTypeObject *)type, depth);
    if (type)
        PyErr_SetString(PyExc_ValueError, "no such class of rows");
    return NULL;
}

static PyObject *
member_of(Unpacker *self)
{
    PyObject *members = class_of(self);
    const unsigned char *number = members ? take(self, 1) : NULL;
    if (!number)
        return NULL;
    if (!PyList_Check(members) || *number >= PyList_GET_SIZE(members)) {
        PyErr_SetString(PyExc_ValueError, "no such member");
        return NULL;
    }
    return Py_NewRef(PyList_GET_ITEM(members, *number));
}

static PyObject *
sized(Unpacker *self, int tag)
{
    uint32_t size;
    const unsigned char *told = take(self, sizeof size);
    if (!told)
        return NULL;
    memcpy(&size, told, sizeof size);
    const char *bytes = (const char *)take(self, size);
    if (!bytes)
        return NULL;
    if (tag == BYTES)
        return PyBytes_FromStringAndSize(bytes, size);
    PyObject *text = PyUnicode_DecodeUTF8(bytes, size, "strict");
    if (tag == LARGE && text)
        Py_SETREF(text, PyLong_FromUnicodeObject(text, 16));
    return text;
}

static PyObject *
placed(Unpacker *self, int again, int depth)
{
    uint16_t place;
    const unsigned char *told = take(self, sizeof place);
    if (!told)
        return NULL;
    memcpy(&place, told, sizeof place);
    if (place >= PLACES || (again && !self->known[place])) {
        PyErr_SetString(PyExc_ValueError, "nothing known by that name");
        return NULL;
    }
    if (again)
        return Py_NewRef(self->known[place]);
    PyObject *value = depth > DEEPEST ? NULL : value_of(self, depth + 1);
    if (value)
        Py_XSETREF(self->known[place], Py_NewRef(value));
    else if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "too deep a frame");
    return value;
}

static PyObject *
value_of(Unpacker *self, int depth)
{
    const unsigned char *tag = take(self, 1);
    if (!tag)
        return NULL;
    switch (*tag) {
    case NONE:
        return Py_NewRef(Py_None);
    case TRUE:
        return Py_NewRef(Py_True);
    case FALSE:
        return Py_NewRef(Py_False);
    case FLOAT: {
        double number;
        const unsigned char *told = take(self, sizeof number);
        return told ? PyFloat_FromDouble(*(double *)memcpy(&number, told, sizeof number)) : NULL;
    }
    case NUMBER: {
        int64_t number;
        const unsigned char *told = take(self, sizeof number);
        return told ? PyLong_FromLongLong(*(int64_t *)memcpy(&number, told, sizeof number)) : NULL;
    }
    case SAME_TIME:
        if (self->time)
            return Py_NewRef(self->time);
        break;
    case TEXT:
    case BYTES:
    case LARGE:
        return sized(self, *tag);
    case NO_TEXT:
        return PyUnicode_New(0, 0);
    case NO_BYTES:
        return PyBytes_FromStringAndSize(NULL, 0);
    case TUPLE:
        return tuple_of(self, &PyTuple_Type, depth);
    case INSTANCE:
        return instance_of(self, depth);
    case MEMBER:
        return member_of(self);
    case AGAIN:
    case KEEP:
        return placed(self, *tag == AGAIN, depth);
    }
    PyErr_SetString(PyExc_ValueError, "no such value");
    return NULL;
}

static PyObject *
unpacker_unpack(Unpacker *self, PyObject *body)
{
    if (!PyBytes_Check(body)) {
        PyErr_SetString(PyExc_TypeError, "bytes wanted");
        return NULL;
    }
    self->at = (const unsigned char *)PyBytes_AS_STRING(body);
    self->end = self->at + PyBytes_GET_SIZE(body);
    Py_CLEAR(self->time);
    PyObject *rows = PyList_New(0);
    while (rows && self->at < self->end) {
        PyObject *row = value_of(self, 0);
        if (!row || PyList_Append(rows, row) < 0) {
            Py_CLEAR(rows);
        } else {
            PyObject *time = PyTuple_Check(row) && PyTuple_GET_SIZE(row) ? PyTuple_GET_ITEM(row, 0) : NULL;
            Py_XSETREF(self->time, Py_XNewRef(time));
        }
        Py_XDECREF(row);
    }
    return rows;
}

static PyObject *
unpacker_new(PyTypeObject *type, PyObject *arguments, PyObject *Py_UNUSED(keywords))
{
    PyObject *classes;
    if (!PyArg_ParseTuple(arguments, "O!", &PyTuple_Type, &classes))
        return NULL;
    Unpacker *self = (Unpacker *)type->tp_alloc(type, 0);
    if (self)
        self->classes = Py_NewRef(classes);
    return (PyObject *)self;
}

static void
unpacker_dealloc(Unpacker *self)
{
    forget(self->known);
    Py_XDECREF(self->time);
    Py_XDECREF(self->classes);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef unpacker_methods[] = {
    {"unpack", (PyCFunction)unpacker_unpack, METH_O, "The rows of the next frame."},
    {NULL},
};

PyTypeObject UnpackerType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "whosent._native.Unpacker",
    .tp_doc = "Unpacker(classes): the rows of one packer's frames; by number classes of tuples, or lists of an enum's members.",
    .tp_basicsize = sizeof(Unpacker),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = unpacker_new,
    .tp_dealloc = (destructor)unpacker_dealloc,
    .tp_methods = unpacker_methods,
};
