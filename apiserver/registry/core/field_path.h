#pragma once

#include "lib/api/field_error.h"
#include "lib/base/check.h"

#include <cstdint>
#include <string_view>

namespace wherry::apiserver::registry {

// Where a validator is in an object, kept as pieces and written out only when there is an error to
// report: a correct object is validated without building text. Names and keys are borrowed.
class FieldPath {
 public:
  FieldPath() = default;
  explicit FieldPath(std::string_view name) { Push({name.data(), name.size()}); }
  FieldPath(const FieldPath& other) : count_(other.count_) {
    for (size_t i = 0; i < count_; ++i) pieces_[i] = other.pieces_[i];
  }
  FieldPath& operator=(const FieldPath&) = delete;

  FieldPath Child(std::string_view name) const { return With({name.data(), name.size()}); }
  FieldPath Child(std::string_view first, std::string_view second) const {
    return Child(first).Child(second);
  }
  FieldPath Index(int index) const { return With({nullptr, static_cast<size_t>(index)}); }
  FieldPath Key(std::string_view key) const { return With({key.data(), key.size(), true}); }

  operator api::field::Path() const {
    api::field::Path path;
    for (size_t i = 0; i < count_; ++i) {
      const Piece& piece = pieces_[i];
      if (piece.text == nullptr) {
        path = path.Index(piece.size);
      } else if (piece.is_key) {
        path = path.Key({piece.text, piece.size});
      } else if (i == 0) {
        path = api::field::Path({piece.text, piece.size});
      } else {
        path = path.Child({piece.text, piece.size});
      }
    }
    return path;
  }

 private:
  struct Piece {
    const char* text = nullptr;  // null: an index
    size_t size = 0;             // of the text, or the index itself
    bool is_key = false;
  };
  static constexpr size_t kPiecesMax = 20;

  FieldPath With(Piece piece) const {
    FieldPath path(*this);
    path.Push(piece);
    return path;
  }
  void Push(Piece piece) {
    CHECK(count_ < kPiecesMax);
    pieces_[count_++] = piece;
  }

  Piece pieces_[kPiecesMax];
  size_t count_ = 0;
};

// One Invalid per reason; costs nothing when there is none.
template <typename Value>
void AddReasons(api::field::ErrorList& errors, const FieldPath& path, const Value& value,
                const std::vector<std::string>& reasons) {
  if (!reasons.empty()) errors.InvalidEach(path, value, reasons);
}

}  // namespace wherry::apiserver::registry
