#ifndef PYAWAITABLE_WRAPPERS_H
#define PYAWAITABLE_WRAPPERS_H

/* Made from src/capi by `make header`: do not edit. */

#ifndef PYAWAITABLE_LINK

PYAWAITABLE_API int PyAwaitable_Init(void)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->Init();
}

PYAWAITABLE_API PyTypeObject *PyAwaitable_GetType(void)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return NULL;
    }
    return table->GetType();
}

PYAWAITABLE_API PyObject *PyAwaitable_New(void)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return NULL;
    }
    return table->New();
}

PYAWAITABLE_API int PyAwaitable_AddAwait(PyObject *awaitable, PyObject *object, PyAwaitable_Callback callback,
                                         PyAwaitable_Error error)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->AddAwait(awaitable, object, callback, error);
}

PYAWAITABLE_API int PyAwaitable_AddExpr(PyObject *awaitable, PyObject *expr, PyAwaitable_Callback callback,
                                        PyAwaitable_Error error)
{
    const PyAwaitable_Table *table;
    if (expr == NULL) {
        return -1;
    }
    table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        Py_DECREF(expr);
        return -1;
    }
    return table->AddExpr(awaitable, expr, callback, error);
}

PYAWAITABLE_API int PyAwaitable_DeferAwait(PyObject *awaitable, PyAwaitable_Defer callback)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->DeferAwait(awaitable, callback);
}

PYAWAITABLE_API int PyAwaitable_AwaitCall(PyObject *awaitable, PyObject *function, PyObject *arguments,
                                          PyAwaitable_Callback callback, PyAwaitable_Error error)
{
    const PyAwaitable_Table *table;
    if (arguments == NULL) {
        return -1;
    }
    table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        Py_DECREF(arguments);
        return -1;
    }
    return table->AwaitCall(awaitable, function, arguments, callback, error);
}

PYAWAITABLE_API int PyAwaitable_AsyncWith(PyObject *awaitable, PyObject *context, PyAwaitable_Callback callback,
                                          PyAwaitable_Error error)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->AsyncWith(awaitable, context, callback, error);
}

PYAWAITABLE_API void PyAwaitable_Cancel(PyObject *awaitable)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return;
    }
    table->Cancel(awaitable);
}

PYAWAITABLE_API int PyAwaitable_SetResult(PyObject *awaitable, PyObject *result)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->SetResult(awaitable, result);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_ValueCount(PyObject *awaitable)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->ValueCount(awaitable);
}

PYAWAITABLE_API int PyAwaitable_SaveValueArray(PyObject *awaitable, Py_ssize_t count, PyObject *const *values)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->SaveValueArray(awaitable, count, values);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_UnpackValueArray(PyObject *awaitable, Py_ssize_t count, PyObject **values)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->UnpackValueArray(awaitable, count, values);
}

PYAWAITABLE_API int PyAwaitable_SetValue(PyObject *awaitable, Py_ssize_t index, PyObject *value)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->SetValue(awaitable, index, value);
}

PYAWAITABLE_API PyObject *PyAwaitable_GetValue(PyObject *awaitable, Py_ssize_t index)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return NULL;
    }
    return table->GetValue(awaitable, index);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_ArbValueCount(PyObject *awaitable)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->ArbValueCount(awaitable);
}

PYAWAITABLE_API int PyAwaitable_SaveArbValueArray(PyObject *awaitable, Py_ssize_t count, void *const *values)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->SaveArbValueArray(awaitable, count, values);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_UnpackArbValueArray(PyObject *awaitable, Py_ssize_t count, void **values)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->UnpackArbValueArray(awaitable, count, values);
}

PYAWAITABLE_API int PyAwaitable_SetArbValue(PyObject *awaitable, Py_ssize_t index, void *value)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->SetArbValue(awaitable, index, value);
}

PYAWAITABLE_API void *PyAwaitable_GetArbValue(PyObject *awaitable, Py_ssize_t index)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return NULL;
    }
    return table->GetArbValue(awaitable, index);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_IntValueCount(PyObject *awaitable)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->IntValueCount(awaitable);
}

PYAWAITABLE_API int PyAwaitable_SaveIntValueArray(PyObject *awaitable, Py_ssize_t count, const long *values)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->SaveIntValueArray(awaitable, count, values);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_UnpackIntValueArray(PyObject *awaitable, Py_ssize_t count, long *values)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->UnpackIntValueArray(awaitable, count, values);
}

PYAWAITABLE_API int PyAwaitable_SetIntValue(PyObject *awaitable, Py_ssize_t index, long value)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->SetIntValue(awaitable, index, value);
}

PYAWAITABLE_API long PyAwaitable_GetIntValue(PyObject *awaitable, Py_ssize_t index)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        return -1;
    }
    return table->GetIntValue(awaitable, index);
}

#endif /* PYAWAITABLE_LINK */

#endif /* PYAWAITABLE_WRAPPERS_H */
