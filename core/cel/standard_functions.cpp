// The functions of CEL's language definition and of its extensions that Kubernetes v1.36 takes: optional values,
// strings, sets, folds of two variables.
#include "core/cel/functions.hpp"

namespace gantry::cel {

const std::string_view kStandardFunctions = R"(
_?_:_ (bool, A, A) A
_&&_ (bool, bool) bool
_||_ (bool, bool) bool
!_ (bool) bool
@not_strictly_false (bool) bool
_==_|_!=_ (A, A) bool
@in (A, list(A)) bool
@in (A, map(A, B)) bool
_<_|_<=_|_>=_|_>_ (bool, bool) bool
_<_|_<=_|_>=_|_>_ (int, int) bool
_<_|_<=_|_>=_|_>_ (int, double) bool
_<_|_<=_|_>=_|_>_ (int, uint) bool
_<_|_<=_|_>=_|_>_ (uint, uint) bool
_<_|_<=_|_>=_|_>_ (uint, double) bool
_<_|_<=_|_>=_|_>_ (uint, int) bool
_<_|_<=_|_>=_|_>_ (double, double) bool
_<_|_<=_|_>=_|_>_ (double, int) bool
_<_|_<=_|_>=_|_>_ (double, uint) bool
_<_|_<=_|_>=_|_>_ (string, string) bool
_<_|_<=_|_>=_|_>_ (bytes, bytes) bool
_<_|_<=_|_>=_|_>_ (timestamp, timestamp) bool
_<_|_<=_|_>=_|_>_ (duration, duration) bool
_+_|_-_|_*_|_/_ (double, double) double
_+_|_-_|_*_|_/_|_%_ (int, int) int
_+_|_-_|_*_|_/_|_%_ (uint, uint) uint
_+_ (bytes, bytes) bytes
_+_ (string, string) string
_+_ (list(A), list(A)) list(A)
_+_|_-_ (duration, duration) duration
_+_ (duration, timestamp) timestamp
_+_|_-_ (timestamp, duration) timestamp
_-_ (timestamp, timestamp) duration
-_ (double) double
-_ (int) int
_[_] (list(A), int) A
_[_] (map(A, B), A) B
size (bytes) int
size (list(A)) int
size (map(A, B)) int
size (string) int
size bytes.() int
size list(A).() int
size map(A, B).() int
size string.() int
type (A) type(A)
dyn (A) dyn
bool (bool) bool
bool (string) bool
bytes (bytes) bytes
bytes (string) bytes
double (double) double
double (int) double
double (string) double
double (uint) double
duration (duration) duration
duration (int) duration
duration (string) duration
int (int) int
int (double) int
int (duration) int
int (string) int
int (timestamp) int
int (uint) int
string (string) string
string (bool) string
string (bytes) string
string (double) string
string (duration) string
string (int) string
string (timestamp) string
string (uint) string
timestamp (timestamp) timestamp
timestamp (int) timestamp
timestamp (string) timestamp
uint (uint) uint
uint (double) uint
uint (int) uint
uint (string) uint
matches (string, string) bool
contains|endsWith|matches|startsWith string.(string) bool
getDate|getDayOfMonth|getDayOfWeek|getDayOfYear|getFullYear|getMonth timestamp.() int
getDate|getDayOfMonth|getDayOfWeek|getDayOfYear|getFullYear|getMonth timestamp.(string) int
getHours|getMilliseconds|getMinutes|getSeconds timestamp.() int
getHours|getMilliseconds|getMinutes|getSeconds timestamp.(string) int
getHours|getMilliseconds|getMinutes|getSeconds duration.() int
)";

const std::string_view kExtensionFunctions = R"(
optional.of|optional.ofNonZeroValue (A) optional(A)
optional.none () optional(A)
optional.unwrap (list(optional(A))) list(A)
unwrapOpt list(optional(A)).() list(A)
value optional(A).() A
hasValue optional(A).() bool
or optional(A).(optional(A)) optional(A)
orValue optional(A).(A) A
first|last list(A).() optional(A)
_[_] (optional(list(A)), int) optional(A)
_[_] (optional(map(A, B)), A) optional(B)
_[?_] (list(A), int) optional(A)
_[?_] (optional(list(A)), int) optional(A)
_[?_] (map(A, B), A) optional(B)
_[?_] (optional(map(A, B)), A) optional(B)
cel.@mapInsert (map(A, B), A, B) map(A, B)
cel.@mapInsert (map(A, B), map(A, B)) map(A, B)
charAt string.(int) string
format string.(list(dyn)) string
indexOf|lastIndexOf string.(string) int
indexOf|lastIndexOf string.(string, int) int
join list(string).() string
join list(string).(string) string
lowerAscii|upperAscii|trim string.() string
replace string.(string, string) string
replace string.(string, string, int) string
split string.(string) list(string)
split string.(string, int) list(string)
substring string.(int) string
substring string.(int, int) string
strings.quote (string) string
sets.contains|sets.equivalent|sets.intersects (list(A), list(A)) bool
)";

}  // namespace gantry::cel
