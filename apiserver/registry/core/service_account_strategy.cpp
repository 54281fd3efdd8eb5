#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/core/strategies.h"
#include "proto/api/core/v1.pb.h"

#include <array>

// Source: pkg/registry/core/serviceaccount.
namespace wherry::apiserver::registry::core {

using api::core::v1::ServiceAccount;

namespace {

constexpr std::array<TableColumn, 3> kColumns = {
    kNameColumn, TableColumn{.name = "Secrets", .description = "How many secrets it names."},
    kAgeColumn};

TableRow ServiceAccountRow(const ServiceAccount& account, WallTime now) {
  return {.cells = {NameCell(account.metadata()), IntegerCell(account.secrets_size()),
                    AgeCell(account.metadata(), now)}};
}

class ServiceAccountStrategy : public KindStrategy<ServiceAccount> {
 public:
  bool ReturnDeletedObject() const override { return true; }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<ServiceAccount> kPrinter(kColumns, ServiceAccountRow);
    return kPrinter;
  }
};

}  // namespace

std::unique_ptr<Strategy> MakeServiceAccountStrategy() {
  return std::make_unique<ServiceAccountStrategy>();
}

}  // namespace wherry::apiserver::registry::core
