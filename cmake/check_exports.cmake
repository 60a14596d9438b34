# cmake -DNM=nm -DPLUGIN=x.so -P check_exports.cmake: fails unless gantry_plugin is all that the image exports.
execute_process(COMMAND ${NM} -D --defined-only ${PLUGIN} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
if(NOT symbols MATCHES "^[0-9a-f]+ [A-Z] gantry_plugin\n$")
  message(FATAL_ERROR "${PLUGIN} exports something else than gantry_plugin:\n${symbols}")
endif()
