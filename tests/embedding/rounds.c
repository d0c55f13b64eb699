/* rounds NUMBER PYTHON SCRIPT: a program that initializes Python again and again, and runs a script in it each time. */
#include <Python.h>

#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    for (int round = 0; round < atoi(argv[1]); round++) {
        PyConfig config;
        PyStatus status;
        FILE *script;
        int failed;

        PyConfig_InitPythonConfig(&config);
        status = PyConfig_SetBytesString(&config, &config.program_name, argv[2]);
        if (!PyStatus_Exception(status)) {
            status = Py_InitializeFromConfig(&config);
        }
        PyConfig_Clear(&config);
        if (PyStatus_Exception(status)) {
            Py_ExitStatusException(status);
        }
        script = fopen(argv[3], "r");
        failed = script == NULL || PyRun_SimpleFileExFlags(script, argv[3], 1, NULL) != 0;
        if (Py_FinalizeEx() < 0 || failed) {
            return 1;
        }
    }
    puts("done");
    return 0;
}
