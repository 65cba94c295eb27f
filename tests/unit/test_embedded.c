/* The tables that src/embed.py makes: what base/embedded.h promises of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"

struct table {
    const struct embedded_file *files;
    size_t count;
};

static void each_table(void (*check)(struct table table))
{
    check((struct table){embedded_migrations, embedded_migrations_count});
    check((struct table){embedded_config, embedded_config_count});
    check((struct table){embedded_static, embedded_static_count});
    check((struct table){embedded_openapi, embedded_openapi_count});
}

static void check_order(struct table table)
{
    for (size_t i = 1; i < table.count; i++)
        assert_true(strcmp(table.files[i - 1].path, table.files[i].path) < 0);
}

static void files_are_sorted_by_path_and_unique(void **state)
{
    (void)state;
    each_table(check_order);
}

static void check_end(struct table table)
{
    assert_null(table.files[table.count].path);
    for (size_t i = 0; i < table.count; i++) {
        assert_non_null(table.files[i].path);
        assert_int_equal(table.files[i].data[table.files[i].len], 0);
    }
}

static void a_row_without_path_closes_each_table_and_a_nul_each_file(void **state)
{
    (void)state;
    each_table(check_end);
}

static void migrations_are_numbered_without_a_gap(void **state)
{
    (void)state;
    assert_true(embedded_migrations_count > 0);
    for (size_t i = 0; i < embedded_migrations_count; i++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "%04u_", (unsigned)i + 1);
        assert_memory_equal(embedded_migrations[i].path, prefix, strlen(prefix));
    }
}

/* The bytes in the binary are those of the file beside it. */
static void a_migration_is_embedded_byte_by_byte(void **state)
{
    (void)state;
    const char *root = getenv("BRIEFD_ROOT");
    assert_non_null(root);
    char path[2048];
    snprintf(path, sizeof path, "%s/migrations/%s", root, embedded_migrations[0].path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);

    const unsigned char *expected = embedded_migrations[0].data;
    size_t n = 0;
    for (int byte = fgetc(file); byte != EOF; byte = fgetc(file))
        assert_int_equal(byte, expected[n++]);
    fclose(file);
    assert_int_equal(n, embedded_migrations[0].len);
}

static bool has_config(const char *path)
{
    for (size_t i = 0; i < embedded_config_count; i++)
        if (strcmp(embedded_config[i].path, path) == 0) return true;
    return false;
}

static void the_default_configuration_is_complete(void **state)
{
    (void)state;
    assert_true(has_config("connectors.json"));
    assert_true(has_config("models.json"));
    size_t n_recipes = 0;
    for (size_t i = 0; i < embedded_config_count; i++) {
        const char *end = strstr(embedded_config[i].path, "/recipe.json");
        if (!end) continue;
        char prompt[512];
        snprintf(prompt, sizeof prompt, "%.*s/prompt.md", (int)(end - embedded_config[i].path),
                 embedded_config[i].path);
        assert_true(has_config(prompt));
        n_recipes++;
    }
    assert_true(n_recipes > 0);
}

static void what_is_not_configuration_stays_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < embedded_config_count; i++) {
        assert_null(strstr(embedded_config[i].path, ".env"));
        assert_null(strchr(embedded_config[i].path, '~'));
        assert_true(embedded_config[i].path[0] != '.');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_sorted_by_path_and_unique),
        cmocka_unit_test(a_row_without_path_closes_each_table_and_a_nul_each_file),
        cmocka_unit_test(migrations_are_numbered_without_a_gap),
        cmocka_unit_test(a_migration_is_embedded_byte_by_byte),
        cmocka_unit_test(the_default_configuration_is_complete),
        cmocka_unit_test(what_is_not_configuration_stays_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
