/* Where the parts of usual header values of SIP are, in one pass. What is not usual in any way is left to the regular
 * expressions (headers.py, uri.py), which are the law: a function answers None there, and where it answers at all it says
 * what they would. tests/sip/test_scan.py holds them to that. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

enum {
    TOKEN = 1,     /* of a token: names and values of parameters, and the display name beside it */
    USER = 2,      /* of a user part, or of what may turn out to be a host and parameters */
    HOST = 4,      /* of a host name or an IPv4 address */
    URI_PARAM = 8, /* of the parameters of a URI, semicolons included */
    VALUE = 16,    /* of the value of a header's parameter */
    DISPLAY = 32,  /* of a display name that is not quoted */
    MOST_PARAMS = 64
};

static unsigned char kinds[256];

static void allow(const char *marks, int kind)
{
    for (; *marks; marks++)
        kinds[(unsigned char)*marks] |= kind;
}

static void prepare(void)
{
    const char *alnum = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    allow(alnum, TOKEN | USER | HOST | URI_PARAM | VALUE | DISPLAY);
    allow("-.!%*_+`'~", TOKEN | VALUE | DISPLAY);
    allow("-_.!~*'()&=+$%;/#,", USER);
    allow("_.-", HOST);
    allow("-_.!~*'()&=+$%;/:", URI_PARAM);
    allow(":/@$&[]", VALUE);
    allow(" ", DISPLAY);
}

static inline const unsigned char *over(const unsigned char *at, const unsigned char *end, int kind)
{
    while (at < end && (kinds[*at] & kind))
        at++;
    return at;
}

/* A port after a colon that was passed over; NULL where there is none of one to five digits and at most 65535. */
static const unsigned char *port_of(const unsigned char *at, const unsigned char *end, long *port)
{
    const unsigned char *first = at;
    long number = 0;
    while (at < end && *at >= '0' && *at <= '9' && at - first < 5)
        number = number * 10 + (*at++ - '0');
    *port = number;
    return at == first || number > 65535 ? NULL : at;
}

enum { SECURE, USER_AT, USER_END, HOST_AT, HOST_END, PORT_AT, PORT_END, PORT, PARAMS_AT, URI_PARTS };

/* A whole sip or sips URI with neither password nor headers. */
static int read_uri(const unsigned char *data, const unsigned char *at, const unsigned char *end, long *found)
{
    const unsigned char *stop;
    if (end - at < 5 || at[0] != 's' || at[1] != 'i' || at[2] != 'p')
        return 0;
    found[SECURE] = at[3] == 's';
    at += 3 + found[SECURE];
    if (*at++ != ':')
        return 0;
    found[USER_AT] = found[USER_END] = found[PORT_AT] = found[PORT_END] = -1;
    found[PORT] = 0;
    stop = over(at, end, USER);
    if (stop < end && *stop == '@') {
        if (stop == at)
            return 0;
        found[USER_AT] = at - data;
        found[USER_END] = stop - data;
        at = stop + 1;
    } else if (stop < end && (*stop != ':' || memchr(stop, '@', end - stop) != NULL))
        return 0;
    stop = over(at, end, HOST);
    if (stop == at || *at == '.' || *at == '-')
        return 0;
    found[HOST_AT] = at - data;
    found[HOST_END] = stop - data;
    at = stop;
    if (at < end && *at == ':') {
        stop = port_of(at + 1, end, &found[PORT]);
        if (stop == NULL)
            return 0;
        found[PORT_AT] = at + 1 - data;
        found[PORT_END] = stop - data;
        at = stop;
    }
    found[PARAMS_AT] = at - data;
    return at == end || (*at == ';' && over(at, end, URI_PARAM) == end);
}

/* The next parameter of a header, and where it ends; `value` is NULL where it has none. NULL where it is not usual. */
static const unsigned char *param_of(
    const unsigned char *at, const unsigned char *end, const unsigned char **name_end, const unsigned char **value)
{
    *value = NULL;
    *name_end = at = over(at + 1, end, TOKEN);
    if (at < end && *at == '=') {
        *value = at + 1;
        at = over(at + 1, end, VALUE);
    }
    return at == end || *at == ';' ? at : NULL;
}

/* Whether a name is `word`, which is in lower case, in whatever case it is written. */
static int is_named(const unsigned char *at, const unsigned char *end, const char *word, Py_ssize_t length)
{
    Py_ssize_t i;
    if (end - at != length)
        return 0;
    for (i = 0; i < length; i++)
        if ((at[i] >= 'A' && at[i] <= 'Z' ? at[i] + 32 : at[i]) != (unsigned char)word[i])
            return 0;
    return 1;
}

static PyObject *told(const long *found, int count)
{
    PyObject *tuple = PyTuple_New(count);
    int i;
    for (i = 0; tuple != NULL && i < count; i++) {
        PyObject *number = PyLong_FromLong(found[i]);
        if (number == NULL)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, i, number);
    }
    return tuple;
}

/* The octets that a function was given, and the span of them it is asked about. */
static int asked(PyObject *const *args, Py_ssize_t count, const unsigned char **data, long *start, long *end)
{
    if (count != 3 || !PyBytes_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "octets, start and end are wanted");
        return 0;
    }
    *data = (const unsigned char *)PyBytes_AS_STRING(args[0]);
    *start = PyLong_AsLong(args[1]);
    *end = PyLong_AsLong(args[2]);
    if (PyErr_Occurred())
        return 0;
    if (*start < 0 || *end < *start || *end > PyBytes_GET_SIZE(args[0])) {
        PyErr_SetString(PyExc_ValueError, "no span of the octets");
        return 0;
    }
    return 1;
}

static PyObject *uri(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t count)
{
    const unsigned char *data;
    long start, end, found[URI_PARTS];
    if (!asked(args, count, &data, &start, &end))
        return NULL;
    if (!read_uri(data, data + start, data + end, found))
        Py_RETURN_NONE;
    return told(found, URI_PARTS);
}

enum { URI_AT = URI_PARTS, URI_END, AFTER_AT, TAG_AT, TAG_END, NAME_ADDR_PARTS };

/* One name-addr with its parameters: the parts of its URI, where that is, and its tag. */
static PyObject *name_addr(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t count)
{
    const unsigned char *data, *at, *stop, *close, *name_end, *value;
    long start, end, found[NAME_ADDR_PARTS];
    int params = 0, tagged = 0;
    if (!asked(args, count, &data, &start, &end))
        return NULL;
    at = data + start;
    stop = data + end;
    if (at < stop && *at == '"') {
        for (at++; at < stop && *at != '"'; at++)
            if (*at < ' ' || *at == '\\')
                Py_RETURN_NONE;
        if (at++ == stop)
            Py_RETURN_NONE;
    } else if (at < stop && *at == ' ')
        Py_RETURN_NONE;
    at = over(at, stop, DISPLAY);
    if (at >= stop || *at != '<')
        Py_RETURN_NONE;
    at++;
    close = memchr(at, '>', stop - at);
    if (close == NULL || !read_uri(data, at, close, found))
        Py_RETURN_NONE;
    found[URI_AT] = at - data;
    found[URI_END] = close - data;
    found[AFTER_AT] = close + 1 - data;
    found[TAG_AT] = found[TAG_END] = -1;
    for (at = close + 1; at < stop; params++) {
        const unsigned char *name = at + 1;
        if (*at != ';' || params == MOST_PARAMS || (at = param_of(at, stop, &name_end, &value)) == NULL)
            Py_RETURN_NONE;
        if (!tagged && is_named(name, name_end, "tag", 3)) {
            tagged = 1;
            if (value != NULL) {
                found[TAG_AT] = value - data;
                found[TAG_END] = at - data;
            }
        }
    }
    return told(found, NAME_ADDR_PARTS);
}

enum { PROTOCOL_END, BY_AT, BY_END, BY_PORT_AT, BY_PORT_END, BY_PORT, VIA_AFTER, BRANCH_AT, BRANCH_END, RPORT_AT, RPORT_END,
       SAYS, VIA_PARTS };
enum { ALIAS = 1, RECEIVED = 2, BRANCH = 4 };

/* One Via value: its branch, the whole of its rport, and whether it says alias and received (SAYS). */
static PyObject *via(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t count)
{
    const unsigned char *data, *at, *stop, *next, *name_end, *value;
    long start, end, found[VIA_PARTS];
    int params = 0, part;
    if (!asked(args, count, &data, &start, &end))
        return NULL;
    at = data + start;
    stop = data + end;
    for (part = 0; part < 3; part++) {
        next = over(at, stop, TOKEN);
        if (next == at || next == stop || *next != (part < 2 ? '/' : ' '))
            Py_RETURN_NONE;
        at = next + 1;
    }
    found[PROTOCOL_END] = at - 1 - data;
    while (at < stop && *at == ' ')
        at++;
    next = over(at, stop, HOST);
    if (next == at || *at == '.' || *at == '-')
        Py_RETURN_NONE;
    found[BY_AT] = at - data;
    found[BY_END] = next - data;
    found[BY_PORT_AT] = found[BY_PORT_END] = -1;
    found[BY_PORT] = 0;
    at = next;
    if (at < stop && *at == ':') {
        next = port_of(at + 1, stop, &found[BY_PORT]);
        if (next == NULL)
            Py_RETURN_NONE;
        found[BY_PORT_AT] = at + 1 - data;
        found[BY_PORT_END] = next - data;
        at = next;
    }
    found[VIA_AFTER] = at - data;
    found[BRANCH_AT] = found[BRANCH_END] = found[RPORT_AT] = found[RPORT_END] = -1;
    found[SAYS] = 0;
    for (; at < stop; params++) {
        const unsigned char *mark = at, *name = at + 1;
        if (*at != ';' || params == MOST_PARAMS || (at = param_of(at, stop, &name_end, &value)) == NULL)
            Py_RETURN_NONE;
        if (is_named(name, name_end, "branch", 6)) {
            if (!(found[SAYS] & BRANCH) && value != NULL) {
                found[BRANCH_AT] = value - data;
                found[BRANCH_END] = at - data;
            }
            found[SAYS] |= BRANCH;
        } else if (is_named(name, name_end, "rport", 5)) {
            if (found[RPORT_AT] < 0) {
                found[RPORT_AT] = mark - data;
                found[RPORT_END] = at - data;
            }
        } else if (is_named(name, name_end, "received", 8))
            found[SAYS] |= RECEIVED;
        else if (is_named(name, name_end, "alias", 5))
            found[SAYS] |= ALIAS;
    }
    return told(found, VIA_PARTS);
}

enum { MOST_HEADERS = 256, LONGEST_LINE = 8192, LONGEST_NAME = 255 };

static inline int is_space(unsigned char octet)
{
    return octet == ' ' || (octet >= '\t' && octet <= '\r');
}

/* One header line from `at` to the line end at `stop`: puts its name, its line, its place and its four offsets (where the
 * line begins and ends, and the value) into the lists and the dict. 0 where it is not usual, -1 with an error. */
static int header_line(PyObject *said[4], PyObject *usual, PyObject *named, const unsigned char *data,
                       const unsigned char *at, const unsigned char *stop)
{
    const unsigned char *colon = memchr(at, ':', stop - at), *first, *last = stop;
    PyObject *raw, *name, *line, *index;
    Py_ssize_t offsets[4];
    int i, failed = 0;
    if (colon == NULL || colon - at >= LONGEST_NAME || stop - at > LONGEST_LINE)
        return 0;
    raw = PyBytes_FromStringAndSize((const char *)at, colon + 1 - at);
    if (raw == NULL)
        return -1;
    name = PyDict_GetItemWithError(usual, raw);
    Py_XINCREF(name);
    if (name == NULL && !PyErr_Occurred())
        name = PyObject_CallOneArg(named, raw);
    Py_DECREF(raw);
    if (name == NULL)
        return -1;
    if (!PyUnicode_Check(name) || PyUnicode_GET_LENGTH(name) == 0) {
        Py_DECREF(name);
        return 0;
    }
    for (first = colon + 1; first < stop && is_space(*first);)
        first++;
    while (last > first && is_space(last[-1]))
        last--;
    offsets[0] = at - data;
    offsets[1] = stop + 2 - data;
    offsets[2] = first - data;
    offsets[3] = last - data;
    index = PyLong_FromSsize_t(PyList_GET_SIZE(said[0]));
    line = PyBytes_FromStringAndSize((const char *)at, stop - at);
    failed = index == NULL || line == NULL || PyList_Append(said[0], name) < 0 || PyList_Append(said[1], line) < 0 ||
             PyDict_SetDefault(said[2], name, index) == NULL;
    for (i = 0; i < 4 && !failed; i++) {
        PyObject *offset = PyLong_FromSsize_t(offsets[i]);
        failed = offset == NULL || PyList_Append(said[3], offset) < 0;
        Py_XDECREF(offset);
    }
    Py_XDECREF(index);
    Py_XDECREF(line);
    Py_DECREF(name);
    return failed ? -1 : 1;
}

/* All header lines from `start` on, which end in CR LF and are not folded: their names, the lines, where each name stands
 * first, their offsets, and where the body begins. `usual` is a dict of names as they are mostly written, `named` a
 * function that tells the others. */
static PyObject *headers(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t count)
{
    const unsigned char *data, *at, *stop, *end;
    PyObject *said[4] = {NULL, NULL, NULL, NULL}, *found = NULL;
    Py_ssize_t start;
    int known = 1;
    if (count != 4 || !PyBytes_Check(args[0]) || !PyDict_Check(args[2])) {
        PyErr_SetString(PyExc_TypeError, "octets, start, names and a function are wanted");
        return NULL;
    }
    start = PyLong_AsSsize_t(args[1]);
    if (PyErr_Occurred())
        return NULL;
    if (start < 0 || start > PyBytes_GET_SIZE(args[0])) {
        PyErr_SetString(PyExc_ValueError, "no place in the octets");
        return NULL;
    }
    data = (const unsigned char *)PyBytes_AS_STRING(args[0]);
    end = data + PyBytes_GET_SIZE(args[0]);
    said[0] = PyList_New(0);
    said[1] = PyList_New(0);
    said[2] = PyDict_New();
    said[3] = PyList_New(0);
    if (said[0] == NULL || said[1] == NULL || said[2] == NULL || said[3] == NULL)
        known = -1;
    for (at = data + start; known > 0; at = stop + 2) {
        stop = memchr(at, '\r', end - at);
        if (stop == NULL || stop + 1 == end || stop[1] != '\n' || memchr(at, '\n', stop - at) != NULL) {
            known = 0;
            break;
        }
        if (stop == at)
            break;
        known = PyList_GET_SIZE(said[0]) == MOST_HEADERS ? 0 : header_line(said, args[2], args[3], data, at, stop);
    }
    if (known > 0 && PyList_GET_SIZE(said[0]) > 0)
        found = Py_BuildValue("(OOOOn)", said[0], said[1], said[2], said[3], (Py_ssize_t)(stop + 2 - data));
    else if (known >= 0)
        found = Py_NewRef(Py_None);
    for (known = 0; known < 4; known++)
        Py_XDECREF(said[known]);
    return found;
}

static PyMethodDef functions[] = {
    {"headers", (PyCFunction)(void (*)(void))headers, METH_FASTCALL, "The header lines of a usual message, or None."},
    {"uri", (PyCFunction)(void (*)(void))uri, METH_FASTCALL, "The parts of a usual URI, or None."},
    {"name_addr", (PyCFunction)(void (*)(void))name_addr, METH_FASTCALL, "The parts of a usual name-addr, or None."},
    {"via", (PyCFunction)(void (*)(void))via, METH_FASTCALL, "The parts of a usual Via value, or None."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_scan",
    .m_doc = "Usual header values of SIP.",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__scan(void)
{
    prepare();
    return PyModule_Create(&module);
}
