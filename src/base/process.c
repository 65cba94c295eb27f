#include "base/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* proc(5): the fields after the name, which stands in brackets and may hold anything. */
static void read_stat(struct process_facts *out)
{
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    if (!file) return;
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    const char *after_name = strrchr(text, ')');
    long long threads = 0;
    unsigned long long virtual_bytes = 0;
    long long pages = 0;
    /* state, 16 fields, num_threads (20), itrealvalue, starttime, vsize (23), rss (24) */
    if (after_name &&
        sscanf(after_name + 1,
               " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld %*s %*s "
               "%llu %lld",
               &threads, &virtual_bytes, &pages) == 3) {
        out->threads = threads;
        out->virtual_bytes = (int64_t)virtual_bytes;
        out->resident_bytes = pages * sysconf(_SC_PAGESIZE);
    }
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
