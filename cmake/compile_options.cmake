# What every file of the project is compiled with. Hardening follows the Debian and OpenSSF lists; the flags that need
# optimisation (_FORTIFY_SOURCE) are left out of sanitizer builds, which check more themselves. -fPIE and not -fPIC, which
# keeps every function that other files see replaceable and so out of line: nothing here becomes a shared library.
add_library(sandgate_options INTERFACE)
target_compile_options(sandgate_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Werror
  -fPIE -fstack-protector-strong -fno-omit-frame-pointer)
target_compile_definitions(sandgate_options INTERFACE SANDGATE_VERSION="${PROJECT_VERSION}")
target_include_directories(sandgate_options INTERFACE ${PROJECT_SOURCE_DIR})
set(CMAKE_EXE_LINKER_FLAGS "${CMAKE_EXE_LINKER_FLAGS} -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack")

if(SANDGATE_SANITIZE MATCHES address)
  target_compile_definitions(sandgate_options INTERFACE SANDGATE_ADDRESS_SANITIZER)  # The compilers differ in theirs.
endif()
if(SANDGATE_SANITIZE)
  target_compile_options(sandgate_options INTERFACE -fsanitize=${SANDGATE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(sandgate_options INTERFACE -fsanitize=${SANDGATE_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # g++ 12 sees uninitialized members in libstdc++'s own <regex> and in Catch under a sanitizer.
    target_compile_options(sandgate_options INTERFACE -Wno-maybe-uninitialized)
  endif()
  if(SANDGATE_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(sandgate_options INTERFACE -Wno-tsan)
  endif()
  if(SANDGATE_SANITIZE MATCHES undefined AND CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    target_compile_options(sandgate_options INTERFACE -fno-sanitize=function)  # clang 14 miscounts coroutines
  endif()
else()
  target_compile_definitions(sandgate_options INTERFACE _GLIBCXX_ASSERTIONS)
  if(CMAKE_BUILD_TYPE MATCHES "Rel")
    target_compile_options(sandgate_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  endif()
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
    target_compile_options(sandgate_options INTERFACE -fstack-clash-protection -fcf-protection)
  endif()
endif()
