#pragma once

#include "lib/base/result.h"
#include "nodeagent/images/digest.h"

#include <memory>
#include <string>

struct archive;
struct archive_entry;

namespace wherry::nodeagent::images {

// A tar behind any compression, with the digest of what is inside the compression.
class ArchiveReader {
 public:
  // Reads from the descriptor's current position.
  static Result<std::unique_ptr<ArchiveReader>> Open(int fd);
  ~ArchiveReader();

  // The next entry, or null at the end. Errors: kInvalid.
  Result<archive_entry*> Next();
  // The current entry's next piece of content and its offset; false at its end.
  Result<bool> NextBlock(std::string_view& block, int64_t& offset);
  // Reads on to the end of the stream and returns the digest of the uncompressed bytes.
  Result<std::string> FinishDigest();

 private:
  ArchiveReader() = default;
  static ssize_t ReadOuter(archive* inner, void* self, const void** buffer);

  archive* outer_ = nullptr;  // takes the compression off
  archive* inner_ = nullptr;  // reads the tar
  Sha256 sum_;
  std::string outer_error_;
};

}  // namespace wherry::nodeagent::images
