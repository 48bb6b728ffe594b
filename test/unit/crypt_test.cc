#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <string>

#include "crypt/des.h"
#include "crypt/digest.h"
#include "crypt/hash64.h"
#include "crypt/rsa.h"
#include "crypt/text_codec.h"

namespace runtime::crypt {
namespace {

std::string to_hex(std::string_view bytes) {
  std::string out(2 * bytes.size(), '\0');
  hex_encode(bytes, out.data());
  return out;
}

std::string from_hex(std::string_view text) {
  std::string out(text.size() / 2, '\0');
  EXPECT_TRUE(hex_decode(text, out.data()));
  return out;
}

// A number as the wire has it.
std::string wire(std::uint64_t number) {
  char bytes[kU64Bytes];
  store_u64(number, bytes);
  return to_hex({bytes, sizeof bytes});
}

std::uint64_t number(std::string_view hex) { return load_u64(from_hex(hex).data()); }

std::string digest_of(Digest kind, std::string_view text) {
  char hash[kMaxDigestBytes];
  EXPECT_TRUE(digest(kind, {text}, hash));
  return to_hex({hash, digest_bytes(kind)});
}

std::string hmac_of(Digest kind, std::string_view key, std::string_view text) {
  char hash[kMaxDigestBytes];
  EXPECT_TRUE(hmac(kind, key, text, hash));
  return to_hex({hash, digest_bytes(kind)});
}

std::string pbkdf2_of(Digest kind, std::string_view password, std::string_view salt, int rounds) {
  char key[kMaxDigestBytes];
  EXPECT_TRUE(pbkdf2(kind, password, salt, rounds, key));
  return to_hex({key, digest_bytes(kind)});
}

// RFC 1321, A.5.
TEST(CryptDigest, Md5GivesTheRfcsSums) {
  EXPECT_EQ(digest_of(Digest::md5, ""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(digest_of(Digest::md5, "abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(digest_of(Digest::md5, "message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
}

// FIPS 180, and a text of a million bytes.
TEST(CryptDigest, Sha256GivesTheStandardsSums) {
  EXPECT_EQ(digest_of(Digest::sha256, ""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest_of(Digest::sha256, "abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(CryptDigest, HmacOfSha256IsThatOfRfc4231) {
  EXPECT_EQ(hmac_of(Digest::sha256, "Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_of(Digest::sha256, std::string(131, '\xaa'),
                    "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

// Those of SHA-1 are in RFC 6070.
TEST(CryptDigest, Pbkdf2GivesTheKeysOfTheStandards) {
  EXPECT_EQ(pbkdf2_of(Digest::sha1, "password", "salt", 1),
            "0c60c80f961f0e71f3a9b524af6012062fe037a6");
  EXPECT_EQ(pbkdf2_of(Digest::sha1, "password", "salt", 4096),
            "4b007901b765489abead49d926f721d065a429c1");
  EXPECT_EQ(pbkdf2_of(Digest::sha256, "password", "salt", 4096),
            "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
}

TEST(CryptDigest, Sha1GivesTheStandardsSums) {
  EXPECT_EQ(digest_of(Digest::sha1, "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(digest_of(Digest::sha1, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(digest_of(Digest::sha1, std::string(1000000, 'a')),
            "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

// RFC 2202.
TEST(CryptHmac, GivesTheRfcsSums) {
  EXPECT_EQ(hmac_of(Digest::md5, "Jefe", "what do ya want for nothing?"),
            "750c783e6ab0b503eaa86e310a5db738");
  EXPECT_EQ(hmac_of(Digest::sha1, "Jefe", "what do ya want for nothing?"),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(hmac_of(Digest::sha1, std::string(80, '\xaa'),
                    "Test Using Larger Than Block-Size Key - Hash Key First"),
            "aa4ae5e15272d00e95705637ce8a3b55ed402112");
  EXPECT_EQ(hmac_of(Digest::sha1, "", ""), "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}

TEST(CryptHash64, KnownAnswers) {
  EXPECT_EQ(wire(hash_key("")), "05150000a7c6674e");
  EXPECT_EQ(wire(hash_key("The quick brown fox jumps over the lazy dog")), "de38cc3438feefdf");
  const std::uint64_t a = number("0102030405060708"), b = number("1112131415161718");
  EXPECT_EQ(wire(hmac64(a, b)), "d57d01ec003f67fc");
  EXPECT_EQ(wire(hmac64(b, a)), "21c9cc2dc9243334");
  EXPECT_EQ(wire(hmac64_md5(a, b).value()), "96a426cb1ef9f754");
}

TEST(CryptDh, BothSidesFindTheSameSecret) {
  const std::uint64_t a = number("0102030405060708"), b = number("1112131415161718");
  EXPECT_EQ(wire(dh_exchange(a)), "984e1418283235ed");
  EXPECT_EQ(wire(dh_secret(dh_exchange(a), b)), "98c8a946ef79df88");
  EXPECT_EQ(wire(dh_secret(dh_exchange(b), a)), "98c8a946ef79df88");
  EXPECT_EQ(dh_exchange(1), 5u);
  EXPECT_EQ(dh_secret(~0ull, 1), 58u) << "a base above the prime is reduced";
  EXPECT_EQ(dh_secret(~0ull - 58, 1), ~0ull - 58) << "the prime itself is not";
  EXPECT_EQ(dh_secret(2, 64), 59u);
}

std::string des(std::string_view key, std::string_view text, Padding padding) {
  std::string out(des_encoded_bytes(text.size()), '\0');
  EXPECT_TRUE(des_encode(key, text, padding, out.data()));
  return out;
}

// FIPS 81, appendix B: the first block.
TEST(CryptDes, GivesTheStandardsBlock) {
  const std::string key = from_hex("0123456789abcdef");
  EXPECT_EQ(to_hex(des(key, "Now is t", Padding::iso7816_4)), "3fa40e8a984d4815caee534c523e1e79");
}

TEST(CryptDes, ComesBackForEveryLength) {
  for (const Padding padding : {Padding::iso7816_4, Padding::pkcs7}) {
    for (std::size_t size = 0; size < 100; ++size) {
      const std::string text(size, '\0');  // zeros look most like padding
      const std::string data = des("12345678", text, padding);
      std::string out(data.size(), 'x');
      std::size_t found = 0;
      ASSERT_EQ(des_decode("12345678", data, padding, out.data(), &found), DesResult::ok);
      EXPECT_EQ(out.substr(0, found), text);
    }
  }
}

TEST(CryptDes, ChecksThePadding) {
  char out[8];
  std::size_t size;
  for (const char* last :
       {"x", "\t", ""}) {  // 9 bytes of padding in a block of 8, none, zeros only
    std::string block(8, '\0');
    std::string_view(last).copy(block.data() + 7, 1);
    // Encrypted by hand: the first block of a text is encrypted without padding.
    const std::string data = des("12345678", block, Padding::pkcs7).substr(0, 8);
    EXPECT_EQ(des_decode("12345678", data, Padding::pkcs7, out, &size), DesResult::bad_padding);
    EXPECT_EQ(des_decode("12345678", data, Padding::iso7816_4, out, &size), DesResult::bad_padding);
  }
}

TEST(CryptHex, TakesLowerCaseDigitsOnly) {
  char out[4];
  EXPECT_FALSE(hex_decode("AB", out));
  EXPECT_FALSE(hex_decode("0g", out));
  EXPECT_FALSE(hex_decode("/0", out));
  EXPECT_TRUE(hex_decode("00ff", out));
}

std::string base64(std::string_view bytes) {
  std::string out(base64_encoded_bytes(bytes.size()), '\0');
  base64_encode(bytes, out.data());
  return out;
}

std::optional<std::string> unbase64(std::string_view text) {
  std::string out(base64_decoded_bytes_at_most(text.size()), '\0');
  const auto size = base64_decode(text, out.data());
  if (!size) return std::nullopt;
  EXPECT_LE(*size, out.size());
  out.resize(*size);
  return out;
}

// RFC 4648, chapter 10.
TEST(CryptBase64, GivesTheRfcsTexts) {
  for (const auto& [plain, text] : {std::pair{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(base64(plain), text);
    EXPECT_EQ(unbase64(text), plain);
  }
  EXPECT_EQ(base64("\xff\xfe\xfb"), "//77");
}

TEST(CryptBase64, SkipsForeignCharactersAndMissingPadding) {
  EXPECT_EQ(unbase64("Zm\r\n9v\n"), "foo");
  EXPECT_EQ(unbase64(" Z g = = \n"), "f");
  EXPECT_EQ(unbase64("Zg"), "f");
  EXPECT_EQ(unbase64("Zg="), "f");
  EXPECT_EQ(unbase64("Zm8"), "fo");
  EXPECT_EQ(unbase64("Zg==Zm8="), "ffo") << "joined texts";
}

TEST(CryptBase64, RefusesWhatIsNoGroup) {
  for (const char* text : {"=", "Z", "Zh==", "Zm9=", "Z===", "Zg=a", "====", "Zm9v=", "Zm9v===="}) {
    EXPECT_FALSE(unbase64(text)) << text;
  }
}

std::string pem_of(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  EXPECT_EQ(PEM_write_bio_PUBKEY(bio, key), 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  std::string pem(bytes, static_cast<std::size_t>(size));
  BIO_free(bio);
  return pem;
}

std::string oaep_decoded(EVP_PKEY* key, std::string_view secret) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
  EXPECT_EQ(EVP_PKEY_decrypt_init(context), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING), 1);
  std::string text(kMaxRsaBytes, '\0');
  std::size_t size = text.size();
  const int done =
      EVP_PKEY_decrypt(context, reinterpret_cast<unsigned char*>(text.data()), &size,
                       reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
  EVP_PKEY_CTX_free(context);
  return done == 1 ? text.substr(0, size) : "cannot be decoded";
}

TEST(CryptRsa, OnlyThePrivateKeyUndoesIt) {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  const std::string pem = pem_of(key);
  char out[kMaxRsaBytes];
  std::size_t size = 0;
  for (const std::size_t length : {0, 1, 214}) {
    const std::string text(length, 'p');
    ASSERT_EQ(rsa_oaep_encode(pem, text, out, &size), RsaResult::ok);
    EXPECT_EQ(size, 256u);
    EXPECT_EQ(oaep_decoded(key, {out, size}), text);
  }
  EXPECT_EQ(rsa_oaep_encode(pem, std::string(215, 'p'), out, &size), RsaResult::too_long);
  EVP_PKEY_free(key);
}

TEST(CryptRsa, WhatIsNoPublicRsaKeyIsRefused) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  char out[kMaxRsaBytes];
  std::size_t size = 0;
  for (const std::string& pem :
       {pem_of(key), std::string(), std::string("-----BEGIN PUBLIC KEY-----\n")}) {
    EXPECT_EQ(rsa_oaep_encode(pem, "p", out, &size), RsaResult::bad_key);
  }
  EVP_PKEY_free(key);
}

}  // namespace
}  // namespace runtime::crypt
