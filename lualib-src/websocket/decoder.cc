#include "websocket/decoder.h"

namespace runtime::websocket {

namespace {

// Empties `text`, and gives memory back that an idle connection should not hold.
void empty(std::string& text) {
  text.clear();
  if (text.capacity() > Decoder::kIdleBytes) std::string().swap(text);
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
    if (!error_.empty()) return {Event::Kind::error, 0, error_};
    release_given_message();
    const std::string_view rest = std::string_view(input_).substr(position_);
    const std::optional<FrameHeader> header = parse_frame_header(rest);
    if (!header) return {Event::Kind::incomplete, 0, {}};
    if (!check(*header)) continue;
    if (rest.size() - header->size < header->length) return {Event::Kind::incomplete, 0, {}};

    const auto length = static_cast<std::size_t>(header->length);
    char* payload = input_.data() + position_ + header->size;
    if (header->is_masked) apply_mask(header->key, payload, length, payload);
    position_ += header->size + length;
    const std::string_view text(payload, length);

    if (is_control(header->opcode)) return {Event::Kind::message, header->opcode, text};
    if (header->is_last && message_opcode_ == 0) {
      return {Event::Kind::message, header->opcode,
              text};  // the usual frame: no fragments, no copy
    }
    if (message_opcode_ == 0) message_opcode_ = header->opcode;
    message_.append(text);
    if (!header->is_last) continue;
    message_given_ = true;
    return {Event::Kind::message, message_opcode_, message_};
  }
}

std::size_t Decoder::held() const noexcept {
  return input_.size() - position_ + (message_given_ ? 0 : message_.size());
}

bool Decoder::check(const FrameHeader& header) {
  if (!is_known(header.opcode)) {
    error_ = "invalid opcode " + std::to_string(header.opcode);
  } else if (is_control(header.opcode)) {
    if (!header.is_last || header.length > kMaxControlPayload) error_ = "invalid control frame";
  } else if (header.length > max_payload_ || header.length > max_payload_ - message_.size()) {
    error_ = "payload_len is too large";
  } else if (header.opcode == kContinuation && message_opcode_ == 0) {
    error_ = "unexpected continuation frame";
  } else if (header.opcode != kContinuation && message_opcode_ != 0) {
    error_ = "unfinished fragmented message";
  }
  if (error_.empty()) return true;
  empty(input_);
  empty(message_);
  position_ = 0;
  return false;
}

void Decoder::release_given_message() {
  if (!message_given_) return;
  empty(message_);
  message_opcode_ = 0;
  message_given_ = false;
}

}  // namespace runtime::websocket
