# Compiler settings and the functions that every room uses: gantry_library, gantry_plugin, gantry_test.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(GANTRY_PLUGIN_DIR ${CMAKE_BINARY_DIR}/lib/gantry/plugins)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=time_macros,include_file_mtime,include_file_ctime,pch_defines ${CCACHE})
endif()
# Several files of a target are compiled as one, which reads what they all include once: two fifths of the
# time (docs/decisions/unity-build.md). What is in an unnamed namespace must have a name of its own in its room.
# -DCMAKE_UNITY_BUILD=OFF compiles each by itself.
set(CMAKE_UNITY_BUILD ON CACHE BOOL "Compile several files of a target as one")
set(CMAKE_UNITY_BUILD_BATCH_SIZE 8 CACHE STRING "How many of them")
if(CMAKE_UNITY_BUILD)
  # GCC takes what a file includes for a header, whose classes should hold nothing of an unnamed namespace.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
endif()

# GCC looks for memory that it may use again whenever its heap has doubled: a twelfth of the time of a large piece. Where
# there is room, only beyond a gigabyte.
cmake_host_system_information(RESULT memory_mib QUERY TOTAL_PHYSICAL_MEMORY)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND memory_mib GREATER 12000)
  add_compile_options(--param=ggc-min-heapsize=1048576)
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

set(GANTRY_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")
if(GANTRY_SANITIZE)
  add_compile_options(-fsanitize=${GANTRY_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${GANTRY_SANITIZE})
  add_compile_definitions(GANTRY_SANITIZED=1)
  if(GANTRY_SANITIZE MATCHES "undefined")
    # Plugins are loaded with RTLD_LOCAL: type information is not shared, so vptr checks misfire.
    add_compile_options(-fno-sanitize=vptr -fno-sanitize-recover=undefined)
  endif()
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Protobuf REQUIRED)
set(Boost_NO_WARN_NEW_VERSIONS ON)
find_package(Boost 1.81 REQUIRED COMPONENTS json filesystem program_options)
find_package(OpenSSL REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
include(CTest)
enable_testing()
find_package(GTest REQUIRED)

set(GANTRY_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
    -Wno-missing-field-initializers -Werror)
set(GANTRY_C_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Werror)
if(GANTRY_SANITIZE MATCHES "thread" OR CMAKE_UNITY_BUILD)
  # Between the checks that it weaves in, or in so much that it inlines, GCC loses sight of what an optional or Expected
  # holds.
  list(APPEND GANTRY_WARNINGS -Wno-maybe-uninitialized)
endif()
if(GANTRY_SANITIZE)
  # Their pieces are larger (CMakePresets.json), where one file's name may stand within another file's function.
  list(APPEND GANTRY_WARNINGS -Wno-shadow)
endif()

function(gantry_warnings target)
  target_compile_options(${target} PRIVATE
    "$<$<COMPILE_LANGUAGE:CXX>:${GANTRY_WARNINGS}>" "$<$<COMPILE_LANGUAGE:C>:${GANTRY_C_WARNINGS}>")
endfunction()

# gantry_library(NAME SOURCES a.cpp ... LIBS ...): a room of the core, a static library.
# Its headers are included as "core/<room>/x.hpp".
function(gantry_library name)
  cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  gantry_warnings(${name})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC gantry_sdk ${A_LIBS})
endfunction()

# gantry_exports_entry_point(TARGET): nothing of the image is visible but gantry_plugin. Hidden visibility alone leaves
# out what the standard library declares visible: its templates, type information.
function(gantry_exports_entry_point target)
  set(map ${CMAKE_SOURCE_DIR}/sdk/cmake/plugin.map)
  target_link_options(${target} PRIVATE -Wl,--exclude-libs,ALL "-Wl,--version-script,${map}")
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${map})
  if(BUILD_TESTING)
    add_test(NAME ${target}_exports
      COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} -DPLUGIN=$<TARGET_FILE:${target}> -P ${CMAKE_SOURCE_DIR}/cmake/check_exports.cmake)
    set_tests_properties(${target}_exports PROPERTIES LABELS unit)
  endif()
endfunction()

# gantry_plugin(NAME SOURCES ... LIBS ...): lib/gantry/plugins/NAME.so. Hidden visibility and no unique
# symbols, so that the image really unloads; shared lite protobuf from the SDK.
function(gantry_plugin name)
  cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
  add_library(plugin_${name} MODULE ${A_SOURCES})
  gantry_warnings(plugin_${name})
  set_target_properties(plugin_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${GANTRY_PLUGIN_DIR}
    CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(plugin_${name} PRIVATE -ffunction-sections -fdata-sections
    $<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique -fno-semantic-interposition>)
  target_link_libraries(plugin_${name} PRIVATE gantry_sdk ${A_LIBS})
  if(NOT GANTRY_SANITIZE)
    target_link_options(plugin_${name} PRIVATE -Wl,--no-undefined)
  endif()
  gantry_exports_entry_point(plugin_${name})
  target_link_options(plugin_${name} PRIVATE -Wl,--gc-sections)
  if(CMAKE_OBJCOPY AND CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    # The loader copies the file at each load: what only a debugger reads lies beside it, in NAME.so.debug.
    add_custom_command(TARGET plugin_${name} POST_BUILD
      COMMAND ${CMAKE_OBJCOPY} --only-keep-debug $<TARGET_FILE:plugin_${name}> $<TARGET_FILE:plugin_${name}>.debug
      COMMAND ${CMAKE_OBJCOPY} --strip-unneeded --add-gnu-debuglink=$<TARGET_FILE:plugin_${name}>.debug
              $<TARGET_FILE:plugin_${name}>
      VERBATIM)
  endif()
endfunction()

# gantry_plugin_suite(NAME [ARGS ...]): what every plugin must pass (tests/plugins), for this one. ARGS: "KEY=VALUE" that
# its configuration needs; "--isolation=none" when it can not have a process of its own.
function(gantry_plugin_suite name)
  cmake_parse_arguments(A "" "" "ARGS" ${ARGN})
  if(NOT BUILD_TESTING OR NOT TARGET gantry_isolation)
    return()
  endif()
  add_test(NAME ${name}_suite COMMAND plugin_suite $<TARGET_FILE:plugin_${name}> ${A_ARGS})
  set_tests_properties(${name}_suite PROPERTIES TIMEOUT 120 LABELS unit)
endfunction()

# gantry_test_plugin(NAME SOURCES ...): test_plugins/NAME.so, for tests to load; its symbols are not stripped.
function(gantry_test_plugin name)
  cmake_parse_arguments(A "" "" "SOURCES" ${ARGN})
  add_library(${name} MODULE ${A_SOURCES})
  gantry_test_plugin_settings(${name})
  gantry_exports_entry_point(${name})
endfunction()

function(gantry_test_plugin_settings target)
  gantry_warnings(${target})
  target_compile_options(${target} PRIVATE -fno-gnu-unique)
  target_link_libraries(${target} PRIVATE gantry_sdk)
  set_target_properties(${target} PROPERTIES PREFIX "" CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test_plugins)
  if(TARGET gantry_plugin_headers AND NOT target STREQUAL "gantry_plugin_headers")
    target_precompile_headers(${target} REUSE_FROM gantry_plugin_headers)
  endif()
endfunction()

# What tests include is compiled once for all of them (docs/decisions/unity-build.md), and what the plugins that they load
# do. Not for fuzz targets, which are compiled otherwise.
function(gantry_precompiled_test_headers)
  if(NOT BUILD_TESTING OR NOT CMAKE_UNITY_BUILD)
    return()
  endif()
  file(WRITE ${CMAKE_BINARY_DIR}/test_headers.cpp "")
  add_executable(gantry_test_headers EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/test_headers.cpp)
  gantry_warnings(gantry_test_headers)
  target_compile_options(gantry_test_headers PRIVATE -O0)
  target_link_libraries(gantry_test_headers PRIVATE GTest::gtest_main GTest::gmock Boost::json)
  target_precompile_headers(gantry_test_headers PRIVATE ${CMAKE_SOURCE_DIR}/tests/precompiled.hpp)
  file(WRITE ${CMAKE_BINARY_DIR}/plugin_headers.cpp "")
  add_library(gantry_plugin_headers OBJECT EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/plugin_headers.cpp)
  gantry_test_plugin_settings(gantry_plugin_headers)
  target_precompile_headers(gantry_plugin_headers PRIVATE ${CMAKE_SOURCE_DIR}/tests/precompiled_plugin.hpp)
endfunction()

# gantry_test(NAME SOURCES ... LIBS ... [TIMEOUT s] [LABELS l] [SHARDS n]): a GoogleTest program run by ctest, in n parts
# beside each other. Those with the label e2e (the daemon itself, guides, the installed SDK) are built with sanitizers only
# when named, and ctest does not run them.
# A room's tests are one program: they share most of what is compiled for them (docs/decisions/unity-build.md).
function(gantry_test name)
  cmake_parse_arguments(A "SERIAL" "TIMEOUT;SHARDS" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT BUILD_TESTING)
    return()
  endif()
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 120)
  endif()
  # What may last the longest begins first, so that it is not alone at the end.
  set(cost ${A_TIMEOUT})
  math(EXPR A_TIMEOUT "2 * ${A_TIMEOUT}")  # others run beside it
  if(GANTRY_SANITIZE)
    math(EXPR A_TIMEOUT "3 * ${A_TIMEOUT}")
  endif()
  if(NOT A_LABELS)
    set(A_LABELS unit)
  endif()
  add_executable(${name} ${A_SOURCES})
  gantry_warnings(${name})
  if(CMAKE_UNITY_BUILD)
    target_compile_options(${name} PRIVATE -Wno-shadow)  # a test's own Case, and another file's
  endif()
  if(NOT A_LABELS STREQUAL "fuzz")
    target_compile_options(${name} PRIVATE -O0)  # what is tested is optimized, what tests it is run once
    if(TARGET gantry_test_headers)
      target_link_libraries(${name} PRIVATE Boost::json)
      target_precompile_headers(${name} REUSE_FROM gantry_test_headers)
    endif()
  endif()
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${A_LIBS} GTest::gtest_main GTest::gmock)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(GANTRY_SANITIZE AND A_LABELS STREQUAL "e2e")
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    return()
  endif()
  set(tests ${name})
  if(A_SHARDS)
    list(TRANSFORM tests APPEND "_1")
    foreach(shard RANGE 2 ${A_SHARDS})
      list(APPEND tests ${name}_${shard})
    endforeach()
  endif()
  set(shard 0)
  foreach(test IN LISTS tests)
    add_test(NAME ${test} COMMAND ${name})
    set_tests_properties(${test} PROPERTIES TIMEOUT ${A_TIMEOUT} COST ${cost} LABELS "${A_LABELS}")
    if(A_SHARDS)
      set_tests_properties(${test} PROPERTIES ENVIRONMENT "GTEST_TOTAL_SHARDS=${A_SHARDS};GTEST_SHARD_INDEX=${shard}")
      math(EXPR shard "${shard} + 1")
    endif()
    if(A_SERIAL)
      set_tests_properties(${test} PROPERTIES RUN_SERIAL ON)
    endif()
  endforeach()
endfunction()

gantry_precompiled_test_headers()
