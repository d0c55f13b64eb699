#ifndef CPLUSPLUS_HPP
#define CPLUSPLUS_HPP

PyObject *many_values(PyObject *module, PyObject *number);

#endif
