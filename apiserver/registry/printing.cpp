#include "apiserver/registry/strategy.h"
#include "lib/api/object_meta.h"
#include "lib/api/time.h"
#include "lib/json/json.h"
#include "proto/api/meta/v1.pb.h"

#include <array>

namespace wherry::apiserver::registry {

std::string StringCell(std::string_view text) {
  std::string cell;
  json::AppendQuoted(cell, text);
  return cell;
}

std::string IntegerCell(int64_t number) { return std::to_string(number); }

std::string Age(WallTime then, WallTime now) {
  if (then.time_since_epoch().count() == 0) return "<unknown>";
  int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(now - then).count();
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  auto two = [](int64_t big, const char* big_unit, int64_t small, const char* small_unit) {
    std::string text = std::to_string(big) + big_unit;
    if (small > 0) text += std::to_string(small) + small_unit;
    return text;
  };
  if (seconds < 60 * 2) return std::to_string(seconds) + "s";
  int64_t minutes = seconds / 60;
  if (minutes < 10) return two(minutes, "m", seconds % 60, "s");
  if (minutes < 60 * 3) return std::to_string(minutes) + "m";
  int64_t hours = minutes / 60;
  if (hours < 8) return two(hours, "h", minutes % 60, "m");
  if (hours < 48) return std::to_string(hours) + "h";
  int64_t days = hours / 24;
  if (days < 8) return two(days, "d", hours % 24, "h");
  if (days < 365 * 2) return std::to_string(days) + "d";
  int64_t years = days / 365;
  if (years < 8) return two(years, "y", days % 365, "d");
  return std::to_string(years) + "y";
}

namespace {

class PlainPrinter : public TablePrinter {
 public:
  std::span<const TableColumn> Columns() const override {
    static constexpr std::array<TableColumn, 2> kColumns = {
        TableColumn{.name = "Name",
                    .format = "name",
                    .description = "Name of the object, unique within its namespace and kind."},
        TableColumn{.name = "Age", .description = "Time since the object was created."}};
    return kColumns;
  }
  TableRow Row(const Message& object, WallTime now) const override {
    const auto& metadata = api::MetaOf(object);
    WallTime created = api::ToWallClock(metadata.creationtimestamp());
    return {.cells = {StringCell(metadata.name()), StringCell(Age(created, now))}};
  }
};

}  // namespace

const TablePrinter& DefaultTablePrinter() {
  static const PlainPrinter printer;
  return printer;
}

}  // namespace wherry::apiserver::registry
