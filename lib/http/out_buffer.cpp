#include "lib/http/out_buffer.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace wherry::http {
namespace {

constexpr size_t kPiecesMax = 64;
constexpr size_t kCompactFrom = 64;

}  // namespace

void OutBuffer::Append(std::string text) {
  if (text.empty()) return;
  bytes_ += text.size();
  segments_.push_back({std::move(text), nullptr});
}

void OutBuffer::Append(std::shared_ptr<const std::string> piece) {
  if (!piece || piece->empty()) return;
  bytes_ += piece->size();
  segments_.push_back({{}, std::move(piece)});
}

IoResult::Kind OutBuffer::WriteTo(Transport& transport) {
  while (bytes_ > 0) {
    const IoResult result = WriteSome(transport);
    if (result.kind != IoResult::Kind::kDone) return result.kind;
    Consume(result.bytes);
  }
  // An idle connection keeps no memory.
  std::vector<Segment>().swap(segments_);
  std::string().swap(record_);
  first_ = 0;
  return IoResult::Kind::kDone;
}

IoResult OutBuffer::WriteSome(Transport& transport) {
  if (transport.is_tls()) {
    const std::array<std::string_view, 1> next = {NextForTls()};
    pending_bytes_ = next[0].size();
    const IoResult result = transport.Write(next);
    if (result.kind == IoResult::Kind::kDone) pending_bytes_ = 0;
    return result;
  }
  std::array<std::string_view, kPiecesMax> pieces;
  const size_t count = std::min(segments_.size() - first_, kPiecesMax);
  for (size_t i = 0; i < count; ++i) pieces[i] = segments_[first_ + i].view();
  pieces[0].remove_prefix(offset_);
  return transport.Write(std::span(pieces).first(count));
}

std::string_view OutBuffer::NextForTls() {
  const std::string_view front = segments_[first_].view().substr(offset_);
  size_t wanted = pending_bytes_;
  if (wanted == 0 && front.size() > Transport::kRecordBytes) {
    wanted = std::min(front.size(), Transport::kBatchBytes);
  } else if (wanted == 0) {
    wanted = std::min(bytes_, Transport::kRecordBytes);
  }
  if (front.size() >= wanted) return front.substr(0, wanted);
  record_.clear();
  record_ += front;
  for (size_t i = first_ + 1; record_.size() < wanted; ++i) {
    record_ += segments_[i].view().substr(0, wanted - record_.size());
  }
  return record_;
}

void OutBuffer::Consume(size_t count) {
  bytes_ -= count;
  while (count > 0) {
    Segment& segment = segments_[first_];
    const size_t left = segment.view().size() - offset_;
    if (count < left) {
      offset_ += count;
      return;
    }
    count -= left;
    segment = {};
    ++first_;
    offset_ = 0;
  }
  if (first_ < kCompactFrom || first_ * 2 < segments_.size()) return;
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = 0;
}

}  // namespace wherry::http
