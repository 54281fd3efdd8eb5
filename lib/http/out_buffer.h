#pragma once

#include "lib/base/result.h"
#include "lib/http/transport.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::http {

// Bytes on their way to one peer: own text and shared pieces, in order. Loop thread.
class OutBuffer {
 public:
  void Append(std::string text);
  void Append(std::shared_ptr<const std::string> piece);

  bool empty() const { return bytes_ == 0; }
  size_t bytes() const { return bytes_; }

  // Writes until all is gone (kDone), the socket is full (kWantWrite; over TLS kWantRead too) or
  // broken.
  IoResult::Kind WriteTo(Transport& transport);

 private:
  struct Segment {
    std::string text;
    std::shared_ptr<const std::string> shared;
    std::string_view view() const { return shared ? *shared : text; }
  };

  // What to write next over TLS: up to a batch of the front piece, or a record's worth copied
  // together when that is shorter. The same again until it has been written.
  std::string_view NextForTls();
  IoResult WriteSome(Transport& transport);
  void Consume(size_t count);

  std::vector<Segment> segments_;
  size_t first_ = 0;   // those before it are gone
  size_t offset_ = 0;  // as is this much of the first
  size_t bytes_ = 0;
  std::string record_;  // pieces joined for TLS
  // Set while this much has been handed to TLS and not been taken: it must be offered again as it
  // was, although more may have been appended.
  size_t pending_bytes_ = 0;
};

}  // namespace wherry::http
