// The header of a struct that is being written (wire.h): its words become known one by one, and its data parts follow it.
#pragma once

#include <cstring>

#include "sproto/wire.h"

namespace runtime::sproto {

// Out has data(), size() and shorten(size); its bytes may move.
template <class Out>
class HeaderWriter {
 public:
  static constexpr int kPart = -1;  // instead of a number: the value is the next data part

  // The bytes of the longest header that a struct may have are the last ones of `out`; those that turn out not to be needed
  // are closed at the end.
  static std::size_t room(std::size_t max_words) { return kWordBytes * (1 + max_words); }
  HeaderWriter(Out& out, std::size_t max_words)
      : out_(out),
        parts_(out.size()),
        begin_(parts_ - room(max_words)),
        end_(begin_ + kWordBytes) {}

  // The field with that tag has that value. Tags come ascending.
  void add(int tag, int number) {
    if (tag != last_ + 1) put(2 * (tag - last_ - 2) + 1);
    put(2 * (number + 1));
    last_ = tag;
  }

  void close() {
    const auto words = static_cast<std::uint16_t>((end_ - begin_) / kWordBytes - 1);
    char* const bytes = out_.data();
    std::memcpy(bytes + begin_, &words, sizeof words);
    if (end_ == parts_) return;
    std::memmove(bytes + end_, bytes + parts_, out_.size() - parts_);
    out_.shorten(out_.size() - (parts_ - end_));
  }

 private:
  void put(int word) {
    const auto bits = static_cast<std::uint16_t>(word);
    std::memcpy(out_.data() + end_, &bits, sizeof bits);
    end_ += kWordBytes;
  }

  Out& out_;
  std::size_t parts_;
  std::size_t begin_;
  std::size_t end_;
  int last_ = -1;
};

}  // namespace runtime::sproto
