/* The hot loop of reading: the alternation of all dialects, matched by PCRE2 line after line.
 *
 * Matcher holds the same pattern that whosent.reading.tokens compiles with `re`, and yields the same tokens; the
 * Python tokenizer is the reference, and takes over any line PCRE2 gives up on (its limits on stack and backtracking).
 */
#include "native.h"

#define MARKS 10000 /* more rules than there will ever be */

static void
free_entries(Matcher *self)
{
    for (int mark = 0; self->entries && mark < self->marks; mark++) {
        Entry *entry = &self->entries[mark];
        for (Py_ssize_t field = 0; entry->constants && field < entry->count; field++)
            Py_XDECREF(entry->constants[field]);
        PyMem_Free(entry->constants);
        PyMem_Free(entry->groups);
        Py_XDECREF(entry->rule);
    }
    PyMem_Free(self->entries);
    self->entries = NULL;
}

static void
matcher_dealloc(Matcher *self)
{
    free_entries(self);
    Py_XDECREF(self->next);
    Py_XDECREF(self->slow);
    pcre2_match_data_free(self->data);
    pcre2_match_context_free(self->context);
    pcre2_jit_stack_free(self->stack);
    pcre2_code_free(self->code);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* (mark, kind, rule, fields): fields are group numbers, or a constant (bytes or None). */
static int
take_entry(Matcher *self, PyObject *item)
{
    int mark, kind;
    PyObject *rule, *fields;
    if (!PyArg_ParseTuple(item, "iiOO!", &mark, &kind, &rule, &PyTuple_Type, &fields))
        return -1;
    if (mark <= 0 || mark >= self->marks || kind < TOKEN || kind > RARE || self->entries[mark].rule) {
        PyErr_SetString(PyExc_ValueError, "an entry has no mark of its own");
        return -1;
    }
    Entry *entry = &self->entries[mark];
    uint32_t groups;
    pcre2_pattern_info(self->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    Py_ssize_t count = PyTuple_GET_SIZE(fields);
    entry->groups = PyMem_Calloc(count + 1, sizeof(int));
    entry->constants = PyMem_Calloc(count + 1, sizeof(PyObject *));
    if (!entry->groups || !entry->constants) {
        PyErr_NoMemory();
        return -1;
    }
    entry->count = count;
    entry->kind = kind;
    for (Py_ssize_t field = 0; field < count; field++) {
        PyObject *one = PyTuple_GET_ITEM(fields, field);
        if (PyLong_CheckExact(one)) {
            long group = PyLong_AsLong(one);
            if (group <= 0 || (uint32_t)group > groups) {
                PyErr_SetString(PyExc_ValueError, "no such group");
                return -1;
            }
            entry->groups[field] = (int)group;
        } else if (one == Py_None || PyBytes_CheckExact(one)) {
            entry->constants[field] = Py_NewRef(one);
        } else {
            PyErr_SetString(PyExc_TypeError, "a field is a group's number, bytes or None");
            return -1;
        }
    }
    entry->rule = Py_NewRef(rule);
    return 0;
}

static int
compile_pattern(Matcher *self, const char *pattern, Py_ssize_t size)
{
    int error;
    PCRE2_SIZE where;
    self->code = pcre2_compile((PCRE2_SPTR)pattern, (PCRE2_SIZE)size, PCRE2_ANCHORED | PCRE2_NEVER_UTF, &error, &where,
                               NULL);
    if (!self->code) {
        PCRE2_UCHAR message[160];
        pcre2_get_error_message(error, message, sizeof(message));
        PyErr_Format(PyExc_ValueError, "pattern: %s at %zu", (char *)message, (size_t)where);
        return -1;
    }
    pcre2_jit_compile(self->code, PCRE2_JIT_COMPLETE); /* where there is none the interpreter matches */
    self->data = pcre2_match_data_create_from_pattern(self->code, NULL);
    self->context = pcre2_match_context_create(NULL);
    self->stack = pcre2_jit_stack_create(32 * 1024, 1024 * 1024, NULL);
    if (!self->data || !self->context || !self->stack) {
        PyErr_NoMemory();
        return -1;
    }
    pcre2_jit_stack_assign(self->context, NULL, self->stack);
    return 0;
}

static PyObject *
matcher_new(PyTypeObject *type, PyObject *arguments, PyObject *Py_UNUSED(keywords))
{
    const char *pattern;
    Py_ssize_t size;
    PyObject *entries, *slow;
    int otherwise;
    if (!PyArg_ParseTuple(arguments, "y#O!iO", &pattern, &size, &PyList_Type, &entries, &otherwise, &slow))
        return NULL;
    Matcher *self = (Matcher *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->slow = Py_NewRef(slow);
    self->otherwise = otherwise;
    if (compile_pattern(self, pattern, size) < 0)
        goto failed;
    self->marks = 1;
    for (Py_ssize_t number = 0; number < PyList_GET_SIZE(entries); number++) {
        PyObject *item = PyList_GET_ITEM(entries, number);
        PyObject *mark = PyTuple_Check(item) && PyTuple_GET_SIZE(item) ? PyTuple_GET_ITEM(item, 0) : Py_None;
        int highest = PyLong_Check(mark) ? (int)PyLong_AsLong(mark) : 0;
        if (highest >= self->marks && highest <= MARKS)
            self->marks = highest + 1;
    }
    self->entries = PyMem_Calloc(self->marks, sizeof(Entry));
    if (!self->entries) {
        PyErr_NoMemory();
        goto failed;
    }
    for (Py_ssize_t number = 0; number < PyList_GET_SIZE(entries); number++)
        if (take_entry(self, PyList_GET_ITEM(entries, number)) < 0)
            goto failed;
    return (PyObject *)self;
failed:
    Py_DECREF(self);
    return NULL;
}

static PyObject *
matcher_read(Matcher *self, PyObject *arguments)
{
    PyObject *chunk, *otherwise;
    if (!PyArg_ParseTuple(arguments, "SO", &chunk, &otherwise))
        return NULL;
    Tokens *tokens = PyObject_New(Tokens, &TokensType);
    if (!tokens)
        return NULL;
    tokens->matcher = (Matcher *)Py_NewRef(self);
    tokens->chunk = Py_NewRef(chunk);
    tokens->otherwise = Py_NewRef(otherwise);
    tokens->pending = NULL;
    tokens->at = 0;
    return (PyObject *)tokens;
}

static PyObject *
matcher_then(Matcher *self, PyObject *next)
{
    if (!PyObject_TypeCheck(next, &MatcherType) || next == (PyObject *)self) {
        PyErr_SetString(PyExc_TypeError, "another Matcher is wanted");
        return NULL;
    }
    while (self->next)
        self = self->next;
    self->next = (Matcher *)Py_NewRef(next);
    Py_RETURN_NONE;
}

static void
tokens_dealloc(Tokens *self)
{
    Py_DECREF(self->matcher);
    Py_DECREF(self->chunk);
    Py_DECREF(self->otherwise);
    Py_XDECREF(self->pending);
    PyObject_Free(self);
}

/* The tokens of a line that no rule recognised, or that PCRE2 gave up on, are handed out next. */
static enum found
ask(Tokens *self, PyObject *answer)
{
    if (!answer)
        return FAILED;
    self->pending = PyObject_GetIter(answer);
    Py_DECREF(answer);
    return self->pending ? ELSEWHERE : FAILED;
}

/* Match the line at `at` by this alternation or one behind it; gives the mark of its rule (0: none), or PCRE2's error. */
static int
match_line(const Matcher **matcher, const char *text, Py_ssize_t size, Py_ssize_t at)
{
    for (;;) {
        const Matcher *one = *matcher;
        int found = pcre2_match(one->code, (PCRE2_SPTR)text, (PCRE2_SIZE)size, (PCRE2_SIZE)at, 0, one->data, one->context);
        if (found < 0)
            return found;
        PCRE2_SPTR name = pcre2_get_mark(one->data);
        int mark = name ? atoi((const char *)name) : 0;
        if (mark != one->otherwise || !one->next)
            return mark;
        *matcher = one->next;
    }
}

/* The next line that says something: CAPTURED fills the match, ELSEWHERE leaves tokens in `pending`. */
enum found
next_match(Tokens *self, Match *match)
{
    const char *text = PyBytes_AS_STRING(self->chunk);
    Py_ssize_t size = PyBytes_GET_SIZE(self->chunk);
    while (self->at < size) {
        const Matcher *matcher = self->matcher;
        Py_ssize_t at = self->at;
        int mark = match_line(&matcher, text, size, at);
        if (mark == PCRE2_ERROR_NOMATCH) /* the chunk does not end with a line end */
            return OVER;
        if (mark < 0) {
            const char *stop = memchr(text + at, '\n', (size_t)(size - at));
            if (!stop)
                return OVER;
            self->at = stop - text + 1;
            return ask(self, PyObject_CallFunction(self->matcher->slow, "ny#O", at, text + at, self->at - at,
                                                   self->otherwise));
        }
        const PCRE2_SIZE *spans = pcre2_get_ovector_pointer(matcher->data);
        self->at = (Py_ssize_t)spans[1];
        if (mark == matcher->otherwise)
            return ask(self, PyObject_CallFunction(self->otherwise, "ny#", at, text + at, self->at - 1 - at));
        const Entry *entry = mark < matcher->marks ? &matcher->entries[mark] : NULL;
        if (!entry || !entry->rule)
            continue; /* understood, and nothing the caller asked for */
        *match = (Match){text, spans, at, entry};
        return CAPTURED;
    }
    return OVER;
}

/* The next of the tokens that came from elsewhere; NULL without an error: there are no more. */
PyObject *
elsewhere(Tokens *self)
{
    PyObject *token = PyIter_Next(self->pending);
    if (!token)
        Py_CLEAR(self->pending);
    return token;
}

PyObject *
fields_of(const Match *match)
{
    const Entry *entry = match->entry;
    PyObject *fields = PyTuple_New(entry->count);
    for (Py_ssize_t field = 0; fields && field < entry->count; field++) {
        PyObject *one;
        if (entry->groups[field]) {
            Span span = span_of(match, (int)field);
            one = span.text ? PyBytes_FromStringAndSize(span.text, span.size) : Py_NewRef(Py_None);
        } else {
            one = Py_NewRef(entry->constants[field]);
        }
        if (!one) {
            Py_CLEAR(fields);
            break;
        }
        PyTuple_SET_ITEM(fields, field, one);
    }
    return fields;
}

PyObject *
token_of(const Match *match)
{
    PyObject *fields = fields_of(match);
    return fields ? Py_BuildValue("OnN", match->entry->rule, match->at, fields) : NULL;
}

static PyObject *
tokens_next(Tokens *self)
{
    Match match;
    for (;;) {
        if (self->pending) {
            PyObject *token = elsewhere(self);
            if (token || PyErr_Occurred())
                return token;
        }
        switch (next_match(self, &match)) {
        case CAPTURED:
            return token_of(&match);
        case ELSEWHERE:
            continue;
        default:
            return NULL;
        }
    }
}

/* count_lines(chunk): how many line ends it has, and one more if it does not end with one */
PyObject *
count_lines(PyObject *Py_UNUSED(module), PyObject *chunk)
{
    if (!PyBytes_Check(chunk)) {
        PyErr_SetString(PyExc_TypeError, "bytes wanted");
        return NULL;
    }
    const char *at = PyBytes_AS_STRING(chunk), *end = at + PyBytes_GET_SIZE(chunk);
    Py_ssize_t lines = 0;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        lines++;
        at = line_end ? line_end + 1 : end;
    }
    return PyLong_FromSsize_t(lines);
}

static PyMethodDef matcher_methods[] = {
    {"then", (PyCFunction)matcher_then, METH_O, "Try another alternation on lines that this one does not recognise."},
    {"read", (PyCFunction)matcher_read, METH_VARARGS, "The tokens of a chunk of whole lines."},
    {NULL},
};

PyTypeObject MatcherType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "whosent._native.Matcher",
    .tp_doc = "Matcher(pattern, entries, otherwise, slow): the compiled alternation of all dialects.",
    .tp_basicsize = sizeof(Matcher),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = matcher_new,
    .tp_dealloc = (destructor)matcher_dealloc,
    .tp_methods = matcher_methods,
};

PyTypeObject TokensType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "whosent._native.Tokens",
    .tp_doc = "The tokens of one chunk, found while they are asked for.",
    .tp_basicsize = sizeof(Tokens),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = (destructor)tokens_dealloc,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = (iternextfunc)tokens_next,
};
