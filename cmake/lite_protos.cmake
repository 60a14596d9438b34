# Generates lite C++ for .proto files: the schema options extend descriptor.proto, which is not lite, so protoc
# compiles copies of the files without them. All in one go, for starting the programs costs more than their work; outputs
# that come out as before keep their time, so that a changed comment or rule recompiles nothing.
# Run as: cmake -DIN=FOLDER -DOUT=FOLDER -DFILES=a.proto;b.proto -DPROTOC=PROGRAM -P
set(work ${OUT}/.stripped)
file(REMOVE_RECURSE ${work})
file(MAKE_DIRECTORY ${work}/out)
execute_process(COMMAND python3 ${CMAKE_CURRENT_LIST_DIR}/strip_options.py ${IN} ${work}/in ${FILES}
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${PROTOC} -I${work}/in --cpp_out=${work}/out ${FILES} COMMAND_ERROR_IS_FATAL ANY)
# Which resource each message is, beside it.
execute_process(COMMAND ${PROTOC} -I${IN} --descriptor_set_out=${work}/set.pb ${FILES} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND python3 ${CMAKE_CURRENT_LIST_DIR}/../sdk/cmake/kinds.py --append ${work}/set.pb ${work}/out
  COMMAND_ERROR_IS_FATAL ANY)
foreach(file IN LISTS FILES)
  cmake_path(GET file PARENT_PATH dir)
  cmake_path(REMOVE_EXTENSION file)
  file(MAKE_DIRECTORY ${OUT}/${dir})
  foreach(extension pb.h pb.cc)
    file(COPY_FILE ${work}/out/${file}.${extension} ${OUT}/${file}.${extension} ONLY_IF_DIFFERENT)
  endforeach()
endforeach()
