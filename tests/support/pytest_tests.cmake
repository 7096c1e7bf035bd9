# Tests in Python, run with Debian's own interpreter and pytest against the sandgate of this build. They share nothing, so
# ctest may run them side by side; sanitizer builds are given more time.

# `sandgate_pytest_case(name what)`: the file, or file::test, as one test of ctest.
function(sandgate_pytest_case name what)
  set(environment "SANDGATE_BINARY=$<TARGET_FILE:sandgate>" PYTHONDONTWRITEBYTECODE=1)
  if(SANDGATE_SANITIZE MATCHES thread)
    list(APPEND environment SANDGATE_TEST_SLOWNESS=8)
  elseif(SANDGATE_SANITIZE)
    list(APPEND environment SANDGATE_TEST_SLOWNESS=3)
  endif()
  add_test(NAME ${name} COMMAND /usr/bin/python3 -m pytest -q -rs -p no:cacheprovider ${what})
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "${environment}" TIMEOUT 900)
endfunction()

# `sandgate_pytest(integration)`: every *_test.py of the calling folder becomes the test integration.<module>.
function(sandgate_pytest prefix)
  file(GLOB modules CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*_test.py")
  foreach(module IN LISTS modules)
    get_filename_component(name ${module} NAME_WE)
    string(REGEX REPLACE "_test$" "" name ${name})
    sandgate_pytest_case(${prefix}.${name} ${module})
  endforeach()
endfunction()
