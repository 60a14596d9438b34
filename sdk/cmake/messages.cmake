# The target gantry_proto: every message of the schema, as lite C++. Included by sdk/CMakeLists.txt.

set(gen ${CMAKE_CURRENT_BINARY_DIR}/proto)
# Options are read from the descriptor set; no C++ is needed for them.
set(lite_protos ${protos})
list(REMOVE_ITEM lite_protos gantry/schema.proto)
list(TRANSFORM lite_protos REPLACE "^(.*)\\.proto$" "${gen}/\\1.pb.cc" OUTPUT_VARIABLE generated)
list(TRANSFORM lite_protos REPLACE "^(.*)\\.proto$" "${gen}/\\1.pb.h" OUTPUT_VARIABLE generated_headers)
file(MAKE_DIRECTORY ${gen})

# Compiled without the options, so that lite code does not need the full runtime.
add_custom_command(OUTPUT ${generated} ${generated_headers} COMMENT "Generating the messages"
  COMMAND ${CMAKE_COMMAND} -DIN=${CMAKE_CURRENT_SOURCE_DIR}/proto -DOUT=${gen} "-DFILES=${lite_protos}"
          -DPROTOC=$<TARGET_FILE:protobuf::protoc> -P ${CMAKE_SOURCE_DIR}/cmake/lite_protos.cmake
  DEPENDS ${proto_files} ${CMAKE_SOURCE_DIR}/cmake/lite_protos.cmake ${CMAKE_SOURCE_DIR}/cmake/strip_options.py
          ${CMAKE_CURRENT_SOURCE_DIR}/cmake/kinds.py
  VERBATIM)

add_library(gantry_proto STATIC ${generated})
target_include_directories(gantry_proto SYSTEM PUBLIC ${gen})
target_include_directories(gantry_proto PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/include)  # gantry/resource.hpp
target_compile_options(gantry_proto PRIVATE -w -O1 -g0 -ffunction-sections -fdata-sections)
if(GANTRY_SANITIZE)
  # Generated code over a library that is not instrumented either: an instrumented build of it takes minutes and finds nothing.
  target_compile_options(gantry_proto PRIVATE -fno-sanitize=all)
endif()
target_link_libraries(gantry_proto PUBLIC ${PROTOBUF_LITE} Threads::Threads)
set_target_properties(gantry_proto PROPERTIES CXX_VISIBILITY_PRESET hidden)
# Every message has a constant default object, for which GCC (it has no [[no_destroy]]) registers an empty destructor when
# the image is loaded. That code names every message of a file, so that a plugin would carry them all, with what they are
# made of; without it the linker keeps what is used: a small controller is 180 KB instead of 860. Nothing else
# can be in this section, for protobuf makes the objects `constinit` from GCC 12.2 on.
if(CMAKE_OBJCOPY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12.2)
  add_custom_command(TARGET gantry_proto POST_BUILD
    COMMAND ${CMAKE_OBJCOPY} --remove-section .init_array.00101 $<TARGET_FILE:gantry_proto> VERBATIM)
endif()
