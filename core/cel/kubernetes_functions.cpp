// The functions of Kubernetes' own libraries, v1.36: lists, regular expressions, URLs, quantities, addresses, versions,
// formats, and questions to the authorizer.
#include "core/cel/functions.hpp"

namespace gantry::cel {

const std::string_view kKubernetesFunctions = R"(
indexOf|lastIndexOf list(A).(A) int
isSorted list(int).() bool
isSorted list(uint).() bool
isSorted list(double).() bool
isSorted list(bool).() bool
isSorted list(duration).() bool
isSorted list(timestamp).() bool
isSorted list(string).() bool
isSorted list(bytes).() bool
max|min|sum list(int).() int
max|min|sum list(uint).() uint
max|min|sum list(double).() double
max|min|sum list(duration).() duration
max|min list(bool).() bool
max|min list(timestamp).() timestamp
max|min list(string).() string
max|min list(bytes).() bytes
find string.(string) string
findAll string.(string) list(string)
findAll string.(string, int) list(string)
url (string) kubernetes.URL
isURL (string) bool
getScheme|getHost|getHostname|getPort|getEscapedPath kubernetes.URL.() string
getQuery kubernetes.URL.() map(string, list(string))
quantity (string) kubernetes.Quantity
isQuantity (string) bool
sign|asInteger kubernetes.Quantity.() int
isInteger kubernetes.Quantity.() bool
asApproximateFloat kubernetes.Quantity.() double
isGreaterThan|isLessThan kubernetes.Quantity.(kubernetes.Quantity) bool
compareTo kubernetes.Quantity.(kubernetes.Quantity) int
add|sub kubernetes.Quantity.(kubernetes.Quantity) kubernetes.Quantity
add|sub kubernetes.Quantity.(int) kubernetes.Quantity
ip (string) net.IP
isIP (string) bool
ip.isCanonical (string) bool
family net.IP.() int
isUnspecified|isLoopback|isLinkLocalMulticast|isLinkLocalUnicast|isGlobalUnicast net.IP.() bool
string (net.IP) string
cidr (string) net.CIDR
isCIDR (string) bool
containsIP net.CIDR.(string) bool
containsIP net.CIDR.(net.IP) bool
containsCIDR net.CIDR.(string) bool
containsCIDR net.CIDR.(net.CIDR) bool
ip net.CIDR.() net.IP
masked net.CIDR.() net.CIDR
prefixLength net.CIDR.() int
string (net.CIDR) string
semver (string) kubernetes.Semver
semver (string, bool) kubernetes.Semver
isSemver (string) bool
isSemver (string, bool) bool
major|minor|patch kubernetes.Semver.() int
compareTo kubernetes.Semver.(kubernetes.Semver) int
isGreaterThan|isLessThan kubernetes.Semver.(kubernetes.Semver) bool
format.named (string) optional(kubernetes.NamedFormat)
format.dns1123Label|format.dns1123Subdomain|format.dns1035Label () kubernetes.NamedFormat
format.dns1123LabelPrefix|format.dns1123SubdomainPrefix|format.dns1035LabelPrefix () kubernetes.NamedFormat
format.qualifiedName|format.labelValue|format.uri|format.uuid () kubernetes.NamedFormat
format.byte|format.date|format.datetime () kubernetes.NamedFormat
validate kubernetes.NamedFormat.(string) optional(list(string))
path kubernetes.authorization.Authorizer.(string) kubernetes.authorization.PathCheck
group kubernetes.authorization.Authorizer.(string) kubernetes.authorization.GroupCheck
serviceAccount kubernetes.authorization.Authorizer.(string, string) kubernetes.authorization.Authorizer
resource kubernetes.authorization.GroupCheck.(string) kubernetes.authorization.ResourceCheck
subresource|namespace|name kubernetes.authorization.ResourceCheck.(string) kubernetes.authorization.ResourceCheck
fieldSelector|labelSelector kubernetes.authorization.ResourceCheck.(string) kubernetes.authorization.ResourceCheck
check kubernetes.authorization.PathCheck.(string) kubernetes.authorization.Decision
check kubernetes.authorization.ResourceCheck.(string) kubernetes.authorization.Decision
allowed|errored kubernetes.authorization.Decision.() bool
reason|error kubernetes.authorization.Decision.() string
)";

const std::string_view kPatchFunctions = R"(
jsonpatch.escapeKey (string) string
)";

}  // namespace gantry::cel
