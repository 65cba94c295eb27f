/*
 * Stands in for libFuzzer: gives every file of a corpus to the target once and reports each as one
 * TAP test. The committed corpora are regression tests in every build by this, with any compiler.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* The whole file in a block of exactly its size, so that a sanitizer sees a read past its end. */
static uint8_t *read_all(const char *path, size_t *out_size)
{
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;

    uint8_t *data = NULL;
    long size = -1;
    if (fseek(file, 0, SEEK_END) == 0) size = ftell(file);
    if (size >= 0) data = malloc(size > 0 ? (size_t)size : 1);
    if (data) {
        rewind(file);
        *out_size = fread(data, 1, (size_t)size, file);
    }
    fclose(file);
    return data;
}

static int replay(const char *folder, const char *name)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    size_t size = 0;
    uint8_t *data = read_all(path, &size);
    if (!data) return -1;

    /* Printed first: after a crash the last line names the input. */
    printf("# %s, %zu bytes\n", name, size);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
        return 2;
    }
    struct dirent **entries = NULL;
    int n = scandir(argv[1], &entries, is_input, alphasort);
    if (n <= 0) {
        printf("1..1\nnot ok 1 - the corpus %s has inputs\n", argv[1]);
        return 1;
    }

    int n_failed = 0;
    printf("1..%d\n", n);
    for (int i = 0; i < n; i++) {
        int failed = replay(argv[1], entries[i]->d_name) != 0;
        printf("%s %d - %s\n", failed ? "not ok" : "ok", i + 1, entries[i]->d_name);
        n_failed += failed;
        free(entries[i]);
    }
    free(entries);
    return n_failed > 0;
}
