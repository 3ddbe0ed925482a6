// A parser by descent; strings and numbers as JavaScript writes them.
#include "core/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/fault.h"
#include "dream/host.h"

namespace dream::json {

const Value* Value::find(std::string_view key) const {
  const Object* object = as<Object>();
  if (!object) return nullptr;
  for (const auto& [name, value] : *object)
    if (name == key) return &value;
  return nullptr;
}

std::int64_t Value::count() const {
  const double* number = as<double>();
  if (!number || !(*number >= 0.0 && *number <= 9007199254740992.0) || *number != std::floor(*number)) return -1;
  return static_cast<std::int64_t>(*number);
}

namespace {

constexpr int maxDepth = 64;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Value whole() {
    Value value = parseValue(0);
    skipSpace();
    if (at_ != text_.size()) fail("something follows the value");
    return value;
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw Fault("no valid JSON at byte " + std::to_string(at_) + ": " + what);
  }
  void skipSpace() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) at_++;
  }
  char peek() {
    if (at_ >= text_.size()) fail("it ends too early");
    return text_[at_];
  }
  void expect(char character, const char* what) {
    if (peek() != character) fail(what);
    at_++;
  }
  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Value parseValue(int depth) {
    if (depth > maxDepth) fail("it is nested too deeply");
    skipSpace();
    switch (peek()) {
      case '{':
        return parseObject(depth);
      case '[':
        return parseArray(depth);
      case '"':
        return Value(parseString());
      default:
        if (take("true")) return Value(true);
        if (take("false")) return Value(false);
        if (take("null")) return Value(nullptr);
        return parseNumber();
    }
  }

  Value parseObject(int depth) {
    Object object;
    at_++;
    skipSpace();
    if (take("}")) return Value(std::move(object));
    while (true) {
      skipSpace();
      if (peek() != '"') fail("a key must stand here");
      std::string key = parseString();
      skipSpace();
      expect(':', "a colon must stand here");
      object.emplace_back(std::move(key), parseValue(depth + 1));
      skipSpace();
      if (take("}")) break;
      expect(',', "a comma or } must stand here");
    }
    std::vector<std::string_view> keys;
    for (const auto& [key, value] : object) keys.push_back(key);
    std::sort(keys.begin(), keys.end());
    if (std::adjacent_find(keys.begin(), keys.end()) != keys.end())
      fail("a key of the object before stands there twice");
    return Value(std::move(object));
  }

  Value parseArray(int depth) {
    Array array;
    at_++;
    skipSpace();
    if (take("]")) return Value(std::move(array));
    while (true) {
      array.push_back(parseValue(depth + 1));
      skipSpace();
      if (take("]")) break;
      expect(',', "a comma or ] must stand here");
    }
    return Value(std::move(array));
  }

  Value parseNumber() {
    const char* first = text_.data() + at_;
    const char* last = text_.data() + text_.size();
    double value = 0.0;
    // from_chars also reads "inf" and "nan", which are not JSON.
    if (*first != '-' && !(*first >= '0' && *first <= '9')) fail("no value begins like this");
    const auto [end, error] = std::from_chars(first, last, value);
    if (error != std::errc() || !std::isfinite(value)) fail("this is no number");
    at_ += static_cast<std::size_t>(end - first);
    return Value(value);
  }

  std::string parseString() {
    std::string out;
    at_++;
    while (true) {
      const char character = peek();
      if (static_cast<unsigned char>(character) < 0x20) fail("a string has no control characters");
      at_++;
      if (character == '"') return out;
      if (character != '\\') {
        out += character;
        continue;
      }
      parseEscape(out);
    }
  }

  void parseEscape(std::string& out) {
    const char kind = peek();
    at_++;
    const std::string_view kinds = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (const std::size_t i = kinds.find(kind); i != std::string_view::npos) {
      out += meanings[i];
      return;
    }
    if (kind != 'u') fail("there is no such escape");
    std::uint32_t code = parseHex();
    if (code >= 0xd800 && code < 0xdc00) {
      if (!take("\\u")) fail("half of a surrogate pair");
      const std::uint32_t low = parseHex();
      if (low < 0xdc00 || low >= 0xe000) fail("half of a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
      fail("half of a surrogate pair");
    }
    appendUtf8(out, code);
  }

  std::uint32_t parseHex() {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; i++, at_++) {
      const std::size_t digit = std::string_view("0123456789abcdef").find(static_cast<char>(peek() | 0x20));
      if (digit == std::string_view::npos) fail("four hexadecimal digits must stand here");
      code = code * 16 + static_cast<std::uint32_t>(digit);
    }
    return code;
  }

  static void appendUtf8(std::string& out, std::uint32_t code) {
    const auto byte = [&](std::uint32_t value) { out += static_cast<char>(value); };
    if (code < 0x80) return byte(code);
    if (code < 0x800) {
      byte(0xc0 | (code >> 6));
    } else {
      if (code < 0x10000) {
        byte(0xe0 | (code >> 12));
      } else {
        byte(0xf0 | (code >> 18));
        byte(0x80 | ((code >> 12) & 0x3f));
      }
      byte(0x80 | ((code >> 6) & 0x3f));
    }
    byte(0x80 | (code & 0x3f));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/** Bytes of the UTF-8 character that begins here; 0 if none does. */
std::size_t characterLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned lead = byte(0);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  for (std::size_t i = 1; i < length; i++)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool isOverlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool isOutside = (lead == 0xed && byte(1) >= 0xa0) || (lead == 0xf4 && byte(1) >= 0x90);
  return isOverlong || isOutside ? 0 : length;
}

}  // namespace

Value parse(std::string_view text) { return Parser(text).whole(); }

std::string quote(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = characterLength(text);
    const auto code = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (code == '"' || code == '\\') {
      out += '\\';
      out += text[0];
    } else if (code < 0x20) {
      const char* hex = "0123456789abcdef";
      out += std::string("\\u00") + hex[code >> 4] + hex[code & 15];
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out + '"';
}

std::string number(double value) { return std::isfinite(value) ? host::text(value) : "null"; }

}  // namespace dream::json
