#include "base/process.h"

#include "base/str.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The n-th word, counted from 1; 0 when it is no number. */
static int64_t number_at(const char *text, int n)
{
    text += strspn(text, " ");
    for (; n > 1; n--) {
        text += strcspn(text, " ");
        text += strspn(text, " ");
    }
    int64_t value = 0;
    return text_is_i64(text, strcspn(text, " \n"), &value) ? value : 0;
}

/* proc(5): the fields after the name, which stands in brackets and may hold anything. */
static void read_stat(struct process_facts *out)
{
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    if (!file) return;
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    const char *name_end = strrchr(text, ')');
    if (!name_end) return;
    /* the first word behind it is field 3 */
    out->threads = number_at(name_end + 1, 20 - 2);
    out->virtual_bytes = number_at(name_end + 1, 23 - 2);
    out->resident_bytes = number_at(name_end + 1, 24 - 2) * sysconf(_SC_PAGESIZE);
}

static int64_t count_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) return 0;
    int64_t n = 0;
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n - 1; /* without the one that looks */
}

void process_facts_read(struct process_facts *out)
{
    *out = (struct process_facts){.open_fds = count_fds()};
    read_stat(out);
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        out->cpu_us = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) +
                      usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) out->max_fds = (int64_t)limit.rlim_cur;
}
