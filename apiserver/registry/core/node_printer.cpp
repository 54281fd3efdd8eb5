#include "apiserver/registry/core/node_printer.h"

#include "apiserver/registry/core/printing.h"
#include "proto/api/core/v1.pb.h"

#include <array>
#include <set>
#include <string>

namespace wherry::apiserver::registry {

using api::core::v1::Node;

namespace {

constexpr std::array<TableColumn, 10> kColumns = {
    kNameColumn,
    TableColumn{.name = "Status", .description = "Whether the node is ready for pods."},
    TableColumn{.name = "Roles", .description = "The roles its labels give it."},
    kAgeColumn,
    TableColumn{.name = "Version", .description = "The version of its node agent."},
    TableColumn{.name = "Internal-IP", .description = "Its address in the cluster.", .priority = 1},
    TableColumn{
        .name = "External-IP", .description = "Its address outside the cluster.", .priority = 1},
    TableColumn{.name = "OS-Image", .description = "Its operating system.", .priority = 1},
    TableColumn{.name = "Kernel-Version", .description = "Its kernel.", .priority = 1},
    TableColumn{
        .name = "Container-Runtime", .description = "What runs its containers.", .priority = 1}};

constexpr std::string_view kRolePrefix = "node-role.kubernetes.io/";
constexpr std::string_view kRoleLabel = "kubernetes.io/role";

std::string Status(const Node& node) {
  std::string status = "Unknown";
  for (const auto& condition : node.status().conditions()) {
    if (condition.type() != "Ready") continue;
    status = condition.status() == "True" ? "Ready" : "NotReady";
  }
  if (node.spec().unschedulable()) status += ",SchedulingDisabled";
  return status;
}

std::string Roles(const Node& node) {
  std::set<std::string_view> roles;
  for (const auto& [key, value] : node.metadata().labels()) {
    std::string_view name = key;
    if (name.starts_with(kRolePrefix)) {
      if (name.size() > kRolePrefix.size()) roles.insert(name.substr(kRolePrefix.size()));
    } else if (name == kRoleLabel && !value.empty()) {
      roles.insert(value);
    }
  }
  std::string text;
  for (std::string_view role : roles) {
    if (!text.empty()) text += ',';
    text += role;
  }
  return text;
}

std::string_view Address(const Node& node, std::string_view type) {
  for (const auto& address : node.status().addresses()) {
    if (address.type() == type) return address.address();
  }
  return "<none>";
}

TableRow NodeRow(const Node& node, WallTime now) {
  const auto& info = node.status().nodeinfo();
  return {.cells = {NameCell(node.metadata()), StringCell(Status(node)),
                    CellOr(Roles(node), "<none>"), AgeCell(node.metadata(), now),
                    StringCell(info.kubeletversion()), StringCell(Address(node, "InternalIP")),
                    StringCell(Address(node, "ExternalIP")), CellOr(info.osimage(), "<unknown>"),
                    CellOr(info.kernelversion(), "<unknown>"),
                    CellOr(info.containerruntimeversion(), "<unknown>")}};
}

}  // namespace

const TablePrinter& NodePrinter() {
  static constexpr RowPrinter<Node> kPrinter(kColumns, NodeRow);
  return kPrinter;
}

}  // namespace wherry::apiserver::registry
