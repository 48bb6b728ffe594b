#include "cluster/request_reader.h"

namespace runtime::cluster {

namespace {

// As skynet says it: peers may look for this.
constexpr const char* kInvalid = "Invalid large req";

}  // namespace

RequestReader::Event RequestReader::refused(std::uint32_t session, bool push, const char* text) {
  Event event;
  event.kind = Event::Kind::refused;
  event.session = session;
  event.push = push;
  event.text = text;
  return event;
}

RequestReader::Event RequestReader::read(std::string_view body) {
  const Payloads payloads = compression_ != nullptr ? compression_->payloads() : Payloads::plain;
  Request request;
  Event event;
  if (const RequestFault fault = parse_request(body, &request, payloads);
      fault != RequestFault::none) {
    text_ = text_of(fault);
    if (fault == RequestFault::unknown_type)
      text_ += " " + std::to_string(static_cast<signed char>(body.front()));
    event.kind = Event::Kind::nonsense;
    event.text = text_;
    return event;
  }
  if (request.compressed && !compression_->expand(&request.payload)) {
    event.kind = Event::Kind::damaged;
    event.text = compression_->fault();
    return event;
  }
  switch (request.kind) {
    case Request::Kind::whole:
      event.kind = Event::Kind::request;
      event.push = request.push;
      event.target = request.target;
      event.session = request.session;
      event.payload = Owned::copy_of(request.payload);
      return event;
    case Request::Kind::trace:
      event.kind = Event::Kind::trace;
      event.text = request.payload;
      return event;
    case Request::Kind::head: return begin(request);
    default: return add(request);
  }
}

RequestReader::Event RequestReader::begin(const Request& head) {
  unfinished_.erase(head.session);
  if (unfinished_.size() >= kMaxUnfinished)
    return refused(head.session, head.push, "too many large requests at once");
  const bool fits = head.total <= kMaxTotal && head.total <= limit_;
  unfinished_.emplace(head.session, Unfinished{head.push, head.target.named, head.target.handle,
                                               std::string(head.target.name), nullptr, !fits,
                                               Assembly(fits ? head.total : 0, &budget_)});
  if (!fits) return refused(head.session, head.push, "Invalid large req: it is too large");
  return {};
}

RequestReader::Event RequestReader::add(const Request& part) {
  const bool last = part.kind == Request::Kind::last;
  auto found = unfinished_.find(part.session);
  if (found == unfinished_.end()) {
    if (last) return refused(part.session, false, "Invalid name");
    if (unfinished_.size() >= kMaxUnfinished) return {};
    found = unfinished_
                .emplace(part.session,
                         Unfinished{false, false, 0, {}, kInvalid, false, Assembly(0, &budget_)})
                .first;
  }
  Unfinished& message = found->second;
  if (message.fault == nullptr && !message.told) {
    switch (message.bytes.add(part.payload)) {
      case Assembly::Added::yes: break;
      case Assembly::Added::too_long: message.fault = kInvalid; break;
      case Assembly::Added::no_room:
        message.fault = "Invalid large req: too much is unfinished";
        break;
    }
  }
  if (!last) return {};
  Event event;
  if (!message.told) {
    if (message.fault == nullptr && !message.bytes.complete()) message.fault = kInvalid;
    if (message.fault != nullptr) {
      event = refused(part.session, message.push, message.fault);
    } else {
      event.kind = Event::Kind::request;
      event.push = message.push;
      event.session = part.session;
      name_ = std::move(message.name);
      event.target = {message.handle, message.named, name_};
      event.payload = message.bytes.take();
    }
  }
  unfinished_.erase(found);
  return event;
}

}  // namespace runtime::cluster
