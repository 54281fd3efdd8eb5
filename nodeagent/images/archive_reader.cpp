#include "nodeagent/images/archive_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/types.h>

#include <cerrno>

namespace wherry::nodeagent::images {
namespace {

constexpr size_t kBlockBytes = 64 * 1024;

Error ArchiveError(archive* from, const char* doing) {
  const char* text = ::archive_error_string(from);
  return MakeError(Reason::kInvalid,
                   std::string(doing) + ": " + (text == nullptr ? "malformed archive" : text));
}

}  // namespace

Result<std::unique_ptr<ArchiveReader>> ArchiveReader::Open(int fd) {
  std::unique_ptr<ArchiveReader> reader(new ArchiveReader);
  reader->outer_ = ::archive_read_new();
  ::archive_read_support_filter_gzip(reader->outer_);
  ::archive_read_support_filter_zstd(reader->outer_);
  ::archive_read_support_filter_bzip2(reader->outer_);
  ::archive_read_support_filter_xz(reader->outer_);
  ::archive_read_support_format_raw(reader->outer_);
  if (::archive_read_open_fd(reader->outer_, fd, kBlockBytes) != ARCHIVE_OK) {
    return ArchiveError(reader->outer_, "open layer");
  }
  archive_entry* whole = nullptr;
  if (::archive_read_next_header(reader->outer_, &whole) != ARCHIVE_OK) {
    return ArchiveError(reader->outer_, "open layer");
  }
  reader->inner_ = ::archive_read_new();
  ::archive_read_support_format_tar(reader->inner_);
  ::archive_read_support_format_empty(reader->inner_);
  if (::archive_read_open(reader->inner_, reader.get(), nullptr, &ArchiveReader::ReadOuter,
                          nullptr) != ARCHIVE_OK) {
    return ArchiveError(reader->inner_, "open layer");
  }
  return reader;
}

ArchiveReader::~ArchiveReader() {
  if (inner_ != nullptr) ::archive_read_free(inner_);
  if (outer_ != nullptr) ::archive_read_free(outer_);
}

ssize_t ArchiveReader::ReadOuter(archive* inner, void* self, const void** buffer) {
  auto* reader = static_cast<ArchiveReader*>(self);
  size_t size = 0;
  int64_t offset = 0;
  for (;;) {
    int result = ::archive_read_data_block(reader->outer_, buffer, &size, &offset);
    if (result == ARCHIVE_EOF) return 0;
    if (result < ARCHIVE_WARN) {
      ::archive_set_error(inner, EIO, "%s", ::archive_error_string(reader->outer_));
      return -1;
    }
    if (size > 0) break;
  }
  reader->sum_.Update(std::string_view(static_cast<const char*>(*buffer), size));
  return static_cast<ssize_t>(size);
}

Result<archive_entry*> ArchiveReader::Next() {
  archive_entry* entry = nullptr;
  int result = ::archive_read_next_header(inner_, &entry);
  if (result == ARCHIVE_EOF) return static_cast<archive_entry*>(nullptr);
  if (result < ARCHIVE_WARN) return ArchiveError(inner_, "read layer");
  return entry;
}

Result<bool> ArchiveReader::NextBlock(std::string_view& block, int64_t& offset) {
  const void* data = nullptr;
  size_t size = 0;
  int result = ::archive_read_data_block(inner_, &data, &size, &offset);
  if (result == ARCHIVE_EOF) return false;
  if (result < ARCHIVE_WARN) return ArchiveError(inner_, "read layer");
  block = std::string_view(static_cast<const char*>(data), size);
  return true;
}

Result<std::string> ArchiveReader::FinishDigest() {
  // The tar reader stops at the end mark; padding behind it belongs to the digest.
  const void* data = nullptr;
  for (;;) {
    ssize_t n = ReadOuter(inner_, this, &data);
    if (n < 0) return ArchiveError(outer_, "read layer");
    if (n == 0) break;
  }
  return sum_.Finish();
}

}  // namespace wherry::nodeagent::images
