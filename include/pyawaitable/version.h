#ifndef PYAWAITABLE_VERSION_H
#define PYAWAITABLE_VERSION_H

/* Made from src/capi by `make header`: do not edit. */

/*
 The major version of the API. It changes when extensions have to be changed or recompiled.
 */
#define PyAwaitable_MAJOR_VERSION 3

/*
 The minor version of the API. It changes when something is added.
 */
#define PyAwaitable_MINOR_VERSION 1

/*
 The micro version of the API.
 */
#define PyAwaitable_MICRO_VERSION 0

/*
 The release level, as CPython counts it: 0xA is alpha, 0xB beta, 0xC a release candidate, 0xF a final release.
 */
#define PyAwaitable_RELEASE_LEVEL 15

#endif  /* PYAWAITABLE_VERSION_H */
