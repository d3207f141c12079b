# Embeds a folder's migrations in a static library, so that a program carries its own schema.
#
#   include(mr_embed)
#   mr_embed(billing_migrations DOMAIN billing)
#
# in a folder of 0001_invoice.sql, 0002_payment.sql, ... makes the target billing_migrations with
# the header billing_migrations.h, which declares
#
#   extern const struct mr_pg_migrations billing_migrations;   (mr_pg_migrate.h)
#
# Who includes that header names billing_migrations and pg in DEPS. Run as a script (by the build),
# this file writes the C source.

if(CMAKE_SCRIPT_MODE_FILE)
  set(texts)
  set(table)
  foreach(file ${FILES})
    get_filename_component(base ${file} NAME_WE)
    string(REGEX REPLACE "^0*([0-9]+)_.*$" "\\1" number ${base})
    string(REGEX REPLACE "^[0-9]+_" "" title ${base})
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "(........................)" "\\1\n    " hex "${hex}") # 12 bytes a line
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1', " bytes "${hex}")
    string(APPEND texts "static const char sql_${number}[] = {\n    ${bytes}0};\n\n")
    string(APPEND table "    {${number}, \"${title}\", sql_${number}},\n")
  endforeach()
  list(LENGTH FILES count)
  file(WRITE ${OUT}
    "#include \"${NAME}.h\"\n\n${texts}"
    "static const struct mr_pg_migration list[] = {\n${table}};\n\n"
    "const struct mr_pg_migrations ${NAME} = {\"${DOMAIN}\", list, ${count}};\n")
  return()
endif()

include_guard(GLOBAL)

# mr_embed(name DOMAIN domain [DIR folder]): DIR is the current folder where it is not given.
function(mr_embed name)
  cmake_parse_arguments(ARG "" "DOMAIN;DIR" "" ${ARGN})
  if(NOT ARG_DOMAIN MATCHES "^[a-z][a-z0-9_]*$")
    message(FATAL_ERROR "mr_embed(${name}): DOMAIN \"${ARG_DOMAIN}\" is not a name")
  endif()
  if(NOT ARG_DIR)
    set(ARG_DIR ${CMAKE_CURRENT_SOURCE_DIR})
  endif()
  file(GLOB files CONFIGURE_DEPENDS ${ARG_DIR}/*.sql) # sorted
  if(NOT files)
    message(FATAL_ERROR "mr_embed(${name}): ${ARG_DIR} has no .sql file")
  endif()
  set(expected 1) # without gaps, so that no file is forgotten and two branches' numbers clash here
  foreach(file ${files})
    get_filename_component(base ${file} NAME)
    if(NOT base MATCHES "^([0-9][0-9][0-9][0-9])_[a-z0-9_]+\\.sql$")
      message(FATAL_ERROR "mr_embed(${name}): ${file}: must be named like 0001_invoice.sql")
    endif()
    string(REGEX REPLACE "^0*([0-9]+)$" "\\1" number ${CMAKE_MATCH_1})
    if(NOT number EQUAL expected)
      message(FATAL_ERROR "mr_embed(${name}): ${file}: number ${expected} is expected here")
    endif()
    math(EXPR expected "${expected} + 1")
  endforeach()

  set(dir ${CMAKE_CURRENT_BINARY_DIR}/${name}.embed)
  file(MAKE_DIRECTORY ${dir})
  file(CONFIGURE OUTPUT ${dir}/${name}.h @ONLY CONTENT
"#include \"mr_pg_migrate.h\"
extern const struct mr_pg_migrations @name@;
")
  add_custom_command(OUTPUT ${dir}/${name}.c
    COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DDOMAIN=${ARG_DOMAIN} -DOUT=${dir}/${name}.c
      "-DFILES=${files}" -P ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
    DEPENDS ${files} ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
    VERBATIM
    COMMENT "Embedding the migrations of ${ARG_DOMAIN}")
  add_library(${name} STATIC ${dir}/${name}.c)
  target_include_directories(${name} PUBLIC ${dir})
  target_link_libraries(${name} PRIVATE core pg)
endfunction()
