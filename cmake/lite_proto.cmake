# Generates lite C++ for one .proto: the schema options are an extension of descriptor.proto, which is not
# lite, so a copy without options is what protoc compiles. Run as: cmake -DIN= -DOUT= -DFILE= -DPROTOC= -P
# protoc itself is asked for the plain descriptor (retaining nothing but types), by way of a stripped copy.
set(stage ${OUT}/.stripped)
get_filename_component(stem ${FILE} NAME_WLE)
get_filename_component(dir ${FILE} DIRECTORY)
set(work ${stage}/${dir}/${stem})
file(MAKE_DIRECTORY ${work})
execute_process(
  COMMAND python3 ${CMAKE_CURRENT_LIST_DIR}/strip_options.py ${IN} ${FILE} ${work}/in
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${PROTOC} -I${work}/in --cpp_out=${OUT} ${work}/in/${FILE}
  COMMAND_ERROR_IS_FATAL ANY)
