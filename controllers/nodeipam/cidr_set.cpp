#include "controllers/nodeipam/cidr_set.h"

#include <charconv>
#include <optional>

namespace wherry::controllers::nodeipam {
namespace {

struct Range {
  uint32_t address = 0;
  int mask = 32;
};

// A decimal number at the start of `text`, taken off it.
std::optional<uint32_t> TakeNumber(std::string_view& text, uint32_t max) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number > max) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

std::optional<Range> ParseRange(std::string_view text) {
  Range range;
  for (int i = 0; i < 4; ++i) {
    const auto octet = TakeNumber(text, 255);
    const char separator = i < 3 ? '.' : '/';
    if (!octet || text.empty() || text.front() != separator) return std::nullopt;
    text.remove_prefix(1);
    range.address = range.address << 8 | *octet;
  }
  const auto mask = TakeNumber(text, 32);
  if (!mask || !text.empty()) return std::nullopt;
  range.mask = static_cast<int>(*mask);
  return range;
}

}  // namespace

Result<CidrSet> CidrSet::Make(std::string_view cluster_cidr, int node_mask) {
  const auto range = ParseRange(cluster_cidr);
  if (!range)
    return MakeError(Reason::kInvalid, "cluster range '" + std::string(cluster_cidr) +
                                           "' is not an IPv4 range like 10.244.0.0/16");
  if (node_mask < range->mask || node_mask > 30 || node_mask - range->mask > 16)
    return MakeError(Reason::kInvalid, "node mask " + std::to_string(node_mask) +
                                           " does not fit cluster range '" +
                                           std::string(cluster_cidr) + "'");
  CidrSet set;
  const uint32_t host_bits =
      range->mask == 0 ? ~uint32_t{0} : (uint32_t{1} << (32 - range->mask)) - 1;
  set.base_ = range->address & ~host_bits;
  set.node_mask_ = node_mask;
  set.taken_.resize(size_t{1} << (node_mask - range->mask));
  return set;
}

std::string CidrSet::At(size_t index) const {
  const uint32_t address = base_ + (static_cast<uint32_t>(index) << (32 - node_mask_));
  return std::to_string(address >> 24) + "." + std::to_string(address >> 16 & 255) + "." +
         std::to_string(address >> 8 & 255) + "." + std::to_string(address & 255) + "/" +
         std::to_string(node_mask_);
}

size_t CidrSet::IndexOf(std::string_view cidr) const {
  const auto range = ParseRange(cidr);
  if (!range || range->address < base_) return taken_.size();
  const size_t index = (range->address - base_) >> (32 - node_mask_);
  return index < taken_.size() ? index : taken_.size();
}

Result<std::string> CidrSet::Allocate() {
  for (size_t i = 0; i < taken_.size(); ++i) {
    const size_t index = (next_ + i) % taken_.size();
    if (taken_[index]) continue;
    taken_[index] = true;
    next_ = index + 1;
    return At(index);
  }
  return MakeError(Reason::kServiceUnavailable, "all pod ranges of the cluster are taken");
}

void CidrSet::Occupy(std::string_view cidr) {
  const size_t index = IndexOf(cidr);
  if (index < taken_.size()) taken_[index] = true;
}

void CidrSet::Release(std::string_view cidr) {
  const size_t index = IndexOf(cidr);
  if (index < taken_.size()) taken_[index] = false;
}

}  // namespace wherry::controllers::nodeipam
