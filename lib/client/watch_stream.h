#pragma once

#include "lib/client/api_client.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace wherry::client {

// Watch over a pulled body: shared objects in process, length-delimited protobuf frames otherwise.
//
// A frame is four bytes of length, most significant first, then a meta.v1.WatchEvent without
// envelope whose object has one. Source: apimachinery pkg/runtime/serializer/protobuf.
class WatchStream : public Watch {
 public:
  WatchStream(const api::KindInfo& kind, std::unique_ptr<http::BodySource> source)
      : kind_(kind), source_(std::move(source)) {}

  Task<Result<std::optional<WatchEvent>>> Next() override;

 private:
  // The first whole frame in the buffer, taken out of it.
  Result<std::optional<WatchEvent>> TakeFrame();

  const api::KindInfo& kind_;
  std::unique_ptr<http::BodySource> source_;
  std::string buffer_;
  size_t consumed_ = 0;
};

// One frame's content. An ERROR event is an error. Errors: kExpired, kInternalError when malformed.
Result<WatchEvent> DecodeWatchEvent(const api::KindInfo& kind, std::string_view frame);

}  // namespace wherry::client
