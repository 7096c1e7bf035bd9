# `sandgate_pytest(integration)`: every *_test.py of the calling folder becomes the test integration.<module>, run with
# Debian's own Python and pytest against the sandgate of this build. Modules share nothing, so ctest may run them side
# by side; sanitizer builds are given more time.
function(sandgate_pytest prefix)
  set(environment "SANDGATE_BINARY=$<TARGET_FILE:sandgate>" PYTHONDONTWRITEBYTECODE=1)
  if(SANDGATE_SANITIZE MATCHES thread)
    list(APPEND environment SANDGATE_TEST_SLOWNESS=8)
  elseif(SANDGATE_SANITIZE)
    list(APPEND environment SANDGATE_TEST_SLOWNESS=3)
  endif()
  file(GLOB modules CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*_test.py")
  foreach(module IN LISTS modules)
    get_filename_component(name ${module} NAME_WE)
    string(REGEX REPLACE "_test$" "" name ${name})
    add_test(NAME ${prefix}.${name} COMMAND /usr/bin/python3 -m pytest -q -rs -p no:cacheprovider ${module})
    set_tests_properties(${prefix}.${name} PROPERTIES ENVIRONMENT "${environment}" TIMEOUT 900)
  endforeach()
endfunction()
