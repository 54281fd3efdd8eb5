#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The byte form of the messages between agent and supervisor: fields in order, integers as eight
// bytes little endian, strings and lists with their length before them. A struct takes part by a
// function `template <typename A> void Fields(A& archive, T& value)` found by its namespace.
namespace wherry::nodeagent::init {

class WireWriter {
 public:
  template <typename... T>
  void operator()(const T&... values) {
    (Put(values), ...);
  }
  std::string Take() { return std::move(bytes_); }

 private:
  void PutNumber(uint64_t value) {
    char raw[8];
    for (char& byte : raw) {
      byte = static_cast<char>(value & 0xff);
      value >>= 8;
    }
    bytes_.append(raw, sizeof raw);
  }
  void Put(std::integral auto value) { PutNumber(static_cast<uint64_t>(value)); }
  void Put(const std::string& value) {
    PutNumber(value.size());
    bytes_ += value;
  }
  template <typename A, typename B>
  void Put(const std::pair<A, B>& value) {
    Put(value.first);
    Put(value.second);
  }
  template <typename T>
  void Put(const std::vector<T>& values) {
    PutNumber(values.size());
    for (const T& value : values) Put(value);
  }
  template <typename T>
    requires(std::is_class_v<T>)
  void Put(const T& value) {
    Fields(*this, const_cast<T&>(value));
  }

  std::string bytes_;
};

// Reading past the end or a length beyond the input clears ok() and yields zeros.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }

  template <typename... T>
  void operator()(T&... values) {
    (Get(values), ...);
  }

 private:
  uint64_t GetNumber() {
    if (bytes_.size() < 8) {
      ok_ = false;
      bytes_ = {};
      return 0;
    }
    uint64_t value = 0;
    for (size_t i = 8; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes_[i]);
    bytes_.remove_prefix(8);
    return value;
  }
  void Get(std::integral auto& value) {
    value = static_cast<std::remove_reference_t<decltype(value)>>(GetNumber());
  }
  void Get(std::string& value) {
    uint64_t size = GetNumber();
    if (size > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return;
    }
    value.assign(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
  }
  template <typename A, typename B>
  void Get(std::pair<A, B>& value) {
    Get(value.first);
    Get(value.second);
  }
  template <typename T>
  void Get(std::vector<T>& values) {
    uint64_t count = GetNumber();
    values.clear();
    // Every element takes at least eight bytes, so a lying count cannot make this run long.
    for (uint64_t i = 0; i < count && ok_; ++i) Get(values.emplace_back());
  }
  template <typename T>
    requires(std::is_class_v<T>)
  void Get(T& value) {
    Fields(*this, value);
  }

  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace wherry::nodeagent::init
