#include "apiserver/registry/certificates/csr_strategy.h"

#include "apiserver/registry/certificates/csr_validation.h"
#include "apiserver/registry/core/event_facts.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "lib/api/time.h"
#include "lib/api/validation.h"
#include "proto/api/certificates/v1.pb.h"

#include <array>

// Source: pkg/registry/certificates/certificates/strategy.go.
namespace wherry::apiserver::registry::certificates {

namespace {

constexpr std::array<TableColumn, 6> kColumns = {
    kNameColumn,
    kAgeColumn,
    TableColumn{.name = "SignerName", .description = "Who is asked to sign."},
    TableColumn{.name = "Requestor", .description = "Who asks."},
    TableColumn{.name = "RequestedDuration", .description = "For how long."},
    TableColumn{.name = "Condition", .description = "What became of it."}};

bool Has(const CertificateSigningRequest& request, std::string_view type) {
  for (const auto& condition : request.status().conditions()) {
    if (condition.type() == type) return true;
  }
  return false;
}

std::string ConditionText(const CertificateSigningRequest& request) {
  std::string text = "Pending";
  if (Has(request, "Denied")) {
    text = "Denied";
  } else if (Has(request, "Approved")) {
    text = "Approved";
  }
  if (Has(request, "Failed")) text += ",Failed";
  if (!request.status().certificate().empty()) text += ",Issued";
  return text;
}

TableRow CsrRow(const CertificateSigningRequest& request, WallTime now) {
  const auto& spec = request.spec();
  std::string duration = "<none>";
  if (spec.has_expirationseconds()) {
    duration = Age(now - std::chrono::seconds(spec.expirationseconds()), now);
  }
  return {.cells = {NameCell(request.metadata()), AgeCell(request.metadata(), now),
                    CellOr(spec.signername(), "<none>"), StringCell(spec.username()),
                    StringCell(duration), StringCell(ConditionText(request))}};
}

// Times that the client left out: a condition that stays as it was keeps its transition.
void FillConditionTimes(CertificateSigningRequest& request, const CertificateSigningRequest& old,
                        WallTime now) {
  for (auto& condition : *request.mutable_status()->mutable_conditions()) {
    if (IsZero(condition.lastupdatetime())) api::SetTime(condition.mutable_lastupdatetime(), now);
    if (!IsZero(condition.lasttransitiontime())) continue;
    api::SetTime(condition.mutable_lasttransitiontime(), now);
    for (const auto& before : old.status().conditions()) {
      if (before.type() == condition.type() && before.status() == condition.status() &&
          !IsZero(before.lasttransitiontime())) {
        *condition.mutable_lasttransitiontime() = before.lasttransitiontime();
        break;
      }
    }
  }
}

// Decisions are made through .../approval only.
void KeepDecision(CertificateSigningRequest& request, const CertificateSigningRequest& old,
                  std::string_view type) {
  std::vector<const api::certificates::v1::CertificateSigningRequestCondition*> before;
  for (const auto& condition : old.status().conditions()) {
    if (condition.type() == type) before.push_back(&condition);
  }
  auto& conditions = *request.mutable_status()->mutable_conditions();
  size_t count = 0;
  for (const auto& condition : conditions) count += condition.type() == type ? 1 : 0;
  if (count != before.size()) return;
  size_t next = 0;
  for (auto& condition : conditions) {
    if (condition.type() == type) condition = *before[next++];
  }
}

class CsrStatusStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context& context, Message& object,
                        const Message& old) const override {
    auto& request = Typed<CertificateSigningRequest>(object);
    const auto& before = Typed<CertificateSigningRequest>(old);
    *request.mutable_spec() = before.spec();
    KeepDecision(request, before, "Approved");
    KeepDecision(request, before, "Denied");
    FillConditionTimes(request, before, context.now);
  }
  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    return ValidateCsrUpdate(Typed<CertificateSigningRequest>(object),
                             Typed<CertificateSigningRequest>(old), {.may_set_certificate = true});
  }
};

class ApprovalStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context& context, Message& object,
                        const Message& old) const override {
    auto& request = Typed<CertificateSigningRequest>(object);
    const auto& before = Typed<CertificateSigningRequest>(old);
    FillConditionTimes(request, before, context.now);
    *request.mutable_spec() = before.spec();
    request.mutable_status()->set_certificate(before.status().certificate());
  }
  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    return ValidateCsrUpdate(Typed<CertificateSigningRequest>(object),
                             Typed<CertificateSigningRequest>(old), {.may_approve = true});
  }
};

class CsrStrategy : public KindStrategy<CertificateSigningRequest> {
 public:
  // Who asks is what the server knows, not what the request says.
  void PrepareForCreate(const Context& context, Message& object) const override {
    auto& request = Typed<CertificateSigningRequest>(object);
    request.mutable_status()->Clear();
    auto& spec = *request.mutable_spec();
    spec.clear_username();
    spec.clear_uid();
    spec.clear_groups();
    spec.clear_extra();
    if (context.user == nullptr) return;
    spec.set_username(context.user->name);
    if (!context.user->uid.empty()) spec.set_uid(context.user->uid);
    for (const auto& group : context.user->groups) spec.add_groups(group);
    for (const auto& [key, values] : context.user->extra) {
      auto& extra = (*spec.mutable_extra())[key];
      for (const auto& value : values) extra.add_items(value);
    }
  }

  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    auto& request = Typed<CertificateSigningRequest>(object);
    *request.mutable_spec() = Typed<CertificateSigningRequest>(old).spec();
    *request.mutable_status() = Typed<CertificateSigningRequest>(old).status();
  }

  ErrorList Validate(const Context&, const Message& object) const override {
    return ValidateCsr(Typed<CertificateSigningRequest>(object));
  }
  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    return ValidateCsrUpdate(Typed<CertificateSigningRequest>(object),
                             Typed<CertificateSigningRequest>(old), {});
  }

  std::vector<std::string> ValidateName(std::string_view name, bool) const override {
    return api::IsValidPathSegmentName(name);
  }

  const UpdateStrategy* StatusStrategy() const override { return &status_; }
  const UpdateStrategy* SubresourceStrategy(std::string_view subresource) const override {
    return subresource == kSubresources[0] ? &approval_ : nullptr;
  }
  std::span<const std::string_view> SubresourceNames() const override { return kSubresources; }

  std::vector<storage::SelectableField> SelectableFields() const override {
    return {{"spec.signerName", ""}};
  }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<CertificateSigningRequest> kPrinter(kColumns, CsrRow);
    return kPrinter;
  }

 private:
  static constexpr std::array<std::string_view, 1> kSubresources = {"approval"};
  CsrStatusStrategy status_;
  ApprovalStrategy approval_;
};

}  // namespace

std::unique_ptr<Strategy> MakeCertificateSigningRequestStrategy() {
  return std::make_unique<CsrStrategy>();
}

}  // namespace wherry::apiserver::registry::certificates
