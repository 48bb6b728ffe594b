#include <gtest/gtest.h>

#include "services/wsgate/handshake.h"

namespace runtime::wsgate {
namespace {

const std::string kFields =
    "Host: game\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

std::string request(const std::string& more = {}) {
  return "GET /chat?a=b HTTP/1.1\r\n" + kFields + more + "\r\n";
}

int status(const std::string& head, const Options& options = {}) {
  const Handshake handshake = answer_request(head, options);
  EXPECT_EQ(handshake.answer.rfind("HTTP/1.1 " + std::to_string(handshake.status) + " ", 0), 0U);
  EXPECT_EQ(handshake.answer.substr(handshake.answer.size() - 4), "\r\n\r\n");
  return handshake.status;
}

TEST(WsgateHandshake, AnswersTheExampleOfTheRfc) {
  EXPECT_EQ(answer_request(request(), {}).answer,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

TEST(WsgateHandshake, RefusesWhatIsNoHandshakeWithTheStatusThatSaysWhy) {
  EXPECT_EQ(status("\r\n"), 400);
  EXPECT_EQ(status("GET  /chat HTTP/1.1\r\n" + kFields + "\r\n"), 400);
  EXPECT_EQ(status("POST / HTTP/1.1\r\n" + kFields + "\r\n"), 405);
  EXPECT_EQ(status("GET / HTTP/1.0\r\n" + kFields + "\r\n"), 426);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 426);
  EXPECT_NE(refusal(426).find("Sec-WebSocket-Version: 13\r\n"), std::string::npos);
  for (const char* more : {"Host: b\r\n", "Content-Length: 1\r\n", "Transfer-Encoding: chunked\r\n",
                           "no colon\r\n", " folded\r\n", "Bad name: x\r\n", "X: a\x01\r\n",
                           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"}) {
    EXPECT_EQ(status(request(more)), 400) << more;
  }
  EXPECT_EQ(status(request("Sec-WebSocket-Version: 8\r\n")), 426);
  EXPECT_EQ(status(request("Content-Length: 0\r\n")), 101);
  for (const char* key : {"", "short", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ!="}) {
    std::string head = request();
    head.replace(head.find("dGhl"), 24, key);
    EXPECT_EQ(status(head), 400) << key;
  }
}

TEST(WsgateHandshake, ServesOnePathAndSomeOriginsIfThatIsWanted) {
  Options options;
  options.path = "/chat";
  EXPECT_EQ(status(request(), options), 101);
  options.path = "/other";
  EXPECT_EQ(status(request(), options), 404);
  options.path.clear();
  options.origins = {"https://a.example"};
  EXPECT_EQ(status(request(), options), 403);
  EXPECT_EQ(status(request("Origin: https://evil\r\n"), options), 403);
  EXPECT_EQ(status(request("origin: HTTPS://a.example \r\n"), options), 101);
  EXPECT_EQ(status(request("Origin: https://evil\r\nOrigin: https://a.example\r\n"), options), 403);
}

TEST(WsgateHandshake, AgreesOnASubProtocolThatBothKnow) {
  Options options;
  options.protocols = {"game", "chat"};
  const std::string answer =
      answer_request(request("Sec-WebSocket-Protocol: x, chat\r\nSec-WebSocket-Protocol: game\r\n"),
                     options)
          .answer;
  EXPECT_NE(answer.find("Sec-WebSocket-Protocol: chat\r\n"), std::string::npos) << answer;
  EXPECT_EQ(status(request("Sec-WebSocket-Protocol: Chat\r\n"), options), 400);
}

TEST(WsgateHandshake, AgreesOnCompressionWithTheParametersOfThatOffer) {
  const std::string offer =
      "Sec-WebSocket-Extensions: x; client_no_context_takeover, "
      "permessage-deflate; server_no_context_takeover\r\n";
  EXPECT_FALSE(answer_request(request(offer), {}).deflate);
  Options options;
  options.deflate = true;
  const Handshake handshake = answer_request(request(offer), options);
  EXPECT_TRUE(handshake.deflate && handshake.forgets_sent && !handshake.forgets_received);
  EXPECT_NE(handshake.answer.find("Sec-WebSocket-Extensions: permessage-deflate; "
                                  "server_no_context_takeover\r\n"),
            std::string::npos);
  EXPECT_FALSE(answer_request(request(), options).deflate);
}

}  // namespace
}  // namespace runtime::wsgate
