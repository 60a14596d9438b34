# Writes the files of sdk/templates into a C++ table, for gantryctl to write them out again.
# Run as: cmake -DDIR=sdk/templates -DOUT=file.cpp -P embed_templates.cmake
file(GLOB_RECURSE files RELATIVE ${DIR} ${DIR}/*)
list(FILTER files EXCLUDE REGEX "^\\.")  # the folder's own
list(SORT files)
set(text "// Made by sdk/cmake/embed_templates.cmake.\n#include \"core/daemon/ctl/plugin_new.hpp\"\n\n")
string(APPEND text "namespace gantry::ctl {\n\nextern const TemplateFile kTemplateFiles[] = {\n")
foreach(file IN LISTS files)
  string(REGEX MATCH "^[^/]+" kind ${file})
  string(REGEX REPLACE "^[^/]+/" "" path ${file})
  file(READ ${DIR}/${file} content)
  if(content MATCHES "\\)template\"")
    message(FATAL_ERROR "${DIR}/${file}: may not contain )template\"")
  endif()
  string(APPEND text "    {\"${kind}\", \"${path}\", R\"template(${content})template\"},\n")
endforeach()
string(APPEND text "};\nextern const size_t kTemplateFileCount = sizeof kTemplateFiles / sizeof *kTemplateFiles;\n\n}  // namespace gantry::ctl\n")
file(WRITE ${OUT} "${text}")
