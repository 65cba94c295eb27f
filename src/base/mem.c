#include "base/mem.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static _Noreturn void out_of_memory(size_t count, size_t size)
{
    fprintf(stderr, "briefd: out of memory (%zu x %zu bytes), giving up\n", count, size);
    abort();
}

void *xcalloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory) out_of_memory(count, size);
    return memory;
}

void *xmalloc(size_t size)
{
    return xcalloc(1, size);
}

void *xrealloc(void *old, size_t size)
{
    void *memory = realloc(old, size ? size : 1);
    if (!memory) out_of_memory(1, size);
    return memory;
}

char *xstrdup(const char *text)
{
    return text ? xstrndup(text, strlen(text)) : NULL;
}

char *xstrndup(const char *text, size_t len)
{
    if (!text) return NULL;
    len = strnlen(text, len);
    char *copy = xrealloc(NULL, len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

void xfree(void *memory)
{
    free(memory);
}

void xfree_ptr(void *pointer_to_pointer)
{
    void *memory;
    /* Copied byte by byte because the variable may be a pointer to any type. */
    memcpy(&memory, pointer_to_pointer, sizeof memory);
    free(memory);
}

void mem_wipe(void *memory, size_t len)
{
    if (len > 0) explicit_bzero(memory, len);
}

void xfree_secret(char *secret)
{
    if (!secret) return;
    mem_wipe(secret, strlen(secret));
    free(secret);
}

void xfree_secret_ptr(char **secret)
{
    xfree_secret(*secret);
}

void mem_give_back(void *memory, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t before = (page - (uintptr_t)memory % page) % page;
    if (len < before + page) return;
    size_t whole = (len - before) / page * page;
    /* A wish: what the kernel does not take stays. */
    (void)madvise((char *)memory + before, whole, MADV_DONTNEED);
}

void mem_tune(void)
{
    /* glibc raises its threshold by itself after the first large free; a fixed one keeps megabyte
     * replies in their own mappings, which go back to the system when they are freed. */
    mallopt(M_MMAP_THRESHOLD, (int)(128 * KIB));
}

static int give_back_constants(struct dl_phdr_info *object, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || part->p_flags != PF_R) continue;
        /* Never written, or the loader would have mapped it writable: nothing can be lost. */
        uintptr_t begin = object->dlpi_addr + part->p_vaddr;
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): the loader tells addresses as numbers */
        mem_give_back((void *)begin, part->p_memsz);
    }
    return 0;
}

void mem_settle(void)
{
    malloc_trim(0);
    dl_iterate_phdr(give_back_constants, NULL);
}
