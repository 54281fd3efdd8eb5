#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::controllers::nodeipam {

// The pod ranges of equal size that a cluster's IPv4 range splits into, and which are taken.
class CidrSet {
 public:
  // "10.244.0.0/16" with node_mask 24: 256 ranges of 254 usable addresses.
  // Errors: kInvalid for a malformed range, or a mask that does not fit below it.
  static Result<CidrSet> Make(std::string_view cluster_cidr, int node_mask);

  // The next free range, round robin so that a range is not given out again at once.
  // Errors: kServiceUnavailable when all are taken.
  Result<std::string> Allocate();
  // Marks ranges that nodes hold already; those outside the cluster's are nobody's business.
  void Occupy(std::string_view cidr);
  void Release(std::string_view cidr);
  size_t size() const { return taken_.size(); }

 private:
  std::string At(size_t index) const;
  // The index of the range that `cidr` lies in; size() when it is outside.
  size_t IndexOf(std::string_view cidr) const;

  uint32_t base_ = 0;
  int node_mask_ = 24;
  size_t next_ = 0;
  std::vector<bool> taken_;
};

}  // namespace wherry::controllers::nodeipam
