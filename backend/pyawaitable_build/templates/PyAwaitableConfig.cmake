# The targets:
#   PyAwaitable::headers   links nothing, imports the runtime (the default of the header)
#   PyAwaitable::shared    links the shared library
#   PyAwaitable::static    links the static library, and needs nothing at run time
# Each may be asked for as a component: find_package(PyAwaitable COMPONENTS static)

get_filename_component(_PyAwaitable_lib "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
get_filename_component(_PyAwaitable_include "${_PyAwaitable_lib}/../include" ABSOLUTE)

if(NOT TARGET PyAwaitable::headers)
  add_library(PyAwaitable::headers INTERFACE IMPORTED)
  set_target_properties(PyAwaitable::headers PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${_PyAwaitable_include}")

  # Whichever of these the platform has.
  foreach(_PyAwaitable_name libpyawaitable.so libpyawaitable.dylib pyawaitable.dll)
    set(_PyAwaitable_file "${_PyAwaitable_lib}/${_PyAwaitable_name}")
    if(EXISTS "${_PyAwaitable_file}" AND NOT TARGET PyAwaitable::shared)
      add_library(PyAwaitable::shared SHARED IMPORTED)
      set_target_properties(PyAwaitable::shared PROPERTIES
        IMPORTED_LOCATION "${_PyAwaitable_file}"
        IMPORTED_IMPLIB "${_PyAwaitable_file}.lib"
        INTERFACE_COMPILE_DEFINITIONS PYAWAITABLE_LINK
        INTERFACE_LINK_LIBRARIES PyAwaitable::headers)
    endif()
  endforeach()

  set(_PyAwaitable_file "${_PyAwaitable_lib}/@STATIC_NAME@")
  if(EXISTS "${_PyAwaitable_file}")
    add_library(PyAwaitable::static STATIC IMPORTED)
    set_target_properties(PyAwaitable::static PROPERTIES
      IMPORTED_LOCATION "${_PyAwaitable_file}"
      INTERFACE_COMPILE_DEFINITIONS "PYAWAITABLE_LINK;PYAWAITABLE_STATIC"
      INTERFACE_LINK_LIBRARIES PyAwaitable::headers)
  endif()
endif()

foreach(_PyAwaitable_name IN LISTS PyAwaitable_FIND_COMPONENTS)
  if(TARGET "PyAwaitable::${_PyAwaitable_name}")
    set("PyAwaitable_${_PyAwaitable_name}_FOUND" TRUE)
  elseif(PyAwaitable_FIND_REQUIRED_${_PyAwaitable_name})
    set(PyAwaitable_FOUND FALSE)
    set(PyAwaitable_NOT_FOUND_MESSAGE
      "PyAwaitable in ${_PyAwaitable_lib} has no component '${_PyAwaitable_name}'")
  endif()
endforeach()

unset(_PyAwaitable_file)
unset(_PyAwaitable_include)
unset(_PyAwaitable_lib)
unset(_PyAwaitable_name)
