# Functions for projects that build plugins; included by find_package(Gantry).
include_guard(GLOBAL)

set(GANTRY_PACKAGE_DIR "${CMAKE_CURRENT_LIST_DIR}" CACHE INTERNAL "")

# gantry_add_plugin(NAME SOURCES file... [PROTOS file.proto...] [LIBS library...])
#
# Builds NAME.so, target plugin_NAME, in the build folder, as a daemon wants it: nothing visible but the entry point, no
# symbol that would keep the image from unloading, nothing in it that is not used, stripped in Release. `cmake --install`
# puts it into lib/gantry/plugins. NAME must be the name that the source gives to GANTRY_PLUGIN or GANTRY_CONTROLLER.
# A plugin whose sources are all C uses the ABI headers alone.
#
# PROTOS describe API kinds that the plugin brings, with the options of gantry/schema.proto; their paths are below the
# project's folder. Sources then have NAME.kinds.hpp: the messages, and gantry::kinds::NAME for
# GANTRY_CONTROLLER_WITH_KINDS ('-' as '_'); in C NAME.kinds.h: the descriptor set's bytes.
function(gantry_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 A "" "" "SOURCES;PROTOS;LIBS")
  _gantry_check_name("${name}")
  if(A_UNPARSED_ARGUMENTS OR NOT A_SOURCES)
    message(FATAL_ERROR "gantry_add_plugin(${name}): expected SOURCES file... [PROTOS file.proto...] [LIBS library...]")
  endif()
  set(target plugin_${name})
  add_library(${target} MODULE ${A_SOURCES})
  _gantry_base(base ${A_SOURCES})
  if(A_PROTOS)
    _gantry_add_kinds(${name} ${base} ${A_PROTOS})
    list(APPEND A_LIBS kinds_${name})
  endif()
  target_link_libraries(${target} PRIVATE ${base} ${A_LIBS})
  set_target_properties(${target} PROPERTIES PREFIX "" SUFFIX ".so" OUTPUT_NAME ${name} POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS "${GANTRY_PACKAGE_DIR}/plugin.map" GANTRY_PLUGIN_SOURCES "${A_SOURCES}" GANTRY_PLUGIN_LIBS "${A_LIBS}")
  if(NOT CMAKE_LIBRARY_OUTPUT_DIRECTORY)
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  endif()
  target_compile_options(${target} PRIVATE -ffunction-sections -fdata-sections
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique -fno-semantic-interposition>)
  target_link_options(${target} PRIVATE -Wl,--gc-sections -Wl,--exclude-libs,ALL -Wl,--as-needed
    "-Wl,--version-script,${GANTRY_PACKAGE_DIR}/plugin.map" $<$<CONFIG:Release,MinSizeRel>:-s>)
  # A sanitizer's own symbols come from the program that loads the plugin.
  if(NOT "${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS}" MATCHES "-fsanitize=")
    target_link_options(${target} PRIVATE -Wl,--no-undefined)
  endif()
  install(TARGETS ${target} LIBRARY DESTINATION lib/gantry/plugins)
endfunction()

# gantry_add_plugin_test(NAME SOURCES file... [PLUGIN plugin] [LIBS library...])
#
# A GoogleTest program with the SDK's testkit, run by ctest. PLUGIN compiles that plugin's sources in, so that
# the test calls it through its own entry point. Without GoogleTest the test is left out, and configuring says so.
function(gantry_add_plugin_test name)
  cmake_parse_arguments(PARSE_ARGV 1 A "" "PLUGIN" "SOURCES;LIBS")
  if(A_UNPARSED_ARGUMENTS OR NOT A_SOURCES)
    message(FATAL_ERROR "gantry_add_plugin_test(${name}): expected SOURCES file... [PLUGIN plugin] [LIBS library...]")
  endif()
  if(A_PLUGIN AND NOT TARGET plugin_${A_PLUGIN})
    message(FATAL_ERROR "gantry_add_plugin_test(${name}): no plugin ${A_PLUGIN}; call gantry_add_plugin(${A_PLUGIN} ...) first")
  endif()
  if(NOT TARGET Gantry::testkit)
    message(FATAL_ERROR "gantry_add_plugin_test(${name}): the testkit is C++; write project(... LANGUAGES C CXX) before find_package(Gantry)")
  endif()
  find_package(GTest QUIET)
  if(NOT GTest_FOUND)
    message(STATUS "${name} is not built: GoogleTest was not found (Debian: apt-get install libgtest-dev)")
    return()
  endif()
  if(A_PLUGIN)
    get_target_property(sources plugin_${A_PLUGIN} GANTRY_PLUGIN_SOURCES)
    get_target_property(libs plugin_${A_PLUGIN} GANTRY_PLUGIN_LIBS)
    list(APPEND A_SOURCES ${sources})
    list(APPEND A_LIBS ${libs})
  endif()
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_LIBS} Gantry::testkit GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# The library kinds_NAME: the plugin's .proto files as C++ messages, and as a descriptor set in a header.
function(_gantry_add_kinds name base)
  find_program(GANTRY_PROTOC protoc)
  find_program(GANTRY_PYTHON3 python3)
  if(NOT GANTRY_PROTOC OR NOT GANTRY_PYTHON3)
    message(FATAL_ERROR "gantry_add_plugin(${name}): PROTOS need protoc and python3 (Debian: apt-get install protobuf-compiler python3)")
  endif()
  set(gen ${CMAKE_CURRENT_BINARY_DIR}/kinds_${name})
  set(set ${gen}/${name}.kinds.pb)
  set(headers ${gen}/${name}.kinds.h ${gen}/${name}.kinds.hpp)
  set(sources)
  set(includes)
  file(MAKE_DIRECTORY ${gen}/in)
  foreach(proto IN LISTS ARGN)
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    list(APPEND includes ${stem}.pb.h)
    if(base STREQUAL "Gantry::abi")
      continue()
    endif()
    # Compiled without the options, which are not lite.
    add_custom_command(OUTPUT ${gen}/${stem}.pb.cc ${gen}/${stem}.pb.h
      COMMAND ${GANTRY_PYTHON3} ${GANTRY_PACKAGE_DIR}/strip_options.py ${CMAKE_CURRENT_SOURCE_DIR} ${gen}/in ${proto}
      COMMAND ${GANTRY_PROTOC} -I${gen}/in -I${GANTRY_PROTO_DIR} --cpp_out=${gen} ${gen}/in/${proto}
      DEPENDS ${proto} VERBATIM)
    list(APPEND sources ${gen}/${stem}.pb.cc)
  endforeach()
  add_custom_command(OUTPUT ${set} ${headers}
    COMMAND ${GANTRY_PROTOC} -I${CMAKE_CURRENT_SOURCE_DIR} -I${GANTRY_PROTO_DIR} --include_source_info
            --descriptor_set_out=${set} ${ARGN}
    COMMAND ${GANTRY_PYTHON3} ${GANTRY_PACKAGE_DIR}/kinds.py ${set} ${name} ${gen} ${includes}
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} DEPENDS ${ARGN} ${GANTRY_PACKAGE_DIR}/kinds.py VERBATIM)
  add_custom_target(kinds_${name}_headers DEPENDS ${headers})
  if(sources)
    add_library(kinds_${name} STATIC ${sources})
    set_target_properties(kinds_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
    target_compile_options(kinds_${name} PRIVATE -w -ffunction-sections -fdata-sections)
    target_link_libraries(kinds_${name} PUBLIC ${base})
    target_include_directories(kinds_${name} PUBLIC ${gen})
  else()
    add_library(kinds_${name} INTERFACE)
    target_link_libraries(kinds_${name} INTERFACE ${base})
    target_include_directories(kinds_${name} INTERFACE ${gen})
  endif()
  add_dependencies(kinds_${name} kinds_${name}_headers)
endfunction()

# The daemon refuses other names; better to hear it here.
function(_gantry_check_name name)
  string(LENGTH "${name}" length)
  if(NOT name MATCHES "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" OR length GREATER 63)
    message(FATAL_ERROR "\"${name}\" is no name for a plugin: 1 to 63 of a-z, 0-9 and '-', "
      "with a letter or digit at both ends (a DNS-1123 label)")
  endif()
endfunction()

# What a plugin of these sources links: the C++ layer, or for pure C the headers alone.
function(_gantry_base out)
  set(base Gantry::abi)
  foreach(source IN LISTS ARGN)
    if(NOT source MATCHES "\\.c$")
      set(base Gantry::sdk)
    endif()
  endforeach()
  if(NOT TARGET ${base})
    message(FATAL_ERROR "gantry_add_plugin: C++ sources, but the project uses no C++; "
      "write project(... LANGUAGES CXX) before find_package(Gantry)")
  endif()
  set(${out} ${base} PARENT_SCOPE)
endfunction()
