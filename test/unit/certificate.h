// Certificates for tests.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace runtime::tls {

// A self-signed certificate for a name, as files that end with the test.
class Certificate {
 public:
  explicit Certificate(const char* name) {
    const std::string base =
        testing::TempDir() + "tls_test." + std::to_string(getpid()) + "." + name;
    chain_file = base + ".cert";
    key_file = base + ".key";
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* cert = X509_new();
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME* subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(cert, subject);
    const std::string names = std::string("DNS:") + name + ",IP:127.0.0.1";
    X509_EXTENSION* alternative =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(cert, alternative, -1);
    X509_sign(cert, key, EVP_sha256());
    FILE* file = std::fopen(chain_file.c_str(), "w");
    PEM_write_X509(file, cert);
    std::fclose(file);
    file = std::fopen(key_file.c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_EXTENSION_free(alternative);
    X509_free(cert);
    EVP_PKEY_free(key);
  }
  ~Certificate() {
    std::remove(chain_file.c_str());
    std::remove(key_file.c_str());
  }

  std::string chain_file;
  std::string key_file;
};

}  // namespace runtime::tls
