#ifndef PYAWAITABLE_WRAPPERS_H
#define PYAWAITABLE_WRAPPERS_H

/* Made from src/capi by `make header`: do not edit. */

#ifndef PYAWAITABLE_LINK

PYAWAITABLE_API int PyAwaitable_Init(void)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->Init();
}

PYAWAITABLE_API PyTypeObject *PyAwaitable_GetType(void)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->GetType();
}

PYAWAITABLE_API PyObject *PyAwaitable_New(void)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->New();
}

PYAWAITABLE_API int PyAwaitable_AddAwait(PyObject *awaitable, PyObject *object, PyAwaitable_Callback callback,
                                         PyAwaitable_Error error)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->AddAwait(awaitable, object, callback, error);
}

PYAWAITABLE_API int PyAwaitable_AddExpr(PyObject *awaitable, PyObject *expr, PyAwaitable_Callback callback,
                                        PyAwaitable_Error error)
{
    const PyAwaitable_Table *runtime;
    if (expr == NULL) {
        return -1;
    }
    runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        Py_DECREF(expr);
        return -1;
    }
    return runtime->AddExpr(awaitable, expr, callback, error);
}

PYAWAITABLE_API int PyAwaitable_DeferAwait(PyObject *awaitable, PyAwaitable_Defer callback)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->DeferAwait(awaitable, callback);
}

PYAWAITABLE_API int PyAwaitable_AwaitCall(PyObject *awaitable, PyObject *function, PyObject *arguments,
                                          PyAwaitable_Callback callback, PyAwaitable_Error error)
{
    const PyAwaitable_Table *runtime;
    if (arguments == NULL) {
        return -1;
    }
    runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        Py_DECREF(arguments);
        return -1;
    }
    return runtime->AwaitCall(awaitable, function, arguments, callback, error);
}

PYAWAITABLE_API int PyAwaitable_AsyncWith(PyObject *awaitable, PyObject *context, PyAwaitable_Callback callback,
                                          PyAwaitable_Error error)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->AsyncWith(awaitable, context, callback, error);
}

PYAWAITABLE_API void PyAwaitable_Cancel(PyObject *awaitable)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return;
    }
    runtime->Cancel(awaitable);
}

PYAWAITABLE_API int PyAwaitable_SetResult(PyObject *awaitable, PyObject *result)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->SetResult(awaitable, result);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_ValueCount(PyObject *awaitable)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->ValueCount(awaitable);
}

PYAWAITABLE_API int PyAwaitable_SaveValueArray(PyObject *awaitable, Py_ssize_t count, PyObject *const *values)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->SaveValueArray(awaitable, count, values);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_UnpackValueArray(PyObject *awaitable, Py_ssize_t count, PyObject **values)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->UnpackValueArray(awaitable, count, values);
}

PYAWAITABLE_API int PyAwaitable_SetValue(PyObject *awaitable, Py_ssize_t index, PyObject *value)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->SetValue(awaitable, index, value);
}

PYAWAITABLE_API PyObject *PyAwaitable_GetValue(PyObject *awaitable, Py_ssize_t index)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->GetValue(awaitable, index);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_ArbValueCount(PyObject *awaitable)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->ArbValueCount(awaitable);
}

PYAWAITABLE_API int PyAwaitable_SaveArbValueArray(PyObject *awaitable, Py_ssize_t count, void *const *values)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->SaveArbValueArray(awaitable, count, values);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_UnpackArbValueArray(PyObject *awaitable, Py_ssize_t count, void **values)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->UnpackArbValueArray(awaitable, count, values);
}

PYAWAITABLE_API int PyAwaitable_SetArbValue(PyObject *awaitable, Py_ssize_t index, void *value)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->SetArbValue(awaitable, index, value);
}

PYAWAITABLE_API void *PyAwaitable_GetArbValue(PyObject *awaitable, Py_ssize_t index)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->GetArbValue(awaitable, index);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_IntValueCount(PyObject *awaitable)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->IntValueCount(awaitable);
}

PYAWAITABLE_API int PyAwaitable_SaveIntValueArray(PyObject *awaitable, Py_ssize_t count, const long *values)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->SaveIntValueArray(awaitable, count, values);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_UnpackIntValueArray(PyObject *awaitable, Py_ssize_t count, long *values)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->UnpackIntValueArray(awaitable, count, values);
}

PYAWAITABLE_API int PyAwaitable_SetIntValue(PyObject *awaitable, Py_ssize_t index, long value)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->SetIntValue(awaitable, index, value);
}

PYAWAITABLE_API long PyAwaitable_GetIntValue(PyObject *awaitable, Py_ssize_t index)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->GetIntValue(awaitable, index);
}

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API int PyAwaitable_AddFunctions(PyObject *module, PyMethodDef *table)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, AddFunctions), "PyAwaitable_AddFunctions");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->AddFunctions(module, table);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API int PyAwaitable_AddMethods(PyTypeObject *type, PyMethodDef *table)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, AddMethods), "PyAwaitable_AddMethods");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->AddMethods(type, table);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API PyObject *PyAwaitable_AsCoroutine(PyObject *awaitable)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, AsCoroutine), "PyAwaitable_AsCoroutine");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->AsCoroutine(awaitable);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API int PyAwaitable_AddCleanup(PyObject *awaitable, PyAwaitable_Cleanup cleanup, void *data)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, AddCleanup), "PyAwaitable_AddCleanup");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->AddCleanup(awaitable, cleanup, data);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API int PyAwaitable_ParseTupleArray(PyObject *awaitable, PyObject *args, const char *format,
                                                Py_ssize_t count, void *const *places)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, ParseTupleArray), "PyAwaitable_ParseTupleArray");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->ParseTupleArray(awaitable, args, format, count, places);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API int PyAwaitable_ParseFrameArray(PyObject *awaitable, PyObject *args, PyObject *kwargs,
                                                const char *format, char *const *keywords, Py_ssize_t count,
                                                void *const *places)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, ParseFrameArray), "PyAwaitable_ParseFrameArray");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->ParseFrameArray(awaitable, args, kwargs, format, keywords, count, places);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API Py_ssize_t PyAwaitable_UnpackArray(PyObject *awaitable, Py_ssize_t count, void *const *places)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, UnpackArray), "PyAwaitable_UnpackArray");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->UnpackArray(awaitable, count, places);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API PyObject *PyAwaitable_NewBody(const PyAwaitable_Definition *definition, void *frame)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, NewBody), "PyAwaitable_NewBody");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->NewBody(definition, frame);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API int PyAwaitable_AsyncFor(PyObject *awaitable, PyObject *iterable, PyAwaitable_Callback each,
                                         PyAwaitable_Defer end, PyAwaitable_Error error)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, AsyncFor), "PyAwaitable_AsyncFor");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->AsyncFor(awaitable, iterable, each, end, error);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API PyObject *PyAwaitable_NewGenerator(const PyAwaitable_Definition *definition, void *frame)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, NewGenerator), "PyAwaitable_NewGenerator");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->NewGenerator(definition, frame);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API PyAwaitable_Waker *PyAwaitable_NewWaker(PyObject *awaitable)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, NewWaker), "PyAwaitable_NewWaker");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->NewWaker(awaitable);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API const char *PyAwaitable_CurrentLibrary(void)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, CurrentLibrary), "PyAwaitable_CurrentLibrary");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->CurrentLibrary();
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API PyObject *PyAwaitable_NewPromise(PyAwaitable_Promise **promise, PyAwaitable_Convert convert,
                                                 PyAwaitable_Drop drop)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, NewPromise), "PyAwaitable_NewPromise");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->NewPromise(promise, convert, drop);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API int PyAwaitable_PromiseOnCancel(PyAwaitable_Promise *promise, PyAwaitable_Drop cancel, void *data)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, PromiseOnCancel), "PyAwaitable_PromiseOnCancel");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->PromiseOnCancel(promise, cancel, data);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API PyObject *PyAwaitable_Sleep(double seconds)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, Sleep), "PyAwaitable_Sleep");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->Sleep(seconds);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API PyObject *PyAwaitable_Checkpoint(void)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, Checkpoint), "PyAwaitable_Checkpoint");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->Checkpoint();
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API PyObject *PyAwaitable_Run(PyAwaitable_Work work, PyAwaitable_Convert convert, PyAwaitable_Drop drop,
                                          PyAwaitable_Drop cancel, void *data, int on_cancel)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, Run), "PyAwaitable_Run");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->Run(work, convert, drop, cancel, data, on_cancel);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API int PyAwaitable_SetPoolSize(Py_ssize_t size)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, SetPoolSize), "PyAwaitable_SetPoolSize");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->SetPoolSize(size);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API PyObject *PyAwaitable_WaitReadable(PyAwaitable_Descriptor descriptor)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, WaitReadable), "PyAwaitable_WaitReadable");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->WaitReadable(descriptor);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API PyObject *PyAwaitable_WaitWritable(PyAwaitable_Descriptor descriptor)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, WaitWritable), "PyAwaitable_WaitWritable");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->WaitWritable(descriptor);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API int PyAwaitable_NotifyClosing(PyAwaitable_Descriptor descriptor)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, NotifyClosing), "PyAwaitable_NotifyClosing");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return -1;
    }
    return runtime->NotifyClosing(descriptor);
}
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
PYAWAITABLE_API PyObject *PyAwaitable_RunOnBuffer(PyObject *object, PyAwaitable_BufferWork work,
                                                  Py_ssize_t result_size, PyAwaitable_Convert convert,
                                                  PyAwaitable_Drop drop, int on_cancel)
{
    const PyAwaitable_Table *runtime = PyAwaitable__get_newer(1, offsetof(PyAwaitable_Table, RunOnBuffer), "PyAwaitable_RunOnBuffer");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        return NULL;
    }
    return runtime->RunOnBuffer(object, work, result_size, convert, drop, on_cancel);
}
#endif

#endif /* PYAWAITABLE_LINK */

#endif /* PYAWAITABLE_WRAPPERS_H */
