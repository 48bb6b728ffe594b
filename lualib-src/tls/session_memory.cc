#include "tls/session_memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace runtime::tls {

namespace {

int read_input(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  auto* input = static_cast<SessionInput*>(BIO_get_data(bio));
  const std::size_t got = input->read(out, static_cast<std::size_t>(size));
  if (got > 0) return static_cast<int>(got);
  BIO_set_retry_read(bio);  // more may come
  return -1;
}

int write_output(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  static_cast<SessionOutput*>(BIO_get_data(bio))->append({bytes, static_cast<std::size_t>(size)});
  return size;
}

// SSL asks for nothing but this.
long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* make_method(const char* name) {
  BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, name);
  RUNTIME_CHECK(method != nullptr, "OpenSSL has no memory");
  BIO_meth_set_ctrl(method, control);
  return method;
}

BIO* make(const BIO_METHOD* method, void* data) {
  BIO* const bio = BIO_new(method);
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, data);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace

BIO* SessionInput::make_bio() noexcept {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* const made = make_method("session input");
    BIO_meth_set_read(made, read_input);
    return made;
  }();
  return make(method, this);
}

void SessionInput::append(std::string_view bytes) {
  if (read_ > 0) {
    kept_.erase(0, read_);
    read_ = 0;
  }
  kept_.append(bytes);
}

void SessionInput::keep() {
  if (!lent_.empty()) append(std::exchange(lent_, {}));
}

std::size_t SessionInput::read(char* out, std::size_t room) {
  std::size_t got = std::min(room, kept_.size() - read_);
  std::memcpy(out, kept_.data() + read_, got);
  read_ += got;
  if (read_ == kept_.size() && read_ > 0) {
    kept_ = {};
    read_ = 0;
  }
  const std::size_t more = std::min(room - got, lent_.size());
  if (more > 0) std::memcpy(out + got, lent_.data(), more);
  lent_.remove_prefix(more);
  return got + more;
}

SessionOutput::~SessionOutput() { std::free(data_); }

BIO* SessionOutput::make_bio() noexcept {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* const made = make_method("session output");
    BIO_meth_set_write(made, write_output);
    return made;
  }();
  return make(method, this);
}

void SessionOutput::drop() {
  size_ = 0;
  if (room_ > kKeptBytes) std::free(take());
}

char* SessionOutput::take() {
  size_ = room_ = 0;
  return std::exchange(data_, nullptr);
}

void SessionOutput::reserve(std::size_t bytes) {
  if (bytes <= room_ - size_) return;
  room_ = std::max(size_ + bytes, room_ * 2);
  data_ = static_cast<char*>(std::realloc(data_, room_));
  RUNTIME_CHECK(data_ != nullptr, "out of memory");
}

void SessionOutput::append(std::string_view bytes) {
  reserve(bytes.size());
  std::memcpy(data_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

}  // namespace runtime::tls
