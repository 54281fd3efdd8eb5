#pragma once

#include "apiserver/registry/strategy.h"

#include <span>
#include <string>
#include <string_view>

namespace google::protobuf {
template <typename Key, typename Value>
class Map;
}
namespace wherry::api::core::v1 {
class PodSpec;
}
namespace wherry::api::meta::v1 {
class LabelSelector;
class ObjectMeta;
class Time;
}  // namespace wherry::api::meta::v1

// What the tables of `kubectl get` have in common.
// Source: pkg/printers/internalversion/printers.go, which renders every column, the wide ones too.
namespace wherry::apiserver::registry {

inline constexpr TableColumn kNameColumn = {
    .name = "Name",
    .format = "name",
    .description = "Name of the object, unique within its namespace and kind."};
inline constexpr TableColumn kAgeColumn = {.name = "Age",
                                           .description = "Time since the object was created."};

// A printer from a table of columns and a function that makes a row.
template <typename T>
class RowPrinter final : public TablePrinter {
 public:
  using RowOf = TableRow (*)(const T& object, WallTime now);
  constexpr RowPrinter(std::span<const TableColumn> columns, RowOf row_of)
      : columns_(columns), row_of_(row_of) {}
  std::span<const TableColumn> Columns() const override { return columns_; }
  TableRow Row(const Message& object, WallTime now) const override {
    return row_of_(Typed<T>(object), now);
  }

 private:
  std::span<const TableColumn> columns_;
  RowOf row_of_;
};

std::string NameCell(const api::meta::v1::ObjectMeta& metadata);
std::string AgeCell(const api::meta::v1::ObjectMeta& metadata, WallTime now);
// "5m", or "<unknown>" for a time that is not set.
std::string TimeSince(const api::meta::v1::Time& time, WallTime now);
// The text, or `fallback` when it is empty.
std::string CellOr(std::string_view text, std::string_view fallback);
// The first three items, and how many more there are: "a,b,c + 2 more...".
class ShortList {
 public:
  void Add(std::string_view item);
  std::string Text() const;

 private:
  std::string text_;
  int count_ = 0;
};
// "a=b,c=d" in order of keys, "<none>" when empty.
std::string FormatLabels(const google::protobuf::Map<std::string, std::string>& labels);
// "app=web,tier in (a,b)"; "<none>" when empty, "<error>" when malformed.
std::string FormatLabelSelector(const api::meta::v1::LabelSelector& selector);
// Names and images of a pod's containers, separated by commas.
std::string ContainerNames(const api::core::v1::PodSpec& spec);
std::string ContainerImages(const api::core::v1::PodSpec& spec);

}  // namespace wherry::apiserver::registry
