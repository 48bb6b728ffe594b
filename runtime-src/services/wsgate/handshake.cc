#include "services/wsgate/handshake.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <strings.h>

#include <algorithm>
#include <optional>

#include "http/head.h"
#include "http/status.h"
#include "services/wsgate/offer.h"

namespace runtime::wsgate {

namespace {

enum Status {
  kSwitching = 101,
  kBadRequest = 400,
  kForbidden = 403,
  kNotFound = 404,
  kNoGet = 405,
  kUpgradeRequired = 426,
  kHeadTooLarge = 431,
};

constexpr std::string_view kBlanks = " \t";

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// The next item of a list with commas, taken away from it; nothing at its end.
std::optional<std::string_view> take_item(std::string_view* list) {
  if (list->empty()) return std::nullopt;
  const std::size_t end = std::min(list->find(','), list->size());
  std::string_view item = list->substr(0, end);
  list->remove_prefix(std::min(end + 1, list->size()));
  item.remove_prefix(std::min(item.find_first_not_of(kBlanks), item.size()));
  return item.substr(0, item.find_last_not_of(kBlanks) + 1);
}

bool has_token(std::string_view list, std::string_view token) {
  while (const auto item = take_item(&list)) {
    if (equal_ignoring_case(*item, token)) return true;
  }
  return false;
}

// The fields that a handshake is about.
struct Request {
  std::string_view path;  // without the query
  std::string_view host, origin, key, version, real_ip;
  int hosts = 0, origins = 0, keys = 0, versions = 0;
  bool has_body = false;
  // These may come several times, and are one list then.
  std::string upgrade, connection, protocols, extensions;
};

void append(std::string* list, std::string_view value) {
  if (!list->empty()) *list += ',';
  *list += value;
}

void take_field(std::string_view name, std::string_view value, Request* request) {
  const auto is = [name](std::string_view other) { return equal_ignoring_case(name, other); };
  const auto once = [value](std::string_view* place, int* count) {
    *place = value;
    ++*count;
  };
  if (is("host")) return once(&request->host, &request->hosts);
  if (is("origin")) return once(&request->origin, &request->origins);
  if (is("sec-websocket-key")) return once(&request->key, &request->keys);
  if (is("sec-websocket-version")) return once(&request->version, &request->versions);
  if (is("x-real-ip")) request->real_ip = value;
  if (is("upgrade")) append(&request->upgrade, value);
  if (is("connection")) append(&request->connection, value);
  if (is("sec-websocket-protocol")) append(&request->protocols, value);
  if (is("sec-websocket-extensions")) append(&request->extensions, value);
  if (is("transfer-encoding") || (is("content-length") && value != "0")) request->has_body = true;
}

// The status to refuse the request with; 0: it can be read.
int parse(std::string_view head, Request* request) {
  const auto line = http::parse_request_line(http::take_line(head));
  if (!line || !line->exact) return kBadRequest;
  if (line->method != "GET") return kNoGet;
  if (line->version < 1.1) return kUpgradeRequired;
  request->path = line->url.substr(0, line->url.find('?'));
  for (;;) {
    const std::string_view text = http::take_line(head);
    if (text.empty()) break;
    const http::Field field = http::parse_field(text);
    if (field.kind != http::Field::Kind::pair) return kBadRequest;
    take_field(field.name, field.value.substr(0, field.value.find_last_not_of(kBlanks) + 1),
               request);
  }
  return request->hosts == 1 && !request->host.empty() && !request->has_body ? 0 : kBadRequest;
}

// 16 bytes in base64.
bool is_key(std::string_view key) {
  const auto is_digit = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  };
  return key.size() == 24 && key.substr(22) == "==" &&
         std::all_of(key.begin(), key.begin() + 22, is_digit);
}

bool is_allowed_origin(const Request& request, const std::vector<std::string>& origins) {
  if (origins.empty()) return true;
  return request.origins == 1 &&
         std::any_of(origins.begin(), origins.end(), [&](const std::string& allowed) {
           return equal_ignoring_case(request.origin, allowed);
         });
}

// The first that the client prefers and the gate knows. Empty: there is none.
std::string_view choose_protocol(std::string_view wanted, const std::vector<std::string>& known) {
  while (const auto item = take_item(&wanted)) {
    if (std::find(known.begin(), known.end(), *item) != known.end()) return *item;
  }
  return {};
}

// The only one, whose parameters are known (is_acceptable_offer).
std::string_view find_offer(std::string_view extensions) {
  while (const auto item = take_item(&extensions)) {
    if (item->substr(0, item->find_first_of("; \t")) == "permessage-deflate") return *item;
  }
  return {};
}

int check(const Request& request, const Options& options) {
  if (!has_token(request.upgrade, "websocket") || !has_token(request.connection, "upgrade") ||
      request.versions != 1 || request.version != "13") {
    return kUpgradeRequired;
  }
  if (request.keys != 1 || !is_key(request.key)) return kBadRequest;
  if (!options.path.empty() && request.path != options.path) return kNotFound;
  if (!is_allowed_origin(request, options.origins)) return kForbidden;
  if (!request.protocols.empty() && choose_protocol(request.protocols, options.protocols).empty()) {
    return kBadRequest;
  }
  return 0;
}

std::string accept_key(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr);
  unsigned char base64[2 * EVP_MAX_MD_SIZE];
  const int length = EVP_EncodeBlock(base64, digest, static_cast<int>(size));
  return {reinterpret_cast<const char*>(base64), static_cast<std::size_t>(length)};
}

}  // namespace

Handshake answer_request(std::string_view head, const Options& options) {
  Handshake result;
  Request request;
  result.status = parse(head, &request);
  if (result.status == 0) result.status = check(request, options);
  if (result.status != 0) {
    result.answer = refusal(result.status);
    return result;
  }
  result.status = kSwitching;
  result.real_ip = request.real_ip;
  result.answer = fmt::format(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: {}\r\n",
      accept_key(request.key));
  if (!request.protocols.empty()) {
    result.answer += fmt::format("Sec-WebSocket-Protocol: {}\r\n",
                                 choose_protocol(request.protocols, options.protocols));
  }
  result.deflate = options.deflate && is_acceptable_offer(request.extensions);
  if (result.deflate) {
    const std::string_view offer = find_offer(request.extensions);
    const auto says = [offer](std::string_view parameter) {
      return offer.find(parameter) != std::string_view::npos;
    };
    result.forgets_sent = says("server_no_context_takeover");
    result.forgets_received = says("client_no_context_takeover");
    result.answer += fmt::format("Sec-WebSocket-Extensions: permessage-deflate{}{}\r\n",
                                 result.forgets_sent ? "; server_no_context_takeover" : "",
                                 result.forgets_received ? "; client_no_context_takeover" : "");
  }
  result.answer += "\r\n";
  return result;
}

std::string refusal(int status) {
  std::string_view reason = http::reason_phrase(status);
  if (status == kUpgradeRequired) reason = "Upgrade Required";
  if (status == kHeadTooLarge) reason = "Request Header Fields Too Large";
  const std::string_view more =
      status == kUpgradeRequired ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" : "";
  const std::string_view allow = status == kNoGet ? "Allow: GET\r\n" : "";
  return fmt::format("HTTP/1.1 {} {}\r\n{}{}Connection: close\r\nContent-Length: 0\r\n\r\n", status,
                     reason, more, allow);
}

}  // namespace runtime::wsgate
