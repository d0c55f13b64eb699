#ifndef CPLUSPLUS_HPP
#define CPLUSPLUS_HPP

PyObject *many_values(PyObject *module, PyObject *number);
PyObject *doubled(PyObject *module, PyObject *iterable);
PyObject *counted(PyObject *module, PyObject *iterable);
PyObject *collected(PyObject *module, PyObject *iterable);

#endif
