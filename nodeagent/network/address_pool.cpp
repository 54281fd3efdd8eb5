#include "nodeagent/network/address_pool.h"

#include "lib/linux/file.h"

#include <unistd.h>

#include <cerrno>

namespace wherry::nodeagent::network {
namespace {

using linux::Fd;
using linux::Ipv4;

constexpr const char* kLast = "last";

uint32_t Bits(const Ipv4& ip) {
  uint32_t bits = 0;
  for (uint8_t byte : ip.bytes) bits = bits << 8 | byte;
  return bits;
}

Ipv4 FromBits(uint32_t bits) {
  Ipv4 ip;
  for (size_t i = 0; i < 4; ++i) ip.bytes[i] = static_cast<uint8_t>(bits >> (24 - 8 * i) & 0xff);
  return ip;
}

}  // namespace

Result<AddressPool> AddressPool::Open(const std::string& directory,
                                      const linux::Ipv4Prefix& range) {
  if (range.length > 29 || range.length < 8) {
    return MakeError(Reason::kInvalid,
                     "pod CIDR " + range.ToString() + " is not between /8 and /29");
  }
  TRY_STATUS(linux::MakeDirs(AT_FDCWD, directory, 0700));
  TRY(Fd fd, linux::OpenAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  return AddressPool(std::move(fd), range.Network());
}

Ipv4 AddressPool::gateway() const { return FromBits(Bits(range_.address) + 1); }

Result<Ipv4> AddressPool::Allocate(const std::string& uid) {
  TRY(auto held, Find(uid));
  if (held) return *held;
  TRY_STATUS(Free(PodFile(uid)));  // a name that says nothing
  uint32_t base = Bits(range_.address);
  uint32_t count = uint32_t{1} << (32 - range_.length);
  uint32_t first = base + 2;
  uint32_t usable = count - 3;
  uint32_t start = first;
  if (auto last = linux::ReadFile(directory_.get(), kLast); last.ok()) {
    if (auto ip = linux::ParseIpv4(*last); ip.ok() && range_.Contains(*ip)) start = Bits(*ip) + 1;
  }
  for (uint32_t i = 0; i < usable; ++i) {
    uint32_t offset = (start - first + i) % usable;
    Ipv4 ip = FromBits(first + offset);
    std::string name = ip.ToString();
    auto file = linux::OpenAt(directory_.get(), name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (!file.ok()) {
      if (file.error().reason != Reason::kAlreadyExists) return std::move(file).error();
      continue;
    }
    TRY_STATUS(linux::WriteAll(file->get(), name + " " + uid));
    if (::linkat(directory_.get(), name.c_str(), directory_.get(), PodFile(uid).c_str(), 0) != 0) {
      int error = errno;
      ::unlinkat(directory_.get(), name.c_str(), 0);
      return ErrnoError(error, "take address " + name);
    }
    Ignore(linux::ReplaceFile(directory_.get(), kLast, name, 0600, linux::Durability::kPageCache),
           "only the order of reuse depends on it");
    return ip;
  }
  return MakeError(Reason::kTooManyRequests, "no free pod address in " + range_.ToString());
}

Result<std::optional<Ipv4>> AddressPool::Find(const std::string& uid) const {
  auto held = linux::ReadFile(directory_.get(), PodFile(uid));
  if (!held.ok() && held.error().reason == Reason::kNotFound) return std::optional<Ipv4>();
  if (!held.ok()) return std::move(held).error();
  auto ip = linux::ParseIpv4(ParseEntry(*held).address);
  // A power cut left the name without what it said: nothing is held.
  return ip.ok() ? std::optional(*ip) : std::nullopt;
}

Status AddressPool::Free(const std::string& address) {
  if (::unlinkat(directory_.get(), address.c_str(), 0) != 0 && errno != ENOENT) {
    return ErrnoError(errno, "free address " + address);
  }
  return Ok();
}

Status AddressPool::Release(const std::string& uid) {
  int fd = directory_.get();
  if (auto held = linux::ReadFile(fd, PodFile(uid)); held.ok()) {
    std::string address = ParseEntry(*held).address;
    TRY_STATUS(Free(PodFile(uid)));
    if (linux::ParseIpv4(address).ok()) return Free(address);
  }
  // A crash may have come between the two names, or before they were on the disk.
  return ForEachEntry(
      [&](const Entry& entry) -> Status { return entry.uid == uid ? Free(entry.address) : Ok(); });
}

Result<std::vector<std::string>> AddressPool::Owners() const {
  std::vector<std::string> owners;
  TRY_STATUS(ForEachEntry([&](const Entry& entry) -> Status {
    owners.push_back(entry.uid);
    return Ok();
  }));
  return owners;
}

Status AddressPool::ForEachEntry(const std::function<Status(const Entry&)>& visit) const {
  int fd = directory_.get();
  return linux::ForEachEntry(fd, ".", [&](const std::string& name, unsigned char) -> Status {
    if (!linux::ParseIpv4(name).ok()) return Ok();
    auto text = linux::ReadFile(fd, name);
    if (!text.ok()) return Ok();
    // Written or not, the name says which address it is.
    return visit(Entry{.address = name, .uid = ParseEntry(*text).uid});
  });
}

AddressPool::Entry AddressPool::ParseEntry(const std::string& text) {
  size_t space = text.find(' ');
  if (space == std::string::npos) return {};
  return {.address = text.substr(0, space), .uid = text.substr(space + 1)};
}

std::string AddressPool::PodFile(const std::string& uid) { return "pod-" + uid; }

}  // namespace wherry::nodeagent::network
