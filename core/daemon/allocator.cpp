// How the daemon's memory is divided. With jemalloc (docs/decisions/allocator.md) the constant below is its
// configuration; with glibc's malloc, where jemalloc is not linked, nothing reads it. Read before main, on the first
// thread.

// Two arenas: an arena a thread costs more memory than the contention it saves here. Freed pages go back soon, by a
// thread of the allocator's own: without it they would stay until somebody allocates again, which an idle daemon
// doesn't. No huge pages: where the system gives them to everybody, its own thread fills what was given back.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf =
    "narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0,thp:never,background_thread:true,max_background_threads:1";
}
