# What `cmake --install BUILD --component sdk --prefix P` puts under P: all that a plugin author needs, and nothing of the core.
#
#   include/gantry-sdk/     headers (ABI, C++ layer, testkit) and the messages' generated headers; a folder of its own, because
#                           a bare "k8s.io/" in /usr/include would be in everybody's way
#   lib/libgantry_proto.a   the messages, lite and position independent
#   lib/libgantry_sdk.a     what controllers need (src/), in the same way
#   lib/cmake/Gantry/       find_package(Gantry), gantry_add_plugin()
#   lib/pkgconfig/          gantry-sdk.pc, for plugins in C, and gantry-sdk-cxx.pc, with the libraries
#   share/gantry/           the .proto files, for other languages; the examples
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(sdk_include ${CMAKE_INSTALL_INCLUDEDIR}/gantry-sdk)
set(sdk_package ${CMAKE_INSTALL_LIBDIR}/cmake/Gantry)
set(sdk_data ${CMAKE_INSTALL_DATADIR}/gantry)
set(sdk_here ${CMAKE_CURRENT_LIST_DIR})

file(STRINGS ${CMAKE_CURRENT_SOURCE_DIR}/include/gantry/abi/base.h sdk_abi REGEX "GANTRY_ABI_M(AJ|IN)OR")
string(REGEX REPLACE ".*GANTRY_ABI_MAJOR ([0-9]+)u.*" "\\1" GANTRY_ABI_MAJOR "${sdk_abi}")
string(REGEX REPLACE ".*GANTRY_ABI_MINOR ([0-9]+)u.*" "\\1" GANTRY_ABI_MINOR "${sdk_abi}")

# As the headers say it: 3.21.12 is 3021012.
file(STRINGS ${Protobuf_INCLUDE_DIRS}/google/protobuf/stubs/common.h sdk_protobuf REGEX "#define GOOGLE_PROTOBUF_VERSION ")
string(REGEX REPLACE ".* ([0-9]+)$" "\\1" SDK_PROTOBUF_NUMBER "${sdk_protobuf}")

configure_package_config_file(${sdk_here}/GantryConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/GantryConfig.cmake
  INSTALL_DESTINATION ${sdk_package}
  PATH_VARS sdk_include sdk_data CMAKE_INSTALL_LIBDIR NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change the C++ layer; the ABI has a version of its own, which the daemon checks.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/GantryConfigVersion.cmake
  VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
# The folders as seen from the file itself, so that an installed SDK can be moved.
file(RELATIVE_PATH SDK_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" SDK_PC_PREFIX "${SDK_PC_PREFIX}")
foreach(name IN ITEMS gantry-sdk gantry-sdk-cxx)
  configure_file(${sdk_here}/${name}.pc.in ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc @ONLY)
endforeach()

install(DIRECTORY include/gantry DESTINATION ${sdk_include} COMPONENT sdk FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(DIRECTORY testkit/ DESTINATION ${sdk_include}/gantry/testkit COMPONENT sdk FILES_MATCHING PATTERN "*.hpp")
install(DIRECTORY ${gen}/ DESTINATION ${sdk_include} COMPONENT sdk
  FILES_MATCHING PATTERN "*.pb.h" PATTERN ".stripped" EXCLUDE)
install(FILES $<TARGET_FILE:gantry_proto> $<TARGET_FILE:gantry_sdk> DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk)
install(DIRECTORY proto DESTINATION ${sdk_data} COMPONENT sdk FILES_MATCHING PATTERN "*.proto" PATTERN "testdata" EXCLUDE)
install(DIRECTORY examples DESTINATION ${sdk_data} COMPONENT sdk PATTERN target EXCLUDE PATTERN Cargo.lock EXCLUDE)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/GantryConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/GantryConfigVersion.cmake
  ${sdk_here}/GantryPlugin.cmake ${sdk_here}/plugin.map ${sdk_here}/kinds.py
  ${CMAKE_SOURCE_DIR}/cmake/strip_options.py DESTINATION ${sdk_package} COMPONENT sdk)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/gantry-sdk.pc ${CMAKE_CURRENT_BINARY_DIR}/gantry-sdk-cxx.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT sdk)
