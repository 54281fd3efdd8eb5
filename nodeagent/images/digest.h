#pragma once

#include "lib/base/result.h"

#include <memory>
#include <string>
#include <string_view>

// Content digests, "sha256:" and 64 hex digits. Source: OCI image-spec descriptor.md.
namespace wherry::nodeagent::images {

// Sums bytes as they pass.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  ~Sha256();
  void Update(std::string_view bytes);
  // "sha256:<hex>". Once.
  std::string Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string Sha256Of(std::string_view bytes);

// The hex part of a sha256 digest. Errors: kInvalid for anything else, other algorithms included.
Result<std::string> DigestHex(std::string_view digest);

}  // namespace wherry::nodeagent::images
