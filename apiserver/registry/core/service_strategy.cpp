#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/core/service_fields.h"
#include "apiserver/registry/core/service_validation.h"
#include "apiserver/registry/core/strategies.h"
#include "apiserver/registry/service_allocator.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

#include <array>
#include <set>

// Source: pkg/registry/core/service.
namespace wherry::apiserver::registry::core {

using api::core::v1::Service;

namespace {

constexpr std::array<TableColumn, 7> kColumns = {
    kNameColumn,
    TableColumn{.name = "Type", .description = "How the service is reached."},
    TableColumn{.name = "Cluster-IP", .description = "Its address in the cluster."},
    TableColumn{.name = "External-IP", .description = "Its addresses outside the cluster."},
    TableColumn{.name = "Port(s)", .description = "Its ports, with their node ports."},
    kAgeColumn,
    TableColumn{.name = "Selector", .description = "The pods it stands for.", .priority = 1}};

void AppendTo(std::string& list, std::string_view item) {
  if (!list.empty()) list += ',';
  list += item;
}

std::string ExternalIPs(const Service& service) {
  const auto& spec = service.spec();
  if (spec.type() == "ExternalName") return spec.externalname();
  std::string list;
  if (spec.type() == "LoadBalancer") {
    std::set<std::string_view> ingresses;
    for (const auto& ingress : service.status().loadbalancer().ingress()) {
      std::string_view shown = ingress.ip().empty() ? ingress.hostname() : ingress.ip();
      if (!shown.empty()) ingresses.insert(shown);
    }
    for (std::string_view ingress : ingresses) AppendTo(list, ingress);
  }
  for (const auto& ip : spec.externalips()) AppendTo(list, ip);
  if (!list.empty()) return list;
  return spec.type() == "LoadBalancer" ? "<pending>" : "<none>";
}

std::string Ports(const Service& service) {
  std::string list;
  for (const auto& port : service.spec().ports()) {
    AppendTo(list, std::to_string(port.port()));
    if (port.nodeport() > 0) list += ":" + std::to_string(port.nodeport());
    list += "/" + port.protocol();
  }
  return list;
}

TableRow ServiceRow(const Service& service, WallTime now) {
  const auto& spec = service.spec();
  std::string_view cluster_ip = spec.clusterips_size() > 0 ? spec.clusterips(0) : spec.clusterip();
  return {.cells = {NameCell(service.metadata()), StringCell(spec.type()),
                    CellOr(cluster_ip, "<none>"), StringCell(ExternalIPs(service)),
                    CellOr(Ports(service), "<none>"), AgeCell(service.metadata(), now),
                    StringCell(FormatLabels(spec.selector()))}};
}

class ServiceStatusStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    *Typed<Service>(object).mutable_spec() = Typed<Service>(old).spec();
  }
  ErrorList ValidateUpdate(const Context&, const Message& object, const Message&) const override {
    return ValidateServiceStatus(Typed<Service>(object));
  }
};

class ServiceStrategy : public KindStrategy<Service> {
 public:
  void Default(Message& object) const override { DefaultService(Typed<Service>(object)); }

  Result<std::unique_ptr<Reservation>> Begin(const Context& context, Message& object,
                                             const Message* old) const override {
    Service& service = Typed<Service>(object);
    if (old == nullptr) {
      AlignClusterIPs(service);
    } else {
      AlignWithOld(service, Typed<Service>(*old));
    }
    if (context.services == nullptr) return std::unique_ptr<Reservation>();
    return context.services->Reserve(object, old, context.dry_run);
  }
  std::unique_ptr<Reservation> BeginDelete(const Context& context,
                                           const Message& object) const override {
    return context.services == nullptr ? nullptr : context.services->Release(object);
  }

  void PrepareForCreate(const Context&, Message& object) const override {
    Typed<Service>(object).mutable_status()->Clear();
  }

  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    Service& service = Typed<Service>(object);
    *service.mutable_status() = Typed<Service>(old).status();
    if (service.spec().type() != "LoadBalancer") service.mutable_status()->clear_loadbalancer();
  }

  ErrorList Validate(const Context&, const Message& object) const override {
    return ValidateService(Typed<Service>(object));
  }
  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    return ValidateServiceUpdate(Typed<Service>(object), Typed<Service>(old));
  }

  std::vector<std::string> ValidateName(std::string_view name, bool prefix) const override {
    return api::NameIsDNS1035Label(name, prefix);
  }

  bool AllowCreateOnUpdate() const override { return true; }
  bool ReturnDeletedObject() const override { return true; }

  const UpdateStrategy* StatusStrategy() const override { return &status_; }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<Service> kPrinter(kColumns, ServiceRow);
    return kPrinter;
  }

 private:
  ServiceStatusStrategy status_;
};

}  // namespace

std::unique_ptr<Strategy> MakeServiceStrategy() { return std::make_unique<ServiceStrategy>(); }

}  // namespace wherry::apiserver::registry::core
