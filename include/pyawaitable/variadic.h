/* The functions with a variable number of arguments, over those that take an array. Written by hand. */
#ifndef PYAWAITABLE_VARIADIC_H
#define PYAWAITABLE_VARIADIC_H

/* Up to this many arguments need no allocation. */
#define PYAWAITABLE__FEW 32

/* Room for `count` elements of `size` bytes: `few` if that is enough, otherwise memory for PyAwaitable__free_array. NULL with
   an exception set: MemoryError, or what is wrong with the awaitable. A negative count needs no room, and is refused by the
   function that gets the array. */
PYAWAITABLE_INLINE void *
PyAwaitable__new_array(PyObject *awaitable, void *few, Py_ssize_t count, size_t size)
{
    void *array;
    if (count <= PYAWAITABLE__FEW) {
        return few;
    }
    if (PyAwaitable_ValueCount(awaitable) < 0) {
        return NULL;
    }
    array = (size_t)count > (size_t)PY_SSIZE_T_MAX / size ? NULL : PyMem_Malloc((size_t)count * size);
    if (array == NULL) {
        PyErr_NoMemory();
    }
    return array;
}

PYAWAITABLE_INLINE void
PyAwaitable__free_array(void *few, void *array)
{
    if (array != few) {
        PyMem_Free(array);
    }
}

/* Collects `count` arguments of `type` after `last` into an array, and calls `function` with it. */
#define PYAWAITABLE__COLLECT(type, last, count, function)                                                              \
    type few[PYAWAITABLE__FEW];                                                                                        \
    type *array = (type *)PyAwaitable__new_array(awaitable, few, count, sizeof(type));                                 \
    Py_ssize_t index;                                                                                                  \
    int status;                                                                                                        \
    va_list arguments;                                                                                                 \
    if (array == NULL) {                                                                                               \
        return -1;                                                                                                     \
    }                                                                                                                  \
    va_start(arguments, last);                                                                                         \
    for (index = 0; index < count; index++) {                                                                          \
        array[index] = va_arg(arguments, type);                                                                        \
    }                                                                                                                  \
    va_end(arguments);                                                                                                 \
    status = function(awaitable, count, array);                                                                        \
    PyAwaitable__free_array(few, array);                                                                               \
    return status

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized" /* no more than `count` elements are read */
#endif

PYAWAITABLE_INLINE int
PyAwaitable_SaveValues(PyObject *awaitable, Py_ssize_t count, ...)
{
    PYAWAITABLE__COLLECT(PyObject *, count, count, PyAwaitable_SaveValueArray);
}

PYAWAITABLE_INLINE int
PyAwaitable_SaveArbValues(PyObject *awaitable, Py_ssize_t count, ...)
{
    PYAWAITABLE__COLLECT(void *, count, count, PyAwaitable_SaveArbValueArray);
}

PYAWAITABLE_INLINE int
PyAwaitable_SaveIntValues(PyObject *awaitable, Py_ssize_t count, ...)
{
    PYAWAITABLE__COLLECT(long, count, count, PyAwaitable_SaveIntValueArray);
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

/* Writes the saved values, which are of `type` and which `function` copies, to the places after `awaitable`. */
#define PYAWAITABLE__SPREAD(type, function)                                                                            \
    type few[PYAWAITABLE__FEW];                                                                                        \
    type *array = few;                                                                                                 \
    Py_ssize_t index, count = function(awaitable, PYAWAITABLE__FEW, few);                                              \
    va_list arguments;                                                                                                 \
    if (count > PYAWAITABLE__FEW) {                                                                                    \
        const Py_ssize_t room = count;                                                                                 \
        array = (type *)PyAwaitable__new_array(awaitable, few, room, sizeof(type));                                    \
        count = array == NULL ? -1 : function(awaitable, room, array);                                                 \
        /* Without a GIL, another thread may have saved more. */                                                       \
        count = count > room ? room : count;                                                                           \
    }                                                                                                                  \
    va_start(arguments, awaitable);                                                                                    \
    for (index = 0; index < count; index++) {                                                                          \
        type *place = va_arg(arguments, type *);                                                                       \
        if (place != NULL) {                                                                                           \
            *place = array[index];                                                                                     \
        }                                                                                                              \
    }                                                                                                                  \
    va_end(arguments);                                                                                                 \
    PyAwaitable__free_array(few, array);                                                                               \
    return count < 0 ? -1 : 0

PYAWAITABLE_INLINE int
PyAwaitable_UnpackValues(PyObject *awaitable, ...)
{
    PYAWAITABLE__SPREAD(PyObject *, PyAwaitable_UnpackValueArray);
}

PYAWAITABLE_INLINE int
PyAwaitable_UnpackArbValues(PyObject *awaitable, ...)
{
    PYAWAITABLE__SPREAD(void *, PyAwaitable_UnpackArbValueArray);
}

PYAWAITABLE_INLINE int
PyAwaitable_UnpackIntValues(PyObject *awaitable, ...)
{
    PYAWAITABLE__SPREAD(long, PyAwaitable_UnpackIntValueArray);
}

#undef PYAWAITABLE__SPREAD
#undef PYAWAITABLE__COLLECT

/* In headers from 3.13 on, '#' in a format means a Py_ssize_t. In an older interpreter, on which an extension for the limited
   API may run, it does so only in this function. */
#if defined(Py_LIMITED_API) && Py_LIMITED_API + 0 < 0x030D0000 && PY_VERSION_HEX >= 0x030D0000
#ifdef __cplusplus
extern "C" {
#endif
PyAPI_FUNC(PyObject *) _Py_VaBuildValue_SizeT(const char *, va_list);
#ifdef __cplusplus
}
#endif
#define PYAWAITABLE__BUILD_VALUE _Py_VaBuildValue_SizeT
#else
#define PYAWAITABLE__BUILD_VALUE Py_VaBuildValue
#endif

/* Here and not in the library, so that PY_SSIZE_T_CLEAN applies as in the calling file. */
PYAWAITABLE_INLINE int
PyAwaitable_AwaitFunction(PyObject *awaitable, PyObject *function, const char *format, PyAwaitable_Callback callback,
                          PyAwaitable_Error error, ...)
{
    PyObject *built;
    if (format == NULL) {
        built = PyTuple_New(0);
    }
    else {
        /* In parentheses, so that a single argument makes a tuple, too. */
        PyObject *type, *value, *traceback;
        char few[64];
        size_t length = strlen(format);
        char *whole = length + 3 <= sizeof(few) ? few : (char *)PyMem_Malloc(length + 3);
        va_list arguments;
        if (whole != NULL) {
            whole[0] = '(';
            memcpy(whole + 1, format, length);
            memcpy(whole + 1 + length, ")", 2);
        }
        /* Building may run Python code, which must not run with an exception set. */
        PyErr_Fetch(&type, &value, &traceback);
        va_start(arguments, error);
        built = PYAWAITABLE__BUILD_VALUE(whole == NULL ? format : whole, arguments);
        va_end(arguments);
        if (built != NULL || (type != NULL && PyErr_ExceptionMatches(PyExc_SystemError))) {
            /* It failed because an argument is NULL, for which this exception is the reason. */
            PyErr_Restore(type, value, traceback);
        }
        else {
            Py_XDECREF(type);
            Py_XDECREF(value);
            Py_XDECREF(traceback);
        }
        if (whole == NULL) {
            /* Built anyway, for the references that 'N' steals. */
            Py_XDECREF(built);
            PyErr_NoMemory();
            return -1;
        }
        PyAwaitable__free_array(few, whole);
    }
    return PyAwaitable_AwaitCall(awaitable, function, built, callback, error);
}

#if PYAWAITABLE__DECLARED_MINOR >= 1

/* The most places that a format may have. */
#define PYAWAITABLE__PLACES 32

/* How many arguments follow a format: one for each letter, and one more for what modifies it, as in O!. */
PYAWAITABLE_INLINE Py_ssize_t
PyAwaitable__places(const char *format)
{
    Py_ssize_t count = 0;
    for (; format != NULL && *format != '\0' && strchr(":;", *format) == NULL; format++) {
        count += strchr("|$() ,", *format) == NULL;
    }
    if (count > PYAWAITABLE__PLACES) {
        PyErr_SetString(PyExc_ValueError, "a format for an awaitable has at most 32 places");
        return -1;
    }
    return count;
}

/* Collects the arguments after `last` that a format takes, in an array `places`. */
#define PYAWAITABLE__COLLECT_PLACES(last)                                                                              \
    void *places[PYAWAITABLE__PLACES] = {NULL};                                                                        \
    Py_ssize_t index, count = PyAwaitable__places(format);                                                             \
    va_list arguments;                                                                                                 \
    if (count < 0) {                                                                                                   \
        return -1;                                                                                                     \
    }                                                                                                                  \
    va_start(arguments, last);                                                                                         \
    for (index = 0; index < count; index++) {                                                                          \
        places[index] = va_arg(arguments, void *);                                                                     \
    }                                                                                                                  \
    va_end(arguments)

PYAWAITABLE_INLINE int
PyAwaitable_ParseTuple(PyObject *awaitable, PyObject *args, const char *format, ...)
{
    PYAWAITABLE__COLLECT_PLACES(format);
    return PyAwaitable_ParseTupleArray(awaitable, args, format, count, places);
}

/* Takes out of a frame what it does not own, also where there is no runtime that would. */
PYAWAITABLE_COLD void
PyAwaitable__disown(const char *format, void *const *places, Py_ssize_t count)
{
    PyObject *nothing = NULL;
    Py_ssize_t index = 0;
    for (; index < count && *format != '\0'; format++) {
        const Py_ssize_t object = index + (format[1] == '!');
        if (strchr("OSUY", *format) != NULL && format[1] != '&' && object < count && places[object] != NULL) {
            memcpy(places[object], &nothing, sizeof(nothing));
        }
        if (strchr("|$", *format) == NULL) {
            index = object + 1;
        }
        format += format[1] == '!';
    }
}

PYAWAITABLE_INLINE int
PyAwaitable_ParseFrame(PyObject *awaitable, PyObject *args, PyObject *kwargs, const char *format, char *const *keywords,
                       ...)
{
    PYAWAITABLE__COLLECT_PLACES(keywords);
    index = PyAwaitable_ParseFrameArray(awaitable, args, kwargs, format, keywords, count, places);
    if (index < 0) {
        PyAwaitable__disown(format, places, count);
    }
    return (int)index;
}

/* As the others that unpack: of pointers to whatever was parsed. */
PYAWAITABLE_INLINE int
PyAwaitable_Unpack(PyObject *awaitable, ...)
{
    void *few[PYAWAITABLE__FEW];
    Py_ssize_t index, count = PyAwaitable_UnpackArray(awaitable, 0, NULL);
    void **array = few;
    va_list arguments;
    if (count < 0) {
        return -1;
    }
    array = (void **)PyAwaitable__new_array(awaitable, few, count, sizeof(void *));
    if (array == NULL) {
        return -1;
    }
    va_start(arguments, awaitable);
    for (index = 0; index < count; index++) {
        array[index] = va_arg(arguments, void *);
    }
    va_end(arguments);
    count = PyAwaitable_UnpackArray(awaitable, count, array);
    PyAwaitable__free_array(few, array);
    return count < 0 ? -1 : 0;
}

#undef PYAWAITABLE__COLLECT_PLACES

#endif /* PYAWAITABLE__DECLARED_MINOR */

/* The functions above are for code that takes their address. A call by name uses one of the following, which know how many
   arguments there are: too few is a ValueError. */

PYAWAITABLE_COLD int
PyAwaitable__too_few(const char *what, Py_ssize_t needed, Py_ssize_t given)
{
    PyErr_Format(PyExc_ValueError, "%s: %zd needed, and %zd given", what, needed, given);
    return -1;
}

/* Calls `function` with an array of `type`, which has `given` values. */
#define PYAWAITABLE__SAVE(type, function)                                                                              \
    if (PYAWAITABLE__UNLIKELY(count > given)) {                                                                        \
        return PyAwaitable__too_few("too few values to save", count, given);                                           \
    }                                                                                                                  \
    return function(awaitable, count, (type)values)

PYAWAITABLE__ALWAYS_INLINE int
PyAwaitable__save_objects(PyObject *awaitable, Py_ssize_t count, Py_ssize_t given, const void *values)
{
    PYAWAITABLE__SAVE(PyObject *const *, PyAwaitable_SaveValueArray);
}

PYAWAITABLE__ALWAYS_INLINE int
PyAwaitable__save_pointers(PyObject *awaitable, Py_ssize_t count, Py_ssize_t given, const void *values)
{
    PYAWAITABLE__SAVE(void *const *, PyAwaitable_SaveArbValueArray);
}

PYAWAITABLE__ALWAYS_INLINE int
PyAwaitable__save_integers(PyObject *awaitable, Py_ssize_t count, Py_ssize_t given, const void *values)
{
    PYAWAITABLE__SAVE(const long *, PyAwaitable_SaveIntValueArray);
}

/* Writes the saved values, which are of `type` and which `function` copies to `array`, to `given` places. It uses memcpy(),
   since a place may be a pointer of any type. */
#define PYAWAITABLE__UNPACK(type, function)                                                                            \
    const volatile void *const *place = (const volatile void *const *)places;                                          \
    Py_ssize_t index, saved = function(awaitable, given, array);                                                       \
    if (PYAWAITABLE__UNLIKELY(saved > given)) {                                                                        \
        saved = PyAwaitable__too_few("too few places for the saved values", saved, given);                             \
    }                                                                                                                  \
    for (index = 0; index < saved; index++) {                                                                          \
        const volatile void *to = place[index];                                                                        \
        PYAWAITABLE__HIDE(to);                                                                                         \
        if (to != NULL) {                                                                                              \
            memcpy((void *)(uintptr_t)to, &array[index], sizeof(type));                                                \
        }                                                                                                              \
    }

/* With an allocated array. */
#define PYAWAITABLE__UNPACK_MANY(type, function)                                                                       \
    type *array = (type *)PyAwaitable__new_array(awaitable, NULL, given, sizeof(type));                                \
    if (array != NULL) {                                                                                               \
        PYAWAITABLE__UNPACK(type, function)                                                                            \
        PyMem_Free(array);                                                                                             \
        return saved < 0 ? -1 : 0;                                                                                     \
    }                                                                                                                  \
    return -1

/* With one on the stack, if it is large enough. */
#define PYAWAITABLE__UNPACK_FEW(type, function, many)                                                                  \
    type array[PYAWAITABLE__FEW];                                                                                      \
    if (given <= PYAWAITABLE__FEW) {                                                                                   \
        PYAWAITABLE__UNPACK(type, function)                                                                            \
        return saved < 0 ? -1 : 0;                                                                                     \
    }                                                                                                                  \
    return many(awaitable, given, places)

PYAWAITABLE_COLD int
PyAwaitable__unpack_many_objects(PyObject *awaitable, Py_ssize_t given, const void *places)
{
    PYAWAITABLE__UNPACK_MANY(PyObject *, PyAwaitable_UnpackValueArray);
}

PYAWAITABLE__ALWAYS_INLINE int
PyAwaitable__unpack_objects(PyObject *awaitable, Py_ssize_t given, const void *places)
{
    PYAWAITABLE__UNPACK_FEW(PyObject *, PyAwaitable_UnpackValueArray, PyAwaitable__unpack_many_objects);
}

PYAWAITABLE_COLD int
PyAwaitable__unpack_many_pointers(PyObject *awaitable, Py_ssize_t given, const void *places)
{
    PYAWAITABLE__UNPACK_MANY(void *, PyAwaitable_UnpackArbValueArray);
}

PYAWAITABLE__ALWAYS_INLINE int
PyAwaitable__unpack_pointers(PyObject *awaitable, Py_ssize_t given, const void *places)
{
    PYAWAITABLE__UNPACK_FEW(void *, PyAwaitable_UnpackArbValueArray, PyAwaitable__unpack_many_pointers);
}

PYAWAITABLE_COLD int
PyAwaitable__unpack_many_integers(PyObject *awaitable, Py_ssize_t given, const void *places)
{
    PYAWAITABLE__UNPACK_MANY(long, PyAwaitable_UnpackIntValueArray);
}

PYAWAITABLE__ALWAYS_INLINE int
PyAwaitable__unpack_integers(PyObject *awaitable, Py_ssize_t given, const void *places)
{
    PYAWAITABLE__UNPACK_FEW(long, PyAwaitable_UnpackIntValueArray, PyAwaitable__unpack_many_integers);
}

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_INLINE int
PyAwaitable__unpack_parsed(PyObject *awaitable, Py_ssize_t given, const void *places)
{
    Py_ssize_t parsed = PyAwaitable_UnpackArray(awaitable, given, (void *const *)places);
    if (PYAWAITABLE__UNLIKELY(parsed > given)) {
        return PyAwaitable__too_few("too few places for the parsed arguments", parsed, given);
    }
    return parsed < 0 ? -1 : 0;
}
#endif

#undef PYAWAITABLE__UNPACK_FEW
#undef PYAWAITABLE__UNPACK_MANY
#undef PYAWAITABLE__UNPACK
#undef PYAWAITABLE__SAVE

#ifdef __cplusplus

/* Even if the header is included inside an `extern "C"`. */
extern "C++" {

/* What may be passed for a pointer: one of any type, NULL, or 0. */
PYAWAITABLE__ALWAYS_INLINE const volatile void *
PyAwaitable__pointer(const volatile void *pointer)
{
    return pointer;
}

PYAWAITABLE__ALWAYS_INLINE const volatile void *
PyAwaitable__pointer(long zero)
{
    return (const volatile void *)(intptr_t)zero;
}

PYAWAITABLE__ALWAYS_INLINE const volatile void *
PyAwaitable__pointer(int zero)
{
    return (const volatile void *)(intptr_t)zero;
}

template <typename Result, typename... Arguments>
PYAWAITABLE__ALWAYS_INLINE const volatile void *
PyAwaitable__pointer(Result (*function)(Arguments...))
{
    return (const volatile void *)function;
}

/* One extra element, since there may be none. */
#define PYAWAITABLE__POINTERS {PyAwaitable__pointer(values)..., NULL}

template <typename... Values>
PYAWAITABLE__ALWAYS_INLINE int
PyAwaitable__save_each_object(PyObject *awaitable, Py_ssize_t count, Values... values)
{
    const volatile void *const array[] = PYAWAITABLE__POINTERS;
    return PyAwaitable__save_objects(awaitable, count, (Py_ssize_t)sizeof...(values), array);
}

template <typename... Values>
PYAWAITABLE__ALWAYS_INLINE int
PyAwaitable__save_each_pointer(PyObject *awaitable, Py_ssize_t count, Values... values)
{
    const volatile void *const array[] = PYAWAITABLE__POINTERS;
    return PyAwaitable__save_pointers(awaitable, count, (Py_ssize_t)sizeof...(values), array);
}

template <typename... Values>
PYAWAITABLE__ALWAYS_INLINE int
PyAwaitable__save_each_integer(PyObject *awaitable, Py_ssize_t count, Values... values)
{
    const long array[] = {(long)values..., 0};
    return PyAwaitable__save_integers(awaitable, count, (Py_ssize_t)sizeof...(values), array);
}

template <typename... Values>
PYAWAITABLE__ALWAYS_INLINE int
PyAwaitable__unpack_each_object(PyObject *awaitable, Values... values)
{
    const volatile void *const array[] = PYAWAITABLE__POINTERS;
    return PyAwaitable__unpack_objects(awaitable, (Py_ssize_t)sizeof...(values), array);
}

template <typename... Values>
PYAWAITABLE__ALWAYS_INLINE int
PyAwaitable__unpack_each_pointer(PyObject *awaitable, Values... values)
{
    const volatile void *const array[] = PYAWAITABLE__POINTERS;
    return PyAwaitable__unpack_pointers(awaitable, (Py_ssize_t)sizeof...(values), array);
}

template <typename... Values>
PYAWAITABLE__ALWAYS_INLINE int
PyAwaitable__unpack_each_integer(PyObject *awaitable, Values... values)
{
    const volatile void *const array[] = PYAWAITABLE__POINTERS;
    return PyAwaitable__unpack_integers(awaitable, (Py_ssize_t)sizeof...(values), array);
}

#if PYAWAITABLE__DECLARED_MINOR >= 1
template <typename... Values>
PYAWAITABLE__ALWAYS_INLINE int
PyAwaitable__unpack_each_parsed(PyObject *awaitable, Values... values)
{
    const volatile void *const array[] = PYAWAITABLE__POINTERS;
    return PyAwaitable__unpack_parsed(awaitable, (Py_ssize_t)sizeof...(values), array);
}

/* The names of keywords, which are const in C++ and not in C; or none. */
struct PyAwaitable__keywords {
    char *const *names;
    PyAwaitable__keywords(char *const *given) : names(given)
    {
    }
    PyAwaitable__keywords(const char *const *given) : names(const_cast<char *const *>(given))
    {
    }
    PyAwaitable__keywords(decltype(nullptr)) : names(nullptr)
    {
    }
    PyAwaitable__keywords(long) : names(nullptr)
    {
    }
};

template <typename... Places>
PYAWAITABLE__ALWAYS_INLINE int
PyAwaitable__parse_frame(PyObject *awaitable, PyObject *args, PyObject *kwargs, const char *format,
                         PyAwaitable__keywords keywords, Places... places)
{
    return (PyAwaitable_ParseFrame)(awaitable, args, kwargs, format, keywords.names, places...);
}
#endif

#undef PYAWAITABLE__POINTERS

} /* extern "C++" */

#define PyAwaitable_SaveValues(...) PyAwaitable__save_each_object(__VA_ARGS__)
#define PyAwaitable_SaveArbValues(...) PyAwaitable__save_each_pointer(__VA_ARGS__)
#define PyAwaitable_SaveIntValues(...) PyAwaitable__save_each_integer(__VA_ARGS__)
#define PyAwaitable_UnpackValues(...) PyAwaitable__unpack_each_object(__VA_ARGS__)
#define PyAwaitable_UnpackArbValues(...) PyAwaitable__unpack_each_pointer(__VA_ARGS__)
#define PyAwaitable_UnpackIntValues(...) PyAwaitable__unpack_each_integer(__VA_ARGS__)
#if PYAWAITABLE__DECLARED_MINOR >= 1
#define PyAwaitable_Unpack(...) PyAwaitable__unpack_each_parsed(__VA_ARGS__)
#define PyAwaitable_ParseFrame(...) PyAwaitable__parse_frame(__VA_ARGS__)
#endif

#else

/* Of two arguments or more, the first, and the others. The outer parentheses are for MSVC, which otherwise takes __VA_ARGS__
   for one argument. */
#define PYAWAITABLE__EXPAND(argument) argument
#define PYAWAITABLE__HEAD(first, ...) first
#define PYAWAITABLE__TAIL(first, ...) __VA_ARGS__
#define PYAWAITABLE__FIRST(...) PYAWAITABLE__EXPAND(PYAWAITABLE__HEAD(__VA_ARGS__))
#define PYAWAITABLE__OTHERS(...) PYAWAITABLE__EXPAND(PYAWAITABLE__TAIL(__VA_ARGS__))

/* An array of what comes after the first argument, with a 0 at its end, and their number without the 0. The array lives as long
   as the enclosing block. Its address is taken, since -Wc++-compat warns when an array decays to a pointer. */
#define PYAWAITABLE__ARRAY(type, ...) ((type[]){PYAWAITABLE__OTHERS(__VA_ARGS__, 0)})
#define PYAWAITABLE__COUNT(type, ...) ((Py_ssize_t)(sizeof(PYAWAITABLE__ARRAY(type, __VA_ARGS__)) / sizeof(type)) - 1)

#define PYAWAITABLE__SAVE(function, type, awaitable, ...)                                                              \
    function(awaitable, PYAWAITABLE__FIRST(__VA_ARGS__, 0), PYAWAITABLE__COUNT(type, __VA_ARGS__),                     \
             &PYAWAITABLE__ARRAY(type, __VA_ARGS__))
#define PYAWAITABLE__UNPACK(function, ...)                                                                             \
    function(PYAWAITABLE__FIRST(__VA_ARGS__, 0), PYAWAITABLE__COUNT(const volatile void *, __VA_ARGS__),               \
             &PYAWAITABLE__ARRAY(const volatile void *, __VA_ARGS__))

#define PyAwaitable_SaveValues(awaitable, ...)                                                                         \
    PYAWAITABLE__SAVE(PyAwaitable__save_objects, const volatile void *, awaitable, __VA_ARGS__)
#define PyAwaitable_SaveArbValues(awaitable, ...)                                                                      \
    PYAWAITABLE__SAVE(PyAwaitable__save_pointers, const volatile void *, awaitable, __VA_ARGS__)
#define PyAwaitable_SaveIntValues(awaitable, ...)                                                                      \
    PYAWAITABLE__SAVE(PyAwaitable__save_integers, const long, awaitable, __VA_ARGS__)
#define PyAwaitable_UnpackValues(...) PYAWAITABLE__UNPACK(PyAwaitable__unpack_objects, __VA_ARGS__)
#define PyAwaitable_UnpackArbValues(...) PYAWAITABLE__UNPACK(PyAwaitable__unpack_pointers, __VA_ARGS__)
#define PyAwaitable_UnpackIntValues(...) PYAWAITABLE__UNPACK(PyAwaitable__unpack_integers, __VA_ARGS__)
#if PYAWAITABLE__DECLARED_MINOR >= 1
#define PyAwaitable_Unpack(...) PYAWAITABLE__UNPACK(PyAwaitable__unpack_parsed, __VA_ARGS__)
#endif

#endif /* __cplusplus */

#endif /* PYAWAITABLE_VARIADIC_H */
