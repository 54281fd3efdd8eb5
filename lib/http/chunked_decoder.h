#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace wherry::http {

// Takes the chunked transfer coding (RFC 9112 section 7.1) off a body, whatever pieces it comes in.
// Extensions and trailers are read over. Any thread.
class ChunkedDecoder {
 public:
  enum class Outcome { kMore, kDone, kMalformed, kTooLarge };

  // `overhead_bytes_max` bounds everything that is not content: sizes, extensions, trailers beyond
  // what the content itself justifies.
  ChunkedDecoder(size_t body_bytes_max, size_t overhead_bytes_max);

  // Takes bytes from the front of `bytes`, appends content to `body`, and says how it stands;
  // `taken` is how many it took: all of them unless the body has ended.
  Outcome Feed(std::string_view bytes, std::string& body, size_t& taken);

 private:
  enum class State {
    kSize,       // digits
    kExtension,  // up to the line's end
    kSizeEnd,    // LF
    kData,
    kDataEnd,      // CR
    kDataLineEnd,  // LF
    kTrailer,      // at the start of a line
    kTrailerLine,
    kTrailerLineEnd,  // LF
    kEnd,             // the LF after the last line
  };

  // One byte outside of content.
  Outcome FeedByte(char c, size_t body_bytes);
  Outcome FeedSize(char c, size_t body_bytes);

  size_t body_bytes_max_;
  size_t overhead_bytes_max_;
  size_t overhead_bytes_ = 0;
  State state_ = State::kSize;
  uint64_t size_ = 0;  // of the chunk; what is left of it in kData
  int digits_ = 0;
};

}  // namespace wherry::http
