#pragma once

#include "cli/keys/file_batch.h"
#include "lib/base/result.h"
#include "lib/http/certificates.h"
#include "lib/loop/world.h"

#include <string>
#include <vector>

namespace wherry::cli {

// The cluster's keys below <data-dir>/pki, made at the first start and read at every later one.
//
// Files: ca.{crt,key} (ten years), apiserver.{crt,key} (one year, renewed when a name is missing or
// a third of its life is left), service-account.key (ECDSA P-256; an RSA key that is there is as
// good), admin.token. Blocking; used at start only.
struct Pki {
  http::CertifiedKey ca;
  http::CertifiedKey serving;
  std::string service_account_key_pem;
  std::string admin_token;
};

// `dns_names` and `ip_addresses` are those the API server must answer to. What is new is added to
// `files`: nobody may be shown it before they are written.
Result<Pki> LoadOrCreatePki(World& world, const std::string& data_dir,
                            const std::vector<std::string>& dns_names,
                            const std::vector<std::string>& ip_addresses, FileBatch& files);

// The API server's certificate anew, while it runs; kept in `files` as at the start.
Result<http::CertifiedKey> RenewServing(World& world, const http::CertifiedKey& ca,
                                        const std::string& data_dir,
                                        const std::vector<std::string>& dns_names,
                                        const std::vector<std::string>& ip_addresses,
                                        FileBatch& files);

// A kubeconfig with a client certificate of `user` in `groups`, for `path`, unless a valid one is
// there.
Status AddClientKubeconfig(World& world, const Pki& pki, const std::string& path,
                           const std::string& server, const std::string& user,
                           const std::vector<std::string>& groups, FileBatch& files);

}  // namespace wherry::cli
