#pragma once

#include <string>

namespace wherry::http {

// What a TLS server shows and asks for. TLS 1.2 and 1.3, ALPN "http/1.1", session tickets.
struct TlsServerConfig {
  std::string certificate_pem;  // the chain, leaf first
  std::string key_pem;
  // When not empty, clients are asked for a certificate. One that these CAs signed is passed on in
  // Request::tls_client_certificate_pem; another, or none, is the same as none, as upstream has it.
  std::string client_ca_pem;
};

// How a client checks a server and shows itself.
struct TlsClientConfig {
  std::string ca_pem;       // trusted CAs; empty: the system's
  bool insecure = false;    // no check at all (kubeconfig's insecure-skip-tls-verify)
  std::string server_name;  // checked instead of the URL's host when not empty
  std::string certificate_pem;
  std::string key_pem;
};

}  // namespace wherry::http
