// JSON: what it means, what it refuses and where.
#include "core/json.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/fault.h"

using namespace dream;

TEST_SUITE("json") {
  TEST_CASE("values are read") {
    const json::Value value =
        json::parse(R"( {"a": [1, -2.5e3, true, null], "b\u00e9\ud83d\ude00": "x\n\"y\"", "c": {}} )");
    const json::Array& array = *value.find("a")->as<json::Array>();
    CHECK(array[0].count() == 1);
    CHECK(*array[1].as<double>() == -2500.0);
    CHECK(array[1].count() == -1);
    CHECK(*array[2].as<bool>());
    CHECK(array[3].as<std::nullptr_t>());
    CHECK(*value.find("b\xc3\xa9\xf0\x9f\x98\x80")->as<std::string>() == "x\n\"y\"");
    CHECK(value.find("d") == nullptr);
  }

  TEST_CASE("what is no JSON is refused") {
    const char* bad[] = {"",    "{",   "[1,]", "{\"a\":1,}",        "nul",      "1 2",   "\"\\x\"", "\"\\ud800\"",
                         "inf", "nan", "+1",   "{\"a\":1,\"a\":2}", "\"a\nb\"", "{a:1}", "1e999"};
    for (const char* text : bad) CHECK_THROWS_AS(json::parse(text), Fault);
    CHECK_THROWS_AS(json::parse(std::string(100000, '[')), Fault);
    CHECK_THROWS_WITH_AS(json::parse("[1, x]"), "no valid JSON at byte 4: no value begins like this", Fault);
  }

  TEST_CASE("text and numbers are written so that they read back") {
    CHECK(json::quote("a\"b\\c\n\x01") == "\"a\\\"b\\\\c\\u000a\\u0001\"");
    CHECK(json::quote("\xc3\xa9 \xff") == "\"\xc3\xa9 \xef\xbf\xbd\"");
    CHECK(json::number(0.1) == "0.1");
    CHECK(json::number(NAN) == "null");
  }
}
