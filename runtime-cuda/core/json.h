// JSON as manifests, safetensors headers and config tables need it: parsed whole, every fault with its offset.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dream::json {

class Value;
using Array = std::vector<Value>;
/** In the order of the text; no key twice. */
using Object = std::vector<std::pair<std::string, Value>>;

class Value {
 public:
  using Content = std::variant<std::nullptr_t, bool, double, std::string, Array, Object>;
  Value(Content content = nullptr) : content_(std::move(content)) {}
  template <class T>
  const T* as() const {
    return std::get_if<T>(&content_);
  }
  /** The value of a key of an object, or null. */
  const Value* find(std::string_view key) const;
  /** A whole number from 0 to 2^53; -1 if it is anything else. */
  std::int64_t count() const;

 private:
  Content content_;
};

/** Throws a `Fault` that says what is wrong at which byte. */
Value parse(std::string_view text);

/** A string literal. Bytes that are no UTF-8 text become U+FFFD. */
std::string quote(std::string_view text);
/** A number as JavaScript prints it; `null` where JSON has none. */
std::string number(double value);

}  // namespace dream::json
