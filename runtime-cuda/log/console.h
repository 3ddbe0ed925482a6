// What the first rank shows: lines on standard output and, on a terminal, a progress bar below them on standard error.
#pragma once

#include <string>
#include <string_view>

namespace dream {

class Console {
 public:
  /** Other ranks show nothing. */
  explicit Console(bool isFirstRank);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  void line(std::string_view text);
  /** Text without a line's end. */
  void write(std::string_view text);
  /** Shown as the last line; nothing where there is no terminal. */
  void setBar(double share, const std::string& text);
  bool hasBar() const { return hasBar_; }

 private:
  void hideBar();
  void showBar();
  bool isFirstRank_;
  bool hasBar_;
  bool isBarVisible_ = false;
  bool isInsideLine_ = false;
  std::string bar_;
};

}  // namespace dream
