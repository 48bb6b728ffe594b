#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "certificate.h"
#include "tls/context.h"
#include "tls/session.h"

namespace runtime::tls {
namespace {

std::string take_outgoing(Session& session) {
  std::string bytes(session.outgoing());
  session.drop_outgoing();
  return bytes;
}

// Everything that can be read now.
std::string read_all(Session& session) {
  std::string all;
  char bytes[1000];
  std::size_t size = 0;
  do {
    EXPECT_TRUE(session.read(bytes, sizeof bytes, &size).ok);
    all.append(bytes, size);
  } while (size > 0);
  return all;
}

class TlsTest : public testing::Test {
 protected:
  void SetUp() override { use(server_context, certificate); }

  static void use(Context& context, const Certificate& certificate) {
    const Outcome outcome =
        context.use_certificate(certificate.chain_file.c_str(), certificate.key_file.c_str());
    ASSERT_TRUE(outcome.ok) << outcome.text;
  }

  // Makes both sessions and carries bytes until both are done; the error of the one that failed
  // first.
  std::string connect(const char* host = nullptr) {
    client = std::make_unique<Session>(Role::client, client_context.get());
    server = std::make_unique<Session>(Role::server, server_context.get());
    if (host != nullptr) {
      EXPECT_TRUE(client->set_host(host));
    }
    for (int turn = 0; turn < 10; ++turn) {
      Session& now = turn % 2 == 0 ? *client : *server;
      Session& other = turn % 2 == 0 ? *server : *client;
      if (!now.is_finished()) {
        const Outcome outcome = now.handshake();
        if (!outcome.ok) return outcome.text;
      } else {
        read_all(now);
      }
      other.feed(take_outgoing(now));
    }
    EXPECT_TRUE(client->is_finished() && server->is_finished());
    return "";
  }

  // What the other side reads of a text.
  static std::string carry(Session& from, Session& to, std::string_view text) {
    EXPECT_TRUE(from.write(text).ok);
    to.feed(take_outgoing(from));
    return read_all(to);
  }

  Certificate certificate{"localhost"};
  Context server_context;
  Context client_context;
  std::unique_ptr<Session> client;
  std::unique_ptr<Session> server;
};

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

TEST_F(TlsTest, CarriesBytesBothWays) {
  ASSERT_EQ(connect(), "");
  EXPECT_EQ(client->version(), "TLSv1.3");
  EXPECT_EQ(carry(*client, *server, "hello"), "hello");
  EXPECT_EQ(carry(*server, *client, "back"), "back");
  const std::string large(1 << 20, 'x');
  EXPECT_EQ(carry(*client, *server, large), large);
}

TEST_F(TlsTest, ARecordMayComeByteByByte) {
  ASSERT_EQ(connect(), "");
  ASSERT_TRUE(client->write("piecemeal").ok);
  std::string got;
  for (const char c : take_outgoing(*client)) {
    server->feed({&c, 1});
    got += read_all(*server);
  }
  EXPECT_EQ(got, "piecemeal");
}

TEST_F(TlsTest, DoesNotVerifyUnlessAsked) { EXPECT_EQ(connect("elsewhere.test"), ""); }

TEST_F(TlsTest, VerifiesTheNameAndTheAddress) {
  ASSERT_TRUE(client_context.verify_peers(certificate.chain_file.c_str(), nullptr).ok);
  EXPECT_EQ(connect("localhost"), "");
  EXPECT_EQ(connect("127.0.0.1"), "");
  EXPECT_TRUE(contains(connect("elsewhere.test"), "hostname mismatch"));
  EXPECT_TRUE(contains(connect("127.0.0.2"), "IP address mismatch"));
}

TEST_F(TlsTest, RefusesAnUnknownRoot) {
  const Certificate stranger{"stranger.test"};
  ASSERT_TRUE(client_context.verify_peers(stranger.chain_file.c_str(), nullptr).ok);
  const std::string error = connect("localhost");
  EXPECT_TRUE(contains(error, "SSL_do_handshake error:1 ret:-1 (self-signed certificate)"))
      << error;
  EXPECT_TRUE(contains(error, "certificate verify failed")) << error;
  EXPECT_FALSE(client->outgoing().empty()) << "the alert for the server";
}

TEST_F(TlsTest, AServerMayAskForTheClientsCertificate) {
  const Certificate user{"user.test"};
  ASSERT_TRUE(server_context.verify_peers(user.chain_file.c_str(), nullptr).ok);
  EXPECT_TRUE(contains(connect(), "did not return a certificate"));
  use(client_context, user);
  EXPECT_EQ(connect(), "");
}

TEST_F(TlsTest, NegotiatesAProtocol) {
  ASSERT_TRUE(client_context.use_protocols("\2h2\10http/1.1").ok);
  ASSERT_TRUE(server_context.use_protocols("\10http/1.1").ok);
  ASSERT_EQ(connect(), "");
  EXPECT_EQ(client->protocol(), "http/1.1");
  EXPECT_EQ(server->protocol(), "http/1.1");
  ASSERT_TRUE(server_context.use_protocols("\3ftp").ok);
  EXPECT_TRUE(contains(connect(), "no application protocol"));
}

TEST_F(TlsTest, RefusesAProtocolListThatIsNone) {
  EXPECT_FALSE(client_context.use_protocols("\2h").ok);
  EXPECT_FALSE(client_context.use_protocols(std::string_view("\0", 1)).ok);
}

TEST_F(TlsTest, ChoosesTheCertificateByName) {
  const Certificate other{"a.other.test"};
  {
    Context other_context;
    use(other_context, other);
    ASSERT_TRUE(server_context.add_name("*.other.test", other_context).ok);
  }
  EXPECT_FALSE(server_context.add_name("self.test", server_context).ok);
  ASSERT_TRUE(client_context.verify_peers(other.chain_file.c_str(), nullptr).ok);
  EXPECT_EQ(connect("a.other.test"), "");
  EXPECT_EQ(server->asked_name(), "a.other.test");
  EXPECT_NE(connect("b.a.other.test"), "") << "a star is one label";
  EXPECT_NE(connect("localhost"), "");
}

TEST_F(TlsTest, TellsAnEndFromACut) {
  ASSERT_EQ(connect(), "");
  ASSERT_TRUE(server->write("bye").ok);
  server->end();
  client->feed(take_outgoing(*server));
  EXPECT_FALSE(client->is_ended()) << "the bytes before it come first";
  EXPECT_EQ(read_all(*client), "bye");
  EXPECT_TRUE(client->is_ended());
  EXPECT_EQ(carry(*client, *server, "one way is still open"), "one way is still open");
  EXPECT_FALSE(server->write("late").ok);
  EXPECT_EQ(carry(*client, *server, "and stays so"), "and stays so");
}

TEST_F(TlsTest, ABadRecordFailsForGood) {
  ASSERT_EQ(connect(), "");
  server->feed(std::string_view("\x17\x03\x03\0\5abcde", 10));
  char bytes[10];
  std::size_t size;
  for (int i = 0; i < 2; ++i) {
    const Outcome outcome = server->read(bytes, sizeof bytes, &size);
    EXPECT_FALSE(outcome.ok);
    EXPECT_TRUE(contains(outcome.text, "SSL_read error:1")) << outcome.text;
    EXPECT_EQ(size, 0u);
  }
  EXPECT_FALSE(server->write("x").ok);
  EXPECT_TRUE(server->write("").ok) << "what is left to send, an alert, can be taken";
  EXPECT_FALSE(server->outgoing().empty());
}

TEST_F(TlsTest, SaysWhichFileIsMissing) {
  const Outcome outcome = server_context.use_certificate("/no/such/file", "x");
  EXPECT_TRUE(contains(outcome.text, "SSL_CTX_use_certificate_chain_file error:0")) << outcome.text;
  EXPECT_TRUE(contains(outcome.text, "No such file or directory")) << outcome.text;
  EXPECT_TRUE(contains(outcome.text, "/no/such/file")) << outcome.text;
}

TEST_F(TlsTest, OffersOnlySuitesWithForwardSecrecyByDefault) {
  const Context context;
  const STACK_OF(SSL_CIPHER)* suites = SSL_CTX_get_ciphers(context.get());
  ASSERT_GT(sk_SSL_CIPHER_num(suites), 3);
  for (int i = 0; i < sk_SSL_CIPHER_num(suites); ++i) {
    const SSL_CIPHER* suite = sk_SSL_CIPHER_value(suites, i);
    const int exchange = SSL_CIPHER_get_kx_nid(suite);
    EXPECT_TRUE(exchange == NID_kx_ecdhe || exchange == NID_kx_dhe || exchange == NID_kx_any)
        << SSL_CIPHER_get_name(suite);
  }
}

TEST_F(TlsTest, TakesCiphersOfBothKinds) {
  ASSERT_TRUE(
      server_context.use_ciphers("TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256").ok);
  EXPECT_EQ(connect(), "");
  EXPECT_FALSE(server_context.use_ciphers("nonsense").ok);
  EXPECT_FALSE(server_context.use_ciphers("TLS_nonsense").ok);
  EXPECT_FALSE(server_context.use_ciphers("").ok);
}

}  // namespace
}  // namespace runtime::tls
