/* What comes after the translated functions, and the arrays of their definitions, and of what makes objects of these. */

/* make(index, codes, variables): a new awaitable or generator. */
static PyObject *
make(PyObject *Py_UNUSED(module), PyObject *args)
{
    int index;
    PyObject *codes, *variables, *made;
    Beginning *f;
    if (!PyArg_ParseTuple(args, "iO!O!", &index, &PyTuple_Type, &codes, &PyDict_Type, &variables)) {
        return NULL;
    }
    made = functions[index](definitions[index], &f);
    if (made != NULL) {
        f->codes = Py_NewRef(codes);
        f->variables = Py_NewRef(variables);
    }
    return made;
}

/* take(index): an intermediate value, once. */
static PyObject *
take(PyObject *Py_UNUSED(module), PyObject *index)
{
    long number = PyLong_AsLong(index);
    PyObject *value = number < 0 || values == NULL ? NULL : values[number];
    if (value == NULL) {
        PyErr_SetString(PyExc_SystemError, "no such intermediate value");
        return NULL;
    }
    values[number] = NULL;
    return value;
}

static PyMethodDef methods[] = {
    {"make", make, METH_VARARGS, NULL},
    {"take", take, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static int
execute(PyObject *Py_UNUSED(module))
{
    return PyAwaitable_Init();
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)execute},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "translated",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_translated(void)
{
    return PyModuleDef_Init(&definition);
}
