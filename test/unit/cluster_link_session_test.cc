#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "certificate.h"
#include "cluster/tls/credentials.h"
#include "cluster/tls/link_session.h"
#include "cluster/wire.h"

namespace runtime::cluster {
namespace {

std::string take_outgoing(Secure& session) {
  std::string bytes(session.outgoing());
  session.drop_outgoing();
  return bytes;
}

class LinkSessionTest : public testing::Test {
 protected:
  void SetUp() override {
    const tls::Outcome outcome =
        credentials.load({certificate.chain_file.c_str(), certificate.key_file.c_str(),
                          certificate.chain_file.c_str()});
    ASSERT_TRUE(outcome.ok) << outcome.text;
  }

  // What `to` reads of all that `from` has to send.
  static std::string carry(Secure& from, Secure& to) {
    std::string plain;
    to.feed(take_outgoing(from), &plain);
    return plain;
  }

  static void connect(Secure& client, Secure& server) {
    std::string nothing;
    client.feed({}, &nothing);
    for (int turn = 0; turn < 3; ++turn) {
      EXPECT_EQ(carry(client, server), "");
      EXPECT_EQ(carry(server, client), "");
    }
  }

  tls::Certificate certificate{"node"};
  Credentials credentials{true};
};

TEST_F(LinkSessionTest, AClientIsReadyOnlyWhenTheServerHasSaidSo) {
  const auto client = credentials.client("node", ""), server = credentials.server();
  std::string plain;
  client->feed({}, &plain);
  carry(*client, *server);
  carry(*server, *client);
  EXPECT_FALSE(server->is_ready());
  EXPECT_FALSE(client->is_ready()) << "its handshake is done, but who knows what the server thinks";
  carry(*client, *server);
  EXPECT_TRUE(server->is_ready());
  EXPECT_FALSE(client->is_ready());
  EXPECT_EQ(carry(*server, *client), "") << "the byte that says so is not for the link";
  EXPECT_TRUE(client->is_ready());
  EXPECT_EQ(client->version(), "TLSv1.3");
}

TEST_F(LinkSessionTest, CarriesWhatIsWrittenByteByByte) {
  const auto client = credentials.client("", "127.0.0.1"), server = credentials.server();
  connect(*client, *server);
  std::string sent(100000, 'x'), came;
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * i / 7);
  client->write(sent);
  for (const char byte : take_outgoing(*client)) server->feed({&byte, 1}, &came);
  EXPECT_EQ(came, sent);
  server->write("back");
  EXPECT_EQ(carry(*server, *client), "back");
}

TEST_F(LinkSessionTest, ANodeOfAnotherNameIsRefused) {
  const auto client = credentials.client("other", "10.0.0.1"), server = credentials.server();
  connect(*client, *server);
  EXPECT_FALSE(client->is_ready());
  EXPECT_EQ(client->fault(), "the certificate of the peer is neither for other nor for 10.0.0.1");
}

TEST_F(LinkSessionTest, APortWithoutTlsIsNamedAsSuch) {
  const auto client = credentials.client("node", "");
  std::string plain;
  client->feed(std::string_view("\0\5hello", 7), &plain);
  EXPECT_EQ(client->fault(), "the port has no TLS: does the config of its node have cluster_cert?");
  EXPECT_EQ(plain, "");
}

TEST_F(LinkSessionTest, AByteThatIsChangedEndsTheSessionAfterWhatWasRight) {
  const auto client = credentials.client("node", ""), server = credentials.server();
  connect(*client, *server);
  client->write("right");
  std::string bytes = take_outgoing(*client);
  client->write("wrong");
  bytes += take_outgoing(*client);
  bytes.back() ^= 1;
  std::string plain;
  server->feed(bytes, &plain);
  EXPECT_EQ(plain, "right");
  EXPECT_NE(server->fault().find("bad record mac"), std::string::npos) << server->fault();
  EXPECT_FALSE(server->outgoing().empty()) << "an alert";
}

TEST_F(LinkSessionTest, KeysAreChangedAndTheStreamGoesOn) {
  tls::Context context;
  ASSERT_TRUE(
      context.use_certificate(certificate.chain_file.c_str(), certificate.key_file.c_str()).ok);
  ASSERT_TRUE(context.use_protocols(kProtocolList).ok);
  LinkSession client(tls::Role::client, context.get(), {}, 3),
      server(tls::Role::server, context.get());
  connect(client, server);
  std::size_t longer = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string text = "text " + std::to_string(i + 10);
    client.write(text);
    const std::string bytes = take_outgoing(client);
    longer += bytes.size() > text.size() + 30;  // a record of its own says that the key is changed
    std::string plain;
    server.feed(bytes, &plain);
    EXPECT_EQ(plain, text);
  }
  EXPECT_EQ(longer, 5u);
}

TEST(BeginningOf, TellsTlsFromPacketsAsSoonAsItCan) {
  const auto is = [](std::string_view bytes) {
    const Beginning found = beginning_of(bytes);
    return !found.known ? "unknown" : found.tls ? "tls" : "plain";
  };
  EXPECT_STREQ(is(""), "unknown");
  EXPECT_STREQ(is("\x16"), "unknown");
  EXPECT_STREQ(is("\x16\x03"), "unknown");
  EXPECT_STREQ(is("\x16\x03\x01"), "tls");
  EXPECT_STREQ(is("\x16\x03\x80"), "plain");  // a request of 5635 bytes, by name
  EXPECT_STREQ(is(std::string_view("\x16\x03\x00", 3)), "plain");
  EXPECT_STREQ(is("\x16\x04"), "plain");
  EXPECT_STREQ(is(std::string_view("\0", 1)), "plain");
}

}  // namespace
}  // namespace runtime::cluster
