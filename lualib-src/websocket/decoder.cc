#include "websocket/decoder.h"

#include <utility>

#include "base/utf8.h"

namespace runtime::websocket {

namespace {

// Empties `text`, and gives memory back that an idle connection should not hold.
void empty(std::string& text) {
  text.clear();
  if (text.capacity() > Decoder::kIdleBytes) std::string().swap(text);
}

bool may_be_compressed(const FrameHeader& header) {
  return header.opcode == kText || header.opcode == kBinary;
}

bool is_known(int opcode) { return opcode <= kBinary || (opcode >= kClose && opcode <= kPong); }

}  // namespace

void Decoder::feed(std::string_view bytes) noexcept {
  if (!error_.empty()) return;
  release_given_message();
  if (position_ == input_.size()) {
    empty(input_);
  } else if (position_ > 0) {
    input_.erase(0, position_);
  }
  position_ = 0;
  input_.append(bytes);
}

Decoder::Event Decoder::next() noexcept {
  for (;;) {
    if (!error_.empty()) return {Event::Kind::error, 0, error_, close_code_};
    release_given_message();
    const std::string_view rest = std::string_view(input_).substr(position_);
    const std::optional<FrameHeader> header = parse_frame_header(rest);
    if (!header) return {Event::Kind::incomplete, 0, {}, 0};
    if (!check(*header)) continue;
    if (rest.size() - header->size < header->length) return {Event::Kind::incomplete, 0, {}, 0};

    const auto length = static_cast<std::size_t>(header->length);
    char* payload = input_.data() + position_ + header->size;
    if (header->is_masked) apply_mask(header->key, payload, length, payload);
    position_ += header->size + length;
    const std::string_view text(payload, length);

    if (is_control(header->opcode)) {
      if (header->opcode == kClose && !check_close(text)) continue;
      return {Event::Kind::message, header->opcode, text, 0};
    }
    const bool is_compressed = takes_compressed_ && (header->reserved & kCompressed) != 0;
    if (header->is_last && message_opcode_ == 0) {  // the usual frame: no fragments, no copy
      if (header->opcode == kText && !is_compressed && !check_text(text)) continue;
      return {Event::Kind::message, header->opcode, text, 0, is_compressed};
    }
    if (message_opcode_ == 0) {
      message_opcode_ = header->opcode;
      is_compressed_ = is_compressed;
    }
    message_.append(text);
    if (message_opcode_ == kText && !is_compressed_ && !check_fragments(header->is_last)) continue;
    if (!header->is_last) continue;
    message_given_ = true;
    return {Event::Kind::message, message_opcode_, message_, 0, is_compressed_};
  }
}

std::size_t Decoder::held() const noexcept {
  return input_.size() - position_ + (message_given_ ? 0 : message_.size());
}

bool Decoder::check(const FrameHeader& header) {
  const int agreed = takes_compressed_ && may_be_compressed(header) ? kCompressed : 0;
  if ((header.reserved & ~agreed) != 0 && rules_ != Rules::lenient) {
    return fail(kProtocolError, "reserved bits without an extension");
  }
  if (!is_known(header.opcode)) {
    return fail(kProtocolError, "invalid opcode " + std::to_string(header.opcode));
  }
  if (rules_ == Rules::masked && !header.is_masked) {
    return fail(kProtocolError, "unmasked frame of a client");
  }
  if (rules_ == Rules::unmasked && header.is_masked) {
    return fail(kProtocolError, "masked frame of a server");
  }
  if (is_control(header.opcode)) {
    if (header.is_last && header.length <= kMaxControlPayload) return true;
    return fail(kProtocolError, "invalid control frame");
  }
  if (header.length > max_payload_ || header.length > max_payload_ - message_.size()) {
    return fail(kTooLarge, "payload_len is too large");
  }
  if (header.opcode == kContinuation && message_opcode_ == 0) {
    return fail(kProtocolError, "unexpected continuation frame");
  }
  if (header.opcode != kContinuation && message_opcode_ != 0) {
    return fail(kProtocolError, "unfinished fragmented message");
  }
  return true;
}

bool Decoder::check_close(std::string_view payload) {
  const int wrong = rules_ == Rules::lenient ? 0 : check_close_payload(payload);
  return wrong == 0 || fail(wrong, "invalid close frame");
}

bool Decoder::check_text(std::string_view text) {
  return rules_ == Rules::lenient || is_utf8(text) || fail(kInvalidData, "text is not UTF-8");
}

// A text in fragments: what is new of it. A character may be spread over several of them.
bool Decoder::check_fragments(bool is_last) {
  if (rules_ == Rules::lenient) return true;
  const Utf8Prefix good = utf8_prefix(std::string_view(message_).substr(checked_));
  checked_ += good.size;
  if (good.may_continue && (!is_last || checked_ == message_.size())) return true;
  return fail(kInvalidData, "text is not UTF-8");
}

// False: so that callers can return it.
bool Decoder::fail(int close_code, std::string text) {
  close_code_ = close_code;
  error_ = std::move(text);
  empty(input_);
  empty(message_);
  position_ = 0;
  return false;
}

void Decoder::release_given_message() {
  if (!message_given_) return;
  empty(message_);
  checked_ = 0;
  message_opcode_ = 0;
  message_given_ = false;
}

}  // namespace runtime::websocket
