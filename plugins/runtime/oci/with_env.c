/* with-env: runs a container's command with variables whose values are no text. The OCI runtime's configuration is
 * JSON, so it can't carry them; they come in a file of NAME=VALUE, each with a NUL behind it.
 *
 *   with-env FILE COMMAND [ARGUMENT]...
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char* what) {
  fprintf(stderr, "exec: \"%s\": %s\n", what, strerror(errno));
  return errno == ENOENT ? 127 : 126;
}

/* They live as long as this process. */
static int take_variables(const char* file) {
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) < 0) return -1;
  size_t size = (size_t)info.st_size, have = 0;
  char* text = malloc(size + 1);
  if (text == NULL) return -1;
  while (have < size) {
    ssize_t n = read(fd, text + have, size - have);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return -1;
    have += (size_t)n;
  }
  close(fd);
  text[size] = 0;
  for (char* line = text; line < text + size; line += strlen(line) + 1) {
    if (putenv(line) != 0) return -1;
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 3) return 125;
  if (take_variables(argv[1]) < 0) return fail(argv[1]);
  execvp(argv[2], argv + 2);
  return fail(argv[2]);
}
