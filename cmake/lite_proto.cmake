# Generates lite C++ for one .proto: the schema options extend descriptor.proto, which is not lite, so protoc
# compiles a copy of the file and its imports without them. Outputs that come out as before keep their time:
# a changed comment or rule recompiles nothing. Run as: cmake -DIN= -DOUT= -DFILE= -DPROTOC= -P
get_filename_component(stem ${FILE} NAME_WLE)
get_filename_component(dir ${FILE} DIRECTORY)
set(work ${OUT}/.stripped/${dir}/${stem})
file(MAKE_DIRECTORY ${work}/out ${OUT}/${dir})
execute_process(
  COMMAND python3 ${CMAKE_CURRENT_LIST_DIR}/strip_options.py ${IN} ${FILE} ${work}/in
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${PROTOC} -I${work}/in --cpp_out=${work}/out ${work}/in/${FILE}
  COMMAND_ERROR_IS_FATAL ANY)
# Which resource each message is, beside it.
execute_process(COMMAND ${PROTOC} -I${IN} --descriptor_set_out=${work}/set.pb ${FILE} COMMAND_ERROR_IS_FATAL ANY)
execute_process(
  COMMAND python3 ${CMAKE_CURRENT_LIST_DIR}/../sdk/cmake/kinds.py --append ${work}/set.pb ${work}/out/${dir}/${stem}.pb.h
  COMMAND_ERROR_IS_FATAL ANY)
foreach(extension pb.h pb.cc)
  file(COPY_FILE ${work}/out/${dir}/${stem}.${extension} ${OUT}/${dir}/${stem}.${extension} ONLY_IF_DIFFERENT)
endforeach()
