# How every target of millrace is built. A folder is one target; DEPS is the import rule: only the
# include paths of the named folders are given, so an include that layout forbids is "No such file".
include(GNUInstallDirs)
find_package(PkgConfig REQUIRED)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g") # no -DNDEBUG: assertions stay on
option(MR_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(MR_BUGS "Compile the seeded bugs of the simulator's negative control in (tests only)" OFF)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
find_program(MR_CCACHE ccache)
if(MR_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 ${MR_CCACHE})
endif()

add_compile_definitions(_GNU_SOURCE)
add_compile_options(-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wpointer-arith -Wvla -Wformat=2 -Wundef -Wno-missing-field-initializers
  -fstack-protector-strong -fno-common -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
add_link_options(-pie -Wl,-z,relro,-z,now)
if(MR_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
else()
  add_compile_options($<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2> -fstack-clash-protection)
endif()

# What a pure folder must not call: I/O, clocks, random (the last line: names under _FORTIFY_SOURCE).
string(CONCAT MR_IMPURE
  " (uv_|rd_kafka_|PQ|curl_|clock_gettime|gettimeofday|time$|localtime|mktime|sleep|rand|getrandom|getenv"
  "|open|fopen|read$|write$|fwrite|fput|puts$|printf|send|recv|socket|rename|unlink|exit$"
  "|json_(load|dump)_file|json_dumpf|uuid_generate(_random|_time[a-z_]*)?$|randombytes"
  "|__(read|recv|open|v?f?printf)[a-z0-9_]*(_chk|_2)$)")

# mr_package(NAME): finds a pkg-config module once and leaves it as PkgConfig::NAME.
macro(mr_package name)
  if(NOT TARGET PkgConfig::${name})
    pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${name}${ARGN})
  endif()
endmacro()

function(mr_packages target)
  foreach(p ${ARGN})
    mr_package(${p})
    target_link_libraries(${target} PRIVATE PkgConfig::${p})
  endforeach()
endfunction()

# mr_library(name [PURE] SOURCES ... DEPS folder-targets ... PKGS pkg-config-modules ...)
function(mr_library name)
  cmake_parse_arguments(ARG "PURE" "" "SOURCES;DEPS;PKGS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS}) # PUBLIC would hand on what only this one may include
  mr_packages(${name} ${ARG_PKGS})
  if(ARG_PURE)
    add_test(NAME pure.${name}
      COMMAND sh -c "! nm -u '$<TARGET_FILE:${name}>' | grep -E '${MR_IMPURE}'")
  endif()
endfunction()

# mr_program(name SOURCES ... DEPS ... PKGS ...): an installed executable; its parts may include each other.
function(mr_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PKGS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  mr_packages(${name} ${ARG_PKGS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# mr_test(name SOURCES ... DEPS ... PKGS ... [ENV NAME=value ...]): a Criterion program.
function(mr_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PKGS;ENV" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  target_compile_options(${name} PRIVATE -Wno-missing-prototypes -Wno-shadow)
  mr_packages(${name} criterion ${ARG_PKGS})
  add_test(NAME ${name} COMMAND ${name})
  # Leaks are reported after Criterion's verdict and would pass otherwise.
  set_tests_properties(${name} PROPERTIES
    ENVIRONMENT "ASAN_OPTIONS=abort_on_error=1;${ARG_ENV}"
    FAIL_REGULAR_EXPRESSION "LeakSanitizer|AddressSanitizer|runtime error:")
endfunction()

function(mr_folders)
  foreach(folder ${ARGN})
    if(EXISTS ${CMAKE_SOURCE_DIR}/${folder}/CMakeLists.txt AND (NOT MR_ONLY OR folder IN_LIST MR_ONLY))
      add_subdirectory(${CMAKE_SOURCE_DIR}/${folder} ${CMAKE_BINARY_DIR}/${folder})
    endif()
  endforeach()
endfunction()
