// The test program: every suite in one executable. `--test-suite=NAME` runs one.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
